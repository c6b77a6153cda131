//! Who may do what with a table, which nothing enforces yet. A policy is kept in one form however it was written, so that one
//! written otherwise is no change.

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::json;
use tables::{Keeping, Kept};

use super::error::{about_table, invalid};
use super::{Asked, settings, table};
use crate::context::Context;
use crate::policy::{Document, NO_STATEMENT, NOT_UNIQUE, Statement};
use crate::protocol::Fault;

/// In bytes.
const LONGEST: usize = 20_480;
/// Of a policy that says none.
const OLDEST_VERSION: &str = "2008-10-17";
/// What a policy is kept under.
pub(super) const POLICY: &str = "ResourcePolicy";
/// What stands for no policy where one is expected.
const NO_POLICY: &str = "NO_POLICY";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource_arn: String,
    policy: Option<String>,
    expected_revision_id: Option<String>,
}

impl Input {
    async fn keep(&self, asked: &Asked<'_>, policy: Option<&str>) -> Result<Keeping, Fault> {
        let name = named(asked.context, &self.resource_arn)?;
        let kept = (POLICY, policy);
        let expected = self.expected_revision_id.as_deref();
        let is_expected = |kept: Option<&Kept>| match expected {
            None => true,
            Some(NO_POLICY) => kept.is_none(),
            Some(expected) => kept.is_some_and(|kept| revision(kept) == expected),
        };
        let done = asked
            .tables
            .keep(asked.space(), name, kept, is_expected)
            .await;
        done.map_err(about_table)?
            .map_err(|other| unexpected(name, expected.unwrap_or_default(), other.as_ref()))
    }
}

/// The table that an ARN names. Policies of streams are something else.
fn named<'a>(context: &Context, arn: &'a str) -> Result<&'a str, Fault> {
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("ARNs must start with 'arn:': {arn}")));
    }
    let mut parts = arn.splitn(6, ':').skip(4);
    let (account, resource) = (parts.next(), parts.next().unwrap_or_default());
    if account.is_some_and(|account| account != context.account) {
        return Err(Fault::validation(
            "This action is only supported by accounts that match the resource owner’s account.",
        ));
    }
    let rest = resource.strip_prefix("table/").unwrap_or_default();
    match rest.split_once('/').unwrap_or((rest, "")) {
        ("", _) => Err(invalid(format!("Invalid resource Arn: {arn}"))),
        (name, "") if table::arn(context, name) == arn => Ok(name),
        (_, "") => Err(invalid(format!("Invalid resource Arn: {arn}"))),
        (_, part) if part.starts_with("stream/") => {
            Err(Fault::not_implemented("the policy of a stream"))
        }
        (_, part) if part.starts_with("index/") => Err(invalid(format!(
            "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}"
        ))),
        _ => Err(invalid(format!(
            "Provided Arn is not a DynamoDB resource arn: {arn}"
        ))),
    }
}

/// Another policy is there than the one that was expected, or one and none.
fn unexpected(table: &str, expected: &str, found: Option<&Kept>) -> Fault {
    let found = found.map(revision);
    not_found(&match (expected, found) {
        (NO_POLICY, found) => format!(
            "Requested policy update expecting none to be present for table {table}, but a policy exists with revision id {}.",
            found.unwrap_or_default()
        ),
        (expected, Some(found)) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target table {table} has revision id {found}."
        ),
        (expected, None) => format!(
            "Requested update for policy with revision id {expected}, but table {table} has no associated policy."
        ),
    })
}

fn not_found(what: &str) -> Fault {
    let message = format!("Resource-based policy not found for the provided ResourceArn: {what}");
    Fault::new("PolicyNotFoundException", message)
}

/// A policy's revision is when it was put.
fn revision(kept: &Kept) -> String {
    kept.since.as_micros().to_string()
}

fn told(asked: &Asked<'_>, kept: Option<&Kept>) -> wire::Response {
    asked.answer(&match kept {
        Some(kept) => json!({ "RevisionId": revision(kept) }),
        None => json!({}),
    })
}

/// `PutResourcePolicy`.
pub(super) async fn put(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(
        &asked.call,
        &[
            "ResourceArn",
            "Policy",
            "ExpectedRevisionId",
            "ConfirmRemoveSelfResourceAccess",
        ],
    )?;
    let input: Input = asked.call.read()?;
    let policy = canonical(input.policy.as_deref().unwrap_or_default())?;
    let kept = input.keep(&asked, Some(&policy)).await?;
    Ok(told(&asked, kept.after.as_ref()))
}

/// `GetResourcePolicy`.
pub(super) fn get(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn"])?;
    let input: Input = asked.call.read()?;
    let name = named(asked.context, &input.resource_arn)?;
    let found = asked.tables.settings(asked.space(), name);
    let found = found.map_err(about_table)?;
    let kept = found.kept.get(POLICY);
    let kept = kept.ok_or_else(|| not_found(&input.resource_arn))?;
    let policy = with_version(&kept.text);
    Ok(asked.answer(&json!({ "Policy": policy, "RevisionId": revision(kept) })))
}

/// `DeleteResourcePolicy`. One that is not there is deleted too.
pub(super) async fn delete(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "ExpectedRevisionId"])?;
    let input: Input = asked.call.read()?;
    let kept = input.keep(&asked, None).await?;
    Ok(told(&asked, kept.before.as_ref()))
}

/// The form in which a policy is kept, if it is one.
pub(super) fn canonical(policy: &str) -> Result<String, Fault> {
    if policy.len() > LONGEST {
        return Err(invalid(format!(
            "Maximum policy size of {LONGEST} bytes exceeded"
        )));
    }
    let document = Document::read(policy).map_err(|cause| match cause.classify() {
        Category::Data => wrong(&format!(
            "Syntax error at position ({},{})",
            cause.line(),
            cause.column()
        )),
        _ => wrong("This policy contains invalid Json"),
    })?;
    if document.statement.is_empty() {
        return Err(wrong(NO_STATEMENT));
    }
    document.statement.iter().try_for_each(check)?;
    match document.has_unique_ids() {
        true => Ok(document.into_text()),
        false => Err(wrong(NOT_UNIQUE)),
    }
}

fn check(statement: &Statement) -> Result<(), Fault> {
    if let Some(name) = statement.missing() {
        return Err(wrong(&format!("Missing required field {name}")));
    }
    if statement.allows() && statement.names_everyone() && statement.condition.is_none() {
        return Err(Fault::validation(
            "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure least-privilege form of access",
        ));
    }
    Ok(())
}

/// A policy as it is told. To say no version is kept as another policy than to say the oldest.
fn with_version(policy: &str) -> String {
    match Document::read(policy) {
        Ok(mut document) if document.version.is_none() => {
            document.version = Some(OLDEST_VERSION.to_owned());
            document.into_text()
        }
        _ => policy.to_owned(),
    }
}

fn wrong(what: &str) -> Fault {
    invalid(format!("Invalid policy document: {what}"))
}
