//! Functions as they were stored before versions could be started from snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::v3::AsyncSettings;
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
}

impl Record for Function {
    const VERSION: u8 = 2;
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
            snapshots: false,
            dead_letters: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::CodeSource;

    #[test]
    fn a_function_of_the_second_shape_is_read() {
        let old = Function {
            space: Space::new("here"),
            name: "f".into(),
            version: Some(4),
            configuration: Configuration {
                runtime: "fake".into(),
                handler: "h".into(),
                description: String::new(),
                timeout: Duration::from_secs(3),
                memory: ByteSize::mib(128),
                ephemeral: ByteSize::mib(512),
                environment: BTreeMap::from([("A".into(), "b".into())]),
                role: "role".into(),
                architecture: Architecture::X86,
                logging: Logging::default(),
                layers: Vec::new(),
            },
            code: Code {
                source: CodeSource::Directory("/code".into()),
                sha256: [7; 32],
                size: ByteSize::mib(1),
            },
            asynchronous: AsyncSettings::default(),
            reserved_concurrency: None,
            tags: BTreeMap::new(),
            permissions: Vec::new(),
            created: Timestamp::from_secs(1),
            modified: Timestamp::from_secs(2),
            revision: "r".into(),
            generation: Generation([1; 16]),
            published: 9,
            provisioned: None,
            recursion: Recursion::Allow,
        };
        let read = super::super::Function::decode(&old.encode()).unwrap();
        assert_eq!((read.version, read.published), (Some(4), 9));
        assert_eq!(read.recursion, Recursion::Allow);
        assert!(!read.configuration.snapshots);
        assert_eq!(
            super::super::Function::decode(&read.encode()).unwrap(),
            read
        );
    }
}
