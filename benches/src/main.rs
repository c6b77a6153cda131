//! Takes Fulmar's figures. Each is printed beside the floor or peer that was measured in the same run, because the
//! machines are shared and noisy: ratios travel, milliseconds do not.

#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "measures real time, and waits for other processes"
)]

mod backlog;
mod client;
mod coldstart;
mod crowd;
mod emulators;
mod event;
mod events;
mod floor;
mod hello;
mod http;
mod load;
mod message;
mod million;
mod peers;
mod pipe;
mod practices;
mod processors;
mod publish;
mod queues;
mod row;
mod sandboxes;
mod server;
mod signed;
mod start;
mod stats;
mod stream;
mod tables;
mod task;
mod timers;
mod topics;
mod transactions;
mod warm;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// They take minutes, and one of them gigabytes.
const BY_NAME_ONLY: &[&str] = &[BACKLOG, CROWD, MILLION, PRACTICES, SOAK, WARM];
const BACKLOG: &str = "backlog";
const MILLION: &str = "million";
const SOAK: &str = "soak";
/// Parts of `functions`, for whoever works on one.
const CROWD: &str = "crowd";
const PRACTICES: &str = "practices";
const WARM: &str = "warm";

/// The server's: engines that are measured in this process have it there too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Prints a group's rows, given the binary to measure and a folder to work in.
type Measure = fn(&Path, &Path) -> Result<()>;

/// What `cargo xtask bench <group>` runs. `docs/benchmarks.md` has a pair of marks for each.
const GROUPS: &[(&str, Measure)] = &[
    ("server", server_rows),
    ("store", store_rows),
    ("functions", function_rows),
    (PRACTICES, practices::measure),
    (WARM, warm::measure),
    (CROWD, crowd::measure),
    ("forks", |_, work| coldstart::measure(work)),
    (SOAK, |_, work| coldstart::soak(work)),
    ("http", http::measure),
    ("tables", tables::measure),
    (MILLION, million::measure),
    ("queues", queues::measure),
    ("publish", publish::measure),
    ("events", events::measure),
    ("topics", topics::measure),
    (BACKLOG, |_, work| backlog::measure(work)),
];

/// Whether a part of the group was asked for: `benches server message` takes only that one, and all are taken when none was named.
fn is_wanted(part: &str) -> bool {
    let mut named = std::env::args().skip(2).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

fn server_rows(binary: &Path, work: &Path) -> Result<()> {
    let parts: [(&str, Measure); 4] = [
        ("start", start::measure),
        ("event", event::measure),
        ("stream", stream::measure),
        ("message", message::measure),
    ];
    let mut wanted = parts.into_iter().filter(|(name, _)| is_wanted(name));
    wanted.try_for_each(|(_, measure)| measure(binary, work))
}

fn store_rows(_: &Path, work: &Path) -> Result<()> {
    transactions::measure(work)?;
    timers::measure(work)
}

fn function_rows(binary: &Path, work: &Path) -> Result<()> {
    sandboxes::measure(work)?;
    warm::measure(binary, work)?;
    practices::measure(binary, work)?;
    crowd::measure(binary, work)
}

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_default();
    // What is measured needs other processes, which are this program too.
    let name = std::env::args().next().unwrap_or_default();
    if name.ends_with("/bootstrap") {
        return warm::bootstrap();
    }
    match argument.as_str() {
        warm::HTTP_FLOOR => return warm::serve_http(),
        warm::SOCKET_FLOOR => return warm::serve_socket(),
        hello::HELLO => return hello::serve(),
        _ => {}
    }
    // Sandboxes that are measured here start as this program.
    if argument == sandbox::JAIL_COMMAND {
        sandbox::jail_main();
    }
    if argument == "--groups" {
        let usual = GROUPS
            .iter()
            .filter(|(name, _)| !BY_NAME_ONLY.contains(name));
        usual.for_each(|(name, _)| println!("{name}"));
        return Ok(());
    }
    let Some((_, measure)) = GROUPS.iter().find(|(name, _)| *name == argument) else {
        bail!("no group of figures is named {argument:?}; --groups lists them");
    };
    let binary =
        PathBuf::from(std::env::var_os("FULMAR").context("FULMAR names the binary to measure")?);
    let work = std::env::temp_dir().join(format!("fulmar-bench-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    println!("| figure | ours | floor or peer in the same run | ratio | wanted |");
    println!("|---|---|---|---|---|");
    let outcome = measure(&binary, &work);
    std::fs::remove_dir_all(&work)?;
    outcome
}
