//! Where it is told how asynchronous calls ended: `EventInvokeConfig` in all of its forms.

use crate::desired::Retry;
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::MARK;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::Obeyed;

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
