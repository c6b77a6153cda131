//! Processes that instances are forked from, instead of being booted: *placeholders*, which have booted a language and
//! wait for somebody's code, and *templates*, which have run one function's initialisation and wait for more of its kind.
//!
//! A placeholder is started in the background when its language is first used, and goes when it has not been used for
//! long; templates belong to whoever asked for them. Whatever goes wrong with either, an instance is booted: nothing here
//! is needed, it only saves time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::ByteSize;
use parking_lot::Mutex;
use sandbox::{Fork, Limits, Mount, PassedFd, Spec, TemplateSpec};
use tokio::process::{ChildStderr, ChildStdout};

use crate::catalog::{Found, Resolved};
use crate::launch::{
    CODE, Connection, DESCRIPTOR, FILES, LAYERS, Launch, PIDS, Program, Start, Worker, limits, pair,
};
use crate::node::MODULES;
use crate::python::{BROUGHT, PACKAGES};
use crate::{Error, Language, Result, Runtimes, bootstrap};

/// The number under which a template hears of forks (`bootstrap/python/_fulmar/template.py`).
const CONTROL: i32 = 4;
/// What makes a bootstrap wait to be forked; it takes it out of the environment again.
const TEMPLATE_VARIABLE: &str = "FULMAR_TEMPLATE";
/// What makes a bootstrap behave as another cloud's framework.
const ADAPTER: &str = "FULMAR_ADAPTER";
/// Where a placeholder's children find what is theirs.
const PLACES: [&str; 5] = [CODE, LAYERS, PACKAGES, MODULES, BROUGHT];
/// Variables that a language, or what loads it, reads when it starts: who sets them wants a process that has them then.
const READ_AT_START: &[&str] = &[
    "PYTHON", "NODE_", "LD_", "GLIBC_", "MALLOC_", "UV_", "OPENSSL_", "SSL_",
];
/// The flags of what comes of a placeholder, as far as what it compiles is concerned.
const FORKED: &str = "forked";
/// Ours, which is set for everybody.
const USUAL: &str = "NODE_PATH";
/// A placeholder with all that it has imported.
const PLACEHOLDER_MEMORY: ByteSize = ByteSize::mib(512);
/// Of instances, where it is not configured.
const USUAL_TMP: ByteSize = ByteSize::mib(512);
/// How many placeholders of a language may break.
const MOST_BROKEN: u32 = 5;
/// How long a placeholder may take to boot.
const LONGEST_BOOT: Duration = Duration::from_secs(20);

/// A process that has run one function's initialisation, and from which its further instances are forked. Dropping it
/// ends it; its children live on.
pub struct Template {
    runtimes: Runtimes,
    forks: sandbox::Template,
}

/// A template that has been started, and what it prints.
pub struct Prepared {
    pub template: Template,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

/// What there is of placeholders, for whoever asks.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The program.
    pub path: PathBuf,
    /// If the host counts it.
    pub memory: Option<ByteSize>,
    /// Why there is none, if it was tried.
    pub failed: Option<String>,
}

#[derive(Default)]
pub(crate) struct Placeholders {
    slots: Mutex<HashMap<PathBuf, Slot>>,
}

enum Slot {
    /// After so many that broke.
    Starting(u32),
    Ready(Arc<Placeholder>),
    /// It is not tried again as long as the server runs: what it needs, the host has not.
    Failed(String),
    /// The last one broke; so many have.
    Broken(u32),
}

struct Placeholder {
    forks: sandbox::Template,
    used: AtomicBool,
    /// How many before it broke.
    after: u32,
}

/// What a language's process needs to be forked, besides being started.
struct Forkable {
    threads: usize,
    /// Before the bootstrap among its arguments.
    options: &'static [&'static str],
}

fn forkable(language: Language) -> Option<Forkable> {
    match language {
        Language::Python if !sandbox::LIBRARY.is_empty() => Some(Forkable {
            threads: 1,
            options: &[],
        }),
        // Helper threads do not survive a fork: there are to be none. The usual pool of threads is made anew in a child.
        // Nor is a template to begin a collection that each child would have to go on with.
        Language::Node if !sandbox::NODE_LIBRARY.is_empty() => Some(Forkable {
            threads: 1,
            options: &[
                "--single-threaded",
                "--v8-pool-size=0",
                "--no-memory-reducer",
            ],
        }),
        Language::Python
        | Language::Node
        | Language::CSharp
        | Language::Hosted
        | Language::Custom => None,
    }
}

