//! A policy's text, read and written in the one form in which it is kept.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::dynamodb::error::invalid;
use crate::protocol::Fault;

/// In bytes.
const LONGEST: usize = 20_480;
/// Of a policy that says none.
const OLDEST_VERSION: &str = "2008-10-17";

/// Members are written in this order.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, deserialize_with = "statements")]
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, deserialize_with = "effect")]
    effect: Option<String>,
    #[serde(default, deserialize_with = "principal")]
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    #[serde(default, deserialize_with = "principal")]
    #[serde(skip_serializing_if = "Option::is_none")]
    not_principal: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Map<String, Value>>,
}

/// The form in which a policy is kept, if it is one.
pub(in crate::dynamodb) fn canonical(policy: &str) -> Result<String, Fault> {
    if policy.len() > LONGEST {
        return Err(invalid(format!(
            "Maximum policy size of {LONGEST} bytes exceeded"
        )));
    }
    let document: Result<Document, _> = serde_json::from_str(policy);
    let mut document = document.map_err(|cause| match cause.classify() {
        Category::Data => wrong(&format!(
            "Syntax error at position ({},{})",
            cause.line(),
            cause.column()
        )),
        _ => wrong("This policy contains invalid Json"),
    })?;
    document.check()?;
    document.statement.iter_mut().for_each(Statement::simplify);
    Ok(serde_json::to_string(&document).unwrap_or_default())
}

/// A policy as it is told. To say no version is kept as another policy than to say the oldest.
pub(super) fn with_version(policy: &str) -> String {
    match serde_json::from_str::<Document>(policy) {
        Ok(mut document) if document.version.is_none() => {
            document.version = Some(OLDEST_VERSION.to_owned());
            serde_json::to_string(&document).unwrap_or_default()
        }
        _ => policy.to_owned(),
    }
}

fn wrong(what: &str) -> Fault {
    invalid(format!("Invalid policy document: {what}"))
}

impl Document {
    fn check(&self) -> Result<(), Fault> {
        if self.statement.is_empty() {
            return Err(wrong("Could not parse the policy: Statement is empty!"));
        }
        for statement in &self.statement {
            statement.check()?;
        }
        let mut known = BTreeSet::new();
        let mut ids = self.statement.iter().filter_map(|one| one.sid.as_ref());
        match ids.all(|id| known.insert(id)) {
            true => Ok(()),
            false => Err(wrong("The Statement Ids in the policy are not unique")),
        }
    }
}

impl Statement {
    fn check(&self) -> Result<(), Fault> {
        for (name, is_there) in [
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
        ] {
            if !is_there {
                return Err(wrong(&format!("Missing required field {name}")));
            }
        }
        let anyone = self.principal.as_ref().is_some_and(names_everyone);
        if anyone && self.effect.as_deref() == Some(ALLOW) && self.condition.is_none() {
            return Err(Fault::validation(
                "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure least-privilege form of access",
            ));
        }
        Ok(())
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
