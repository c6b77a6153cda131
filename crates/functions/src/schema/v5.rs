//! Functions as they were stored before it was known whether somebody had said that there are no variables.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ByteSize, Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::{
    Architecture, AsyncSettings, Code, Generation, Logging, Permission, Provisioned, Recursion,
    UsedLayer,
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

/// Also in the shape before.
#[derive(Serialize, Deserialize)]
pub(super) struct Configuration {
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
    dead_letters: Option<String>,
}

impl Record for Function {
    const VERSION: u8 = 5;
}

/// Of the variables that were kept, what somebody must have said.
pub(super) fn said(environment: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    Some(environment).filter(|variables| !variables.is_empty())
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
            environment: said(old.environment),
            role: old.role,
            architecture: old.architecture,
            logging: old.logging,
            layers: old.layers,
            snapshots: old.snapshots,
            dead_letters: old.dead_letters,
        }
    }
}

pub(super) fn read(version: u8, body: &[u8]) -> store::Result<super::Function> {
    let mut stored = vec![version];
    stored.extend_from_slice(body);
    let old = Function::decode(&stored)?;
    Ok(super::Function {
        space: old.space,
        name: old.name,
        version: old.version,
        configuration: old.configuration.into(),
        code: old.code,
        asynchronous: old.asynchronous,
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn no_variables_are_taken_for_none_said() {
        let old = |environment: &BTreeMap<String, String>| Function {
            space: Space::new("here"),
            name: "f".into(),
            version: Some(3),
            configuration: Configuration {
                runtime: "r".into(),
                handler: "h".into(),
                description: "d".into(),
                timeout: Duration::from_secs(3),
                memory: ByteSize::mib(128),
                ephemeral: ByteSize::mib(512),
                environment: environment.clone(),
                role: "role".into(),
                architecture: Architecture::Arm,
                logging: Logging::default(),
                layers: Vec::new(),
                snapshots: true,
                dead_letters: Some("there".into()),
            },
            code: Code {
                source: schema::CodeSource::Directory("/code".into()),
                sha256: [7; 32],
                size: ByteSize::bytes(1),
            },
            asynchronous: AsyncSettings::default(),
            reserved_concurrency: None,
            tags: BTreeMap::new(),
            permissions: Vec::new(),
            created: Timestamp::default(),
            modified: Timestamp::default(),
            revision: "r".into(),
            generation: Generation::default(),
            published: 3,
            provisioned: None,
            recursion: Recursion::Allow,
        };
        let some = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        for (kept, said) in [(BTreeMap::new(), None), (some.clone(), Some(some))] {
            let read = schema::Function::decode(&old(&kept).encode()).unwrap();
            assert_eq!(read.configuration.environment, said);
            assert_eq!(read.configuration.dead_letters.as_deref(), Some("there"));
            assert_eq!(read.recursion, Recursion::Allow);
            assert_eq!(schema::Function::decode(&read.encode()).unwrap(), read);
        }
    }
}
