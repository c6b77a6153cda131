//! The attributes of resources: which there are, and what those are worth that follow from a name.

use Attribute::{Obeyed, Refused};

use super::Kind;
use crate::Context;
use crate::template::gateway::{self, Part};
use crate::template::{aside, bucket, edge};

/// Whether an attribute has a value here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute {
    Obeyed,
    /// It follows from the resource's name by this pattern: see `aside::fill`.
    Made(&'static str),
    /// It exists, but has none; why.
    Refused(&'static str),
}

pub(crate) type Attributes = &'static [(&'static str, Attribute)];

const ONLY_WHEN_MADE: &str = "it is known only when it is made";
const ID_ONLY_WHEN_MADE: &str = "its id is known only when it is made";

const FUNCTION: Attributes = &[
    ("Arn", Obeyed),
    ("SnapStartResponse", Refused("SnapStart is not supported")),
];
const BUCKET: Attributes = &[
    ("Arn", Obeyed),
    ("DomainName", Obeyed),
    ("DualStackDomainName", Obeyed),
    ("RegionalDomainName", Obeyed),
    ("WebsiteURL", Obeyed),
];
const GLOBAL_TABLE: Attributes = &[
    ("Arn", Obeyed),
    ("StreamArn", Obeyed),
    ("TableId", Refused(ONLY_WHEN_MADE)),
];
const SIMPLE_TABLE: Attributes = &[
    ("Arn", Obeyed),
    ("StreamArn", Refused("a SimpleTable has no stream")),
];
const REST_API: Attributes = &[(
    "RootResourceId",
    Refused("resources of APIs have no ids here"),
)];
const MAPPING: Attributes = &[
    ("EventSourceMappingArn", Refused(ID_ONLY_WHEN_MADE)),
    ("Id", Refused(ID_ONLY_WHEN_MADE)),
];
const EVENT_BUS: Attributes = &[
    ("Arn", Obeyed),
    ("Name", Obeyed),
    ("Policy", Refused(ONLY_WHEN_MADE)),
];
const SCHEDULE_GROUP: Attributes = &[
    ("Arn", Obeyed),
    ("CreationDate", Refused(ONLY_WHEN_MADE)),
    ("LastModificationDate", Refused(ONLY_WHEN_MADE)),
    ("State", Refused(ONLY_WHEN_MADE)),
];
const CONNECTION: Attributes = &[
    ("Arn", Obeyed),
    ("ArnForPolicy", Obeyed),
    ("SecretArn", Refused("secrets are kept with the connection")),
];
const ROLE: Attributes = &[
    ("Arn", Obeyed),
    ("RoleId", Refused("roles have no ids here")),
];
const SUBSCRIPTION: Attributes = &[("Arn", Refused(ID_ONLY_WHEN_MADE))];

impl Kind {
    /// Those that can be asked for; none when that is not known.
    pub(super) fn attributes(self) -> Option<Attributes> {
        Some(match self {
            Self::Function | Self::PlainFunction => FUNCTION,
            Self::Bucket => BUCKET,
            Self::Table => &[("Arn", Obeyed), ("StreamArn", Obeyed)],
            Self::GlobalTable => GLOBAL_TABLE,
            Self::SimpleTable => SIMPLE_TABLE,
            Self::Queue => &[("Arn", Obeyed), ("QueueName", Obeyed), ("QueueUrl", Obeyed)],
            Self::RestApi => REST_API,
            Self::HttpApi => &[("ApiEndpoint", Obeyed)],
            Self::PlainRest => &[("RestApiId", Obeyed), ("RootResourceId", Obeyed)],
            Self::PlainApi | Self::SocketApi => &[("ApiEndpoint", Obeyed), ("ApiId", Obeyed)],
            Self::Part(part) => of_part(part),
            Self::FunctionUrl => &[("FunctionUrl", Obeyed)],
            Self::PlainUrl => &[("FunctionArn", Obeyed), ("FunctionUrl", Obeyed)],
            Self::Layer | Self::PlainLayer => &[("LayerVersionArn", Obeyed)],
            Self::Version => &[("FunctionArn", Obeyed), ("Version", Obeyed)],
            Self::Alias => &[("AliasArn", Obeyed)],
            Self::Mapping => MAPPING,
            Self::Balance(part) => part.attributes(),
            Self::Net(part) => part.attributes(),
            Self::Aside(aside) => aside.attributes,
            Self::Edge => &[("DomainName", Obeyed), ("Id", Obeyed)],
            Self::OriginIdentity => &[("Id", Obeyed), ("S3CanonicalUserId", Obeyed)],
            Self::ClientKey => &[("APIKeyId", Obeyed)],
            Self::EventBus => EVENT_BUS,
            Self::EventRule | Self::Schedule | Self::LogGroup => &[("Arn", Obeyed)],
            Self::ScheduleGroup => SCHEDULE_GROUP,
            Self::Archive => &[("Arn", Obeyed), ("ArchiveName", Obeyed)],
            Self::Connection => CONNECTION,
            Self::Address => &[("Arn", Obeyed), ("ArnForPolicy", Obeyed)],
            Self::Role => ROLE,
            Self::ManagedPolicy => &[("PolicyArn", Obeyed)],
            Self::QueuePolicy
            | Self::OriginControl
            | Self::PlainPolicy
            | Self::Plan
            | Self::PlanKey => &[("Id", Obeyed)],
            Self::Topic => &[("TopicArn", Obeyed), ("TopicName", Obeyed)],
            Self::Subscription => SUBSCRIPTION,
            Self::Permission
            | Self::BucketPolicy
            | Self::BusPolicy
            | Self::LogPolicy
            | Self::LineSubscription
            | Self::RolePolicy
            | Self::TopicPolicy
            | Self::InvokeConfig
            | Self::Inventory => &[],
            // It has those that its maker says, or the outputs of its template.
            Self::Custom | Self::Nested | Self::Application | Self::Other => return None,
        })
    }

