//! Takes Fulmar's figures. Each is printed beside the floor or peer that was measured in the same run, because the
//! machines are shared and noisy: ratios travel, milliseconds do not.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "measures real time, and waits for other processes"
)]

mod client;
mod coldstart;
mod event;
mod floor;
mod sandboxes;
mod server;
mod start;
mod stats;
mod timers;
mod transactions;

use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() -> Result<()> {
    // Sandboxes that are measured here start as this program.
    if std::env::args().nth(1).as_deref() == Some(sandbox::JAIL_COMMAND) {
        sandbox::jail_main();
    }
    let binary =
        PathBuf::from(std::env::var_os("FULMAR").context("FULMAR names the binary to measure")?);
    let work = std::env::temp_dir().join(format!("fulmar-bench-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("coldstart") => coldstart::measure(&work),
        Some("soak") => coldstart::soak(&work),
        _ => figures(&binary, &work),
    };
    std::fs::remove_dir_all(&work)?;
    outcome
}

fn figures(binary: &std::path::Path, work: &std::path::Path) -> Result<()> {
    println!("| figure | ours | floor or peer in the same run | ratio | wanted |");
    println!("|---|---|---|---|---|");
    sandboxes::measure(work)?;
    coldstart::measure(work)?;
    start::measure(binary, work)?;
    transactions::measure(work)?;
    timers::measure(work)?;
    event::measure(binary, work)?;
    Ok(())
}
