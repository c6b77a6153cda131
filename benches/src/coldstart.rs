//! Cold starts in Python and Node: from wanting an instance to the first byte of its answer, in a complete sandbox.
//!
//! What is measured is a language's own part, without a server around it. Each is beside what it replaces: a fresh
//! interpreter with the same imports, started plainly.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::ByteSize;
use runtimes::{Connection, Found, Language, Launch, Runtimes, Start, Template, Variables, Worker};
use sandbox::{Child, NamespaceJail, Network};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::stats::{Times, ms, ratio};

const RUNS: usize = 60;
/// Of the table of memory.
const IDLE: [usize; 2] = [500, 300];
const SUSTAINED: Duration = Duration::from_secs(5);
/// How many are started at once for it.
const AT_ONCE: usize = 4;
/// How many forks a soak makes of each language, and how long it may take for each.
const SOAK: usize = 20_000;
const LONGEST_SOAK: Duration = Duration::from_secs(3_600);

/// A language's code for these measures.
struct Subject {
    name: &'static str,
    language: Language,
    runtime: &'static str,
    file: &'static str,
    /// A small function, the imports of which a fresh interpreter makes too.
    small: String,
    /// What the fresh interpreter is given.
    fresh: Vec<String>,
    /// Three seconds of initialisation, and a table in memory.
    slow: &'static str,
    /// Uses what a fork could break, when it is loaded and at each call; answers what went wrong.
    soak: &'static str,
    soak_file: &'static str,
}

fn subjects() -> [Subject; 2] {
    let small = bundle();
    [
        Subject {
            name: "Python",
            language: Language::Python,
            runtime: "python3.12",
            file: "app.py",
            small: "import json, ssl, asyncio, http.client\ndef handler(event, context): return event\n".into(),
            fresh: vec!["-c".into(), "import json, ssl, asyncio, http.client; print(1)".into()],
            slow: "import time, json, ssl, asyncio\ntable = {n: str(n) for n in range(200000)}\ntime.sleep(3)\n\
                   def handler(event, context): return event\n",
            soak: include_str!("soak.py"),
            soak_file: "app.py",
        },
        Subject {
            name: "Node",
            language: Language::Node,
            runtime: "nodejs20.x",
            file: "app.js",
            fresh: Vec::new(),
            small,
            slow: "const table = new Map(Array.from({ length: 200000 }, (_, n) => [n, String(n)]));\n\
                   Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);\n\
                   exports.handler = async (event) => event;\n",
            soak: include_str!("soak.mjs"),
            soak_file: "app.mjs",
        },
    ]
}

/// 100 KB of JavaScript as a bundler writes it: modules that are functions, each run when it is first asked for.
fn bundle() -> String {
    const MODULES: usize = 60;
    let function = |number: usize| {
        format!(
            "    function f{number}(a) {{\n      const b = a + {number};\n      return b * 2 + \"text {number}\".length;\n    }}\n"
        )
    };
    let functions: String = (0..18).map(function).collect();
    let module = |number: usize| {
        format!(
            "var require_m{number} = __commonJS({{\n  \"src/m{number}.js\"(exports, module) {{\n    \"use strict\";\n{functions}    \
             module.exports = {{ f0, f1, f2, f3 }};\n  }}\n}});\n"
        )
    };
    let modules: String = (0..MODULES).map(module).collect();
    let all: Vec<_> = (0..MODULES)
        .map(|number| format!("require_m{number}()"))
        .collect();
    format!(
        "var __commonJS = (cb, mod) => function __require() {{ return mod || (0, cb[Object.keys(cb)[0]])((mod = {{ exports: {{}} }}).exports, mod), \
         mod.exports; }};\n{modules}const all = [{}];\nexports.handler = async (event) => event;\n",
        all.join(", ")
    )
}

pub(crate) fn measure(work: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let here = runtime.block_on(runtimes::languages());
    for (subject, idle) in subjects().iter().zip(IDLE) {
        if !crate::is_wanted(&subject.name.to_lowercase()) {
            continue;
        }
        let Some(found) = here.iter().find(|found| found.language == subject.language) else {
            println!("| cold start, {} | it is not here | | | |", subject.name);
            continue;
        };
        runtime.block_on(figures(subject, found, idle, work))?;
    }
    Ok(())
}

