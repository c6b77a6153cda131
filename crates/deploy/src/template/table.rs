//! `AWS::DynamoDB::Table` and its short form `AWS::Serverless::SimpleTable`.

use std::collections::BTreeMap;

use crate::desired::{Feed, Images, Index, KeyAttribute, KeyType, Projection, Table, Throughput};
use crate::diagnostic::{Finding, Span};
use crate::feeds::Feeds;
use crate::template::scalar;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Access, Notice, Obeyed, Refused};

mod keys;
mod replicated;

pub(crate) use replicated::{GLOBAL_PROPERTIES, as_table};

use keys::{Keyed, all_typed, global_key, key_schema, typed};

const UNENCRYPTED: &str = "items are stored as they are; encrypt the disk";

pub(crate) const PROPERTIES: Schema = &[
    ("AttributeDefinitions", Obeyed),
    ("BillingMode", Obeyed),
    (
        "ContributorInsightsSpecification",
        Notice("no insights are gathered"),
    ),
    ("DeletionProtectionEnabled", Obeyed),
    ("GlobalSecondaryIndexes", Obeyed),
    ("ImportSourceSpecification", Refused("nothing is imported")),
    ("KeySchema", Obeyed),
    (
        "KinesisStreamSpecification",
        Refused("there are no data streams"),
    ),
    ("LocalSecondaryIndexes", Obeyed),
    ("OnDemandThroughput", Notice("requests are not throttled")),
    ("PointInTimeRecoverySpecification", Obeyed),
    ("ProvisionedThroughput", Obeyed),
    ("ResourcePolicy", Access),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("StreamSpecification", Obeyed),
    ("TableClass", Notice("there is one class of tables")),
    ("TableName", Obeyed),
    ("Tags", Obeyed),
    ("TimeToLiveSpecification", Obeyed),
    ("WarmThroughput", Notice("requests are not throttled")),
];

pub(crate) const SIMPLE_PROPERTIES: Schema = &[
    ("PointInTimeRecoverySpecification", Obeyed),
    ("PrimaryKey", Obeyed),
    ("ProvisionedThroughput", Obeyed),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("TableName", Obeyed),
    ("Tags", Obeyed),
];

const DEFINITION: Schema = &[("AttributeName", Obeyed), ("AttributeType", Obeyed)];
const THROUGHPUT: Schema = &[
    ("ReadCapacityUnits", Obeyed),
    ("WriteCapacityUnits", Obeyed),
];
const INDEX: Schema = &[
    (
        "ContributorInsightsSpecification",
        Notice("no insights are gathered"),
    ),
    ("IndexName", Obeyed),
    ("KeySchema", Obeyed),
    ("OnDemandThroughput", Notice("requests are not throttled")),
    ("Projection", Obeyed),
    ("ProvisionedThroughput", Obeyed),
    ("WarmThroughput", Notice("requests are not throttled")),
];
const PROJECTION: Schema = &[("NonKeyAttributes", Obeyed), ("ProjectionType", Obeyed)];
const EXPIRY: Schema = &[("AttributeName", Obeyed), ("Enabled", Obeyed)];
const STREAM: Schema = &[("ResourcePolicy", Access), ("StreamViewType", Obeyed)];
const RECOVERY: Schema = &[
    ("PointInTimeRecoveryEnabled", Obeyed),
    ("RecoveryPeriodInDays", Obeyed),
];
const TAG: Schema = &[("Key", Obeyed), ("Value", Obeyed)];
const PRIMARY_KEY: Schema = &[("Name", Obeyed), ("Type", Obeyed)];

