//! Settings of a table that are kept and told and change nothing here: its class, by which it will be charged; how it is to
//! be encrypted, which is the disk's matter; and who may do what with it, which nothing enforces yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tables::{Keeping, Kept, Settings, Table};

use super::error::{about_table, invalid};
use super::{Asked, settings, table};
use crate::context::Context;
use crate::moment::seconds;
use crate::place::Place;
use crate::protocol::Fault;

pub(super) const CLASS: &str = "TableClass";
pub(super) const ENCRYPTION: &str = "SSESpecification";
pub(super) const POLICY: &str = "ResourcePolicy";
/// Which backup a table was made of; told, and not asked for.
pub(super) const RESTORED: &str = "RestoreSummary";
const CLASSES: [&str; 2] = ["STANDARD", "STANDARD_INFREQUENT_ACCESS"];
/// In bytes.
const LONGEST_POLICY: usize = 20_480;
/// What stands for no policy where one is expected.
const NO_POLICY: &str = "NO_POLICY";

/// As a request to make or to change a table has them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Wanted {
    table_class: Option<String>,
    #[serde(rename = "SSESpecification")]
    encryption: Option<Encryption>,
    resource_policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encryption {
    enabled: Option<bool>,
    #[serde(rename = "SSEType")]
    kind: Option<String>,
    #[serde(rename = "KMSMasterKeyId")]
    key: Option<String>,
}

impl Wanted {
    pub(super) fn says_class(&self) -> bool {
        self.table_class.is_some()
    }

    pub(super) fn says_encryption(&self) -> bool {
        self.encryption.is_some()
    }

    /// By what each is kept under; none where that is no longer to be kept.
    pub(super) fn checked(
        &self,
        context: &Context,
    ) -> Result<BTreeMap<String, Option<String>>, Fault> {
        let mut kept = BTreeMap::new();
        if let Some(class) = &self.table_class {
            if !CLASSES.contains(&class.as_str()) {
                return Err(Fault::validation(format!(
                    "Invalid table-class parameter provided. Please try again with a valid table-class value: [{}].",
                    CLASSES.join(", ")
                )));
            }
            kept.insert(CLASS.to_owned(), Some(class.clone()));
        }
        if let Some(encryption) = &self.encryption {
            kept.insert(ENCRYPTION.to_owned(), encryption.checked(context)?);
        }
        if let Some(policy) = &self.resource_policy {
            check_policy(policy)?;
            kept.insert(POLICY.to_owned(), Some(policy.clone()));
        }
        Ok(kept)
    }

    /// Of a new table.
    pub(super) fn of_new(&self, context: &Context) -> Result<BTreeMap<String, String>, Fault> {
        let kept = self.checked(context)?.into_iter();
        Ok(kept
            .filter_map(|(word, text)| Some((word, text?)))
            .collect())
    }
}

impl Encryption {
    /// The key's name, if there is to be one.
    fn checked(&self, context: &Context) -> Result<Option<String>, Fault> {
        let enabled = self.enabled.unwrap_or_default();
        for (name, given) in [
            ("SSEType", self.kind.is_some()),
            ("KMSMasterKeyId", self.key.is_some()),
        ] {
            if !enabled && given {
                return Err(invalid(format!(
                    "{name} can not be specified if Enabled is false"
                )));
            }
        }
        if enabled && self.kind.as_deref() == Some("AES256") {
            return Err(invalid("SSEType AES256 is not supported"));
        }
        if self.key.is_some() && self.kind.is_none() {
            return Err(invalid(
                "SSEType KMS is required if KMSMasterKeyId is specified",
            ));
        }
        let place = Place::of(&context.space);
        let arn = |rest: &str| format!("arn:aws:kms:{}:{}:{rest}", place.region, place.account);
        Ok(enabled.then(|| match self.key.as_deref() {
            None => arn("alias/aws/dynamodb"),
            Some(key) if key.starts_with("arn:") => key.to_owned(),
            Some(alias) if alias.starts_with("alias/") => arn(alias),
            Some(key) => arn(&format!("key/{key}")),
        }))
    }
}

