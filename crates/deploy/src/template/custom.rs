//! Custom resources: what of them is ours, and what is their maker's.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::Context;
use crate::custom::Answer;
use crate::desired::{Custom, OnRemoval};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::Declared;
use crate::template::function_arn;
use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

pub(crate) const TYPE: &str = "AWS::CloudFormation::CustomResource";
const PREFIX: &str = "Custom::";
const LONGEST_TYPE: usize = 60;
/// What CloudFormation waits, and waits at most.
const TIMEOUT_S: u32 = 3_600;

/// Whether a type is one of them. One whose name cannot be is reported.
pub(crate) fn is_type(name: &str, span: Span, report: &Report) -> bool {
    let Some(own) = name.strip_prefix(PREFIX) else {
        return name == TYPE;
    };
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_@-".contains(&byte);
    if own.is_empty() || name.len() > LONGEST_TYPE || !own.bytes().all(fine) {
        report.add(
            Finding::error(span, format!("`{name}` cannot be the type of a custom resource"))
                .why(format!(
                    "behind `{PREFIX}` stand letters, digits and `_@-`, and it is at most {LONGEST_TYPE} long"
                )),
        );
    }
    true
}

pub(crate) struct Reading<'a> {
    pub(crate) context: &'a Context,
    pub(crate) report: &'a Report,
}

impl Reading<'_> {
    /// `resource_type` is as the template has it.
    pub(crate) fn read(
        &self,
        one: &Declared,
        resource_type: &str,
        name: String,
        properties: &Node,
    ) -> Option<Custom> {
        let token = self.token(one, properties);
        let timeout_s = self.timeout(properties);
        let properties = self.properties(properties);
        Some(Custom {
            name,
            stack: self.context.stack.clone(),
            stack_id: self.context.stack_id(),
            logical_id: one.id.clone(),
            resource_type: resource_type.to_owned(),
            token: token?,
            timeout_s: timeout_s?,
            properties: Json::Object(properties?).to_string(),
            keeps_replaced: one.on_replace == OnRemoval::Retain,
        })
    }

    fn token(&self, one: &Declared, properties: &Node) -> Option<String> {
        let Some(node) = properties.get("ServiceToken") else {
            self.report.add(
                Finding::error(one.id_span, "`ServiceToken` is missing")
                    .why(format!("`{}` is made by whoever it names", one.id))
                    .help("write `!GetAtt TheFunction.Arn`"),
            );
            return None;
        };
        if node.is_broken() {
            return None;
        }
        let token = scalar::text(node, self.report);
        let context = self.context;
        let topics = context.arn("sns", "");
        let is_topic = |token: &str| {
            let name = token.strip_prefix(&topics);
            name.is_some_and(|name| !name.is_empty() && !name.contains(':'))
        };
        let is_function = |token: &str| function_arn::named(token, context).is_some();
        token
            .filter(|token| is_topic(token) || is_function(token))
            .or_else(|| {
                self.report.add(
                    Finding::error(
                        node.span,
                        "`ServiceToken` must be the ARN of a function or a topic of this account and region",
                    )
                    .why(format!("this is {}", node.kind()))
                    .help("write `!GetAtt TheFunction.Arn`"),
                );
                None
            })
    }

    fn timeout(&self, properties: &Node) -> Option<u32> {
        let Some(node) = properties.get("ServiceTimeout") else {
            return Some(TIMEOUT_S);
        };
        if node.is_broken() {
            return None;
        }
        let seconds = scalar::integer(node).and_then(|number| u32::try_from(number).ok());
        let seconds = seconds.filter(|seconds| (1..=TIMEOUT_S).contains(seconds));
        if seconds.is_none() {
            self.report.add(
                Finding::error(
                    node.span,
                    format!("`ServiceTimeout` must be a whole number from 1 to {TIMEOUT_S}"),
                )
                .why(format!("this is {}", node.kind())),
            );
        }
        seconds
    }

    fn properties(&self, node: &Node) -> Option<Map<String, Json>> {
        let entries = node.entries()?.iter();
        // All of them, so that all that is wrong is said; by their names, so that their order is no change.
        let read: Vec<_> = entries
            .map(|entry| Some((entry.key.clone(), self.json(&entry.value)?)))
            .collect();
        let read: BTreeMap<_, _> = read.into_iter().collect::<Option<_>>()?;
        Some(read.into_iter().collect())
    }

    /// As the maker gets it: every scalar is a string.
    fn json(&self, node: &Node) -> Option<Json> {
        match &node.value {
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.json(item)).collect();
                items.into_iter().collect::<Option<_>>().map(Json::Array)
            }
            Value::Map(_) => self.properties(node).map(Json::Object),
            Value::Null => {
                self.report.add(
                    Finding::error(node.span, "a property of a custom resource is empty")
                        .why("null values are not allowed in templates")
                        .help("leave it out, or write `''`"),
                );
                None
            }
            _ => scalar::text(node, self.report).map(Json::String),
        }
    }
}

/// What `Fn::GetAtt` yields of an answer; none if the answer has no such attribute.
pub(crate) fn attribute(answer: &Answer, name: &str, span: Span) -> Option<Node> {
    node(answer.data.get(name)?, span)
}

fn node(json: &Json, span: Span) -> Option<Node> {
    Some(match json {
        Json::Null => return None,
        Json::String(text) => Node::text(span, text.clone()),
        Json::Bool(_) | Json::Number(_) => Node::text(span, json.to_string()),
        Json::Array(items) => {
            let items = items.iter().filter_map(|item| node(item, span));
            Node::new(span, Value::List(items.collect()))
        }
        Json::Object(entries) => {
            let entries = entries.iter().filter_map(|(key, value)| {
                Some(Entry {
                    key: key.clone(),
                    key_span: span,
                    value: node(value, span)?,
                })
            });
            // Not `Node::map`: what an answer says calls nothing.
            Node::new(span, Value::Map(entries.collect()))
        }
    })
}

pub(crate) fn missing(id: &str, attribute: &str, span: Span) -> Finding {
    Finding::error(
        span,
        format!("the answer of `{id}` has no `{attribute}` in its `Data`"),
    )
    .why(format!(
        "CustomResource attribute error: Vendor response doesn't contain {attribute} attribute"
    ))
}
