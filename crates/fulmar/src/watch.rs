//! Watching the folders of an application.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Clock, ErrorKind, SystemClock, Timestamp};
use deploy::{Desired, Template};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::failure::{Failure, Result};

/// Editors write a file in several steps, and programs several files: what happens within this time is one change.
const QUIET: Duration = Duration::from_millis(50);
/// Changes by the thousand, and none of them edited by hand.
const SKIPPED: [&str; 3] = ["node_modules", ".git", ".fulmar"];
/// Beyond this many folders the kernel's limit on watches comes near.
const MOST_FOLDERS: usize = 4_096;

pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    events: mpsc::UnboundedReceiver<Vec<PathBuf>>,
    /// What has changed and was not handed out yet.
    pending: BTreeSet<PathBuf>,
    /// When the last of it came. Whoever gives the wait up and begins anew does not wait from the beginning.
    last: Timestamp,
}

impl Watch {
    pub(crate) fn start() -> Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            match event {
                // Reading is no change, and there is much of it while functions start.
                Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
                Ok(event) => {
                    // Nobody listens any more at the end.
                    let _ = sender.send(event.paths);
                }
                Err(cause) => tracing::warn!(%cause, "a change may have been missed"),
            }
        });
        let watcher = watcher.map_err(|cause| {
            Failure::new(
                ErrorKind::Unavailable,
                format!("cannot watch the code: {cause}"),
            )
            .hint("raise the limits in /proc/sys/fs/inotify, or use `serve` and `deploy`")
        })?;
        Ok(Self {
            watcher,
            watched: BTreeSet::new(),
            events,
            pending: BTreeSet::new(),
            last: Timestamp::default(),
        })
    }

    /// Watches what has come up since: new folders, and those of a changed template.
    pub(crate) fn look_again(&mut self, template: &Template, desired: &Desired) {
        let mut folders: Vec<PathBuf> = deploy::watched(template, desired).into_iter().collect();
        let deep = desired.code_folders();
        while let Some(folder) = folders.pop() {
            if deep.iter().any(|code| folder.starts_with(code)) {
                folders.extend(below(&folder));
            }
            self.look_at(folder);
        }
        self.watched.retain(|folder| folder.is_dir());
    }

    /// Watches one more folder, not those in it.
    pub(crate) fn look_at(&mut self, folder: PathBuf) {
        if self.watched.len() >= MOST_FOLDERS || self.watched.contains(&folder) {
            return;
        }
        match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(folder);
            }
            Err(cause) => {
                tracing::warn!(%cause, folder = %folder.display(), "changes in a folder go unnoticed");
            }
        }
    }

    /// The paths of the next change, each once. Nothing is lost when the wait is given up.
    pub(crate) async fn changed(&mut self) -> Vec<PathBuf> {
        if self.pending.is_empty() {
            match self.events.recv().await {
                Some(paths) => self.add(paths),
                None => std::future::pending().await,
            }
        }
        loop {
            tokio::select! {
                more = self.events.recv() => self.add(more.into_iter().flatten()),
                () = SystemClock.sleep_until(self.last + QUIET) => {
                    return std::mem::take(&mut self.pending).into_iter().collect();
                }
            }
        }
    }

    fn add(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.pending.extend(paths);
        self.last = SystemClock.now();
    }
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .filter(|entry| {
            !SKIPPED
                .iter()
                .any(|skipped| entry.file_name() == OsStr::new(skipped))
                && !runtimes::is_data_folder(&entry.path())
        })
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/app/index.js";

    fn watching() -> (mpsc::UnboundedSender<Vec<PathBuf>>, Watch) {
        let (sender, events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(|_: notify::Result<notify::Event>| {}).unwrap();
        let watch = Watch {
            watcher,
            watched: BTreeSet::new(),
            events,
            pending: BTreeSet::new(),
            last: Timestamp::default(),
        };
        (sender, watch)
    }

    #[tokio::test]
    async fn a_change_that_somebody_stopped_waiting_for_comes_again() {
        let (sender, mut watch) = watching();
        sender.send(vec![PATH.into()]).unwrap();
        {
            // Begins to wait for more, and is given up.
            let mut first = Box::pin(watch.changed());
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(first.as_mut().poll(context).is_pending())
            });
            assert!(polled.await);
        }
        assert_eq!(watch.changed().await, [PathBuf::from(PATH)]);
    }

    #[tokio::test]
    async fn who_is_called_away_again_and_again_does_not_begin_again() {
        let (_sender, mut watch) = watching();
        watch.add([PATH.into()]);
        // It was quiet long enough meanwhile.
        watch.last = Timestamp::default();
        tokio::select! {
            biased;
            changed = watch.changed() => assert_eq!(changed, [PathBuf::from(PATH)]),
            () = SystemClock.sleep(QUIET / 2) => panic!("it waits from the beginning"),
        }
    }
}
