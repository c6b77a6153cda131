//! Accounts and regions, and the names that they make.

use base::Space;

/// What a space is made of here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

impl<'a> Place<'a> {
    /// Every space of this cloud is made by [`crate::context::Context::space`].
    pub(crate) fn of(space: &'a Space) -> Self {
        let (account, region) = space
            .as_str()
            .split_once('/')
            .unwrap_or((space.as_str(), ""));
        Self { account, region }
    }

    pub(crate) fn function_arn(&self, name: &str, qualifier: Option<&str>) -> String {
        let Self { account, region } = self;
        // Every call is told its own: formatting it would take as long again.
        let mut arn = ["arn:aws:lambda:", region, ":", account, ":function:", name].concat();
        if let Some(qualifier) = qualifier {
            arn.push(':');
            arn.push_str(qualifier);
        }
        arn
    }

    /// The host's program that a runtime runs on: nobody else's, so it is in the account.
    pub(crate) fn runtime_arn(&self, runtime: &str, version: &str) -> String {
        let Self { account, region } = self;
        format!("arn:aws:lambda:{region}:{account}:runtime/{runtime}/version/{version}")
    }

    /// Where the cloud has a gateway.
    pub(crate) fn api_host(&self, gateway: &str) -> String {
        let region = self.region;
        let suffix = match region.starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        format!("{gateway}.execute-api.{region}.{suffix}")
    }

    pub(crate) fn topic_arn(&self, name: &str) -> String {
        let Self { account, region } = self;
        format!("arn:aws:sns:{region}:{account}:{name}")
    }

    pub(crate) fn table_arn(&self, name: &str) -> String {
        let Self { account, region } = self;
        format!("arn:aws:dynamodb:{region}:{account}:table/{name}")
    }

    pub(crate) fn layer_arn(&self, name: &str, version: Option<u64>) -> String {
        let Self { account, region } = self;
        let arn = format!("arn:aws:lambda:{region}:{account}:layer:{name}");
        match version {
            Some(version) => format!("{arn}:{version}"),
            None => arn,
        }
    }
}
