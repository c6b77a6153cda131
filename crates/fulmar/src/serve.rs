//! The composition: everything that the server is made of, put together once. It knows every crate and does nothing
//! else.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use access::{Access, Keyring, RootKey};
use base::{Clock, ErrorKind, Random, Space, SystemClock};
use buses::Buses;
use clock::Timekeeper;
use console::Console;
use deploy::{Deployer, Engines, Sdk};
use face_aws::{Aws, AwsDialect, AwsOrders, S3};
use face_azure::{Azure, AzureDialect};
use face_gcp::{Google, GoogleDialect};
use functions::{Dialects, Functions, Launcher};
use ledger::Ledger;
use objects::Objects;
use queues::Queues;
use runtimes::{Packages, Runtimes};
use sandbox::{Door, Jail, NamespaceJail, NoJail};
use schedules::Schedules;
use store::Store;
use tables::Tables;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use topics::Topics;
use triggers::{Invoker, Triggers, Web};
use wire::{Guest, Holding, Limits, Meter, Request, Server, Service, ServiceFuture, Tls};

use crate::certificate;
use crate::commands::ServerArgs;
use crate::failure::{Failure, Result};
use crate::locate::{self, Announced, Place};

/// Where everything is when nobody says otherwise: the account that has no number, in the first region.
const ACCOUNT: &str = "000000000000";
/// How often the store is asked whether it has failed.
const STORE_WATCH: Duration = Duration::from_secs(1);
/// Functions whose doors wait to be served.
const DOORS: usize = 64;

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) region: String,
    /// Whether encrypted connections are taken too.
    pub(crate) encrypts: bool,
    pub(crate) key: RootKey,
    pub(crate) deployer: Deployer,
    pub(crate) keyring: Keyring,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    functions: Functions,
    store: Store,
    stop: CancellationToken,
    workers: Workers,
    _announced: Announced,
}

