//! Starting an instance: from what is to run to a process that speaks the worker protocol.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base::ByteSize;
use sandbox::{Access, Child, Exit, Limits, Mount, Network, PassedFd, Spec};
use tokio::net::{TcpListener, UnixStream};

use crate::catalog::{Found, Resolved};
use crate::lang::LANG;
use crate::{Error, Extensions, Language, Result, Runtimes};

/// Where the code is inside, as programs expect it.
pub(crate) const CODE: &str = "/var/task";
/// Where layers are inside, as programs expect them.
pub(crate) const LAYERS: &str = "/opt";
/// Where the bootstrap looks for the code; it takes it out of the environment again.
const CODE_VARIABLE: &str = "FULMAR_CODE";
/// An empty folder beside the bootstraps.
const NOTHING: &str = "nothing";
/// The number of the worker's end of the connection.
pub(crate) const DESCRIPTOR: i32 = 3;
/// The published limits of an execution environment.
pub(crate) const FILES: u32 = 1_024;
pub(crate) const PIDS: u32 = 1_024;
/// What an instance has at least until it asks for work, however small it is: starting is bounded by its own time-out, and
/// the real service lets it burst too.
const STARTING_CPU: u32 = 2_000;
/// The memory at which an instance has a share of one whole processor.
const MEMORY_OF_ONE_CPU: ByteSize = ByteSize::mib(1_769);

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// A runtime's id.
    pub runtime: String,
    /// The folder with the code.
    pub code: PathBuf,
    /// The folder with its layers.
    pub layers: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
    pub memory: ByteSize,
    /// Of its temporary folder.
    pub ephemeral: ByteSize,
    pub variables: Variables,
}

/// How a program that was written for the worker protocol, and not for us, finds its way: the names of variables.
#[derive(Clone, Copy, Debug)]
pub struct Variables {
    /// Whom to speak to.
    pub address: &'static str,
    /// Where its code is.
    pub code: &'static str,
    /// Which program is started in a language's place, and is told what that would have been.
    pub wrapper: &'static str,
}

/// A process that speaks the worker protocol.
pub struct Worker {
    pub child: Child,
    pub connection: Connection,
    /// Where others than the worker reach us: what runs beside it, or in it.
    pub beside: Option<TcpListener>,
    pub extensions: Option<Extensions>,
    pub start: Start,
}

/// How a process came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From its program, as any process.
    Boot,
    /// From a process that had booted the language and waited for somebody's code.
    Placeholder,
    /// From a process that had initialised the same code.
    Template,
}

/// How a process reaches us.
pub enum Connection {
    /// Our end of the one connection that it has.
    Stream(UnixStream),
    /// It comes here, as often as it likes.
    Listener(TcpListener),
}

/// What a language wants to be run.
pub(crate) struct Program {
    pub(crate) argv: Vec<String>,
    /// What it needs, before anything that was configured.
    pub(crate) environment: Vec<(String, String)>,
    /// Besides the code.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) speaks: Speaks,
}

/// How a program speaks the worker protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// On the descriptor that it is started with: our bootstraps.
    OnDescriptor,
    /// Over TCP, at the address that its environment names: programs that were written for the real service.
    OverTcp,
}

impl Runtimes {
    pub async fn launch(&self, launch: Launch) -> Result<Worker> {
        self.check_open(&launch)?;
        let (resolved, _) = self.resolve(&launch.runtime).await?;
        let mut program = match &resolved {
            Resolved::Package => self.custom(&launch)?,
            Resolved::Hosted(found) => self.hosted(&launch, found.as_ref())?,
            Resolved::Host(found) => match self.take_placeholder(&launch, found).await {
                Some(worker) => return Ok(worker),
                None => self.program(&launch, found).await?,
            },
        };
        let failed = |cause| Error::Io {
            what: "make a connection for an instance",
            cause,
        };
        let mut fds = Vec::new();
        let extensions = self.with_extensions(&launch, &mut program, &mut fds)?;
        // In a network of its own, a listener is made for whoever needs one; in the host's, each has one.
        let needs_own = program.speaks == Speaks::OverTcp || extensions.is_some();
        let (listener, mut own) = self.beside(&launch).await.map_err(failed)?;
        if let Network::Isolated { port } = self.shared.network
            && needs_own
        {
            let address = format!("{}:{}", Ipv4Addr::LOCALHOST, sandbox::own_port(port));
            own = Some((launch.variables.address.to_owned(), address));
        }
        let ours = match program.speaks {
            Speaks::OnDescriptor => {
                let (ours, fd) = pair().map_err(failed)?;
                let number = DESCRIPTOR;
                fds.push(PassedFd { fd, number });
                Some(ours)
            }
            Speaks::OverTcp => None,
        };
        if let Resolved::Host(found) = &resolved
            && let Some(given) = self.code_cache(&launch, found, &program.argv[1..].join(" "))
        {
            fds.push(given.fd);
            program.environment.push(given.variable);
        }
        let environment = self.environment(&launch, &mut program, own);
        let mut child = self
            .shared
            .jail
            .spawn(self.spec(&launch, program, environment, fds))?;
        let listener = match (listener, needs_own) {
            (None, true) => Some(inside(&mut child).await?),
            (listener, _) => listener,
        };
        let (connection, beside) = match (ours, listener) {
            (Some(ours), beside) => (Connection::Stream(ours), beside),
            (None, Some(listener)) => (Connection::Listener(listener), None),
            (None, None) => return Err(Error::NeedsNetwork),
        };
        Ok(Worker {
            child,
            connection,
            beside,
            extensions,
            start: Start::Boot,
        })
    }

