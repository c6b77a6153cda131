//! Functions that a template names by their ARN.

use crate::Context;
use crate::diagnostic::{Finding, Report};
use crate::template::declared::MARK;
use crate::template::scalar;
use crate::template::tree::Node;

/// The name in an ARN of a function of this account and region, and the alias or version if there is one. `what` is the
/// property that must be such an ARN.
pub(crate) fn read(
    what: &str,
    node: &Node,
    context: &Context,
    report: &Report,
) -> Option<(String, Option<String>)> {
    let arn = scalar::text(node, report)?;
    named(&arn, context).or_else(|| {
        report.add(
            Finding::error(node.span, format!("`{what}` must be the ARN of a function"))
                .why(format!("this is {}", node.kind()))
                .help("write `!GetAtt TheFunction.Arn`"),
        );
        None
    })
}

pub(crate) fn named(arn: &str, context: &Context) -> Option<(String, Option<String>)> {
    let name = arn.strip_prefix(&context.arn("lambda", "function:"))?;
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (name, None),
    };
    let plain = qualifier.unwrap_or("plain");
    let fine = !name.is_empty()
        && !name.contains('$')
        && !plain.is_empty()
        && !plain.contains([':', MARK]);
    fine.then(|| (name.to_owned(), qualifier.map(str::to_owned)))
}
