//! The resources a template declares, before their properties are read.

mod attributes;
mod kind;
mod naming;
mod target;
mod types;

use crate::desired::OnRemoval;
use crate::diagnostic::{Finding, Report, Span};
use crate::template::nearest::did_you_mean;
use crate::template::scope::Scope;
use crate::template::tree::{Entry, Node, Value};

pub(crate) use attributes::{Attribute, Attributes};
pub(crate) use kind::Kind;
pub(crate) use target::{MARK, Target};

/// A resource as it is declared.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) id: String,
    pub(crate) id_span: Span,
    pub(crate) kind: Kind,
    /// A mapping, with the globals merged in.
    pub(crate) properties: Node,
    pub(crate) condition: Option<(String, Span)>,
    pub(crate) depends_on: Vec<(String, Span)>,
    pub(crate) on_delete: OnRemoval,
    pub(crate) on_replace: OnRemoval,
    /// It does not stand in the template: the vendor's transform makes it, and whatever it needs to be let in.
    pub(crate) by_transform: bool,
    /// For tools; what is in it may be anything.
    pub(crate) metadata: Option<Node>,
}

impl Declared {
    pub(crate) fn truth(&self, scope: &Scope<'_>) -> Option<bool> {
        match &self.condition {
            Some((name, span)) => scope.holds(name, *span),
            None => Some(true),
        }
    }
}

/// What CloudFormation takes in one template.
const MAX_RESOURCES: usize = 500;

/// What a resource may say beside its properties.
const ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "Connectors",
];

/// What it may say that nothing reads, here or in the cloud.
const IDLE_ATTRIBUTES: &[&str] = &["Description"];

/// Attributes that exist, but that nothing here obeys.
const REFUSED_ATTRIBUTES: &[(&str, &str)] = &[
    ("CreationPolicy", "nothing here sends creation signals"),
    ("UpdatePolicy", "updates are not staged"),
];

pub(crate) fn declared(section: Option<&Node>, report: &Report) -> Vec<Declared> {
    let Some(section) = section else {
        report.add(
            Finding::placeless("the template has no section `Resources`")
                .help("a template must declare at least one resource"),
        );
        return Vec::new();
    };
    let Some(entries) = section.entries() else {
        report.add(
            Finding::error(section.span, "`Resources` must be a mapping")
                .why(format!("it is {}", section.kind())),
        );
        return Vec::new();
    };
    if entries.len() > MAX_RESOURCES {
        report.add(Finding::error(
            entries[MAX_RESOURCES].key_span,
            format!("a template has at most {MAX_RESOURCES} resources"),
        ));
        return Vec::new();
    }
    entries.iter().map(|entry| declare(entry, report)).collect()
}

fn declare(entry: &Entry, report: &Report) -> Declared {
    let mut declared = Declared {
        id: entry.key.clone(),
        id_span: entry.key_span,
        kind: Kind::Other,
        properties: Node::new(entry.key_span, Value::Map(Vec::new())),
        condition: None,
        depends_on: Vec::new(),
        on_delete: OnRemoval::Delete,
        on_replace: OnRemoval::Delete,
        by_transform: false,
        metadata: None,
    };
    if !is_logical_id(&entry.key) {
        report.add(
            Finding::error(
                entry.key_span,
                format!("`{}` cannot be a logical id", entry.key),
            )
            .why("logical ids are made of letters and digits")
            .help("leave out dashes, underscores and dots"),
        );
        // Later code relies on logical ids being plain.
        return declared;
    }
    let Some(attributes) = entry.value.entries() else {
        report.add(
            Finding::error(entry.key_span, format!("`{}` declares nothing", entry.key))
                .why(format!(
                    "its value is {}, not a mapping",
                    entry.value.kind()
                ))
                .help("give it a `Type` and its `Properties`"),
        );
        return declared;
    };
    if let Some(of) = entry.value.get("Type") {
        declared.kind = types::kind(of, report);
    }
    for attribute in attributes {
        read_attribute(&mut declared, attribute, report);
    }
    let protocol = declared
        .properties
        .get("ProtocolType")
        .and_then(Node::scalar);
    if declared.kind == Kind::PlainApi && protocol == Some("WEBSOCKET") {
        declared.kind = Kind::SocketApi;
    }
    if entry.value.get("Type").is_none() {
        report.add(Finding::error(
            entry.key_span,
            format!("`{}` has no `Type`", entry.key),
        ));
    }
    declared
}

