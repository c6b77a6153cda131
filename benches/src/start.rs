//! From `exec` to the first served S3 call, and what the idle process keeps in memory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::Connection;
use crate::floor;
use crate::server::Server;
use crate::stats::{Times, ms, ratio};

const RUNS: usize = 15;

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let process = floor::process()?;
    let report = |what: &str, folder: &dyn Fn(usize) -> String| -> Result<()> {
        let times = (0..RUNS).map(|run| first_call(binary, &work.join(folder(run))));
        let times = Times::new(times.collect::<Result<_>>()?);
        println!(
            "| start to first S3 call, {what}: p50 (min) | {} ({}) | starting `true`: {} | {} | ≤ 30 ms |",
            ms(times.p50()),
            ms(times.min()),
            ms(process.p50()),
            ratio(times.p50(), process.p50()),
        );
        Ok(())
    };
    report("new data", &|run| format!("start-{run}"))?;
    report("existing data", &|_| "start-0".into())?;

    let server = Server::spawn(
        binary,
        &[
            "serve",
            "--data-dir",
            &work.join("idle").display().to_string(),
        ],
    )?;
    until_served(&server.host)?;
    std::thread::sleep(Duration::from_secs(2));
    let mib = server.resident()?.div_ceil(1 << 20);
    println!("| resident memory, idle | {mib} MiB | | | ≤ 30 MB |");
    Ok(())
}

fn first_call(binary: &Path, data_dir: &Path) -> Result<Duration> {
    let started = Instant::now();
    let server = Server::spawn(
        binary,
        &["serve", "--data-dir", &data_dir.display().to_string()],
    )?;
    until_served(&server.host)?;
    Ok(started.elapsed())
}

/// Lists the buckets, trying again until somebody answers.
fn until_served(host: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        if let Ok(mut connection) = Connection::open(host) {
            return connection.send("GET", "/", b"");
        }
        if started.elapsed() > Duration::from_secs(10) {
            bail!("{host} does not answer");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
