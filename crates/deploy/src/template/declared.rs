//! The resources a template declares, before their properties are read.

use std::collections::BTreeSet;

use crate::Context;
use crate::desired::OnRemoval;
use crate::diagnostic::{Finding, Report, Span};
use crate::names;
use crate::template::aside;
use crate::template::balancer;
use crate::template::bucket;
use crate::template::custom;
use crate::template::edge;
use crate::template::gateway::{self, Part};
use crate::template::nearest::did_you_mean;
use crate::template::network;
use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

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
    /// It lets others in, groups them or looks after them.
    Aside(aside::Part),
    /// What an application of the CDK is made of.
    Inventory,
    /// Made by whoever its token names.
    Custom,
    /// Not supported, which has been reported; it still has a name that others may use.
    Other,
}

/// A resource as it is declared.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) id: String,
    pub(crate) id_span: Span,
    pub(crate) kind: Kind,
    /// A mapping, with the globals merged in.
    pub(crate) properties: Node,
    pub(crate) condition: Option<(String, Span)>,
    pub(crate) depends_on: Vec<(String, Span)>,
    pub(crate) on_delete: OnRemoval,
    pub(crate) on_replace: OnRemoval,
    /// It does not stand in the template: the vendor's transform makes it, and whatever it needs to be let in.
    pub(crate) by_transform: bool,
    /// For tools; what is in it may be anything.
    pub(crate) metadata: Option<Node>,
}

