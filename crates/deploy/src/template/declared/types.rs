//! Which types there are: what a `Type` may say, and what it is read as.

use std::collections::BTreeSet;

use super::Kind;
use crate::diagnostic::{Finding, Report};
use crate::template::gateway::Part;
use crate::template::nearest::did_you_mean;
use crate::template::tree::Node;
use crate::template::{aside, balancer, custom, network};

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
    ("AWS::CDK::Metadata", Kind::Inventory),
    (custom::TYPE, Kind::Custom),
    ("AWS::CloudFormation::Stack", Kind::Nested),
    (
        "AWS::CloudFront::CloudFrontOriginAccessIdentity",
        Kind::OriginIdentity,
    ),
    ("AWS::CloudFront::Distribution", Kind::Edge),
    ("AWS::CloudFront::OriginAccessControl", Kind::OriginControl),
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
    ("AWS::EC2::VPCEndpoint", Kind::Net(network::Part::Endpoint)),
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
    ("AWS::Serverless::Application", Kind::Application),
    ("AWS::Serverless::Function", Kind::Function),
    ("AWS::Serverless::HttpApi", Kind::HttpApi),
    ("AWS::Serverless::LayerVersion", Kind::Layer),
    ("AWS::Serverless::SimpleTable", Kind::SimpleTable),
];

pub(super) fn kind(value: &Node, report: &Report) -> Kind {
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
    if let Some(aside) = aside::find(name) {
        return Kind::Aside(aside);
    }
    if custom::is_type(name, value.span, report) {
        return Kind::Custom;
    }
    let finding = if name.starts_with("AWS::") {
        Finding::error(value.span, format!("`{name}` is not supported yet"))
    } else {
        Finding::error(value.span, format!("there is no resource type `{name}`"))
    };
    let help = did_you_mean(name, names());
    report.add(finding.help(help.unwrap_or_else(|| supported(name))));
    Kind::Other
}

/// What the first type of this kind is called; nothing for what no template declares.
pub(super) fn name(kind: Kind) -> &'static str {
    let mut all = KINDS.iter();
    all.find(|(_, known)| *known == kind)
        .map_or("", |(name, _)| name)
}

fn names() -> impl Iterator<Item = &'static str> {
    KINDS
        .iter()
        .map(|(name, _)| *name)
        .chain(aside::type_names())
}

/// Of the service that `name` is of, or which services there are.
fn supported(name: &str) -> String {
    let split = |name: &'static str| name.rsplit_once("::").unwrap_or_default();
    let known = || names().map(split);
    let service = name.rsplit_once("::").unwrap_or_default().0;
    let mut types: Vec<&str> = known()
        .filter_map(|(of, kind)| (of == service).then_some(kind))
        .collect();
    types.sort_unstable();
    if !types.is_empty() {
        return format!("of {service}, supported are {}", types.join(", "));
    }
    // Of those alone of which something is made.
    let made = KINDS.iter().map(|(name, _)| split(name).0);
    let services: BTreeSet<&str> = made.collect();
    let services: Vec<&str> = services.into_iter().collect();
    format!("supported are types of {}", services.join(", "))
}
