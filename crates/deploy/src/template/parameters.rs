//! The section Parameters: what may be given from outside, and what of it may be taken.

use std::collections::BTreeMap;

use regex::Regex;

use crate::diagnostic::{Finding, Report, Span};
use crate::template::nearest::did_you_mean;
use crate::template::scalar;
use crate::template::tree::{Entry, Node, Value};

const FIELDS: &[&str] = &[
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "Description",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
];

/// What CloudFormation takes: 200 parameters of 4,096 bytes.
const MAX_PARAMETERS: usize = 200;
const MAX_VALUE: usize = 4_096;

/// How new what the CDK prepares an account with is. Of what that is for, nothing is needed here that newer versions have.
const BOOTSTRAP: &str = "33";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Texts,
    Numbers,
}

/// What parameters are given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// None for what is known later, when a custom resource has answered.
    pub(crate) values: BTreeMap<String, Option<String>>,
    /// The resource that nests the template, if it is nested; otherwise they come from whoever deploys it.
    pub(crate) by: Option<String>,
}

/// The value of every parameter, as `Ref` yields it.
pub(crate) fn resolve(
    section: Option<&Node>,
    given: &Given,
    report: &Report,
) -> BTreeMap<String, Node> {
    let entries = match section {
        None => &[],
        Some(section) => section.entries().unwrap_or_else(|| {
            report.add(
                Finding::error(section.span, "`Parameters` must be a mapping")
                    .why(format!("it is {}", section.kind())),
            );
            &[]
        }),
    };
    if let Some(excess) = entries.get(MAX_PARAMETERS) {
        report.add(Finding::error(
            excess.key_span,
            format!("a template has at most {MAX_PARAMETERS} parameters"),
        ));
    }
    for name in given.values.keys() {
        // Of what is nested, it is said where it is given.
        if given.by.is_none() && !entries.iter().any(|entry| entry.key == *name) {
            let names = entries.iter().map(|entry| entry.key.as_str());
            report.add(
                Finding::placeless(format!("the template has no parameter `{name}`"))
                    .maybe_help(did_you_mean(name, names)),
            );
        }
    }
    let one = |entry: &Entry| {
        let by = given.by.as_deref();
        let parameter = Parameter { entry, by, report };
        let value = match given.values.get(&entry.key) {
            Some(None) => None,
            Some(Some(given)) => parameter.value(Some(given)),
            None => parameter.value(None),
        };
        let value = value.unwrap_or_else(|| Node::broken(entry.key_span));
        (entry.key.clone(), value)
    };
    entries.iter().take(MAX_PARAMETERS).map(one).collect()
}

struct Parameter<'a> {
    entry: &'a Entry,
    by: Option<&'a str>,
    report: &'a Report,
}

