//! Replays traces of function calls through the keep-alive policies, and says how often calls were cold and how long
//! instances waited in vain. See `docs/keepalive.md`.

#![expect(clippy::print_stdout, reason = "printing a report is what it is for")]

mod calibrate;
mod chance;
mod generate;
mod replay;
mod report;
mod schema;
mod trace;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use generate::{Size, generate};
use replay::Costs;
use trace::Trace;

#[derive(Parser)]
#[command(about = "Compare the keep-alive policies on traces of function calls")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replay generated traces, one for each seed
    Generated {
        /// Seeds, from and to (not included). 1..6 are what our policy was tuned on; hold others against it
        #[arg(long, default_value = "101..106", value_parser = seeds)]
        seeds: Range<u64>,
        #[command(flatten)]
        size: SizeArguments,
        #[command(flatten)]
        costs: CostArguments,
    },
    /// Replay a folder with files in the schema of the public Azure Functions traces of 2019
    Trace {
        folder: PathBuf,
        #[command(flatten)]
        costs: CostArguments,
    },
    /// Write a generated trace in that schema
    Write {
        folder: PathBuf,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        size: SizeArguments,
    },
    /// Hold generated traces against what is published of the real ones
    Calibrate {
        #[arg(long, default_value = "101..106", value_parser = seeds)]
        seeds: Range<u64>,
        #[command(flatten)]
        size: SizeArguments,
    },
}

#[derive(clap::Args)]
struct SizeArguments {
    #[arg(long, default_value_t = 1_000)]
    apps: u32,
    #[arg(long, default_value_t = 7)]
    days: u32,
}

#[derive(clap::Args)]
struct CostArguments {
    /// What a cold start adds to a call. The default is a forked Node instance in a full sandbox
    #[arg(long, default_value_t = 2.5)]
    cold_start_ms: f64,
    /// What an idle instance keeps in memory, where the trace does not tell it
    #[arg(long, default_value_t = 1.5)]
    instance_mb: f64,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Generated { seeds, size, costs } => {
            let traces = seeds.map(|seed| (format!("seed {seed}"), generate(seed, size.size())));
            report::compare(traces, costs.costs()?);
        }
        Command::Trace { folder, costs } => {
            let trace = schema::read(&folder)?;
            let name = folder.display().to_string();
            report::compare([(name, trace)], costs.costs()?);
        }
        Command::Write { folder, seed, size } => {
            schema::write(&folder, &generate(seed, size.size()))?;
        }
        Command::Calibrate { seeds, size } => {
            let traces: Vec<Trace> = seeds.map(|seed| generate(seed, size.size())).collect();
            calibrate::print(&traces);
        }
    }
    Ok(())
}

impl SizeArguments {
    fn size(&self) -> Size {
        Size {
            apps: self.apps,
            days: self.days,
        }
    }
}

impl CostArguments {
    fn costs(&self) -> Result<Costs> {
        let cold_start = Duration::try_from_secs_f64(self.cold_start_ms / 1_000.0)
            .context("a cold start takes some milliseconds")?;
        Ok(Costs {
            cold_start,
            instance_mb: self.instance_mb,
            ahead: true,
        })
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let seeds = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    seeds
        .filter(|seeds| !seeds.is_empty())
        .ok_or_else(|| format!("{text:?} is no range like 1..6"))
}
