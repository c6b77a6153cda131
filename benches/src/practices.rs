//! What the usual advice against cold starts brings here: the same work with each of the four practices and without it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::{Connection, signed};
use crate::server::Server;
use crate::stats::{Times, ms, ratio};

/// Functions of each kind: each is cold once.
const EACH: usize = 8;
/// Calls at once of a function that has instances provisioned.
const AT_ONCE: usize = 4;
const WARM_CALLS: usize = 20;
/// For how long an idle instance is kept, in seconds, and how often one is called that is to stay.
const KEPT: u64 = 2;
const PING: Duration = Duration::from_millis(500);

/// A table as applications load them: some hundred milliseconds.
const TABLE: &str = "
exports.load = () => {
  const table = new Map();
  for (let n = 0; n < 400000; n++) table.set('key' + n, { n });
  return table;
};
";
const FILES: &[(&str, &str)] = &[
    ("table.js", TABLE),
    ("heavy.js", "module.exports = require('./table').load();"),
    (
        "inside.js",
        "exports.handler = async () => require('./table').load().size;",
    ),
    (
        "outside.js",
        "const table = require('./table').load(); exports.handler = async () => table.size;",
    ),
    (
        "eager.js",
        "const heavy = require('./heavy'); exports.handler = async (event) => event.heavy ? heavy.size : 0;",
    ),
    (
        "lazy.js",
        "exports.handler = async (event) => event.heavy ? require('./heavy').size : 0;",
    ),
];

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let app = work.join("practices");
    std::fs::create_dir_all(app.join("code"))?;
    for (name, text) in FILES {
        std::fs::write(app.join("code").join(name), text)?;
    }
    std::fs::write(app.join("template.yaml"), template())?;
    let keep = format!("fixed:{KEPT}");
    let arguments = ["up", &app.display().to_string(), "--keep-alive", &keep];
    let mut server = Server::spawn(binary, &arguments)?;
    server.wait_for("deployed")?;
    let caller = Caller(&server.host);
    // From here on the language's placeholder is there.
    caller.call("lazy0")?;

    initialised(&caller)?;
    lazy(&caller)?;
    warmed(&caller)?;
    provisioned(&caller)
}

fn template() -> String {
    let mut text = String::from(
        "Transform: AWS::Serverless-2016-10-31\n\
         Globals: { Function: { CodeUri: code, Runtime: nodejs20.x, MemorySize: 1769, Timeout: 30 } }\n\
         Resources:\n",
    );
    let mut add = |name: &str, file: &str, more: &str| {
        let id = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        text.push_str(&format!(
            "  {id}: {{ Type: AWS::Serverless::Function, Properties: {{ FunctionName: {name}, Handler: {file}.handler{more} }} }}\n"
        ));
    };
    add("inside", "inside", "");
    add("outside", "outside", "");
    let provision = format!(
        ", AutoPublishAlias: live, ProvisionedConcurrencyConfig: {{ ProvisionedConcurrentExecutions: {AT_ONCE} }}"
    );
    for n in 0..EACH {
        add(&format!("eager{n}"), "eager", "");
        add(&format!("lazy{n}"), "lazy", "");
        add(&format!("cold{n}"), "eager", "");
        add(&format!("pinged{n}"), "eager", "");
        add(&format!("plain{n}"), "eager", ", AutoPublishAlias: live");
    }
    for n in 0..EACH / 4 {
        add(&format!("ready{n}"), "eager", &provision);
    }
    text
}

/// Where everything is called.
struct Caller<'a>(&'a str);

