//! `CorsConfiguration`: which pages from elsewhere a bucket lets in.

use objects::OriginRule;

use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::Obeyed;

const CONFIGURATION: Schema = &[("CorsRules", Obeyed)];
const RULE: Schema = &[
    ("AllowedHeaders", Obeyed),
    ("AllowedMethods", Obeyed),
    ("AllowedOrigins", Obeyed),
    ("ExposedHeaders", Obeyed),
    ("Id", Obeyed),
    ("MaxAge", Obeyed),
];
const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "POST", "PUT"];
/// What the service takes for one bucket.
const MAX_RULES: usize = 100;
const MAX_AGE: u32 = i32::MAX as u32;

pub(super) fn read<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Vec<OriginRule> {
    let Some(configuration) = fields.nested("CorsConfiguration", CONFIGURATION, findings) else {
        return Vec::new();
    };
    configuration.required("CorsRules");
    let nodes = configuration.list("CorsRules").unwrap_or_default();
    if nodes.len() > MAX_RULES {
        let place = configuration.place("CorsRules");
        let message = format!("a bucket has at most {MAX_RULES} rules for other origins");
        findings.report.add(Finding::error(place, message));
    }
    let rules = nodes.iter().filter_map(|node| {
        let fields = Fields::open(node, node.span, "rule", RULE, findings)?;
        Some(rule(&fields, findings))
    });
    rules.collect()
}

fn rule(fields: &Fields<'_>, findings: &Findings<'_>) -> OriginRule {
    fields.required("AllowedMethods");
    fields.required("AllowedOrigins");
    let rule = OriginRule {
        id: fields.text("Id"),
        origins: fields.strings("AllowedOrigins"),
        methods: fields.strings("AllowedMethods"),
        headers: fields.strings("AllowedHeaders"),
        exposed: fields.strings("ExposedHeaders"),
        max_age_s: fields.integer("MaxAge", 0..=MAX_AGE),
    };
    let is_known = |method: &String| METHODS.contains(&method.as_str());
    if let Some(method) = rule.methods.iter().find(|method| !is_known(method)) {
        let message = format!("no rule can allow the method `{method}`");
        findings.report.add(
            Finding::error(fields.place("AllowedMethods"), message)
                .help(format!("a rule allows any of {}", METHODS.join(", "))),
        );
    }
    for (name, patterns) in [
        ("AllowedOrigins", &rule.origins),
        ("AllowedHeaders", &rule.headers),
    ] {
        if patterns.iter().any(|each| each.matches('*').count() > 1) {
            let message = "one may have one `*` only".to_owned();
            findings
                .report
                .add(Finding::error(fields.place(name), message));
        }
    }
    rule
}
