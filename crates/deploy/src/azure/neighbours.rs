//! Functions of several applications share one host: what one answers to, another's must not.

use std::collections::BTreeSet;

use super::WIRING;
use super::wiring::{Wiring, meeting};
use crate::desired::{Cloud, Desired, Function};
use crate::diagnostic::Finding;
use crate::engines::Failure;
use crate::error::Result;
use crate::{Deployer, Noun, Template};

/// Of one host.
const MOST: usize = 10_000;

impl Deployer {
    /// Refuses what answers to the same as a function of another stack.
    pub(crate) fn check_routes(&self, template: &Template, desired: &Desired) -> Result<()> {
        let ours: Vec<(&Function, Wiring)> = desired
            .functions()
            .filter_map(|function| Some((function, wiring(function.tags.get(WIRING)?)?)))
            .collect();
        if ours.is_empty() {
            return Ok(());
        }
        let stored = self.stored(&desired.stack)?;
        let own = stored
            .held
            .values()
            .filter(|held| held.noun == Noun::Function);
        let mut known: BTreeSet<String> = own.map(|held| held.name.clone()).collect();
        known.extend(ours.iter().map(|(function, _)| function.name.clone()));
        let (space, _) = self.placed(&ours[0].0.name);
        let there = self.engines.functions.list(&space, None, MOST);
        let there = there.map_err(|cause| {
            Failure::from(cause).of_step("look for", "function", space.to_string())
        })?;
        let mut findings: Vec<Finding> = Vec::new();
        for other in there {
            let theirs = other.tags.get(WIRING).and_then(|text| wiring(text));
            let Some(theirs) =
                theirs.filter(|_| !known.contains(&Cloud::Azure.physical(&other.name)))
            else {
                continue;
            };
            let ours = ours
                .iter()
                .map(|(function, wiring)| (&function.handler, wiring));
            findings.extend(ours.filter_map(|(name, wiring)| {
                let help = "give one of them another route, or take the other stack away";
                meeting(
                    name,
                    wiring,
                    &format!("{} of another stack", other.name),
                    &theirs,
                )
                .map(|finding| finding.help(help))
            }));
        }
        match findings.is_empty() {
            true => Ok(()),
            false => Err(template.refused(findings).into()),
        }
    }
}

fn wiring(text: &str) -> Option<Wiring> {
    serde_json::from_str(text).ok()
}