impl Runtimes {
    /// Starts the code once, to be forked when it has initialised. None where its language, or this launch, cannot be.
    pub async fn template(&self, launch: &Launch) -> Result<Option<Prepared>> {
        let (Resolved::Host(found), _) = self.resolve(&launch.runtime).await? else {
            return Ok(None);
        };
        let Some(forkable) = forkable(found.language) else {
            return Ok(None);
        };
        if !self.shared.jail.confines() || launch.is_more_than_its_code() {
            return Ok(None);
        }
        let mut program = self.program(launch, &found).await?;
        program.prepare(&forkable, self.library(&found));
        let environment = self.environment(launch, &mut program, None);
        let mut spec = self.spec(launch, program, environment, Vec::new());
        // It is nobody's instance: what it has to do is bounded by its share.
        spec.limits.starting_cpu_milli = spec.limits.starting_cpu_milli.max(spec.limits.cpu_milli);
        self.prepare(spec, &forkable, Vec::new()).map(Some)
    }

    /// Makes an instance of a placeholder's child. None if there is none, or this launch wants a process of its own.
    pub(crate) async fn take_placeholder(&self, launch: &Launch, found: &Found) -> Option<Worker> {
        if launch.wants_its_own_start() || launch.is_more_than_its_code() {
            return None;
        }
        let placeholder = self.shared.placeholders.get(&found.path)?;
        placeholder.used.store(true, Ordering::Relaxed);
        let mut program = self.program(launch, found).await.ok()?;
        let mounts = self.mounts(launch, &program);
        let given = self.code_cache(launch, found, FORKED);
        let given = given.map(|given| {
            program.environment.push(given.variable);
            given.fd
        });
        let forked = self.fork(&placeholder.forks, launch, program, mounts, given);
        match forked.await {
            Ok(worker) => Some(Worker {
                start: Start::Placeholder,
                ..worker
            }),
            Err(cause) => {
                tracing::debug!(%cause, "an instance could not be forked, and is booted");
                self.shared
                    .placeholders
                    .broke(&found.path, &placeholder, cause.to_string());
                None
            }
        }
    }

    /// Work for the background after an instance was started: whoever comes next is to find something at hand.
    pub async fn look_ahead(self, runtime: String) {
        let Ok((Resolved::Host(found), _)) = self.resolve(&runtime).await else {
            return;
        };
        let Some(forkable) = forkable(found.language) else {
            return;
        };
        if !self.shared.jail.confines() {
            return;
        }
        if let Some(placeholder) = self.shared.placeholders.get(&found.path) {
            // One that cannot is noticed by whoever wants it.
            let _ = placeholder
                .forks
                .make_ahead(&usual_limits(), USUAL_TMP)
                .await;
        } else if self.shared.placeholders.claim(&found.path) {
            let started = self.start_placeholder(&found, &forkable).await;
            if let Err(cause) = &started {
                tracing::info!(%cause, program = %found.path.display(), "instances are booted: there is no placeholder");
            }
            self.shared.placeholders.settle(&found.path, started);
        }
    }

    /// Ends the placeholders that have not been used since this was last called.
    pub fn retire_unused(&self) {
        self.shared.placeholders.retire_unused();
    }

    /// Whether something in this runtime can be forked here: makes a placeholder, and an instance of it. None where there
    /// is nothing to be tried.
    pub async fn try_forks(&self, launch: &Launch) -> Option<std::result::Result<(), String>> {
        let (Resolved::Host(found), _) = self.resolve(&launch.runtime).await.ok()? else {
            return None;
        };
        forkable(found.language)?;
        self.clone().look_ahead(launch.runtime.clone()).await;
        let made = self.take_placeholder(launch, &found).await.is_some();
        let failed = self.placeholders().into_iter().find_map(|kept| kept.failed);
        Some(match (made, failed) {
            (true, _) => Ok(()),
            (false, Some(why)) => Err(why),
            (false, None) => Err("no instance could be forked".into()),
        })
    }

    /// The placeholders that there are, or why there are none.
    pub fn placeholders(&self) -> Vec<Kept> {
        self.shared.placeholders.kept()
    }