const KINDS: &[(&str, Kind)] = &[
    ("AWS::ApiGateway::Account", Kind::Part(Part::Account)),
    ("AWS::ApiGateway::ApiKey", Kind::ClientKey),
    ("AWS::ApiGateway::Authorizer", Kind::Part(Part::Authorizer)),
    ("AWS::ApiGateway::Deployment", Kind::Part(Part::Deployment)),
    (
        "AWS::ApiGateway::GatewayResponse",
        Kind::Part(Part::Refusal),
    ),
    ("AWS::ApiGateway::Method", Kind::Part(Part::Method)),
    ("AWS::ApiGateway::Model", Kind::Part(Part::Model)),
    (
        "AWS::ApiGateway::RequestValidator",
        Kind::Part(Part::Validator),
    ),
    ("AWS::ApiGateway::Resource", Kind::Part(Part::Resource)),
    ("AWS::ApiGateway::RestApi", Kind::PlainRest),
    ("AWS::ApiGateway::Stage", Kind::Part(Part::Stage)),
    ("AWS::ApiGateway::UsagePlan", Kind::Plan),
    ("AWS::ApiGateway::UsagePlanKey", Kind::PlanKey),
    ("AWS::ApiGatewayV2::Api", Kind::PlainApi),
    (
        "AWS::ApiGatewayV2::Authorizer",
        Kind::Part(Part::WebAuthorizer),
    ),
    (
        "AWS::ApiGatewayV2::Deployment",
        Kind::Part(Part::WebDeployment),
    ),
    (
        "AWS::ApiGatewayV2::Integration",
        Kind::Part(Part::WebIntegration),
    ),
    ("AWS::ApiGatewayV2::Route", Kind::Part(Part::WebRoute)),
    (
        "AWS::ApiGatewayV2::RouteResponse",
        Kind::Part(Part::WebRouteResponse),
    ),
    ("AWS::ApiGatewayV2::Stage", Kind::Part(Part::WebStage)),
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        Kind::Aside(aside::Part::ScalingTarget),
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        Kind::Aside(aside::Part::ScalingPolicy),
    ),
    (
        "AWS::ApplicationInsights::Application",
        Kind::Aside(aside::Part::Insights),
    ),
    ("AWS::CDK::Metadata", Kind::Inventory),
    (custom::TYPE, Kind::Custom),
    (
        "AWS::CloudFront::CloudFrontOriginAccessIdentity",
        Kind::OriginIdentity,
    ),
    ("AWS::CloudFront::Distribution", Kind::Edge),
    ("AWS::CloudFront::OriginAccessControl", Kind::OriginControl),
    ("AWS::CloudWatch::Alarm", Kind::Aside(aside::Part::Alarm)),
    (
        "AWS::CloudWatch::Dashboard",
        Kind::Aside(aside::Part::Dashboard),
    ),
    ("AWS::DynamoDB::GlobalTable", Kind::GlobalTable),
    ("AWS::DynamoDB::Table", Kind::Table),
    ("AWS::EC2::EIP", Kind::Net(network::Part::Address)),
    (
        "AWS::EC2::InternetGateway",
        Kind::Net(network::Part::Gateway),
    ),
    ("AWS::EC2::NatGateway", Kind::Net(network::Part::NatGateway)),
    ("AWS::EC2::Route", Kind::Net(network::Part::Route)),
    ("AWS::EC2::RouteTable", Kind::Net(network::Part::RouteTable)),
    ("AWS::EC2::SecurityGroup", Kind::Net(network::Part::Wall)),
    (
        "AWS::EC2::SecurityGroupEgress",
        Kind::Net(network::Part::RuleOut),
    ),
    (
        "AWS::EC2::SecurityGroupIngress",
        Kind::Net(network::Part::RuleIn),
    ),
    ("AWS::EC2::Subnet", Kind::Net(network::Part::Subnet)),
    (
        "AWS::EC2::SubnetRouteTableAssociation",
        Kind::Net(network::Part::SubnetRouteTable),
    ),
    ("AWS::EC2::VPC", Kind::Net(network::Part::Network)),
    (
        "AWS::EC2::VPCGatewayAttachment",
        Kind::Net(network::Part::GatewayAttachment),
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        Kind::Balance(balancer::Part::Listener),
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        Kind::Balance(balancer::Part::Rule),
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        Kind::Balance(balancer::Part::Balancer),
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        Kind::Balance(balancer::Part::Group),
    ),
    ("AWS::Events::ApiDestination", Kind::Address),
    ("AWS::Events::Archive", Kind::Archive),
    ("AWS::Events::Connection", Kind::Connection),
    ("AWS::Events::EventBus", Kind::EventBus),
    ("AWS::Events::EventBusPolicy", Kind::BusPolicy),
    ("AWS::Events::Rule", Kind::EventRule),
    ("AWS::IAM::ManagedPolicy", Kind::ManagedPolicy),
    ("AWS::IAM::Policy", Kind::PlainPolicy),
    ("AWS::IAM::Role", Kind::Role),
    ("AWS::IAM::RolePolicy", Kind::RolePolicy),
    ("AWS::Lambda::Alias", Kind::Alias),
    ("AWS::Lambda::EventInvokeConfig", Kind::InvokeConfig),
    ("AWS::Lambda::EventSourceMapping", Kind::Mapping),
    ("AWS::Lambda::Function", Kind::PlainFunction),
    ("AWS::Lambda::LayerVersion", Kind::PlainLayer),
    ("AWS::Lambda::Permission", Kind::Permission),
    ("AWS::Lambda::Url", Kind::PlainUrl),
    ("AWS::Lambda::Version", Kind::Version),
    ("AWS::Logs::LogGroup", Kind::LogGroup),
    ("AWS::Logs::ResourcePolicy", Kind::LogPolicy),
    ("AWS::Logs::SubscriptionFilter", Kind::LineSubscription),
    (
        "AWS::ResourceGroups::Group",
        Kind::Aside(aside::Part::Group),
    ),
    ("AWS::S3::Bucket", Kind::Bucket),
    ("AWS::S3::BucketPolicy", Kind::BucketPolicy),
    ("AWS::SNS::Subscription", Kind::Subscription),
    ("AWS::SNS::Topic", Kind::Topic),
    ("AWS::SNS::TopicPolicy", Kind::TopicPolicy),
    ("AWS::SQS::Queue", Kind::Queue),
    ("AWS::SQS::QueuePolicy", Kind::QueuePolicy),
    ("AWS::Scheduler::Schedule", Kind::Schedule),
    ("AWS::Scheduler::ScheduleGroup", Kind::ScheduleGroup),
    ("AWS::Serverless::Api", Kind::RestApi),
    (
        "AWS::Serverless::Connector",
        Kind::Aside(aside::Part::Connector),
    ),
    ("AWS::Serverless::Function", Kind::Function),
    ("AWS::Serverless::HttpApi", Kind::HttpApi),
    ("AWS::Serverless::LayerVersion", Kind::Layer),
    ("AWS::Serverless::SimpleTable", Kind::SimpleTable),
];

