//! Functions and aliases as they were stored before it was known which of the settings of asynchronous calls somebody had
//! set: all of them were kept, with the defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::Record;

use super::v5::Configuration;
use super::{Code, Generation, Permission, Provisioned, Recursion};

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
}