    async fn start_placeholder(
        &self,
        found: &Found,
        forkable: &Forkable,
    ) -> std::result::Result<sandbox::Template, String> {
        let started = async {
            let mut program = match found.language {
                Language::Python => self.waiting_python(found).await?,
                Language::Node | Language::CSharp | Language::Hosted | Language::Custom => {
                    self.waiting_node(found)?
                }
            };
            program.prepare(forkable, self.library(found));
            let spec = Spec {
                argv: program.argv,
                env: self.usual_environment(program.environment),
                cwd: "/".into(),
                mounts: program.mounts,
                tmp: ByteSize::mib(1),
                limits: Limits {
                    memory: PLACEHOLDER_MEMORY,
                    ..usual_limits()
                },
                network: self.shared.network,
                fds: Vec::new(),
            };
            let places = PLACES.iter().map(PathBuf::from).collect();
            let prepared = self.prepare(spec, forkable, places)?;
            prepared.template.forks.ready().await?;
            prepared
                .template
                .forks
                .make_ahead(&usual_limits(), USUAL_TMP)
                .await?;
            Ok::<_, Error>(prepared.template.forks)
        };
        match tokio::time::timeout(LONGEST_BOOT, started).await {
            Ok(started) => started.map_err(|cause| cause.to_string()),
            Err(_) => Err("it took too long to boot".into()),
        }
    }

    fn prepare(&self, spec: Spec, forkable: &Forkable, places: Vec<PathBuf>) -> Result<Prepared> {
        let template = TemplateSpec {
            control: CONTROL,
            threads: forkable.threads,
            places,
        };
        let prepared = self.shared.jail.template(spec, template)?;
        Ok(Prepared {
            template: Template {
                runtimes: self.clone(),
                forks: prepared.template,
            },
            stdout: prepared.stdout,
            stderr: prepared.stderr,
        })
    }

    /// Where the library is inside.
    fn library(&self, _: &Found) -> String {
        format!("{}/{}", bootstrap::PLACE, bootstrap::LIBRARY)
    }

    /// What a placeholder lacks of this launch.
    fn mounts(&self, launch: &Launch, program: &Program) -> Vec<Mount> {
        let all = self.all_mounts(launch, program);
        let lacks = |mount: &Mount| PLACES.iter().any(|place| mount.target.starts_with(place));
        all.into_iter().filter(lacks).collect()
    }

    async fn fork(
        &self,
        forks: &sandbox::Template,
        launch: &Launch,
        mut program: Program,
        mounts: Vec<Mount>,
        given: Option<PassedFd>,
    ) -> Result<Worker> {
        let failed = |cause| Error::Io {
            what: "make a connection for an instance",
            cause,
        };
        let (ours, theirs) = pair().map_err(failed)?;
        let (beside, own) = self.beside(launch).await.map_err(failed)?;
        let environment: HashMap<_, _> = self
            .environment(launch, &mut program, own)
            .into_iter()
            .collect();
        let message = serde_json::to_vec(&environment)
            .map_err(|cause| failed(std::io::Error::other(cause)))?;
        let own = PassedFd {
            fd: theirs,
            number: DESCRIPTOR,
        };
        let fork = Fork {
            mounts,
            tmp: launch.ephemeral,
            limits: limits(launch.memory),
            fds: std::iter::once(own).chain(given).collect(),
            message,
        };
        Ok(Worker {
            child: forks.fork(fork).await?,
            connection: Connection::Stream(ours),
            beside,
            extensions: None,
            start: Start::Template,
        })
    }
}

impl Template {
    /// Waits until it has initialised. An error says why it cannot be forked.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.forks.ready().await?)
    }

    /// Another instance. The launch is that of the template but for what each instance has of its own.
    pub async fn fork(&self, launch: &Launch) -> Result<Worker> {
        let (Resolved::Host(found), _) = self.runtimes.resolve(&launch.runtime).await? else {
            return Err(Error::NeedsNetwork);
        };
        let program = self.runtimes.program(launch, &found).await?;
        self.runtimes
            .fork(&self.forks, launch, program, Vec::new(), None)
            .await
    }

    /// Work for the background: the next fork is to find a child made ahead.
    pub async fn make_ahead(&self) {
        // One that cannot is noticed by whoever wants it.
        let _ = self.forks.make_ahead(&usual_limits(), USUAL_TMP).await;
    }

    /// How much memory it uses, if the host counts it.
    pub fn memory(&self) -> Option<ByteSize> {
        self.forks.memory()
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}

