//! Starting an instance: from what is to run to a process that speaks the worker protocol.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use base::ByteSize;
use sandbox::{Access, Child, Limits, Mount, Network, PassedFd, Spec};
use tokio::net::UnixStream;

use crate::catalog::Found;
use crate::{Error, Result, Runtimes, bootstrap};

/// Where the code is inside, as programs expect it.
const CODE: &str = "/var/task";
const BOOTSTRAP: &str = "/var/runtime";
/// Where the layers are inside, as programs expect them.
const LAYERS: &str = "/opt";
/// Where the bootstrap looks for the code; it takes it out of the environment again.
const CODE_VARIABLE: &str = "FULMAR_CODE";
/// The number of the worker's end of the connection.
const CONNECTION: i32 = 3;
/// The published limits of an execution environment.
const FILES: u32 = 1_024;
const PIDS: u32 = 1_024;
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
}

/// A process that speaks the worker protocol.
pub struct Worker {
    pub child: Child,
    /// Our end of the connection.
    pub stream: UnixStream,
}

impl Runtimes {
    pub async fn launch(&self, launch: Launch) -> Result<Worker> {
        let (node, _) = self.resolve(&launch.runtime).await?;
        let scripts = bootstrap::written(&self.shared.folder, bootstrap::NODE)?;
        let failed = |cause| Error::Io {
            what: "make a connection for an instance",
            cause,
        };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let stream = UnixStream::from_std(ours).map_err(failed)?;
        let spec = self.spec(launch, &node, &scripts, theirs.into());
        let child = self.shared.jail.spawn(spec)?;
        Ok(Worker { child, stream })
    }

    fn spec(&self, launch: Launch, node: &Found, scripts: &Path, connection: OwnedFd) -> Spec {
        let confined = self.shared.jail.confines();
        let inside = |confined_path: &str, path: &Path| match confined {
            true => PathBuf::from(confined_path),
            false => path.to_owned(),
        };
        let code = inside(CODE, &launch.code);
        let script = inside(BOOTSTRAP, scripts).join(bootstrap::NODE[0].0);
        let layers = launch.layers.as_deref();
        let layers_inside = inside(LAYERS, layers.unwrap_or(Path::new(LAYERS)));
        let mut environment = language_environment(&node.path, &launch.runtime, &layers_inside);
        environment.extend(launch.environment);
        environment.push((CODE_VARIABLE.into(), code.display().to_string()));
        Spec {
            argv: vec![
                node.path.display().to_string(),
                format!("--max-old-space-size={}", heap(launch.memory)),
                script.display().to_string(),
            ],
            env: environment,
            cwd: code,
            mounts: mounts(&launch.code, scripts, layers, &node.path),
            tmp: launch.ephemeral,
            limits: Limits {
                memory: launch.memory,
                cpu_milli: cpu(launch.memory),
                pids: PIDS,
                files: FILES,
            },
            network: Network::Host,
            fds: vec![PassedFd {
                fd: connection,
                number: CONNECTION,
            }],
        }
    }
}

/// What the language needs, before anything that was configured.
fn language_environment(node: &Path, runtime: &str, layers: &Path) -> Vec<(String, String)> {
    let own = node.parent().unwrap_or(Path::new("/usr/bin")).display();
    let layers = layers.display();
    // A layer may hold modules for one version of the language only: `nodejs20.x` looks into `nodejs/node20` too.
    let version = runtime.trim_start_matches("nodejs").trim_end_matches(".x");
    let variables = [
        (
            "PATH",
            format!("{own}:/usr/local/bin:/usr/bin:/bin:{layers}/bin"),
        ),
        ("LANG", "en_US.UTF-8".to_owned()),
        (
            "LD_LIBRARY_PATH",
            format!("/lib64:/usr/lib64:/var/task:/var/task/lib:{layers}/lib"),
        ),
        (
            "NODE_PATH",
            format!("{layers}/nodejs/node{version}/node_modules:{layers}/nodejs/node_modules"),
        ),
    ];
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn mounts(code: &Path, scripts: &Path, layers: Option<&Path>, node: &Path) -> Vec<Mount> {
    let read_only = |source: &Path, target: &Path| Mount {
        source: source.to_owned(),
        target: target.to_owned(),
        access: Access::ReadOnly,
    };
    let mut mounts = vec![
        read_only(code, Path::new(CODE)),
        read_only(scripts, Path::new(BOOTSTRAP)),
    ];
    mounts.extend(layers.map(|layers| read_only(layers, Path::new(LAYERS))));
    // Installed by a version manager: the folder above its `bin` has its libraries too.
    if !node.starts_with("/usr")
        && !node.starts_with("/bin")
        && let Some(prefix) = node.parent().and_then(Path::parent)
        && prefix != Path::new("/")
    {
        mounts.push(read_only(prefix, prefix));
    }
    mounts
}

/// The heap leaves a tenth for everything else, as the real service does.
fn heap(memory: ByteSize) -> u64 {
    memory.as_mib() * 9 / 10
}

fn cpu(memory: ByteSize) -> u32 {
    let milli = memory.as_bytes() * 1_000 / MEMORY_OF_ONE_CPU.as_bytes();
    u32::try_from(milli).unwrap_or(u32::MAX)
}