/// Refuses to encrypt a table as it is encrypted.
pub(super) fn check_encryption(
    settings: &Settings,
    wanted: &BTreeMap<String, Option<String>>,
) -> Result<(), Fault> {
    let Some(wanted) = wanted.get(ENCRYPTION) else {
        return Ok(());
    };
    match (settings.kept(ENCRYPTION), wanted.as_deref()) {
        (None, None) => Err(invalid("Table is already encrypted by default")),
        (Some(key), Some(wanted)) if key == wanted => Err(invalid(
            "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key",
        )),
        _ => Ok(()),
    }
}

/// What of it a description tells.
pub(super) fn print(settings: &Settings, table: &Table, printed: &mut Value) {
    if let Some(Kept { text, since }) = settings.kept.get(CLASS) {
        let mut class = json!({ "TableClass": text });
        if *since > table.created {
            class["LastUpdateDateTime"] = seconds(*since).into();
        }
        printed["TableClassSummary"] = class;
    }
    if let Some(key) = settings.kept(ENCRYPTION) {
        printed["SSEDescription"] = json!({
            "Status": "ENABLED",
            "SSEType": "KMS",
            "KMSMasterKeyArn": key,
        });
    }
    if let Some(summary) = settings.kept(RESTORED) {
        let mut summary: Value = serde_json::from_str(summary).unwrap_or_default();
        summary["RestoreInProgress"] = settings.filled_by.is_some().into();
        printed[RESTORED] = summary;
    }
}

fn check_policy(policy: &str) -> Result<(), Fault> {
    if policy.len() > LONGEST_POLICY {
        return Err(Fault::new(
            "LimitExceededException",
            format!("Policy exceeds the maximum size of {LONGEST_POLICY} bytes"),
        ));
    }
    let read: Result<Value, _> = serde_json::from_str(policy);
    let complete = |statement: &Value| {
        let needed = ["Effect", "Principal", "Action", "Resource"];
        needed.iter().all(|name| statement.get(name).is_some())
    };
    let right = match read.as_ref().map(|policy| &policy["Statement"]) {
        Ok(Value::Array(statements)) => !statements.is_empty() && statements.iter().all(complete),
        Ok(one @ Value::Object(_)) => complete(one),
        _ => false,
    };
    match right {
        true => Ok(()),
        false => Err(Fault::validation(
            "Invalid policy document: it must be JSON whose statements have Effect, Principal, Action and Resource",
        )),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    resource_arn: String,
    policy: Option<String>,
    expected_revision_id: Option<String>,
}

impl Input {
    /// Policies of streams are something else.
    fn table<'a>(&'a self, asked: &Asked<'_>) -> Result<&'a str, Fault> {
        if self.resource_arn.contains("/stream/") {
            return Err(Fault::not_implemented("the policy of a stream"));
        }
        table::name(asked.context, &self.resource_arn)
    }

    async fn keep(&self, asked: &Asked<'_>, policy: Option<&str>) -> Result<Keeping, Fault> {
        let name = self.table(asked)?;
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
pub(super) async fn put_policy(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
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
    let policy = input.policy.as_deref().unwrap_or_default();
    check_policy(policy)?;
    let kept = input.keep(&asked, Some(policy)).await?;
    Ok(told(&asked, kept.after.as_ref()))
}

/// `GetResourcePolicy`.
pub(super) fn policy(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn"])?;
    let input: Input = asked.call.read()?;
    let found = asked.tables.settings(asked.space(), input.table(&asked)?);
    let found = found.map_err(about_table)?;
    let kept = found.kept.get(POLICY);
    let kept = kept.ok_or_else(|| not_found(&input.resource_arn))?;
    Ok(asked.answer(&json!({ "Policy": kept.text, "RevisionId": revision(kept) })))
}

/// `DeleteResourcePolicy`. One that is not there is deleted too.
pub(super) async fn delete_policy(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    settings::only(&asked.call, &["ResourceArn", "ExpectedRevisionId"])?;
    let input: Input = asked.call.read()?;
    let kept = input.keep(&asked, None).await?;
    Ok(told(&asked, kept.before.as_ref()))
}
