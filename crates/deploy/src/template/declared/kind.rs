//! The kinds of resources that templates may declare: a kind for each way of being read, which may be less than a type.

use super::types;
use crate::template::aside::Aside;
use crate::template::gateway::Part;
use crate::template::{balancer, network};

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    PlainFunction,
    Bucket,
    Table,
    GlobalTable,
    SimpleTable,
    Queue,
    /// A setting of queues.
    QueuePolicy,
    Permission,
    RestApi,
    HttpApi,
    /// A function's; no resource of its own in a template.
    FunctionUrl,
    /// One that is.
    PlainUrl,
    /// Either spelling of it.
    Layer,
    PlainLayer,
    Version,
    Alias,
    Mapping,
    /// By which callers of gateways are known.
    ClientKey,
    Plan,
    PlanKey,
    EventBus,
    EventRule,
    BusPolicy,
    /// It comes to be with its first line.
    LogGroup,
    LogPolicy,
    LineSubscription,
    Archive,
    Connection,
    Address,
    Schedule,
    ScheduleGroup,
    /// APIs whose routes are declared apart, or in a document.
    PlainRest,
    PlainApi,
    /// Of messages.
    SocketApi,
    /// A piece of such an API.
    Part(Part),
    Topic,
    Subscription,
    TopicPolicy,
    /// Of a function, declared apart from it.
    InvokeConfig,
    /// A piece of a load balancer, or such a balancer.
    Balance(balancer::Part),
    /// Stands in front of origins.
    Edge,
    /// They say who may read an origin.
    OriginControl,
    OriginIdentity,
    BucketPolicy,
    /// Whoever something runs as, and what they may do.
    Role,
    RolePolicy,
    PlainPolicy,
    ManagedPolicy,
    /// Of a network, in which nothing runs here.
    Net(network::Part),
    /// It stands beside what runs.
    Aside(&'static Aside),
    /// What an application of the CDK is made of.
    Inventory,
    /// Made by whoever its token names.
    Custom,
    /// A template of its own, by either type.
    Nested,
    Application,
    /// Not supported, which has been reported; it still has a name that others may use.
    Other,
}

impl Kind {
    /// Whether it is known by an id, and not by a name.
    pub(crate) fn is_of_gateways(self) -> bool {
        matches!(
            self,
            Self::RestApi
                | Self::HttpApi
                | Self::FunctionUrl
                | Self::PlainUrl
                | Self::ClientKey
                | Self::Plan
                | Self::PlanKey
                | Self::PlainRest
                | Self::PlainApi
                | Self::SocketApi
                | Self::Part(_)
        )
    }

    pub(crate) fn is_nested(self) -> bool {
        matches!(self, Self::Nested | Self::Application)
    }

    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::FunctionUrl => return "FunctionUrlConfig",
            Self::SocketApi => return Self::PlainApi.type_name(),
            Self::Aside(aside) => return aside.type_name,
            _ => {}
        }
        types::name(self)
    }
}
