//! `AWS::DynamoDB::Table` and its short form `AWS::Serverless::SimpleTable`.

use crate::desired::{KeyAttribute, KeyType, Table, Throughput};
use crate::diagnostic::{Finding, Span};
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Access, Notice, Obeyed, Refused};

const UNENCRYPTED: &str = "items are stored as they are; encrypt the disk";
const NO_TAGS: &str = "tags of tables are not kept yet";
const NO_BACKUPS: &str = "there are no continuous backups";

pub(crate) const PROPERTIES: Schema = &[
    ("AttributeDefinitions", Obeyed),
    ("BillingMode", Obeyed),
    (
        "ContributorInsightsSpecification",
        Notice("no insights are gathered"),
    ),
    ("DeletionProtectionEnabled", Obeyed),
    (
        "GlobalSecondaryIndexes",
        Refused("secondary indexes are not kept"),
    ),
    ("ImportSourceSpecification", Refused("nothing is imported")),
    ("KeySchema", Obeyed),
    (
        "KinesisStreamSpecification",
        Refused("there are no data streams"),
    ),
    (
        "LocalSecondaryIndexes",
        Refused("secondary indexes are not kept"),
    ),
    ("OnDemandThroughput", Notice("requests are not throttled")),
    ("PointInTimeRecoverySpecification", Notice(NO_BACKUPS)),
    ("ProvisionedThroughput", Obeyed),
    ("ResourcePolicy", Access),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("StreamSpecification", Refused("table streams are not kept")),
    ("TableClass", Notice("there is one class of tables")),
    ("TableName", Obeyed),
    ("Tags", Notice(NO_TAGS)),
    (
        "TimeToLiveSpecification",
        Refused("items would never expire"),
    ),
    ("WarmThroughput", Notice("requests are not throttled")),
];

pub(crate) const SIMPLE_PROPERTIES: Schema = &[
    ("PointInTimeRecoverySpecification", Notice(NO_BACKUPS)),
    ("PrimaryKey", Obeyed),
    ("ProvisionedThroughput", Obeyed),
    ("SSESpecification", Notice(UNENCRYPTED)),
    ("TableName", Obeyed),
    ("Tags", Notice(NO_TAGS)),
];

const DEFINITION: Schema = &[("AttributeName", Obeyed), ("AttributeType", Obeyed)];
const KEY: Schema = &[("AttributeName", Obeyed), ("KeyType", Obeyed)];
const THROUGHPUT: Schema = &[
    ("ReadCapacityUnits", Obeyed),
    ("WriteCapacityUnits", Obeyed),
];
const PRIMARY_KEY: Schema = &[("Name", Obeyed), ("Type", Obeyed)];

/// A key attribute as `KeySchema` names it.
struct Keyed<'a> {
    name: String,
    range: bool,
    span: Span,
    fields: Fields<'a>,
}

pub(crate) fn read(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<Table> {
    check_name(fields, &name, findings)?;
    if fields.boolean("DeletionProtectionEnabled") == Some(true) {
        findings.report.add(
            Finding::error(
                fields.place("DeletionProtectionEnabled"),
                "deletion protection is not supported yet",
            )
            .why("the table could be deleted in spite of it")
            .help("`DeletionPolicy: Retain` keeps it when the stack is deleted"),
        );
    }
    let types = definitions(fields, findings);
    let keys = key_schema(fields, findings)?;
    let provisioned = throughput(fields, findings);
    let (partition, sort) = match keys.as_slice() {
        [one] if !one.range => (one, None),
        [first, second] if !first.range && second.range => (first, Some(second)),
        _ => {
            findings.report.add(
                Finding::error(fields.place("KeySchema"), "this is no valid key").help(
                    "one attribute with `KeyType: HASH`, and after it at most one with RANGE",
                ),
            );
            return None;
        }
    };
    let types = types?;
    check_unused(&types, &keys, findings);
    let typed = |key: &Keyed<'_>| {
        let Some((_, kind, _)) = types.iter().find(|(name, ..)| *name == key.name) else {
            findings.report.add(
                Finding::error(
                    key.fields.place("AttributeName"),
                    format!("the key attribute `{}` has no type", key.name),
                )
                .help("define it in `AttributeDefinitions`"),
            );
            return None;
        };
        Some(KeyAttribute {
            name: key.name.clone(),
            r#type: *kind,
        })
    };
    let sort_key = match sort {
        Some(sort) => Some(typed(sort)?),
        None => None,
    };
    Some(Table {
        name,
        partition_key: typed(partition)?,
        sort_key,
        provisioned: provisioned?,
    })
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

fn key_schema<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Vec<Keyed<'a>>> {
    fields.required("KeySchema")?;
    let keys = fields.list("KeySchema")?.iter().map(|node| {
        let owner = "KeySchema element";
        let fields = Fields::open(node, node.span, owner, KEY, findings)?;
        let name = fields.required_text("AttributeName");
        fields.required("KeyType");
        let range = fields.choice("KeyType", &["HASH", "RANGE"])? == "RANGE";
        Some(Keyed {
            name: name?,
            range,
            span: node.span,
            fields,
        })
    });
    // All are read before the first that fails ends it, so that each says what is wrong with it.
    let keys: Vec<Option<Keyed<'a>>> = keys.collect();
    keys.into_iter().collect()
}

/// The service refuses attributes that no key uses.
fn check_unused(types: &[Definition], keys: &[Keyed<'_>], findings: &Findings<'_>) {
    for (name, _, span) in types {
        if !keys.iter().any(|key| key.name == *name) {
            findings.report.add(
                Finding::error(*span, format!("no key uses the attribute `{name}`"))
                    .why("only attributes of keys are defined")
                    .help("remove it: other attributes need no definition"),
            );
        }
    }
    if let [first, second] = keys
        && first.name == second.name
    {
        findings.report.add(Finding::error(
            second.span,
            format!("`{}` is both parts of the key", first.name),
        ));
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
