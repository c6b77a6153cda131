//! Many functions that nobody calls, very many calls at once, and a quiet function beside one that floods.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::client::{Connection, signed};
use crate::server::Server;
use crate::stats::{Times, ms, ratio};

const IDLE: usize = 1_000;
const AT_ONCE: usize = 1_000;
const FLOODING: usize = 16;
/// Without it the quiet one would use up its own share of a processor, and wait for that.
const PAUSE: Duration = Duration::from_millis(5);
const QUIET: Duration = Duration::from_secs(10);

const QUIET_AND_LOUD: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { CodeUri: code, Handler: index.handler, Runtime: nodejs20.x, MemorySize: 128 } }
Resources:
  Quiet: { Type: AWS::Serverless::Function, Properties: { FunctionName: quiet } }
  Loud: { Type: AWS::Serverless::Function, Properties: { FunctionName: loud } }
";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    idle(binary, &work.join("many"))?;
    at_once_and_beside(binary, &work.join("crowd"))
}

fn write(app: &Path, template: &str) -> Result<()> {
    std::fs::create_dir_all(app.join("code"))?;
    std::fs::write(app.join("template.yaml"), template)?;
    let handler = "exports.handler = async () => null;\n";
    Ok(std::fs::write(app.join("code/index.js"), handler)?)
}

fn deploy(binary: &Path, app: &Path, template: &str) -> Result<Server> {
    write(app, template)?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    server.wait_for("deployed")?;
    Ok(server)
}

fn idle(binary: &Path, app: &Path) -> Result<()> {
    // A template has half as many resources at most.
    let half = |from: usize| {
        let mut template = String::from("Transform: AWS::Serverless-2016-10-31\n");
        template.push_str(
            "Globals: { Function: { CodeUri: code, Handler: index.handler, Runtime: nodejs20.x } }\n",
        );
        template.push_str("Resources:\n");
        for n in from..from + IDLE / 2 {
            template.push_str(&format!("  F{n}: {{ Type: AWS::Serverless::Function }}\n"));
        }
        template
    };
    let server = deploy(binary, app, &half(0))?;
    let other = app.join("other");
    write(&other, &half(IDLE / 2))?;
    let data = app.join(".fulmar").display().to_string();
    let deployed = Command::new(binary)
        .args(["deploy", "--data-dir", &data])
        .arg(&other)
        .output()?;
    if !deployed.status.success() {
        bail!(
            "fulmar deploy: {}",
            String::from_utf8_lossy(&deployed.stderr)
        );
    }
    // It is stopped and started again: what deploying took is no part of being idle.
    drop(server);
    let mut server = Server::spawn(binary, &["serve", "--data-dir", &data])?;
    server.wait_for("ready")?;
    std::thread::sleep(Duration::from_secs(5));
    let mb = server.resident()? / 1_000_000;
    let children = server.children()?;
    println!("| {IDLE} functions deployed, none called: resident memory | {mb} MB | | | ≤ 40 MB |");
    println!(
        "| {IDLE} functions deployed, none called: processes beside the server | {children} | | | 0, or the placeholders |"
    );
    Ok(())
}

fn at_once_and_beside(binary: &Path, app: &Path) -> Result<()> {
    let server = deploy(binary, app, QUIET_AND_LOUD)?;
    // Whoever asks the quiet one does not wait for its processor behind those that flood: only the platform's part is wanted.
    let _ = rustix::process::setpriority_process(None, -20);
    let alone = Times::new(calls(&server, "quiet", PAUSE, Instant::now() + QUIET)?);
    let flooded = AtomicBool::new(true);
    let beside = std::thread::scope(|scope| {
        let floods: Vec<_> = (0..FLOODING)
            .map(|_| {
                scope.spawn(|| {
                    let _ = rustix::process::setpriority_process(None, 0);
                    while flooded.load(Ordering::Relaxed) {
                        let until = Instant::now() + Duration::from_millis(100);
                        calls(&server, "loud", Duration::ZERO, until)?;
                    }
                    Ok::<_, anyhow::Error>(())
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(2));
        let beside = calls(&server, "quiet", PAUSE, Instant::now() + QUIET);
        flooded.store(false, Ordering::Relaxed);
        for flood in floods {
            flood.join().ok().context("a flood ended early")??;
        }
        beside
    })?;
    let beside = Times::new(beside);
    println!(
        "| a quiet function's p99 while another has {FLOODING} calls at any time | {} | alone: {} | {} | ≤ 2× |",
        ms(beside.p99()),
        ms(alone.p99()),
        ratio(beside.p99(), alone.p99()),
    );
    let started = Instant::now();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| call(&mut Connection::open(&server.host)?, &server.host, "loud"))
            })
            .collect();
        calls
            .into_iter()
            .try_for_each(|call| call.join().ok().context("a call ended early")?)
    })?;
    println!(
        "| {AT_ONCE} calls at once, from none running: all answered after | {} | | | all |",
        ms(started.elapsed())
    );
    Ok(())
}

fn call(connection: &mut Connection, host: &str, function: &str) -> Result<()> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let (status, answer) = connection.exchange(&signed("lambda", "POST", host, &path, b"{}"))?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(
        status == 200 && answer == "null",
        "{function}: {status} {answer}"
    );
    Ok(())
}

/// How long each of the calls took, one after the other with a pause between them; the first, which may be cold, is left out.
fn calls(
    server: &Server,
    function: &str,
    pause: Duration,
    until: Instant,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(&server.host)?;
    call(&mut connection, &server.host, function)?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        call(&mut connection, &server.host, function)?;
        times.push(started.elapsed());
        std::thread::sleep(pause);
    }
    Ok(times)
}