/// What CloudFormation takes in one template.
const MAX_RESOURCES: usize = 500;

/// What a resource may say beside its properties.
const ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "Connectors",
];

/// What it may say that nothing reads, here or in the cloud.
const IDLE_ATTRIBUTES: &[&str] = &["Description"];

/// Attributes that exist, but that nothing here obeys.
const REFUSED_ATTRIBUTES: &[(&str, &str)] = &[
    ("CreationPolicy", "nothing here sends creation signals"),
    ("UpdatePolicy", "updates are not staged"),
];

pub(crate) fn declared(section: Option<&Node>, report: &Report) -> Vec<Declared> {
    let Some(section) = section else {
        report.add(
            Finding::placeless("the template has no section `Resources`")
                .help("a template must declare at least one resource"),
        );
        return Vec::new();
    };
    let Some(entries) = section.entries() else {
        report.add(
            Finding::error(section.span, "`Resources` must be a mapping")
                .why(format!("it is {}", section.kind())),
        );
        return Vec::new();
    };
    if entries.len() > MAX_RESOURCES {
        report.add(Finding::error(
            entries[MAX_RESOURCES].key_span,
            format!("a template has at most {MAX_RESOURCES} resources"),
        ));
        return Vec::new();
    }
    entries.iter().map(|entry| declare(entry, report)).collect()
}

fn declare(entry: &Entry, report: &Report) -> Declared {
    let mut declared = Declared {
        id: entry.key.clone(),
        id_span: entry.key_span,
        kind: Kind::Other,
        properties: Node::new(entry.key_span, Value::Map(Vec::new())),
        condition: None,
        depends_on: Vec::new(),
        on_delete: OnRemoval::Delete,
        on_replace: OnRemoval::Delete,
        by_transform: false,
        metadata: None,
    };
    let alphanumeric = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if entry.key.is_empty() || entry.key.len() > 255 || !alphanumeric(&entry.key) {
        report.add(
            Finding::error(
                entry.key_span,
                format!("`{}` cannot be a logical id", entry.key),
            )
            .why("logical ids are made of letters and digits")
            .help("leave out dashes, underscores and dots"),
        );
        // Later code relies on logical ids being plain.
        return declared;
    }
    let Some(attributes) = entry.value.entries() else {
        report.add(
            Finding::error(entry.key_span, format!("`{}` declares nothing", entry.key))
                .why(format!(
                    "its value is {}, not a mapping",
                    entry.value.kind()
                ))
                .help("give it a `Type` and its `Properties`"),
        );
        return declared;
    };
    if let Some(of) = entry.value.get("Type") {
        declared.kind = kind(of, report);
    }
    for attribute in attributes {
        read_attribute(&mut declared, attribute, report);
    }
    let protocol = declared
        .properties
        .get("ProtocolType")
        .and_then(Node::scalar);
    if declared.kind == Kind::PlainApi && protocol == Some("WEBSOCKET") {
        declared.kind = Kind::SocketApi;
    }
    if entry.value.get("Type").is_none() {
        report.add(Finding::error(
            entry.key_span,
            format!("`{}` has no `Type`", entry.key),
        ));
    }
    declared
}

