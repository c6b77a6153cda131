//! Taking things away, with all that is in them and may go with them.

use super::{Failure, is_there, version};
use crate::Deployer;
use crate::schema::Noun;

impl Deployer {
    /// Says whether it is gone: a bucket that got an object meanwhile is not.
    pub(crate) async fn remove(&self, noun: Noun, name: &str) -> Result<bool, Failure> {
        let (space, engines) = (self.space(), &self.engines);
        match noun {
            Noun::Bucket => self.remove_bucket(name).await,
            Noun::Table => gone(engines.tables.drop_table(&space, name).await),
            Noun::Queue => gone(engines.queues.drop_queue(&self.queue_address(name)).await),
            Noun::Function => {
                let (space, name) = self.placed(name);
                gone(engines.functions.delete(&space, name).await)
            }
            Noun::Gateway => gone(engines.triggers.remove_gateway(name).await),
            Noun::Notification => {
                let unset = engines
                    .triggers
                    .set_bucket_bindings(name, Vec::new(), false);
                gone(unset.await)
            }
            Noun::Layer => gone(self.remove_layer(name).await),
            Noun::Alias => {
                let (function, alias) = version::parted(name);
                gone(
                    engines
                        .functions
                        .delete_alias(&space, function, alias)
                        .await,
                )
            }
            Noun::Version => gone(self.remove_version(name).await),
            Noun::Mapping => gone(self.remove_mapping(name).await),
            Noun::ClientKey => gone(engines.triggers.remove_client_key(name).await),
            Noun::Plan => gone(engines.triggers.remove_plan(name).await),
            Noun::Topic => gone(self.remove_topic(name).await),
            Noun::Subscription => gone(self.remove_subscription(name).await),
            Noun::Balancer => gone(engines.triggers.remove_balancer(name).await),
            Noun::EventBus
            | Noun::EventRule
            | Noun::BusPolicy
            | Noun::Archive
            | Noun::Connection
            | Noun::Address => gone(self.remove_from_buses(noun, name).await),
            Noun::Edge => gone(engines.triggers.remove_edge(name).await),
            Noun::Schedule => gone(self.remove_schedule(name).await),
            Noun::ScheduleGroup => gone(engines.schedules.delete_group(&space, name).await),
            Noun::LogGroup => gone(self.remove_log_group(name).await),
            Noun::LineSubscription => gone(self.remove_line_subscription(name).await),
            Noun::Custom => gone(self.remove_custom(name).await),
            Noun::BucketPolicy => gone(self.remove_bucket_policy(name).await),
        }
    }
}

/// Somebody else may have been faster; it is gone all the same.
fn gone<T>(removed: Result<T, impl Into<Failure>>) -> Result<bool, Failure> {
    is_there(removed).map(|_| true)
}
