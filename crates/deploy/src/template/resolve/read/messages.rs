//! What passes messages on, and what happens at some time: topics, buses, schedules and log groups.

use super::One;
use crate::desired::Kind as Made;
use crate::template::declared::Kind;
use crate::template::resolve::Harvest;
use crate::template::{bus, line_subscription, log_group, schedule, topic};

impl One<'_> {
    pub(super) fn topic(&self) -> Option<Made> {
        let (fields, name) = self.named(topic::TOPIC)?;
        topic::read(&fields, name, self.findings).map(Made::Topic)
    }

    pub(super) fn subscription(&self) -> Option<Made> {
        let fields = self.open(topic::SUBSCRIPTION)?;
        let made = topic::read_subscription(&fields, self.findings)?;
        Some(Made::Subscription(Box::new(made)))
    }

    pub(super) fn topic_policy(&self) {
        if let Some(fields) = self.open(topic::POLICY) {
            topic::check_policy(&fields, self.findings);
        }
    }

    pub(super) fn of_bus(&self) -> Option<Made> {
        let (kind, context) = (self.declared.kind, self.resolving.context);
        let (fields, name) = self.named(match kind {
            Kind::EventBus => bus::BUS,
            Kind::EventRule => bus::RULE,
            Kind::Archive => bus::ARCHIVE,
            Kind::Connection => bus::CONNECTION,
            Kind::Address => bus::ADDRESS,
            _ => bus::POLICY,
        })?;
        let (fields, findings) = (&fields, self.findings);
        match kind {
            Kind::EventBus => bus::bus(fields, name, findings).map(Made::EventBus),
            Kind::EventRule => {
                bus::rule(fields, name, findings).map(|rule| Made::EventRule(Box::new(rule)))
            }
            Kind::Archive => bus::archive(fields, name, findings).map(Made::Archive),
            Kind::Connection => bus::connection(fields, name, context, findings)
                .map(|connection| Made::Connection(Box::new(connection))),
            Kind::Address => bus::address(fields, name, context, findings).map(Made::Address),
            _ => bus::policy(fields, context, findings).map(Made::BusPolicy),
        }
    }

    pub(super) fn schedule(&self) -> Option<Made> {
        let (fields, name) = self.named(schedule::SCHEDULE)?;
        let made = schedule::read(&fields, name, self.findings)?;
        Some(Made::Schedule(Box::new(made)))
    }

    pub(super) fn schedule_group(&self) -> Option<Made> {
        let (fields, name) = self.named(schedule::GROUP)?;
        schedule::group(&fields, name, self.findings).map(Made::ScheduleGroup)
    }

    pub(super) fn log_group(&self) -> Option<Made> {
        let (fields, name) = self.named(log_group::GROUP)?;
        log_group::read(&fields, name, self.findings).map(Made::LogGroup)
    }

    pub(super) fn line_subscription(&self, harvest: &mut Harvest) -> Option<Made> {
        let (fields, name) = self.named(line_subscription::PROPERTIES)?;
        let made = line_subscription::read(&fields, &name, self.findings)?;
        let place = fields.place("LogGroupName");
        harvest.fed.push((self.declared.id.clone(), place));
        Some(Made::LineSubscription(made))
    }
}
