//! What rolls an application out, makes it larger and smaller, groups it and describes it.

use super::{Aside, NAME, idle};
use crate::template::declared::Attribute::Made;
use crate::template::shape::Support::{Access, Obeyed};

const AT_ONCE: &str = "calls move to a new version at once";
const NO_SCHEMAS: &str = "schemas of events are not kept";
const UNDOCUMENTED: &str = "documentation of APIs is not kept";
const UNSCALED: &str = "what is provisioned stays as it is, and no requests are throttled";

pub(super) const ALL: &[Aside] = &[
    Aside {
        type_name: "AWS::ApiGateway::DocumentationPart",
        name: None,
        properties: &idle(["Location", "Properties", "RestApiId"]),
        reference: "{short}",
        attributes: &[("DocumentationPartId", Made("{short}"))],
        why: Some(UNDOCUMENTED),
    },
    Aside {
        type_name: "AWS::ApiGateway::DocumentationVersion",
        name: Some("DocumentationVersion"),
        properties: &idle(["Description", "DocumentationVersion", "RestApiId"]),
        reference: NAME,
        attributes: &[],
        why: Some(UNDOCUMENTED),
    },
    Aside {
        type_name: "AWS::ApplicationAutoScaling::ScalableTarget",
        name: None,
        properties: &[
            ("MaxCapacity", Obeyed),
            ("MinCapacity", Obeyed),
            ("ResourceId", Obeyed),
            ("RoleARN", Access),
            ("ScalableDimension", Obeyed),
            ("ScheduledActions", Obeyed),
            ("ServiceNamespace", Obeyed),
            ("SuspendedState", Obeyed),
        ],
        reference: NAME,
        attributes: &[(
            "Id",
            Made("arn:{partition}:autoscaling:{region}:{account}:{name}"),
        )],
        why: Some(UNSCALED),
    },
    Aside {
        type_name: "AWS::ApplicationAutoScaling::ScalingPolicy",
        name: Some("PolicyName"),
        properties: &idle([
            "PolicyName",
            "PolicyType",
            "PredictiveScalingPolicyConfiguration",
            "ResourceId",
            "ScalableDimension",
            "ScalingTargetId",
            "ServiceNamespace",
            "StepScalingPolicyConfiguration",
            "TargetTrackingScalingPolicyConfiguration",
        ]),
        reference: NAME,
        attributes: &[(
            "Arn",
            Made("arn:{partition}:autoscaling:{region}:{account}:scalingPolicy:{name}"),
        )],
        why: Some(UNSCALED),
    },
    Aside {
        type_name: "AWS::CodeDeploy::Application",
        name: Some("ApplicationName"),
        properties: &idle(["ApplicationName", "ComputePlatform", "Tags"]),
        reference: NAME,
        attributes: &[],
        why: Some(AT_ONCE),
    },
    Aside {
        type_name: "AWS::CodeDeploy::DeploymentConfig",
        name: Some("DeploymentConfigName"),
        properties: &idle([
            "ComputePlatform",
            "DeploymentConfigName",
            "MinimumHealthyHosts",
            "TrafficRoutingConfig",
            "ZonalConfig",
        ]),
        reference: NAME,
        attributes: &[],
        why: Some(AT_ONCE),
    },
    Aside {
        type_name: "AWS::CodeDeploy::DeploymentGroup",
        name: Some("DeploymentGroupName"),
        properties: &idle([
            "AlarmConfiguration",
            "ApplicationName",
            "AutoRollbackConfiguration",
            "AutoScalingGroups",
            "BlueGreenDeploymentConfiguration",
            "Deployment",
            "DeploymentConfigName",
            "DeploymentGroupName",
            "DeploymentStyle",
            "ECSServices",
            "Ec2TagFilters",
            "Ec2TagSet",
            "LoadBalancerInfo",
            "OnPremisesInstanceTagFilters",
            "OnPremisesTagSet",
            "OutdatedInstancesStrategy",
            "ServiceRoleArn",
            "Tags",
            "TerminationHookEnabled",
            "TriggerConfigurations",
        ]),
        reference: NAME,
        attributes: &[],
        why: Some(AT_ONCE),
    },
    Aside {
        type_name: "AWS::EventSchemas::Discoverer",
        name: None,
        properties: &idle(["CrossAccount", "Description", "SourceArn", "Tags"]),
        reference: "arn:{partition}:schemas:{region}:{account}:discoverer/{short}",
        attributes: &[
            (
                "DiscovererArn",
                Made("arn:{partition}:schemas:{region}:{account}:discoverer/{short}"),
            ),
            ("DiscovererId", Made("{short}")),
        ],
        why: Some(NO_SCHEMAS),
    },
    Aside {
        type_name: "AWS::EventSchemas::Registry",
        name: Some("RegistryName"),
        properties: &idle(["Description", "RegistryName", "Tags"]),
        reference: "arn:{partition}:schemas:{region}:{account}:registry/{name}",
        attributes: &[
            (
                "RegistryArn",
                Made("arn:{partition}:schemas:{region}:{account}:registry/{name}"),
            ),
            ("RegistryName", Made(NAME)),
        ],
        why: Some(NO_SCHEMAS),
    },
    Aside {
        type_name: "AWS::EventSchemas::RegistryPolicy",
        name: None,
        properties: &[
            ("Policy", Access),
            ("RegistryName", Obeyed),
            ("RevisionId", Obeyed),
        ],
        reference: NAME,
        attributes: &[("Id", Made(NAME))],
        why: Some(NO_SCHEMAS),
    },
    Aside {
        type_name: "AWS::EventSchemas::Schema",
        name: Some("SchemaName"),
        properties: &idle([
            "Content",
            "Description",
            "RegistryName",
            "SchemaName",
            "Tags",
            "Type",
        ]),
        reference: "arn:{partition}:schemas:{region}:{account}:schema/{name}",
        attributes: &[
            (
                "SchemaArn",
                Made("arn:{partition}:schemas:{region}:{account}:schema/{name}"),
            ),
            ("SchemaName", Made(NAME)),
        ],
        why: Some(NO_SCHEMAS),
    },
    Aside {
        type_name: "AWS::ResourceGroups::Group",
        name: Some("Name"),
        properties: &idle([
            "Configuration",
            "Description",
            "Name",
            "ResourceQuery",
            "Resources",
            "Tags",
        ]),
        reference: NAME,
        attributes: &[(
            "Arn",
            Made("arn:{partition}:resource-groups:{region}:{account}:group/{name}"),
        )],
        why: Some("resources are not grouped"),
    },
];
