//! Saying to the engines what is wanted, in their words.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;

use base::{ByteSize, ErrorKind, Space};
use bytes::Bytes;
use functions::{AsyncSettings, Configuration, Create, Functions, Logging, NewCode};
use objects::{List, NewBucket, Objects};
use runtimes::Language;
use store::Store;
use tables::{Alteration, IndexAlteration, KeySchema, NewIndex, NewTable, Projected, Tables};
use triggers::{EventKind, HttpTarget, ObjectBinding, Stage, Target, Triggers};

use crate::Deployer;
use crate::desired::{
    Architecture, Bucket, Code, Cors, Function, Gateway, GatewayKind, KeyAttribute, KeyType, Kind,
    Notification, Payload, Projection, Route, Rule, Table, Throughput,
};
use crate::error::{Error, Result};
use crate::plan::Presence;
use crate::schema::Noun;

/// What resources are made in.
#[derive(Clone)]
pub struct Engines {
    pub store: Store,
    pub objects: Objects,
    pub tables: Tables,
    pub functions: Functions,
    pub triggers: Triggers,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engines")
    }
}

/// What an engine said to a step.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
}

/// Engines' errors are facts with a kind; here they only become part of a message.
macro_rules! failure_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { kind: error.kind(), text: error.to_string() }
            }
        }
    )*};
}
failure_from!(
    objects::Error,
    tables::Error,
    functions::Error,
    triggers::Error
);

/// How long callers of each kind of gateway wait at most; a function with a URL ends by its own time-out.
const LONGEST_REST_WAIT: Duration = Duration::from_secs(29);
const LONGEST_HTTP_WAIT: Duration = Duration::from_secs(30);
const LONGEST_URL_WAIT: Duration = Duration::from_secs(900);

/// The largest zip file that is read.
const MAX_PACKAGE: u64 = 256 << 20;

impl Deployer {
    /// Where everything of this account and region lives: see `face-aws`.
    fn space(&self) -> Space {
        Space::new(&format!("{}/{}", self.account, self.region))
    }

    pub(crate) fn presence(&self, noun: Noun, name: &str) -> Result<Presence> {
        self.look(noun, name).map_err(|failure| Error::Step {
            verb: "look for",
            noun: noun.as_str(),
            name: name.to_owned(),
            kind: failure.kind,
            cause: failure.text,
        })
    }

    fn look(&self, noun: Noun, name: &str) -> Result<Presence, Failure> {
        let present = match noun {
            Noun::Bucket => return self.look_for_bucket(name),
            Noun::Table => {
                let found = self.engines.tables.describe(&self.space(), name);
                is_there(found.map_err(Failure::from))?
            }
            Noun::Function => {
                let found = self.engines.functions.get(&self.space(), name);
                is_there(found.map_err(Failure::from))?
            }
            Noun::Gateway => self.engines.triggers.gateway(name)?.is_some(),
            Noun::Notification => !self.engines.triggers.bucket_bindings(name)?.is_empty(),
        };
        Ok(match present {
            true => Presence::Present,
            false => Presence::Missing,
        })
    }

    fn look_for_bucket(&self, name: &str) -> Result<Presence, Failure> {
        if !is_there(self.engines.objects.bucket(name).map_err(Failure::from))? {
            return Ok(Presence::Missing);
        }
        let one = List {
            limit: 1,
            ..List::default()
        };
        let listing = self.engines.objects.list(name, &one)?;
        Ok(match listing.entries.is_empty() {
            true => Presence::Present,
            false => Presence::Filled,
        })
    }

    pub(crate) async fn reload_function(&self, name: &str) -> Result<bool> {
        let reloaded = self.engines.functions.reload(&self.space(), name).await;
        match reloaded.map_err(Failure::from) {
            Ok(changed) => Ok(changed),
            Err(failure) if failure.kind == ErrorKind::Missing => Ok(false),
            Err(failure) => Err(Error::Step {
                verb: "reload",
                noun: Noun::Function.as_str(),
                name: name.to_owned(),
                kind: failure.kind,
                cause: failure.text,
            }),
        }
    }

    /// Makes the thing, or makes it what it should be. Does nothing and says false if it is to be a `fresh` one and there
    /// is one of its name.
    pub(crate) async fn put(&self, kind: &Kind, fresh: bool) -> Result<bool, Failure> {
        match kind {
            Kind::Bucket(bucket) => self.put_bucket(bucket, fresh).await,
            Kind::Table(table) => self.put_table(table, fresh).await,
            Kind::Function(function) => self.put_function(function, fresh).await,
            // It is a part of its bucket.
            Kind::Notification(notification) => self.put_notification(notification).await,
            // Its id is made from the stack's own suffix: nobody else has it.
            Kind::Gateway(gateway) => self.put_gateway(gateway).await,
        }
    }

