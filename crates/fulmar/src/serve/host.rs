//! What the server wants of its host: folders, the store in them, a clock, a jail.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ErrorKind, Random, SystemClock};
use clock::Timekeeper;
use sandbox::{Door, Jail, NamespaceJail, NoJail};
use store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::Holding;

use crate::commands::ServerArgs;
use crate::failure::{Failure, Result};

/// How often the store is asked whether it has failed.
const STORE_WATCH: Duration = Duration::from_secs(1);

/// Only its owner may look into it: it holds everybody's data and the keys to it.
pub(super) fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|cause| {
            let message = format!("cannot make the data folder {}: {cause}", folder.display());
            Failure::new(ErrorKind::Unavailable, message).hint("choose another one: --data-dir")
        })
}

/// Where requests wait that are too large for memory.
pub(super) fn hold_requests(data_dir: &Path) -> Result<Holding> {
    let folder = data_dir.join("requests");
    make_private(&folder)?;
    Ok(Holding::new(folder))
}

pub(super) fn functions_config(args: &ServerArgs) -> functions::Config {
    let usual = functions::Config::default();
    functions::Config {
        scaling: usual.scaling.filter(|_| !args.unlimited_scaling),
        keep_alive: args.keep_alive,
        start_ahead: args.start_ahead,
        ..usual
    }
}

pub(super) fn open_store(args: &ServerArgs, data_dir: &Path, random: Random) -> Result<Store> {
    if args.ephemeral {
        return Ok(Store::ephemeral(random));
    }
    Store::open(&data_dir.join("store"), random).map_err(|error| match error {
        store::Error::InUse(_) => Failure::new(
            ErrorKind::Conflict,
            format!(
                "another server works with the data in {}",
                data_dir.display()
            ),
        )
        .hint("stop it, or give this one its own: --data-dir"),
        error => error.into(),
    })
}

/// Where it was when the server last ended.
pub(super) fn open_clock(store: &Store) -> Result<Timekeeper> {
    let clock = Timekeeper::open(store, Arc::new(SystemClock))
        .map_err(|error| Failure::new(error.kind(), error.to_string()))?;
    match clock.show() {
        shown if matches!(shown.pace, clock::Pace::Standing(_)) => tracing::warn!(
            "the clock stands still, as it was told: see `fulmar clock show`, `fulmar clock resume`"
        ),
        shown if shown.now != shown.host => {
            tracing::info!("the clock was moved: see `fulmar clock show`");
        }
        _ => {}
    }
    Ok(clock)
}

pub(super) fn jail(
    args: &ServerArgs,
    data_dir: &Path,
    doors: mpsc::Sender<Door>,
) -> Result<Arc<dyn Jail>> {
    if args.sandbox == crate::commands::Sandbox::Off {
        if args.network == crate::commands::Network::Isolated {
            let message = "without a sandbox the network cannot be isolated";
            return Err(Failure::new(ErrorKind::Invalid, message.to_owned())
                .hint("leave out --network isolated or --sandbox off"));
        }
        tracing::warn!("functions run WITHOUT a sandbox: they see and do whatever this user may");
        return Ok(Arc::new(NoJail));
    }
    let stage: PathBuf = data_dir.join("sandbox");
    let jail = NamespaceJail::with_links(stage, &runtimes::LINKS).map_err(|error| {
        Failure::new(error.kind(), error.to_string()).hint("see: fulmar doctor")
    })?;
    Ok(Arc::new(jail.with_doors(doors)))
}

pub(super) fn network(args: &ServerArgs, port: u16) -> sandbox::Network {
    match args.network {
        crate::commands::Network::Open => sandbox::Network::Host,
        crate::commands::Network::Isolated => sandbox::Network::Isolated { port },
    }
}

/// A sync that failed cannot be undone: what is in memory and what is on the disk may differ from then on.
pub(super) async fn watch_store(
    store: Store,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    while !stop.is_cancelled() {
        if let Some(error) = store.failure() {
            return Err(error.to_string());
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.sleep(STORE_WATCH) => {}
        }
    }
    Ok(())
}

/// Connections, bodies and instances are all descriptors; the usual 1,024 are soon gone.
pub(super) fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(cause) = setrlimit(Resource::Nofile, most) {
        tracing::debug!(%cause, "the number of open files stays limited");
    }
}
