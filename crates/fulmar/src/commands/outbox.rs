use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use console::{Outbox, Posted};
use http::Method;

use crate::admin::{self, Target};
use crate::failure::Result;
use crate::locate;
use crate::output::Output;

/// List the mail, the text messages and the notices to devices that people would have got; newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many [default: 100]
    #[arg(long)]
    limit: Option<usize>,
}

pub(crate) async fn run(args: &Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let target = Target::new("outbox").with("limit", args.limit);
    let found: Outbox = admin::ask(&place, Method::GET, target, Bytes::new()).await?;
    output.answer(&found, || shown(&found.sent, *output));
    Ok(ExitCode::SUCCESS)
}

fn shown(sent: &[Posted], output: Output) -> String {
    if sent.is_empty() {
        return "nothing has been sent to anybody yet".to_owned();
    }
    let all: Vec<String> = sent.iter().map(|one| whole(one, output)).collect();
    all.join("\n\n")
}

fn whole(sent: &Posted, output: Output) -> String {
    let time = sent.at.get(..19).unwrap_or(&sent.at).replace('T', " ");
    let kind = output.paint("32", &sent.kind);
    let mut text = format!("{}  {kind} to {}", output.paint("2", &time), sent.to);
    if let (Some(platform), Some(app)) = (&sent.platform, &sent.app) {
        text += &format!(" ({app} on {platform})");
    }
    if let Some(from) = &sent.from {
        text += &format!(" from {from}");
    }
    if let Some(subject) = &sent.subject {
        text += &format!("\n    {subject}");
    }
    text + "\n    " + &sent.body.trim_end().replace('\n', "\n    ")
}
