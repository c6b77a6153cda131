//! WebSocket APIs: a function for each kind of message, and an address by which others write to a connection.
//!
//! A connection lives in this process and is forgotten with it, as one is when its gateway's host goes; its peer
//! connects again. Functions hear of its beginning (and may refuse it), of each message, and of its end.

mod connections;
mod event;
mod management;

use std::time::Duration;

use functions::{Event, HttpForm, HttpRequest, HttpRoute, Invoke};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use triggers::{Backend, FunctionBackend, Gateway, Route, Stage};
use wire::{Incoming, Message, Request, Response, Socket, SocketLimits};

use super::{Address, Gateways, Refusal, source_ip, variables};
pub(super) use connections::Connections;
use connections::{Order, Orders};
pub(super) use event::connect_fields;

const CONNECT: &str = "$connect";
const DISCONNECT: &str = "$disconnect";
const DEFAULT: &str = "$default";

/// As published: "Amazon API Gateway quotas", WebSocket APIs.
const LIMITS: SocketLimits = SocketLimits {
    message_bytes: 128 << 10,
    frame_bytes: 32 << 10,
};
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);
const IDLE: Duration = Duration::from_secs(10 * 60);
/// Messages of one connection whose functions run; more wait in the peer's own buffers.
const AT_ONCE: usize = 32;

/// What is said when a connection ends.
const GOING_AWAY: (u16, &str) = (1001, "Going away");
const TOO_LARGE: (u16, &str) = (1009, "Message is too large");
const NORMAL: (u16, &str) = (1000, "");

/// A connection and whose it is.
#[derive(Clone)]
struct Line {
    gateway: Gateway,
    /// Its beginning: the request that it was made by.
    request: HttpRequest,
    id: String,
}

impl Gateways {
    pub(super) async fn socket(
        &self,
        gateway: Gateway,
        address: &Address,
        request: Request,
        request_id: &str,
    ) -> Response {
        let kind = gateway.kind;
        let Some((stage, path)) = super::stage(&gateway, &address.path) else {
            return Refusal::Denied { explicit: false }.print(kind, request_id);
        };
        if let Some(id) = path.strip_prefix("/@connections/") {
            let id = percent_encoding::percent_decode_str(id)
                .decode_utf8_lossy()
                .into_owned();
            return self.manage(&gateway, stage, &id, request, request_id).await;
        }
        if !wire::asks_for_socket(&request) {
            return Refusal::Denied { explicit: false }.print(kind, request_id);
        }
        let stage = stage.clone();
        match self
            .connect(gateway, &stage, address, request, request_id)
            .await
        {
            Ok(response) => response,
            Err(refusal) => refusal.print(kind, request_id),
        }
    }

