use serde::Deserialize;
use serde_json::json;
use tables::{KeyAttribute, KeySchema, KeyType, NewTable, Throughput};

use super::error::{fault, invalid};
use super::{Asked, settings, table};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    table_name: String,
    attribute_definitions: Option<Vec<Definition>>,
    key_schema: Option<Vec<KeyElement>>,
    #[serde(default)]
    billing_mode: BillingMode,
    provisioned_throughput: Option<Provisioned>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_name: String,
    attribute_type: ScalarType,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum ScalarType {
    S,
    N,
    B,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    Hash,
    Range,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provisioned {
    read_capacity_units: u64,
    write_capacity_units: u64,
}

const KNOWN: [&str; 5] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
];

const MOST_UNITS: u64 = 1_000_000_000_000;

/// Answers ACTIVE, not CREATING: the table can be used at once.
pub(super) async fn create(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &KNOWN)?;
    let input: Input = asked.call.read()?;
    let name = table::name(asked.context, &input.table_name)?.to_owned();
    let provisioned = throughput(input.billing_mode, input.provisioned_throughput)?;
    let key = key(
        input.key_schema.ok_or_else(|| absent("keySchema"))?,
        &input
            .attribute_definitions
            .ok_or_else(|| absent("attributeDefinitions"))?,
    )?;
    let new = NewTable {
        provisioned,
        ..NewTable::new(name, key)
    };
    let created = asked.tables.create(asked.space(), new).await;
    let printed = table::print(asked.context, &created.map_err(fault)?, "ACTIVE");
    Ok(asked.answer(&json!({ "TableDescription": printed })))
}

/// The model lets them be absent for the sake of a parameter that we have not.
fn absent(member: &str) -> Fault {
    Fault::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn throughput(mode: BillingMode, given: Option<Provisioned>) -> Result<Option<Throughput>, Fault> {
    match (mode, given) {
        (BillingMode::PayPerRequest, None) => Ok(None),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (BillingMode::Provisioned, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(given)) => {
            let read = bounded("ReadCapacityUnits", given.read_capacity_units)?;
            let write = bounded("WriteCapacityUnits", given.write_capacity_units)?;
            Ok(Some(Throughput { read, write }))
        }
    }
}

fn bounded(name: &str, units: u64) -> Result<u64, Fault> {
    if units > MOST_UNITS {
        let message = format!("Given value {units} for {name} is out of bounds");
        return Err(Fault::validation(message));
    }
    Ok(units)
}

fn key(elements: Vec<KeyElement>, definitions: &[Definition]) -> Result<KeySchema, Fault> {
    check(&elements, definitions)?;
    let mut attributes = elements.into_iter().map(|element| {
        let found = definitions
            .iter()
            .find(|definition| definition.attribute_name == element.attribute_name);
        let definition = found.ok_or_else(|| undefined(&[&element], definitions))?;
        Ok(KeyAttribute {
            name: element.attribute_name,
            r#type: match definition.attribute_type {
                ScalarType::S => KeyType::String,
                ScalarType::N => KeyType::Number,
                ScalarType::B => KeyType::Binary,
            },
        })
    });
    let partition = attributes
        .next()
        .unwrap_or_else(|| Err(absent("keySchema")))?;
    let sort = attributes.next().transpose()?;
    Ok(KeySchema { partition, sort })
}

/// In the order in which the real service looks.
fn check(elements: &[KeyElement], definitions: &[Definition]) -> Result<(), Fault> {
    let defined = |element: &KeyElement| {
        definitions
            .iter()
            .any(|definition| definition.attribute_name == element.attribute_name)
    };
    if elements.len() > 2 {
        return Err(Fault::validation(
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
        ));
    }
    if elements.len() > definitions.len() {
        return Err(Fault::validation(
            "Invalid KeySchema: Some index key attribute have no definition",
        ));
    }
    if !elements.iter().all(defined) {
        return Err(undefined(&elements.iter().collect::<Vec<_>>(), definitions));
    }
    if let [first, second] = elements
        && first.attribute_name == second.attribute_name
    {
        return Err(Fault::validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if elements
        .first()
        .is_some_and(|first| first.key_type != Role::Hash)
    {
        return Err(Fault::validation(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ));
    }
    if elements
        .get(1)
        .is_some_and(|second| second.key_type != Role::Range)
    {
        return Err(Fault::validation(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    if elements.len() != definitions.len() {
        return Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ));
    }
    Ok(())
}

fn undefined(elements: &[&KeyElement], definitions: &[Definition]) -> Fault {
    let keys: Vec<&str> = elements.iter().map(|e| e.attribute_name.as_str()).collect();
    let defined: Vec<&str> = definitions
        .iter()
        .map(|definition| definition.attribute_name.as_str())
        .collect();
    invalid(format!(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
        keys.join(", "),
        defined.join(", ")
    ))
}
