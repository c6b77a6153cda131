use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// Take a stack away: everything in it but what its template retains, and buckets that are not empty
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The stack's name
    stack: String,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let name = utf8_percent_encode(&args.stack, NON_ALPHANUMERIC);
    let target = Target::new(&format!("stacks/{name}"));
    let plan: Value = admin::ask(&place, Method::DELETE, target, Bytes::new()).await?;
    let removed = json!({ "stack": plan["stack"], "changes": plan["steps"] });
    output.event("destroyed", &removed, || {
        super::deploy::shown(&removed, place.address, *output)
    });
    Ok(ExitCode::SUCCESS)
}
