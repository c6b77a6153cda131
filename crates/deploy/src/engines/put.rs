//! Making things, or making them what they should be.

use super::Failure;
use crate::Deployer;
use crate::desired::Kind;

impl Deployer {
    /// Makes the thing, or makes it what it should be. Does nothing and says false if it is to be a `fresh` one and there
    /// is one of its name.
    pub(crate) async fn put(&self, kind: &Kind, fresh: bool) -> Result<bool, Failure> {
        match kind {
            Kind::Bucket(bucket) => self.put_bucket(bucket, fresh).await,
            Kind::Table(table) => self.put_table(table, fresh).await,
            Kind::Queue(queue) => self.put_queue(queue, fresh).await,
            Kind::Function(function) => self.put_function(function, fresh).await,
            // It is a part of its bucket.
            Kind::Notification(notification) => self.put_notification(notification).await,
            // Its id is made from the stack's own suffix: nobody else has it.
            Kind::Gateway(gateway) => self.put_gateway(gateway).await,
            Kind::Layer(layer) => self.put_layer(layer).await,
            Kind::Version(version) => self.put_version(version).await,
            Kind::Alias(alias) => self.put_alias(alias).await,
            Kind::Mapping(mapping) => self.put_mapping(mapping).await,
            Kind::ClientKey(key) => self.put_client_key(key).await,
            Kind::Plan(plan) => self.put_plan(plan).await,
            Kind::Topic(topic) => self.put_topic(topic, fresh).await,
            Kind::Subscription(subscription) => self.put_subscription(subscription).await,
            Kind::Balancer(balancer) => self.put_balancer(balancer, fresh).await,
            Kind::EventBus(bus) => self.put_bus(bus, fresh).await,
            Kind::EventRule(rule) => self.put_rule(rule, fresh).await,
            Kind::BusPolicy(policy) => self.put_bus_policy(policy).await,
            Kind::Archive(archive) => self.put_archive(archive, fresh).await,
            Kind::Connection(connection) => self.put_connection(connection, fresh).await,
            Kind::Address(address) => self.put_address(address, fresh).await,
            // Its id is made from the stack's own suffix too.
            Kind::Edge(edge) => self.put_edge(edge).await,
            Kind::Schedule(schedule) => self.put_schedule(schedule, fresh).await,
            Kind::ScheduleGroup(group) => self.put_schedule_group(group, fresh).await,
            Kind::LogGroup(group) => self.put_log_group(group).await,
            Kind::LineSubscription(one) => self.put_line_subscription(one).await,
            // Its name is made from the stack's own suffix as well.
            Kind::Custom(custom) => self.put_custom(custom).await,
            Kind::BucketPolicy(policy) => self.put_bucket_policy(policy).await,
        }
    }
}
