//! `AWS::Lambda::Permission`: who may invoke a function. Plain templates pair it with a notification. Nothing enforces it
//! yet, and nothing is made of it.

use crate::template::admission;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Obeyed, Refused};

pub(crate) const PROPERTIES: Schema = &[
    ("Action", Obeyed),
    ("EventSourceToken", Refused("there are no skills")),
    ("FunctionName", Obeyed),
    ("FunctionUrlAuthType", Obeyed),
    ("InvokedViaFunctionUrl", Obeyed),
    ("Principal", Obeyed),
    ("PrincipalOrgID", Refused("there are no organisations")),
    ("SourceAccount", Obeyed),
    ("SourceArn", Obeyed),
];

pub(crate) fn check(fields: &Fields<'_>, findings: &Findings<'_>) {
    fields.required_text("Action");
    let function = fields.required_text("FunctionName");
    let principal = fields.required_text("Principal");
    if let (Some(function), Some(principal)) = (function, principal) {
        admission::read_permission(&function, principal, findings);
    }
    fields.choice("FunctionUrlAuthType", &["AWS_IAM", "NONE"]);
    fields.boolean("InvokedViaFunctionUrl");
    for optional in ["SourceAccount", "SourceArn"] {
        fields.text(optional);
    }
    findings
        .access
        .borrow_mut()
        .push(fields.place("FunctionName"));
}
