//! The host's side of the vendor's worker protocol, for functions whose program speaks that: the isolated model.
//!
//! An application may bring its own worker (builds of the isolated model), name one of the vendor's that is installed on
//! the host, or have a custom handler: a plain server (`custom`).
//!
//! It is a program that runs inside an instance, between this server and the vendor's own worker: what a bootstrap is for a
//! language. It asks for work as any program does that comes over TCP, starts the worker that the application names, and
//! translates. So the server knows nothing of that protocol, and the worker is the vendor's as it is.
//!
//! Must never know: engines, faces.

mod capabilities;
mod custom;
mod forward;
mod function;
mod host;
mod http;
mod message;
mod program;
mod runtime;
mod stream;
mod worker;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use base::Random;
use host::Ended;
use runtime::Runtime;

/// The binary's hidden command. It is followed by the function's name (empty for one that is asked which there are), the
/// worker's folder (empty for the application's own), and the program of its language that the host has, if it is known.
pub const COMMAND: &str = "__worker-host";

const ADDRESS: &str = "AWS_LAMBDA_RUNTIME_API";
const CODE: &str = "LAMBDA_TASK_ROOT";
/// By which we are told what a worker need not know.
const OURS: [&str; 2] = [ADDRESS, CODE];

struct Settings {
    code: PathBuf,
    function: String,
    /// Where the worker is described.
    worker: PathBuf,
    /// What runs it, if nothing else is said.
    program: Option<PathBuf>,
    random: Random,
}

impl Settings {
    fn read() -> Self {
        let word = |at: usize| std::env::args().nth(at).unwrap_or_default();
        let code: PathBuf = std::env::var_os(CODE).unwrap_or_default().into();
        let path = |word: String| (!word.is_empty()).then(|| PathBuf::from(word));
        Self {
            function: word(2),
            worker: path(word(3)).unwrap_or_else(|| code.clone()),
            program: path(word(4)),
            random: Random::system(),
            code,
        }
    }
}

/// What the binary does when it is started as such a host.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(work()),
        Err(why) => {
            print(&format!("cannot start: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// Says a line, which is the function's.
fn print(line: &str) {
    // If nobody reads it, there is nobody to tell so.
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn work() -> ExitCode {
    let address = std::env::var(ADDRESS).unwrap_or_default();
    let settings = Settings::read();
    let mut runtime = match Runtime::connect(&address).await {
        Ok(runtime) => runtime,
        Err(why) => {
            print(&format!("nobody gives work at {address:?}: {why}"));
            return ExitCode::FAILURE;
        }
    };
    match host::run(&settings, &mut runtime).await {
        Ended::NotReady(why) => {
            print(&format!("[Error] {why}"));
            // If nobody hears it, the exit says that something was wrong.
            let _ = runtime.refuse("FunctionLoadError", &why).await;
            ExitCode::FAILURE
        }
        Ended::Gone(status) => {
            let code = status.and_then(|status| status.code());
            let code = code.and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.filter(|code| *code != 0).unwrap_or(1))
        }
        Ended::NoWork => ExitCode::SUCCESS,
    }
}