    /// Refuses folders that the function could not enter: what would be said from inside tells nobody why.
    fn check_open(&self, launch: &Launch) -> Result<()> {
        if !self.shared.jail.is_another_user() {
            return Ok(());
        }
        let folders = [Some(&launch.code), launch.layers.as_ref()];
        let closed = folders.into_iter().flatten().find(|one| is_closed(one));
        closed.map_or(Ok(()), |folder| {
            Err(Error::Entrypoint(format!(
                "The folder {0} is closed to other users, and functions run as users of their own: chmod o+rx {0}",
                folder.display()
            )))
        })
    }

    /// What the host's language wants to be run.
    pub(crate) async fn program(&self, launch: &Launch, found: &Found) -> Result<Program> {
        let mut program = match found.language {
            Language::Python => self.python(launch, found).await?,
            Language::CSharp => self.csharp(launch, found).await?,
            Language::Node | Language::Hosted | Language::Custom => self.node(launch, found)?,
        };
        self.wrap(launch, &mut program)?;
        Ok(program)
    }

    /// Where others than the worker reach us in the host's network, and the variable that tells the instance so.
    pub(crate) async fn beside(
        &self,
        launch: &Launch,
    ) -> std::io::Result<(Option<TcpListener>, Option<(String, String)>)> {
        if self.shared.network != Network::Host {
            return Ok((None, None));
        }
        let listener = self.listen().await?;
        let address = listener.local_addr()?.to_string();
        let variable = (launch.variables.address.to_owned(), address);
        Ok((Some(listener), Some(variable)))
    }

    /// A listener of an instance's own, where it has no network of its own.
    ///
    /// Instances share the host's loopback, so another one could connect to it and speak in this one's name. What there
    /// is against it: the address is one of millions, chosen by chance, and goes to nobody but
    /// the instance. It keeps out whoever guesses; it does not keep out whoever may read the kernel's list of sockets.
    async fn listen(&self) -> std::io::Result<TcpListener> {
        let [second, third, fourth] = self.shared.random.bytes();
        // Neither a network's own address nor its broadcast address, and not where everything else listens.
        let address = Ipv4Addr::new(127, second | 1, third, fourth.clamp(1, 254));
        TcpListener::bind((address, 0)).await
    }

    /// Where something is inside: nothing moves where nothing is confined.
    pub(crate) fn inside(&self, confined: impl AsRef<Path>, path: &Path) -> PathBuf {
        match self.shared.jail.confines() {
            true => confined.as_ref().to_owned(),
            false => path.to_owned(),
        }
    }

    /// Where the layers of what is launched are inside. Without any, the place is empty, or the host's own.
    pub(crate) fn layers(&self, launch: &Launch) -> PathBuf {
        let layers = launch.layers.as_deref().unwrap_or(Path::new(LAYERS));
        self.inside(LAYERS, layers)
    }

    /// What was configured goes before what the language has by default; `own` goes before everything.
    pub(crate) fn environment(
        &self,
        launch: &Launch,
        program: &mut Program,
        own: Option<(String, String)>,
    ) -> Vec<(String, String)> {
        let code = self.inside(CODE, &launch.code).display().to_string();
        let layers = self.layers(launch);
        let libraries = format!("{LANG}/lib:{code}:{code}/lib:{}/lib", layers.display());
        let mut environment = BTreeMap::from(usual(libraries));
        environment.extend(std::mem::take(&mut program.environment));
        environment.extend(launch.environment.iter().cloned());
        match program.speaks {
            Speaks::OverTcp => {
                // No bootstrap of ours is there to take these out again, or to put the code's place right.
                environment.retain(|name, _| !name.starts_with("FULMAR_"));
                environment.insert(launch.variables.code.into(), code);
            }
            Speaks::OnDescriptor => {
                environment.insert(CODE_VARIABLE.into(), code);
            }
        }
        environment.extend(own);
        environment.into_iter().collect()
    }

