//! From one invocation to the next: what comes from this server goes to whoever runs the functions, and back.

use std::io;
use std::process::ExitStatus;

use bytes::Bytes;

use crate::Settings;
use crate::custom::{self, Answer, Handler};
use crate::forward;
use crate::function::{self, Function};
use crate::http::{self, Head};
use crate::message::InvocationResponse;
use crate::runtime::{Runtime, Work};
use crate::worker::{Worker, failure};

/// By which a worker knows which invocation a request belongs to that it serves itself.
const CORRELATION: &str = "x-ms-invocation-id";

/// Why there is nobody any more who runs functions.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It did not start, or could not load the function; why.
    NotReady(String),
    /// It ended by itself, or spoke no more and was ended.
    Gone(Option<ExitStatus>),
    /// Nobody gives work any more.
    NoWork,
}

/// Who runs the functions.
enum Runner {
    Worker(Box<Worker>),
    Handler(Box<Handler>),
}

/// What became of an invocation.
enum Done {
    Told,
    /// Whoever ran it has gone.
    Gone,
}

/// Works until there is no more work.
pub(crate) async fn run(settings: &Settings, runtime: &mut Runtime) -> Ended {
    if settings.function.is_empty() {
        return match declare(settings, runtime).await {
            Ok(()) => Ended::NoWork,
            Err(why) => Ended::NotReady(why),
        };
    }
    let (mut runner, function) = match Runner::start(settings).await {
        Ok(started) => started,
        Err(why) => return Ended::NotReady(why),
    };
    loop {
        let work = tokio::select! {
            work = runtime.next() => work,
            () = runner.gone() => return Ended::Gone(runner.end().await),
        };
        let done = match work {
            Ok(work) => runner.run(runtime, &function, &work).await,
            Err(why) => Err(why),
        };
        match done {
            Ok(Done::Told) => {}
            Ok(Done::Gone) => return Ended::Gone(runner.end().await),
            Err(_) => return Ended::NoWork,
        }
    }
}

/// Says which functions there are, to whoever asks.
async fn declare(settings: &Settings, runtime: &mut Runtime) -> Result<(), String> {
    let functions = match custom::is_described(&settings.code) {
        true => function::all(&settings.code)?,
        false => {
            let mut worker = Worker::start(settings).await?;
            let functions = worker.functions(settings).await?;
            let failed = functions
                .iter()
                .find_map(|one| failure(one.status.as_ref()));
            if let Some((_, why)) = failed {
                return Err(why);
            }
            functions
        }
    };
    let declared = function::declared(&functions)?;
    let told = async {
        let work = runtime.next().await?;
        runtime.answer(&work.id, &declared, &[]).await?;
        runtime.next().await.map(drop)
    };
    // It was told or nobody listens; either way there is no more to do.
    let _: io::Result<()> = told.await;
    Ok(())
}

impl Runner {
    async fn start(settings: &Settings) -> Result<(Self, Function), String> {
        if custom::is_described(&settings.code) {
            let function = Function::read(&settings.code, &settings.function)?;
            return Ok((
                Self::Handler(Box::new(Handler::start(settings).await?)),
                function,
            ));
        }
        let mut worker = Worker::start(settings).await?;
        let function = worker.load(settings).await?;
        Ok((Self::Worker(Box::new(worker)), function))
    }

    async fn run(
        &mut self,
        runtime: &mut Runtime,
        function: &Function,
        work: &Work,
    ) -> io::Result<Done> {
        let (head, body) = match http::split(&work.payload) {
            Ok(split) => split,
            Err(why) => {
                runtime.fail(&work.id, "RpcException", &why).await?;
                return Ok(Done::Told);
            }
        };
        match self {
            Self::Handler(handler) => {
                let answer = handler.invoke(function, work, &head, body).await;
                tell(runtime, work, answer).await
            }
            Self::Worker(worker) => match worker.can.serves_at.clone() {
                Some(uri) => serve(worker, &uri, runtime, function, (work, head, body)).await,
                None => invoke(worker, runtime, function, (work, head, body)).await,
            },
        }
    }

    async fn gone(&mut self) {
        match self {
            Self::Worker(worker) => worker.gone().await,
            Self::Handler(handler) => handler.gone().await,
        }
    }

    async fn end(self) -> Option<ExitStatus> {
        match self {
            Self::Worker(worker) => worker.end().await,
            Self::Handler(handler) => handler.end().await,
        }
    }
}

/// Hands the request to the worker, and tells what it answers.
async fn invoke(
    worker: &mut Worker,
    runtime: &mut Runtime,
    function: &Function,
    (work, head, body): (&Work, Head, Bytes),
) -> io::Result<Done> {
    let typed = http::request(&head, &body, &worker.can);
    if worker.invoke(function, work, &head, typed).await.is_err() {
        return Ok(Done::Gone);
    }
    let Ok(outcome) = worker.outcome(&work.id).await else {
        return Ok(Done::Gone);
    };
    if let Some((kind, message)) = failed(&outcome) {
        runtime.fail(&work.id, &kind, &message).await?;
        return Ok(Done::Told);
    }
    let (head, body) = http::answer(&outcome, &function.output);
    runtime.answer(&work.id, &head, &body).await?;
    Ok(Done::Told)
}

/// Passes the request on to the worker's own server, and its answer back while it comes; the worker is told of the
/// invocation beside it, and says when it is over.
async fn serve(
    worker: &mut Worker,
    uri: &str,
    runtime: &mut Runtime,
    function: &Function,
    (work, head, body): (&Work, Head, Bytes),
) -> io::Result<Done> {
    let typed = http::request(&head, &body, &worker.can);
    let passed_on = async {
        let place = forward::place(uri)?;
        let request = forward::request(&head, &head.url, body, &[(CORRELATION, &work.id)])?;
        forward::send(&place, request).await
    };
    let answered = async {
        match passed_on.await {
            Ok(response) => forward::answer(runtime, &work.id, response).await,
            Err(why) => runtime.fail(&work.id, forward::BROKE_OFF, &why).await,
        }
    };
    let told = async {
        worker.invoke(function, work, &head, typed).await?;
        worker.outcome(&work.id).await
    };
    let (answered, outcome) = tokio::join!(answered, told);
    answered?;
    let Ok(outcome) = outcome else {
        return Ok(Done::Gone);
    };
    // The answer has been given, whatever it says now.
    failed(&outcome);
    Ok(Done::Told)
}

/// How an invocation failed, which the log says too.
fn failed(outcome: &InvocationResponse) -> Option<(String, String)> {
    let (kind, message) = failure(outcome.result.as_ref())?;
    crate::print(&format!("[Error] {message}"));
    Some((kind, message))
}

async fn tell(
    runtime: &mut Runtime,
    work: &Work,
    answer: Result<Answer, String>,
) -> io::Result<Done> {
    match answer {
        Ok(Answer::AsItComes(response)) => forward::answer(runtime, &work.id, response).await?,
        Ok(Answer::Whole(head, body)) => runtime.answer(&work.id, &head, &body).await?,
        Err(why) => {
            crate::print(&format!("[Error] {why}"));
            runtime.fail(&work.id, "RpcException", &why).await?;
        }
    }
    Ok(Done::Told)
}
