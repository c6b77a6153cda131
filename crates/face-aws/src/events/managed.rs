//! The rule that an archive is seen as by whoever asks for rules. It is made up from the archive, which follows its bus by
//! itself, so there is nothing of it to change or to delete.

use std::collections::BTreeMap;

use base::Space;
use buses::Archive;
use serde_json::{Value, json};

use super::error::{of, of_bus};
use super::{Asked, archive, name};
use crate::place::Place;
use crate::protocol::Fault;

const PREFIX: &str = "Events-Archive-";

/// The archive that is seen under this name. A rule that was put there before is not hidden by it.
pub(super) fn find(asked: &Asked<'_>, bus: &str, rule: &str) -> Result<Option<Archive>, Fault> {
    let Some(name) = rule.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let archive = match asked.buses.archive(asked.space(), name) {
        Ok(archive) if archive.bus == bus => archive,
        Ok(_) | Err(buses::Error::NoSuchArchive(_)) => return Ok(None),
        Err(error) => return Err(of_bus(error)),
    };
    match asked.triggers.rule(asked.space(), bus, rule) {
        Ok(_) => Ok(None),
        Err(triggers::Error::NoSuchRule { .. }) => Ok(Some(archive)),
        Err(error) => Err(of(error)),
    }
}

/// Those of a bus whose names begin with `prefix`, by their names.
pub(super) fn all(
    asked: &Asked<'_>,
    bus: &str,
    prefix: &str,
) -> Result<BTreeMap<String, Value>, Fault> {
    let archives = asked.buses.archives(asked.space()).map_err(of_bus)?;
    let seen = archives.into_iter().filter(|archive| archive.bus == bus);
    let named = seen.map(|archive| (rule_name(&archive), print(&archive)));
    Ok(named.filter(|(name, _)| name.starts_with(prefix)).collect())
}

/// Refuses what would change such a rule.
pub(super) fn refuse(asked: &Asked<'_>, bus: &str, rule: &str, force: bool) -> Result<(), Fault> {
    if find(asked, bus, rule)?.is_none() {
        return Ok(());
    }
    if force {
        return Err(asked.call.not_built("Force"));
    }
    Err(Fault::new(
        "ManagedRuleException",
        format!("{rule} is a managed rule. Set 'force' parameter to true to override."),
    ))
}

pub(super) fn print(archive: &Archive) -> Value {
    let rule = rule_name(archive);
    json!({
        "Name": rule,
        "Arn": name::arn(&archive.space, &name::rule_path(&archive.bus, &rule)),
        "EventPattern": pattern(archive).to_string(),
        "State": "ENABLED",
        "ManagedBy": "prod.vhs.events.aws.internal",
        "EventBusName": archive.bus,
    })
}

/// What the archive wants, and nothing that comes out of an archive.
fn pattern(archive: &Archive) -> Value {
    let own = archive.pattern.as_deref();
    let own = own.and_then(|text| serde_json::from_str(text).ok());
    let mut pattern = own.unwrap_or_else(|| json!({}));
    pattern["replay-name"] = json!([{ "exists": false }]);
    pattern
}

pub(super) fn target(archive: &Archive) -> Value {
    let arn = archive::arn(archive);
    json!({
        "Id": rule_name(archive),
        "Arn": target_arn(&archive.space),
        "InputTransformer": {
            "InputPathsMap": {},
            "InputTemplate": format!(
                r#"{{"archive-arn": "{arn}", "event": <aws.events.event.json>, "ingestion-time": <aws.events.event.ingestion-time>}}"#
            ),
        },
    })
}

/// All archives of a region are one place to send to.
pub(super) fn target_arn(space: &Space) -> String {
    let Place { region, .. } = Place::of(space);
    format!("arn:aws:events:{region}:::")
}

fn rule_name(archive: &Archive) -> String {
    format!("{PREFIX}{}", archive.name)
}
