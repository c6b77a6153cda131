//! Saying to the engines what is wanted, in their words.

mod balancer;
mod bus;
mod edge;
mod gateway;
mod log_group;
mod schedule;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{ByteSize, ErrorKind, Space};
use bytes::Bytes;
use functions::{
    AliasChange, AsyncSettings, Configuration, Create, Functions, Logging, NewAlias, NewCode,
    PublishLayer, UsedLayer,
};
use objects::{BucketAccess, ListVersions, NewBucket, Objects};
use runtimes::{Language, Packages};
use store::Store;
use tables::{
    Alteration, IndexAlteration, IndexKey, KeySchema, NewIndex, NewTable, Projected, Tables,
};
use topics::Topics;
use triggers::{Destination, EventKind, ObjectBinding, Target, Triggers};

use crate::Deployer;
use crate::custom;
use crate::desired::{
    Alias, Architecture, Bucket, BucketPolicy, Cloud, Code, Function, Index, KeyAttribute, KeyType,
    Kind, Layer, LayerUse, Notification, Numbered, Projection, Publish, Rule, Table, Throughput,
    Told, Version,
};
use crate::error::{Error, Result};
use crate::feeds;
use crate::plan::Presence;
use crate::recipe::Recipe;
use crate::schema::{NUMBERS, Noun, Number, number_key};

/// What resources are made in.
#[derive(Clone)]
pub struct Engines {
    pub store: Store,
    pub objects: Objects,
    pub tables: Tables,
    pub buses: buses::Buses,
    pub queues: queues::Queues,
    pub functions: Functions,
    pub schedules: schedules::Schedules,
    pub topics: Topics,
    pub triggers: Triggers,
    /// Where code is that was made before it is deployed.
    pub packages: Packages,
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
    access::Error,
    buses::Error,
    ledger::Error,
    objects::Error,
    tables::Error,
    queues::Error,
    functions::Error,
    schedules::Error,
    topics::Error,
    triggers::Error,
    store::Error
);

/// The largest zip file that is read.
const MAX_PACKAGE: u64 = 256 << 20;

impl Deployer {
    /// Where everything of this account and region lives: see `face-aws`.
    pub(crate) fn space(&self) -> Space {
        Space::new(&format!("{}/{}", self.account, self.region))
    }

