use std::path::Path;
use std::process::ExitCode;

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// Print what functions print, and what rules write to log groups
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this function only: its name, or its logical id in the template. Or of a log group, as /aws/events/orders
    name: Option<String>,

    /// Go on with what they print from now on
    #[arg(long, short)]
    follow: bool,

    /// How many of the newest lines to begin with [default: 1000]
    #[arg(long, value_name = "LINES")]
    last: Option<usize>,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let target = Target::new("logs")
        .with("function", args.name.as_ref())
        .with("last", args.last)
        .with("follow", args.follow.then_some(true));
    admin::follow(&place, target, |text| print(text, *output)).await?;
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str, output: Output) {
    match serde_json::from_str::<console::Line>(text) {
        Ok(line) => output.answer(&line, || super::log_line(output, &line)),
        Err(cause) => tracing::debug!(%cause, text, "a line does not read"),
    }
}
