//! Whether there is something of a name.

use super::{Failure, is_there, version};
use crate::Deployer;
use crate::error::Result;
use crate::plan::Presence;
use crate::schema::Noun;

impl Deployer {
    pub(crate) fn presence(&self, noun: Noun, name: &str) -> Result<Presence> {
        let found = self.look(noun, name);
        found.map_err(|failure| failure.of_step("look for", noun.as_str(), name))
    }

    fn look(&self, noun: Noun, name: &str) -> Result<Presence, Failure> {
        let (space, engines) = (self.space(), &self.engines);
        let present = match noun {
            Noun::Bucket => return self.look_for_bucket(name),
            Noun::Table => is_there(engines.tables.describe(&space, name))?,
            Noun::Queue => is_there(engines.queues.get(&self.queue_address(name)))?,
            Noun::Function => {
                let (space, name) = self.placed(name);
                is_there(engines.functions.get(&space, name))?
            }
            Noun::Gateway => engines.triggers.gateway(name)?.is_some(),
            Noun::Notification => {
                let triggers = &engines.triggers;
                triggers.is_bucket_on_bus(name)? || !triggers.bucket_bindings(name)?.is_empty()
            }
            Noun::Layer => !engines.functions.layer_versions(&space, name)?.is_empty(),
            Noun::Alias => {
                let (function, alias) = version::parted(name);
                is_there(engines.functions.alias(&space, function, alias))?
            }
            Noun::Version => self.number_of(name)?.is_some(),
            Noun::Mapping => self.mapping_named(name)?.is_some(),
            Noun::ClientKey => engines.triggers.client_key(name)?.is_some(),
            Noun::Plan => engines.triggers.plan(name)?.is_some(),
            Noun::Topic => is_there(engines.topics.topic(&space, name))?,
            Noun::Subscription => self.subscription_named(name)?.is_some(),
            Noun::Balancer => engines.triggers.balancer(name)?.is_some(),
            Noun::EventBus
            | Noun::EventRule
            | Noun::BusPolicy
            | Noun::Archive
            | Noun::Connection
            | Noun::Address => is_there(self.look_on_buses(noun, name))?,
            Noun::Edge => engines.triggers.edge(name)?.is_some(),
            Noun::Schedule => is_there(self.look_for_schedule(name))?,
            Noun::ScheduleGroup => engines.schedules.has_group(&space, name)?,
            Noun::LogGroup => self.has_log_group(name)?,
            Noun::LineSubscription => self.has_line_subscription(name)?,
            Noun::Custom => self.has_custom(name)?,
            Noun::BucketPolicy => self.has_bucket_policy(name)?,
        };
        Ok(match present {
            true => Presence::Present,
            false => Presence::Missing,
        })
    }
}
