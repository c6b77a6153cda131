//! Changes as they were logged before there were versions.

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::{ChangeKind, Origin};
use crate::schema::WatchId;

#[derive(Serialize, Deserialize)]
struct Change {
    kind: ChangeKind,
    space: Space,
    bucket: String,
    watch: WatchId,
    key: String,
    size: u64,
    etag: String,
    at: Timestamp,
    origin: Origin,
}

#[derive(Serialize, Deserialize)]
enum Happened {
    Changed(Box<Change>),
    Unwatched(WatchId),
}

impl Record for Happened {
    const VERSION: u8 = 2;
}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::Happened> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    Ok(match Happened::decode(&stored)? {
        Happened::Unwatched(watch) => super::Happened::Unwatched(watch),
        Happened::Changed(old) => super::Happened::Changed(Box::new(super::Change {
            kind: old.kind,
            space: old.space,
            bucket: old.bucket,
            watch: old.watch,
            key: old.key,
            version: None,
            size: old.size,
            etag: old.etag,
            at: old.at,
            origin: old.origin,
            sequencer: String::new(),
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_logged_before_versions_reads() {
        let change = Change {
            kind: ChangeKind::Untagged,
            space: Space::new("s"),
            bucket: "b".into(),
            watch: WatchId([1; 16]),
            key: "k".into(),
            size: 5,
            etag: "e".into(),
            at: Timestamp::from_secs(1),
            origin: Origin::default(),
        };
        let stored = Happened::Changed(Box::new(change)).encode();
        let super::super::Happened::Changed(read) = Record::decode(&stored).unwrap() else {
            panic!("it is a change");
        };
        assert_eq!((read.kind, read.key.as_str()), (ChangeKind::Untagged, "k"));
        assert_eq!((read.size, read.version), (5, None));
        let stored = Happened::Unwatched(WatchId([2; 16])).encode();
        let read = super::super::Happened::decode(&stored).unwrap();
        assert_eq!(read, super::super::Happened::Unwatched(WatchId([2; 16])));
    }
}
