//! Jobs as they were stored before what happened to objects said of which version it was.

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::Record;

use crate::event::{Event, HttpRequest, ObjectEvent, ObjectEventKind};

#[derive(Serialize, Deserialize)]
struct JobRecord {
    job: Job,
    enqueued: Timestamp,
}

impl Record for JobRecord {}

#[derive(Serialize, Deserialize)]
struct Job {
    request_id: String,
    space: Space,
    function: String,
    qualifier: Option<String>,
    event: OldEvent,
    trigger: String,
    client_context: Option<String>,
    trace: Option<String>,
}

#[derive(Serialize, Deserialize)]
enum OldEvent {
    Raw(Bytes),
    Objects(Vec<OldObjectEvent>),
    Http(Box<HttpRequest>),
}

#[derive(Serialize, Deserialize)]
struct OldObjectEvent {
    kind: ObjectEventKind,
    space: Space,
    bucket: String,
    key: String,
    size: u64,
    etag: String,
    sequencer: String,
    at: Timestamp,
    request_id: String,
    principal: String,
    source_ip: Option<String>,
    binding: String,
}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::JobRecord> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    let JobRecord { job, enqueued } = JobRecord::decode(&stored)?;
    Ok(super::JobRecord {
        job: super::Job {
            request_id: job.request_id,
            space: job.space,
            function: job.function,
            qualifier: job.qualifier,
            event: event(job.event),
            trigger: job.trigger,
            client_context: job.client_context,
            trace: job.trace,
        },
        enqueued,
    })
}

fn event(old: OldEvent) -> Event {
    match old {
        OldEvent::Raw(bytes) => Event::Raw(bytes),
        OldEvent::Objects(objects) => Event::Objects(objects.into_iter().map(object).collect()),
        OldEvent::Http(request) => Event::Http(request),
    }
}

fn object(old: OldObjectEvent) -> ObjectEvent {
    ObjectEvent {
        kind: old.kind,
        space: old.space,
        bucket: old.bucket,
        key: old.key,
        version: None,
        size: old.size,
        etag: old.etag,
        sequencer: old.sequencer,
        at: old.at,
        request_id: old.request_id,
        principal: old.principal,
        source_ip: old.source_ip,
        binding: old.binding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_was_stored_before_versions_reads() {
        let old = OldObjectEvent {
            kind: ObjectEventKind::Untagged,
            space: Space::new("s"),
            bucket: "b".into(),
            key: "k".into(),
            size: 5,
            etag: "e".into(),
            sequencer: "1".into(),
            at: Timestamp::from_secs(1),
            request_id: "r".into(),
            principal: "p".into(),
            source_ip: None,
            binding: "i".into(),
        };
        let job = Job {
            request_id: "r".into(),
            space: Space::new("s"),
            function: "f".into(),
            qualifier: None,
            event: OldEvent::Objects(vec![old]),
            trigger: "object".into(),
            client_context: None,
            trace: None,
        };
        let enqueued = Timestamp::from_secs(2);
        let stored = JobRecord { job, enqueued }.encode();
        let read = super::super::JobRecord::decode(&stored).unwrap();
        let Event::Objects(objects) = read.job.event else {
            panic!("it is of objects");
        };
        assert_eq!((read.enqueued, objects.len()), (enqueued, 1));
        assert_eq!((objects[0].key.as_str(), objects[0].size), ("k", 5));
        assert_eq!(objects[0].binding, "i");
    }
}
