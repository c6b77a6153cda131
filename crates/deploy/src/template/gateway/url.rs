//! The URLs of functions: `FunctionUrlConfig`, and `AWS::Lambda::Url`, which is declared apart from its function.

use std::collections::{BTreeMap, BTreeSet};

use super::{DEFAULT_STAGE, auth, bare, http_cors};
use crate::desired::Kind as Made;
use crate::desired::{
    Backend, FunctionBackend, Gateway, GatewayKind, Guarded, Payload, Route, Wanted,
};
use crate::diagnostic::{Finding, Report, Span};
use crate::template::declared::MARK;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::Obeyed;

pub(crate) const CONFIG: Schema = &[
    ("AuthType", Obeyed),
    ("Cors", Obeyed),
    ("InvokeMode", Obeyed),
];

pub(crate) const APART: Schema = &[
    ("AuthType", Obeyed),
    ("Cors", Obeyed),
    ("InvokeMode", Obeyed),
    ("Qualifier", Obeyed),
    ("TargetFunctionArn", Obeyed),
];

/// What a URL reaches: a function, or an alias of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reached {
    pub(crate) function: String,
    pub(crate) alias: Option<String>,
}

/// What a URL that is declared apart reaches. `named` is what its `TargetFunctionArn` says, which may have an alias too.
pub(crate) fn reached(
    fields: &Fields<'_>,
    named: Option<String>,
    findings: &Findings<'_>,
) -> Option<Reached> {
    fields.required_text("TargetFunctionArn")?;
    let named = named?;
    let beside = fields.text("Qualifier");
    let (function, within) = match named.split_once(':') {
        Some((function, alias)) => (function.to_owned(), Some(alias.to_owned())),
        None => (named, None),
    };
    let refuse = |property: &str, message: &str| {
        let finding = Finding::error(fields.place(property), message);
        findings.report.add(finding);
        None
    };
    if within.is_some() && beside.is_some() && within != beside {
        return refuse("Qualifier", "`TargetFunctionArn` names another alias");
    }
    let property = if beside.is_some() {
        "Qualifier"
    } else {
        "TargetFunctionArn"
    };
    let alias = beside.or(within);
    // Versions have none, and neither has the newest code by this name.
    let is_alias = |name: &String| {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        !is_number && name != "$LATEST" && !name.contains([':', MARK])
    };
    if !alias.as_ref().is_none_or(is_alias) {
        return refuse(property, "only a function and an alias may have a URL");
    }
    Some(Reached { function, alias })
}

/// The gateway of one function, which takes every request.
pub(crate) fn read(
    fields: &Fields<'_>,
    id: String,
    reached: Reached,
    findings: &Findings<'_>,
) -> Option<Gateway> {
    fields.required("AuthType");
    let is_signed = fields.choice("AuthType", &["NONE", "AWS_IAM"]) == Some("AWS_IAM");
    if is_signed {
        let mut places = findings.access.borrow_mut();
        places.push(fields.place("AuthType"));
    }
    let streams =
        fields.choice("InvokeMode", &["BUFFERED", "RESPONSE_STREAM"]) == Some("RESPONSE_STREAM");
    let title = Some(reached.function.clone());
    let mut gateway = Gateway {
        cors: http_cors(fields, "Cors", findings),
        ..bare(GatewayKind::Url, title, id)
    };
    gateway.stages.insert(DEFAULT_STAGE.into(), BTreeMap::new());
    if is_signed {
        gateway.guards.push(auth::signature());
    }
    gateway.routes.push(Route {
        method: None,
        path: None,
        backend: Backend::Function(FunctionBackend {
            function: reached.function,
            qualifier: reached.alias,
            payload: Payload::V2,
            timeout_ms: None,
            streams,
            replies: false,
        }),
        guard: is_signed.then(|| Guarded {
            by: auth::SIGNATURE.into(),
            scopes: Vec::new(),
        }),
        needs_key: false,
        wanted: Wanted::default(),
    });
    Some(gateway)
}

/// A URL is of a function or an alias that the template makes, which has no other.
pub(crate) fn check(made: &[(String, Made)], reached: &[(Reached, Span)], report: &Report) {
    let mut known = BTreeSet::new();
    for (one, span) in reached {
        if !known.insert(one) {
            let message = "a function, or an alias of it, has one URL";
            report.add(Finding::error(*span, message).why("the template declares another"));
        }
        let is_there = made.iter().any(|(_, kind)| match (kind, &one.alias) {
            (Made::Function(function), None) => function.name == one.function,
            (Made::Function(function), Some(alias)) => {
                let published = function.publish.as_ref();
                let own = published.is_some_and(|publish| publish.alias == *alias);
                function.name == one.function && own
            }
            (Made::Alias(made), Some(alias)) => {
                made.function == one.function && made.alias == *alias
            }
            _ => false,
        });
        if !is_there {
            let message = match &one.alias {
                Some(alias) => format!("the function has no alias `{alias}` in this template"),
                None => "this function is not in the template".to_owned(),
            };
            report.add(Finding::error(*span, message).help("write `!GetAtt TheFunction.Arn`"));
        }
    }
}