pub(crate) fn read<'a>(
    fields: &Fields<'a>,
    name: String,
    feeds: &Feeds,
    findings: &Findings<'a>,
) -> Option<Table> {
    check_name(fields, &name, findings)?;
    let types = definitions(fields, findings);
    let keys = key_schema(fields, findings)?;
    let provisioned = throughput(fields, findings);
    let key = keys::key(fields, &keys, findings)?;
    let types = types?;
    let (global, of_global) = indexes(fields, "GlobalSecondaryIndexes", &types, findings)?;
    let (local, of_local) = indexes(fields, "LocalSecondaryIndexes", &types, findings)?;
    let used = keys.iter().chain(&of_global).chain(&of_local);
    let used: Vec<&str> = used.map(|key| key.name.as_str()).collect();
    check_unused(&types, &used, findings);
    let partition_key = typed(key.partition, &types, findings)?;
    let sort_key = all_typed(key.sort, &types, findings)?.pop();
    for index in &local {
        if index.partition_key != partition_key || index.sort_key.is_none() {
            findings.report.add(
                Finding::error(
                    fields.place("LocalSecondaryIndexes"),
                    format!("the local index `{}` has no valid key", index.name),
                )
                .help("the table's HASH attribute, and another with `KeyType: RANGE`"),
            );
            return None;
        }
    }
    let feed = feed(fields, &name, feeds, findings)?;
    Some(Table {
        feed,
        name,
        partition_key,
        sort_key,
        provisioned: provisioned?,
        indexes: [global, local].concat(),
        expiry: expiry(fields, findings)?,
        recovery: recovery(fields, findings)?,
        protected: fields.boolean("DeletionProtectionEnabled") == Some(true),
        tags: tags(fields, findings)?,
    })
}

/// The indexes of one kind, and what their keys name.
fn indexes<'a>(
    fields: &Fields<'a>,
    property: &'static str,
    types: &[Definition],
    findings: &Findings<'a>,
) -> Option<(Vec<Index>, Vec<Keyed<'a>>)> {
    let (mut indexes, mut named): (Vec<Index>, Vec<Keyed<'a>>) = (Vec::new(), Vec::new());
    if fields.get(property).is_none() {
        return Some((indexes, named));
    }
    for node in fields.list(property)? {
        let fields = Fields::open(node, node.span, property, INDEX, findings)?;
        let name = fields.required_text("IndexName")?;
        let keys = key_schema(&fields, findings)?;
        let local = property == "LocalSecondaryIndexes";
        let key = match local {
            true => keys::key(&fields, &keys, findings)?,
            false => global_key(&fields, &keys, findings)?,
        };
        if indexes.iter().any(|other| other.name == name) {
            let place = fields.place("IndexName");
            let finding = Finding::error(place, format!("there is an index `{name}` already"));
            findings.report.add(finding);
        }
        indexes.push(Index {
            name,
            local,
            partition_key: typed(key.partition, types, findings)?,
            sort_key: all_typed(key.sort, types, findings)?.pop(),
            more_partition_keys: all_typed(key.more_partition, types, findings)?,
            more_sort_keys: all_typed(key.more_sort, types, findings)?,
            projection: projection(&fields, findings)?,
            provisioned: match fields.has("ProvisionedThroughput") {
                true => Some(units(&fields, findings)?),
                false => None,
            },
        });
        named.extend(keys);
    }
    Some((indexes, named))
}

fn projection<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Projection> {
    fields.required("Projection")?;
    let projection = fields.nested("Projection", PROJECTION, findings)?;
    projection.required("ProjectionType")?;
    let kind = projection.choice("ProjectionType", &["ALL", "KEYS_ONLY", "INCLUDE"])?;
    match (kind, projection.has("NonKeyAttributes")) {
        ("ALL", false) => Some(Projection::All),
        ("KEYS_ONLY", false) => Some(Projection::Keys),
        ("INCLUDE", _) => {
            projection.required("NonKeyAttributes")?;
            let names = projection.list("NonKeyAttributes")?.iter().map(|node| {
                let name = scalar::text(node, findings.report);
                name.or_else(|| projection.wrong("NonKeyAttributes", node, "a list of names"))
            });
            Some(Projection::Only(names.collect::<Option<_>>()?))
        }
        _ => {
            findings.report.add(Finding::error(
                projection.place("NonKeyAttributes"),
                format!("`NonKeyAttributes` does not go with `ProjectionType: {kind}`"),
            ));
            None
        }
    }
}

/// Outer none: something is wrong.
fn expiry<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Option<String>> {
    if fields.get("TimeToLiveSpecification").is_none() {
        return Some(None);
    }
    let expiry = fields.nested("TimeToLiveSpecification", EXPIRY, findings)?;
    expiry.required("Enabled")?;
    match expiry.boolean("Enabled")? {
        true => Some(Some(expiry.required_text("AttributeName")?)),
        false => Some(None),
    }
}

/// Outer none: something is wrong.
fn feed<'a>(
    fields: &Fields<'a>,
    table: &str,
    feeds: &Feeds,
    findings: &Findings<'a>,
) -> Option<Option<Feed>> {
    if fields.get("StreamSpecification").is_none() {
        return Some(None);
    }
    let stream = fields.nested("StreamSpecification", STREAM, findings)?;
    stream.required("StreamViewType")?;
    let names: Vec<&'static str> = VIEWS.iter().map(|(name, _)| *name).collect();
    let images = view(stream.choice("StreamViewType", &names)?)?;
    let began = feeds.began(table, images);
    Some(Some(Feed { images, began }))
}