fn read_attribute(declared: &mut Declared, attribute: &Entry, report: &Report) {
    let value = &attribute.value;
    let must_be = |what: &str| {
        Finding::error(value.span, format!("`{}` must be {what}", attribute.key))
            .why(format!("this is {}", value.kind()))
    };
    match attribute.key.as_str() {
        "Type" => {}
        // The vendor's own examples say so of custom resources, of which there has been one version.
        "Version" if declared.kind == Kind::Custom => {}
        "Properties" => match &value.value {
            Value::Map(_) => declared.properties = value.clone(),
            Value::Null | Value::Broken => {}
            _ => report.add(must_be("a mapping")),
        },
        "Condition" => match value.scalar() {
            Some(name) => declared.condition = Some((name.to_owned(), value.span)),
            None => report.add(must_be("the name of a condition")),
        },
        "DependsOn" => match depends_on(value) {
            Some(ids) => declared.depends_on = ids,
            None => report.add(must_be("a logical id, or a list of them")),
        },
        "DeletionPolicy" => match on_removal(value) {
            Some(policy) => declared.on_delete = policy,
            None => report.add(must_be("Delete, Retain or RetainExceptOnCreate")),
        },
        "UpdateReplacePolicy" => match on_removal(value) {
            Some(policy) => declared.on_replace = policy,
            None => report.add(must_be("Delete or Retain")),
        },
        "Metadata" => declared.metadata = Some(value.clone()),
        // Connectors are permissions, of which there are none to give.
        "Connectors" => {}
        idle if IDLE_ATTRIBUTES.contains(&idle) => report.add(
            Finding::notice(
                attribute.key_span,
                format!("`{idle}` of a resource has no effect"),
            )
            .why("it stands beside `Properties`, where nothing reads it"),
        ),
        other => unknown_attribute(other, attribute.key_span, report),
    }
}

fn unknown_attribute(name: &str, span: Span, report: &Report) {
    let refused = REFUSED_ATTRIBUTES.iter().find(|(known, _)| *known == name);
    report.add(match refused {
        Some((_, why)) => Finding::error(span, format!("`{name}` is not supported")).why(*why),
        None => Finding::error(span, format!("a resource has no attribute `{name}`")).help(
            match did_you_mean(name, ATTRIBUTES.iter().copied()) {
                Some(suggestion) => suggestion,
                None => "if it is a property, indent it under `Properties`".to_owned(),
            },
        ),
    });
}

fn kind(value: &Node, report: &Report) -> Kind {
    let Some(name) = value.scalar() else {
        report.add(
            Finding::error(value.span, "`Type` must be the name of a resource type")
                .why(format!("this is {}", value.kind())),
        );
        return Kind::Other;
    };
    if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == name) {
        return *kind;
    }
    if custom::is_type(name, value.span, report) {
        return Kind::Custom;
    }
    let names = || KINDS.iter().map(|(name, _)| *name);
    let finding = if name.starts_with("AWS::") {
        Finding::error(value.span, format!("`{name}` is not supported yet"))
    } else {
        Finding::error(value.span, format!("there is no resource type `{name}`"))
    };
    let help = did_you_mean(name, names());
    report.add(finding.help(help.unwrap_or_else(|| supported(name))));
    Kind::Other
}

/// Of the service that `name` is of, or which services there are.
fn supported(name: &str) -> String {
    let split = |name: &'static str| name.rsplit_once("::").unwrap_or_default();
    let known = || KINDS.iter().map(|(name, _)| split(name));
    let service = name.rsplit_once("::").unwrap_or_default().0;
    let types: Vec<&str> = known()
        .filter_map(|(of, kind)| (of == service).then_some(kind))
        .collect();
    if !types.is_empty() {
        return format!("of {service}, supported are {}", types.join(", "));
    }
    let services: BTreeSet<&str> = known().map(|(of, _)| of).collect();
    let services: Vec<&str> = services.into_iter().collect();
    format!("supported are types of {}", services.join(", "))
}

fn depends_on(value: &Node) -> Option<Vec<(String, Span)>> {
    let one = |node: &Node| Some((node.scalar()?.to_owned(), node.span));
    match &value.value {
        Value::List(items) => items.iter().map(one).collect(),
        _ => Some(vec![one(value)?]),
    }
}

fn on_removal(value: &Node) -> Option<OnRemoval> {
    match value.scalar()? {
        "Delete" => Some(OnRemoval::Delete),
        // The exception is for a creation that is rolled back; there is no roll-back here that deletes.
        "Retain" | "RetainExceptOnCreate" => Some(OnRemoval::Retain),
        _ => None,
    }
}

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
        names::generated(&context.stack, &id, &context.suffix, 64)
    }

    pub(crate) fn truth(&self, scope: &crate::template::scope::Scope<'_>) -> Option<bool> {
        match &self.condition {
            Some((name, span)) => scope.holds(name, *span),
            None => Some(true),
        }
    }
}

