//! The names of things on buses.

use base::Space;
use buses::DEFAULT;
use triggers::Rule;

use super::Asked;
use super::error::invalid;
use crate::place::Place;
use crate::protocol::Fault;

pub(super) fn arn(space: &Space, what: &str) -> String {
    let Place { account, region } = Place::of(space);
    format!("arn:aws:events:{region}:{account}:{what}")
}

pub(crate) fn rule_arn(rule: &Rule) -> String {
    arn(&rule.space, &rule_path(&rule.bus, &rule.name))
}

pub(super) fn rule_path(bus: &str, rule: &str) -> String {
    if bus == DEFAULT {
        format!("rule/{rule}")
    } else {
        format!("rule/{bus}/{rule}")
    }
}

pub(super) fn bus_arn(space: &Space, name: &str) -> String {
    arn(space, &format!("event-bus/{name}"))
}

/// A bus by its name or its ARN; the default one if nothing is said.
pub(super) fn bus(asked: &Asked<'_>, named: Option<&str>) -> Result<String, Fault> {
    let Some(named) = named else {
        return Ok(DEFAULT.to_owned());
    };
    if !named.starts_with("arn:") {
        return Ok(named.to_owned());
    }
    let here = bus_arn(asked.space(), "");
    let name = named.strip_prefix(&here).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| {
        invalid(format!(
            "Parameter {named} is not valid. Reason: Provided Arn is not in correct format."
        ))
    })
}

/// What an ARN of something here is of, and its name.
pub(super) fn local<'a>(asked: &Asked<'_>, arn: &'a str) -> Option<&'a str> {
    let Place { account, region } = asked.place();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "events", at, of, what] if *at == region && *of == account => Some(what),
        _ => None,
    }
}
