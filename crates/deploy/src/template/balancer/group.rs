//! Target groups, of which only those of a function have somebody here who answers.

use super::{Assembly, Piece, TAGS, attributes};
use crate::desired::Group;
use crate::diagnostic::Finding;
use crate::template::function_arn;
use crate::template::shape::{Fields, Schema, Support};
use Support::{Notice, Obeyed};

const NO_HEALTH: &str = "health is not checked: a function is asked whatever it answered before";

pub(super) const PROPERTIES: Schema = &[
    ("HealthCheckEnabled", Obeyed),
    ("HealthCheckIntervalSeconds", Notice(NO_HEALTH)),
    ("HealthCheckPath", Notice(NO_HEALTH)),
    ("HealthCheckPort", Notice(NO_HEALTH)),
    ("HealthCheckProtocol", Notice(NO_HEALTH)),
    ("HealthCheckTimeoutSeconds", Notice(NO_HEALTH)),
    ("HealthyThresholdCount", Notice(NO_HEALTH)),
    ("IpAddressType", Obeyed),
    ("Matcher", Notice(NO_HEALTH)),
    ("Name", Obeyed),
    ("Port", Obeyed),
    ("Protocol", Obeyed),
    ("ProtocolVersion", Obeyed),
    ("Tags", Notice(TAGS)),
    ("TargetControlPort", Obeyed),
    ("TargetGroupAttributes", Obeyed),
    ("TargetType", Obeyed),
    ("Targets", Obeyed),
    ("UnhealthyThresholdCount", Notice(NO_HEALTH)),
    ("VpcId", Obeyed),
];
const TARGET: Schema = &[
    ("AvailabilityZone", Obeyed),
    ("Id", Obeyed),
    ("Port", Obeyed),
    ("QuicServerId", Obeyed),
];
/// What only groups of other targets have.
const OTHERS: [&str; 6] = [
    "IpAddressType",
    "Port",
    "Protocol",
    "ProtocolVersion",
    "TargetControlPort",
    "VpcId",
];
const LISTS: &str = "lambda.multi_value_headers.enabled";

impl<'f> Assembly<'f, '_> {
    pub(super) fn group(&self, piece: &Piece, fields: &Fields<'f>) -> Option<Group> {
        let report = self.findings.report;
        let kind = fields.text("TargetType");
        let kind = kind.as_deref().unwrap_or("instance");
        if kind != "lambda" {
            report.add(
                Finding::error(
                    fields.place("TargetType"),
                    format!("target groups of type `{kind}` are not supported yet"),
                )
                .why("nothing but functions can answer here")
                .help("write TargetType: lambda"),
            );
            return None;
        }
        for name in OTHERS {
            if fields.has(name) {
                let message = format!("a target group of a function has no `{name}`");
                report.add(Finding::error(fields.place(name), message));
            }
        }
        if fields.boolean("HealthCheckEnabled") == Some(true) {
            let place = fields.place("HealthCheckEnabled");
            let message = "`HealthCheckEnabled` has no effect here";
            report.add(Finding::notice(place, message).why(NO_HEALTH));
        }
        let lists = self.lists(fields);
        let target = self.target(fields);
        Some(Group {
            id: piece.arn.clone(),
            function: target.as_ref().map(|(name, _)| name.clone()),
            qualifier: target.and_then(|(_, qualifier)| qualifier),
            lists,
        })
    }

    fn lists(&self, fields: &Fields<'f>) -> bool {
        let mut lists = false;
        for (key, value, span) in attributes(fields, "TargetGroupAttributes", self.findings) {
            let message = match (key.as_str(), value.as_str()) {
                (LISTS, "true" | "false") => {
                    lists = value == "true";
                    continue;
                }
                (LISTS, _) => format!("`{LISTS}` must be true or false"),
                _ => format!("a target group of a function has no attribute `{key}`"),
            };
            self.findings.report.add(Finding::error(span, message));
        }
        lists
    }

    fn target(&self, fields: &Fields<'f>) -> Option<(String, Option<String>)> {
        let targets = fields.list("Targets")?;
        if let Some(second) = targets.get(1) {
            let message = "a target group has at most one function";
            self.findings
                .report
                .add(Finding::error(second.span, message));
        }
        let target = targets.first()?;
        let fields = Fields::open(target, target.span, "Targets", TARGET, self.findings)?;
        for name in ["Port", "QuicServerId"] {
            if fields.has(name) {
                let message = format!("a function as a target has no `{name}`");
                let place = fields.place(name);
                self.findings.report.add(Finding::error(place, message));
            }
        }
        let id = fields.required("Id")?;
        function_arn::read("Id", id, self.context, self.findings.report)
    }
}