impl Caller<'_> {
    fn call(&self, function: &str) -> Result<Duration> {
        self.call_version(function, "")
    }

    /// On a connection that is open: what one function costs is measured, and not what connecting does.
    fn call_version(&self, function: &str, qualifier: &str) -> Result<Duration> {
        let path = format!("/2015-03-31/functions/{function}/invocations{qualifier}");
        let mut connection = Connection::open(self.0)?;
        let request = signed("lambda", "POST", self.0, &path, b"{}");
        let started = Instant::now();
        let (status, answer) = connection.exchange(&request)?;
        let took = started.elapsed();
        let answer = String::from_utf8_lossy(&answer);
        ensure!(
            status == 200 && answer.parse::<u32>().is_ok(),
            "{function}: {status} {answer}"
        );
        Ok(took)
    }

    fn each(&self, kind: &str) -> Result<Times> {
        let times = (0..EACH).map(|n| self.call(&format!("{kind}{n}")));
        Ok(Times::new(times.collect::<Result<_>>()?))
    }

    /// The slowest of calls at once.
    fn burst(&self, function: &str) -> Result<Duration> {
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..AT_ONCE)
                .map(|_| scope.spawn(|| self.call_version(function, "?Qualifier=live")))
                .collect();
            let times = calls
                .into_iter()
                .map(|call| call.join().ok().context("a call ended early")?);
            let times: Vec<Duration> = times.collect::<Result<_>>()?;
            Ok(times.into_iter().max().unwrap_or_default())
        })
    }

    fn is_ready(&self, function: &str) -> Result<bool> {
        let path =
            format!("/2019-09-30/functions/{function}/provisioned-concurrency?Qualifier=live");
        let request = signed("lambda", "GET", self.0, &path, b"");
        let (status, answer) = Connection::open(self.0)?.exchange(&request)?;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(status == 200, "{function}: {status} {answer}");
        Ok(answer.contains("READY"))
    }
}

fn row(what: &str, with: &Times, without: &Times, how: &str) {
    println!(
        "| {what}: p50 | {} | {how}: {} | {} | |",
        ms(with.p50()),
        ms(without.p50()),
        ratio(with.p50(), without.p50()),
    );
}

fn initialised(caller: &Caller<'_>) -> Result<()> {
    let warm = |function: &str| {
        caller.call(function)?;
        let times = (0..WARM_CALLS).map(|_| caller.call(function));
        Ok::<_, anyhow::Error>(Times::new(times.collect::<Result<_>>()?))
    };
    let (with, without) = (warm("outside")?, warm("inside")?);
    row(
        "a table that is loaded outside of the handler, next calls",
        &with,
        &without,
        "inside of it",
    );
    Ok(())
}

fn lazy(caller: &Caller<'_>) -> Result<()> {
    let (with, without) = (caller.each("lazy")?, caller.each("eager")?);
    row(
        "a heavy module that is loaded when it is needed, first calls without it",
        &with,
        &without,
        "loaded at once",
    );
    Ok(())
}

/// Both were called, and have not been for longer than instances are kept.
fn warmed(caller: &Caller<'_>) -> Result<()> {
    caller.each("cold")?;
    let until = Instant::now() + Duration::from_secs(2 * KEPT + 1);
    while Instant::now() < until {
        caller.each("pinged")?;
        std::thread::sleep(PING);
    }
    let (with, without) = (caller.each("pinged")?, caller.each("cold")?);
    row(
        "a function that is pinged to keep it warm, next calls",
        &with,
        &without,
        "not pinged, instances are kept for two seconds",
    );
    Ok(())
}

fn provisioned(caller: &Caller<'_>) -> Result<()> {
    let ready: Vec<String> = (0..EACH / 4).map(|n| format!("ready{n}")).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    for function in &ready {
        while !caller.is_ready(function)? {
            ensure!(
                Instant::now() < deadline,
                "{function} was not initialised in time"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let burst = |function: String| caller.burst(&function);
    let with = ready.into_iter().map(burst).collect::<Result<_>>()?;
    let without = (0..EACH).map(|n| caller.burst(&format!("plain{n}")));
    let without = without.collect::<Result<_>>()?;
    row(
        "provisioned concurrency, the slowest of 4 first calls at once",
        &Times::new(with),
        &Times::new(without),
        "on demand",
    );
    Ok(())
}
