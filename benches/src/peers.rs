//! What others offer for the same: a program in a sandbox, around it about what ours has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::sandboxes::INSIDE;

/// The system read-only, private `/proc`, `/dev` and `/tmp`, and new namespaces but for the network. It has no control
/// group, no Landlock and no filter.
pub(crate) fn bubblewrap(program: &Path) -> Command {
    let mut command = Command::new("bwrap");
    command
        .args([
            "--unshare-all",
            "--share-net",
            "--die-with-parent",
            "--new-session",
        ])
        .args(["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"])
        .args([
            "--ro-bind-try",
            "/lib",
            "/lib",
            "--ro-bind-try",
            "/lib64",
            "/lib64",
        ])
        .args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"])
        .arg("--ro-bind")
        .arg(program)
        .args([INSIDE, INSIDE]);
    command
}

/// What container engines start: its own specification, without a terminal, around a root that holds the program alone.
pub(crate) struct Runc {
    bundle: PathBuf,
    state: PathBuf,
}

impl Runc {
    pub(crate) fn new(work: &Path, program: &Path) -> Result<Self> {
        let (bundle, state) = (work.join("bundle"), work.join("runc"));
        let folder = bundle.join("rootfs/var/task");
        std::fs::create_dir_all(&folder)?;
        std::fs::copy(program, folder.join("nothing"))?;
        let made = Command::new("runc")
            .args(["spec", "--bundle"])
            .arg(&bundle)
            .output()
            .context("runc is not here")?;
        anyhow::ensure!(made.status.success(), "runc made no specification");
        let file = bundle.join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!([INSIDE]);
        config["linux"]["resources"] = json!({
            "memory": { "limit": 512 << 20 },
            "cpu": { "quota": 100_000, "period": 100_000 },
            "pids": { "limit": 64 },
        });
        std::fs::write(file, config.to_string())?;
        Ok(Self { bundle, state })
    }

    pub(crate) fn run(&self, count: usize) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state).arg("run");
        command.arg("--bundle").arg(&self.bundle);
        command.arg(format!("fulmar-bench-{}-{count}", std::process::id()));
        command
    }
}
