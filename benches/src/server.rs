//! A real server process, ended when it goes out of scope.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::processors;

pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
}

impl Server {
    /// Starts a command of the binary that serves on a free port; does not wait until it does.
    pub(crate) fn spawn(binary: &Path, arguments: &[&str]) -> Result<Self> {
        let host = free_address()?;
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

    /// Reads events until this one, which it returns; goes on reading afterwards, so that the server never waits for us.
    pub(crate) fn wait_for(&mut self, event: &str) -> Result<Value> {
        let lines =
            BufReader::new(self.child.stdout.take().context("waited for once only")?).lines();
        let mut lines = lines.map_while(Result::ok);
        let found = lines.find_map(|line| {
            let said: Value = serde_json::from_str(&line).ok()?;
            (said["event"] == event).then_some(said)
        });
        let found = found.with_context(|| format!("the server ended before it was {event}"))?;
        std::thread::spawn(move || lines.for_each(drop));
        Ok(found)
    }

    /// Starts a command that serves on the port it is told with `--port`, and waits until it does.
    pub(crate) fn spawn_peer(command: &mut Command) -> Result<Self> {
        Self::spawn_told(|port| command.args(["--port", port]))
    }

    /// Starts a command that is told its port in its own way, and waits until it serves there.
    pub(crate) fn spawn_told<'a>(tell: impl FnOnce(&str) -> &'a mut Command) -> Result<Self> {
        let host = free_address()?;
        let command = tell(host.rsplit(':').next().context("an address has a port")?);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {command:?}"))?;
        let mut server = Self { child, host };
        let started = Instant::now();
        while TcpStream::connect(&server.host).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended before it served ({status})");
            }
            if started.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} does not serve");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Processor time that the server and whatever it started have used so far, in seconds.
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        processors::family_seconds(self.child.id())
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
        resident(self.child.id())
    }
}

/// One that nobody listens on.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// Of one process, in bytes.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib << 10)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
