//! Functions and aliases as they were stored before it was known which of the settings of asynchronous calls somebody had
//! set (all of them were kept, with the defaults), and whether somebody had said that there are no variables.

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
    dead_letters: Option<String>,
}

impl Record for Function {
    const VERSION: u8 = 4;
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

impl Record for Alias {
    const VERSION: u8 = 2;
}

#[derive(Serialize, Deserialize)]
struct AsyncSettings {
    retries: u32,
    max_age: Duration,
    modified: Option<Timestamp>,
    on_success: Option<String>,
    on_failure: Option<String>,
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

/// Of what was kept, what somebody must have set.
pub(super) fn settings(
    retries: u32,
    max_age: Duration,
    modified: Option<Timestamp>,
) -> super::AsyncSettings {
    let usual = super::AsyncSettings::default();
    super::AsyncSettings {
        retries: Some(retries).filter(|retries| *retries != usual.retries()),
        max_age: Some(max_age).filter(|max_age| *max_age != usual.max_age()),
        modified,
        ..usual
    }
}

impl From<AsyncSettings> for super::AsyncSettings {
    fn from(old: AsyncSettings) -> Self {
        Self {
            on_success: old.on_success,
            on_failure: old.on_failure,
            ..settings(old.retries, old.max_age, old.modified)
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
    })
}

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
    fn what_was_kept_with_its_default_is_taken_for_not_set() {
        let old = |retries, max_age| Alias {
            space: Space::new("here"),
            function: "f".into(),
            name: "live".into(),
            version: Some(3),
            other: None,
            description: "d".into(),
            asynchronous: AsyncSettings {
                retries,
                max_age: Duration::from_secs(max_age),
                modified: Some(Timestamp::from_secs(7)),
                on_success: None,
                on_failure: Some("there".into()),
            },
            permissions: Vec::new(),
            provisioned: None,
            revision: "r".into(),
        };
        for (retries, max_age, set) in [(1, 21_600, (Some(1), None)), (2, 60, (None, Some(60)))] {
            let read = schema::Alias::decode(&old(retries, max_age).encode()).unwrap();
            let settings = &read.asynchronous;
            assert_eq!(
                (settings.retries(), settings.max_age().as_secs()),
                (retries, max_age)
            );
            assert_eq!(settings.retries, set.0);
            assert_eq!(settings.max_age, set.1.map(Duration::from_secs));
            assert_eq!(settings.on_failure.as_deref(), Some("there"));
            assert_eq!(schema::Alias::decode(&read.encode()).unwrap(), read);
        }
    }

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
            asynchronous: AsyncSettings {
                retries: 2,
                max_age: Duration::from_secs(21_600),
                modified: None,
                on_success: None,
                on_failure: None,
            },
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