impl Parameter<'_> {
    fn value(&self, given: Option<&str>) -> Option<Node> {
        let fields = self.entry.value.entries().or_else(|| {
            self.report.add(
                Finding::error(
                    self.entry.key_span,
                    format!("the parameter `{}` must be a mapping", self.entry.key),
                )
                .help("give it at least a `Type`"),
            );
            None
        })?;
        for field in fields {
            if !FIELDS.contains(&field.key.as_str()) {
                self.report.add(
                    Finding::error(
                        field.key_span,
                        format!("a parameter has no property `{}`", field.key),
                    )
                    .maybe_help(did_you_mean(&field.key, FIELDS.iter().copied())),
                );
            }
        }
        if let Some(known) = self.looked_up(given) {
            return Some(Node::text(self.entry.key_span, known));
        }
        let kind = self.kind()?;
        let (text, span) = self.text(given)?;
        if text.len() > MAX_VALUE {
            self.bad(span, format!("is longer than {MAX_VALUE} bytes"));
            return None;
        }
        let values: Vec<String> = match kind {
            Type::Text | Type::Number => vec![text],
            Type::Texts | Type::Numbers => text
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty() || !text.is_empty())
                .collect(),
        };
        for value in &values {
            self.check(kind, value, span)?;
        }
        Some(node(kind, values, self.entry.key_span))
    }

    /// The value in a parameter store that it names, if that is the one which is known.
    fn looked_up(&self, given: Option<&str>) -> Option<&'static str> {
        const TYPE: &str = "AWS::SSM::Parameter::Value<String>";
        let is_stored = self.field("Type").and_then(Node::scalar) == Some(TYPE);
        let named = given.or_else(|| self.field("Default")?.scalar())?;
        let of = named.strip_prefix("/cdk-bootstrap/")?;
        let qualifier = of.strip_suffix("/version")?;
        (is_stored && !qualifier.contains('/')).then_some(BOOTSTRAP)
    }

    fn field(&self, name: &str) -> Option<&Node> {
        self.entry.value.get(name)
    }

    fn kind(&self) -> Option<Type> {
        let name = &self.entry.key;
        let Some(node) = self.field("Type") else {
            self.report.add(
                Finding::error(
                    self.entry.key_span,
                    format!("the parameter `{name}` has no `Type`"),
                )
                .help("add `Type: String`"),
            );
            return None;
        };
        let written = node.scalar().unwrap_or_default();
        match written {
            "String" => return Some(Type::Text),
            "Number" => return Some(Type::Number),
            "CommaDelimitedList" => return Some(Type::Texts),
            "List<Number>" => return Some(Type::Numbers),
            _ => {}
        }
        let (list, inner) = match written.strip_prefix("List<") {
            Some(inner) => (true, inner.trim_end_matches('>')),
            None => (false, written),
        };
        if inner.starts_with("AWS::SSM::") {
            self.report.add(
                Finding::error(node.span, format!("the type `{written}` is not supported"))
                    .why(
                        "its value would be looked up in a parameter store, which is not there yet",
                    )
                    .help("use `Type: String` and give the value itself"),
            );
            return None;
        }
        if inner.starts_with("AWS::") {
            self.report.add(
                Finding::notice(node.span, format!("`{name}` is taken as it is given"))
                    .why("whether such a thing exists is not checked"),
            );
            return Some(if list { Type::Texts } else { Type::Text });
        }
        let types = ["String", "Number", "CommaDelimitedList", "List<Number>"];
        let all = format!("types are {}", types.join(", "));
        self.report.add(
            Finding::error(node.span, format!("there is no parameter type `{written}`"))
                .help(did_you_mean(written, types).unwrap_or(all)),
        );
        None
    }

    /// The value and where it comes from: as given, or the default.
    fn text(&self, given: Option<&str>) -> Option<(String, Span)> {
        let name = &self.entry.key;
        if let Some(given) = given {
            return Some((given.to_owned(), self.entry.key_span));
        }
        let Some(default) = self.field("Default") else {
            self.report.add(
                Finding::error(
                    self.entry.key_span,
                    format!("the parameter `{name}` has no value"),
                )
                .why("it has no `Default`, and none was given")
                .help(match self.by {
                    Some(by) => {
                        format!("give one in the `Parameters` of `{by}`, or add a `Default`")
                    }
                    None => format!("give one by `--parameter {name}=…`, or add a `Default`"),
                }),
            );
            return None;
        };
        if default.value == Value::Null {
            return Some((String::new(), default.span));
        }
        match scalar::text(default, self.report) {
            Some(text) => Some((text, default.span)),
            None => {
                self.report.add(
                    Finding::error(default.span, "`Default` must be a string or a number")
                        .why(format!("this is {}", default.kind()))
                        .help("a list is written as one string with commas"),
                );
                None
            }
        }
    }

    fn check(&self, kind: Type, value: &str, span: Span) -> Option<()> {
        if matches!(kind, Type::Number | Type::Numbers) {
            self.check_number(value, span)?;
        } else {
            self.check_length(value, span)?;
        }
        self.check_pattern(value, span)?;
        self.check_allowed(value, span)
    }

    fn check_number(&self, value: &str, span: Span) -> Option<()> {
        let Some(number) = value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
        else {
            return self.bad(span, format!("must be a number, not {value:?}"));
        };
        let bound = |field| self.field(field)?.scalar()?.parse::<f64>().ok();
        if let Some(least) = bound("MinValue").filter(|least| number < *least) {
            return self.bad(span, format!("must be at least {least}, not {value}"));
        }
        if let Some(most) = bound("MaxValue").filter(|most| number > *most) {
            return self.bad(span, format!("must be at most {most}, not {value}"));
        }
        Some(())
    }

    fn check_length(&self, value: &str, span: Span) -> Option<()> {
        let length = value.chars().count();
        let bound = |field| {
            let bound = scalar::integer(self.field(field)?)?;
            usize::try_from(bound).ok()
        };
        if let Some(least) = bound("MinLength").filter(|least| length < *least) {
            return self.bad(span, format!("must have at least {least} characters"));
        }
        if let Some(most) = bound("MaxLength").filter(|most| length > *most) {
            return self.bad(span, format!("must have at most {most} characters"));
        }
        Some(())
    }

    fn check_pattern(&self, value: &str, span: Span) -> Option<()> {
        let Some(pattern) = self.field("AllowedPattern") else {
            return Some(());
        };
        let written = pattern.scalar().unwrap_or_default();
        // The whole value must match, as with Java's `matches`.
        let Ok(regex) = Regex::new(&format!("^(?:{written})$")) else {
            self.report.add(
                Finding::error(pattern.span, "this pattern cannot be read")
                    .why("look-around and back references are not supported"),
            );
            return None;
        };
        if regex.is_match(value) {
            return Some(());
        }
        self.bad(span, format!("must match the pattern {written}"))
    }

    fn check_allowed(&self, value: &str, span: Span) -> Option<()> {
        let Some(allowed) = self.field("AllowedValues") else {
            return Some(());
        };
        let Value::List(items) = &allowed.value else {
            self.report.add(Finding::error(
                allowed.span,
                "`AllowedValues` must be a list",
            ));
            return None;
        };
        let texts = items.iter().map(|item| match item.value {
            Value::Null => Some(String::new()),
            _ => scalar::text(item, self.report),
        });
        let texts: Vec<String> = texts.flatten().collect();
        if texts.iter().any(|text| text == value) {
            return Some(());
        }
        self.bad(span, format!("must be one of {}", texts.join(", ")))
    }

    /// The message never holds the value of a secret one: `NoEcho`.
    fn bad(&self, span: Span, what: String) -> Option<()> {
        let name = &self.entry.key;
        let secret = self.field("NoEcho").and_then(scalar::boolean) == Some(true);
        let what = match what.split_once(", not ") {
            Some((rule, _)) if secret => rule.to_owned(),
            _ => what,
        };
        let mut finding = Finding::error(span, format!("the parameter `{name}` {what}"));
        if let Some(by) = self.by {
            finding = finding.why(format!("in the template that `{by}` nests"));
        }
        let described = self.field("ConstraintDescription").and_then(Node::scalar);
        self.report
            .add(finding.maybe_help(described.map(str::to_owned)));
        None
    }
}

fn node(kind: Type, values: Vec<String>, span: Span) -> Node {
    let one = |value: String| match kind {
        Type::Number | Type::Numbers => Node::new(span, Value::Plain(value)),
        Type::Text | Type::Texts => Node::text(span, value),
    };
    let mut nodes: Vec<Node> = values.into_iter().map(one).collect();
    match kind {
        Type::Text | Type::Number => nodes.pop().unwrap_or_else(|| Node::broken(span)),
        Type::Texts | Type::Numbers => Node::new(span, Value::List(nodes)),
    }
}
