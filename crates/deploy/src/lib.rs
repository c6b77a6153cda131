//! Deploying: from a template to resources in the engines. Template → [`Desired`] → [`Plan`] → [`Applied`].
//!
//! A template is read and resolved as a whole before anything is made, and whatever is wrong with it, or would not be
//! obeyed, is said with its place. The plan is decided before anything is done, and the plan of what is deployed already
//! does nothing. Applying it makes what is asked for, each thing after what it needs, and then removes what no template
//! asks for any more. What a stack has is kept step by step, so that a deployment that was interrupted is finished by
//! the next one; nothing is rolled back.
//!
//! This crate reads the vendors' template formats (SAM and CloudFormation first) and so may use their words. It must
//! never know how a request looks on the wire, and it stores no resource itself: the engines do. What it keeps is which
//! resources belong to which stack.

mod apply;
mod azure;
mod build;
mod cdk;
mod context;
mod custom;
pub mod desired;
mod diagnostic;
mod engines;
mod error;
mod exports;
mod feeds;
mod google;
mod names;
mod outside;
mod plan;
mod public_layer;
mod publish;
mod recipe;
mod reload;
mod schema;
mod staged;
mod state;
mod survey;
mod template;
mod trial;

use std::sync::Arc;

use access::Keyring;
use base::{Clock, Random};
use tokio::sync::watch;

pub use apply::{Applied, Stack};
pub use build::{Build, Builds, PackagedLayer, Sdk, build, make_layer};
pub use cdk::{Synth, application_of};
pub use context::{Context, Others};
pub use custom::{Answers, NotTaken};
pub use desired::Desired;
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use engines::Engines;
pub use error::{Error, Result};
pub use feeds::{Feeds, KnownFeed};
pub use plan::{Action, Plan, Step};
pub use recipe::{How, Recipe};
pub use reload::{Reload, affected, watched};
pub use schema::Noun;
pub use template::{Overrides, RESERVED_VARIABLES, Template, load, load_all, universal_targets};

#[derive(Clone)]
struct AzureDoor {
    address: String,
    keys: Keyring,
}

/// A handle on the stacks. Clones share them.
#[derive(Clone)]
pub struct Deployer {
    engines: Engines,
    clock: Arc<dyn Clock>,
    random: Random,
    account: String,
    region: String,
    /// Where functions of Google's are reached.
    endpoint: String,
    google: String,
    azure: Option<AzureDoor>,
    /// Of the makers of custom resources.
    answers: Answers,
    /// Counts what was deployed.
    deployed: Arc<watch::Sender<u64>>,
}

impl Deployer {
    /// Deploys into the engines, as the account of twelve digits and in the region.
    pub fn new(
        engines: Engines,
        clock: Arc<dyn Clock>,
        random: Random,
        account: &str,
        region: &str,
    ) -> Self {
        let answers = Answers::new(engines.store.clone(), clock.clone());
        Self {
            answers,
            engines,
            clock,
            random,
            account: account.to_owned(),
            region: region.to_owned(),
            google: String::new(),
            azure: None,
            endpoint: String::new(),
            deployed: Arc::default(),
        }
    }

    /// The server is reached here, also from where functions run.
    #[must_use]
    pub fn with_endpoint(self, endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            ..self
        }
    }

    /// Functions of Google's are reached at this address.
    pub fn with_google(self, address: &str) -> Self {
        Self {
            google: address.to_owned(),
            ..self
        }
    }

    /// Functions of Azure's are reached at this address, by whoever has a key of theirs.
    pub fn with_azure(self, address: &str, keys: Keyring) -> Self {
        let address = address.to_owned();
        Self {
            azure: Some(AzureDoor { address, keys }),
            ..self
        }
    }

    /// Where the makers of custom resources answer.
    pub fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// Changes whenever something has been deployed, or taken away.
    pub fn deployed(&self) -> watch::Receiver<u64> {
        self.deployed.subscribe()
    }
}

impl std::fmt::Debug for Deployer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deployer")
    }
}
