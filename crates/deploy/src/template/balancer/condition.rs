//! Which requests a rule takes.

use std::net::IpAddr;

use triggers::balancer::{Condition, Network, QueryPattern};

use super::{Assembly, texts};
use crate::diagnostic::{Finding, Span};
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Node;
use Support::{Obeyed, Refused};

const NO_EXPRESSIONS: &str = "only patterns with * and ? are there yet";

const CONDITION: Schema = &[
    ("Field", Obeyed),
    ("HostHeaderConfig", Obeyed),
    ("HttpHeaderConfig", Obeyed),
    ("HttpRequestMethodConfig", Obeyed),
    ("PathPatternConfig", Obeyed),
    ("QueryStringConfig", Obeyed),
    ("RegexValues", Refused(NO_EXPRESSIONS)),
    ("SourceIpConfig", Obeyed),
    ("Values", Obeyed),
];
const VALUES: Schema = &[("RegexValues", Refused(NO_EXPRESSIONS)), ("Values", Obeyed)];
const HEADER: Schema = &[
    ("HttpHeaderName", Obeyed),
    ("RegexValues", Refused(NO_EXPRESSIONS)),
    ("Values", Obeyed),
];
const PAIR: Schema = &[("Key", Obeyed), ("Value", Obeyed)];
const FIELDS: [&str; 6] = [
    "host-header",
    "http-header",
    "http-request-method",
    "path-pattern",
    "query-string",
    "source-ip",
];
/// The service's, over all conditions of a rule.
const MAX_VALUES: usize = 5;
const LONGEST_VALUE: usize = 128;

impl<'f> Assembly<'f, '_> {
    pub(super) fn conditions(&self, fields: &Fields<'f>) -> Option<Vec<Condition>> {
        let node = fields.required("Conditions")?;
        let items = fields.list("Conditions")?;
        if items.is_empty() {
            return fields.wrong("Conditions", node, "at least one condition");
        }
        let mut seen = Vec::new();
        let mut conditions = Vec::new();
        for item in items {
            let owner = "Conditions";
            let opened = Fields::open(item, item.span, owner, CONDITION, self.findings);
            let Some(fields) = opened else { continue };
            fields.required("Field");
            let Some(field) = fields.choice("Field", &FIELDS) else {
                continue;
            };
            let often = ["http-header", "query-string"];
            if seen.contains(&field) && !often.contains(&field) {
                self.wrong(item.span, format!("a rule has at most one `{field}`"));
            }
            seen.push(field);
            conditions.extend(self.condition(field, &fields));
        }
        let values: usize = conditions.iter().map(count).sum();
        if values > MAX_VALUES {
            let message = format!("a rule has at most {MAX_VALUES} values of conditions");
            self.wrong(node.span, message);
        }
        Some(conditions)
    }

    fn wrong(&self, span: Span, message: impl Into<String>) {
        self.findings.report.add(Finding::error(span, message));
    }

    fn condition(&self, field: &str, fields: &Fields<'f>) -> Option<Condition> {
        match field {
            "path-pattern" => self
                .values(fields, "PathPatternConfig")
                .map(Condition::Path),
            "host-header" => self.values(fields, "HostHeaderConfig").map(Condition::Host),
            "http-request-method" => {
                let methods = self.values(fields, "HttpRequestMethodConfig")?;
                Some(Condition::Method(methods))
            }
            "http-header" => {
                fields.required("HttpHeaderConfig")?;
                let config = fields.nested("HttpHeaderConfig", HEADER, self.findings)?;
                let name = config.required_text("HttpHeaderName")?;
                let values = self.checked(&config)?;
                Some(Condition::Header { name, values })
            }
            "query-string" => self.query(fields),
            _ => self.source(fields),
        }
    }

    /// They stand in a mapping of their own, or, in the older form, beside the field.
    fn values(&self, fields: &Fields<'f>, name: &'static str) -> Option<Vec<String>> {
        match fields.nested(name, VALUES, self.findings) {
            Some(config) => self.checked(&config),
            None => self.checked(fields),
        }
    }

    fn checked(&self, fields: &Fields<'f>) -> Option<Vec<String>> {
        let node = fields.required("Values")?;
        let values = texts(fields, "Values");
        let fine = |value: &String| !value.is_empty() && value.len() <= LONGEST_VALUE;
        if values.is_empty() || !values.iter().all(fine) {
            let shape = format!("a list of texts with 1 to {LONGEST_VALUE} letters");
            return fields.wrong("Values", node, &shape);
        }
        Some(values)
    }

    fn query(&self, fields: &Fields<'f>) -> Option<Condition> {
        fields.required("QueryStringConfig")?;
        let config = fields.nested("QueryStringConfig", VALUES, self.findings)?;
        config.required("Values");
        let pair = |item: &'f Node| {
            let fields = Fields::open(item, item.span, "Values", PAIR, self.findings)?;
            Some(QueryPattern {
                name: fields.text("Key"),
                value: fields.required_text("Value")?,
            })
        };
        let pairs = config.list("Values")?.iter().filter_map(pair);
        Some(Condition::Query(pairs.collect()))
    }

    fn source(&self, fields: &Fields<'f>) -> Option<Condition> {
        fields.required("SourceIpConfig")?;
        let config = fields.nested("SourceIpConfig", VALUES, self.findings)?;
        let node = config.required("Values")?;
        let networks: Option<Vec<Network>> = texts(&config, "Values")
            .iter()
            .map(|text| network(text))
            .collect();
        let shape = "addresses with their length, like 10.0.0.0/8";
        let networks = networks.or_else(|| config.wrong("Values", node, shape))?;
        Some(Condition::Source(networks))
    }
}

fn count(condition: &Condition) -> usize {
    match condition {
        Condition::Path(values)
        | Condition::Host(values)
        | Condition::Method(values)
        | Condition::Header { values, .. } => values.len(),
        Condition::Query(pairs) => pairs.len(),
        Condition::Source(networks) => networks.len(),
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (bits <= longest).then_some(Network { address, bits })
}
