//! Takes the figures and, when asked, keeps them in the documentation.

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, step, target};

const PAGE: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";

/// What figures are compared with and npm has, under `target/`.
const PEERS: [&str; 1] = ["dynalite@4.0.0"];

pub(crate) fn figures(names: &[&str], keep: bool) -> Result<()> {
    let packages = ["--package", "fulmar", "--package", "benches"];
    step(
        "release build",
        cargo(&["build", "--release", "--locked"]).args(packages),
    )?;
    let peers = target().join("bench-peers");
    std::fs::create_dir_all(&peers)?;
    let mut install = std::process::Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--prefix"]);
    step("peers", install.arg(&peers).args(PEERS))?;
    let mut bench = std::process::Command::new(target().join("release/benches"));
    let output = bench
        .args(names)
        .env("DYNALITE", peers.join("node_modules/dynalite/cli.js"))
        .env("FULMAR", target().join("release/fulmar"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("start the benchmark")?;
    let table = String::from_utf8(output.stdout)?;
    eprint!("{table}");
    if !output.status.success() {
        bail!("the benchmark failed ({})", output.status);
    }
    if keep { write(&table) } else { Ok(()) }
}

/// Puts the table between the page's marks.
fn write(table: &str) -> Result<()> {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path)?;
    let (head, rest) = page
        .split_once(BEGIN)
        .context("the page has no mark for the figures' begin")?;
    let (_, tail) = rest
        .split_once(END)
        .context("the page has no mark for the figures' end")?;
    std::fs::write(path, format!("{head}{BEGIN}\n{table}\n{END}{tail}"))?;
    Ok(())
}
