//! What stands beside an application and changes nothing in what runs here: `AWS::Serverless::Connector`, which lets one
//! resource use another, groups of resources, what watches over them, and what would make them larger and smaller. They are
//! checked, and nothing is made of them.

use crate::diagnostic::{Finding, Span};
use crate::template::declared::{Attribute, Attributes};
use crate::template::shape::{Findings, Schema, Support};
use Support::{Access, Obeyed};

/// What such a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Alarm,
    Connector,
    Dashboard,
    Group,
    Insights,
    ScalingPolicy,
    ScalingTarget,
}

impl Part {
    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Alarm => &[
                ("ActionsEnabled", Obeyed),
                ("AlarmActions", Obeyed),
                ("AlarmDescription", Obeyed),
                ("AlarmName", Obeyed),
                ("ComparisonOperator", Obeyed),
                ("DatapointsToAlarm", Obeyed),
                ("Dimensions", Obeyed),
                ("EvaluateLowSampleCountPercentile", Obeyed),
                ("EvaluationPeriods", Obeyed),
                ("ExtendedStatistic", Obeyed),
                ("InsufficientDataActions", Obeyed),
                ("MetricName", Obeyed),
                ("Metrics", Obeyed),
                ("Namespace", Obeyed),
                ("OKActions", Obeyed),
                ("Period", Obeyed),
                ("Statistic", Obeyed),
                ("Tags", Obeyed),
                ("Threshold", Obeyed),
                ("ThresholdMetricId", Obeyed),
                ("TreatMissingData", Obeyed),
                ("Unit", Obeyed),
            ],
            Self::Dashboard => &[("DashboardBody", Obeyed), ("DashboardName", Obeyed)],
            Self::ScalingPolicy => &[
                ("PolicyName", Obeyed),
                ("PolicyType", Obeyed),
                ("PredictiveScalingPolicyConfiguration", Obeyed),
                ("ResourceId", Obeyed),
                ("ScalableDimension", Obeyed),
                ("ScalingTargetId", Obeyed),
                ("ServiceNamespace", Obeyed),
                ("StepScalingPolicyConfiguration", Obeyed),
                ("TargetTrackingScalingPolicyConfiguration", Obeyed),
            ],
            Self::ScalingTarget => &[
                ("MaxCapacity", Obeyed),
                ("MinCapacity", Obeyed),
                ("ResourceId", Obeyed),
                ("RoleARN", Access),
                ("ScalableDimension", Obeyed),
                ("ScheduledActions", Obeyed),
                ("ServiceNamespace", Obeyed),
                ("SuspendedState", Obeyed),
            ],
            Self::Connector => &[
                ("Destination", Obeyed),
                ("Permissions", Access),
                ("Source", Obeyed),
                ("SourceReference", Obeyed),
            ],
            Self::Group => &[
                ("Configuration", Obeyed),
                ("Description", Obeyed),
                ("Name", Obeyed),
                ("ResourceQuery", Obeyed),
                ("Resources", Obeyed),
                ("Tags", Obeyed),
            ],
            Self::Insights => &[
                ("AttachMissingPermission", Obeyed),
                ("AutoConfigurationEnabled", Obeyed),
                ("CWEMonitorEnabled", Obeyed),
                ("ComponentMonitoringSettings", Obeyed),
                ("CustomComponents", Obeyed),
                ("GroupingType", Obeyed),
                ("LogPatternSets", Obeyed),
                ("OpsCenterEnabled", Obeyed),
                ("OpsItemSNSTopicArn", Obeyed),
                ("ResourceGroupName", Obeyed),
                ("SNSNotificationArn", Obeyed),
                ("Tags", Obeyed),
            ],
        }
    }

    pub(crate) fn name_property(self) -> Option<&'static str> {
        match self {
            Self::Connector | Self::ScalingTarget => None,
            Self::Alarm => Some("AlarmName"),
            Self::Dashboard => Some("DashboardName"),
            Self::ScalingPolicy => Some("PolicyName"),
            Self::Group => Some("Name"),
            Self::Insights => Some("ResourceGroupName"),
        }
    }

    pub(crate) fn attributes(self) -> Attributes {
        match self {
            Self::Connector | Self::Dashboard => &[],
            Self::Alarm | Self::ScalingPolicy => &[("Arn", Attribute::Obeyed)],
            Self::ScalingTarget => &[("Id", Attribute::Obeyed)],
            Self::Group => &[("Arn", Attribute::Obeyed)],
            Self::Insights => &[("ApplicationARN", Attribute::Obeyed)],
        }
    }

    /// As it is called in ARNs.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Connector => "serverless",
            Self::Alarm | Self::Dashboard => "cloudwatch",
            Self::ScalingPolicy | Self::ScalingTarget => "autoscaling",
            Self::Group => "resource-groups",
            Self::Insights => "applicationinsights",
        }
    }

    /// The end of its ARN.
    pub(crate) fn resource(self, name: &str) -> String {
        match self {
            Self::Alarm => format!("alarm:{name}"),
            Self::ScalingPolicy => format!("scalingPolicy:{name}"),
            Self::Connector | Self::Dashboard | Self::ScalingTarget => name.to_owned(),
            Self::Group => format!("group/{name}"),
            Self::Insights => format!("application/resource-group/{name}"),
        }
    }

    /// Says that nothing is made of it.
    pub(crate) fn note(self, logical_id: &str, at: Span, findings: &Findings<'_>) {
        let why = match self {
            // Said with all other rules of access.
            Self::Connector => return,
            Self::Group => "resources are not grouped",
            Self::Alarm | Self::Dashboard | Self::Insights => "nothing is monitored",
            Self::ScalingPolicy | Self::ScalingTarget => {
                "what is provisioned stays as it is, and no requests are throttled"
            }
        };
        let message = format!("`{logical_id}` has no effect here");
        findings.report.add(Finding::notice(at, message).why(why));
    }
}
