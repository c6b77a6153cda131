//! Where, and as what, a template is deployed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::custom::Answer;
use crate::feeds::Feeds;
use crate::names::fingerprint;

/// What the pseudo parameters and the generated names are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// Twelve digits.
    pub account: String,
    pub region: String,
    /// The stack's name.
    pub stack: String,
    /// What makes this stack's generated names differ from those of another of the same name; kept with the stack.
    pub suffix: String,
    #[serde(skip)]
    pub feeds: Feeds,
    /// What custom resources of the stack have answered, by their logical ids.
    #[serde(skip)]
    pub(crate) answers: BTreeMap<String, Answer>,
    /// Where the server is reached, for what has an address of its own.
    #[serde(skip)]
    pub endpoint: String,
    /// What the other stacks yield; none where that is not known.
    #[serde(skip)]
    pub others: Option<Others>,
}

/// What stacks yield to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// By the names that they have everywhere.
    pub exports: BTreeMap<String, String>,
    /// By the names of the stacks, and those that they have there.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
}

/// The id of what is in a nested stack, in the stack that nests it.
pub(crate) fn nested_id(nested: &str, logical_id: &str) -> String {
    format!("{nested}/{logical_id}")
}

/// The id within a nested stack, of what is in it.
pub(crate) fn within<'a>(id: &'a str, nested: &str) -> Option<&'a str> {
    id.strip_prefix(nested)?.strip_prefix('/')
}

impl Context {
    /// Which part of the cloud a region belongs to, as it stands in ARNs.
    pub(crate) fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    pub(crate) fn url_suffix(&self) -> &'static str {
        match self.partition() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        }
    }

    /// The ARN of what a service has in this account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = (self.partition(), &self.region, &self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of a role or a policy, which are of all regions.
    pub(crate) fn identity_arn(&self, resource: &str) -> String {
        let (partition, account) = (self.partition(), &self.account);
        format!("arn:{partition}:iam::{account}:{resource}")
    }

    /// Of a stack that is nested in this one.
    pub(crate) fn nested(&self, logical_id: &str, stack: &str) -> Self {
        let of_it = self.answers.iter().filter_map(|(id, answer)| {
            let id = within(id, logical_id)?;
            Some((id.to_owned(), answer.clone()))
        });
        Self {
            stack: stack.to_owned(),
            answers: of_it.collect(),
            ..self.clone()
        }
    }

    /// Where a queue is reached.
    pub(crate) fn queue_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.endpoint, self.account)
    }

    pub(crate) fn stack_id(&self) -> String {
        let hash = fingerprint(&[b"stack", self.stack.as_bytes(), self.suffix.as_bytes()]);
        // In the shape of a UUID.
        let (a, b, c) = (&hash[..8], &hash[8..12], &hash[12..16]);
        let (d, e) = (&hash[16..20], &hash[20..32]);
        let stack = &self.stack;
        self.arn(
            "cloudformation",
            &format!("stack/{stack}/{a}-{b}-{c}-{d}-{e}"),
        )
    }
}