    /// What everything has, for a process that has no code yet.
    pub(crate) fn usual_environment(
        &self,
        program: Vec<(String, String)>,
    ) -> Vec<(String, String)> {
        let libraries = format!("{LANG}/lib:{CODE}:{CODE}/lib:{LAYERS}/lib");
        usual(libraries).into_iter().chain(program).collect()
    }

    pub(crate) fn all_mounts(&self, launch: &Launch, program: &Program) -> Vec<Mount> {
        let mut mounts = vec![read_only(&launch.code, CODE)];
        mounts.extend(self.cover(&launch.code));
        mounts.extend(launch.layers.iter().map(|layers| read_only(layers, LAYERS)));
        mounts.extend(program.mounts.iter().cloned());
        mounts
    }

    /// Where the server's own data is inside the code, an empty folder covers it: the data is closed, and whoever walks
    /// through the code would fail there. Without a sandbox nothing can be covered, and nothing is closed.
    fn cover(&self, code: &Path) -> Option<Mount> {
        if !self.shared.jail.confines() {
            return None;
        }
        let data = self.shared.folder.parent()?.canonicalize().ok()?;
        let inner = data.strip_prefix(code.canonicalize().ok()?).ok()?;
        if inner.as_os_str().is_empty() {
            return None;
        }
        let nothing = self.nothing();
        if let Err(cause) = &nothing {
            tracing::warn!(%cause, "functions see that the server's data is in their code");
        }
        Some(read_only(&nothing.ok()?, Path::new(CODE).join(inner)))
    }

    /// A folder with nothing in it, which everybody may look into.
    fn nothing(&self) -> std::io::Result<PathBuf> {
        let folder = self.shared.folder.join(NOTHING);
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder)?;
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        }
        Ok(folder)
    }

    pub(crate) fn spec(
        &self,
        launch: &Launch,
        program: Program,
        env: Vec<(String, String)>,
        fds: Vec<PassedFd>,
    ) -> Spec {
        let mounts = self.all_mounts(launch, &program);
        Spec {
            argv: program.argv,
            env,
            cwd: self.inside(CODE, &launch.code),
            mounts,
            tmp: launch.ephemeral,
            limits: limits(launch.memory),
            network: self.shared.network,
            fds,
        }
    }
}

/// The listener inside an instance's own network, which nobody else reaches.
async fn inside(child: &mut Child) -> Result<TcpListener> {
    let failed = |cause| Error::Io {
        what: "listen inside an instance",
        cause,
    };
    let Some(listener) = child.listener().await else {
        child.kill();
        return Err(match child.wait().await {
            Exit::NotConfined(why) => Error::Sandbox(sandbox::Error::Confine(why)),
            _ => Error::NeedsNetwork,
        });
    };
    listener.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listener).map_err(failed)
}

pub(crate) fn limits(memory: ByteSize) -> Limits {
    Limits {
        memory,
        cpu_milli: cpu(memory),
        starting_cpu_milli: cpu(memory).max(STARTING_CPU),
        pids: PIDS,
        files: FILES,
    }
}

fn usual(libraries: String) -> [(String, String); 2] {
    [
        ("LANG".to_owned(), "en_US.UTF-8".to_owned()),
        ("LD_LIBRARY_PATH".to_owned(), libraries),
    ]
}

pub(crate) fn pair() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

/// Whether only its owner or group may look into a folder.
fn is_closed(folder: &Path) -> bool {
    const OPEN: u32 = 0o005;
    folder
        .metadata()
        .is_ok_and(|facts| facts.permissions().mode() & OPEN != OPEN)
}

pub(crate) fn read_only(source: &Path, target: impl AsRef<Path>) -> Mount {
    Mount {
        source: source.to_owned(),
        target: target.as_ref().to_owned(),
        access: Access::ReadOnly,
    }
}

/// Where programs are looked for: first beside the language itself.
pub(crate) fn path_variable(own: Option<&Path>, layers: &Path) -> String {
    let usual = format!("/usr/local/bin:/usr/bin:/bin:{}/bin", layers.display());
    match own {
        Some(own) => format!("{}:{usual}", own.display()),
        None => usual,
    }
}

fn cpu(memory: ByteSize) -> u32 {
    let milli = memory.as_bytes() * 1_000 / MEMORY_OF_ONE_CPU.as_bytes();
    u32::try_from(milli).unwrap_or(u32::MAX)
}
