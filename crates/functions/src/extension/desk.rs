//! Speaking with extensions: the listener of one instance, on which they ask, and on which a worker that speaks over TCP
//! asks too when there are any. The requests come from inside, so all of it is bounded, as in `worker.rs`.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::{How, Hub};
use crate::protocol::{self, Refusal, extension as words};
use crate::worker::{Body, Connection, Method, Outlets, Request, refusal};

/// Connections at once.
const MOST: usize = 64;
/// What an extension may send at once.
const LARGEST: u64 = 64 << 10;
const STATUS: &str = "{\"status\":\"OK\"}\n";

/// A worker's request, and where its answer is waited for.
pub(crate) type Relayed = (Request, oneshot::Sender<Bytes>);
pub(crate) type Relay = mpsc::Sender<Relayed>;

/// How the worker's own requests are treated, where the worker speaks over TCP too.
pub(crate) struct ForWorker {
    pub(crate) relay: Relay,
    pub(crate) outlets: Outlets,
    pub(crate) largest: u64,
}

/// Serves a listener until nobody is heard any more.
pub(crate) async fn attend(listener: TcpListener, hub: Arc<Hub>, worker: Option<ForWorker>) {
    let closed = hub.closed.clone();
    let mut conversations = FuturesUnordered::new();
    let attending = async {
        loop {
            tokio::select! {
                accepted = listener.accept(), if conversations.len() < MOST => match accepted {
                    Ok((stream, _)) => conversations.push(converse(stream, &hub, worker.as_ref())),
                    Err(cause) => {
                        tracing::debug!(%cause, "no connection can be accepted");
                        return;
                    }
                },
                Some(()) = conversations.next() => {}
            }
        }
    };
    tokio::select! {
        () = attending => {}
        () = closed.cancelled() => {}
    }
}

async fn converse(stream: TcpStream, hub: &Hub, worker: Option<&ForWorker>) {
    // It only costs time if this fails.
    let _ = stream.set_nodelay(true);
    let (largest, outlets) = match worker {
        Some(worker) => (worker.largest, worker.outlets.clone()),
        None => (LARGEST, Outlets::default()),
    };
    let mut connection = Connection::new(stream, largest, outlets);
    while let Ok(request) = connection.request().await {
        let closes = request.closes;
        let answer = async {
            match (words::is(&request.path), worker) {
                (true, _) => answered(hub, &request).await,
                (false, Some(worker)) => relayed(worker, request).await,
                (false, None) => Some(refusal(&protocol::no_such_path())),
            }
        };
        let answer = tokio::select! {
            answer = answer => answer,
            // Clients lose patience and ask again elsewhere.
            () = connection.gone() => return,
        };
        let Some(answer) = answer else {
            return;
        };
        if connection.send(&answer).await.is_err() || closes {
            return;
        }
    }
}

async fn relayed(worker: &ForWorker, request: Request) -> Option<Bytes> {
    let (answer, answered) = oneshot::channel();
    worker.relay.send((request, answer)).await.ok()?;
    answered.await.ok()
}

/// None if nobody is heard any more.
async fn answered(hub: &Hub, request: &Request) -> Option<Bytes> {
    let told = &request.told;
    if request.method == Method::Get && request.path == words::NEXT {
        return match hub.knows(told.id.as_deref()) {
            Ok(()) => {
                let event = hub.next(told.id.as_deref()?).await?;
                let id = hub.random.uuid().to_string();
                Some(message("200 OK", &[(words::EVENT_ID, &id)], &event))
            }
            Err(refused) => Some(refusal(&refused)),
        };
    }
    let answer = match (request.method, request.path.as_str()) {
        (Method::Post, words::REGISTER) => register(hub, request),
        (Method::Post, words::INIT_ERROR) => gives_up(hub, request, How::InitError),
        (Method::Post, words::EXIT_ERROR) => gives_up(hub, request, How::ExitError),
        (Method::Put, path) => match words::subscription(path) {
            Some(form) => subscribe(hub, request, form),
            None => Err(protocol::no_such_path()),
        },
        _ => Err(protocol::no_such_path()),
    };
    Some(answer.unwrap_or_else(|refused| refusal(&refused)))
}

#[derive(Debug, Default, Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

fn register(hub: &Hub, request: &Request) -> Result<Bytes, Refusal> {
    let name = request.told.name.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(words::no_name)?;
    let wanted: Registration = match body(request) {
        [] => Registration::default(),
        said => serde_json::from_slice(said)
            .map_err(|cause| words::bad("InvalidRequestFormat", &cause.to_string()))?,
    };
    let id = hub.register(name, &wanted.events)?;
    hub.telemetry.registered(name, &wanted.events);
    let told = hub.registered(request.told.features.as_deref()).to_string();
    Ok(message("200 OK", &[(words::GIVEN_ID, &id)], &told))
}

fn gives_up(hub: &Hub, request: &Request, how: fn(String) -> How) -> Result<Bytes, Refusal> {
    let id = request.told.id.as_deref();
    hub.knows(id)?;
    let kind = request.told.kind.clone().ok_or_else(words::no_kind)?;
    hub.failed(hub.name_of(id.unwrap_or_default()), how(kind));
    Ok(message("202 Accepted", &[], STATUS))
}

fn subscribe(hub: &Hub, request: &Request, form: &'static str) -> Result<Bytes, Refusal> {
    let id = request.told.id.as_deref();
    hub.knows(id)?;
    let name = hub.name_of(id.unwrap_or_default());
    if hub.state.lock().begun {
        let message = format!("{} API subscription is closed already", form_name(form));
        return Err(words::forbidden("Telemetry.SubscriptionClosed", &message));
    }
    hub.telemetry.subscribe(&name, form, body(request))?;
    Ok(message("200 OK", &[], "\"OK\""))
}

fn form_name(form: &str) -> &'static str {
    match form {
        words::LOGS => "Logs",
        _ => "Telemetry",
    }
}

fn body(request: &Request) -> &[u8] {
    match &request.body {
        Body::Whole(body) => body,
        Body::Passed | Body::TooLarge { .. } => &[],
    }
}

fn message(status: &str, headers: &[(&str, &str)], body: &str) -> Bytes {
    let mut message = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
    for (name, value) in headers {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    message.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    message.into()
}
