//! `RequestModel` and `RequestParameters` of events, and `Models` of APIs: what a request must have.

use std::collections::BTreeMap;

use crate::desired::Wanted;
use crate::diagnostic::{Finding, Span};
use crate::template::literal::json;
use crate::template::nearest::did_you_mean;
use crate::template::scalar;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use Support::{Notice, Obeyed};

const REQUEST_MODEL: Schema = &[
    ("Model", Obeyed),
    ("Required", Obeyed),
    ("ValidateBody", Obeyed),
    ("ValidateParameters", Obeyed),
];
const PARAMETER: Schema = &[
    ("Caching", Notice("answers are not cached")),
    ("Required", Obeyed),
];
const JSON: &str = "application/json";

/// JSON schemas by their names.
pub(crate) type Models = BTreeMap<String, String>;

/// What an event asks of its requests, before the API's models are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    model: Option<(String, Span)>,
    wanted: Wanted,
}

pub(super) fn models(api: &Fields<'_>) -> Models {
    let entries = api.node("Models").and_then(Node::entries);
    let entries = entries.unwrap_or_default().iter();
    let model = entries.map(|entry| (entry.key.clone(), json(&entry.value).to_string()));
    model.collect()
}

pub(super) fn event<'f>(event: &Fields<'f>, findings: &Findings<'f>) -> Asked {
    let mut asked = Asked::default();
    let Some(model) = event.nested("RequestModel", REQUEST_MODEL, findings) else {
        // Nothing is checked unless a model says so; what is written must still be right.
        parameters(event, findings);
        return asked;
    };
    let name = model.required_text("Model");
    if model.boolean("ValidateBody").unwrap_or(false) {
        asked.model = name.map(|name| (name, model.place("Model")));
    }
    let parameters = parameters(event, findings);
    if model.boolean("ValidateParameters").unwrap_or(false) {
        asked.wanted = parameters;
    }
    asked
}

fn parameters<'f>(event: &Fields<'f>, findings: &Findings<'f>) -> Wanted {
    let mut wanted = Wanted::default();
    for item in event.list("RequestParameters").unwrap_or_default() {
        let (name, required) = match &item.value {
            Value::Map(entries) if entries.len() == 1 => {
                let entry = &entries[0];
                let fields = Fields::open(
                    &entry.value,
                    entry.key_span,
                    "RequestParameters",
                    PARAMETER,
                    findings,
                );
                let required = fields.and_then(|fields| fields.boolean("Required"));
                (Some(entry.key.clone()), required.unwrap_or(false))
            }
            _ => (scalar::text(item, findings.report), false),
        };
        let place = name.as_deref().and_then(|name| place(name, &mut wanted));
        match place {
            Some((list, name)) if required => list.push(name),
            Some(_) => {}
            None if item.is_broken() => {}
            None => findings.report.add(
                Finding::error(item.span, "this is no parameter of a request")
                    .help("write it like method.request.querystring.page"),
            ),
        }
    }
    wanted
}

/// The list that a parameter belongs on, and its name there. Those of the path are always there.
pub(super) fn place<'w>(
    text: &str,
    wanted: &'w mut Wanted,
) -> Option<(&'w mut Vec<String>, String)> {
    let rest = text.strip_prefix("method.request.")?;
    let (kind, name) = rest.split_once('.')?;
    let list = match kind {
        "header" => &mut wanted.headers,
        "querystring" => &mut wanted.query,
        _ => return None,
    };
    Some((list, name.to_owned()))
}

impl Asked {
    /// What is known already.
    pub(super) fn known(wanted: Wanted) -> Self {
        Self {
            model: None,
            wanted,
        }
    }

    pub(super) fn resolve(&self, models: &Models, findings: &Findings<'_>) -> Wanted {
        let mut wanted = self.wanted.clone();
        let Some((name, span)) = &self.model else {
            return wanted;
        };
        match models.get(name) {
            Some(schema) => drop(wanted.body.insert(JSON.into(), schema.clone())),
            None => findings.report.add(
                Finding::error(*span, format!("the API has no model `{name}`"))
                    .maybe_help(did_you_mean(name, models.keys().map(String::as_str))),
            ),
        }
        wanted
    }
}
