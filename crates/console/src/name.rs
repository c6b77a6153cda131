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
    let functions = resources.filter(|(_, noun, _)| *noun == deploy::Noun::Function);
    let functions: Vec<(String, String)> =
        functions.map(|(id, _, physical)| (id, physical)).collect();
    match called(&functions, name).as_slice() {
        [] => Err(nobody(parts, name)?),
        [(_, physical)] => {
            let (space, name) = parts.deployer.placed(physical);
            Ok(parts.functions.get(&space, name)?)
        }
        several => {
            let several = several.iter();
            let shown: Vec<String> = several
                .map(|(id, physical)| match id == name {
                    true => physical.clone(),
                    false => format!("{id} ({physical})"),
                })
                .collect();
            let message = format!(
                "several stacks have a function {name}: {}",
                shown.join(", ")
            );
            Err(Problem::invalid(message))
        }
    }
}

/// The functions that have this id in their stacks, or if there are none, in what is nested in these.
fn called<'a>(functions: &'a [(String, String)], name: &str) -> Vec<&'a (String, String)> {
    let whole: Vec<_> = functions.iter().filter(|(id, _)| id == name).collect();
    if !whole.is_empty() {
        return whole;
    }
    let is_inner = |id: &str| {
        let outer = id.strip_suffix(name);
        outer.is_some_and(|outer| outer.ends_with('/'))
    };
    functions.iter().filter(|(id, _)| is_inner(id)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_function_is_known_by_as_much_of_its_way_as_tells_it_from_others() {
        let ids = ["Hello", "A/Hello", "A/Work", "B/Work", "B/C/Deep"];
        let functions = ids.map(|id| (id.to_owned(), format!("shop-{id}")));
        let found = |name| {
            let called = called(&functions, name).into_iter();
            called.map(|(id, _)| id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(found("Hello"), ["Hello"]);
        assert_eq!(found("A/Hello"), ["A/Hello"]);
        assert_eq!(found("Work"), ["A/Work", "B/Work"]);
        assert_eq!(found("Deep"), ["B/C/Deep"]);
        assert_eq!(found("C/Deep"), ["B/C/Deep"]);
        assert_eq!(found("eep"), Vec::<&str>::new());
    }
}
