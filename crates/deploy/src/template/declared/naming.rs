//! What resources are called: by the property that names them, or else by a name that is made.

use super::{Declared, Kind};
use crate::Context;
use crate::names;
use crate::template::gateway::Part;
use crate::template::tree::Node;
use crate::template::{balancer, edge, scalar};

impl Declared {
    /// The property by which the template names the resource.
    pub(crate) fn given_name(&self) -> Option<&Node> {
        self.properties.get(self.kind.name_property()?)
    }

    pub(crate) fn generated_name(&self, context: &Context) -> String {
        if matches!(
            self.kind,
            Kind::Edge | Kind::OriginControl | Kind::OriginIdentity
        ) {
            return edge::id(&self.id, context);
        }
        if let Kind::Net(part) = self.kind {
            return part.id(&self.id, context);
        }
        if self.kind.is_of_gateways() {
            return names::gateway(&context.stack, &self.id, &context.suffix);
        }
        let name = names::generated(
            &context.stack,
            &self.id,
            &context.suffix,
            self.kind.longest_name(),
        );
        let ordered = self.properties.get("FifoTopic").and_then(scalar::boolean);
        match self.kind {
            Kind::Bucket => name.to_lowercase(),
            Kind::Topic if ordered == Some(true) => format!("{name}.fifo"),
            _ => name,
        }
    }

    /// The role that the vendor's transform makes for a function that names none.
    pub(crate) fn role_name(&self, context: &Context) -> String {
        let id = format!("{}Role", self.id);
        names::generated(
            &context.stack,
            &id,
            &context.suffix,
            Kind::Role.longest_name(),
        )
    }
}

impl Kind {
    pub(crate) fn name_property(self) -> Option<&'static str> {
        match self {
            Self::Function | Self::PlainFunction => Some("FunctionName"),
            Self::Bucket => Some("BucketName"),
            Self::Table | Self::GlobalTable | Self::SimpleTable => Some("TableName"),
            Self::Queue => Some("QueueName"),
            Self::Layer | Self::PlainLayer => Some("LayerName"),
            Self::Topic => Some("TopicName"),
            Self::Part(Part::Stage | Part::WebStage) => Some("StageName"),
            Self::Part(Part::Model)
            | Self::Balance(balancer::Part::Balancer | balancer::Part::Group)
            | Self::EventBus
            | Self::EventRule
            | Self::Connection
            | Self::Address
            | Self::Schedule
            | Self::ScheduleGroup => Some("Name"),
            Self::Archive => Some("ArchiveName"),
            Self::LogGroup => Some("LogGroupName"),
            Self::LineSubscription => Some("FilterName"),
            Self::LogPolicy | Self::PlainPolicy | Self::RolePolicy => Some("PolicyName"),
            Self::ManagedPolicy => Some("ManagedPolicyName"),
            Self::Role => Some("RoleName"),
            Self::Aside(aside) => aside.name,
            Self::Part(_)
            | Self::Balance(_)
            | Self::Edge
            | Self::OriginControl
            | Self::OriginIdentity
            | Self::BucketPolicy
            | Self::Net(_)
            | Self::PlainRest
            | Self::PlainApi
            | Self::SocketApi
            | Self::QueuePolicy
            | Self::Permission
            | Self::RestApi
            | Self::HttpApi
            | Self::FunctionUrl
            | Self::PlainUrl
            | Self::Version
            | Self::Alias
            | Self::Mapping
            | Self::ClientKey
            | Self::Plan
            | Self::PlanKey
            | Self::Subscription
            | Self::TopicPolicy
            | Self::InvokeConfig
            | Self::BusPolicy
            | Self::Inventory
            | Self::Custom
            | Self::Nested
            | Self::Application
            | Self::Other => None,
        }
    }

    fn longest_name(self) -> usize {
        match self {
            Self::Bucket => 63,
            Self::Function
            | Self::PlainFunction
            | Self::EventRule
            | Self::Connection
            | Self::Address
            | Self::Schedule
            | Self::ScheduleGroup
            | Self::Role => 64,
            Self::RolePolicy
            | Self::PlainPolicy
            | Self::ManagedPolicy
            | Self::Nested
            | Self::Application => 128,
            Self::Archive => 48,
            Self::Layer | Self::PlainLayer => 140,
            // Room for the ending of those that keep order.
            Self::Topic => 251,
            Self::Balance(_) => 32,
            Self::Queue => 80,
            Self::QueuePolicy
            | Self::Table
            | Self::GlobalTable
            | Self::SimpleTable
            | Self::EventBus
            | Self::BusPolicy
            | Self::LogGroup
            | Self::LogPolicy
            | Self::LineSubscription
            | Self::Permission
            | Self::RestApi
            | Self::HttpApi
            | Self::FunctionUrl
            | Self::PlainUrl
            | Self::Version
            | Self::Alias
            | Self::Mapping
            | Self::ClientKey
            | Self::Plan
            | Self::PlanKey
            | Self::PlainRest
            | Self::PlainApi
            | Self::SocketApi
            | Self::Edge
            | Self::OriginControl
            | Self::OriginIdentity
            | Self::BucketPolicy
            | Self::Net(_)
            | Self::Aside(_)
            | Self::Part(_)
            | Self::Subscription
            | Self::TopicPolicy
            | Self::InvokeConfig
            | Self::Inventory
            | Self::Custom
            | Self::Other => 255,
        }
    }
}
