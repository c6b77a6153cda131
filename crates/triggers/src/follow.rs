//! Following the objects' change log.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;
use std::time::Duration;

use base::Space;
use functions::{Event, Job, ObjectEvent, ObjectEventKind};
use objects::{Change, ChangeKind, Happened, Logged, WatchId};
use store::{Position, Record, View};
use tokio_util::sync::CancellationToken;

use crate::schema::{
    BucketBindings, Cursor, EventKind, OBJECTS_CURSOR, ObjectBinding, SetAside, WATCHES, set_aside,
    watch_key,
};
use crate::target::{Destination, Message, Target};
use crate::{Dialect, Error, Result, Triggers};

/// Changes that are dealt with in one transaction.
const BATCH: usize = 128;
/// How long to wait after a failure before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// What follows from some entries of the log.
#[derive(Default)]
struct Todo {
    jobs: Vec<Job>,
    messages: Vec<(Destination, Message)>,
    /// For the default buses of the spaces.
    events: Vec<(Space, buses::Event)>,
    ended: Vec<WatchId>,
    unreadable: Vec<SetAside>,
}

impl Triggers {
    /// Turns changes into invocations until `stop`. One of these runs for each store.
    pub async fn follow_objects(&self, dialect: Arc<dyn Dialect>, stop: CancellationToken) {
        loop {
            let step = async {
                if let Err(error) = self.step(dialect.as_ref()).await {
                    tracing::error!(%error, "changes of objects could not be followed; trying again");
                    self.clock.host().sleep(PAUSE).await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Waits for changes and deals with some of them.
    pub async fn step(&self, dialect: &dyn Dialect) -> Result<()> {
        let log = self.objects.log();
        let cursor = self.cursor(&self.store.read()?)?;
        self.store.appended(&log, cursor).await?;
        let view = self.store.read()?;
        let entries = self.objects.changes(&view, cursor, BATCH)?;
        let Some(last) = entries.last().map(|entry| entry.position) else {
            return Ok(());
        };
        let todo = self.todo(dialect, &view, &entries)?;
        // Losing this in a crash loses the cursor's move with it: the changes are still in the log.
        self.store
            .write_buffered(|tx| {
                if self.cursor(tx)? != cursor {
                    // Somebody else has dealt with them.
                    return Ok(());
                }
                for job in &todo.jobs {
                    self.functions.enqueue(tx, job)?;
                }
                for (to, message) in &todo.messages {
                    if let Err(refusal) = self.send(tx, to, message)? {
                        tracing::warn!(%refusal, ?to, "a place was not told of a change of an object");
                    }
                }
                for (space, event) in &todo.events {
                    self.buses.put(tx, space, buses::DEFAULT, event)?;
                }
                for watch in &todo.ended {
                    WATCHES.delete(tx, watch_key(*watch));
                }
                for entry in &todo.unreadable {
                    set_aside().append(tx, entry.encode());
                }
                OBJECTS_CURSOR.put(tx, OBJECTS_CURSOR.key(), &Cursor(last));
                // Nobody else reads them.
                log.forget(tx, entries.iter().map(|entry| entry.position));
                Ok(())
            })
            .await
    }

    fn cursor(&self, from: &impl store::Read) -> Result<Position> {
        let stored = OBJECTS_CURSOR.get(from, &OBJECTS_CURSOR.key())?;
        Ok(stored.map_or(Position::START, |cursor| cursor.0))
    }

    /// An entry that cannot be read, or whose bindings cannot, is set aside. It was acknowledged, so its bytes are kept;
    /// but it will not read in a second either, and everything after it was acknowledged too and would wait for ever.
    fn todo(&self, dialect: &dyn Dialect, view: &View, entries: &[Logged]) -> Result<Todo> {
        let mut todo = Todo::default();
        let mut known = HashMap::new();
        for entry in entries {
            match self.deal_with(dialect, view, entry, &mut known, &mut todo) {
                Err(Error::Store(store::Error::Damaged(cause))) => {
                    let position = entry.position;
                    tracing::error!(%position, cause, "a change of an object does not read, and no function will hear of it; it is kept aside");
                    let body = entry.body.clone();
                    todo.unreadable.push(SetAside { position, body });
                }
                dealt_with => dealt_with?,
            }
        }
        Ok(todo)
    }

    fn deal_with(
        &self,
        dialect: &dyn Dialect,
        view: &View,
        entry: &Logged,
        known: &mut HashMap<WatchId, BucketBindings>,
        todo: &mut Todo,
    ) -> Result<()> {
        let change = match entry.happened.as_ref().map_err(Clone::clone)? {
            Happened::Changed(change) => change,
            Happened::Unwatched(watch) => {
                todo.ended.push(*watch);
                return Ok(());
            }
        };
        let bindings = match known.entry(change.watch) {
            hash_map::Entry::Occupied(known) => known.into_mut(),
            hash_map::Entry::Vacant(unknown) => {
                let stored = WATCHES.get(view, &watch_key(change.watch))?;
                unknown.insert(stored.unwrap_or_default())
            }
        };
        let kind = kind(change.kind);
        if bindings.on_bus
            && let Some(mut event) = dialect.object_event(change)
        {
            event.id = self.buses.new_id();
            todo.events.push((change.space.clone(), event));
        }
        let matching = bindings
            .bindings
            .iter()
            .filter(|binding| binding.matches(&change.key, kind));
        for binding in matching {
            match &binding.target {
                Destination::Function(target) => {
                    todo.jobs.push(self.job(target, binding, change));
                }
                other => {
                    let message = self.wording.object_changed(&event(binding, change));
                    todo.messages.push((other.clone(), message));
                }
            }
        }
        Ok(())
    }

    fn job(&self, target: &Target, binding: &ObjectBinding, change: &Change) -> Job {
        Job {
            request_id: self.functions.new_request_id(),
            space: target.space.clone(),
            function: target.function.clone(),
            qualifier: target.qualifier.clone(),
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
        ChangeKind::Tagged => EventKind::Tagged,
        ChangeKind::Untagged => EventKind::Untagged,
        ChangeKind::Marked => EventKind::RemovedByMarker,
        ChangeKind::Expired => EventKind::Expired,
        ChangeKind::ExpiryMarked => EventKind::ExpiredByMarker,
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
            ChangeKind::Tagged => ObjectEventKind::Tagged,
            ChangeKind::Untagged => ObjectEventKind::Untagged,
            ChangeKind::Marked => ObjectEventKind::RemovedByMarker,
            ChangeKind::Expired => ObjectEventKind::Expired,
            ChangeKind::ExpiryMarked => ObjectEventKind::ExpiredByMarker,
        },
        space: change.space.clone(),
        bucket: change.bucket.clone(),
        key: change.key.clone(),
        version: change.version.map(|version| version.to_string()),
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
