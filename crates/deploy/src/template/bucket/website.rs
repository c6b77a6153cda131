//! `WebsiteConfiguration`: what visitors of a bucket see.

use objects::{NewKey, Pages, Redirect, Rule, Scheme, Website};

use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::Obeyed;

const CONFIGURATION: Schema = &[
    ("ErrorDocument", Obeyed),
    ("IndexDocument", Obeyed),
    ("RedirectAllRequestsTo", Obeyed),
    ("RoutingRules", Obeyed),
];
const EVERYTHING: Schema = &[("HostName", Obeyed), ("Protocol", Obeyed)];
const RULE: Schema = &[("RedirectRule", Obeyed), ("RoutingRuleCondition", Obeyed)];
const CONDITION: Schema = &[
    ("HttpErrorCodeReturnedEquals", Obeyed),
    ("KeyPrefixEquals", Obeyed),
];
const REDIRECT: Schema = &[
    ("HostName", Obeyed),
    ("HttpRedirectCode", Obeyed),
    ("Protocol", Obeyed),
    ("ReplaceKeyPrefixWith", Obeyed),
    ("ReplaceKeyWith", Obeyed),
];
/// What the service takes for one bucket.
const MAX_RULES: usize = 50;

pub(super) fn read<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Website> {
    let configuration = fields.nested("WebsiteConfiguration", CONFIGURATION, findings)?;
    if configuration.has("RedirectAllRequestsTo") {
        return elsewhere(&configuration, findings);
    }
    let index = configuration.required_text("IndexDocument");
    if index
        .as_deref()
        .is_some_and(|index| index.is_empty() || index.contains('/'))
    {
        let place = configuration.place("IndexDocument");
        let finding = Finding::error(place, "an index document is no more than a name");
        findings.report.add(
            finding
                .why("it is looked for in every folder")
                .help("for example index.html"),
        );
    }
    let nodes = configuration.list("RoutingRules").unwrap_or_default();
    if nodes.len() > MAX_RULES {
        let message = format!("a website has at most {MAX_RULES} rules");
        let place = configuration.place("RoutingRules");
        findings.report.add(Finding::error(place, message));
    }
    let rules = nodes.iter().filter_map(|node| {
        let fields = Fields::open(node, node.span, "rule", RULE, findings)?;
        rule(&fields, findings)
    });
    Some(Website::Pages(Pages {
        rules: rules.collect(),
        error: configuration.text("ErrorDocument"),
        index: index?,
    }))
}

fn elsewhere<'a>(configuration: &Fields<'a>, findings: &Findings<'a>) -> Option<Website> {
    for other in ["ErrorDocument", "IndexDocument", "RoutingRules"] {
        if configuration.has(other) {
            let message = format!("`{other}` cannot be beside `RedirectAllRequestsTo`");
            let place = configuration.place(other);
            findings.report.add(Finding::error(place, message));
        }
    }
    let everything = configuration.nested("RedirectAllRequestsTo", EVERYTHING, findings)?;
    Some(Website::Elsewhere {
        scheme: scheme(&everything),
        host: everything.required_text("HostName")?,
    })
}

fn scheme(fields: &Fields<'_>) -> Option<Scheme> {
    match fields.choice("Protocol", &["http", "https"])? {
        "http" => Some(Scheme::Http),
        _ => Some(Scheme::Https),
    }
}

fn rule<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Rule> {
    let (prefix, error) = match fields.nested("RoutingRuleCondition", CONDITION, findings) {
        None => (None, None),
        Some(condition) => {
            let error = condition.integer("HttpErrorCodeReturnedEquals", 400..=599);
            let prefix = condition.text("KeyPrefixEquals");
            let says = ["HttpErrorCodeReturnedEquals", "KeyPrefixEquals"];
            if !says.iter().any(|name| condition.has(name)) {
                let place = fields.place("RoutingRuleCondition");
                let finding =
                    Finding::error(place, "a condition needs a prefix or an error's code");
                findings
                    .report
                    .add(finding.help("remove it for a rule that always counts"));
            }
            (prefix, error)
        }
    };
    fields.required("RedirectRule");
    let redirect = fields.nested("RedirectRule", REDIRECT, findings)?;
    let whole = redirect.text("ReplaceKeyWith").map(NewKey::Whole);
    let front = redirect.text("ReplaceKeyPrefixWith").map(NewKey::Prefix);
    if whole.is_some() && front.is_some() {
        let message =
            "a key is replaced by `ReplaceKeyWith` or by `ReplaceKeyPrefixWith`, not by both";
        let place = redirect.place("ReplaceKeyWith");
        findings.report.add(Finding::error(place, message));
    }
    Some(Rule {
        prefix,
        error: error.and_then(|code| u16::try_from(code).ok()),
        redirect: Redirect {
            host: redirect.text("HostName"),
            scheme: scheme(&redirect),
            status: redirect
                .integer("HttpRedirectCode", 301..=399)
                .and_then(|code| u16::try_from(code).ok()),
            key: whole.or(front),
        },
    })
}

/// A website is everybody's to see, and its bucket nobody's else than with a signature.
pub(super) fn check_access(fields: &Fields<'_>, is_website: bool, findings: &Findings<'_>) {
    let Some(access) = fields.text("AccessControl") else {
        return;
    };
    let place = fields.place("AccessControl");
    match access.as_str() {
        // Whom these let in is nobody but the account and the cloud's own services.
        "Private"
        | "AwsExecRead"
        | "BucketOwnerFullControl"
        | "BucketOwnerRead"
        | "LogDeliveryWrite" => {}
        "PublicRead" if is_website => findings.report.add(
            Finding::notice(place, "everybody may read at the website's address only")
                .why("every other access needs a signature"),
        ),
        _ => findings.report.add(
            Finding::error(
                place,
                format!("`AccessControl: {access}` is not supported yet"),
            )
            .why("every access needs a signature")
            .help("remove it; presigned URLs give access to single objects"),
        ),
    }
}

/// Regions in which the service's addresses are as they were at first.
const DASHED: [&str; 9] = [
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "eu-west-1",
    "sa-east-1",
    "us-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Where the cloud has the website, without its own domain.
pub(crate) fn host(bucket: &str, region: &str) -> String {
    let between = match DASHED.contains(&region) {
        true => '-',
        false => '.',
    };
    format!("{bucket}.s3-website{between}{region}")
}