fn is_logical_id(text: &str) -> bool {
    let alphanumeric = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (1..=255).contains(&text.len()) && alphanumeric
}

fn read_attribute(declared: &mut Declared, attribute: &Entry, report: &Report) {
    let value = &attribute.value;
    let must_be = |what: &str| {
        Finding::error(value.span, format!("`{}` must be {what}", attribute.key))
            .why(format!("this is {}", value.kind()))
    };
    match attribute.key.as_str() {
        "Type" => {}
        // The vendor's own examples say so of custom resources, of which there has been one version.
        "Version" if declared.kind == Kind::Custom => {}
        "Properties" => match &value.value {
            Value::Map(_) => declared.properties = value.clone(),
            Value::Null | Value::Broken => {}
            _ => report.add(must_be("a mapping")),
        },
        "Condition" => match value.scalar() {
            Some(name) => declared.condition = Some((name.to_owned(), value.span)),
            None => report.add(must_be("the name of a condition")),
        },
        "DependsOn" => match depends_on(value) {
            Some(ids) => declared.depends_on = ids,
            None => report.add(must_be("a logical id, or a list of them")),
        },
        "DeletionPolicy" => match on_removal(value) {
            Some(policy) => declared.on_delete = policy,
            None => report.add(must_be("Delete, Retain or RetainExceptOnCreate")),
        },
        "UpdateReplacePolicy" => match on_removal(value) {
            Some(policy) => declared.on_replace = policy,
            None => report.add(must_be("Delete or Retain")),
        },
        "Metadata" => declared.metadata = Some(value.clone()),
        // Connectors are permissions, of which there are none to give.
        "Connectors" => {}
        idle if IDLE_ATTRIBUTES.contains(&idle) => report.add(
            Finding::notice(
                attribute.key_span,
                format!("`{idle}` of a resource has no effect"),
            )
            .why("it stands beside `Properties`, where nothing reads it"),
        ),
        other => unknown_attribute(other, declared.kind, attribute.key_span, report),
    }
}

fn unknown_attribute(name: &str, kind: Kind, span: Span, report: &Report) {
    let refused = REFUSED_ATTRIBUTES.iter().find(|(known, _)| *known == name);
    let is_transformed = kind.type_name().starts_with("AWS::Serverless::");
    report.add(match refused {
        Some((_, why)) => Finding::error(span, format!("`{name}` is not supported")).why(*why),
        None if is_transformed => {
            Finding::notice(span, format!("`{name}` beside `Properties` has no effect"))
                .why("the vendor's transform leaves out what it does not know there")
                .help("if it is a property, indent it under `Properties`")
        }
        None => Finding::error(span, format!("a resource has no attribute `{name}`")).help(
            match did_you_mean(name, ATTRIBUTES.iter().copied()) {
                Some(suggestion) => suggestion,
                None => "if it is a property, indent it under `Properties`".to_owned(),
            },
        ),
    });
}

fn depends_on(value: &Node) -> Option<Vec<(String, Span)>> {
    let one = |node: &Node| Some((node.scalar()?.to_owned(), node.span));
    match &value.value {
        Value::List(items) => items.iter().map(one).collect(),
        _ => Some(vec![one(value)?]),
    }
}

fn on_removal(value: &Node) -> Option<OnRemoval> {
    match value.scalar()? {
        "Delete" => Some(OnRemoval::Delete),
        // The exception is for a creation that is rolled back; there is no roll-back here that deletes.
        "Retain" | "RetainExceptOnCreate" => Some(OnRemoval::Retain),
        _ => None,
    }
}
