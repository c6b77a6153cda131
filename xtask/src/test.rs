//! All tests, from formatting to the vendors' own clients, and what they need.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{cargo, command, root, step, target};
use crate::{layers, versions};

pub(crate) fn everything() -> Result<()> {
    fast()?;
    end_to_end()
}

/// All that needs nothing but Rust (and Node, where the host has it).
pub(crate) fn fast() -> Result<()> {
    step("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    layers::check()?;
    step(
        "clippy",
        &mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    step(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    step(
        "tests in Rust",
        &mut cargo(&["test", "--workspace", "--locked"]),
    )
}

/// The real binary, driven by official clients.
fn end_to_end() -> Result<()> {
    step(
        "build",
        &mut cargo(&["build", "--package", "fulmar", "--locked"]),
    )?;
    versions::nodes()?;
    let python = python()?;
    node()?;
    mono()?;
    let binary = target().join("debug/fulmar");
    let mut pytest = command(
        &python,
        &[
            "-m",
            "pytest",
            "tests/e2e",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadgroup",
        ],
    );
    step("tests with official clients", pytest.env("FULMAR", binary))
}

/// A virtual environment with the clients in it, made anew only when their list changes.
fn python() -> Result<PathBuf> {
    let wanted = std::fs::read_to_string(root().join("tests/e2e/requirements.txt"))?;
    let home = target().join("e2e/python");
    let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        let shown = home
            .to_str()
            .context("the target folder's name is not UTF-8")?;
        step(
            "a Python environment",
            &mut command("python3", &["-m", "venv", "--clear", shown]),
        )?;
        step(
            "Python clients",
            &mut command(
                &python,
                &[
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "-r",
                    "tests/e2e/requirements.txt",
                ],
            ),
        )?;
        std::fs::write(stamp, wanted)?;
    }
    Ok(python)
}

/// What C# functions run on. Where it is neither there nor may be installed, their tests are passed over.
fn mono() -> Result<()> {
    const PACKAGES: [&str; 3] = ["mono-mcs", "mono-runtime", "libnewtonsoft-json5.0-cil"];
    const LIBRARY: &str = "/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll";
    if has("mono") && has("mcs") && Path::new(LIBRARY).exists() {
        return Ok(());
    }
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root || !has("apt-get") {
        eprintln!(
            "xtask: the tests of C# functions are passed over; install {} to run them",
            PACKAGES.join(" ")
        );
        return Ok(());
    }
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get", arguments);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    step("lists of packages", &mut apt(&["update", "-q"]))?;
    let install = ["install", "-y", "-q", "--no-install-recommends"];
    let all: Vec<&str> = install.into_iter().chain(PACKAGES).collect();
    step("Mono, for C# functions", &mut apt(&all))
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The JavaScript clients, beside the scripts that use them.
fn node() -> Result<()> {
    let folder = root().join("tests/e2e/node");
    let lock = std::fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&lock) {
        step(
            "JavaScript clients",
            command("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
        )?;
        std::fs::write(stamp, lock)?;
    }
    Ok(())
}