    async fn connect(
        &self,
        gateway: Gateway,
        stage: &Stage,
        address: &Address,
        request: Request,
        request_id: &str,
    ) -> Result<Response, Refusal> {
        let id = connections::new_id(&self.random);
        let (head, body) = request.into_parts();
        let mut line = Line {
            request: HttpRequest {
                request_id: request_id.to_owned(),
                space: gateway.space.clone(),
                at: self.clock.now(),
                method: head.method.to_string(),
                path: "/".into(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                headers: self.told(&head, address, gateway.kind),
                body: bytes::Bytes::new(),
                held: None,
                is_text: true,
                version: format!("{:?}", head.version),
                source_ip: source_ip(&head),
                route: HttpRoute {
                    gateway: gateway.id.clone(),
                    kind: gateway.kind,
                    form: HttpForm::Detailed,
                    stage: stage.name.clone(),
                    stage_variables: stage.variables.clone(),
                    method: None,
                    template: Some(CONNECT.into()),
                    parameters: Vec::new(),
                },
                caller: None,
                client_key: None,
                connection: Some(id.clone()),
            },
            gateway,
            id,
        };
        let mut protocol = None;
        let gateway = line.gateway.clone();
        if let Some(route) = route(&gateway, CONNECT) {
            let passed = self
                .authorize(&gateway, route, &head, &line.request)
                .await?;
            line.request.caller = passed.map(|passed| passed.caller);
            let answer = self.tell(&line, route, event::connect(&line.request)).await;
            let answer = answer.ok_or(Refusal::Failed)?;
            match status(&answer) {
                Some(status) if status.is_success() => {}
                Some(status) => return Ok(turned_away(status, &line)),
                None => return Err(Refusal::Failed),
            }
            protocol = chosen_protocol(&answer);
        }
        let (mut response, becoming) = wire::accept_socket(Request::from_parts(head, body), LIMITS);
        if let Some(protocol) = protocol.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response
                .headers_mut()
                .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        let orders = self.connections.open(&line.id, &line.request);
        let gateways = self.clone();
        self.running.spawn(async move {
            if let Some(socket) = becoming.await {
                gateways.attend(&line, socket, orders).await;
            }
            gateways.connections.close(&line.id);
        });
        Ok(response)
    }

    /// Carries messages until the connection ends, and tells of that.
    async fn attend(&self, line: &Line, socket: Socket, orders: Orders) {
        let (code, reason) = self.carry(line, socket, orders).await;
        // From here on nobody can write to it.
        self.connections.close(&line.id);
        if let Some(route) = route(&line.gateway, DISCONNECT) {
            let event = event::disconnect(&line.request, self.clock.now(), code, &reason);
            self.tell(line, route, event).await;
        }
    }

    async fn carry(&self, line: &Line, mut socket: Socket, mut orders: Orders) -> (u16, String) {
        let mut end = self.clock.sleep(LONGEST);
        let mut idle = self.clock.sleep(IDLE);
        let mut running = FuturesUnordered::new();
        loop {
            let (code, reason) = tokio::select! {
                incoming = socket.next(), if running.len() < AT_ONCE => match incoming {
                    Incoming::Message(message) => {
                        idle = self.clock.sleep(IDLE);
                        self.connections.touch(&line.id, self.clock.now());
                        running.push(self.deliver(line, message));
                        continue;
                    }
                    Incoming::Beat => {
                        idle = self.clock.sleep(IDLE);
                        continue;
                    }
                    Incoming::Closed { code, reason } => return (code, reason),
                    Incoming::TooLarge => TOO_LARGE,
                },
                Some(answer) = running.next() => match answer {
                    None => continue,
                    Some(answer) => match socket.send(answer).await {
                        true => continue,
                        false => return (1006, String::new()),
                    },
                },
                order = orders.recv() => match order {
                    Some(Order::Send(message)) => {
                        idle = self.clock.sleep(IDLE);
                        match socket.send(message).await {
                            true => continue,
                            false => return (1006, String::new()),
                        }
                    }
                    Some(Order::Close) | None => NORMAL,
                },
                () = &mut end => GOING_AWAY,
                () = &mut idle => GOING_AWAY,
            };
            socket.close(code, reason).await;
            return (code, reason.to_owned());
        }
    }

    /// Runs the function for a message; what is to be sent back, if anything is.
    async fn deliver(&self, line: &Line, message: Message) -> Option<Message> {
        let request_id = self.random.uuid().to_string();
        let key = selected(line.gateway.selection.as_deref(), &message);
        let found = key.as_deref().and_then(|key| route(&line.gateway, key));
        let found = found.or_else(|| route(&line.gateway, DEFAULT));
        let said = |what: &str| {
            let text = json!({ "message": what, "connectionId": line.id, "requestId": request_id });
            Some(Message::Text(text.to_string()))
        };
        let Some(found) = found else {
            return said("Forbidden");
        };
        let Backend::Function(backend) = &found.backend else {
            return None;
        };
        let key = found.path.as_deref().unwrap_or(DEFAULT);
        let event = event::message(&line.request, self.clock.now(), key, &request_id, &message);
        match self.tell(line, found, event).await {
            None => said("Internal server error"),
            Some(answer) if backend.replies => match &answer["body"] {
                Value::String(text) => Some(Message::Text(text.clone())),
                Value::Null => None,
                other => Some(Message::Text(other.to_string())),
            },
            Some(_) => None,
        }
    }

    /// What the function says; none if it fails, which the log tells.
    async fn tell(&self, line: &Line, route: &Route, event: Value) -> Option<Value> {
        let Backend::Function(FunctionBackend {
            target, timeout, ..
        }) = &route.backend
        else {
            return None;
        };
        let target = variables::target(target, &line.request.route.stage_variables);
        let function = &target.function;
        let invoke = Invoke {
            space: target.space,
            function: function.clone(),
            qualifier: target.qualifier,
            event: Event::Raw(event.to_string().into()),
            request_id: self.functions.new_request_id(),
            trigger: "websocket".into(),
            client_context: None,
            trace: None,
        };
        let connection = &line.id;
        let outcome = tokio::select! {
            outcome = self.functions.invoke(invoke) => outcome,
            () = self.clock.host().sleep(*timeout) => {
                tracing::warn!(function, connection, "a message got no answer in time");
                return None;
            }
        };
        let failed = match outcome.map(|outcome| outcome.result) {
            Ok(Ok(payload)) => return Some(serde_json::from_slice(&payload).unwrap_or_default()),
            Ok(Err(failed)) => failed.message,
            Err(error) => error.to_string(),
        };
        tracing::warn!(function, connection, failed, "a message got no answer");
        None
    }
}

fn route<'a>(gateway: &'a Gateway, key: &str) -> Option<&'a Route> {
    let mut routes = gateway.routes.iter();
    routes.find(|route| route.path.as_deref() == Some(key))
}