    /// Where a function with this physical name is, and what it is called there.
    pub fn placed<'a>(&self, physical: &'a str) -> (Space, &'a str) {
        match Cloud::of(physical) {
            (Cloud::Aws, name) => (self.space(), name),
            // See `face-gcp`.
            (Cloud::Google, name) => (Space::new("google/fulmar-local/us-central1"), name),
            // See `face-azure`.
            (Cloud::Azure, name) => (Space::new("azure/fulmar-local"), name),
        }
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
            Noun::Queue => {
                let found = self.engines.queues.get(&self.queue_address(name));
                is_there(found.map_err(Failure::from))?
            }
            Noun::Function => {
                let (space, name) = self.placed(name);
                let found = self.engines.functions.get(&space, name);
                is_there(found.map_err(Failure::from))?
            }
            Noun::Gateway => self.engines.triggers.gateway(name)?.is_some(),
            Noun::Notification => {
                let triggers = &self.engines.triggers;
                triggers.is_bucket_on_bus(name)? || !triggers.bucket_bindings(name)?.is_empty()
            }
            Noun::Layer => {
                let versions = self.engines.functions.layer_versions(&self.space(), name)?;
                !versions.is_empty()
            }
            Noun::Alias => {
                let (function, alias) = parted(name);
                let found = self.engines.functions.alias(&self.space(), function, alias);
                is_there(found.map_err(Failure::from))?
            }
            Noun::Version => self.number_of(name)?.is_some(),
            Noun::Mapping => self.mapping_named(name)?.is_some(),
            Noun::ClientKey => self.engines.triggers.client_key(name)?.is_some(),
            Noun::Plan => self.engines.triggers.plan(name)?.is_some(),
            Noun::Topic => {
                let found = self.engines.topics.topic(&self.space(), name);
                is_there(found.map_err(Failure::from))?
            }
            Noun::Subscription => self.subscription_named(name)?.is_some(),
            Noun::Balancer => self.engines.triggers.balancer(name)?.is_some(),
            Noun::EventBus
            | Noun::EventRule
            | Noun::BusPolicy
            | Noun::Archive
            | Noun::Connection
            | Noun::Address => is_there(self.look_on_buses(noun, name))?,
            Noun::Edge => self.engines.triggers.edge(name)?.is_some(),
            Noun::Schedule => is_there(self.look_for_schedule(name))?,
            Noun::ScheduleGroup => self.engines.schedules.has_group(&self.space(), name)?,
            Noun::LogGroup => self.has_log_group(name)?,
            Noun::LineSubscription => self.has_line_subscription(name)?,
            Noun::Custom => self.has_custom(name)?,
            Noun::BucketPolicy => {
                let access = self.engines.objects.access(name).map_err(Failure::from);
                matches!(&access, Ok(access) if access.policy.is_some()) || {
                    is_there(access)?;
                    false
                }
            }
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
        // Markers and earlier versions are what somebody may want back.
        let one = ListVersions {
            limit: 1,
            ..ListVersions::default()
        };
        let listing = self.engines.objects.list_versions(name, &one)?;
        Ok(match listing.entries.is_empty() {
            true => Presence::Present,
            false => Presence::Filled,
        })
    }

    pub(crate) async fn reload_function(&self, name: &str) -> Result<bool> {
        let (space, placed) = self.placed(name);
        let reloaded = self.engines.functions.reload(&space, placed).await;
        unless_gone(name, reloaded).map(|changed| changed == Some(true))
    }

    pub(crate) async fn restart_function(&self, name: &str) -> Result<bool> {
        let (space, placed) = self.placed(name);
        let restarted = self.engines.functions.restart(&space, placed).await;
        unless_gone(name, restarted).map(|restarted| restarted.is_some())
    }

    /// Makes the thing, or makes it what it should be. Does nothing and says false if it is to be a `fresh` one and there
    /// is one of its name.
    pub(crate) async fn put(&self, kind: &Kind, fresh: bool) -> Result<bool, Failure> {
        match kind {
            Kind::Bucket(bucket) => self.put_bucket(bucket, fresh).await,
            Kind::Table(table) => self.put_table(table, fresh).await,
            Kind::Queue(queue) => self.put_queue(queue, fresh).await,
            Kind::Function(function) => self.put_function(function, fresh).await,
            // It is a part of its bucket.
            Kind::Notification(notification) => self.put_notification(notification).await,
            // Its id is made from the stack's own suffix: nobody else has it.
            Kind::Gateway(gateway) => self.put_gateway(gateway).await,
            Kind::Layer(layer) => self.put_layer(layer).await,
            Kind::Version(version) => self.put_version(version).await,
            Kind::Alias(alias) => self.put_alias(alias).await,
            Kind::Mapping(mapping) => self.put_mapping(mapping).await,
            Kind::ClientKey(key) => self.put_client_key(key).await,
            Kind::Plan(plan) => self.put_plan(plan).await,
            Kind::Topic(topic) => self.put_topic(topic, fresh).await,
            Kind::Subscription(subscription) => self.put_subscription(subscription).await,
            Kind::Balancer(balancer) => self.put_balancer(balancer, fresh).await,
            Kind::EventBus(bus) => self.put_bus(bus, fresh).await,
            Kind::EventRule(rule) => self.put_rule(rule, fresh).await,
            Kind::BusPolicy(policy) => self.put_bus_policy(policy).await,
            Kind::Archive(archive) => self.put_archive(archive, fresh).await,
            Kind::Connection(connection) => self.put_connection(connection, fresh).await,
            Kind::Address(address) => self.put_address(address, fresh).await,
            // Its id is made from the stack's own suffix too.
            Kind::Edge(edge) => self.put_edge(edge).await,
            Kind::Schedule(schedule) => self.put_schedule(schedule, fresh).await,
            Kind::ScheduleGroup(group) => self.put_schedule_group(group, fresh).await,
            Kind::LogGroup(group) => self.put_log_group(group).await,
            Kind::LineSubscription(one) => self.put_line_subscription(one).await,
            // Its name is made from the stack's own suffix as well.
            Kind::Custom(custom) => self.put_custom(custom).await,
            Kind::BucketPolicy(policy) => self.put_bucket_policy(policy).await,
        }
    }

    /// Says whether it is gone: a bucket that got an object meanwhile is not.
    pub(crate) async fn remove(&self, noun: Noun, name: &str) -> Result<bool, Failure> {
        let space = self.space();
        let removed = match noun {
            Noun::Bucket => {
                let removed = self.engines.objects.delete_bucket(name).await;
                if let Err(objects::Error::BucketNotEmpty { .. }) = removed {
                    return Ok(false);
                }
                removed.map_err(Failure::from)
            }
            Noun::Table => {
                let removed = self.engines.tables.drop_table(&space, name).await;
                removed.map(drop).map_err(Failure::from)
            }
            Noun::Queue => {
                let address = self.queue_address(name);
                let removed = self.engines.queues.drop_queue(&address).await;
                removed.map_err(Failure::from)
            }
            Noun::Function => {
                let (space, name) = self.placed(name);
                let removed = self.engines.functions.delete(&space, name).await;
                removed.map_err(Failure::from)
            }
            Noun::Gateway => {
                let removed = self.engines.triggers.remove_gateway(name).await;
                removed.map_err(Failure::from)
            }
            Noun::Notification => {
                let unset = self
                    .engines
                    .triggers
                    .set_bucket_bindings(name, Vec::new(), false);
                unset.await.map_err(Failure::from)
            }
            Noun::Layer => {
                let functions = &self.engines.functions;
                for layer in functions.layer_versions(&space, name)? {
                    functions.delete_layer(&space, name, layer.version).await?;
                }
                Ok(())
            }
            Noun::Alias => {
                let (function, alias) = parted(name);
                let functions = &self.engines.functions;
                let removed = functions.delete_alias(&space, function, alias).await;
                removed.map_err(Failure::from)
            }
            Noun::Version => self.remove_version(name).await,
            Noun::Mapping => self.remove_mapping(name).await,
            Noun::ClientKey => {
                let removed = self.engines.triggers.remove_client_key(name).await;
                removed.map_err(Failure::from)
            }
            Noun::EventBus
            | Noun::EventRule
            | Noun::BusPolicy
            | Noun::Archive
            | Noun::Connection
            | Noun::Address => self.remove_from_buses(noun, name).await,
            Noun::Plan => {
                let removed = self.engines.triggers.remove_plan(name).await;
                removed.map_err(Failure::from)
            }
            Noun::Topic => self.remove_topic(name).await,
            Noun::Subscription => self.remove_subscription(name).await,
            Noun::Edge => {
                let removed = self.engines.triggers.remove_edge(name).await;
                removed.map_err(Failure::from)
            }
            Noun::Schedule => self.remove_schedule(name).await,
            Noun::ScheduleGroup => {
                let removed = self.engines.schedules.delete_group(&space, name).await;
                removed.map_err(Failure::from)
            }
            Noun::LogGroup => self.remove_log_group(name).await,
            Noun::LineSubscription => self.remove_line_subscription(name).await,
            Noun::Custom => self.remove_custom(name).await,
            Noun::BucketPolicy => {
                let objects = &self.engines.objects;
                let removed = objects.set_access(name, |access| access.policy = None);
                removed.await.map_err(Failure::from)
            }
            Noun::Balancer => {
                let removed = self.engines.triggers.remove_balancer(name).await;
                removed.map_err(Failure::from)
            }
        };
        // Somebody else was faster; it is gone all the same.
        is_there(removed).map(|_| true)
    }

    async fn put_bucket(&self, bucket: &Bucket, fresh: bool) -> Result<bool, Failure> {
        let new = NewBucket {
            name: bucket.name.clone(),
            space: self.space(),
            tags: bucket.tags.clone(),
            versioning: bucket.versioning,
        };
        let objects = &self.engines.objects;
        match objects.create_bucket(new).await {
            Ok(_) => {}
            Err(objects::Error::BucketExists { .. }) if fresh => return Ok(false),
            Err(objects::Error::BucketExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let name = &bucket.name;
        if objects.bucket_tags(name)? != bucket.tags {
            objects.tag_bucket(name, bucket.tags.clone()).await?;
        }
        if objects.origin_rules(name)? != bucket.origin_rules {
            let rules = bucket.origin_rules.clone();
            objects.set_origin_rules(name, rules).await?;
        }
        if objects.versioning(name)? != bucket.versioning {
            objects.set_versioning(name, bucket.versioning).await?;
        }
        if objects.website(name)?.as_deref() != bucket.website.as_ref() {
            objects.set_website(name, bucket.website.clone()).await?;
        }
        if objects.lifecycle(name)?.as_deref() != bucket.lifecycle.as_ref() {
            let lifecycle = bucket.lifecycle.clone();
            objects.set_lifecycle(name, lifecycle).await?;
        }
        let access = objects.access(name)?;
        let asked = BucketAccess {
            policy: access.policy.clone(),
            barriers: Some(bucket.barriers),
            owned: true,
            bucket_key: bucket.bucket_key,
        };
        if access != asked {
            let set = objects.set_access(name, |access| {
                access.barriers = asked.barriers;
                access.owned = asked.owned;
                access.bucket_key = asked.bucket_key;
            });
            set.await?;
        }
        Ok(true)
    }

    async fn put_bucket_policy(&self, asked: &BucketPolicy) -> Result<bool, Failure> {
        let objects = &self.engines.objects;
        let set = objects.set_access(&asked.bucket, |access| {
            access.policy = Some(asked.policy.clone());
        });
        set.await?;
        Ok(true)
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
        let recovery = tables.settings(&space, &table.name)?.recovery;
        if recovery.map(|known| known.days) != table.recovery {
            let set = tables.set_recovery(&space, &table.name, table.recovery);
            set.await?;
        }
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
            ..Alteration::default()
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
        self.change_feed(space, &current, new).await?;
        if tables.tags(space, &new.name)? != new.tags {
            let set = tables.set_tags(space, &new.name, |tags| tags.clone_from(&new.tags));
            set.await?;
        }
        Ok(())
    }

    async fn put_function(&self, function: &Function, fresh: bool) -> Result<bool, Failure> {
        let (space, name) = self.placed(&function.name);
        let functions = &self.engines.functions;
        let code = self.engines.package(&function.code, &function.runtime)?;
        let wanted = Configuration {
            layers: self.layers(function)?,
            ..configuration(function)
        };
        let known = is_there(functions.get(&space, name).map_err(Failure::from))?;
        if known && fresh {
            return Ok(false);
        } else if known {
            let edit = |configuration: &mut Configuration| *configuration = wanted.clone();
            functions
                .update_configuration(&space, name, None, edit)
                .await?;
            functions.update_code(&space, name, code.into()).await?;
            let tags = function.tags.clone();
            functions
                .set_tags(&space, name, |set| *set = tags.clone())
                .await?;
        } else {
            let create = Create {
                space: space.clone(),
                name: name.to_owned(),
                configuration: wanted,
                code,
                tags: function.tags.clone(),
            };
            match functions.create(create).await {
                Err(functions::Error::Exists(_)) if fresh => return Ok(false),
                created => created?,
            };
        }
        if function.cloud == Cloud::Azure {
            self.make_keys(&space, name).await?;
        }
        let current = functions.get(&space, name)?;
        if current.reserved_concurrency != function.reserved_concurrency {
            let amount = function.reserved_concurrency;
            functions.reserve_concurrency(&space, name, amount).await?;
        }
        let Some(publish) = &function.publish else {
            self.put_retry(&space, function, &current).await?;
            return Ok(true);
        };
        self.publish(&function.name, publish).await?;
        let alias = Some(publish.alias.as_str());
        let published = functions.resolve(&space, &function.name, alias)?;
        self.put_retry(&space, function, &published).await?;
        Ok(true)
    }

    /// By which the function is called: its own, that of all functions, and the one that opens everything.
    async fn make_keys(&self, space: &Space, name: &str) -> Result<(), Failure> {
        let Some(azure) = &self.azure else {
            return Ok(());
        };
        let own = format!("function/{}", name.to_lowercase());
        for (ring, key) in [
            (own.as_str(), "default"),
            ("host", "default"),
            ("master", "_master"),
        ] {
            azure.keys.ensure(space, ring, key).await?;
        }
        Ok(())
    }

    /// Publishes what has changed, and moves the alias there.
    async fn publish(&self, name: &str, publish: &Publish) -> Result<(), Failure> {
        let new = functions::Publish {
            description: publish.description.clone(),
            ..functions::Publish::default()
        };
        let functions = &self.engines.functions;
        let version = functions.publish(&self.space(), name, &new).await?.version;
        let alias = NewAlias {
            name: publish.alias.clone(),
            version,
            other: None,
            description: String::new(),
        };
        self.set_alias(name, alias).await?;
        self.set_provisioned(name, &publish.alias, publish.provisioned)
            .await
    }

    /// Makes an alias, or moves the one that is there.
    async fn set_alias(&self, function: &str, alias: NewAlias) -> Result<(), Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let change = AliasChange {
            version: Some(alias.version),
            other: Some(alias.other),
            description: Some(alias.description.clone()),
        };
        let name = alias.name.clone();
        match functions.create_alias(&space, function, alias).await {
            Err(functions::Error::AliasExists(_)) => {
                let updated = functions.update_alias(&space, function, &name, None, &change);
                updated.await?;
                Ok(())
            }
            created => Ok(created.map(drop)?),
        }
    }

    async fn set_provisioned(
        &self,
        function: &str,
        qualifier: &str,
        instances: Option<u32>,
    ) -> Result<(), Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let there = functions.provisioned(&space, function)?;
        let there = there.into_iter().find(|(name, _)| name == qualifier);
        let there = there.map(|(_, there)| there.instances);
        match (instances, there) {
            (Some(wanted), there) if there != Some(wanted) => {
                let named = Some(qualifier);
                functions.provision(&space, function, named, wanted).await?;
            }
            (None, Some(_)) => functions.unprovision(&space, function, qualifier).await?,
            _ => {}
        }
        Ok(())
    }

    fn layers(&self, function: &Function) -> Result<Vec<UsedLayer>, Failure> {
        let (space, functions) = (self.space(), &self.engines.functions);
        let one = |used: &LayerUse| {
            let layer = match used.version {
                Some(version) => functions.layer(&space, &used.name, version)?,
                None => {
                    let versions = functions.layer_versions(&space, &used.name)?;
                    let newest = versions.into_iter().next();
                    newest.ok_or_else(|| Failure {
                        kind: ErrorKind::Missing,
                        text: format!("there is no layer {}", used.name),
                    })?
                }
            };
            Ok(layer.into())
        };
        function.layers.iter().map(one).collect()
    }

    async fn put_layer(&self, layer: &Layer) -> Result<bool, Failure> {
        let publish = PublishLayer {
            space: self.space(),
            name: layer.name.clone(),
            // A layer has no text of its own to be named after a language.
            code: self.engines.package(&layer.code, "")?,
            description: layer.description.clone(),
            license: layer.license.clone(),
            runtimes: layer.runtimes.clone(),
            architectures: layer.architectures.clone(),
        };
        self.engines.functions.publish_layer(publish).await?;
        Ok(true)
    }

    async fn put_version(&self, version: &Version) -> Result<bool, Failure> {
        let publish = functions::Publish {
            description: version.description.clone(),
            ..functions::Publish::default()
        };
        let functions = &self.engines.functions;
        let space = self.space();
        let published = functions.publish(&space, &version.function, &publish);
        let number = published.await?.version.unwrap_or_default();
        let written = self.engines.store.write(|tx| {
            NUMBERS.put(tx, number_key(&version.name), &Number(number));
            Ok::<_, store::Error>(())
        });
        written.await?;
        self.set_provisioned(&version.function, &number.to_string(), version.provisioned)
            .await?;
        Ok(true)
    }

    async fn remove_version(&self, name: &str) -> Result<(), Failure> {
        let (function, _) = parted(name);
        if let Some(number) = self.number_of(name)? {
            let functions = &self.engines.functions;
            functions
                .delete_version(&self.space(), function, number)
                .await?;
        }
        let forgotten = self.engines.store.write(|tx| {
            NUMBERS.delete(tx, number_key(name));
            Ok::<_, store::Error>(())
        });
        Ok(forgotten.await?)
    }

    /// The number of a version that a resource has published; none if it is not there any more.
    fn number_of(&self, name: &str) -> Result<Option<u64>, Failure> {
        let view = self.engines.store.read()?;
        let Some(Number(number)) = NUMBERS.get(&view, &number_key(name))? else {
            return Ok(None);
        };
        let (function, _) = parted(name);
        let qualifier = number.to_string();
        let functions = &self.engines.functions;
        let found = functions.resolve(&self.space(), function, Some(&qualifier));
        Ok(is_there(found.map_err(Failure::from))?.then_some(number))
    }

    async fn put_alias(&self, alias: &Alias) -> Result<bool, Failure> {
        let number = |version: &Numbered| match version {
            Numbered::Latest => Ok(None),
            Numbered::Number(number) => Ok(Some(*number)),
            Numbered::Published(name) => match self.number_of(name)? {
                Some(number) => Ok(Some(number)),
                None => Err(Failure {
                    kind: ErrorKind::Missing,
                    text: format!("there is no version {name}"),
                }),
            },
        };
        let other = match &alias.other {
            Some((version, share)) => {
                number(version)?.map(|number| (number, f64::from(*share) / 100_000.0))
            }
            None => None,
        };
        let new = NewAlias {
            name: alias.alias.clone(),
            version: number(&alias.version)?,
            other,
            description: alias.description.clone(),
        };
        self.set_alias(&alias.function, new).await?;
        self.set_provisioned(&alias.function, &alias.alias, alias.provisioned)
            .await?;
        Ok(true)
    }

    async fn put_retry(
        &self,
        space: &Space,
        function: &Function,
        current: &functions::Function,
    ) -> Result<(), Failure> {
        let qualifier = function.publish.as_ref();
        let qualifier = qualifier.map(|publish| publish.alias.as_str());
        let current = &current.asynchronous;
        let retry = &function.retry;
        let max_age = retry.max_age_s.map(|age| Duration::from_secs(age.into()));
        let tells = retry.on_success.is_some() || retry.on_failure.is_some();
        let is_set = retry.attempts.is_some() || max_age.is_some() || tells;
        let mut wanted = AsyncSettings {
            retries: retry.attempts,
            max_age,
            modified: is_set.then(|| self.clock.now()),
            on_success: retry.on_success.clone(),
            on_failure: retry.on_failure.clone(),
        };
        // When they were set is no setting.
        if wanted.modified.is_some() == current.modified.is_some() {
            let now = std::mem::replace(&mut wanted.modified, current.modified);
            if wanted != *current {
                wanted.modified = now;
            }
        }
        if wanted != *current {
            let name = &function.name;
            self.engines
                .functions
                .set_asynchronous(space, name, qualifier, wanted)
                .await?;
        }
        Ok(())
    }

    async fn put_notification(&self, notification: &Notification) -> Result<bool, Failure> {
        let bindings = notification.rules.iter().map(|rule| self.binding(rule));
        let bindings = bindings.collect::<Result<Vec<_>, _>>()?;
        for binding in &bindings {
            self.engines.triggers.takes(&binding.target)?;
        }
        let set = self.engines.triggers.set_bucket_bindings(
            &notification.bucket,
            bindings,
            notification.on_bus,
        );
        set.await?;
        Ok(true)
    }

    fn binding(&self, rule: &Rule) -> Result<ObjectBinding, Failure> {
        let target = match &rule.told {
            Told::Function {
                function,
                qualifier,
            } => Destination::Function(Target {
                space: self.space(),
                function: function.clone(),
                qualifier: qualifier.clone(),
            }),
            Told::Place { place } => crate::topic::place(place).ok_or_else(|| Failure {
                kind: ErrorKind::Invalid,
                text: format!("nothing can be sent to {place}"),
            })?,
        };
        Ok(ObjectBinding {
            id: rule.id.clone(),
            target,
            kinds: rule
                .events
                .iter()
                .filter_map(|event| event_kind(event))
                .collect(),
            prefix: rule.prefix.clone().unwrap_or_default(),
            suffix: rule.suffix.clone().unwrap_or_default(),
        })
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
        key: index_key(index),
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
        feed: table.feed.map(feeds::new_feed),
        ..NewTable::new(&table.name, key)
    }
}

