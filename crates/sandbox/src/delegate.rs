//! A control group of our own from the user's service manager: who logs in is in a group that only root may divide.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

/// It answers when it has begun to move us.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
const LOOKS: usize = 500;
/// In seconds; a manager that is there answers within milliseconds.
const LONGEST: &str = "--timeout=2";

/// Asks for a group that this process may divide, and comes back when this process is in it. It lasts as long as the
/// process, and no longer than the service manager: that of a user who does not linger ends with the last session.
pub(crate) fn ask() -> io::Result<()> {
    let pid = std::process::id().to_string();
    let scope = format!("fulmar-{pid}.scope");
    // By the program and not by a library of D-Bus: it comes with whatever answers it, and is asked once.
    let asked = Command::new("busctl")
        .args(["--user", LONGEST, "call"])
        .args([
            "org.freedesktop.systemd1",
            "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager",
            "StartTransientUnit",
        ])
        .args(["ssa(sv)a(sa(sv))", &scope, "fail"])
        .args(["2", "PIDs", "au", "1", &pid, "Delegate", "b", "true", "0"])
        .stdin(Stdio::null())
        .output()?;
    if !asked.status.success() {
        let why = String::from_utf8_lossy(&asked.stderr);
        return Err(io::Error::other(why.trim().to_owned()));
    }
    for _ in 0..LOOKS {
        if std::fs::read_to_string("/proc/self/cgroup")?.contains(&scope) {
            return Ok(());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the kernel's time, before there is any of ours"
        )]
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Err(io::Error::from(io::ErrorKind::TimedOut))
}
