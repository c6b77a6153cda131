//! `AWS::Lambda::Permission`: who may invoke a function. Plain templates pair it with a notification. Nothing enforces it
//! yet, and nothing is made of it.

use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Obeyed, Refused};

pub(crate) const PROPERTIES: Schema = &[
    ("Action", Obeyed),
    ("EventSourceToken", Refused("there are no skills")),
    ("FunctionName", Obeyed),
    ("FunctionUrlAuthType", Refused("functions have no URLs yet")),
    (
        "InvokedViaFunctionUrl",
        Refused("functions have no URLs yet"),
    ),
    ("Principal", Obeyed),
    ("PrincipalOrgID", Refused("there are no organisations")),
    ("SourceAccount", Obeyed),
    ("SourceArn", Obeyed),
];

pub(crate) fn check(fields: &Fields<'_>, findings: &Findings<'_>) {
    for required in ["Action", "FunctionName", "Principal"] {
        fields.required_text(required);
    }
    for optional in ["SourceAccount", "SourceArn"] {
        fields.text(optional);
    }
    findings
        .access
        .borrow_mut()
        .push(fields.place("FunctionName"));
}