/// What a logical id in a reference stands for.
pub(crate) enum Target<'a> {
    Resource(&'a Declared),
    /// `<Function>Role`, which is written nowhere but can be referred to.
    Role(&'a Declared),
    /// `<Function>.Alias`, the alias that is published to with each deployment.
    Alias(&'a Declared),
    /// `<Function>.Version`, the version that the alias is moved to.
    Version(&'a Declared),
}

/// Stands around what is known only when it is made: the number of a version.
pub(crate) const MARK: char = '\u{e000}';

impl<'a> Target<'a> {
    pub(crate) fn find(declared: &'a [Declared], id: &str) -> Option<Self> {
        let named = |id: &str| declared.iter().find(|one| one.id == id);
        if let Some(resource) = named(id) {
            return Some(Self::Resource(resource));
        }
        let publishing = |id: &str| {
            named(id).filter(|one| {
                one.kind == Kind::Function && one.properties.get("AutoPublishAlias").is_some()
            })
        };
        if let Some(id) = id.strip_suffix(".Alias") {
            return publishing(id).map(Self::Alias);
        }
        if let Some(id) = id.strip_suffix(".Version") {
            return publishing(id).map(Self::Version);
        }
        let function = named(id.strip_suffix("Role")?)?;
        let makes_role =
            function.kind == Kind::Function && function.properties.get("Role").is_none();
        makes_role.then_some(Self::Role(function))
    }

    pub(crate) fn declared(&self) -> &'a Declared {
        match self {
            Self::Resource(declared)
            | Self::Role(declared)
            | Self::Alias(declared)
            | Self::Version(declared) => declared,
        }
    }

    /// The attributes that can be asked for; none when that is not known.
    pub(crate) fn attributes(&self) -> Option<&'static [(&'static str, Attribute)]> {
        match self {
            Self::Resource(declared) => declared.kind.attributes(),
            Self::Role(_) => Some(&[("Arn", Attribute::Obeyed)]),
            Self::Alias(_) | Self::Version(_) => Some(&[]),
        }
    }
}

