//! Random operations, held against a naive model of what versions there are.

use store::{Key, Keyspace, Read};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Set(bool),
    Put(u8, u8),
    Copy(u8, u8),
    Delete(u8),
    /// The version at this place of all that there ever were, modulo their number.
    Remove(u8, usize),
    RemoveNull(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u8..3;
    proptest::collection::vec(
        prop_oneof![
            1 => any::<bool>().prop_map(Step::Set),
            4 => (key.clone(), any::<u8>()).prop_map(|(key, body)| Step::Put(key, body)),
            1 => (key.clone(), key.clone()).prop_map(|(from, to)| Step::Copy(from, to)),
            2 => key.clone().prop_map(Step::Delete),
            3 => (key.clone(), any::<usize>()).prop_map(|(key, at)| Step::Remove(key, at)),
            1 => key.prop_map(Step::RemoveNull),
        ],
        0..40,
    )
}

/// A key and one of its versions, whether it is the newest and an object; or a common prefix.
type Told = (String, Option<(VersionId, bool, bool)>);

/// A marker has no body.
type Versions = Vec<(VersionId, Option<Vec<u8>>)>;

/// Of each key all versions, the oldest first.
#[derive(Default)]
struct Model {
    versioning: Versioning,
    keys: BTreeMap<String, Versions>,
    ever: Vec<VersionId>,
    /// How many large bodies were stored, and how many of them are gone.
    stored: usize,
    reaped: usize,
}

impl Model {
    fn of(&mut self, key: &str) -> &mut Versions {
        self.keys.entry(key.to_owned()).or_default()
    }

    fn current(&self, key: &str) -> Option<Vec<u8>> {
        self.keys.get(key)?.last()?.1.clone()
    }

    fn add(&mut self, key: &str, version: VersionId, body: Option<Vec<u8>>) {
        self.ever.push(version);
        let versions = self.of(key);
        if version == VersionId::Null {
            versions.retain(|(id, _)| *id != VersionId::Null);
        }
        versions.push((version, body));
    }

    fn remove(&mut self, key: &str, version: VersionId) {
        self.of(key).retain(|(id, _)| *id != version);
    }

    /// As a listing says it, folding what is behind a slash if it is to.
    fn told(&self, fold: bool) -> Vec<Told> {
        let of = |(key, versions): (&String, &Versions)| {
            let folded = key.split_once('/').filter(|_| fold && !versions.is_empty());
            if let Some((prefix, _)) = folded {
                return vec![(format!("{prefix}/"), None)];
            }
            let versions = versions.iter().rev().enumerate();
            let told = versions.map(|(at, (id, body))| {
                let version = (*id, at == 0, body.is_some());
                (key.clone(), Some(version))
            });
            told.collect()
        };
        self.keys.iter().flat_map(of).collect()
    }

    /// One for each body: copies share theirs.
    fn large_bodies(&self) -> usize {
        let bodies = self
            .keys
            .values()
            .flatten()
            .filter_map(|(_, body)| body.as_ref());
        let large: BTreeSet<_> = bodies.filter(|body| body.len() > 1).collect();
        large.len()
    }

    /// No two large ones are the same.
    fn body(&mut self, byte: u8) -> Vec<u8> {
        if !byte.is_multiple_of(2) {
            return vec![byte];
        }
        self.stored += 1;
        let number = self.stored.to_be_bytes();
        [large(byte), number.to_vec()].concat()
    }
}

fn name(key: u8) -> String {
    ["a", "a\u{0}", "b/c"][usize::from(key)].to_owned()
}