/// What a function answers that has nothing to say is a success.
fn status(answer: &Value) -> Option<StatusCode> {
    match &answer["statusCode"] {
        Value::Null => None,
        Value::String(text) => text.parse().ok(),
        number => StatusCode::from_u16(u16::try_from(number.as_u64()?).ok()?).ok(),
    }
}

fn chosen_protocol(answer: &Value) -> Option<String> {
    let headers = answer["headers"].as_object()?;
    let mut headers = headers.iter();
    let (_, value) =
        headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"))?;
    value.as_str().map(str::to_owned)
}

fn turned_away(status: StatusCode, line: &Line) -> Response {
    let mut response = Response::new(wire::empty());
    *response.status_mut() = status;
    let id = &line.request.request_id;
    super::refusal::identify(response.headers_mut(), line.gateway.kind, id);
    response
}

/// The key of a message's route: `$request.body.action`, also with braces around it. None where there is none.
fn selected(expression: Option<&str>, message: &Message) -> Option<String> {
    let expression = expression?;
    let bare = expression
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| expression.strip_prefix('$'))?;
    let path = bare.strip_prefix("request.body.")?;
    let Message::Text(text) = message else {
        return None;
    };
    let body: Value = serde_json::from_str(text).ok()?;
    let found = path.split('.').try_fold(&body, |at, step| at.get(step))?;
    match found {
        Value::String(key) => Some(key.clone()),
        Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
    // Routes of the connection itself are not for messages.
    .filter(|key| key != CONNECT && key != DISCONNECT)
}

/// Where orders to a connection wait.
fn line_up() -> (mpsc::Sender<Order>, Orders) {
    const WAITING: usize = 64;
    mpsc::channel(WAITING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_route() {
        let text = |text: &str| Message::Text(text.into());
        let by = |expression, message: &Message| selected(Some(expression), message);
        let action = text(r#"{"action":"join","deep":{"x":7},"list":[1]}"#);
        assert_eq!(by("$request.body.action", &action), Some("join".into()));
        assert_eq!(by("${request.body.action}", &action), Some("join".into()));
        assert_eq!(by("$request.body.deep.x", &action), Some("7".into()));
        assert_eq!(by("$request.body.list", &action), None);
        assert_eq!(by("$request.body.other", &action), None);
        assert_eq!(by("$request.body.action", &text("no json")), None);
        assert_eq!(
            by("$request.body.action", &Message::Bytes(vec![1].into())),
            None
        );
        let own = text(r#"{"action":"$connect"}"#);
        assert_eq!(by("$request.body.action", &own), None);
    }
}
