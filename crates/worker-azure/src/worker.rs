//! A worker that speaks the vendor's protocol: its process, and what a host says to it, in its order. It is greeted, asked
//! which functions there are if it is the one that knows, has the one function loaded that this instance is for, and gets
//! one invocation after the other.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::timeout;

use crate::Settings;
use crate::capabilities::Capabilities;
use crate::function::{self, Function};
use crate::http::{self, Head};
use crate::message::{
    Content, IndexRequest, InitRequest, InvocationRequest, InvocationResponse, Level, LoadRequest,
    Log, Metadata, Parameter, Status, StatusResult, StreamingMessage, TraceContext, TypedData,
};
use crate::program::{Called, Program};
use crate::runtime::Work;
use crate::stream::Stream;

/// The vendor's, whose newest protocol this is.
const VERSION: &str = "4.0.0";
/// The function's own words; others are the worker's.
const USERS: i32 = 0;
/// As the vendor's host gives a worker to connect.
const TO_CONNECT: Duration = Duration::from_secs(60);
/// For what a worker that ended has said before.
const LAST_WORDS: Duration = Duration::from_millis(200);

pub(crate) struct Worker {
    stream: Stream,
    process: Child,
    pub(crate) can: Capabilities,
    indexes: bool,
}

impl Worker {
    /// One that is initialised, and has loaded nothing.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, String> {
        let failed = |why: io::Error| format!("no worker can be started: {why}");
        let program = Program::read(&settings.worker)?;
        let listener = listen(settings).await.map_err(failed)?;
        let called = Called {
            address: listener.local_addr().map_err(failed)?,
            worker: settings.random.uuid().to_string(),
        };
        let mut process = program.start(settings, &called).await?;
        let stream = tokio::select! {
            stream = timeout(TO_CONNECT, Stream::accept(&listener, &called.worker)) => {
                stream.map_err(|_| "the worker did not connect in time")?.map_err(failed)?
            }
            ended = process.wait() => return Err(match ended {
                Ok(status) => format!("the worker ended before it said anything: {status}"),
                Err(why) => failed(why),
            }),
        };
        let mut worker = Self {
            stream,
            process,
            can: Capabilities::default(),
            indexes: program.indexes(),
        };
        worker.greet(settings).await?;
        Ok(worker)
    }

    async fn greet(&mut self, settings: &Settings) -> Result<(), String> {
        let init = InitRequest {
            host_version: VERSION.into(),
            worker_directory: settings.worker.display().to_string(),
            function_app_directory: settings.code.display().to_string(),
            ..InitRequest::default()
        };
        self.say(Content::Init(init)).await?;
        let initialized = self.hear(|content| match content {
            Content::Initialized(initialized) => Some(initialized),
            _ => None,
        });
        let initialized = initialized.await?;
        went_well(initialized.result.as_ref())?;
        self.can = Capabilities::of(&initialized.capabilities);
        Ok(())
    }

    /// All functions that there are: as the worker knows them or, if it leaves that to its host, as the files say.
    pub(crate) async fn functions(&mut self, settings: &Settings) -> Result<Vec<Metadata>, String> {
        if !self.indexes {
            return function::all(&settings.code);
        }
        let function_app_directory = settings.code.display().to_string();
        self.say(Content::Index(IndexRequest {
            function_app_directory,
        }))
        .await?;
        let indexed = self.hear(|content| match content {
            Content::Indexed(indexed) => Some(indexed),
            _ => None,
        });
        let indexed = indexed.await?;
        went_well(indexed.result.as_ref())?;
        match indexed.is_for_the_host {
            true => function::all(&settings.code),
            false => Ok(indexed.functions),
        }
    }

    pub(crate) async fn load(&mut self, settings: &Settings) -> Result<Function, String> {
        let name = &settings.function;
        let function = match self.indexes {
            false => Function::read(&settings.code, name)?,
            true => {
                let mut all = self.functions(settings).await?.into_iter();
                let found = all.find(|one| one.name == *name);
                Function::of(found.ok_or_else(|| format!("the worker knows no function {name}"))?)?
            }
        };
        if let Some(status) = &function.metadata.status {
            went_well(Some(status))?;
        }
        self.say(Content::Load(LoadRequest {
            function_id: function.metadata.function_id.clone(),
            metadata: Some(function.metadata.clone()),
        }))
        .await?;
        let loaded = self.hear(|content| match content {
            Content::Loaded(loaded) => Some(loaded),
            _ => None,
        });
        went_well(loaded.await?.result.as_ref())?;
        Ok(function)
    }

    pub(crate) async fn invoke(
        &mut self,
        function: &Function,
        work: &Work,
        head: &Head,
        typed: TypedData,
    ) -> Result<(), String> {
        let header = |name: &str| head.header(name).unwrap_or_default().to_owned();
        let parent = match header("traceparent") {
            none if none.is_empty() => work.trace.clone(),
            parent => parent,
        };
        let request = InvocationRequest {
            invocation_id: work.id.clone(),
            function_id: function.metadata.function_id.clone(),
            trigger_metadata: http::metadata(head, &function.trigger, &typed, &self.can),
            input_data: vec![Parameter {
                name: function.trigger.clone(),
                data: Some(typed),
            }],
            trace_context: Some(TraceContext {
                parent,
                state: header("tracestate"),
            }),
        };
        self.say(Content::Invocation(request)).await
    }

    /// What became of an invocation.
    pub(crate) async fn outcome(&mut self, id: &str) -> Result<InvocationResponse, String> {
        let outcome = self.hear(|content| match content {
            Content::Outcome(outcome) if outcome.invocation_id == id => Some(outcome),
            _ => None,
        });
        outcome.await
    }

    /// Returns when the worker has gone. What it says meanwhile is printed.
    pub(crate) async fn gone(&mut self) {
        let _ = self.hear(|_| None::<()>).await;
    }

    /// Ends what is left of it. Says how it ended, if it did so by itself.
    pub(crate) async fn end(mut self) -> Option<ExitStatus> {
        if let Ok(status) = timeout(LAST_WORDS, self.process.wait()).await {
            return status.ok();
        }
        let _ = self.process.kill().await;
        None
    }

    async fn say(&self, content: Content) -> Result<(), String> {
        let message = StreamingMessage {
            request_id: String::new(),
            content: Some(content),
        };
        self.stream.send(message).await.map_err(|_| gone())
    }

    /// Waits for what is wanted. What is said meanwhile is printed, and everything else passed over.
    async fn hear<T>(&mut self, wanted: impl Fn(Content) -> Option<T>) -> Result<T, String> {
        loop {
            match self.heard().await.ok_or_else(gone)?.content {
                Some(Content::Log(log)) => print(&log),
                Some(content) => {
                    if let Some(found) = wanted(content) {
                        return Ok(found);
                    }
                }
                None => {}
            }
        }
    }

    /// None when there will be no more: it has closed its stream, or has ended and somebody else holds it open.
    async fn heard(&mut self) -> Option<StreamingMessage> {
        tokio::select! {
            biased;
            heard = self.stream.next() => heard,
            _ = self.process.wait() => {
                timeout(LAST_WORDS, self.stream.next()).await.ok().flatten()
            }
        }
    }
}

