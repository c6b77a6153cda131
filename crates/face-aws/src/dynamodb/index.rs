//! Secondary indexes: as callers ask for them, and as they are told.

use base::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tables::{
    Description, Index, IndexKey, KeyAttribute, KeyParts, KeySchema, KeyType, NewIndex, Projected,
    Provisioning, Ready, Throughput,
};

use super::bounds::{self, OnDemand};
use super::error::invalid;
use super::table;
use super::warm::{self, WARM, Warm};
use crate::context::Context;
use crate::moment::seconds;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Definition {
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
pub(super) struct KeyElement {
    attribute_name: String,
    key_type: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    Hash,
    Range,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Provisioned {
    read_capacity_units: u64,
    write_capacity_units: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secondary {
    pub(super) index_name: String,
    key_schema: Vec<KeyElement>,
    projection: Projection,
    pub(super) provisioned_throughput: Option<Provisioned>,
    pub(super) on_demand_throughput: Option<OnDemand>,
    warm_throughput: Option<Warm>,
}

impl Secondary {
    /// What it is to be ready for when it is new. Whether it is provisioned as its table is, is looked at elsewhere.
    pub(super) fn warm(&self, on_demand: bool) -> Result<Option<Ready>, Fault> {
        let Some(warm) = self.warm_throughput else {
            return Ok(None);
        };
        let provisioned = match &self.provisioned_throughput {
            Some(units) if !on_demand => Some(units.checked()?),
            Some(_) | None => None,
        };
        warm.of_new(provisioned, Some(&self.index_name)).map(Some)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: Option<String>,
    non_key_attributes: Option<Vec<String>>,
}

const MOST_UNITS: u64 = 1_000_000_000_000;
const MOST_LOCAL: usize = 5;
/// Attributes that all indexes of a table name to have besides keys, together.
const MOST_PROJECTED: usize = 100;
/// Attributes of one role in the key of a global index.
const MOST_OF_ROLE: usize = 4;
pub(super) const MOST_GLOBAL: usize = 20;

impl Provisioned {
    pub(super) fn checked(&self) -> Result<Throughput, Fault> {
        Ok(Throughput {
            read: bounded("ReadCapacityUnits", self.read_capacity_units)?,
            write: bounded("WriteCapacityUnits", self.write_capacity_units)?,
        })
    }
}

fn bounded(name: &str, units: u64) -> Result<u64, Fault> {
    if units > MOST_UNITS {
        let message = format!("Given value {units} for {name} is out of bounds");
        return Err(Fault::validation(message));
    }
    Ok(units)
}

/// Attributes' types by their names.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'a>(pub(super) &'a [Definition]);

impl Definitions<'_> {
    fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|each| &*each.attribute_name).collect();
        names.join(", ")
    }

    /// Each attribute is defined once.
    pub(super) fn check_names(&self) -> Result<(), Fault> {
        let mut names: Vec<&str> = self.0.iter().map(|each| &*each.attribute_name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(Fault::validation(format!(
                "Attribute Name is duplicated: {}",
                pair[0]
            ))),
        }
    }

    fn find(&self, name: &str) -> Option<KeyType> {
        let found = self.0.iter().find(|each| each.attribute_name == name)?;
        Some(match found.attribute_type {
            ScalarType::S => KeyType::String,
            ScalarType::N => KeyType::Number,
            ScalarType::B => KeyType::Binary,
        })
    }

    /// A key, checked in the order in which the real service looks.
    pub(super) fn key(&self, elements: &[KeyElement]) -> Result<KeySchema, Fault> {
        if elements.len() > 2 {
            return Err(Fault::validation(
                "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
            ));
        }
        let attributes = self.typed(elements)?;
        if let [first, second] = elements
            && first.attribute_name == second.attribute_name
        {
            return Err(Fault::validation(
                "Both the Hash Key and the Range Key element in the KeySchema have the same name",
            ));
        }
        let role = |at: usize| elements.get(at).map(|element| element.key_type);
        if role(0).is_some_and(|role| role != Role::Hash) {
            return Err(Fault::validation(
                "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
            ));
        }
        if role(1).is_some_and(|role| role != Role::Range) {
            return Err(Fault::validation(
                "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
            ));
        }
        let mut attributes = attributes.into_iter();
        let partition = attributes
            .next()
            .ok_or_else(|| table::absent("keySchema"))?;
        Ok(KeySchema {
            partition,
            sort: attributes.next(),
        })
    }

    fn typed(&self, elements: &[KeyElement]) -> Result<Vec<KeyAttribute>, Fault> {
        if elements.len() > self.0.len() {
            return Err(Fault::validation(
                "Invalid KeySchema: Some index key attribute have no definition",
            ));
        }
        let typed = |element: &KeyElement| {
            let found = self.find(&element.attribute_name);
            Ok(KeyAttribute {
                name: element.attribute_name.clone(),
                r#type: found.ok_or_else(|| self.undefined(elements))?,
            })
        };
        elements.iter().map(typed).collect()
    }

    /// A global index's key, which may have more attributes of each role.
    fn global_key(&self, elements: &[KeyElement]) -> Result<IndexKey, Fault> {
        let roles: Vec<Role> = elements.iter().map(|element| element.key_type).collect();
        match roles.as_slice() {
            // What is wrong with these is wrong with every key.
            [] | [_] | [Role::Range, ..] | [Role::Hash, Role::Range] => {
                self.key(elements).map(IndexKey::from)
            }
            [Role::Hash, ..] => {
                let mut partition = self.typed(elements)?;
                check_several(elements)?;
                let hashes = roles.iter().filter(|role| **role == Role::Hash).count();
                let sort = partition.split_off(hashes);
                Ok(IndexKey { partition, sort })
            }
        }
    }

    fn undefined(&self, elements: &[KeyElement]) -> Fault {
        let keys: Vec<&str> = elements.iter().map(|e| e.attribute_name.as_str()).collect();
        invalid(format!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            self.names()
        ))
    }

    /// Every definition is of a key's attribute. This is looked at before anything else of the indexes.
    pub(super) fn all_used(&self, key: &KeySchema, indexes: &[&Secondary]) -> Result<(), Fault> {
        let of_indexes = indexes.iter().flat_map(|index| &index.key_schema);
        let of_indexes = of_indexes.map(|element| element.attribute_name.as_str());
        let mut used: Vec<&str> = key
            .attributes()
            .map(|attribute| attribute.name.as_str())
            .chain(of_indexes)
            .collect();
        used.sort_unstable();
        used.dedup();
        let is_used = |each: &Definition| used.contains(&each.attribute_name.as_str());
        if self.0.iter().all(is_used) {
            return Ok(());
        }
        if indexes.is_empty() {
            return Err(invalid(
                "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
            ));
        }
        Err(invalid(format!(
            "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
            self.names(),
            used.join(", ")
        )))
    }

    /// The indexes of a table that is to be made.
    pub(super) fn indexes(
        &self,
        key: &KeySchema,
        on_demand: bool,
        local: Option<Vec<Secondary>>,
        global: Option<Vec<Secondary>>,
    ) -> Result<Vec<NewIndex>, Fault> {
        let mut indexes: Vec<NewIndex> = Vec::new();
        for (kind, most, asked) in [
            ("Local", MOST_LOCAL, local),
            ("Global", MOST_GLOBAL, global),
        ] {
            let Some(asked) = asked else {
                continue;
            };
            if asked.is_empty() {
                return Err(invalid(format!("List of {kind}SecondaryIndexes is empty")));
            }
            let is_local = kind == "Local";
            if is_local && key.sort.is_none() {
                return Err(invalid(
                    "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
                ));
            }
            let count = asked.len();
            for index in asked {
                let index = match is_local {
                    true => self.local(key, index)?,
                    false => self.global(on_demand, index)?,
                };
                if indexes.iter().any(|other| other.name == index.name) {
                    return Err(invalid(format!("Duplicate index name: {}", index.name)));
                }
                indexes.push(index);
            }
            if count > most {
                return Err(invalid(match is_local {
                    true => "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
                    false => "GlobalSecondaryIndex count exceeds the per-table limit of 20",
                }));
            }
        }
        check_projected(indexes.iter().map(|index| &index.projected))?;
        Ok(indexes)
    }

    fn local(&self, table: &KeySchema, index: Secondary) -> Result<NewIndex, Fault> {
        let key = self.key(&index.key_schema)?;
        let name = index.index_name;
        if key.sort.is_none() {
            return Err(invalid(format!(
                "Index KeySchema does not have a range key for index: {name}"
            )));
        }
        if key.partition != table.partition {
            return Err(invalid(format!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash key: {}, table hash key: {}",
                key.partition.name, table.partition.name
            )));
        }
        Ok(NewIndex {
            projected: index.projection.read()?,
            name,
            key: key.into(),
            local: true,
            provisioned: None,
        })
    }

    pub(super) fn global(&self, on_demand: bool, index: Secondary) -> Result<NewIndex, Fault> {
        let key = self.global_key(&index.key_schema)?;
        let projected = index.projection.read()?;
        let name = index.index_name;
        let provisioned = match (on_demand, index.provisioned_throughput) {
            (true, None) => None,
            (true, Some(_)) => {
                return Err(invalid(format!(
                    "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
                )));
            }
            (false, None) => {
                return Err(invalid(format!(
                    "ProvisionedThroughput is not specified for index: {name}"
                )));
            }
            (false, Some(provisioned)) => Some(provisioned.checked()?),
        };
        Ok(NewIndex {
            name,
            key,
            local: false,
            projected,
            provisioned,
        })
    }
}