fn key(partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> KeySchema {
    KeySchema {
        partition: attribute(partition),
        sort: sort.map(attribute),
    }
}

fn index_key(index: &Index) -> IndexKey {
    let mut key = IndexKey::from(key(&index.partition_key, index.sort_key.as_ref()));
    key.partition
        .extend(index.more_partition_keys.iter().map(attribute));
    key.sort.extend(index.more_sort_keys.iter().map(attribute));
    key
}

fn attribute(attribute: &KeyAttribute) -> tables::KeyAttribute {
    tables::KeyAttribute {
        name: attribute.name.clone(),
        r#type: match attribute.r#type {
            KeyType::String => tables::KeyType::String,
            KeyType::Number => tables::KeyType::Number,
            KeyType::Binary => tables::KeyType::Binary,
        },
    }
}

fn throughput(units: Throughput) -> tables::Throughput {
    tables::Throughput {
        read: units.read,
        write: units.write,
    }
}

pub(crate) fn configuration(function: &Function) -> Configuration {
    Configuration {
        runtime: function.runtime.clone(),
        handler: function.handler.clone(),
        description: function.description.clone(),
        timeout: Duration::from_secs(function.timeout_s.into()),
        memory: ByteSize::mib(function.memory_mb.into()),
        ephemeral: ByteSize::mib(function.scratch_mb.into()),
        environment: Some(function.environment.clone()).filter(|variables| !variables.is_empty()),
        role: function.role.clone(),
        architecture: match function.architecture {
            Architecture::X86 => functions::Architecture::X86,
            Architecture::Arm => functions::Architecture::Arm,
        },
        logging: Logging {
            format: match function.logging.json {
                true => functions::LogFormat::Json,
                false => functions::LogFormat::Text,
            },
            group: function.logging.group.clone(),
            application_level: function.logging.application_level.clone(),
            system_level: function.logging.system_level.clone(),
        },
        layers: Vec::new(),
        snapshots: function.snapshots,
        dead_letters: function.dead_letters.clone(),
    }
}

