//! A request as its maker reads it.

use std::fmt::Write;

use base::Random;
use serde_json::{Map, Value, json};

use super::record::{Kept, Verb};
use super::{Ask, Fresh};

pub(super) struct Request<'a> {
    pub(super) ask: &'a Ask<'a>,
    pub(super) kept: &'a Kept,
    pub(super) fresh: &'a Fresh,
    /// Where to answer; none for the cloud's own address.
    pub(super) address: Option<&'a str>,
    pub(super) region: &'a str,
}

impl Request<'_> {
    pub(super) fn event(&self) -> String {
        let (ask, kept) = (self.ask, self.kept);
        let event = json!({
            "RequestType": ask.verb.as_str(),
            "ServiceToken": kept.token,
            "ResponseURL": self.url(),
            "StackId": kept.stack_id,
            "RequestId": self.fresh.id,
            "LogicalResourceId": kept.logical_id,
            "ResourceType": kept.resource_type,
            "ResourceProperties": properties(ask.properties),
        });
        let Value::Object(mut event) = event else {
            return String::new();
        };
        if let Some(physical) = ask.physical {
            event.insert("PhysicalResourceId".to_owned(), physical.into());
        }
        if let Some(old) = ask.old {
            let old = Value::Object(properties(old));
            event.insert("OldResourceProperties".to_owned(), old);
        }
        Value::Object(event).to_string()
    }

    /// Like the cloud's own: an object in a bucket, with the permission to write it.
    fn url(&self) -> String {
        let bucket = format!(
            "cloudformation-custom-resource-response-{}",
            self.region.replace('-', "")
        );
        let base = match (self.address, self.region) {
            (Some(endpoint), _) => format!("{endpoint}/{bucket}"),
            (None, "us-east-1") => format!("https://{bucket}.s3.amazonaws.com"),
            (None, region) => {
                let suffix = match region.starts_with("cn-") {
                    true => "amazonaws.com.cn",
                    false => "amazonaws.com",
                };
                format!("https://{bucket}.s3.{region}.{suffix}")
            }
        };
        let (stack, logical) = (&self.kept.stack_id, &self.kept.logical_id);
        let Fresh { id, secret, .. } = self.fresh;
        let key = format!("{stack}|{logical}|{id}");
        let key = key.replace(':', "%3A").replace('|', "%7C");
        let expires = self.kept.timeout_s;
        format!("{base}/{key}?X-Amz-Expires={expires}&X-Amz-Signature={secret}")
    }
}

fn properties(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

/// What nobody can guess.
pub(super) fn secret(random: &Random) -> String {
    let mut hex = String::with_capacity(64);
    for byte in random.bytes::<32>() {
        write!(hex, "{byte:02x}").expect("a string takes everything");
    }
    hex
}