const VIEWS: [(&str, Images); 4] = [
    ("KEYS_ONLY", Images::Neither),
    ("NEW_IMAGE", Images::New),
    ("OLD_IMAGE", Images::Old),
    ("NEW_AND_OLD_IMAGES", Images::Both),
];

/// What a `StreamViewType` tells.
pub(crate) fn view(name: &str) -> Option<Images> {
    let view = VIEWS.iter().find(|(known, _)| *known == name);
    view.map(|(_, images)| *images)
}

/// For how many days the table is to be recoverable. It can be exported then; as it was at other moments it is not kept.
fn recovery<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Option<u32>> {
    const PROPERTY: &str = "PointInTimeRecoverySpecification";
    const LONGEST: u32 = 35;
    if fields.get(PROPERTY).is_none() {
        return Some(None);
    }
    let recovery = fields.nested(PROPERTY, RECOVERY, findings)?;
    if !recovery.has("PointInTimeRecoveryEnabled")
        || !recovery.boolean("PointInTimeRecoveryEnabled")?
    {
        return Some(None);
    }
    findings.report.add(
        Finding::notice(
            fields.place(PROPERTY),
            "the table can be exported, but not restored to a moment",
        )
        .why("items are not kept as they were"),
    );
    match recovery.has("RecoveryPeriodInDays") {
        true => Some(Some(recovery.integer("RecoveryPeriodInDays", 1..=LONGEST)?)),
        false => Some(Some(LONGEST)),
    }
}

fn tags<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<BTreeMap<String, String>> {
    if fields.get("Tags").is_none() {
        return Some(BTreeMap::new());
    }
    let tags = fields.list("Tags")?.iter().map(|node| {
        let tag = Fields::open(node, node.span, "Tag", TAG, findings)?;
        Some((tag.required_text("Key")?, tag.required_text("Value")?))
    });
    tags.collect()
}

pub(crate) fn read_simple(
    fields: &Fields<'_>,
    name: String,
    findings: &Findings<'_>,
) -> Option<Table> {
    check_name(fields, &name, findings)?;
    let key = match fields.has("PrimaryKey") {
        false => KeyAttribute {
            name: "id".into(),
            r#type: KeyType::String,
        },
        true => {
            let key = fields.nested("PrimaryKey", PRIMARY_KEY, findings)?;
            let name = key.required_text("Name");
            key.required("Type");
            let kind = match key.choice("Type", &["String", "Number", "Binary"])? {
                "String" => KeyType::String,
                "Number" => KeyType::Number,
                _ => KeyType::Binary,
            };
            KeyAttribute {
                name: name?,
                r#type: kind,
            }
        }
    };
    let provisioned = match fields.has("ProvisionedThroughput") {
        true => Some(units(fields, findings)?),
        false => None,
    };
    Some(Table {
        name,
        partition_key: key,
        sort_key: None,
        provisioned,
        indexes: Vec::new(),
        expiry: None,
        feed: None,
        recovery: recovery(fields, findings)?,
        protected: false,
        tags: fields.texts("Tags"),
    })
}