/// Somewhere on the loopback, which instances may share: see [`Stream::accept`].
async fn listen(settings: &Settings) -> io::Result<TcpListener> {
    let [second, third, fourth] = settings.random.bytes();
    // Neither the network's own address nor its broadcast address, and not where everything else listens.
    let address = Ipv4Addr::new(127, second | 1, third, fourth.clamp(1, 254));
    TcpListener::bind((address, 0)).await
}

fn gone() -> String {
    "the worker ended".to_owned()
}

fn went_well(result: Option<&StatusResult>) -> Result<(), String> {
    match failure(result) {
        None => Ok(()),
        Some((_, why)) => Err(why),
    }
}

/// How something failed, if it did: the kind, and in whose words.
pub(crate) fn failure(result: Option<&StatusResult>) -> Option<(String, String)> {
    let result = result?;
    if result.status() == Status::Success {
        return None;
    }
    let said = match &result.exception {
        Some(exception) if exception.stack_trace.is_empty() => exception.message.clone(),
        Some(exception) => format!("{}\n{}", exception.message, exception.stack_trace),
        None if result.result.is_empty() => "the worker says that it failed, and not why".into(),
        None => result.result.clone(),
    };
    let exception = result.exception.as_ref();
    let message = exception.map_or("", |exception| &exception.message);
    let kind = message.split(':').next().unwrap_or_default().trim();
    let is_name = !kind.is_empty()
        && kind
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '.');
    let kind = if is_name { kind } else { "RpcException" };
    Some((kind.to_owned(), said))
}

/// As our own bootstraps print: the level before each line that is the function's.
fn print(log: &Log) {
    let level = log.level();
    let least = match log.whose {
        USERS => Level::Information,
        _ => Level::Warning,
    };
    if (level as i32) < least as i32 || level == Level::None {
        return;
    }
    let mut message = log.message.trim_end().to_owned();
    if let Some(exception) = log.exception.as_ref().filter(|one| !one.message.is_empty()) {
        message = format!("{message}\n{}", exception.message);
    }
    crate::print(&format!("[{level:?}] {message}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Exception;

    #[test]
    fn a_failure_is_named_by_its_exception() {
        let failed = |message: &str, stack: &str| StatusResult {
            exception: Some(Exception {
                message: message.into(),
                stack_trace: stack.into(),
                ..Exception::default()
            }),
            ..StatusResult::default()
        };
        let named = failure(Some(&failed("ValueError: on purpose", "at x"))).unwrap();
        assert_eq!(named.0, "ValueError");
        assert_eq!(named.1, "ValueError: on purpose\nat x");
        let unnamed = failure(Some(&failed("it did not work", ""))).unwrap();
        assert_eq!(unnamed, ("RpcException".into(), "it did not work".into()));
        assert!(failure(Some(&StatusResult::default())).is_some());
        let well = StatusResult {
            status: Status::Success.into(),
            ..StatusResult::default()
        };
        assert_eq!(failure(Some(&well)), None);
        assert_eq!(failure(None), None);
    }
}