/// A name of something that belongs to a function: `<function>:<its own name>`.
fn parted(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((name, ""))
}

impl Engines {
    /// `runtime` tells what the only file is called where the code is a text.
    pub(crate) fn package(&self, code: &Code, runtime: &str) -> Result<NewCode, Failure> {
        match code {
            Code::Directory(dir) => Ok(NewCode::Directory(dir.clone())),
            Code::Made(recipe) => self.made(recipe).map(NewCode::Directory),
            Code::Zip(path) => read_package(path).map(NewCode::Package),
            Code::Inline(text) => {
                let language = runtimes::check(runtime).ok();
                let file = match language {
                    Some(Language::Python) => "index.py",
                    _ => "index.js",
                };
                let beside = custom::beside(language, text);
                let files = std::iter::once((file, text.as_str())).chain(beside);
                Ok(NewCode::Package(zipped(files)))
            }
        }
    }

    /// It is made by whoever deploys, before they do.
    fn made(&self, recipe: &Recipe) -> Result<PathBuf, Failure> {
        let place = recipe.place(&self.packages);
        match place.is_dir() {
            true => Ok(place),
            false => Err(Failure {
                kind: ErrorKind::Invalid,
                text: format!("the code of {} was not built", recipe.source.display()),
            }),
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

/// An archive of files. The same texts make the same archive.
pub(crate) fn zipped<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o644);
    let options = options.last_modified_time(zip::DateTime::default());
    for (name, text) in files {
        writer
            .start_file(name, options)
            .and_then(|()| Ok(writer.write_all(text.as_bytes())?))
            .expect("memory takes everything");
    }
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
        "s3:ObjectRemoved:DeleteMarkerCreated" => EventKind::RemovedByMarker,
        "s3:LifecycleExpiration:*" => EventKind::Expiry,
        "s3:LifecycleExpiration:Delete" => EventKind::Expired,
        "s3:LifecycleExpiration:DeleteMarkerCreated" => EventKind::ExpiredByMarker,
        "s3:ObjectTagging:*" => EventKind::Tagging,
        "s3:ObjectTagging:Put" => EventKind::Tagged,
        "s3:ObjectTagging:Delete" => EventKind::Untagged,
        _ => return None,
    })
}

/// None of a function that is gone.
fn unless_gone<T>(name: &str, done: functions::Result<T>) -> Result<Option<T>> {
    match done.map_err(Failure::from) {
        Ok(done) => Ok(Some(done)),
        Err(failure) if failure.kind == ErrorKind::Missing => Ok(None),
        Err(failure) => Err(Error::Step {
            verb: "reload",
            noun: Noun::Function.as_str(),
            name: name.to_owned(),
            kind: failure.kind,
            cause: failure.text,
        }),
    }
}
