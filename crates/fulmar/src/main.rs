//! The binary: reads the command line and hands over. `serve.rs` puts the server together, `commands/` has a file for
//! each command.

mod admin;
mod certificate;
mod cli;
mod commands;
mod failure;
mod locate;
mod output;
mod serve;
mod stop;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use output::Output;

/// Small, and returns memory after a burst: the figures in `docs/benchmarks.md` are taken with it. Asked for huge pages it
/// makes the process no faster that was measured, and an idle one half as large again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: what starts here becomes somebody's sandbox and must be single-threaded.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == sandbox::JAIL_COMMAND)
    {
        sandbox::jail_main();
    }
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == worker_azure::COMMAND)
    {
        return worker_azure::main();
    }
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, &output)),
        Err(cause) => Err(failure::Failure::internal(format!("cannot start: {cause}"))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

async fn run(cli: Cli, output: &Output) -> failure::Result<ExitCode> {
    let data_dir = cli.data_dir;
    match cli.command {
        Command::Up(args) => commands::up::run(args, data_dir, output).await,
        Command::Serve(args) => commands::serve::run(args, data_dir, output).await,
        Command::Deploy(args) => commands::deploy::run(args, data_dir.as_deref(), output).await,
        Command::Destroy(args) => commands::destroy::run(&args, data_dir.as_deref(), output).await,
        Command::Invoke(args) => commands::invoke::run(args, data_dir.as_deref(), output).await,
        Command::Logs(args) => commands::logs::run(&args, data_dir.as_deref(), output).await,
        Command::Invocations(args) => {
            commands::invocations::run(&args, data_dir.as_deref(), output).await
        }
        Command::Clock(args) => commands::clock::run(&args, data_dir.as_deref(), output).await,
        Command::Outbox(args) => commands::outbox::run(&args, data_dir.as_deref(), output).await,
        Command::Keys(args) => commands::keys::run(&args, data_dir.as_deref(), output).await,
        Command::Doctor => commands::doctor::run(output).await,
    }
}
