//! What people call a function: its name, or the shorter one that it has in its template.

use std::collections::BTreeSet;

use base::Space;
use functions::{Error, Function};

use crate::{Parts, Problem};

pub(crate) fn find(parts: &Parts, name: &str) -> Result<Function, Problem> {
    match parts.functions.get(&parts.space, name) {
        Ok(function) => return Ok(function),
        Err(Error::NoSuchFunction(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let stacks = parts.deployer.stacks()?;
    let resources = stacks.into_iter().flat_map(|stack| stack.resources);
    let mut called: Vec<String> = resources
        .filter(|(id, noun, _)| *noun == deploy::Noun::Function && id == name)
        .map(|(_, _, physical)| physical)
        .collect();
    match called.len() {
        0 => Err(nobody(parts, name)?),
        1 => {
            let physical = called.remove(0);
            let (space, name) = parts.deployer.placed(&physical);
            Ok(parts.functions.get(&space, name)?)
        }
        _ => {
            let message = format!(
                "several stacks have a function {name}: {}",
                called.join(", ")
            );
            Err(Problem::invalid(message))
        }
    }
}

/// The server's own, and those of other clouds in which functions are deployed.
pub(crate) fn spaces(parts: &Parts) -> Result<BTreeSet<Space>, Problem> {
    let stacks = parts.deployer.stacks()?;
    let resources = stacks.into_iter().flat_map(|stack| stack.resources);
    let functions = resources.filter(|(_, noun, _)| *noun == deploy::Noun::Function);
    let placed = functions.map(|(_, _, physical)| parts.deployer.placed(&physical).0);
    Ok(placed.chain([parts.space.clone()]).collect())
}

/// Enough to see what was meant.
const SHOWN: usize = 20;

fn nobody(parts: &Parts, name: &str) -> Result<Problem, Problem> {
    let there = parts.functions.list(&parts.space, None, SHOWN)?;
    let names: Vec<String> = there.into_iter().map(|function| function.name).collect();
    let hint = match names.is_empty() {
        true => "nothing is deployed".to_owned(),
        false => format!("there is {}", names.join(", ")),
    };
    Ok(Problem {
        hint: Some(hint),
        ..Problem::missing(format!("there is no function {name}"))
    })
}
