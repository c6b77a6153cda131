//! A complete sandbox around a static program that says one byte and ends: from asking for it to the byte, and to knowing
//! that it has ended and nothing of it is left.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sandbox::{Access, Exit, Jail, Limits, Mount, NamespaceJail, Network, Spec};
use tokio::io::AsyncReadExt;

use crate::peers;
use crate::stats::{Times, ms, ratio};

const RUNS: usize = 100;
/// Each takes many times longer.
const RUNS_OF_RUNC: usize = 20;
/// Of nothing before each, for us and for the peers: what is made ahead is there again, and nobody's caches are as warm as
/// if starting were all that the machine does.
const PAUSE: Duration = Duration::from_millis(15);
const SUSTAINED: Duration = Duration::from_secs(2);
/// More starts at once than there are processors.
const AT_ONCE: usize = 4;
pub(crate) const INSIDE: &str = "/var/task/nothing";
const OPEN: Network = Network::Host;
const ISOLATED: Network = Network::Isolated { port: 4_566 };

/// To the first byte, and to the end.
struct Both {
    byte: Times,
    end: Times,
}

pub(crate) fn measure(work: &Path) -> Result<()> {
    let Some(program) = static_program(work)? else {
        println!("| sandbox around a static program | no C compiler to make one | | | |");
        return Ok(());
    };
    let floor = both(RUNS, || process(&mut Command::new(&program)))?;
    let bubblewrap = both(RUNS, || process(&mut peers::bubblewrap(&program)));
    let runc = peers::Runc::new(work, &program).and_then(|runc| {
        let mut count = 0;
        both(RUNS_OF_RUNC, || {
            count += 1;
            process(&mut runc.run(count))
        })
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ahead = NamespaceJail::new(work.join("ahead")).context("make a jail")?;
    let fresh = NamespaceJail::without_spares(work.join("fresh")).context("make a jail")?;
    let of = |jail: &NamespaceJail, network| -> Result<Both> {
        // What is measured is not how its keeper starts.
        runtime.block_on(confined(jail, &program, network))?;
        both(RUNS, || runtime.block_on(confined(jail, &program, network)))
    };
    let first = first_of_its_kind(&runtime, work, &program)?;
    let (open_fresh, open) = (of(&fresh, OPEN)?, of(&ahead, OPEN)?);
    let (own_fresh, own) = (of(&fresh, ISOLATED)?, of(&ahead, ISOLATED)?);

    line("made ahead", &open, "spawning it", &floor, "≤ 2×");
    line(
        "nothing ahead but its keeper",
        &open_fresh,
        "spawning it",
        &floor,
        "≤ 2×",
    );
    line("nothing ahead", &first, "spawning it", &floor, "");
    match &bubblewrap {
        Ok(peer) => {
            line("made ahead", &open, "bubblewrap", peer, "≤ 0.33×");
            line(
                "nothing ahead but its keeper",
                &open_fresh,
                "bubblewrap",
                peer,
                "≤ 0.33×",
            );
        }
        Err(cause) => println!("| sandbox around a static program | bubblewrap: {cause} | | | |"),
    }
    match &runc {
        Ok(peer) => {
            line(
                "network of its own, made ahead",
                &own,
                "`runc run`",
                peer,
                "≤ 0.02×",
            );
            line(
                "network of its own, nothing ahead but its keeper",
                &own_fresh,
                "`runc run`",
                peer,
                "≤ 0.067×",
            );
        }
        Err(cause) => println!("| sandbox around a static program | runc: {cause} | | | |"),
    }
    for (what, network) in [("open network", OPEN), ("network of its own", ISOLATED)] {
        let rate = sustained(work, &program, network)?;
        let peer = runc
            .as_ref()
            .ok()
            .map(|runc| 1.0 / runc.end.p50().as_secs_f64());
        let (beside, times) = peer.map_or_else(Default::default, |peer| {
            let beside = format!("`runc run`, one after the other: {peer:.0}/s");
            (beside, format!("{:.0}×", rate / peer))
        });
        println!(
            "| sustained sandboxes around a static program, {what} | {rate:.0}/s | {beside} | {times} | ≥ 10× |"
        );
    }
    Ok(())
}

fn line(what: &str, ours: &Both, peer: &str, times: &Both, wanted: &str) {
    for (which, ours, times) in [
        ("to its end", &ours.end, &times.end),
        ("to its first byte", &ours.byte, &times.byte),
    ] {
        println!(
            "| sandbox around a static program, {what}, {which}: p50 (min) | {} ({}) | {peer}: {} ({}) | {} | {wanted} |",
            ms(ours.p50()),
            ms(ours.min()),
            ms(times.p50()),
            ms(times.min()),
            ratio(ours.p50(), times.p50()),
        );
    }
}

fn both(runs: usize, mut run: impl FnMut() -> Result<(Duration, Duration)>) -> Result<Both> {
    let times = (0..runs).map(|_| {
        std::thread::sleep(PAUSE);
        run()
    });
    let times: Vec<(Duration, Duration)> = times.collect::<Result<_>>()?;
    let (byte, end) = times.into_iter().unzip();
    Ok(Both {
        byte: Times::new(byte),
        end: Times::new(end),
    })
}

fn process(command: &mut Command) -> Result<(Duration, Duration)> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut byte = [0];
    let mut stdout = child.stdout.take().context("its output is a pipe")?;
    stdout
        .read_exact(&mut byte)
        .with_context(|| format!("{command:?} said nothing"))?;
    let said = started.elapsed();
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok((said, started.elapsed()))
}

async fn confined(
    jail: &NamespaceJail,
    program: &Path,
    network: Network,
) -> Result<(Duration, Duration)> {
    let started = Instant::now();
    let mut child = jail.spawn(spec(program, network))?;
    let mut stdout = child.take_stdout().context("its output is a pipe")?;
    let mut byte = [0];
    let said = async {
        let read = stdout.read_exact(&mut byte).await;
        read.map(|_| started.elapsed())
    };
    let (said, exit) = tokio::join!(said, child.wait());
    match exit {
        Exit::Code(0) => Ok((said?, started.elapsed())),
        other => bail!("it ended with {other:?}"),
    }
}

/// A new jail each time, so that the keeper is started too.
fn first_of_its_kind(
    runtime: &tokio::runtime::Runtime,
    work: &Path,
    program: &Path,
) -> Result<Both> {
    both(RUNS / 5, || {
        let jail = NamespaceJail::without_spares(work.join("first"))?;
        runtime.block_on(confined(&jail, program, OPEN))
    })
}

/// Starts per second, some at once, for as long as what is made ahead cannot matter.
fn sustained(work: &Path, program: &Path, network: Network) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let jail = NamespaceJail::new(work.join("sustained"))?;
    runtime.block_on(async {
        let started = Instant::now();
        let one_after_the_other = || async {
            let mut count = 0_u32;
            while started.elapsed() < SUSTAINED {
                confined(&jail, program, network).await?;
                count += 1;
            }
            anyhow::Ok(count)
        };
        let all = (0..AT_ONCE).map(|_| one_after_the_other());
        let counts = futures(all).await?;
        Ok(f64::from(counts.iter().sum::<u32>()) / started.elapsed().as_secs_f64())
    })
}

/// Runs all at once in this task.
async fn futures<F: Future<Output = Result<u32>>>(
    all: impl Iterator<Item = F>,
) -> Result<Vec<u32>> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut counts = vec![None; all.len()];
    std::future::poll_fn(|context| {
        for (one, count) in all.iter_mut().zip(&mut counts) {
            if count.is_none()
                && let std::task::Poll::Ready(outcome) = one.as_mut().poll(context)
            {
                *count = Some(outcome?);
            }
        }
        let done: Option<Vec<u32>> = counts.iter().copied().collect();
        done.map_or(std::task::Poll::Pending, |done| {
            std::task::Poll::Ready(Ok(done))
        })
    })
    .await
}

/// None where nothing can make it.
fn static_program(work: &Path) -> Result<Option<PathBuf>> {
    let (source, program) = (work.join("nothing.c"), work.join("nothing"));
    std::fs::write(
        &source,
        "#include <unistd.h>\nint main(void) { return write(1, \"x\", 1) != 1; }\n",
    )?;
    let made = Command::new("cc")
        .arg("-static")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status();
    Ok(made.is_ok_and(|status| status.success()).then_some(program))
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