/// Starts everything. Serves from the moment that this returns, until `stop`; a worker that fails stops it too.
pub(crate) async fn start(
    args: &ServerArgs,
    data_dir: &Path,
    stop: CancellationToken,
) -> Result<Running> {
    allow_many_files();
    // First, because nothing else goes wrong as often; connections wait until there is somebody to serve them.
    let server = bind(args.listen)?;
    let address = server
        .address()
        .map_err(|cause| Failure::internal(cause.to_string()))?;
    make_private(data_dir)?;
    runtimes::mark_data_folder(data_dir).map_err(|cause| {
        let message = format!("cannot write to {}: {cause}", data_dir.display());
        Failure::new(ErrorKind::Unavailable, message)
    })?;
    let tls = certificate::tls(args, data_dir)?;
    let encrypts = tls.is_some();
    let [meter, google_meter, azure_meter] = [(); 3].map(|()| Meter::default());
    let server = server.with_tls(tls.clone()).with_meter(meter.clone());

    let random = Random::system();
    let store = open_store(args, data_dir, random.clone())?;
    let timekeeper = open_clock(&store)?;
    let clock: Arc<dyn Clock> = Arc::new(timekeeper.clone());
    let key = RootKey {
        id: args.access_key_id.clone(),
        secret: args.secret_access_key.clone(),
    };
    let keys = vec![key.clone()];
    let access = Access::open(&store, ACCOUNT, keys, clock.clone(), random.clone()).await;
    let access = access.map_err(|error| Failure::new(error.kind(), error.to_string()))?;
    let ledger = Ledger::new(store.clone(), ledger::Limits::default());
    let objects = Objects::new(store.clone(), clock.clone(), random.clone());
    let tables = Tables::new(store.clone(), clock.clone(), random.clone());
    let topics = Topics::new(store.clone(), clock.clone(), random.clone());
    let buses = Buses::new(store.clone(), clock.clone(), random.clone());
    let schedules = Schedules::new(store.clone(), clock.clone(), random.clone());
    let queues = Queues::new(store.clone(), clock.clone(), random.clone());
    let (doors, opened) = mpsc::channel(DOORS);
    let dialect = AwsDialect::new(access.clone(), clock.clone(), address.port())
        .with_keys_in(data_dir.join("signing"));
    let dialect = Arc::new(dialect);
    let sdk = Arc::new(Sdk::new(Packages::of_server(data_dir)));
    let functions = Functions::open(functions::Parts {
        store: store.clone(),
        ledger: ledger.clone(),
        launcher: Launcher::of(Runtimes::new(
            jail(args, data_dir, doors)?,
            network(args, address.port()),
            data_dir.join("runtimes"),
        ))
        .prepared_by(move |code, runtime| {
            let sdk = sdk.clone();
            async move { sdk.bring(&code, &runtime).await }
        }),
        dialects: Dialects::new(dialect.clone())
            .with(
                face_gcp::FAMILY,
                Arc::new(GoogleDialect::new(
                    args.google_listen.port(),
                    address.port(),
                )),
            )
            .with(
                face_azure::FAMILY,
                Arc::new(AzureDialect::new(args.azure_listen.port())),
            ),
        clock: clock.clone(),
        random: random.clone(),
        code_dir: data_dir.join("code"),
        config: functions_config(args),
    })
    .map_err(|error| Failure::new(error.kind(), error.to_string()))?;
    let triggers = Triggers::new(triggers::Parts {
        store: store.clone(),
        objects: objects.clone(),
        tables: tables.clone(),
        buses: buses.clone(),
        schedules: schedules.clone(),
        queues: queues.clone(),
        functions: functions.clone(),
        topics: topics.clone(),
        wording: dialect.clone(),
        clock: clock.clone(),
        random: random.clone(),
    });
    let engines = Engines {
        store: store.clone(),
        objects: objects.clone(),
        tables: tables.clone(),
        buses: buses.clone(),
        queues: queues.clone(),
        functions: functions.clone(),
        schedules: schedules.clone(),
        topics: topics.clone(),
        triggers: triggers.clone(),
        packages: Packages::of_server(data_dir),
    };
    let region = args.region.clone();
    let keyring = Keyring::new(store.clone(), random.clone());
    let deployer = Deployer::new(engines, clock.clone(), random.clone(), ACCOUNT, &region)
        .with_endpoint(&format!("http://{}", reachable(address)))
        .with_google(&reachable(args.google_listen).to_string())
        .with_azure(&reachable(args.azure_listen).to_string(), keyring.clone());
    let token = random.uuid().simple().to_string();
    let health = store.clone();
    let console = Console::new(console::Parts {
        functions: functions.clone(),
        ledger: ledger.clone(),
        deployer: deployer.clone(),
        clock: timekeeper,
        topics: topics.clone(),
        keys: keyring.clone(),
        space: Space::new(&format!("{ACCOUNT}/{region}")),
        token: token.clone(),
        meters: vec![
            ("main", meter),
            ("google", google_meter.clone()),
            ("azure", azure_meter.clone()),
        ],
        failure: Box::new(move || health.failure().map(|error| error.to_string())),
        stop: stop.clone(),
    });
    let holding = hold_requests(data_dir)?;
    let aws = Aws::new(face_aws::Parts {
        objects: objects.clone(),
        tables: tables.clone(),
        buses: buses.clone(),
        schedules: schedules.clone(),
        queues: queues.clone(),
        functions: functions.clone(),
        triggers: triggers.clone(),
        topics: topics.clone(),
        dialect: dialect.clone(),
        access,
        clock: clock.clone(),
        random: random.clone(),
        holding: holding.clone(),
    });
    let google = Google::new(
        functions.clone(),
        clock.clone(),
        random.clone(),
        holding.clone(),
    );
    let azure = Azure::new(face_azure::Parts {
        functions: functions.clone(),
        keys: keyring.clone(),
        clock: clock.clone(),
        random: random.clone(),
        holding,
    });
    let workers = Workers {
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        failed: Arc::default(),
    };
    let copies = aws.run_transfers(stop.clone());
    let operations = aws.operations();
    let front = Arc::new(Front { console, aws });
    let (guests, arrivals) = mpsc::channel(DOORS);
    let server = server.with_guests(arrivals);
    workers.start("doors", usher(opened, guests, stop.clone()));
    workers.start("listener", {
        let stop = stop.clone();
        async move {
            server.run(front, stop).await;
            Ok(())
        }
    });
    // Opened before anybody is told that we are ready.
    let port = OtherPort {
        cloud: "Google",
        option: "--google-listen",
        address: args.google_listen,
        tls: tls.clone(),
        meter: google_meter,
    };
    let opened = match google.is_used() {
        true => port.open(),
        false => None,
    };
    workers.start(
        "Google's functions",
        serve_google(google, port, opened, deployer.deployed(), stop.clone()),
    );
    let port = OtherPort {
        cloud: "Azure",
        option: "--azure-listen",
        address: args.azure_listen,
        tls,
        meter: azure_meter,
    };
    azure
        .refresh()
        .map_err(|error| Failure::new(error.kind(), error.to_string()))?;
    let opened = match azure.is_used() {
        true => port.open(),
        false => None,
    };
    workers.start(
        "Azure's functions",
        serve_azure(azure, port, opened, deployer.deployed(), stop.clone()),
    );
    workers.start("triggers", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        let dialect = dialect.clone();
        async move {
            triggers.follow_objects(dialect, stop).await;
            Ok(())
        }
    });
    workers.start("buses", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        let dialect = dialect.clone();
        async move {
            let followed = triggers.follow_buses(dialect, stop).await;
            followed.map_err(|error| error.to_string())
        }
    });
    workers.start("replays", {
        let (buses, stop) = (buses.clone(), stop.clone());
        async move {
            buses.run_replays(stop).await;
            Ok(())
        }
    });
    workers.start("archives", {
        let stop = stop.clone();
        async move {
            buses.run_expiries(stop).await;
            Ok(())
        }
    });
    workers.start("schedules", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        let (dialect, orders) = (dialect.clone(), Arc::new(AwsOrders));
        async move {
            triggers
                .run_schedules(schedules, dialect, orders, stop)
                .await;
            Ok(())
        }
    });
    workers.start("mappings", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        let (invoker, dialect) = (Invoker::of(functions.clone()), dialect.clone());
        async move {
            triggers.run_mappings(dialect, invoker, stop).await;
            Ok(())
        }
    });
    workers.start("topics", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        async move {
            triggers.follow_topics(stop).await;
            Ok(())
        }
    });
    workers.start("outcomes", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        async move {
            triggers.follow_settled(stop).await;
            Ok(())
        }
    });
    workers.start("outgoing", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        async move {
            let outgoing = triggers.run_outgoing(dialect, Web::wide(), operations, stop);
            outgoing.await.map_err(|error| error.to_string())
        }
    });
    workers.start("backlog", {
        let (functions, stop) = (functions.clone(), stop.clone());
        async move {
            functions
                .run_backlog(stop)
                .await
                .map_err(|error| error.to_string())
        }
    });
    workers.start("retirement", {
        let (functions, stop) = (functions.clone(), stop.clone());
        async move {
            functions
                .run_retirement(stop)
                .await
                .map_err(|error| error.to_string())
        }
    });
    workers.start("provisioning", {
        let (functions, stop) = (functions.clone(), stop.clone());
        async move {
            functions
                .run_provisioning(stop)
                .await
                .map_err(|error| error.to_string())
        }
    });
    workers.start("objects reaper", {
        let stop = stop.clone();
        async move {
            objects.run_reaper(stop).await;
            Ok(())
        }
    });
    workers.start("tables upkeep", {
        let stop = stop.clone();
        async move {
            tables.run_upkeep(stop).await;
            Ok(())
        }
    });
    workers.start("queues upkeep", {
        let (queues, stop) = (queues.clone(), stop.clone());
        async move {
            queues.upkeep(stop).await;
            Ok(())
        }
    });
    workers.start("moves of messages", {
        let stop = stop.clone();
        async move {
            queues.run_moves(stop).await;
            Ok(())
        }
    });
    workers.start("table copies", async move {
        copies.await;
        Ok(())
    });
    workers.start(
        "store watch",
        watch_store(store.clone(), clock.host(), stop.clone()),
    );

    let place = Place {
        address: reachable(address),
        token,
        data_dir: data_dir.to_owned(),
        pid: std::process::id(),
    };
    let announced = locate::announce(&place).map_err(|cause| {
        Failure::internal(format!("cannot write to {}: {cause}", data_dir.display()))
    })?;
    Ok(Running {
        address: place.address,
        region,
        encrypts,
        key,
        deployer,
        keyring,
        ledger,
        clock,
        functions,
        store,
        stop,
        workers,
        _announced: announced,
    })
}

