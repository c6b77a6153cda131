//! Policies of resources: their texts, read and written in the one form in which they are kept. How it is told that
//! something is wrong in one is each service's own.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Members are written in this order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, deserialize_with = "statements")]
    pub(crate) statement: Vec<Statement>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, deserialize_with = "effect")]
    pub(crate) effect: Option<String>,
    #[serde(default, deserialize_with = "principal")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<Value>,
    #[serde(default, deserialize_with = "principal")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_principal: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Map<String, Value>>,
}

pub(crate) const NOT_UNIQUE: &str = "The Statement Ids in the policy are not unique";
pub(crate) const NO_STATEMENT: &str = "Could not parse the policy: Statement is empty!";

impl Document {
    pub(crate) fn read(policy: &str) -> serde_json::Result<Self> {
        serde_json::from_str(policy)
    }

    /// In the one form in which policies are kept.
    pub(crate) fn into_text(mut self) -> String {
        self.statement.iter_mut().for_each(Statement::simplify);
        serde_json::to_string(&self).unwrap_or_default()
    }

    pub(crate) fn has_unique_ids(&self) -> bool {
        let mut known = BTreeSet::new();
        let mut ids = self.statement.iter().filter_map(|one| one.sid.as_ref());
        ids.all(|id| known.insert(id))
    }
}

impl Statement {
    /// The first field that a statement needs and this one has not.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let has = [
            ("Effect", self.effect.is_some()),
            (
                "Principal",
                self.principal.is_some() || self.not_principal.is_some(),
            ),
            ("Action", self.action.is_some() || self.not_action.is_some()),
            (
                "Resource",
                self.resource.is_some() || self.not_resource.is_some(),
            ),
        ];
        let missing = has.into_iter().find(|(_, is_there)| !is_there);
        missing.map(|(name, _)| name)
    }

    pub(crate) fn allows(&self) -> bool {
        self.effect.as_deref() == Some(ALLOW)
    }

    /// Whether it names everyone, whatever its conditions are.
    pub(crate) fn names_everyone(&self) -> bool {
        self.principal.as_ref().is_some_and(names_everyone)
    }

    fn simplify(&mut self) {
        for principal in [&mut self.principal, &mut self.not_principal] {
            let members = principal.as_mut().and_then(Value::as_object_mut);
            for (kind, member) in members.into_iter().flatten() {
                if kind == "AWS" {
                    name_accounts(member);
                }
                simplify(member);
            }
        }
        let lists = [
            &mut self.action,
            &mut self.not_action,
            &mut self.resource,
            &mut self.not_resource,
        ];
        lists.into_iter().flatten().for_each(simplify);
        let operators = self.condition.iter_mut().flat_map(Map::values_mut);
        let keys = operators.filter_map(Value::as_object_mut);
        keys.flat_map(Map::values_mut).for_each(simplify);
    }
}

fn names_everyone(principal: &Value) -> bool {
    let is_all = |name: &Value| name == "*";
    match principal {
        Value::Array(names) => names.iter().any(is_all),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(names_everyone),
        name => is_all(name),
    }
}

/// Of an account, its root is meant; each principal is named once.
fn name_accounts(names: &mut Value) {
    let root = |name: &mut Value| {
        let id = name.as_str().filter(|name| {
            let digits = name.bytes().all(|byte| byte.is_ascii_digit());
            digits && name.len() == 12
        });
        if let Some(id) = id {
            *name = format!("arn:aws:iam::{id}:root").into();
        }
    };
    match names {
        Value::Array(names) => {
            names.iter_mut().for_each(root);
            let mut known = BTreeSet::new();
            names.retain(|name| known.insert(name.to_string()));
        }
        name => root(name),
    }
}

/// A list of one is written as that one.
fn simplify(member: &mut Value) {
    if let Value::Array(members) = member
        && members.len() == 1
        && let Some(one) = members.pop()
    {
        *member = one;
    }
}

fn statements<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Statement>, D::Error> {
    let read = match Value::deserialize(from)? {
        one @ Value::Object(_) => Value::Array(vec![one]),
        list => list,
    };
    serde_json::from_value(read).map_err(D::Error::custom)
}

const ALLOW: &str = "Allow";

fn effect<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let given = String::deserialize(from)?;
    let found = [ALLOW, "Deny"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(&given));
    found
        .map(|effect| Some(effect.to_owned()))
        .ok_or_else(|| D::Error::custom("no effect"))
}

/// Everyone, or names by their kinds.
fn principal<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    match Value::deserialize(from)? {
        named @ Value::Object(_) => Ok(Some(named)),
        everyone if everyone == "*" => Ok(Some(everyone)),
        _ => Err(D::Error::custom("no principal")),
    }
}