impl Program {
    /// Makes it one that waits to be forked.
    fn prepare(&mut self, forkable: &Forkable, library: String) {
        self.environment.push((TEMPLATE_VARIABLE.into(), library));
        let options = forkable.options.iter().map(|option| (*option).to_owned());
        // After the program itself.
        self.argv.splice(1..1, options);
    }
}

impl Launch {
    /// Whether something runs beside the function, or in the place of our bootstrap's usual work.
    fn is_more_than_its_code(&self) -> bool {
        self.has_adapter() || self.brings_extensions() || self.wrapper().is_some()
    }

    /// Whether it is to behave as another cloud's framework.
    pub(crate) fn has_adapter(&self) -> bool {
        self.environment.iter().any(|(name, _)| name == ADAPTER)
    }

    /// Whether its environment says something to the language that is only heard when a process starts.
    fn wants_its_own_start(&self) -> bool {
        self.environment.iter().any(|(name, _)| {
            name != USUAL && READ_AT_START.iter().any(|prefix| name.starts_with(prefix))
        })
    }
}

fn usual_limits() -> Limits {
    Limits {
        memory: ByteSize::mib(128),
        cpu_milli: 1_000,
        starting_cpu_milli: 2_000,
        pids: PIDS,
        files: FILES,
    }
}

impl Placeholders {
    fn get(&self, program: &Path) -> Option<Arc<Placeholder>> {
        match self.slots.lock().get(program) {
            Some(Slot::Ready(placeholder)) => Some(placeholder.clone()),
            _ => None,
        }
    }

    /// Whether it is for the caller to start one.
    fn claim(&self, program: &Path) -> bool {
        let mut slots = self.slots.lock();
        let broken = match slots.get(program) {
            None => 0,
            Some(Slot::Broken(broken)) => *broken,
            Some(_) => return false,
        };
        slots.insert(program.to_owned(), Slot::Starting(broken));
        true
    }

    fn settle(&self, program: &Path, started: std::result::Result<sandbox::Template, String>) {
        let mut slots = self.slots.lock();
        let after = match slots.get(program) {
            Some(Slot::Starting(broken)) => *broken,
            _ => 0,
        };
        let slot = match started {
            Ok(forks) => Slot::Ready(Arc::new(Placeholder {
                forks,
                used: AtomicBool::new(true),
                after,
            })),
            Err(why) => Slot::Failed(why),
        };
        slots.insert(program.to_owned(), slot);
    }

    /// It broke, for this reason. Another is started, but not for ever.
    fn broke(&self, program: &Path, placeholder: &Arc<Placeholder>, why: String) {
        let mut slots = self.slots.lock();
        if let Some(Slot::Ready(there)) = slots.get(program)
            && Arc::ptr_eq(there, placeholder)
        {
            let slot = match placeholder.after + 1 {
                MOST_BROKEN.. => Slot::Failed(why),
                broken => Slot::Broken(broken),
            };
            slots.insert(program.to_owned(), slot);
        }
    }

    fn retire_unused(&self) {
        let mut slots = self.slots.lock();
        let retired: Vec<_> = slots
            .extract_if(|_, slot| match slot {
                Slot::Ready(placeholder) => !placeholder.used.swap(false, Ordering::Relaxed),
                Slot::Starting(_) | Slot::Failed(_) | Slot::Broken(_) => false,
            })
            .collect();
        drop(slots);
        drop(retired);
    }

    fn kept(&self) -> Vec<Kept> {
        let slots = self.slots.lock();
        let kept = slots.iter().map(|(path, slot)| Kept {
            path: path.clone(),
            memory: match slot {
                Slot::Ready(placeholder) => placeholder.forks.memory(),
                Slot::Starting(_) | Slot::Failed(_) | Slot::Broken(_) => None,
            },
            failed: match slot {
                Slot::Failed(why) => Some(why.clone()),
                Slot::Starting(_) | Slot::Ready(_) | Slot::Broken(_) => None,
            },
        });
        kept.collect()
    }
}
