use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use console::{Key, Keys};
use http::Method;

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// List the keys by which functions are called that ask for one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this function only, with those that open every function
    name: Option<String>,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let target = Target::new("keys").with("function", args.name.as_ref());
    let listed: Keys = admin::ask(&place, Method::GET, target, Bytes::new()).await?;
    output.answer(&listed, || lines(&listed.keys));
    Ok(ExitCode::SUCCESS)
}

fn lines(keys: &[Key]) -> String {
    if keys.is_empty() {
        return "no function asks for a key".to_owned();
    }
    let opens = |key: &Key| match key.opens.split_once('/') {
        Some((_, function)) => format!("function {function}"),
        None if key.opens == "host" => "every function".to_owned(),
        None if key.opens == "master" => "everything".to_owned(),
        None => key.opens.clone(),
    };
    let widest = keys.iter().map(|key| opens(key).len()).max().unwrap_or(0);
    let line = |key: &Key| format!("{:<widest$}  {:<10}  {}", opens(key), key.name, key.value);
    keys.iter().map(line).collect::<Vec<_>>().join("\n")
}
