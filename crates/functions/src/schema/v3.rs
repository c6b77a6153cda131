//! Functions and aliases as they were stored before it was told anywhere how their calls ended.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::{
    Architecture, Code, Generation, Logging, Permission, Provisioned, Recursion, UsedLayer,
};

#[derive(Serialize, Deserialize)]
struct Function {
    space: Space,
    name: String,
    version: Option<u64>,
    configuration: Configuration,
    code: Code,
    asynchronous: AsyncSettings,
    reserved_concurrency: Option<u32>,
    tags: BTreeMap<String, String>,
    permissions: Vec<Permission>,
    created: Timestamp,
    modified: Timestamp,
    revision: String,
    generation: Generation,
    published: u64,
    provisioned: Option<Provisioned>,
    recursion: Recursion,
}

#[derive(Serialize, Deserialize)]
struct Configuration {
    runtime: String,
    handler: String,
    description: String,
    timeout: Duration,
    memory: ByteSize,
    ephemeral: ByteSize,
    environment: BTreeMap<String, String>,
    role: String,
    architecture: Architecture,
    logging: Logging,
    layers: Vec<UsedLayer>,
    snapshots: bool,
}

impl Record for Function {
    const VERSION: u8 = 3;
}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::Function> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    Ok(Function::decode(&stored)?.into())
}

impl From<Function> for super::Function {
    fn from(old: Function) -> Self {
        Self {
            space: old.space,
            name: old.name,
            version: old.version,
            configuration: old.configuration.into(),
            code: old.code,
            asynchronous: old.asynchronous.into(),
            reserved_concurrency: old.reserved_concurrency,
            tags: old.tags,
            permissions: old.permissions,
            created: old.created,
            modified: old.modified,
            revision: old.revision,
            generation: old.generation,
            published: old.published,
            provisioned: old.provisioned,
            recursion: old.recursion,
        }
    }
}

impl From<Configuration> for super::Configuration {
    fn from(old: Configuration) -> Self {
        Self {
            runtime: old.runtime,
            handler: old.handler,
            description: old.description,
            timeout: old.timeout,
            memory: old.memory,
            ephemeral: old.ephemeral,
            environment: super::v4::said(old.environment),
            role: old.role,
            architecture: old.architecture,
            logging: old.logging,
            layers: old.layers,
            snapshots: old.snapshots,
            dead_letters: None,
        }
    }
}

/// How asynchronous invocations were treated, also in the shapes before.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct AsyncSettings {
    pub(super) retries: u32,
    pub(super) max_age: Duration,
    pub(super) modified: Option<Timestamp>,
}

impl From<AsyncSettings> for super::AsyncSettings {
    fn from(old: AsyncSettings) -> Self {
        super::v4::settings(old.retries, old.max_age, old.modified)
    }
}

#[derive(Serialize, Deserialize)]
struct Alias {
    space: Space,
    function: String,
    name: String,
    version: Option<u64>,
    other: Option<(u64, f64)>,
    description: String,
    asynchronous: AsyncSettings,
    permissions: Vec<Permission>,
    provisioned: Option<Provisioned>,
    revision: String,
}

impl Record for Alias {}

pub(super) fn read_alias(version: u8, body: &[u8]) -> store::Result<super::Alias> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    let old = Alias::decode(&stored)?;
    Ok(super::Alias {
        space: old.space,
        function: old.function,
        name: old.name,
        version: old.version,
        other: old.other,
        description: old.description,
        asynchronous: old.asynchronous.into(),
        permissions: old.permissions,
        provisioned: old.provisioned,
        revision: old.revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn an_alias_of_the_first_shape_is_read() {
        let old = Alias {
            space: Space::new("here"),
            function: "f".into(),
            name: "live".into(),
            version: Some(3),
            other: Some((4, 0.25)),
            description: "d".into(),
            asynchronous: AsyncSettings {
                retries: 1,
                max_age: Duration::from_secs(60),
                modified: Some(Timestamp::from_secs(7)),
            },
            permissions: Vec::new(),
            provisioned: None,
            revision: "r".into(),
        };
        let read = schema::Alias::decode(&old.encode()).unwrap();
        assert_eq!(read.version, Some(3));
        assert_eq!(read.asynchronous.retries, Some(1));
        assert_eq!(read.asynchronous.on_failure, None);
        assert_eq!(read.revision, "r");
    }
}
