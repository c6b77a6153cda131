//! What stands beside an application and changes nothing in what runs here: `AWS::Serverless::Connector`, which lets one
//! resource use another, and groups of resources and what watches over them. They are checked, and nothing is made of them.

use crate::diagnostic::{Finding, Span};
use crate::template::declared::Attribute;
use crate::template::shape::{Findings, Schema, Support};
use Support::{Access, Obeyed};

/// What such a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Connector,
    Group,
    Insights,
}

impl Part {
    pub(crate) fn schema(self) -> Schema {
        match self {
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
            Self::Connector => None,
            Self::Group => Some("Name"),
            Self::Insights => Some("ResourceGroupName"),
        }
    }

    pub(crate) fn attributes(self) -> &'static [(&'static str, Attribute)] {
        match self {
            Self::Connector => &[],
            Self::Group => &[("Arn", Attribute::Obeyed)],
            Self::Insights => &[("ApplicationARN", Attribute::Obeyed)],
        }
    }

    /// As it is called in ARNs.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Connector => "serverless",
            Self::Group => "resource-groups",
            Self::Insights => "applicationinsights",
        }
    }

    /// The end of its ARN.
    pub(crate) fn resource(self, name: &str) -> String {
        match self {
            Self::Connector => name.to_owned(),
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
            Self::Insights => "nothing is monitored",
        };
        let message = format!("`{logical_id}` has no effect here");
        findings.report.add(Finding::notice(at, message).why(why));
    }
}
