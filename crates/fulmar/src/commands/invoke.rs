use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use base::ErrorKind;
use console::{Invoked, Phases};
use http::Method;

use crate::admin::{self, Target};
use crate::failure::{FUNCTION_FAILED, Failure, Result};
use crate::locate;
use crate::output::Output;

/// Run a function and print its answer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The function's name, or its logical id in the template; `NAME:ALIAS` or `NAME:VERSION` for what was published
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

    /// Show where the time went: on standard error
    #[arg(long, conflicts_with = "asynchronous")]
    trace: bool,
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
    if let Some(phases) = &invoked.phases
        && args.trace
        && !output.is_json()
    {
        eprintln!("{}", bars(phases));
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

const WIDTH: f64 = 40.0;

/// A line for each phase, with a bar as long as its share and after those that came before.
fn bars(phases: &Phases) -> String {
    let all = [
        ("queued", Some(phases.queued_ms)),
        ("launch", phases.launch_ms),
        ("init", phases.init_ms),
        ("run", Some(phases.run_ms)),
    ];
    let total: f64 = all.iter().filter_map(|(_, took)| *took).sum();
    let cells = |ms: f64| (ms / total.max(f64::MIN_POSITIVE) * WIDTH).round().max(0.0);
    let mut before = 0.0;
    let mut lines = Vec::new();
    for (name, took) in all {
        let Some(took) = took.filter(|took| *took > 0.0) else {
            continue;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "they are between nothing and the width"
        )]
        let (start, end) = (cells(before) as usize, cells(before + took) as usize);
        before += took;
        // However short, it was there.
        let bar = format!("{}{}", " ".repeat(start), "█".repeat((end - start).max(1)));
        lines.push(format!("{name:<7}{took:>10.2} ms  {bar}"));
    }
    let start = match (&phases.init_ms, phases.start.as_deref()) {
        (None, _) => "warm".to_owned(),
        (Some(_), Some("placeholder")) => "cold, from a placeholder".to_owned(),
        (Some(_), Some("template")) => "cold, forked from its template".to_owned(),
        (Some(_), _) => "cold".to_owned(),
    };
    lines.push(format!("{:<7}{total:>10.2} ms  {start}", "all"));
    lines.join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_follow_one_another() {
        let cold = Phases {
            queued_ms: 0.0,
            launch_ms: Some(10.0),
            init_ms: Some(20.0),
            run_ms: 10.0,
            start: Some("boot".into()),
        };
        let full = |count| "█".repeat(count);
        let expected = [
            format!("launch      10.00 ms  {}", full(10)),
            format!("init        20.00 ms  {}{}", " ".repeat(10), full(20)),
            format!("run         10.00 ms  {}{}", " ".repeat(30), full(10)),
            "all         40.00 ms  cold".to_owned(),
        ];
        assert_eq!(bars(&cold), expected.join("\n"));
        let forked = Phases {
            start: Some("template".into()),
            ..cold.clone()
        };
        assert!(bars(&forked).ends_with("cold, forked from its template"));
        let warm = Phases {
            start: None,
            launch_ms: None,
            init_ms: None,
            ..cold
        };
        assert!(bars(&warm).ends_with("warm"));
    }
}