    /// Says whether it is gone: a bucket that got an object meanwhile is not.
    pub(crate) async fn remove(&self, noun: Noun, name: &str) -> Result<bool, Failure> {
        let space = self.space();
        let removed = match noun {
            Noun::Bucket => {
                let removed = self.engines.objects.delete_bucket(name).await;
                if let Err(objects::Error::BucketNotEmpty(_)) = removed {
                    return Ok(false);
                }
                removed.map_err(Failure::from)
            }
            Noun::Table => {
                let removed = self.engines.tables.drop_table(&space, name).await;
                removed.map(drop).map_err(Failure::from)
            }
            Noun::Function => {
                let removed = self.engines.functions.delete(&space, name).await;
                removed.map_err(Failure::from)
            }
            Noun::Gateway => {
                let removed = self.engines.triggers.remove_gateway(name).await;
                removed.map_err(Failure::from)
            }
            Noun::Notification => {
                let unset = self.engines.triggers.set_bucket_bindings(name, Vec::new());
                unset.await.map_err(Failure::from)
            }
        };
        // Somebody else was faster; it is gone all the same.
        is_there(removed).map(|_| true)
    }

    async fn put_bucket(&self, bucket: &Bucket, fresh: bool) -> Result<bool, Failure> {
        let new = NewBucket {
            name: bucket.name.clone(),
            space: self.space(),
        };
        match self.engines.objects.create_bucket(new).await {
            Ok(_) => Ok(true),
            Err(objects::Error::BucketExists { .. }) => Ok(!fresh),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_table(&self, table: &Table, fresh: bool) -> Result<bool, Failure> {
        let (space, tables) = (self.space(), &self.engines.tables);
        let new = new_table(table);
        match tables.create(&space, new.clone()).await {
            Ok(_) => {}
            Err(tables::Error::TableExists(_)) if fresh => return Ok(false),
            Err(tables::Error::TableExists(_)) => self.change_table(&space, &new).await?,
            Err(error) => return Err(error.into()),
        }
        let expiry = table.expiry.as_deref();
        tables.set_expiry(&space, &table.name, expiry).await?;
        Ok(true)
    }

    async fn change_table(&self, space: &Space, new: &NewTable) -> Result<(), Failure> {
        let tables = &self.engines.tables;
        let current = tables.table(space, &new.name)?;
        // The plan has compared with what the stack last made; somebody may have made the table anew since.
        if current.key != new.key {
            return Err(Failure {
                kind: ErrorKind::Conflict,
                text: "it exists already, with another key".to_owned(),
            });
        }
        let first = Alteration {
            provisioned: (current.provisioned != new.provisioned).then_some(new.provisioned),
            protected: (current.protected != new.protected).then_some(new.protected),
            indexes: current
                .indexes
                .iter()
                .filter(|index| !index.local && !new.indexes.iter().any(|new| same(index, new)))
                .map(|index| IndexAlteration::Drop(index.name.clone()))
                .collect(),
        };
        if first != Alteration::default() {
            tables.alter(space, &new.name, &first).await?;
        }
        for index in &new.indexes {
            let there = current.indexes.iter().find(|there| same(there, index));
            let change = match (there, index.provisioned) {
                (None, _) => IndexAlteration::Create(index.clone()),
                (Some(there), Some(provisioned)) if there.provisioned != Some(provisioned) => {
                    IndexAlteration::Provision(index.name.clone(), provisioned)
                }
                (Some(_), _) => continue,
            };
            // One is made after the other, and the deployment ends when all can be read.
            while tables.build().await? {}
            let change = Alteration {
                indexes: vec![change],
                ..Alteration::default()
            };
            tables.alter(space, &new.name, &change).await?;
        }
        while tables.build().await? {}
        if tables.tags(space, &new.name)? != new.tags {
            let set = tables.set_tags(space, &new.name, |tags| tags.clone_from(&new.tags));
            set.await?;
        }
        Ok(())
    }

    async fn put_function(&self, function: &Function, fresh: bool) -> Result<bool, Failure> {
        let space = self.space();
        let functions = &self.engines.functions;
        let code = package(function)?;
        let known = is_there(functions.get(&space, &function.name).map_err(Failure::from))?;
        if known && fresh {
            return Ok(false);
        } else if known {
            let wanted = configuration(function);
            let edit = |configuration: &mut Configuration| *configuration = wanted.clone();
            functions
                .update_configuration(&space, &function.name, None, edit)
                .await?;
            functions
                .update_code(&space, &function.name, code, None)
                .await?;
            let tags = function.tags.clone();
            functions
                .set_tags(&space, &function.name, |set| *set = tags.clone())
                .await?;
        } else {
            let create = Create {
                space: space.clone(),
                name: function.name.clone(),
                configuration: configuration(function),
                code,
                tags: function.tags.clone(),
            };
            match functions.create(create).await {
                Err(functions::Error::Exists(_)) if fresh => return Ok(false),
                created => created?,
            };
        }
        let current = functions.get(&space, &function.name)?;
        if current.reserved_concurrency != function.reserved_concurrency {
            let amount = function.reserved_concurrency;
            functions
                .reserve_concurrency(&space, &function.name, amount)
                .await?;
        }
        self.put_retry(&space, function, &current.asynchronous)
            .await?;
        Ok(true)
    }

    async fn put_retry(
        &self,
        space: &Space,
        function: &Function,
        current: &AsyncSettings,
    ) -> Result<(), Failure> {
        let usual = AsyncSettings::default();
        let retry = &function.retry;
        let max_age = retry.max_age_s.map(|age| Duration::from_secs(age.into()));
        let is_set = retry.attempts.is_some() || max_age.is_some();
        let mut wanted = AsyncSettings {
            retries: retry.attempts.unwrap_or(usual.retries),
            max_age: max_age.unwrap_or(usual.max_age),
            modified: is_set.then(|| self.clock.now()),
        };
        let same = (wanted.retries, wanted.max_age) == (current.retries, current.max_age);
        if same && wanted.modified.is_some() == current.modified.is_some() {
            wanted.modified = current.modified;
        }
        if wanted != *current {
            let name = &function.name;
            self.engines
                .functions
                .set_asynchronous(space, name, wanted)
                .await?;
        }
        Ok(())
    }

    async fn put_notification(&self, notification: &Notification) -> Result<bool, Failure> {
        let bindings = notification.rules.iter().map(|rule| self.binding(rule));
        let set = self
            .engines
            .triggers
            .set_bucket_bindings(&notification.bucket, bindings.collect());
        set.await?;
        Ok(true)
    }

    async fn put_gateway(&self, gateway: &Gateway) -> Result<bool, Failure> {
        let (kind, longest) = match gateway.kind {
            GatewayKind::Rest => (functions::GatewayKind::Classic, LONGEST_REST_WAIT),
            GatewayKind::Http => (functions::GatewayKind::Simple, LONGEST_HTTP_WAIT),
            GatewayKind::Url => (functions::GatewayKind::Direct, LONGEST_URL_WAIT),
        };
        let route = |route: &Route| HttpTarget {
            method: route.method.clone(),
            path: route.path.clone(),
            target: Target {
                space: self.space(),
                function: route.function.clone(),
                qualifier: None,
            },
            form: match route.payload {
                Payload::V1 => functions::HttpForm::Detailed,
                Payload::V2 => functions::HttpForm::Compact,
            },
            timeout: route
                .timeout_ms
                .map_or(longest, |ms| Duration::from_millis(ms.into())),
        };
        let stage = |(name, variables): (&String, &BTreeMap<String, String>)| Stage {
            name: name.clone(),
            variables: variables.clone(),
        };
        let wanted = triggers::Gateway {
            id: gateway.id.clone(),
            space: self.space(),
            name: gateway.title.clone(),
            kind,
            stages: gateway.stages.iter().map(stage).collect(),
            routes: gateway.routes.iter().map(route).collect(),
            cors: gateway.cors.as_ref().map(cors),
            binary: gateway.binary.clone(),
        };
        self.engines.triggers.set_gateway(&wanted).await?;
        Ok(true)
    }

    fn binding(&self, rule: &Rule) -> ObjectBinding {
        ObjectBinding {
            id: rule.id.clone(),
            target: Target {
                space: self.space(),
                function: rule.function.clone(),
                qualifier: None,
            },
            kinds: rule
                .events
                .iter()
                .filter_map(|event| event_kind(event))
                .collect(),
            prefix: rule.prefix.clone().unwrap_or_default(),
            suffix: rule.suffix.clone().unwrap_or_default(),
        }
    }
}

fn cors(cors: &Cors) -> triggers::Cors {
    triggers::Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.clone(),
        headers: cors.headers.clone(),
        exposed: cors.exposed.clone(),
        max_age: cors.max_age_s.map(|age| Duration::from_secs(age.into())),
        credentials: cors.credentials,
    }
}

/// Missing is an answer, not a failure.
fn is_there<T>(found: Result<T, Failure>) -> Result<bool, Failure> {
    match found {
        Ok(_) => Ok(true),
        Err(failure) if failure.kind == ErrorKind::Missing => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Whether an index is what is asked for, however it is provisioned.
fn same(there: &tables::Index, asked: &NewIndex) -> bool {
    there.name == asked.name && there.key == asked.key && there.projected == asked.projected
}

fn new_table(table: &Table) -> NewTable {
    let indexes = table.indexes.iter().map(|index| NewIndex {
        name: index.name.clone(),
        key: key(&index.partition_key, index.sort_key.as_ref()),
        local: index.local,
        projected: match &index.projection {
            Projection::All => Projected::All,
            Projection::Keys => Projected::Keys,
            Projection::Only(names) => Projected::Only(names.clone()),
        },
        provisioned: index.provisioned.map(throughput),
    });
    let key = key(&table.partition_key, table.sort_key.as_ref());
    NewTable {
        provisioned: table.provisioned.map(throughput),
        protected: table.protected,
        indexes: indexes.collect(),
        tags: table.tags.clone(),
        ..NewTable::new(&table.name, key)
    }
}

fn key(partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> KeySchema {
    let attribute = |attribute: &KeyAttribute| tables::KeyAttribute {
        name: attribute.name.clone(),
        r#type: match attribute.r#type {
            KeyType::String => tables::KeyType::String,
            KeyType::Number => tables::KeyType::Number,
            KeyType::Binary => tables::KeyType::Binary,
        },
    };
    KeySchema {
        partition: attribute(partition),
        sort: sort.map(attribute),
    }
}

fn throughput(units: Throughput) -> tables::Throughput {
    tables::Throughput {
        read: units.read,
        write: units.write,
    }
}

fn configuration(function: &Function) -> Configuration {
    Configuration {
        runtime: function.runtime.clone(),
        handler: function.handler.clone(),
        description: function.description.clone(),
        timeout: Duration::from_secs(function.timeout_s.into()),
        memory: ByteSize::mib(function.memory_mb.into()),
        ephemeral: ByteSize::mib(function.scratch_mb.into()),
        environment: function.environment.clone(),
        role: function.role.clone(),
        architecture: match function.architecture {
            Architecture::X86 => functions::Architecture::X86,
            Architecture::Arm => functions::Architecture::Arm,
        },
        logging: Logging::default(),
    }
}

fn package(function: &Function) -> Result<NewCode, Failure> {
    match &function.code {
        Code::Directory(dir) => Ok(NewCode::Directory(dir.clone())),
        Code::Zip(path) => read_package(path).map(NewCode::Package),
        Code::Inline(text) => {
            let file = match runtimes::check(&function.runtime) {
                Ok(Language::Python) => "index.py",
                _ => "index.js",
            };
            Ok(NewCode::Package(zipped(file, text)))
        }
    }
}

fn read_package(path: &Path) -> Result<Bytes, Failure> {
    let invalid = |text: String| Failure {
        kind: ErrorKind::Invalid,
        text: format!("{}: {text}", path.display()),
    };
    let length = fs::metadata(path)
        .map_err(|error| invalid(error.to_string()))?
        .len();
    if length > MAX_PACKAGE {
        return Err(invalid(format!("it is longer than {MAX_PACKAGE} bytes")));
    }
    let package = fs::read(path).map_err(|error| invalid(error.to_string()))?;
    Ok(package.into())
}

/// An archive of one file. The same text makes the same archive.
pub(crate) fn zipped(name: &str, text: &str) -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o644);
    let options = options.last_modified_time(zip::DateTime::default());
    writer
        .start_file(name, options)
        .and_then(|()| Ok(writer.write_all(text.as_bytes())?))
        .expect("memory takes everything");
    let archive = writer.finish().expect("memory takes everything");
    archive.into_inner().into()
}

/// The readers of templates let no other kinds pass.
pub(crate) fn event_kind(event: &str) -> Option<EventKind> {
    Some(match event {
        "s3:ObjectCreated:*" => EventKind::Created,
        "s3:ObjectCreated:Put" => EventKind::CreatedByPut,
        "s3:ObjectCreated:Post" => EventKind::CreatedByPost,
        "s3:ObjectCreated:Copy" => EventKind::CreatedByCopy,
        "s3:ObjectCreated:CompleteMultipartUpload" => EventKind::CreatedByMultipart,
        "s3:ObjectRemoved:*" => EventKind::Removed,
        "s3:ObjectRemoved:Delete" => EventKind::RemovedByDelete,
        _ => return None,
    })
}
