//! Where it is told how asynchronous calls ended: `EventInvokeConfig` in both of its forms. Declared apart from its function
//! it becomes part of that function, which therefore must be in the same template.

use crate::desired::{Kind, Retry};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::MARK;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::Obeyed;

pub(crate) const PROPERTIES: Schema = &[
    ("DestinationConfig", Obeyed),
    ("FunctionName", Obeyed),
    ("MaximumEventAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
    ("Qualifier", Obeyed),
];
const DESTINATIONS: Schema = &[("OnFailure", Obeyed), ("OnSuccess", Obeyed)];
const DESTINATION: Schema = &[("Destination", Obeyed), ("Type", Obeyed)];
const TYPES: &[&str] = &["EventBridge", "Lambda", "S3Bucket", "SNS", "SQS"];

/// The properties that both forms have.
pub(crate) fn retry(fields: &Fields<'_>, findings: &Findings<'_>) -> Retry {
    let config = fields.nested("DestinationConfig", DESTINATIONS, findings);
    let destination = |name: &'static str| {
        config
            .as_ref()
            .and_then(|config| destination(config, name, findings))
    };
    Retry {
        attempts: fields.integer("MaximumRetryAttempts", 0..=2),
        max_age_s: fields.integer("MaximumEventAgeInSeconds", 60..=21_600),
        on_success: destination("OnSuccess"),
        on_failure: destination("OnFailure"),
    }
}

fn destination(config: &Fields<'_>, name: &'static str, findings: &Findings<'_>) -> Option<String> {
    let fields = config.nested(name, DESTINATION, findings)?;
    fields.choice("Type", TYPES);
    let at = config.place(name);
    if !fields.has("Destination") {
        findings.report.add(
            Finding::error(at, format!("`{name}` names no `Destination`"))
                .why("no queue and no topic is made for it")
                .help("declare one, and write `Destination: !GetAtt TheQueue.Arn`"),
        );
        return None;
    }
    let arn = fields.text("Destination")?;
    let services: &[&str] = match name {
        // Buckets are told of failures only.
        "OnSuccess" => &["sqs", "sns", "lambda", "events"],
        _ => &["sqs", "sns", "lambda", "events", "s3"],
    };
    place(&arn, services, fields.place("Destination"), findings.report)
}

/// The ARN of something in one of these services.
pub(crate) fn place(arn: &str, services: &[&str], at: Span, report: &Report) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    let is_arn = parts.next() == Some("arn");
    let service = parts.nth(1).unwrap_or_default();
    if is_arn && services.contains(&service) {
        return Some(arn.to_owned());
    }
    report.add(
        Finding::error(at, "nothing can be sent there")
            .why(format!("this is {:?}", arn.replace(MARK, "…")))
            .help(format!(
                "write the ARN of something in {}",
                services.join(", ")
            )),
    );
    None
}

/// What is declared apart from its function.
pub(crate) struct Apart {
    function: String,
    qualifier: String,
    retry: Retry,
    place: Span,
}

pub(crate) fn read(
    fields: &Fields<'_>,
    function: Option<String>,
    findings: &Findings<'_>,
) -> Option<Apart> {
    let qualifier = fields.required_text("Qualifier");
    let retry = retry(fields, findings);
    Some(Apart {
        function: function?,
        qualifier: qualifier?,
        retry,
        place: fields.place("FunctionName"),
    })
}

/// Gives each function what is declared apart from it.
pub(crate) fn join(made: &mut [(String, Kind)], apart: Vec<Apart>, report: &Report) {
    for one in apart {
        let function = made.iter_mut().find_map(|(_, kind)| match kind {
            Kind::Function(function) if function.name == one.function => Some(function),
            _ => None,
        });
        let error = |message: &str, help: &str| {
            report.add(Finding::error(one.place, message).help(help));
        };
        let Some(function) = function else {
            error(
                "this function is not in the template",
                "write `!Ref TheFunction`",
            );
            continue;
        };
        let own = match &function.publish {
            Some(publish) => publish.alias.as_str(),
            None => "$LATEST",
        };
        if one.qualifier != own {
            let help = format!("write `Qualifier: {own}`");
            error(
                "calls of this qualifier cannot be treated apart from others",
                &help,
            );
        } else if function.retry != Retry::default() {
            error("the function says this already", "leave out one of the two");
        } else {
            function.retry = one.retry;
        }
    }
}
