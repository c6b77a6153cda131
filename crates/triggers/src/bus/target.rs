//! What rules send to.

use base::Space;

use super::input::BadInput;
use crate::schema::rule::{Place, RULES, Rule, RuleTarget, rules_of};
use crate::{Result, Triggers};

/// Targets that a rule can have.
const MOST: usize = 5;

/// Why one target, by its id, was not put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPut {
    #[error("a rule can have {MOST} targets")]
    TooMany,
    #[error("the target {target}: {cause}")]
    Input { target: String, cause: BadInput },
}

impl Triggers {
    /// Adds targets to a rule, each in the place of one with its id. None of them is added if one cannot be.
    pub async fn put_targets(
        &self,
        space: &Space,
        bus: &str,
        rule: &str,
        targets: &[RuleTarget],
        reserved: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<std::result::Result<(), NotPut>> {
        for target in targets {
            if let Err(cause) = target.input.check(reserved) {
                let target = target.id.clone();
                return Ok(Err(NotPut::Input { target, cause }));
            }
        }
        let put = |rule: &mut Rule| {
            let mut all = rule.targets.clone();
            for target in targets {
                all.retain(|known| known.id != target.id);
                all.push(target.clone());
                if all.len() > MOST {
                    return Err(NotPut::TooMany);
                }
            }
            rule.targets = all;
            Ok(())
        };
        self.change_rule(space, bus, rule, put).await
    }

    /// Says which of them were not there.
    pub async fn remove_targets(
        &self,
        space: &Space,
        bus: &str,
        rule: &str,
        ids: &[String],
    ) -> Result<Vec<String>> {
        self.change_rule(space, bus, rule, |rule| {
            let is_there = |id: &String| rule.targets.iter().any(|target| target.id == *id);
            let missing = ids.iter().filter(|id| !is_there(id)).cloned().collect();
            rule.targets.retain(|target| !ids.contains(&target.id));
            missing
        })
        .await
    }

    /// The names of a bus' rules that send to what the face calls so.
    pub fn rules_of_target(&self, space: &Space, bus: &str, named: &str) -> Result<Vec<String>> {
        let range = rules_of(space, bus).range();
        let rules = RULES.scan(&self.store.read()?, &range, usize::MAX)?;
        let sends = |rule: &Rule| rule.targets.iter().any(|target| target.named == named);
        let rules = rules.into_iter().filter(|(_, rule)| sends(rule));
        Ok(rules.map(|(_, rule)| rule.name).collect())
    }
}

impl Place {
    /// The function, queue or other thing of ours that it is.
    pub fn destination(&self) -> Option<&crate::Destination> {
        match self {
            Self::Ours(destination) => Some(destination),
            Self::Address(_) | Self::Log(_) => None,
        }
    }
}
