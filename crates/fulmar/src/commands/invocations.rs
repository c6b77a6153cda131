use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use console::{Invocation, Invocations};
use http::Method;

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// List what ran, how long it took, and how it ended; newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this function only: its name, or its logical id in the template
    name: Option<String>,

    /// How many [default: 100]
    #[arg(long)]
    limit: Option<usize>,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let target = Target::new("invocations")
        .with("function", args.name.as_ref())
        .with("limit", args.limit);
    let found: Invocations = admin::ask(&place, Method::GET, target, Bytes::new()).await?;
    output.answer(&found, || shown(&found.invocations, *output));
    Ok(ExitCode::SUCCESS)
}

fn shown(invocations: &[Invocation], output: Output) -> String {
    if invocations.is_empty() {
        return "nothing has run yet".to_owned();
    }
    let widest = invocations
        .iter()
        .map(|ran| ran.function.len())
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = invocations
        .iter()
        .map(|ran| line(ran, widest, output))
        .collect();
    lines.join("\n")
}

fn line(ran: &Invocation, width: usize, output: Output) -> String {
    let time = ran
        .started
        .get(..19)
        .unwrap_or(&ran.started)
        .replace('T', " ");
    let colour = if ran.outcome == "ok" { "32" } else { "31" };
    let outcome = output.paint(colour, &format!("{:<11}", ran.outcome));
    let function = &ran.function;
    let cold = match ran.init_ms {
        Some(init) => format!(" + {init:.0} ms start"),
        None => String::new(),
    };
    let mut line = format!(
        "{}  {function:<width$}  {outcome} {:>9.1} ms{cold}  {}  by {}, attempt {}",
        output.paint("2", &time),
        ran.duration_ms,
        ran.request_id,
        ran.trigger,
        ran.attempt,
    );
    if let Some(error) = &ran.error {
        line += &format!(
            "\n    {}: {}",
            error.kind,
            error.message.trim_end().replace('\n', "\n    ")
        );
    }
    match (&ran.next_attempt, &ran.settlement) {
        (Some(next), _) => {
            line += &format!(
                "\n    runs again at {}",
                next.get(..19).unwrap_or(next).replace('T', " ")
            );
        }
        (None, Some(how)) if how != "success" => line += &format!("\n    given up: {how}"),
        _ => {}
    }
    line
}
