//! What schedules send. There are none yet but those of rules, which know by themselves.

use schedules::Occasion;
use triggers::{Order, Orders, Refusal, Undelivered};

use crate::dialect::AwsDialect;

impl Orders for AwsDialect {
    fn orders(&self, _: &Occasion, _: u32) -> Result<Vec<Order>, Refusal> {
        Err(Refusal::NotBuilt("what a schedule is for"))
    }

    fn dead_letter(&self, _: &Occasion, _: &Undelivered) -> Option<Order> {
        None
    }
}
