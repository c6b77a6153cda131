//! The composition: everything that the server is made of, put together once. It knows every crate and does nothing
//! else.

mod host;
mod ports;
mod workers;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use access::{Access, Keyring, RootKey};
use base::{Clock, ErrorKind, Random, Space};
use buses::Buses;
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
use schedules::Schedules;
use store::Store;
use tables::Tables;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use topics::Topics;
use triggers::{Invoker, Triggers, Web};
use wire::{Meter, Request, Service, ServiceFuture};

use crate::certificate;
use crate::commands::ServerArgs;
use crate::failure::{Failure, Result};
use crate::locate::{self, Announced, Place};
use host::{
    allow_many_files, functions_config, hold_requests, jail, make_private, network, open_clock,
    open_store, watch_store,
};
use ports::{OtherPort, bind, reachable, serve_azure, serve_google, usher};
use workers::Workers;

/// Where everything is when nobody says otherwise: the account that has no number, in the first region.
pub(crate) const ACCOUNT: &str = "000000000000";
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
        answers: deployer.answers(),
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
    workers.start("lines", {
        let (triggers, stop) = (triggers.clone(), stop.clone());
        async move {
            triggers.follow_lines(stop).await;
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
    workers.start("lifecycles of objects", {
        let (objects, stop) = (objects.clone(), stop.clone());
        async move {
            objects.run_lifecycles(stop).await;
            Ok(())
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
