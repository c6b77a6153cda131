//! Load balancers.

use triggers::balancer;

use super::Failure;
use crate::Deployer;
use crate::desired::{Balancer, Group};

impl Deployer {
    pub(super) async fn put_balancer(
        &self,
        balancer: &Balancer,
        fresh: bool,
    ) -> Result<bool, Failure> {
        let triggers = &self.engines.triggers;
        // Its name is the template's to choose, and may be another's.
        if fresh && triggers.balancer(&balancer.name)?.is_some() {
            return Ok(false);
        }
        let group = |group: &Group| balancer::Group {
            id: group.id.clone(),
            target: group
                .function
                .as_ref()
                .map(|function| self.target(function, group.qualifier.as_ref())),
            lists: group.lists,
        };
        let wanted = balancer::Balancer {
            name: balancer.name.clone(),
            space: self.space(),
            listeners: balancer.listeners.clone(),
            groups: balancer.groups.iter().map(group).collect(),
            forwarded: balancer.forwarded,
        };
        triggers.set_balancer(&wanted).await?;
        Ok(true)
    }
}