fn check_name(fields: &Fields<'_>, name: &str, findings: &Findings<'_>) -> Option<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (3..=255).contains(&name.len()) && name.bytes().all(allowed) {
        return Some(());
    }
    findings.report.add(
        Finding::error(
            fields.place("TableName"),
            format!("`{name}` cannot be the name of a table"),
        )
        .why("3 to 255 letters, digits, dots, dashes and underscores"),
    );
    None
}

type Definition = (String, KeyType, Span);

fn definitions(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Vec<Definition>> {
    fields.required("AttributeDefinitions")?;
    let mut types: Vec<Definition> = Vec::new();
    let mut all = true;
    for node in fields.list("AttributeDefinitions")? {
        let owner = "AttributeDefinition";
        let definition = Fields::open(node, node.span, owner, DEFINITION, findings);
        let read = definition.and_then(|definition| {
            let name = definition.required_text("AttributeName");
            definition.required("AttributeType");
            let kind = match definition.choice("AttributeType", &["S", "N", "B"])? {
                "S" => KeyType::String,
                "N" => KeyType::Number,
                _ => KeyType::Binary,
            };
            Some((name?, kind, definition.place("AttributeName")))
        });
        match read {
            Some(read) => types.push(read),
            None => all = false,
        }
    }
    all.then_some(types)
}

/// The service refuses attributes that no key uses.
fn check_unused(types: &[Definition], used: &[&str], findings: &Findings<'_>) {
    for (name, _, span) in types {
        if !used.contains(&name.as_str()) {
            findings.report.add(
                Finding::error(*span, format!("no key uses the attribute `{name}`"))
                    .why("only attributes of keys are defined")
                    .help("remove it: other attributes need no definition"),
            );
        }
    }
}

/// Outer none: something is wrong.
fn throughput(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Option<Throughput>> {
    let mode = match fields.has("BillingMode") {
        true => fields.choice("BillingMode", &["PAY_PER_REQUEST", "PROVISIONED"])?,
        false => "PROVISIONED",
    };
    if mode == "PAY_PER_REQUEST" {
        if fields.get("ProvisionedThroughput").is_some() {
            findings.report.add(
                Finding::error(
                    fields.place("ProvisionedThroughput"),
                    "a table that is paid per request has no provisioned throughput",
                )
                .help("remove it, or set `BillingMode: PROVISIONED`"),
            );
            return None;
        }
        return Some(None);
    }
    if !fields.has("ProvisionedThroughput") {
        findings.report.add(
            Finding::error(
                fields.place("BillingMode"),
                "`ProvisionedThroughput` is missing",
            )
            .why("a table is paid by provisioned throughput unless it says otherwise")
            .help("add `BillingMode: PAY_PER_REQUEST`"),
        );
        return None;
    }
    Some(Some(units(fields, findings)?))
}

fn units(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Throughput> {
    let units = fields.nested("ProvisionedThroughput", THROUGHPUT, findings)?;
    units.required("ReadCapacityUnits");
    units.required("WriteCapacityUnits");
    let read = units.integer("ReadCapacityUnits", 1..=u32::MAX);
    let write = units.integer("WriteCapacityUnits", 1..=u32::MAX);
    findings.report.add(
        Finding::notice(
            fields.place("ProvisionedThroughput"),
            "`ProvisionedThroughput` has no effect here",
        )
        .why("requests are not throttled"),
    );
    Some(Throughput {
        read: read?.into(),
        write: write?.into(),
    })
}