impl Running {
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// For those who want it encrypted.
    pub(crate) fn secure_endpoint(&self) -> Option<String> {
        self.encrypts.then(|| format!("https://{}", self.address))
    }

    /// Ends everything in an order in which nothing is left half done. A server that ended because a worker did has
    /// failed.
    pub(crate) async fn end(self) -> Result<()> {
        self.stop.cancel();
        self.functions.shutdown().await;
        self.workers.tasks.close();
        self.workers.tasks.wait().await;
        self.store.sync().await?;
        match self.workers.failed.get() {
            Some(why) => Err(Failure::internal(why.clone())),
            None => Ok(()),
        }
    }
}

/// Long-running work, each with a name, all ended by one token.
struct Workers {
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Why the server ended by itself, if it did.
    failed: Arc<OnceLock<String>>,
}

impl Workers {
    /// A worker that ends by itself, however it does, takes the server with it: half a server helps nobody, and
    /// whoever watches over it starts it again.
    fn start(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        let running = self.tasks.spawn(work);
        self.tasks.spawn(async move {
            let why = match running.await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(cause)) => cause,
                Err(cause) => cause.to_string(),
            };
            if !stop.is_cancelled() {
                tracing::error!(
                    worker = name,
                    why,
                    "a worker failed, and so does the server"
                );
                // The first is the reason of all others.
                let _ = failed.set(format!("the server's {name} failed: {why}"));
                stop.cancel();
            }
        });
    }
}