async fn figures(subject: &Subject, found: &Found, idle: usize, work: &Path) -> Result<()> {
    let bench = Bench::new(subject, work)?;
    let name = subject.name;
    bench.write(&subject.small)?;
    let fresh = fresh(subject, found, &bench.code)?;
    let booted = bench.started(Start::Boot, 10).await?;
    row(
        &format!("cold start to first byte, {name}, booted"),
        &booted,
        "fresh interpreter",
        &fresh,
        if name == "Node" { "≤ 0.67×" } else { "" },
    );
    bench
        .runtimes
        .clone()
        .look_ahead(subject.runtime.into())
        .await;
    let placed = bench.started(Start::Placeholder, RUNS).await?;
    row(
        &format!("cold start to first byte, {name}, from a placeholder"),
        &placed,
        "fresh interpreter",
        &fresh,
        if name == "Node" {
            "≤ 0.1×"
        } else {
            "≤ 0.033×"
        },
    );
    bench.write(subject.slow)?;
    let first = bench.slow_first().await?;
    let template = bench.template().await?;
    let forked = bench.forked(&template).await?;
    row(
        &format!("3 s of initialisation, 2nd to 50th instance, {name}"),
        &forked,
        "its first instance",
        &first,
        "≤ 0.0033×",
    );
    bench.write(&subject.small)?;
    let template = Arc::new(bench.template().await?);
    let rate = bench.sustained(&template).await?;
    println!(
        "| sustained cold starts, {name} | {rate:.0}/s | | | ≥ {}/s |",
        if name == "Node" { 250 } else { 600 }
    );
    let separate = bench.idle_booted().await?;
    let each = bench.idle(&template, idle).await?;
    println!(
        "| memory (PSS) per idle instance, {idle} {name} | {each:.2} MB | separate interpreter: {separate:.2} MB | {:.3}× | {} |",
        each / separate,
        if name == "Node" {
            "≤ 0.167×"
        } else {
            "≤ 0.125×"
        }
    );
    Ok(())
}

/// Forks, again and again, each of which does what forks could break. A wrong answer or a hang ends it.
pub(crate) fn soak(work: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let count = match std::env::var("FORKS") {
        Ok(count) => count.parse().context("FORKS is a number")?,
        Err(_) => SOAK,
    };
    for subject in subjects() {
        let bench = Bench::new(&subject, work)?;
        std::fs::write(bench.code.join(subject.soak_file), subject.soak)?;
        let (done, took) = runtime.block_on(bench.soak(count))?;
        println!(
            "| forks that used threads, timers, sockets, HTTP, crypto and collection, {} | {done} of {count} right, in {:.0} s | | | all |",
            subject.name,
            took.as_secs_f64()
        );
    }
    Ok(())
}

fn row(what: &str, ours: &Times, peer: &str, times: &Times, wanted: &str) {
    println!(
        "| {what}: p50 (min, p99) | {} ({}, {}) | {peer}: {} | {:.4}× ({} faster) | {wanted} |",
        ms(ours.p50()),
        ms(ours.min()),
        ms(ours.p99()),
        ms(times.p50()),
        ours.p50().as_secs_f64() / times.p50().as_secs_f64().max(f64::EPSILON),
        ratio(times.p50(), ours.p50()),
    );
}

/// A fresh process of the language, to its first byte.
fn fresh(subject: &Subject, found: &Found, code: &Path) -> Result<Times> {
    let mut arguments = subject.fresh.clone();
    if arguments.is_empty() {
        let file = code.join("fresh.js");
        std::fs::write(&file, format!("{}console.log(1);\n", subject.small))?;
        arguments.push(file.display().to_string());
    }
    let times = (0..15).map(|_| {
        let started = Instant::now();
        let mut child = Command::new(&found.path)
            .args(&arguments)
            // What this host has told its languages is not what a function is told, and may cost them long: certificates.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut byte = [0];
        let mut out = child.stdout.take().context("it has an output")?;
        std::io::Read::read_exact(&mut out, &mut byte)?;
        let took = started.elapsed();
        child.wait()?;
        Ok(took)
    });
    Ok(Times::new(times.collect::<Result<_>>()?))
}

struct Bench {
    runtimes: Runtimes,
    runtime: &'static str,
    file: &'static str,
    code: PathBuf,
}

impl Bench {
    fn new(subject: &Subject, work: &Path) -> Result<Self> {
        let code = work.join(format!("coldstart-{}", subject.name));
        std::fs::create_dir_all(&code)?;
        let jail = NamespaceJail::new(work.join("stage"))?;
        Ok(Self {
            runtimes: Runtimes::new(Arc::new(jail), Network::Host, work.join("runtimes")),
            runtime: subject.runtime,
            file: subject.file,
            code,
        })
    }

    fn write(&self, text: &str) -> Result<()> {
        Ok(std::fs::write(self.code.join(self.file), text)?)
    }

    fn launch(&self) -> Launch {
        Launch {
            runtime: self.runtime.into(),
            code: self.code.clone(),
            layers: None,
            environment: vec![("_HANDLER".into(), "app.handler".into())],
            memory: ByteSize::mib(1_769),
            ephemeral: ByteSize::mib(512),
            variables: Variables {
                address: "ADDRESS",
                code: "CODE",
                wrapper: "WRAPPER",
            },
        }
    }

    /// Instances that are started one after another, each to its first answer.
    async fn started(&self, how: Start, runs: usize) -> Result<Times> {
        let mut times = Vec::new();
        for _ in 0..runs {
            let started = Instant::now();
            let mut instance = Instance::new(self.runtimes.launch(self.launch()).await?)?;
            instance.call().await?;
            times.push(started.elapsed());
            if instance.start != how {
                bail!("an instance came to be by {:?}", instance.start);
            }
            drop(instance);
            if how == Start::Placeholder {
                self.runtimes.clone().look_ahead(self.runtime.into()).await;
                tokio::time::timeout(Duration::from_millis(30), std::future::pending::<()>())
                    .await
                    .unwrap_err();
            }
        }
        Ok(Times::new(times))
    }

