use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use console::Clock;
use http::Method;

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// Tell the server's time, or move it: what falls due until then happens now, in order
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell what time it is, and how far that is from the machine's clock
    Show,
    /// Go forward, and return when everything that fell due until then is done
    Advance {
        /// How far: 90s, 24h, 1h30m, 3d
        #[arg(allow_hyphen_values = true)]
        by: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Go forward to a time, do everything that falls due until then, and stand still there
    Set {
        /// RFC 3339, or a day, or `now` for the machine's time
        to: String,
        #[command(flatten)]
        patience: Patience,
    },
    /// Stand still
    Pause,
    /// Run on from where it is
    Resume,
}

#[derive(Debug, clap::Args)]
struct Patience {
    /// How long what falls due at one moment may take before the clock is left there [default: 60s]
    #[arg(long, value_name = "DURATION")]
    wait: Option<String>,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let (method, target) = match &args.what {
        What::Show => (Method::GET, Target::new("clock")),
        What::Advance { by, patience } => (
            Method::POST,
            Target::new("clock/advance")
                .with("by", Some(by))
                .with("wait", patience.wait.as_ref()),
        ),
        What::Set { to, patience } => (
            Method::POST,
            Target::new("clock/set")
                .with("to", Some(to))
                .with("wait", patience.wait.as_ref()),
        ),
        What::Pause => (Method::POST, Target::new("clock/pause")),
        What::Resume => (Method::POST, Target::new("clock/resume")),
    };
    let clock: Clock = admin::ask(&place, method, target, "").await?;
    output.answer(&clock, || told(&clock));
    Ok(ExitCode::SUCCESS)
}

fn told(clock: &Clock) -> String {
    let now = clock.now.get(..19).unwrap_or(&clock.now);
    let stands = if clock.standing {
        ", standing still"
    } else {
        ""
    };
    let ahead = match clock.ahead_seconds {
        near if near.abs() < 1.0 => "the machine's time".to_owned(),
        ahead if ahead > 0.0 => format!("{} ahead of the machine", span(ahead)),
        behind => format!("{} behind the machine", span(-behind)),
    };
    let stops = match clock.stops {
        None => String::new(),
        Some(0) => "; nothing was due".to_owned(),
        Some(1) => "; something was due at 1 moment".to_owned(),
        Some(stops) => format!("; something was due at {stops} moments"),
    };
    format!("{now}Z  {ahead}{stands}{stops}")
}

/// The two largest parts of a time.
fn span(seconds: f64) -> String {
    let mut rest = std::time::Duration::from_secs_f64(seconds.round()).as_secs();
    let mut parts = Vec::new();
    for (length, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
        }
        rest %= length;
    }
    parts.truncate(2);
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_told_with_how_far_it_is_from_the_machines() {
        let mut clock = Clock {
            now: "2027-01-02T03:04:05.000006Z".into(),
            machine: "2027-01-01T02:00:00.000000Z".into(),
            ahead_seconds: 90_245.0,
            standing: true,
            stops: Some(3),
        };
        assert_eq!(
            told(&clock),
            "2027-01-02T03:04:05Z  1d 1h ahead of the machine, standing still; something was due at 3 moments"
        );
        clock.ahead_seconds = -61.0;
        (clock.standing, clock.stops) = (false, None);
        assert_eq!(
            told(&clock),
            "2027-01-02T03:04:05Z  1m 1s behind the machine"
        );
        clock.ahead_seconds = 0.0;
        assert_eq!(told(&clock), "2027-01-02T03:04:05Z  the machine's time");
    }
}