/// The admin API and the cloud on one address.
struct Front {
    console: Console,
    aws: Aws,
}

impl Service for Front {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        let ours = request.uri().path().starts_with(console::PREFIX) && !is_bucket(&request);
        if ours {
            self.console.call(request)
        } else {
            self.aws.call(request)
        }
    }
}

/// Where the bucket is in the host, the whole path is the object's key, however it begins.
fn is_bucket(request: &Request) -> bool {
    let host = request.headers().get(http::header::HOST);
    host.and_then(|host| host.to_str().ok())
        .is_some_and(S3::is_host)
}

fn bind(address: SocketAddr) -> Result<Server> {
    Server::bind(address, Limits::default()).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(
            ErrorKind::Conflict,
            format!("another program already listens on {address}"),
        )
        .hint("stop it, or choose another address: --listen 127.0.0.1:4567"),
        _ => Failure::new(
            ErrorKind::Unavailable,
            format!("cannot listen on {address}: {cause}"),
        ),
    })
}

/// Only its owner may look into it: it holds everybody's data and the keys to it.
fn make_private(folder: &Path) -> Result<()> {
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
fn hold_requests(data_dir: &Path) -> Result<Holding> {
    let folder = data_dir.join("requests");
    make_private(&folder)?;
    Ok(Holding::new(folder))
}

fn functions_config(args: &ServerArgs) -> functions::Config {
    let usual = functions::Config::default();
    functions::Config {
        scaling: usual.scaling.filter(|_| !args.unlimited_scaling),
        keep_alive: args.keep_alive,
        start_ahead: args.start_ahead,
        ..usual
    }
}

fn open_store(args: &ServerArgs, data_dir: &Path, random: Random) -> Result<Store> {
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
fn open_clock(store: &Store) -> Result<Timekeeper> {
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

fn jail(args: &ServerArgs, data_dir: &Path, doors: mpsc::Sender<Door>) -> Result<Arc<dyn Jail>> {
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
    let jail = NamespaceJail::new(stage).map_err(|error| {
        Failure::new(error.kind(), error.to_string()).hint("see: fulmar doctor")
    })?;
    Ok(Arc::new(jail.with_doors(doors)))
}

fn network(args: &ServerArgs, port: u16) -> sandbox::Network {
    match args.network {
        crate::commands::Network::Open => sandbox::Network::Host,
        crate::commands::Network::Isolated => sandbox::Network::Isolated { port },
    }
}

/// A port of another cloud's functions, which is open when there are any.
struct OtherPort {
    cloud: &'static str,
    option: &'static str,
    address: SocketAddr,
    tls: Option<Tls>,
    meter: Meter,
}

impl OtherPort {
    /// None if it cannot be opened, which is no reason for everything else to stop: the next deployment tries again.
    fn open(&self) -> Option<Server> {
        match Server::bind(self.address, Limits::default()) {
            Ok(server) => Some(
                server
                    .with_tls(self.tls.clone())
                    .with_meter(self.meter.clone()),
            ),
            Err(cause) => {
                tracing::error!(
                    "{}'s functions cannot be reached, as nothing can listen on {}: {cause}; choose another address: {}",
                    self.cloud,
                    self.address,
                    self.option
                );
                None
            }
        }
    }
}

/// Serves Google's functions from when there are any.
async fn serve_google(
    google: Google,
    port: OtherPort,
    mut opened: Option<Server>,
    mut deployed: watch::Receiver<u64>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    loop {
        if opened.is_none() && google.is_used() {
            opened = port.open();
        }
        if let Some(server) = opened {
            server.run(Arc::new(google), stop).await;
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = deployed.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// The same for Azure's. What its functions answer to is read again whenever something was deployed.
async fn serve_azure(
    azure: Azure,
    port: OtherPort,
    mut opened: Option<Server>,
    mut deployed: watch::Receiver<u64>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    let mut serving = None;
    loop {
        azure.refresh().map_err(|error| error.to_string())?;
        if serving.is_none() && opened.is_none() && azure.is_used() {
            opened = port.open();
        }
        if let Some(server) = opened.take() {
            serving = Some(Box::pin(server.run(Arc::new(azure.clone()), stop.clone())));
        }
        let served = async {
            match &mut serving {
                Some(serving) => serving.await,
                None => stop.cancelled().await,
            }
        };
        tokio::select! {
            () = served => return Ok(()),
            changed = deployed.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// Takes the listeners that open inside isolated functions to the server.
async fn usher(
    mut doors: mpsc::Receiver<Door>,
    guests: mpsc::Sender<Guest>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    loop {
        let door = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(door) = doors.recv() => door,
            // Nothing that has doors can be started.
            else => { stop.cancelled().await; return Ok(()) }
        };
        let guest = Guest {
            listener: door.listener,
            until: door.closed,
        };
        // If the listener has ended, so has the server.
        let _ = guests.send(guest).await;
    }
}

/// A sync that failed cannot be undone: what is in memory and what is on the disk may differ from then on.
async fn watch_store(
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
fn allow_many_files() {
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

/// The address that clients on this machine use.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    reachable
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn templates_name_the_operations_that_schedules_can_call() {
        let said: BTreeSet<_> = deploy::universal_targets().map(str::to_owned).collect();
        let known: BTreeSet<_> = face_aws::universal_targets().collect();
        assert_eq!(said, known);
    }
}
