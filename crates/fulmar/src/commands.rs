//! One file for each command: its arguments, whose comments are its help, and what it does.

pub(crate) mod clock;
pub(crate) mod deploy;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod invocations;
pub(crate) mod invoke;
pub(crate) mod keys;
pub(crate) mod logs;
pub(crate) mod outbox;
pub(crate) mod serve;
mod synth;
pub(crate) mod up;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::output::Output;

/// Where a server is unless it is told.
const REGION: &str = "us-east-1";

/// How a server runs: what `up` and `serve` have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Where to listen
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:4566",
        env = "FULMAR_LISTEN"
    )]
    pub(crate) listen: SocketAddr,

    /// Keep all data in memory: for CI jobs
    #[arg(long)]
    pub(crate) ephemeral: bool,

    /// Whether functions are confined
    #[arg(
        long,
        value_name = "WHETHER",
        default_value = "on",
        env = "FULMAR_SANDBOX"
    )]
    pub(crate) sandbox: Sandbox,

    /// What functions reach over the network; isolated takes a sandbox
    #[arg(
        long,
        value_name = "HOW",
        default_value = "open",
        env = "FULMAR_NETWORK"
    )]
    pub(crate) network: Network,

    /// The region that templates are deployed to
    #[arg(long, default_value = REGION, env = "FULMAR_REGION")]
    pub(crate) region: String,

    /// The id of the key that clients sign with
    #[arg(long, default_value = "test", env = "FULMAR_ACCESS_KEY_ID")]
    pub(crate) access_key_id: String,

    /// Its secret; better given in the environment than where every process can see it
    #[arg(
        long,
        default_value = "test",
        env = "FULMAR_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    pub(crate) secret_access_key: String,

    /// Where Google's functions are reached; opened when there are any
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "FULMAR_GOOGLE_LISTEN"
    )]
    pub(crate) google_listen: SocketAddr,

    /// Where Azure's functions are reached; opened when there are any
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:7071",
        env = "FULMAR_AZURE_LISTEN"
    )]
    pub(crate) azure_listen: SocketAddr,

    /// Take encrypted connections too, with a certificate that is made and kept in the data folder
    #[arg(long, env = "FULMAR_TLS")]
    pub(crate) tls: bool,

    /// A certificate of your own, and what it is signed by, as PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "FULMAR_TLS_CERT",
        requires = "tls_key"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its key, as PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "FULMAR_TLS_KEY",
        requires = "tls_cert"
    )]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let functions start instances as fast as this host can, not 1,000 in ten seconds each
    #[arg(long, env = "FULMAR_UNLIMITED_SCALING")]
    pub(crate) unlimited_scaling: bool,

    /// How long idle instances are kept: odds (learns each function's habits), histogram (the published policy that
    /// does), fixed (ten minutes) or fixed:SECONDS
    #[arg(
        long,
        value_name = "POLICY",
        default_value_t,
        env = "FULMAR_KEEP_ALIVE"
    )]
    pub(crate) keep_alive: functions::Policy,

    /// Start instances ahead of the calls that the policy expects; their initialisation then runs uncalled
    #[arg(long, env = "FULMAR_START_AHEAD")]
    pub(crate) start_ahead: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sandbox {
    On,
    /// For hosts that cannot confine; functions then see and do whatever this user may
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Network {
    /// All that this machine reaches, as in the cloud
    Open,
    /// Nothing but the address of --listen
    Isolated,
}

impl ServerArgs {
    /// Whether everybody on the network can use a key that everybody knows.
    fn is_open(&self) -> bool {
        !self.listen.ip().is_loopback() && self.secret_access_key == "test"
    }
}

/// `Name=value`, several times.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    /// A value for a parameter of the template; may be given several times
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,

    /// The stack's name [default: made from the name of the template's directory]
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

impl TemplateArgs {
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        self.parameters.iter().cloned().collect()
    }

    pub(crate) fn overrides(&self) -> ::deploy::Overrides {
        ::deploy::Overrides {
            parameters: self.parameters(),
            stack: self.stack.clone(),
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Logs about the server itself, on standard error.
fn trace(output: Output, usual: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("FULMAR_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output.is_coloured())
        .init();
}

/// One line of a function's log, as people read it.
fn log_line(output: Output, line: &console::Line) -> String {
    let time = line.at.get(11..23).unwrap_or(&line.at);
    let head = format!(
        "{} {}",
        output.paint("2", time),
        output.paint("36", &line.function)
    );
    // What follows a line break would look like somebody else's line.
    let text = line.text.trim_end().replace('\n', "\n    ");
    format!("{head}  {text}")
}
