//! The words of the command line. Each command's own arguments stand with the command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{clock, deploy, destroy, invocations, invoke, keys, logs, outbox, serve, up};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something broke on Fulmar's side
  2  the command line is wrong
  3  what was asked for is wrong: a template, a payload, a setting; nothing was changed
  4  it is not there: no running server, no such function, stack or file
  5  the function ran and failed
  6  it is in use, or was changed meanwhile
  7  something that is needed is missing or busy: npm, a runtime, a sandbox feature, a free slot
  8  not allowed: the server's token is not this user's to read";

/// A serverless cloud in one binary.
///
/// Runs the application that you already have, unchanged: functions in their real languages, each in a sandbox of its
/// own, with the event sources they need, and the vendors' own SDKs and command lines talking to it.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 120)]
pub(crate) struct Cli {
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Where the server keeps its state, and other commands find it [default: `.fulmar` beside the application]
    #[arg(long, global = true, value_name = "DIR", env = "FULMAR_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Args),
    Serve(serve::Args),
    Deploy(deploy::Args),
    Destroy(destroy::Args),
    Invoke(invoke::Args),
    Logs(logs::Args),
    Invocations(invocations::Args),
    Clock(clock::Args),
    Keys(keys::Args),
    Outbox(outbox::Args),
    /// Tell what this host offers: runtimes, sandbox features, and what to do about what is missing
    Doctor,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_exit_code_is_documented() {
        for kind in crate::failure::ALL {
            let code = crate::failure::code(kind);
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")), "{kind:?}");
        }
    }
}
