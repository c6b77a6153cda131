//! What this host offers, for whoever wonders why something is refused or not enforced.

use std::path::PathBuf;

use crate::cgroup::Hierarchy;
use crate::{Exit, Jail, Limits, NamespaceJail, Network, Spec};

#[derive(Clone, Debug)]
pub struct Report {
    pub root: bool,
    /// Whether a process can really be confined; if not, why.
    pub confined: Result<(), String>,
    pub cgroups: Cgroups,
    /// The version of Landlock that this kernel has, if it has any. Sockets with abstract names are out of reach from
    /// version 6 on.
    pub landlock: Option<u32>,
}

#[derive(Clone, Debug)]
pub enum Cgroups {
    V1,
    V2,
    /// None that we may use, and why.
    None(String),
}

/// Looks, and tries: starts one confined process that ends at once.
pub async fn probe(stage: PathBuf) -> Report {
    let cgroups = match &Hierarchy::find() {
        Hierarchy::V1(_) => Cgroups::V1,
        Hierarchy::V2(_) => Cgroups::V2,
        Hierarchy::None(why) => Cgroups::None(why.clone()),
    };
    Report {
        root: rustix::process::geteuid().is_root(),
        confined: try_it(stage).await,
        cgroups,
        landlock: crate::paths::version(),
    }
}

async fn try_it(stage: PathBuf) -> Result<(), String> {
    let jail = NamespaceJail::new(stage).map_err(|cause| cause.to_string())?;
    let spec = Spec {
        argv: vec!["/bin/sh".into(), "-c".into(), ":".into()],
        env: Vec::new(),
        cwd: "/".into(),
        mounts: Vec::new(),
        tmp: base::ByteSize::mib(1),
        limits: Limits {
            memory: base::ByteSize::mib(64),
            cpu_milli: 1_000,
            starting_cpu_milli: 1_000,
            pids: 16,
            files: 64,
        },
        network: Network::Host,
        fds: Vec::new(),
    };
    match jail
        .spawn(spec)
        .map_err(|cause| cause.to_string())?
        .wait()
        .await
    {
        Exit::Code(0) => Ok(()),
        Exit::NotConfined(why) => Err(why),
        other => Err(format!(
            "a shell that should do nothing ended with {other:?}"
        )),
    }
}