/// Refuses what can be no key of several attributes of one role.
fn check_several(elements: &[KeyElement]) -> Result<(), Fault> {
    let of = |role| elements.iter().filter(move |each| each.key_type == role);
    for (role, name) in [(Role::Hash, "HASH"), (Role::Range, "RANGE")] {
        if of(role).count() > MOST_OF_ROLE {
            return Err(invalid(format!(
                "The KeySchema exceeds the maximum allowed number of {name} key attributes"
            )));
        }
    }
    if !elements.is_sorted_by_key(|each| each.key_type == Role::Range) {
        return Err(invalid(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ));
    }
    let mut names: Vec<&str> = elements.iter().map(|each| &*each.attribute_name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::validation(
            "The KeySchema contains multiple key attributes with the same name",
        ));
    }
    Ok(())
}

/// Refuses more attributes than all indexes of a table may name. The words for it are ours.
pub(super) fn check_projected<'a>(
    projected: impl IntoIterator<Item = &'a Projected>,
) -> Result<(), Fault> {
    let count = projected.into_iter().map(|projected| match projected {
        Projected::Only(names) => names.len(),
        Projected::All | Projected::Keys => 0,
    });
    if count.sum::<usize>() <= MOST_PROJECTED {
        return Ok(());
    }
    Err(invalid(format!(
        "Number of NonKeyAttributes of all secondary indexes exceeds the per-table limit of {MOST_PROJECTED}"
    )))
}

