//! Settings of a table that are kept and told and change nothing here: its class, by which it will be charged; how it is to
//! be encrypted, which is the disk's matter; and its policy.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tables::{Kept, Settings, Table};

use super::error::invalid;
use super::policy::{self, POLICY};
use crate::context::Context;
use crate::moment::seconds;
use crate::place::Place;
use crate::protocol::Fault;

pub(super) const CLASS: &str = "TableClass";
pub(super) const ENCRYPTION: &str = "SSESpecification";
/// Which backup a table was made of; told, and not asked for.
pub(super) const RESTORED: &str = "RestoreSummary";
const CLASSES: [&str; 2] = ["STANDARD", "STANDARD_INFREQUENT_ACCESS"];

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
            kept.insert(POLICY.to_owned(), Some(policy::canonical(policy)?));
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
        // Who says how says that it is to be.
        let enabled = self.enabled.unwrap_or(self.kind.is_some());
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

impl Wanted {
    /// What of it changes a table that has these settings; a table is not encrypted as it is encrypted.
    pub(super) fn changes(
        &self,
        settings: &Settings,
        context: &Context,
    ) -> Result<BTreeMap<String, Option<String>>, Fault> {
        let mut kept = self.checked(context)?;
        if let Some(encryption) = &self.encryption {
            let (old, new) = (settings.kept(ENCRYPTION), kept.get(ENCRYPTION));
            encryption.check_change(old, new.and_then(Option::as_deref))?;
        }
        if settings.kept(CLASS).is_none() && self.table_class.as_deref() == Some(CLASSES[0]) {
            kept.remove(CLASS);
        }
        Ok(kept)
    }
}

impl Encryption {
    /// Whoever names the same key by another name than its ARN, or none, is not refused.
    fn check_change(&self, old: Option<&str>, new: Option<&str>) -> Result<(), Fault> {
        match (old, new) {
            (None, None) => Err(invalid("Table is already encrypted by default")),
            (Some(old), Some(_)) if self.key.as_deref() == Some(old) => Err(invalid(
                "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key",
            )),
            _ => Ok(()),
        }
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
    if let Some(mut summary) = restored_from(settings) {
        summary["RestoreInProgress"] = true.into();
        printed[RESTORED] = summary;
    }
}

/// What a table is being restored from. Nothing tells that of one that is restored.
pub(super) fn restored_from(settings: &Settings) -> Option<Value> {
    settings.filled_by.as_ref()?;
    serde_json::from_str(settings.kept(RESTORED)?).ok()
}
