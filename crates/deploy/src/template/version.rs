//! `AWS::Lambda::Version` and `AWS::Lambda::Alias`.

use crate::desired::{Alias, Numbered, Version};
use crate::diagnostic::{Finding, Span};
use crate::template::declared::MARK;
use crate::template::function::{is_alias, provisioned};
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Notice, Obeyed, Refused};

pub(crate) const VERSION: Schema = &[
    (
        "CodeSha256",
        Refused("what is published is what the template deploys"),
    ),
    ("Description", Obeyed),
    ("FunctionName", Obeyed),
    (
        "FunctionScalingConfig",
        Refused("there are no capacity providers"),
    ),
    ("ProvisionedConcurrencyConfig", Obeyed),
    ("RuntimePolicy", Notice("the host's own runtimes are used")),
];

pub(crate) const ALIAS: Schema = &[
    ("Description", Obeyed),
    ("FunctionName", Obeyed),
    ("FunctionVersion", Obeyed),
    ("Name", Obeyed),
    ("ProvisionedConcurrencyConfig", Obeyed),
    ("RoutingConfig", Obeyed),
];

const ROUTING: Schema = &[("AdditionalVersionWeights", Obeyed)];
const WEIGHT: Schema = &[("FunctionVersion", Obeyed), ("FunctionWeight", Obeyed)];

pub(crate) fn read_version(
    fields: &Fields<'_>,
    id: &str,
    function: Option<String>,
    findings: &Findings<'_>,
) -> Option<Version> {
    fields.required_text("FunctionName")?;
    let function = function?;
    Some(Version {
        name: format!("{function}:{id}"),
        function,
        description: fields.text("Description"),
        provisioned: provisioned(fields, findings),
    })
}

pub(crate) fn read_alias(
    fields: &Fields<'_>,
    function: Option<String>,
    findings: &Findings<'_>,
) -> Option<Alias> {
    let name = fields.required_text("Name");
    let version = fields.required_text("FunctionVersion");
    fields.required_text("FunctionName")?;
    let (alias, function) = (name?, function?);
    if !is_alias(&alias) {
        let message = format!("`{alias}` cannot be the name of an alias");
        findings
            .report
            .add(Finding::error(fields.place("Name"), message));
        return None;
    }
    let place = fields.place("FunctionVersion");
    let version = numbered(&version?, &function, place, findings)?;
    let other = other(fields, &function, findings);
    if let (Numbered::Latest, Some(_)) = (&version, &other) {
        findings.report.add(
            Finding::error(place, "$LATEST cannot share calls with another version")
                .help("publish a version"),
        );
    }
    Some(Alias {
        name: format!("{function}:{alias}"),
        function,
        alias,
        description: fields.text("Description").unwrap_or_default(),
        version,
        other,
        provisioned: provisioned(fields, findings),
    })
}

fn other(fields: &Fields<'_>, function: &str, findings: &Findings<'_>) -> Option<(Numbered, u32)> {
    let routing = fields.nested("RoutingConfig", ROUTING, findings)?;
    let weights = routing.list("AdditionalVersionWeights")?;
    let place = routing.place("AdditionalVersionWeights");
    let [weight] = weights else {
        if !weights.is_empty() {
            let message = "an alias has at most one more version";
            findings.report.add(Finding::error(place, message));
        }
        return None;
    };
    let owner = "AdditionalVersionWeights";
    let weight = Fields::open(weight, weight.span, owner, WEIGHT, findings)?;
    let version = weight.required_text("FunctionVersion");
    let share = weight.required_text("FunctionWeight")?;
    let span = weight.place("FunctionWeight");
    let share = share.parse::<f64>().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    let Some(share) = share else {
        let message = "`FunctionWeight` must be a number from 0 to 1";
        findings.report.add(Finding::error(span, message));
        return None;
    };
    let version = numbered(&version?, function, span, findings)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between nothing and all"
    )]
    let share = (share * 100_000.0).round() as u32;
    Some((version, share))
}

/// A number, the newest code, or what a version of the template will be.
fn numbered(text: &str, function: &str, place: Span, findings: &Findings<'_>) -> Option<Numbered> {
    if text == "$LATEST" {
        return Some(Numbered::Latest);
    }
    if let Ok(number) = text.parse() {
        return Some(Numbered::Number(number));
    }
    let own = text
        .strip_prefix(MARK)
        .and_then(|text| text.strip_suffix(MARK));
    if let Some(id) = own {
        return Some(Numbered::Published(format!("{function}:{id}")));
    }
    findings.report.add(
        Finding::error(place, "`FunctionVersion` must be the number of a version")
            .help("write `!GetAtt TheVersion.Version`"),
    );
    None
}