    async fn slow_first(&self) -> Result<Times> {
        let started = Instant::now();
        Instance::new(self.runtimes.launch(self.launch()).await?)?
            .call()
            .await?;
        Ok(Times::new(vec![started.elapsed()]))
    }

    async fn template(&self) -> Result<Template> {
        let prepared = self.runtimes.template(&self.launch()).await?;
        let template = prepared.context("its language can be forked")?.template;
        template.ready().await?;
        template.make_ahead().await;
        Ok(template)
    }

    /// 49 that are there at once.
    async fn forked(&self, template: &Template) -> Result<Times> {
        let (mut times, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..49 {
            let started = Instant::now();
            let mut instance = Instance::new(template.fork(&self.launch()).await?)?;
            instance.call().await?;
            times.push(started.elapsed());
            kept.push(instance);
            template.make_ahead().await;
        }
        Ok(Times::new(times))
    }

    async fn sustained(&self, template: &Arc<Template>) -> Result<f64> {
        let started = Instant::now();
        let one_after_another = |template: Arc<Template>, launch: Launch| async move {
            let mut count = 0_u32;
            while started.elapsed() < SUSTAINED {
                Instance::new(template.fork(&launch).await?)?.call().await?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        };
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|_| tokio::spawn(one_after_another(template.clone(), self.launch())))
            .collect();
        let mut all = 0;
        for task in tasks {
            all += task.await??;
        }
        Ok(f64::from(all) / started.elapsed().as_secs_f64())
    }

    async fn idle(&self, template: &Template, count: usize) -> Result<f64> {
        let mut kept = Vec::new();
        for _ in 0..count {
            let mut instance = Instance::new(template.fork(&self.launch()).await?)?;
            instance.call().await?;
            kept.push(instance);
        }
        let all: f64 = kept.iter().map(Instance::pss).sum();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        Ok(all / count as f64)
    }

    /// An interpreter of its own: booted by runtimes that have no placeholder.
    async fn idle_booted(&self) -> Result<f64> {
        let mut launch = self.launch();
        // As one that a language reads only when it starts.
        launch.environment.push(("LD_BIND_NOW".into(), "1".into()));
        let mut instance = Instance::new(self.runtimes.launch(launch).await?)?;
        instance.call().await?;
        Ok(instance.pss())
    }

    async fn soak(&self, count: usize) -> Result<(usize, Duration)> {
        let template = self.template().await?;
        let started = Instant::now();
        for done in 0..count {
            if started.elapsed() > LONGEST_SOAK {
                return Ok((done, started.elapsed()));
            }
            let one = async {
                let mut instance = Instance::new(template.fork(&self.launch()).await?)?;
                instance.call().await
            };
            let answer = tokio::time::timeout(Duration::from_secs(30), one).await;
            let answer = answer.with_context(|| format!("fork {done} hangs"))??;
            if answer != "[]" {
                bail!("fork {done} is wrong: {answer}");
            }
        }
        Ok((count, started.elapsed()))
    }
}

struct Instance {
    child: Child,
    stream: BufReader<UnixStream>,
    start: Start,
}

impl Instance {
    fn new(worker: Worker) -> Result<Self> {
        let Connection::Stream(stream) = worker.connection else {
            bail!("our bootstraps speak on a descriptor");
        };
        Ok(Self {
            child: worker.child,
            stream: BufReader::new(stream),
            start: worker.start,
        })
    }

    /// The first call, to its answer.
    async fn call(&mut self) -> Result<String> {
        self.said().await?;
        self.stream
            .write_all(b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\nContent-Length: 2\r\n\r\n{}")
            .await?;
        self.said().await
    }

    async fn said(&mut self) -> Result<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).await? == 0 {
                let mut errors = String::new();
                if let Some(mut stderr) = self.child.take_stderr() {
                    stderr.read_to_string(&mut errors).await?;
                }
                bail!("an instance ended: {errors}");
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(Ok(0), str::parse)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(String::from_utf8(body)?)
    }

    /// What it and all that it started have in memory, shared memory by share, in MB.
    fn pss(&self) -> f64 {
        fn of(pid: u32) -> u64 {
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            let own = rollup.ok().and_then(|text| {
                let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
                line.trim().trim_end_matches(" kB").trim().parse().ok()
            });
            own.unwrap_or(0) + below(pid)
        }
        fn below(pid: u32) -> u64 {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            let children = children.split_whitespace();
            children.filter_map(|pid| pid.parse().ok()).map(of).sum()
        }
        let of_instance = |pid| match self.start {
            Start::Boot => of(pid),
            // Its first process is in the same memory as its second one.
            _ => below(pid),
        };
        #[expect(clippy::cast_precision_loss, reason = "kilobytes of one process")]
        let kib = self.child.pid().map(of_instance).unwrap_or_default() as f64;
        kib * 1_024.0 / 1e6
    }
}
