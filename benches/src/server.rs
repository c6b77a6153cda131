//! A real server process, ended when it goes out of scope.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
}

impl Server {
    /// Starts a command of the binary that serves on a free port; does not wait until it does.
    pub(crate) fn spawn(binary: &Path, arguments: &[&str]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let host = format!("127.0.0.1:{port}");
        let child = Command::new(binary)
            .args(arguments)
            .args(["--json", "--listen", &host])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        Ok(Self { child, host })
    }

    /// Reads events until this one; goes on reading afterwards, so that the server never waits for us.
    pub(crate) fn wait_for(&mut self, event: &str) -> Result<()> {
        let lines =
            BufReader::new(self.child.stdout.take().context("waited for once only")?).lines();
        let mut lines = lines.map_while(Result::ok);
        let found = lines.find(|line| {
            serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["event"] == event)
        });
        found.with_context(|| format!("the server ended before it was {event}"))?;
        std::thread::spawn(move || lines.for_each(drop));
        Ok(())
    }

    /// How many processes descend from it.
    pub(crate) fn children(&self) -> Result<usize> {
        let mut parents = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            // Others end while we look.
            let Ok(status) = std::fs::read_to_string(path.join("status")) else {
                continue;
            };
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse::<u32>().ok()
            };
            if let (Some(pid), Some(parent)) = (field("Pid:"), field("PPid:")) {
                parents.push((pid, parent));
            }
        }
        let mut family = vec![self.child.id()];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent)
                    .map(|(pid, _)| *pid),
            );
            at += 1;
        }
        Ok(family.len() - 1)
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
