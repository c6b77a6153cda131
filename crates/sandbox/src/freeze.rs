//! Holding a process and all that it started, and letting them go on: what an instance is between calls.
//!
//! Control groups of the second version have a switch for it. Those of the first have one too, but whoever is held by it
//! cannot be killed, so a server's end would leave its instances behind: there, and where there are no groups, everything
//! inside is stopped by signals. Nothing can refuse these, and what is stopped can still be killed.

use std::fs;
use std::path::PathBuf;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal};

/// While some are stopped, others may start more. Whoever starts processes faster than this stops them goes on.
const ROUNDS: usize = 16;

/// A hold on everything inside. Clear words go with it: what is held does nothing, but lives, and can be killed.
#[derive(Debug)]
pub struct Freezer {
    means: Means,
    /// Those that were stopped one by one.
    stopped: Mutex<Vec<Pid>>,
}

#[derive(Debug)]
pub(crate) enum Means {
    /// This file is the switch.
    Switch(PathBuf),
    /// Everybody whom this file lists.
    Members(PathBuf),
    /// A process and its descendants.
    Tree(Pid),
}

impl Freezer {
    pub(crate) fn new(means: Means) -> Self {
        Self {
            means,
            stopped: Mutex::default(),
        }
    }

    pub fn freeze(&self) {
        match &self.means {
            Means::Switch(file) => switch(file, "1"),
            means => stop(means, &mut self.stopped.lock()),
        }
    }

    pub fn thaw(&self) {
        if let Means::Switch(file) = &self.means {
            switch(file, "0");
        }
        // The ones started last first: nobody sees a child of theirs that is stopped.
        for pid in self.stopped.lock().drain(..).rev() {
            // It may have been killed.
            let _ = rustix::process::kill_process(pid, Signal::CONT);
        }
    }
}

fn switch(file: &PathBuf, to: &str) {
    if let Err(cause) = fs::write(file, to)
        // The group goes when its last process has gone.
        && cause.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(file = %file.display(), %cause, "a group of processes was not held or let go");
    }
}

fn stop(means: &Means, stopped: &mut Vec<Pid>) {
    for _ in 0..ROUNDS {
        let found = means.found();
        let new: Vec<Pid> = found
            .iter()
            .filter(|pid| !stopped.contains(pid))
            .copied()
            .collect();
        // A number may have been given to somebody else just when we used it.
        let (ours, others): (Vec<Pid>, Vec<Pid>) =
            stopped.drain(..).partition(|pid| found.contains(pid));
        *stopped = ours;
        for pid in others {
            let _ = rustix::process::kill_process(pid, Signal::CONT);
        }
        if new.is_empty() {
            return;
        }
        for pid in new {
            if rustix::process::kill_process(pid, Signal::STOP).is_ok() {
                stopped.push(pid);
            }
        }
    }
}

impl Means {
    fn found(&self) -> Vec<Pid> {
        match self {
            Self::Switch(_) => Vec::new(),
            Self::Members(list) => numbers(&fs::read_to_string(list).unwrap_or_default()),
            Self::Tree(pid) => {
                let mut all = vec![*pid];
                all.extend(descendants(*pid));
                all
            }
        }
    }
}

fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        let children = children(parent);
        parents.extend(&children);
        found.extend(children);
    }
    found
}

/// A process' threads each have their own.
fn children(of: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", of.as_raw_nonzero()));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(text: &str) -> Vec<Pid> {
    let words = text.split_whitespace();
    words
        .filter_map(|word| Pid::from_raw(word.parse().ok()?))
        .collect()
}
