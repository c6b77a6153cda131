//! Schedules that belong to rules, which are kept elsewhere. They know neither zones nor dates.

use base::Space;
use store::{Record, Tx};

use crate::Schedules;
use crate::due::plan_rule;
use crate::error::Result;
use crate::expression::{Expression, Malformed};
use crate::schema::{RULES, Rule, Whose, next, rule_key};

impl Schedules {
    /// Refuses what a rule cannot have: it is never due only once.
    pub fn check_rule(expression: &str) -> std::result::Result<(), Malformed> {
        match Expression::read_strictly(expression)? {
            Expression::At(_) => Err(Malformed::new("a rule is due again and again")),
            Expression::Cron(_) | Expression::Rate(_) => Ok(()),
        }
    }

    /// Lets a rule be due from now on, with the caller's transaction. As long as the expression is the same, it goes on
    /// as before.
    pub fn set_rule(
        &self,
        tx: &mut Tx,
        space: &Space,
        bus: &str,
        rule: &str,
        expression: &str,
    ) -> Result<()> {
        Self::check_rule(expression)?;
        let key = rule_key(space, bus, rule);
        if let Some(there) = RULES.get(tx, &key)?
            && there.expression == expression
        {
            return Ok(());
        }
        let now = self.clock.now();
        // A rule's rate is due for the first time when it has passed once.
        let record = Rule {
            expression: expression.to_owned(),
            anchor: now,
            unique: self.random.u64(),
        };
        plan_rule(tx, &whose(space, bus, rule), &record, now)?;
        RULES.put(tx, key, &record);
        Ok(())
    }

    /// A rule is not due any more; nothing if it never was.
    pub fn drop_rule(&self, tx: &mut Tx, space: &Space, bus: &str, rule: &str) -> Result<()> {
        next().cancel(tx, &whose(space, bus, rule).encode())?;
        RULES.delete(tx, rule_key(space, bus, rule));
        Ok(())
    }
}

fn whose(space: &Space, bus: &str, rule: &str) -> Whose {
    Whose::Rule {
        space: space.clone(),
        bus: bus.to_owned(),
        rule: rule.to_owned(),
    }
}
