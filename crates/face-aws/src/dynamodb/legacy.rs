//! The parameters that were there before expressions, translated to what expressions become.

use serde_json::{Map, Value as Json};
use tables::{
    Change, Comparison, Condition, Operand, Path, Projection, SortCondition, Term, Type, Update,
    Value,
};

use super::attribute::{self, code};
use super::checks::Checks;
use super::error::invalid;
use super::expression::Conditions;
use crate::protocol::Fault;

type Input = Map<String, Json>;

/// `Expected`.
pub(super) fn expected(input: &mut Input, checks: Checks) -> Result<Option<Condition>, Fault> {
    let conditions = entries(input, "Expected", |name, mut entry| {
        let operator = text(&mut entry, "ComparisonOperator");
        let value = entry.remove("Value");
        let list = entry.remove("AttributeValueList");
        let exists = entry.remove("Exists").and_then(|exists| exists.as_bool());
        if let Some(operator) = operator {
            if exists.is_some() {
                return Err(invalid(format!(
                    "Exists and ComparisonOperator cannot be used together for Attribute: {name}"
                )));
            }
            if value.is_some() && list.is_some() {
                return Err(invalid(format!(
                    "Value and AttributeValueList cannot be used together for Attribute: {name}"
                )));
            }
            let list = list.or_else(|| value.map(|value| Json::Array(vec![value])));
            if list.is_none() && !matches!(operator.as_str(), "NULL" | "NOT_NULL") {
                return Err(invalid(format!(
                    "Value or AttributeValueList must be used with ComparisonOperator: {operator} for Attribute: {name}"
                )));
            }
            return comparison(name, &operator, values(list, checks)?);
        }
        if list.is_some() {
            return Err(invalid(format!(
                "AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
            )));
        }
        match (exists, value) {
            (Some(false), None) => Ok(Condition::Not(Box::new(Condition::Exists(
                Path::attribute(name),
            )))),
            (Some(false), Some(_)) => Err(invalid(format!(
                "Value cannot be used when Exists is false for Attribute: {name}"
            ))),
            (Some(true) | None, Some(value)) => {
                let value = attribute::read(value).map_err(|wrong| checks.wrong(&wrong))?;
                comparison(name, "EQ", vec![value])
            }
            (exists, None) => Err(invalid(format!(
                "Value must be provided when Exists is {} for Attribute: {name}",
                exists.map_or("null", |_| "true")
            ))),
        }
    })?;
    joined(input, conditions)
}

/// `ScanFilter` and `QueryFilter`.
pub(super) fn filter(
    input: &mut Input,
    parameter: &str,
    checks: Checks,
) -> Result<Option<Condition>, Fault> {
    let conditions = entries(input, parameter, |name, mut entry| {
        let operator = text(&mut entry, "ComparisonOperator").unwrap_or_default();
        let list = values(entry.remove("AttributeValueList"), checks)?;
        comparison(name, &operator, list)
    })?;
    joined(input, conditions)
}

/// `KeyConditions`.
pub(super) fn key_conditions(
    input: &mut Input,
    checks: Checks,
) -> Result<Option<Conditions>, Fault> {
    let conditions = entries(input, "KeyConditions", |name, mut entry| {
        let operator = text(&mut entry, "ComparisonOperator").unwrap_or_default();
        let list = values(entry.remove("AttributeValueList"), checks)?;
        // As for any other condition, before it is asked whether a key can have it.
        comparison(name, &operator, list.clone())?;
        let mut list = list.into_iter();
        let condition = match (operator.as_str(), list.next(), list.next()) {
            ("EQ", Some(value), None) => SortCondition::Equal(value),
            ("LT", Some(value), None) => SortCondition::Less(value),
            ("LE", Some(value), None) => SortCondition::LessOrEqual(value),
            ("GT", Some(value), None) => SortCondition::Greater(value),
            ("GE", Some(value), None) => SortCondition::GreaterOrEqual(value),
            ("BEGINS_WITH", Some(value), None) => SortCondition::BeginsWith(value),
            ("BETWEEN", Some(low), Some(high)) => SortCondition::Between(low, high),
            _ => {
                return Err(Fault::validation(
                    "Attempted conditional constraint is not an indexable operation",
                ));
            }
        };
        Ok((name.to_owned(), condition))
    })?;
    Ok((!conditions.is_empty()).then_some(conditions))
}

/// `AttributeUpdates`.
pub(super) fn updates(input: &mut Input, checks: Checks) -> Result<Update, Fault> {
    let changes = entries(input, "AttributeUpdates", |name, mut entry| {
        let action = text(&mut entry, "Action").unwrap_or_else(|| "PUT".into());
        let value = entry
            .remove("Value")
            .map(|value| attribute::read(value).map_err(|wrong| checks.wrong(&wrong)))
            .transpose()?;
        let change = match (action.as_str(), value) {
            ("DELETE", None) => Change::Remove,
            (_, None) => {
                return Err(invalid(
                    "Only DELETE action is allowed when no attribute value is specified",
                ));
            }
            ("DELETE", Some(value)) => match value.r#type() {
                Type::Strings | Type::Numbers | Type::Binaries => Change::Subtract(value),
                other => {
                    return Err(invalid(format!(
                        "DELETE action with value is not supported for the type {}",
                        code(other)
                    )));
                }
            },
            ("ADD", Some(value)) => match value.r#type() {
                Type::Strings | Type::Numbers | Type::Binaries | Type::Number | Type::List => {
                    Change::Add(value)
                }
                other => {
                    return Err(invalid(format!(
                        "ADD action is not supported for the type {}",
                        code(other)
                    )));
                }
            },
            (_, Some(value)) => Change::Set(Term::Value(value)),
        };
        Ok((Path::attribute(name), change))
    })?;
    Ok(Update { changes })
}