async fn step(world: &World, model: &mut Model, step: Step) {
    let shown = |id: Option<VersionId>| id.unwrap_or(VersionId::Null);
    match step {
        Step::Set(enabled) => {
            model.versioning = if enabled {
                Versioning::Enabled
            } else {
                Versioning::Suspended
            };
            world.set(model.versioning).await;
        }
        Step::Put(key, byte) => {
            let body = model.body(byte);
            let object = world.put(&name(key), &body).await;
            model.add(&name(key), shown(object.version()), Some(body));
        }
        Step::Copy(from, to) => {
            let (from, to) = (name(from), name(to));
            let Ok(source) = world.objects.head("photos", &from, None) else {
                assert_eq!(model.current(&from), None);
                return;
            };
            let copied = world.objects.copy(copy_of(&source, &from, &to)).await;
            let version = shown(copied.unwrap().version());
            let body = model.current(&from);
            model.add(&to, version, body);
        }
        Step::Delete(key) => {
            let marker = world.remove(&name(key), None).await;
            match marker {
                Some(marker) => model.add(&name(key), marker, None),
                None => model.remove(&name(key), VersionId::Null),
            }
        }
        Step::Remove(key, at) if !model.ever.is_empty() => {
            let version = model.ever[at % model.ever.len()];
            world.remove(&name(key), Some(version)).await;
            model.remove(&name(key), version);
        }
        Step::Remove(..) => {}
        Step::RemoveNull(key) => {
            world.remove(&name(key), Some(VersionId::Null)).await;
            model.remove(&name(key), VersionId::Null);
        }
    }
}

fn pages(world: &World, limit: usize, fold: bool) -> Vec<Told> {
    let mut list = ListVersions {
        delimiter: fold.then(|| "/".to_owned()),
        limit,
        ..ListVersions::default()
    };
    let mut told = Vec::new();
    loop {
        let page = world.objects.list_versions("photos", &list).unwrap();
        assert!(page.entries.len() + page.prefixes.len() <= limit);
        let entries = page.entries.into_iter().map(|entry| {
            let is_object = matches!(entry.kind, VersionKind::Object(_));
            (entry.key, Some((entry.version, entry.latest, is_object)))
        });
        let prefixes = page.prefixes.into_iter().map(|prefix| (prefix, None));
        let mut names: Vec<Told> = entries.chain(prefixes).collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        told.extend(names);
        match page.next {
            Some(next) => list.after = Some(next),
            None => return told,
        }
    }
}

async fn run(steps: Vec<Step>, limit: usize) {
    let world = World::with_bucket().await;
    let mut model = Model::default();
    for each in steps {
        step(&world, &mut model, each).await;
        model.reaped += world.reap().await;
        assert_eq!(model.stored - model.reaped, model.large_bodies());
    }
    for fold in [false, true] {
        assert_eq!(pages(&world, limit, fold), model.told(fold));
    }
    let list = List {
        limit: 10,
        ..List::default()
    };
    let listed = world.objects.list("photos", &list).unwrap().entries;
    let current = model.keys.keys().filter(|key| model.current(key).is_some());
    assert!(listed.iter().map(|entry| &entry.key).eq(current));
    for (key, versions) in &model.keys {
        for (version, body) in versions {
            let found = world.body_of(key, Some(*version)).await;
            assert_eq!(found.ok(), *body, "{key} {version:?}");
        }
        assert_eq!(world.body_of(key, None).await.ok(), model.current(key));
    }
    empty(&world).await;
}

/// Nothing is left of anything once every version is removed.
async fn empty(world: &World) {
    for entry in world.all_versions() {
        world.remove(&entry.key, Some(entry.version)).await;
    }
    world.reap().await;
    world.objects.delete_bucket("photos").await.unwrap();
    let view = world.store.read().unwrap();
    for (keyspace, tables) in [(Keyspace::Objects, 0..10), (Keyspace::Blob, 0..2)] {
        for table in tables {
            let all = Key::new(keyspace, table).range();
            assert_eq!(view.scan(&all, 1).unwrap(), [], "{table}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_what_the_model_says(steps in steps(), limit in 1_usize..6) {
        tokio::runtime::Runtime::new().unwrap().block_on(run(steps, limit));
    }
}
