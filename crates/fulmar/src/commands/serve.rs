use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::ServerArgs;
use crate::failure::Result;
use crate::output::Output;
use crate::{locate, serve, stop};

/// Run the server alone: for CI jobs and production
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) async fn run(
    args: Args,
    data_dir: Option<PathBuf>,
    output: &Output,
) -> Result<ExitCode> {
    super::trace(*output, "info");
    let data_dir = locate::data_dir(data_dir, Path::new("."));
    let stop = stop::on_signal()?;
    let running = serve::start(&args.server, &data_dir, stop.clone()).await?;
    if args.server.is_open() {
        tracing::warn!(
            address = %args.server.listen,
            "everybody who reaches this address can use the key that everybody knows; set FULMAR_SECRET_ACCESS_KEY"
        );
    }
    let endpoint = running.endpoint();
    output.event(
        "ready",
        &json!({
            "endpoint": endpoint,
            "secure_endpoint": running.secure_endpoint(),
            "data_dir": data_dir,
            "region": running.region,
        }),
        || {
            let also = running.secure_endpoint();
            let also = also.map(|also| format!(" and {also}")).unwrap_or_default();
            format!(
                "Fulmar {} serves {endpoint}{also}",
                env!("CARGO_PKG_VERSION")
            )
        },
    );
    stop.cancelled().await;
    running.end().await?;
    Ok(ExitCode::SUCCESS)
}