impl Projection {
    fn read(self) -> Result<Projected, Fault> {
        let kind = self.projection_type.as_deref();
        match (kind, self.non_key_attributes) {
            (None, _) => Err(invalid("Unknown ProjectionType: null")),
            (Some("INCLUDE"), Some(names)) => {
                let again = |at: &usize| names[..*at].contains(&names[*at]);
                match (0..names.len()).find(again) {
                    Some(at) => Err(invalid(format!(
                        "Duplicate element in NonKeyAttributes: {}",
                        names[at]
                    ))),
                    None => Ok(Projected::Only(names)),
                }
            }
            (Some("INCLUDE"), None) => Err(invalid(
                "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
            )),
            (Some(kind), Some(_)) => Err(invalid(format!(
                "ProjectionType is {kind}, but NonKeyAttributes is specified"
            ))),
            (Some("KEYS_ONLY"), None) => Ok(Projected::Keys),
            (Some(_), None) => Ok(Projected::All),
        }
    }
}

/// A `KeySchema`.
pub(super) fn schema(key: KeyParts<'_>) -> Value {
    let of = |attributes: &[KeyAttribute], role: &str| -> Vec<Value> {
        let element = |key: &KeyAttribute| json!({ "AttributeName": key.name, "KeyType": role });
        attributes.iter().map(element).collect()
    };
    [of(key.partition, "HASH"), of(key.sort, "RANGE")]
        .concat()
        .into()
}

/// A `ProvisionedThroughputDescription`.
pub(super) fn throughput(
    provisioned: Option<Throughput>,
    until_now: Provisioning,
    now: Timestamp,
) -> Value {
    let units = provisioned.unwrap_or(Throughput { read: 0, write: 0 });
    let mut printed = json!({
        "NumberOfDecreasesToday": until_now.decreases_on(now),
        "ReadCapacityUnits": units.read,
        "WriteCapacityUnits": units.write,
    });
    for (name, at) in [
        ("LastIncreaseDateTime", until_now.increased),
        ("LastDecreaseDateTime", until_now.decreased),
    ] {
        if let Some(at) = at {
            printed[name] = seconds(at).into();
        }
    }
    printed
}

pub(super) fn print(context: &Context, description: &Description, index: &Index) -> Value {
    let count = description.index(index);
    let arn = table::arn(context, &description.table.name);
    let projection = match &index.projected {
        Projected::All => json!({ "ProjectionType": "ALL" }),
        Projected::Keys => json!({ "ProjectionType": "KEYS_ONLY" }),
        Projected::Only(names) => {
            let mut names = names.clone();
            names.sort_unstable();
            json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names })
        }
    };
    let mut printed = json!({
        "IndexName": index.name,
        "IndexArn": format!("{arn}/index/{}", index.name),
        "KeySchema": schema(index.key.parts()),
        "Projection": projection,
        "IndexSizeBytes": count.bytes,
        "ItemCount": count.items,
    });
    if !index.local {
        let whole = index.is_whole();
        printed["IndexStatus"] = if whole { "ACTIVE" } else { "CREATING" }.into();
        if !whole {
            printed["Backfilling"] = true.into();
        }
        let (settings, name) = (&description.settings, Some(index.name.as_str()));
        let until_now = settings.provisioning(name);
        printed["ProvisionedThroughput"] = throughput(index.provisioned, until_now, description.at);
        printed[WARM] = warm::print(settings.ready(name, index.provisioned));
        if let Some(units) = settings.most(name) {
            printed["OnDemandThroughput"] = bounds::print(units);
        }
    }
    printed
}
