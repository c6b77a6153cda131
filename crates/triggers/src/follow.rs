//! Following the objects' change log.

use std::collections::HashMap;
use std::time::Duration;

use functions::{Event, Job, ObjectEvent, ObjectEventKind};
use objects::{Change, ChangeKind};
use store::{Position, View};
use tokio_util::sync::CancellationToken;

use crate::schema::{BUCKETS, Cursor, EventKind, OBJECTS_CURSOR, ObjectBinding};
use crate::{Result, Triggers};

/// Changes that are dealt with in one transaction.
const BATCH: usize = 128;
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

impl Triggers {
    /// Turns changes into invocations until `stop`. One of these runs for each store.
    pub async fn follow_objects(&self, stop: CancellationToken) {
        loop {
            let step = async {
                if let Err(error) = self.step().await {
                    tracing::error!(%error, "changes of objects could not be followed; trying again");
                    self.clock.sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Waits for changes and deals with some of them.
    pub async fn step(&self) -> Result<()> {
        let log = self.objects.log();
        let cursor = self.cursor(&self.store.read()?)?;
        self.store.appended(&log, cursor).await?;
        let view = self.store.read()?;
        let changes = self.objects.changes(&view, cursor, BATCH)?;
        let Some((last, _)) = changes.last() else {
            return Ok(());
        };
        let jobs = self.jobs(&view, &changes)?;
        // Losing this in a crash loses the cursor's move with it: the changes are still in the log.
        self.store
            .write_buffered(|tx| {
                if self.cursor(tx)? != cursor {
                    // Somebody else has dealt with them.
                    return Ok(());
                }
                for job in &jobs {
                    self.functions.enqueue(tx, job)?;
                }
                OBJECTS_CURSOR.put(tx, OBJECTS_CURSOR.key(), &Cursor(*last));
                // Nobody else reads them.
                log.forget(tx, changes.iter().map(|(position, _)| *position));
                Ok(())
            })
            .await
    }

    fn cursor(&self, from: &impl store::Read) -> Result<Position> {
        let stored = OBJECTS_CURSOR.get(from, &OBJECTS_CURSOR.key())?;
        Ok(stored.map_or(Position::START, |cursor| cursor.0))
    }

    fn jobs(&self, view: &View, changes: &[(Position, Change)]) -> Result<Vec<Job>> {
        let mut buckets: HashMap<&str, Vec<ObjectBinding>> = HashMap::new();
        let mut jobs = Vec::new();
        for (_, change) in changes {
            let bindings = match buckets.get(change.bucket.as_str()) {
                Some(bindings) => bindings,
                None => {
                    let stored = BUCKETS.get(view, &BUCKETS.key().str(&change.bucket))?;
                    buckets
                        .entry(&change.bucket)
                        .or_insert(stored.unwrap_or_default().bindings)
                }
            };
            let kind = kind(change.kind);
            let matching = bindings
                .iter()
                .filter(|binding| binding.matches(&change.key, kind));
            jobs.extend(matching.map(|binding| self.job(binding, change)));
        }
        Ok(jobs)
    }

    fn job(&self, binding: &ObjectBinding, change: &Change) -> Job {
        Job {
            request_id: self.functions.new_request_id(),
            space: binding.target.space.clone(),
            function: binding.target.function.clone(),
            qualifier: binding.target.qualifier.clone(),
            event: Event::Objects(vec![event(binding, change)]),
            trigger: "object".to_owned(),
            client_context: None,
            trace: None,
        }
    }
}

fn kind(kind: ChangeKind) -> EventKind {
    match kind {
        ChangeKind::Put => EventKind::CreatedByPut,
        ChangeKind::Post => EventKind::CreatedByPost,
        ChangeKind::Copied => EventKind::CreatedByCopy,
        ChangeKind::Completed => EventKind::CreatedByMultipart,
        ChangeKind::Deleted => EventKind::RemovedByDelete,
    }
}

fn event(binding: &ObjectBinding, change: &Change) -> ObjectEvent {
    ObjectEvent {
        kind: match change.kind {
            ChangeKind::Put => ObjectEventKind::CreatedByPut,
            ChangeKind::Post => ObjectEventKind::CreatedByPost,
            ChangeKind::Copied => ObjectEventKind::CreatedByCopy,
            ChangeKind::Completed => ObjectEventKind::CreatedByMultipart,
            ChangeKind::Deleted => ObjectEventKind::RemovedByDelete,
        },
        space: change.space.clone(),
        bucket: change.bucket.clone(),
        key: change.key.clone(),
        size: change.size,
        etag: change.etag.clone(),
        sequencer: change.sequencer.clone(),
        at: change.at,
        request_id: change.origin.request_id.clone(),
        principal: change.origin.principal.clone(),
        source_ip: change.origin.source_ip.map(|ip| ip.to_string()),
        binding: binding.id.clone(),
    }
}