/// `AttributesToGet`.
pub(super) fn attributes_to_get(input: &mut Input) -> Result<Option<Projection>, Fault> {
    let Some(Json::Array(names)) = input.remove("AttributesToGet") else {
        return Ok(None);
    };
    let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(invalid(format!(
                "Duplicate value in attribute name: {name}"
            )));
        }
    }
    Ok(Some(names.into_iter().map(Path::attribute).collect()))
}

fn entries<T>(
    input: &mut Input,
    parameter: &str,
    mut read: impl FnMut(&str, Map<String, Json>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let Some(Json::Object(entries)) = input.remove(parameter) else {
        return Ok(Vec::new());
    };
    let read = entries.into_iter().map(|(name, entry)| match entry {
        Json::Object(entry) => read(&name, entry),
        _ => Err(Fault::serialization(None)),
    });
    read.collect()
}

fn joined(input: &mut Input, conditions: Vec<Condition>) -> Result<Option<Condition>, Fault> {
    let operator = text(input, "ConditionalOperator");
    match (operator.as_deref(), conditions.len()) {
        (None, 0) => Ok(None),
        (Some(_), 0) => Err(Fault::validation(
            "ConditionalOperator cannot be used without Filter or Expected",
        )),
        (Some(_), 1) => Err(Fault::validation(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        (Some("OR"), _) => Ok(Some(Condition::Any(conditions))),
        (_, _) => Ok(Some(Condition::All(conditions))),
    }
}

fn text(input: &mut Input, parameter: &str) -> Option<String> {
    match input.remove(parameter) {
        Some(Json::String(text)) => Some(text),
        _ => None,
    }
}

fn values(list: Option<Json>, checks: Checks) -> Result<Vec<Value>, Fault> {
    let Some(Json::Array(list)) = list else {
        return Ok(Vec::new());
    };
    let read = list.into_iter().map(attribute::read);
    let read: Result<_, _> = read.collect();
    read.map_err(|wrong| checks.wrong(&wrong))
}

/// One comparison of an attribute with values.
fn comparison(name: &str, operator: &str, values: Vec<Value>) -> Result<Condition, Fault> {
    check(operator, &values)?;
    let path = || Path::attribute(name);
    let exists = || Condition::Exists(path());
    let operand = || Operand::Path(path());
    let not = |condition| Condition::Not(Box::new(condition));
    if operator == "IN" {
        let list = values.into_iter().map(Operand::Value).collect();
        return Ok(Condition::In(operand(), list));
    }
    let mut values = values.into_iter().map(Operand::Value);
    let compare = |comparison, value| Condition::Compare(operand(), comparison, value);
    Ok(match (operator, values.next(), values.next()) {
        ("NOT_NULL", None, _) => exists(),
        ("NULL", None, _) => not(exists()),
        ("EQ", Some(value), _) => compare(Comparison::Equal, value),
        ("NE", Some(value), _) => compare(Comparison::NotEqual, value),
        ("LT", Some(value), _) => compare(Comparison::Less, value),
        ("LE", Some(value), _) => compare(Comparison::LessOrEqual, value),
        ("GT", Some(value), _) => compare(Comparison::Greater, value),
        ("GE", Some(value), _) => compare(Comparison::GreaterOrEqual, value),
        ("CONTAINS", Some(value), _) => Condition::Contains(operand(), value),
        ("NOT_CONTAINS", Some(value), _) => {
            Condition::All(vec![exists(), not(Condition::Contains(operand(), value))])
        }
        ("BEGINS_WITH", Some(value), _) => Condition::BeginsWith(operand(), value),
        ("BETWEEN", Some(low), Some(high)) => Condition::Between(operand(), low, high),
        _ => return Err(wrong_count(operator)),
    })
}

fn wrong_count(operator: &str) -> Fault {
    invalid(format!(
        "Invalid number of argument(s) for the {operator} ComparisonOperator"
    ))
}

fn check(operator: &str, values: &[Value]) -> Result<(), Fault> {
    let right = match operator {
        "NULL" | "NOT_NULL" => values.is_empty(),
        "IN" => !values.is_empty(),
        "BETWEEN" => values.len() == 2,
        _ => values.len() == 1,
    };
    if !right {
        return Err(wrong_count(operator));
    }
    let takes = |found: Type| match operator {
        "LT" | "LE" | "GT" | "GE" | "BETWEEN" | "IN" => {
            matches!(found, Type::String | Type::Number | Type::Binary)
        }
        "BEGINS_WITH" => matches!(found, Type::String | Type::Binary),
        "CONTAINS" | "NOT_CONTAINS" => !matches!(
            found,
            Type::Strings | Type::Numbers | Type::Binaries | Type::List | Type::Map
        ),
        _ => true,
    };
    if let Some(wrong) = values.iter().find(|value| !takes(value.r#type())) {
        return Err(invalid(format!(
            "ComparisonOperator {operator} is not valid for {} AttributeValue type",
            code(wrong.r#type())
        )));
    }
    let [first, rest @ ..] = values else {
        return Ok(());
    };
    if rest.iter().any(|value| value.r#type() != first.r#type()) {
        return Err(invalid(
            "AttributeValues inside AttributeValueList must be of same type",
        ));
    }
    if operator == "BETWEEN" && rest.iter().any(|high| high < first) {
        return Err(Fault::validation(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ));
    }
    Ok(())
}
