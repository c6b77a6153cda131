use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use base::ErrorKind;
use console::Invoked;
use http::Method;

use crate::admin::{self, Target};
use crate::failure::{FUNCTION_FAILED, Failure, Result};
use crate::locate;
use crate::output::Output;

/// Run a function and print its answer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The function's name, or its logical id in the template
    name: String,

    /// The event, as JSON; `@FILE` reads it from a file, `-` from standard input
    #[arg(long, short, default_value = "{}")]
    payload: String,

    /// Do not wait for the answer
    #[arg(long)]
    asynchronous: bool,

    /// Print what the function printed, too: on standard error
    #[arg(long)]
    log: bool,
}

pub(crate) async fn run(args: Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let target = Target::new("invoke")
        .with("function", Some(&args.name))
        .with("asynchronous", args.asynchronous.then_some(true));
    let payload = payload(args.payload)?;
    let invoked: Invoked = admin::ask(&place, Method::POST, target, payload).await?;
    if args.log && !output.is_json() {
        eprint!("{}", invoked.log_tail);
    }
    output.answer(&invoked, || match &invoked.payload {
        Some(payload) => payload.clone(),
        None => format!("accepted as {}", invoked.request_id),
    });
    Ok(match invoked.error {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(FUNCTION_FAILED),
    })
}

fn payload(given: String) -> Result<Vec<u8>> {
    if given == "-" {
        let mut payload = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut payload);
        read.map_err(|cause| Failure::internal(format!("cannot read standard input: {cause}")))?;
        return Ok(payload);
    }
    match given.strip_prefix('@') {
        Some(file) => std::fs::read(file).map_err(|cause| {
            Failure::new(ErrorKind::Missing, format!("cannot read {file}: {cause}"))
        }),
        None => Ok(given.into_bytes()),
    }
}
