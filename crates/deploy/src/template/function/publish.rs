//! What of a function is published: its alias, snapshots of it, and how many instances are kept initialised.

use super::Reading;
use crate::desired::Publish;
use crate::template::shape::{Fields, Findings, Schema, Support::Obeyed};

const PROVISIONED: Schema = &[("ProvisionedConcurrentExecutions", Obeyed)];

const SNAPSHOTS: Schema = &[("ApplyOn", Obeyed)];

impl Reading<'_> {
    pub(super) fn publish(&self) -> Option<Publish> {
        let provisioned = provisioned(self.fields, self.findings);
        let Some(alias) = self.fields.text("AutoPublishAlias") else {
            for needing in ["ProvisionedConcurrencyConfig", "VersionDescription"] {
                if self.fields.has(needing) && !self.fields.has("AutoPublishAlias") {
                    self.say(
                        self.error(needing, format!("`{needing}` needs `AutoPublishAlias`"))
                            .why("only what is published has versions"),
                    );
                }
            }
            return None;
        };
        if !is_alias(&alias) {
            self.say(self.error(
                "AutoPublishAlias",
                format!("`{alias}` cannot be the name of an alias"),
            ));
            return None;
        }
        Some(Publish {
            alias,
            description: self.fields.text("VersionDescription"),
            provisioned,
        })
    }

    pub(super) fn snapshots(&self, runtime: Option<&str>) -> bool {
        let Some(fields) = self.fields.nested("SnapStart", SNAPSHOTS, self.findings) else {
            return false;
        };
        let wanted = fields.choice("ApplyOn", &["PublishedVersions", "None"]);
        let wanted = wanted == Some("PublishedVersions");
        let minor = runtime.and_then(|runtime| runtime.strip_prefix("python3."));
        let supported = minor
            .and_then(|minor| minor.parse::<u32>().ok())
            .is_some_and(|minor| minor >= 12);
        if wanted && runtime.is_some() && !supported {
            self.say(
                self.error(
                    "SnapStart",
                    format!("`{}` takes no snapshots", runtime.unwrap_or_default()),
                )
                .why("the service takes them of Python 3.12 and newer"),
            );
        }
        wanted
    }
}

/// How many instances are to be kept initialised.
pub(crate) fn provisioned(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<u32> {
    let nested = fields.nested("ProvisionedConcurrencyConfig", PROVISIONED, findings)?;
    nested.required("ProvisionedConcurrentExecutions");
    nested.integer("ProvisionedConcurrentExecutions", 1..=900)
}

/// Not a number alone: that would be a version.
pub(crate) fn is_alias(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}
