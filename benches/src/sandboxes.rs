//! A complete sandbox around a static program that ends at once, from asking for it to knowing that it has ended.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sandbox::{Access, Exit, Jail, Limits, Mount, NamespaceJail, Network, Spec};

use crate::stats::{Times, ms, ratio};

const RUNS: usize = 100;
const INSIDE: &str = "/var/task/nothing";

pub(crate) fn measure(work: &Path) -> Result<()> {
    let Some(program) = static_program(work)? else {
        println!("| sandbox around a static program | no C compiler to make one | | | |");
        return Ok(());
    };
    let floor = times(|| ended(&mut Command::new(&program)))?;
    let bubblewrap = times(|| ended(&mut bubblewrap(&program)));
    let open = sandboxed(work, &program, Network::Host)?;
    let isolated = sandboxed(work, &program, Network::Isolated { port: 4_566 })?;
    let line = |what: &str, ours: &Times, peer: &str, times: &Times, wanted: &str| {
        println!(
            "| sandbox around a static program, {what}: p50 (min) | {} ({}) | {peer}: {} | {} | {wanted} |",
            ms(ours.p50()),
            ms(ours.min()),
            ms(times.p50()),
            ratio(ours.p50(), times.p50()),
        );
    };
    line("open network", &open, "spawning it", &floor, "≤ 2×");
    if let Ok(bubblewrap) = &bubblewrap {
        line("open network", &open, "bubblewrap", bubblewrap, "≤ 0.33×");
    }
    line("network of its own", &isolated, "spawning it", &floor, "");
    Ok(())
}

fn times(mut run: impl FnMut() -> Result<()>) -> Result<Times> {
    let times = (0..RUNS).map(|_| {
        let started = Instant::now();
        run()?;
        Ok(started.elapsed())
    });
    Ok(Times::new(times.collect::<Result<_>>()?))
}

fn ended(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// None where nothing can make it.
fn static_program(work: &Path) -> Result<Option<PathBuf>> {
    let (source, program) = (work.join("nothing.c"), work.join("nothing"));
    std::fs::write(&source, "int main(void) { return 0; }\n")?;
    let made = Command::new("cc")
        .arg("-static")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status();
    Ok(made.is_ok_and(|status| status.success()).then_some(program))
}

/// About what our own root has: the system read-only, private `/proc`, `/dev` and `/tmp`, and new namespaces but for the
/// network. It has no control group, no Landlock and no filter.
fn bubblewrap(program: &Path) -> Command {
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

fn sandboxed(work: &Path, program: &Path, network: Network) -> Result<Times> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let jail = NamespaceJail::new(work.join("stage")).context("make a jail")?;
    times(|| {
        runtime.block_on(async {
            match jail.spawn(spec(program, network))?.wait().await {
                Exit::Code(0) => Ok(()),
                other => bail!("it ended with {other:?}"),
            }
        })
    })
}

fn spec(program: &Path, network: Network) -> Spec {
    Spec {
        argv: vec![INSIDE.into()],
        env: Vec::new(),
        cwd: "/".into(),
        mounts: vec![Mount {
            source: program.to_owned(),
            target: INSIDE.into(),
            access: Access::ReadOnly,
        }],
        tmp: base::ByteSize::mib(512),
        limits: Limits {
            memory: base::ByteSize::mib(512),
            cpu_milli: 1_000,
            starting_cpu_milli: 1_000,
            pids: 64,
            files: 1_024,
        },
        network,
        fds: Vec::new(),
    }
}
