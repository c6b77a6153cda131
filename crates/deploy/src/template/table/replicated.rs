//! `AWS::DynamoDB::GlobalTable`: a table with replicas, of which there is the one here.

use crate::Context;
use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use Support::{Access, Notice, Obeyed, Refused};

use super::UNENCRYPTED;

const UNTHROTTLED: Support = Notice("requests are not throttled");
const UNITS: Support = Refused("only tables that are paid per request may have replicas yet");

pub(crate) const GLOBAL_PROPERTIES: Schema = &[
    ("AttributeDefinitions", Obeyed),
    ("BillingMode", Obeyed),
    ("GlobalSecondaryIndexes", Obeyed),
    (
        "GlobalTableSettingsReplicationMode",
        Notice("there is one replica"),
    ),
    ("GlobalTableWitnesses", Refused("there is one region")),
    ("KeySchema", Obeyed),
    ("LocalSecondaryIndexes", Obeyed),
    ("MultiRegionConsistency", Refused("there is one region")),
    ("ReadOnDemandThroughputSettings", UNTHROTTLED),
    ("ReadProvisionedThroughputSettings", UNITS),
    ("Replicas", Obeyed),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("StreamSpecification", Obeyed),
    ("TableName", Obeyed),
    ("TimeToLiveSpecification", Obeyed),
    ("WarmThroughput", UNTHROTTLED),
    ("WriteOnDemandThroughputSettings", UNTHROTTLED),
    ("WriteProvisionedThroughputSettings", UNITS),
];

const REPLICA: Schema = &[
    (
        "ContributorInsightsSpecification",
        Notice("no insights are gathered"),
    ),
    ("DeletionProtectionEnabled", Obeyed),
    (
        "GlobalSecondaryIndexes",
        Notice("requests are not throttled, and no insights are gathered"),
    ),
    (
        "KinesisStreamSpecification",
        Refused("there are no data streams"),
    ),
    ("PointInTimeRecoverySpecification", Obeyed),
    ("ReadOnDemandThroughputSettings", UNTHROTTLED),
    ("ReadProvisionedThroughputSettings", UNITS),
    ("Region", Obeyed),
    ("ReplicaStreamSpecification", Access),
    ("ResourcePolicy", Access),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("TableClass", Notice("there is one class of tables")),
    ("Tags", Obeyed),
];

/// What a replica says of itself that a table without any says, too.
const OWN: [&str; 3] = [
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "Tags",
];
/// What a table without replicas says just so.
const SHARED: [&str; 8] = [
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "StreamSpecification",
    "TableName",
    "TimeToLiveSpecification",
];

/// The properties that the replica here would have as a table of its own.
pub(crate) fn as_table<'a>(
    fields: &Fields<'a>,
    properties: &'a Node,
    context: &Context,
    findings: &Findings<'a>,
) -> Option<Node> {
    fields.required("Replicas")?;
    let replicas = fields.list("Replicas")?;
    let [replica] = replicas else {
        let finding = Finding::error(
            fields.place("Replicas"),
            "a table has one replica here, in the region of the server",
        );
        findings
            .report
            .add(finding.why(format!("these are {}", replicas.len())));
        return None;
    };
    let own = Fields::open(replica, replica.span, "Replica", REPLICA, findings)?;
    let region = own.required_text("Region")?;
    if region != context.region {
        let message = format!("there is no region `{region}` here");
        let finding = Finding::error(own.place("Region"), message);
        findings
            .report
            .add(finding.why(format!("the server is in {}", context.region)));
        return None;
    }
    let of = |node: &Node, names: &[&str]| -> Vec<Entry> {
        let entries = node.entries().unwrap_or_default().iter();
        let known = entries.filter(|entry| names.contains(&entry.key.as_str()));
        known.cloned().collect()
    };
    let mut entries = of(properties, &SHARED);
    entries.extend(of(replica, &OWN));
    Some(Node::new(properties.span, Value::Map(entries)))
}