/// Whether an attribute has a value here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute {
    Obeyed,
    /// It exists, but has none; why.
    Refused(&'static str),
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
            Self::Aside(part) => part.name_property(),
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
            | Self::Other => None,
        }
    }

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
            Self::RolePolicy | Self::PlainPolicy | Self::ManagedPolicy => 128,
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

    fn attributes(self) -> Option<&'static [(&'static str, Attribute)]> {
        use Attribute::{Obeyed, Refused};
        match self {
            Self::Function | Self::PlainFunction => Some(&[
                ("Arn", Obeyed),
                ("SnapStartResponse", Refused("SnapStart is not supported")),
            ]),
            Self::Bucket => Some(&[
                ("Arn", Obeyed),
                ("DomainName", Obeyed),
                ("DualStackDomainName", Obeyed),
                ("RegionalDomainName", Obeyed),
                ("WebsiteURL", Obeyed),
            ]),
            Self::Table => Some(&[("Arn", Obeyed), ("StreamArn", Obeyed)]),
            Self::GlobalTable => Some(&[
                ("Arn", Obeyed),
                ("StreamArn", Obeyed),
                ("TableId", Refused("it is known only when it is made")),
            ]),
            Self::SimpleTable => Some(&[
                ("Arn", Obeyed),
                ("StreamArn", Refused("a SimpleTable has no stream")),
            ]),
            Self::Queue => Some(&[("Arn", Obeyed), ("QueueName", Obeyed), ("QueueUrl", Obeyed)]),
            Self::QueuePolicy => Some(&[("Id", Obeyed)]),
            Self::Permission => Some(&[]),
            Self::RestApi => Some(&[(
                "RootResourceId",
                Refused("resources of APIs have no ids here"),
            )]),
            Self::HttpApi => Some(&[("ApiEndpoint", Obeyed)]),
            Self::PlainRest => Some(&[("RestApiId", Obeyed), ("RootResourceId", Obeyed)]),
            Self::PlainApi | Self::SocketApi => Some(&[("ApiEndpoint", Obeyed), ("ApiId", Obeyed)]),
            Self::Part(part) => Some(match part {
                Part::Resource => &[("ResourceId", Obeyed)],
                Part::Authorizer | Part::WebAuthorizer => &[("AuthorizerId", Obeyed)],
                Part::Deployment | Part::WebDeployment => &[("DeploymentId", Obeyed)],
                Part::Validator => &[("RequestValidatorId", Obeyed)],
                Part::WebIntegration => &[("IntegrationId", Obeyed)],
                Part::WebRoute => &[("RouteId", Obeyed)],
                _ => &[],
            }),
            Self::FunctionUrl => Some(&[("FunctionUrl", Obeyed)]),
            Self::PlainUrl => Some(&[("FunctionArn", Obeyed), ("FunctionUrl", Obeyed)]),
            Self::Layer | Self::PlainLayer => Some(&[("LayerVersionArn", Obeyed)]),
            Self::Version => Some(&[("FunctionArn", Obeyed), ("Version", Obeyed)]),
            Self::Alias => Some(&[("AliasArn", Obeyed)]),
            Self::Mapping => {
                const WHY: &str = "its id is known only when it is made";
                Some(&[
                    ("EventSourceMappingArn", Refused(WHY)),
                    ("Id", Refused(WHY)),
                ])
            }
            Self::Balance(part) => Some(part.attributes()),
            Self::Net(part) => Some(part.attributes()),
            Self::Aside(part) => Some(part.attributes()),
            Self::Edge => Some(&[("DomainName", Obeyed), ("Id", Obeyed)]),
            Self::OriginControl => Some(&[("Id", Obeyed)]),
            Self::OriginIdentity => Some(&[("Id", Obeyed), ("S3CanonicalUserId", Obeyed)]),
            Self::BucketPolicy => Some(&[]),
            Self::ClientKey => Some(&[("APIKeyId", Obeyed)]),
            Self::EventBus => Some(&[
                ("Arn", Obeyed),
                ("Name", Obeyed),
                ("Policy", Refused("it is known only when it is made")),
            ]),
            Self::EventRule | Self::Schedule => Some(&[("Arn", Obeyed)]),
            Self::ScheduleGroup => {
                const WHY: &str = "it is known only when it is made";
                Some(&[
                    ("Arn", Obeyed),
                    ("CreationDate", Refused(WHY)),
                    ("LastModificationDate", Refused(WHY)),
                    ("State", Refused(WHY)),
                ])
            }
            Self::Archive => Some(&[("Arn", Obeyed), ("ArchiveName", Obeyed)]),
            Self::Connection => Some(&[
                ("Arn", Obeyed),
                ("ArnForPolicy", Obeyed),
                ("SecretArn", Refused("secrets are kept with the connection")),
            ]),
            Self::Address => Some(&[("Arn", Obeyed), ("ArnForPolicy", Obeyed)]),
            Self::LogGroup => Some(&[("Arn", Obeyed)]),
            Self::BusPolicy | Self::LogPolicy | Self::LineSubscription | Self::RolePolicy => {
                Some(&[])
            }
            Self::Role => Some(&[
                ("Arn", Obeyed),
                ("RoleId", Refused("roles have no ids here")),
            ]),
            Self::PlainPolicy => Some(&[("Id", Obeyed)]),
            Self::ManagedPolicy => Some(&[("PolicyArn", Obeyed)]),
            Self::Plan | Self::PlanKey => Some(&[("Id", Obeyed)]),
            Self::Topic => Some(&[("TopicArn", Obeyed), ("TopicName", Obeyed)]),
            Self::Subscription => Some(&[("Arn", Refused("its id is known only when it is made"))]),
            Self::TopicPolicy | Self::InvokeConfig | Self::Inventory => Some(&[]),
            // It has those that its maker says.
            Self::Custom | Self::Other => None,
        }
    }

    /// The value of an attribute of the resource with this physical name.
    pub(crate) fn attribute(self, name: &str, physical: &str, context: &Context) -> Option<String> {
        let arn = |service: &str, place: &str, resource: String| {
            let partition = context.partition();
            format!("arn:{partition}:{service}:{place}:{resource}")
        };
        let here = format!("{}:{}", context.region, context.account);
        let region = &context.region;
        let suffix = context.url_suffix();
        match (self, name) {
            (Self::Function | Self::PlainFunction, "Arn") => {
                Some(arn("lambda", &here, format!("function:{physical}")))
            }
            (Self::Bucket, "Arn") => Some(arn("s3", ":", physical.to_owned())),
            (Self::Bucket, "DomainName") => Some(format!("{physical}.s3.{suffix}")),
            (Self::Bucket, "RegionalDomainName") => {
                Some(format!("{physical}.s3.{region}.{suffix}"))
            }
            (Self::Bucket, "DualStackDomainName") => {
                Some(format!("{physical}.s3.dualstack.{region}.{suffix}"))
            }
            (Self::Bucket, "WebsiteURL") => {
                let host = bucket::website_host(physical, region);
                Some(format!("http://{host}.{suffix}"))
            }
            (Self::Table | Self::GlobalTable | Self::SimpleTable, "Arn") => {
                Some(arn("dynamodb", &here, format!("table/{physical}")))
            }
            (Self::Topic, "TopicArn") => Some(arn("sns", &here, physical.to_owned())),
            (Self::Topic, "TopicName") => Some(physical.to_owned()),
            (Self::EventBus, "Name") | (Self::Archive, "ArchiveName") => Some(physical.to_owned()),
            (Self::ScheduleGroup, "Arn") => Some(arn(
                "scheduler",
                &here,
                format!("schedule-group/{physical}"),
            )),
            (Self::LogGroup, "Arn") => Some(arn("logs", &here, format!("log-group:{physical}:*"))),
            (Self::EventBus, "Arn") => Some(arn("events", &here, format!("event-bus/{physical}"))),
            (Self::Archive, "Arn") => Some(arn("events", &here, format!("archive/{physical}"))),
            (Self::Connection, "Arn") => {
                let id = &context.suffix;
                Some(arn("events", &here, format!("connection/{physical}/{id}")))
            }
            (Self::Address, "Arn") => {
                let id = &context.suffix;
                Some(arn(
                    "events",
                    &here,
                    format!("api-destination/{physical}/{id}"),
                ))
            }
            (Self::Connection, "ArnForPolicy") => {
                Some(arn("events", &here, format!("connection/{physical}")))
            }
            (Self::Address, "ArnForPolicy") => {
                Some(arn("events", &here, format!("api-destination/{physical}")))
            }
            (Self::Queue, "Arn") => Some(arn("sqs", &here, physical.to_owned())),
            (Self::Queue, "QueueUrl") => Some(context.queue_url(physical)),
            (Self::Queue, "QueueName") | (Self::QueuePolicy, "Id") => Some(physical.to_owned()),
            (Self::HttpApi | Self::PlainApi, "ApiEndpoint") => {
                Some(format!("https://{physical}.execute-api.{region}.{suffix}"))
            }
            (Self::SocketApi, "ApiEndpoint") => {
                Some(format!("wss://{physical}.execute-api.{region}.{suffix}"))
            }
            (Self::PlainRest, "RootResourceId") => Some(gateway::root(physical)),
            (Self::PlainRest | Self::PlainApi | Self::SocketApi | Self::Part(_), _) => {
                Some(physical.to_owned())
            }
            (Self::ClientKey, "APIKeyId") | (Self::Plan | Self::PlanKey, "Id") => {
                Some(physical.to_owned())
            }
            (Self::PlainPolicy, "Id") => Some(physical.to_owned()),
            (Self::Net(part), _) => Some(part.attribute(name, physical)),
            (Self::Aside(part), _) => Some(arn(part.service(), &here, part.resource(physical))),
            (Self::Edge, "DomainName") => Some(edge::domain(physical)),
            (Self::Edge | Self::OriginControl | Self::OriginIdentity, _) => {
                Some(physical.to_owned())
            }
            (Self::FunctionUrl | Self::PlainUrl, "FunctionUrl") => {
                Some(format!("https://{physical}.lambda-url.{region}.on.aws/"))
            }
            _ => None,
        }
    }

    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::FunctionUrl => return "FunctionUrlConfig",
            Self::SocketApi => return Self::PlainApi.type_name(),
            _ => {}
        }
        KINDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }
}
