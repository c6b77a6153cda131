use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::Durability;
use crate::backend::Reads;

/// A store whose syncs are done when the test says so, and end as it says.
struct World {
    dir: PathBuf,
    store: Option<Embedded>,
    /// Each sync that was begun.
    begun: Receiver<()>,
    ends: Sender<io::Result<()>>,
}

fn open(dir: &Path) -> (Embedded, Receiver<()>, Sender<io::Result<()>>) {
    let (begin, begun) = channel();
    let (ends, end) = channel();
    let sync = move || {
        begin.send(()).ok();
        end.recv().unwrap_or(Ok(()))
    };
    let store = Embedded::open_with(dir, Arc::default(), Arc::default(), Box::new(sync));
    (store.unwrap(), begun, ends)
}

impl World {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("store-{name}-{}", std::process::id()));
        let (store, begun, ends) = open(&dir);
        Self {
            dir,
            store: Some(store),
            begun,
            ends,
        }
    }

    /// Closes it, does that to its folder, and opens it again.
    fn reopen(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.close();
        meanwhile(&self.dir);
        let (store, begun, ends) = open(&self.dir);
        (self.store, self.begun, self.ends) = (Some(store), begun, ends);
    }

    fn close(&mut self) {
        // Whatever still wants to be synced is let through.
        (self.ends, _) = channel();
        self.store = None;
    }

    fn store(&self) -> &Embedded {
        self.store.as_ref().unwrap()
    }

    fn put(&self, key: &str, durability: Durability) -> tokio::task::JoinHandle<Result<()>> {
        let write = (key.as_bytes().to_vec(), Some(Bytes::new()));
        tokio::spawn(self.store().commit(Commit {
            read_version: 0,
            reads: Reads::default(),
            writes: BTreeMap::from([write]),
            appends: vec![],
            stamped: vec![],
            timers: vec![],
            added: vec![],
            durability,
        }))
    }

    fn is_there(&self, key: &str) -> bool {
        let snapshot = self.store().snapshot().unwrap();
        snapshot.get(key.as_bytes()).unwrap().is_some()
    }

    fn let_sync(&self, outcome: io::Result<()>) {
        self.begun.recv().unwrap();
        self.ends.send(outcome).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.close();
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_neither_seen_nor_answered_before_it_is_synced() {
    let world = World::new("unsynced");
    let first = world.put("first", Durability::Synced);
    world.begun.recv().unwrap();
    let second = world.put("second", Durability::Synced);
    let buffered = world.put("buffered", Durability::Buffered);
    assert!(!world.is_there("first"));
    assert!(!first.is_finished());
    world.ends.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    assert!(world.is_there("first"));
    assert!(!world.is_there("second"));
    world.begun.recv().unwrap();
    assert!(!world.is_there("second") && !second.is_finished());
    assert!(
        !world.is_there("buffered") || world.is_there("second"),
        "nothing is seen before what was committed earlier"
    );
    world.ends.send(Ok(())).unwrap();
    second.await.unwrap().unwrap();
    buffered.await.unwrap().unwrap();
    assert!(world.is_there("second") && world.is_there("buffered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_during_a_sync_shares_the_next_one() {
    let world = World::new("shared");
    let first = world.put("first", Durability::Synced);
    world.begun.recv().unwrap();
    let rest: Vec<_> = (0..100)
        .map(|n| world.put(&format!("key {n}"), Durability::Synced))
        .collect();
    for _ in 0..=rest.len() {
        world.ends.send(Ok(())).unwrap();
    }
    first.await.unwrap().unwrap();
    for written in rest {
        written.await.unwrap().unwrap();
    }
    let syncs = world.begun.try_iter().count();
    assert!(syncs <= 3, "{syncs} syncs for a hundred commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_of_it_is_seen_and_nothing_more_is_taken() {
    let world = World::new("failed");
    let first = world.put("first", Durability::Synced);
    world.let_sync(Ok(()));
    first.await.unwrap().unwrap();
    let second = world.put("second", Durability::Synced);
    world.begun.recv().unwrap();
    let during = world.put("during", Durability::Buffered);
    world.ends.send(Err(io::Error::other("no room"))).unwrap();
    let failed = |outcome| matches!(outcome, Err(Error::Failed(_)));
    assert!(failed(second.await.unwrap()));
    assert!(failed(during.await.unwrap()));
    assert!(failed(
        world.put("third", Durability::Synced).await.unwrap()
    ));
    assert!(failed(
        world.put("fourth", Durability::Buffered).await.unwrap()
    ));
    assert!(world.store().failure().is_some());
    for key in ["second", "during", "third", "fourth"] {
        assert!(!world.is_there(key), "{key}");
    }
    assert!(world.is_there("first"));
    assert!(world.begun.try_recv().is_err(), "no sync was tried again");
}

/// What `journal.rs` relies on: the tree seals a file of its journal before it begins the next, and writes to the newest.
#[test]
fn the_tree_writes_to_the_newest_file_of_its_journal() {
    const MIB: usize = 1 << 20;
    let dir = std::env::temp_dir().join(format!("store-seal-{}", std::process::id()));
    let tree = Tree::open(&dir).unwrap().unwrap();
    let write = |last: Version, value: &[u8]| {
        let mut batch = tree.batch(1);
        batch.insert(&tree.keys, b"key".as_slice(), value);
        tree.write(batch, last).unwrap();
    };
    let newest = || journal::newest(&dir).unwrap();
    let first = newest();
    // What could be compressed would be.
    let (random, mut value) = (base::Random::system(), vec![0; MIB]);
    value.chunks_mut(64).for_each(|part| random.fill(part));
    for last in 1..=65 {
        write(last, &value);
    }
    tree.keys.rotate_memtable_and_wait().unwrap();
    assert!(newest() > first, "a full one was sealed");
    write(66, b"a needle");
    let file = std::fs::read(dir.join(journal::name(newest()))).unwrap();
    assert!(file.windows(8).any(|bytes| bytes == b"a needle"));
    drop(tree);
    std::fs::remove_dir_all(dir).ok();
}

/// What a power cut leaves where a page of an unsynced batch was not written before it.
fn tear(dir: &Path, key: &str) {
    let path = dir.join(TREE);
    let path = path.join(journal::name(journal::newest(&path).unwrap()));
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(key.len())
        .position(|part| part == key.as_bytes());
    bytes[at.unwrap()] = 0;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_what_was_never_synced_is_cut_off_with_what_follows() {
    let mut world = World::new("hole");
    let first = world.put("first", Durability::Synced);
    world.let_sync(Ok(()));
    first.await.unwrap().unwrap();
    for key in ["second", "third"] {
        world.put(key, Durability::Buffered).await.unwrap().unwrap();
    }
    world.reopen(|dir| tear(dir, "second"));
    assert!(world.is_there("first"));
    assert!(!world.is_there("second") && !world.is_there("third"));
    let kept = std::fs::read_dir(&world.dir).unwrap();
    let mut kept = kept.filter_map(|entry| std::fs::read(entry.unwrap().path()).ok());
    let third = |bytes: Vec<u8>| bytes.windows(5).any(|part| part == b"third");
    assert!(kept.any(third), "what was cut off is kept");
    // It is an ordinary journal again.
    let fourth = world.put("fourth", Durability::Synced);
    world.let_sync(Ok(()));
    fourth.await.unwrap().unwrap();
    world.reopen(|_| ());
    assert!(world.is_there("first") && world.is_there("fourth") && !world.is_there("third"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_what_was_acknowledged_is_refused() {
    let mut world = World::new("loss");
    for key in ["first", "second"] {
        let put = world.put(key, Durability::Synced);
        world.let_sync(Ok(()));
        put.await.unwrap().unwrap();
    }
    world.close();
    tear(&world.dir, "second");
    let opened = Embedded::open(&world.dir, Arc::default(), Arc::default());
    assert!(matches!(opened.err(), Some(Error::Damaged(_))));
}
