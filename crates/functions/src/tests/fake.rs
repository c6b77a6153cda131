//! What stands in for processes and for a cloud.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{ByteSize, ManualClock, Random, Space, Timestamp};
use bytes::Bytes;
use ledger::{Ledger, Phases};
use store::Store;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::joint;
use crate::dialect::{CallFacts, Dialect, Exit, Failed, Fault, InstanceFacts, Moment};
use crate::protocol;
use crate::{
    Config, Configuration, Create, Event, Function, Functions, Invoke, Job, Keeper, Launch,
    Launched, Launcher, Logging, NewCode, NotLaunched, Outcome, Parts, Policy, Process, Result,
};

/// What the fake workers share with the test.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) launches: AtomicUsize,
    pub(crate) alive: AtomicUsize,
    /// How much work was handed over.
    pub(crate) handed_over: AtomicUsize,
    pub(crate) running: AtomicUsize,
    /// Lets each worker that waits answer.
    pub(crate) go: Notify,
}

impl Stage {
    pub(crate) fn launches(&self) -> usize {
        self.launches.load(Ordering::SeqCst)
    }

    pub(crate) fn handed_over(&self) -> usize {
        self.handed_over.load(Ordering::SeqCst)
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) functions: Functions,
    pub(crate) stage: Arc<Stage>,
    pub(crate) clock: ManualClock,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    code_dir: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.code_dir);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        Self::on(Store::ephemeral(Random::seeded(1)), clock)
    }

    /// Another server on the same store.
    pub(crate) fn restarted(&self) -> Self {
        Self::on(self.store.clone(), self.clock.clone())
    }

    /// One whose functions start at most so many instances at once.
    pub(crate) fn scaling(most: u32) -> Self {
        let config = Config {
            scaling: Some(most),
            ..Config::default()
        };
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        Self::with(Store::ephemeral(Random::seeded(1)), clock, config)
    }

    /// One that keeps idle instances by this policy.
    pub(crate) fn keeping(keep_alive: Policy, start_ahead: bool) -> Self {
        let config = Config {
            keep_alive,
            start_ahead,
            ..Config::default()
        };
        let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000));
        Self::with(Store::ephemeral(Random::seeded(1)), clock, config)
    }

    pub(crate) fn run_retirement(&self) -> CancellationToken {
        let (functions, stop) = (self.functions.clone(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { functions.run_retirement(stopped).await.unwrap() });
        stop
    }

    pub(crate) fn on(store: Store, clock: ManualClock) -> Self {
        Self::with(store, clock, Config::default())
    }

    fn with(store: Store, clock: ManualClock, config: Config) -> Self {
        let stage = Arc::new(Stage::default());
        let ledger = Ledger::new(store.clone(), ledger::Limits::default());
        let name = format!("fulmar-functions-{}", Random::system().uuid());
        let code_dir = std::env::temp_dir().join(name);
        let functions = Functions::open(Parts {
            store: store.clone(),
            ledger: ledger.clone(),
            launcher: launcher(stage.clone()),
            dialects: crate::Dialects::new(Arc::new(Plain)),
            clock: Arc::new(clock.clone()),
            random: Random::seeded(2),
            code_dir: code_dir.clone(),
            config,
        })
        .unwrap();
        Self {
            functions,
            stage,
            clock,
            store,
            ledger,
            code_dir,
        }
    }

    /// Deploys a function `f` whose fake worker does what the handler's name says.
    pub(crate) async fn deploy(&self, handler: &str) -> Function {
        self.deploy_as("f", handler).await
    }

    pub(crate) async fn deploy_as(&self, name: &str, handler: &str) -> Function {
        let create = Create {
            space: space(),
            name: name.into(),
            configuration: configuration(handler),
            code: NewCode::Package(package("index.js", b"code")),
            tags: BTreeMap::new(),
        };
        self.functions.create(create).await.unwrap()
    }

    pub(crate) async fn invoke(&self, payload: &'static str) -> Result<Outcome> {
        self.functions.invoke(self.call(payload)).await
    }

    /// Who wants the log waits for its end.
    pub(crate) async fn invoke_with_log(&self, payload: &'static str) -> Result<Outcome> {
        let (functions, call) = (&self.functions, self.call(payload));
        let function = functions.resolve_call(&call.space, &call.function, None)?;
        functions.invoke_resolved(function, call, true).await
    }

    /// A call that runs while the test goes on.
    pub(crate) fn spawn(&self, payload: &'static str) -> tokio::task::JoinHandle<Result<Outcome>> {
        let (functions, call) = (self.functions.clone(), self.call(payload));
        tokio::spawn(async move { functions.invoke(call).await })
    }

    /// Calls what a qualifier names, and returns what came of it.
    pub(crate) async fn invoke_at(&self, qualifier: &str) -> Result<Outcome> {
        let call = Invoke {
            qualifier: Some(qualifier.into()),
            ..self.call("\"x\"")
        };
        self.functions.invoke(call).await
    }

    pub(crate) fn call(&self, payload: &'static str) -> Invoke {
        Invoke {
            space: space(),
            function: "f".into(),
            qualifier: None,
            event: Event::Raw(payload.into()),
            request_id: self.functions.new_request_id(),
            trigger: "direct".into(),
            client_context: None,
            trace: None,
        }
    }

    pub(crate) async fn enqueue(&self, payload: &'static str) -> String {
        let job = Job {
            request_id: self.functions.new_request_id(),
            space: space(),
            function: "f".into(),
            qualifier: None,
            event: Event::Raw(payload.into()),
            trigger: "test".into(),
            client_context: None,
            trace: None,
        };
        self.store
            .write(|tx| self.functions.enqueue(tx, &job))
            .await
            .unwrap();
        job.request_id
    }

    pub(crate) fn run_backlog(&self) -> CancellationToken {
        let (functions, stop) = (self.functions.clone(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { functions.run_backlog(stopped).await.unwrap() });
        stop
    }

    /// Once all that is over is on record.
    pub(crate) async fn caught_up(&self) -> &Self {
        self.ledger.caught_up().await;
        self
    }

    /// What was recorded of `f`, oldest first.
    pub(crate) fn records(&self) -> Vec<ledger::Invocation> {
        let mut records = self.ledger.invocations(&space(), Some("f"), 100).unwrap();
        records.reverse();
        records
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let group = ledger::Group {
            space: space(),
            name: "log/f".into(),
        };
        let lines = self.ledger.newest_lines(&group, 1_000).unwrap();
        lines.into_iter().map(|logged| logged.line.text).collect()
    }

    /// Lets everything run that can run now, until `done`.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for round in 0..20_000 {
            if done(self) {
                return;
            }
            if round < 1_000 {
                tokio::task::yield_now().await;
            } else {
                // Some of it waits for a disk.
                let pause = std::future::pending::<()>();
                let _ = tokio::time::timeout(Duration::from_millis(1), pause).await;
            }
        }
        panic!("this did not come to be: {what}");
    }

    /// Moves the clock second by second until `done`; returns how many seconds it took.
    pub(crate) async fn seconds_until(&self, what: &str, done: impl Fn(&Self) -> bool) -> u64 {
        for seconds in 0..20_000 {
            self.settle().await;
            if done(self) {
                return seconds;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("this did not come to be: {what}");
    }

    /// Lets everything run that can run now.
    pub(crate) async fn settle(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn space() -> Space {
    Space::new("here")
}

pub(crate) fn configuration(handler: &str) -> Configuration {
    Configuration {
        runtime: "fake".into(),
        handler: handler.into(),
        description: String::new(),
        timeout: Duration::from_secs(3),
        memory: ByteSize::mib(128),
        ephemeral: ByteSize::mib(512),
        environment: Some(BTreeMap::from([("COLOUR".into(), "red".into())])),
        role: "role".into(),
        architecture: crate::Architecture::default(),
        logging: Logging::default(),
        layers: Vec::new(),
        snapshots: false,
        dead_letters: None,
    }
}

pub(crate) fn package(name: &str, content: &[u8]) -> Bytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file(name, options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner().into()
}

/// A cloud of few words.
struct Plain;

pub(crate) fn plain() -> Arc<dyn Dialect> {
    Arc::new(Plain)
}

impl Dialect for Plain {
    fn log_group(&self, function: &Function) -> String {
        format!("log/{}", function.name)
    }

    fn log_stream(&self, _started: Timestamp, _version: Option<u64>, unique: u128) -> String {
        format!("{unique:x}")
    }

    fn environment(&self, instance: &InstanceFacts<'_>) -> Vec<(String, String)> {
        vec![
            ("NAME".into(), instance.function.name.clone()),
            ("VERSION".into(), format!("{:?}", instance.version)),
            ("WHY".into(), format!("{:?}", instance.initialization)),
        ]
    }

    fn first_line(
        &self,
        _now: Timestamp,
        instance: &InstanceFacts<'_>,
        _runs_on: Option<&str>,
    ) -> Option<String> {
        Some(if instance.again { "AGAIN" } else { "FIRST" }.to_owned())
    }

    fn render(&self, event: &Event) -> Bytes {
        match event {
            Event::Raw(bytes) => bytes.clone(),
            Event::Objects(events) => events.len().to_string().into(),
            Event::Http(request) => request.body.clone(),
        }
    }

    fn invoked_name(&self, function: &Function, _qualifier: Option<&str>) -> String {
        function.name.clone()
    }

    fn trace(&self, _now: Timestamp, _chance: [u8; 20]) -> String {
        "trace".into()
    }

    fn fault(&self, _request_id: &str, fault: &Fault) -> Failed {
        Failed {
            kind: "Fault".into(),
            message: format!("{fault:?}"),
            payload: "fault".into(),
        }
    }

    fn reported(&self, payload: Bytes, kind: Option<&str>) -> Failed {
        Failed {
            kind: kind.unwrap_or_default().into(),
            message: "reported".into(),
            payload,
        }
    }

    fn log_lines(&self, _call: &CallFacts<'_>, moment: &Moment<'_>) -> Vec<String> {
        vec![match moment {
            Moment::Start => "START".into(),
            Moment::InitFailed {
                again: false,
                timed_out,
                ..
            } => format!("INIT FAILED {timed_out}"),
            Moment::InitFailed { again: true, .. } => "INIT FAILED AGAIN".into(),
            Moment::Fault(failed, _) => failed.message.clone(),
            Moment::End => "END".into(),
            Moment::Report(report) => format!("REPORT {:?}", report.max_memory_mb),
        }]
    }

    fn at_once(&self, function: &Function) -> Option<u32> {
        (function.configuration.handler == joint::HANDLER).then_some(joint::MAY_TAKE)
    }

    fn billed_ms(&self, phases: &Phases) -> u64 {
        u64::try_from(phases.run.as_millis()).unwrap_or(u64::MAX)
    }
}

fn launcher(stage: Arc<Stage>) -> Launcher {
    Launcher::new(move |what, tasks| {
        let number = stage.launches.fetch_add(1, Ordering::SeqCst);
        if what.handler == "no-entrypoint" {
            let why = NotLaunched::Entrypoint("nothing to start".into());
            return std::future::ready(Err(why));
        }
        let stage = stage.clone();
        let (stream, theirs) = UnixStream::pair().unwrap();
        let (stdout, printed) = tokio::io::duplex(1 << 20);
        let (process, keeper) = Process::new();
        let process = process.with_gauge(|| Some(ByteSize::mib(17)));
        tasks.spawn(live(what, number, theirs, printed, keeper, stage));
        std::future::ready(Ok(Launched {
            start: crate::Start::Boot,
            connection: runtimes::Connection::Stream(stream),
            stdout: Box::new(stdout),
            stderr: Box::new(tokio::io::empty()),
            process,
            beside: None,
            extensions: None,
        }))
    })
}

async fn live(
    what: Launch,
    number: usize,
    stream: UnixStream,
    stdout: DuplexStream,
    keeper: Keeper,
    stage: Arc<Stage>,
) {
    stage.alive.fetch_add(1, Ordering::SeqCst);
    let exit = tokio::select! {
        exit = act(&what, number, stream, stdout, &stage) => exit,
        () = keeper.kill.cancelled() => Exit::Signal(9),
    };
    stage.alive.fetch_sub(1, Ordering::SeqCst);
    keeper.exit.send_replace(Some(exit));
}

async fn act(
    what: &Launch,
    number: usize,
    stream: UnixStream,
    mut stdout: DuplexStream,
    stage: &Stage,
) -> Exit {
    stdout.write_all(b"init\n").await.unwrap();
    if what.handler == joint::HANDLER {
        return joint::act(stream, stage).await;
    }
    let mut stream = BufReader::new(stream);
    match what.handler.as_str() {
        "init-error" => {
            post(&mut stream, protocol::INIT_ERROR, "\"bad init\"", false).await;
            return Exit::Code(1);
        }
        "init-exit" => return Exit::Code(7),
        "init-hang" => std::future::pending().await,
        "init-error-once" if number == 0 => {
            post(&mut stream, protocol::INIT_ERROR, "\"bad init\"", false).await;
            return Exit::Code(1);
        }
        _ => {}
    }
    ask(&mut stream).await;
    for served in 1.. {
        let Some((id, payload)) = work(&mut stream).await else {
            return Exit::Code(0);
        };
        stage.handed_over.fetch_add(1, Ordering::SeqCst);
        stage.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(stage);
        let handler = match what.handler.as_str() {
            "as-told" => payload.trim_matches('"').to_owned(),
            handler => handler.to_owned(),
        };
        let response = [protocol::INVOCATION, &id, protocol::RESPONSE].concat();
        match handler.as_str() {
            "wait" => {
                stage.go.notified().await;
                post(&mut stream, &response, &payload, true).await;
            }
            "fail" => {
                let error = [protocol::INVOCATION, &id, protocol::ERROR].concat();
                post(&mut stream, &error, "\"no\"", true).await;
            }
            "ask-twice" => {
                ask(&mut stream).await;
                let again = work(&mut stream).await;
                let same = again == Some((id, payload));
                post(&mut stream, &response, &same.to_string(), true).await;
            }
            "misdirect" => {
                let other = [protocol::INVOCATION, "other", protocol::RESPONSE].concat();
                post(&mut stream, &other, "\"other\"", false).await;
                post(&mut stream, &response, &payload, true).await;
            }
            "answer-twice" => {
                post(&mut stream, &response, &payload, false).await;
                post(&mut stream, &response, "\"second\"", true).await;
            }
            "exit" => return Exit::Code(3),
            "hang" => std::future::pending().await,
            "answer-and-exit" => {
                post(&mut stream, &response, &payload, false).await;
                return Exit::Code(0);
            }
            "die-idle" => {
                post(&mut stream, &response, &payload, true).await;
                return Exit::Code(0);
            }
            "why" => {
                let of = |name: &str| {
                    let found = what.environment.iter().find(|(key, _)| key == name);
                    found.map_or("", |(_, value)| value).to_owned()
                };
                let answer = format!("{} {}", of("VERSION"), of("WHY"));
                post(&mut stream, &response, &answer, true).await;
            }
            "code" => post(&mut stream, &response, &files(Some(&what.code)), true).await,
            "layers" => post(&mut stream, &response, &files(what.layers.as_ref()), true).await,
            "flood" => return flood(stream.into_inner()).await,
            "answer-and-flood" => {
                post(&mut stream, &response, &payload, false).await;
                return flood(stream.into_inner()).await;
            }
            "large" => post(&mut stream, &response, &"x".repeat(7 << 20), true).await,
            "which" => post(&mut stream, &response, &format!("{number}/{served}"), true).await,
            _ => {
                stdout.write_all(b"printed\nwithout end").await.unwrap();
                post(&mut stream, &response, &payload, true).await;
            }
        }
    }
    Exit::Code(0)
}

/// Names and contents of a folder's files.
fn files(folder: Option<&PathBuf>) -> String {
    let Some(folder) = folder else {
        return "none".into();
    };
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            format!("{name}={}", std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found.join(" ")
}

/// Asks for what there is not, as fast as it is refused.
async fn flood(stream: UnixStream) -> Exit {
    let (mut answers, mut requests) = stream.into_split();
    let many = b"GET /nonsense HTTP/1.1\r\n\r\n".repeat(1_000);
    let asking = async { while requests.write_all(&many).await.is_ok() {} };
    let mut nowhere = tokio::io::sink();
    let (_, _) = tokio::join!(asking, tokio::io::copy(&mut answers, &mut nowhere));
    Exit::Code(0)
}

struct Running<'a>(&'a Stage);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn next() -> String {
    format!("GET {} HTTP/1.1\r\n\r\n", protocol::NEXT)
}

async fn ask(stream: &mut BufReader<UnixStream>) {
    // The server may be gone, here and below.
    let _ = stream.get_mut().write_all(next().as_bytes()).await;
}

async fn post(stream: &mut BufReader<UnixStream>, path: &str, body: &str, and_next: bool) {
    let mut message = format!(
        "POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if and_next {
        message.push_str(&next());
    }
    let _ = stream.get_mut().write_all(message.as_bytes()).await;
}

/// Reads past the answers to posts, up to work.
async fn work(stream: &mut BufReader<UnixStream>) -> Option<(String, String)> {
    loop {
        let (mut id, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((protocol::REQUEST_ID, value)) => id = Some(value.to_owned()),
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        if let Some(id) = id {
            return Some((id, String::from_utf8(body).unwrap()));
        }
    }
}
