//! Takes Fulmar's figures. Each is printed beside the floor or peer that was measured in the same run, because the
//! machines are shared and noisy: ratios travel, milliseconds do not.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "measures real time, and waits for other processes"
)]

mod client;
mod event;
mod floor;
mod load;
mod million;
mod peers;
mod sandboxes;
mod server;
mod signed;
mod start;
mod stats;
mod stream;
mod tables;
mod timers;
mod transactions;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Takes minutes and gigabytes.
const BY_NAME_ONLY: &str = "million";

fn main() -> Result<()> {
    // Sandboxes that are measured here start as this program.
    if std::env::args().nth(1).as_deref() == Some(sandbox::JAIL_COMMAND) {
        sandbox::jail_main();
    }
    let binary =
        PathBuf::from(std::env::var_os("FULMAR").context("FULMAR names the binary to measure")?);
    let work = std::env::temp_dir().join(format!("fulmar-bench-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let outcome = figures(&binary, &work, &wanted);
    std::fs::remove_dir_all(&work)?;
    outcome
}

/// Takes the named groups of figures, or all that do not take minutes.
fn figures(binary: &Path, work: &Path, wanted: &[String]) -> Result<()> {
    let groups: [(&str, &dyn Fn() -> Result<()>); 8] = [
        ("sandboxes", &|| sandboxes::measure(work)),
        ("start", &|| start::measure(binary, work)),
        ("transactions", &|| transactions::measure(work)),
        ("timers", &|| timers::measure(work)),
        ("event", &|| event::measure(binary, work)),
        ("stream", &|| stream::measure(binary, work)),
        ("tables", &|| tables::measure(binary, work)),
        (BY_NAME_ONLY, &|| million::measure(work)),
    ];
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !groups.iter().any(|(known, _)| known == name))
    {
        bail!("there are no figures called {unknown}");
    }
    println!("| figure | ours | floor or peer in the same run | ratio | wanted |");
    println!("|---|---|---|---|---|");
    for (name, measure) in groups {
        let chosen = match wanted {
            [] => name != BY_NAME_ONLY,
            wanted => wanted.iter().any(|wanted| wanted == name),
        };
        if chosen {
            measure()?;
        }
    }
    Ok(())
}