    /// The value of an attribute of the resource with this physical name.
    pub(crate) fn attribute(self, name: &str, physical: &str, context: &Context) -> Option<String> {
        let region = &context.region;
        let suffix = context.url_suffix();
        match (self, name) {
            (Self::Bucket, _) => of_bucket(name, physical, context),
            (Self::Queue, "QueueUrl") => Some(context.queue_url(physical)),
            (Self::HttpApi | Self::PlainApi, "ApiEndpoint") => {
                Some(format!("https://{physical}.execute-api.{region}.{suffix}"))
            }
            (Self::SocketApi, "ApiEndpoint") => {
                Some(format!("wss://{physical}.execute-api.{region}.{suffix}"))
            }
            (Self::PlainRest, "RootResourceId") => Some(gateway::root(physical)),
            (Self::FunctionUrl | Self::PlainUrl, "FunctionUrl") => {
                Some(format!("https://{physical}.lambda-url.{region}.on.aws/"))
            }
            (Self::Edge, "DomainName") => Some(edge::domain(physical)),
            (Self::Net(part), _) => Some(part.attribute(name, physical)),
            (Self::Aside(aside), _) => {
                let made = aside.attributes.iter().find(|(known, _)| *known == name)?;
                match made.1 {
                    Attribute::Made(pattern) => Some(aside::fill(pattern, physical, context)),
                    Obeyed | Refused(_) => None,
                }
            }
            (Self::Topic, "TopicName")
            | (Self::EventBus, "Name")
            | (Self::Archive, "ArchiveName")
            | (Self::Queue, "QueueName")
            | (Self::ClientKey, "APIKeyId")
            | (Self::QueuePolicy | Self::Plan | Self::PlanKey | Self::PlainPolicy, "Id")
            | (
                Self::PlainRest
                | Self::PlainApi
                | Self::SocketApi
                | Self::Part(_)
                | Self::Edge
                | Self::OriginControl
                | Self::OriginIdentity,
                _,
            ) => Some(physical.to_owned()),
            _ => self.arn(name, physical, context),
        }
    }

    fn arn(self, attribute: &str, physical: &str, context: &Context) -> Option<String> {
        let id = &context.suffix;
        let (service, resource) = match (self, attribute) {
            (Self::Function | Self::PlainFunction, "Arn") => {
                ("lambda", format!("function:{physical}"))
            }
            (Self::Table | Self::GlobalTable | Self::SimpleTable, "Arn") => {
                ("dynamodb", format!("table/{physical}"))
            }
            (Self::Topic, "TopicArn") => ("sns", physical.to_owned()),
            (Self::Queue, "Arn") => ("sqs", physical.to_owned()),
            (Self::ScheduleGroup, "Arn") => ("scheduler", format!("schedule-group/{physical}")),
            (Self::LogGroup, "Arn") => ("logs", format!("log-group:{physical}:*")),
            (Self::EventBus, "Arn") => ("events", format!("event-bus/{physical}")),
            (Self::Archive, "Arn") => ("events", format!("archive/{physical}")),
            (Self::Connection, "Arn") => ("events", format!("connection/{physical}/{id}")),
            (Self::Connection, "ArnForPolicy") => ("events", format!("connection/{physical}")),
            (Self::Address, "Arn") => ("events", format!("api-destination/{physical}/{id}")),
            (Self::Address, "ArnForPolicy") => ("events", format!("api-destination/{physical}")),
            _ => return None,
        };
        Some(context.arn(service, &resource))
    }
}

fn of_part(part: Part) -> Attributes {
    match part {
        Part::Resource => &[("ResourceId", Obeyed)],
        Part::Authorizer | Part::WebAuthorizer => &[("AuthorizerId", Obeyed)],
        Part::Deployment | Part::WebDeployment => &[("DeploymentId", Obeyed)],
        Part::Validator => &[("RequestValidatorId", Obeyed)],
        Part::WebIntegration => &[("IntegrationId", Obeyed)],
        Part::WebRoute => &[("RouteId", Obeyed)],
        _ => &[],
    }
}

fn of_bucket(attribute: &str, bucket: &str, context: &Context) -> Option<String> {
    let (partition, region) = (context.partition(), &context.region);
    let suffix = context.url_suffix();
    Some(match attribute {
        "Arn" => format!("arn:{partition}:s3:::{bucket}"),
        "DomainName" => format!("{bucket}.s3.{suffix}"),
        "RegionalDomainName" => format!("{bucket}.s3.{region}.{suffix}"),
        "DualStackDomainName" => format!("{bucket}.s3.dualstack.{region}.{suffix}"),
        "WebsiteURL" => {
            let host = bucket::website_host(bucket, region);
            format!("http://{host}.{suffix}")
        }
        _ => return None,
    })
}
