//! Custom handlers: a server of the application's own, in any language, that gets each invocation as a request over HTTP:
//! the very request, where `host.json` asks for that, or what the vendor's host makes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::Settings;
use crate::forward;
use crate::function::{Function, json_of};
use crate::http::{self, Head};
use crate::runtime::Work;

const HOST: &str = "host.json";
const HOST_VERSION: &str = "4.0.0";
/// As the vendor's host waits for its server.
const TO_LISTEN: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// Of an answer that describes what is to be answered.
const LARGEST_ANSWER: usize = 256 << 20;
const LAST_WORDS: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    description: Description,
    #[serde(default)]
    enable_forwarding_http_request: bool,
    #[serde(default)]
    enable_proxying_http_request: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    default_executable_path: String,
    #[serde(default)]
    default_worker_path: String,
    #[serde(default)]
    working_directory: String,
    #[serde(default)]
    arguments: Vec<String>,
}

/// What a handler answers that is not handed the request itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Outcome {
    outputs: Option<Map<String, Value>>,
    logs: Option<Vec<Value>>,
    return_value: Value,
}

pub(crate) struct Handler {
    process: Child,
    place: String,
    passes_on: bool,
}

/// What it answered.
pub(crate) enum Answer {
    AsItComes(Response<Incoming>),
    Whole(Vec<u8>, Bytes),
}

/// Whether the application has one.
pub(crate) fn is_described(code: &Path) -> bool {
    json_of(&code.join(HOST)).is_ok_and(|host| host["customHandler"]["description"].is_object())
}

impl Handler {
    pub(crate) async fn start(settings: &Settings) -> Result<Self, String> {
        let host = json_of(&settings.code.join(HOST))?;
        let described: Described = serde_json::from_value(host["customHandler"].clone())
            .map_err(|why| format!("customHandler in {HOST} does not read: {why}"))?;
        let port = free_port()
            .await
            .map_err(|why| format!("there is no port for the handler: {why}"))?;
        let mut handler = Self {
            process: described.description.start(settings, port)?,
            place: format!("127.0.0.1:{port}"),
            passes_on: described.enable_forwarding_http_request
                || described.enable_proxying_http_request,
        };
        let listens = listens(&handler.place);
        tokio::select! {
            listens = timeout(TO_LISTEN, listens) => listens
                .map_err(|_| format!("the handler does not listen at port {port} (FUNCTIONS_CUSTOMHANDLER_PORT)"))?,
            ended = handler.process.wait() => return Err(match ended {
                Ok(status) => format!("the handler ended before it listened: {status}"),
                Err(why) => format!("the handler cannot be waited for: {why}"),
            }),
        }
        Ok(handler)
    }

    pub(crate) async fn invoke(
        &mut self,
        function: &Function,
        work: &Work,
        head: &Head,
        body: Bytes,
    ) -> Result<Answer, String> {
        let as_it_is = self.passes_on && function.is_plain_http;
        let request = match as_it_is {
            true => forward::request(head, &head.url, body, &beside(work))?,
            false => told(function, work, head, &body)?,
        };
        let response = tokio::select! {
            response = forward::send(&self.place, request) => response?,
            _ = self.process.wait() => return Err("the handler ended".into()),
        };
        if as_it_is {
            return Ok(Answer::AsItComes(response));
        }
        let status = response.status();
        let body = http_body_util::Limited::new(response.into_body(), LARGEST_ANSWER);
        let body = body.collect().await.map_err(|why| why.to_string())?;
        if !status.is_success() {
            return Err(format!("the handler answered {status}"));
        }
        let outcome: Outcome = serde_json::from_slice(&body.to_bytes())
            .map_err(|why| format!("the handler's answer does not read: {why}"))?;
        let (head, body) = outcome.answer(&function.output)?;
        Ok(Answer::Whole(head, body))
    }

    pub(crate) async fn gone(&mut self) {
        let _ = self.process.wait().await;
    }

    pub(crate) async fn end(mut self) -> Option<ExitStatus> {
        if let Ok(status) = timeout(LAST_WORDS, self.process.wait()).await {
            return status.ok();
        }
        let _ = self.process.kill().await;
        None
    }
}

impl Description {
    fn start(&self, settings: &Settings, port: u16) -> Result<Child, String> {
        let folder = settings.code.join(&self.working_directory);
        let beside = folder.join(&self.default_executable_path);
        let executable = match (&settings.program, beside.is_file()) {
            (_, true) => beside,
            (Some(program), false) => program.clone(),
            (None, false) => self.default_executable_path.clone().into(),
        };
        let mut command = Command::new(&executable);
        command
            .args(&self.arguments)
            .args(Some(&self.default_worker_path).filter(|path| !path.is_empty()))
            .current_dir(&folder)
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "fulmar")
            .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for name in crate::OURS {
            command.env_remove(name);
        }
        let spawned = command.spawn();
        spawned.map_err(|why| format!("{} cannot be started: {why}", executable.display()))
    }
}

impl Outcome {
    fn answer(&self, output: &str) -> Result<(Vec<u8>, Bytes), String> {
        for line in self.logs.iter().flatten() {
            match line {
                Value::String(line) => crate::print(&format!("[Information] {line}")),
                line => crate::print(&format!("[Information] {line}")),
            }
        }
        let outputs = self.outputs.as_ref();
        let said = outputs.and_then(|outputs| outputs.get(output));
        let said = match (said, output) {
            (Some(said), _) => said,
            (None, "$return") => &self.return_value,
            (None, _) => &Value::Null,
        };
        described(said)
    }
}

/// An answer as an output describes it: an object with `statusCode`, `headers` and `body`, under whatever capitals.
fn described(said: &Value) -> Result<(Vec<u8>, Bytes), String> {
    let Value::Object(fields) = said else {
        let (body, kind) = body(said);
        let headers: &[(String, String)] = &[("content-type".into(), kind.into())];
        let headers = if body.is_empty() { &[] } else { headers };
        return Ok((http::head(200, headers), body));
    };
    let field = |name: &str| {
        let mut fields = fields.iter();
        let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&Value::Null, |(_, value)| value)
    };
    let status = match (field("statusCode"), field("status")) {
        (Value::Null, status) | (status, _) => match status {
            Value::Null => 200,
            Value::String(text) => text.trim().parse().map_err(|_| wrong_status(status))?,
            status => status
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .ok_or_else(|| wrong_status(status))?,
        },
    };
    let (body, kind) = body(field("body"));
    let headers = field("headers").as_object().into_iter().flatten();
    let mut headers: BTreeMap<String, String> = headers
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.to_ascii_lowercase(), value)
        })
        .collect();
    if !body.is_empty() {
        let kind = || kind.to_owned();
        headers.entry("content-type".into()).or_insert_with(kind);
    }
    let headers: Vec<(String, String)> = headers.into_iter().collect();
    Ok((http::head(status, &headers), body))
}

fn wrong_status(said: &Value) -> String {
    format!("{said} is no status of an answer")
}

fn body(said: &Value) -> (Bytes, &'static str) {
    match said {
        Value::Null => (Bytes::new(), "text/plain; charset=utf-8"),
        Value::String(text) => (text.clone().into(), "text/plain; charset=utf-8"),
        value => (
            http::printed(&value.to_string()).into(),
            "application/json; charset=utf-8",
        ),
    }
}

/// What a host says of itself beside every request.
fn beside(work: &Work) -> [(&'static str, &str); 3] {
    [
        ("x-azure-functions-hostversion", HOST_VERSION),
        ("x-azure-functions-invocationid", &work.id),
        ("user-agent", "Azure-Functions-Host/4.0.0"),
    ]
}

/// An invocation as the vendor's host describes it.
fn told(
    function: &Function,
    work: &Work,
    head: &Head,
    body: &Bytes,
) -> Result<Request<Full<Bytes>>, String> {
    let lists = |pairs: &[(String, String)]| {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            all.entry(name.clone()).or_default().push(value.clone());
        }
        all
    };
    let headers = http::joined(head.headers.iter().cloned());
    let parameters: BTreeMap<&String, &String> = head
        .parameters
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let query = http::joined(http::pairs(head.query()));
    let mut request = json!({
        "Url": http::url(head, &headers),
        "Method": head.method,
        "Query": query,
        "Headers": lists(&head.headers),
        "Params": parameters,
        "Identities": [],
    });
    if !body.is_empty() {
        request["Body"] = String::from_utf8_lossy(body).into();
    }
    let mut data = Map::new();
    data.insert(function.trigger.clone(), request);
    let mut metadata = json!({ "Query": query, "Headers": headers, "sys": {
        "MethodName": function.metadata.name, "RandGuid": work.id,
    } });
    for (name, value) in &head.parameters {
        metadata[name] = value.clone().into();
    }
    let message = json!({ "Data": data, "Metadata": metadata }).to_string();
    let head = Head {
        method: "POST".into(),
        url: format!("/{}", function.metadata.name),
        headers: vec![(
            "content-type".into(),
            "application/json; charset=utf-8".into(),
        )],
        parameters: Vec::new(),
    };
    forward::request(&head, &head.url, message.into(), &beside(work))
}

/// One that nobody listens at. Whoever takes it before the handler does is of its own instance.
async fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.port())
}

async fn listens(place: &str) {
    let mut looks = interval(BETWEEN_LOOKS);
    loop {
        looks.tick().await;
        if TcpStream::connect(place).await.is_ok() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(outcome: &str, output: &str) -> Result<(String, String), String> {
        let outcome: Outcome = serde_json::from_str(outcome).unwrap();
        let (head, body) = outcome.answer(output)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_matches('\0').to_owned();
        Ok((text(&head), text(&body)))
    }

    #[test]
    fn an_output_is_an_answer() {
        let said = r#"{"Outputs": {"res": {"statusCode": "201", "Headers": {"X-A": "b"}, "body": "hi"}}, "Logs": ["x"], "ReturnValue": "other"}"#;
        assert_eq!(
            answered(said, "res").unwrap(),
            (
                r#"{"status":201,"headers":[["content-type","text/plain; charset=utf-8"],["x-a","b"]]}"#.into(),
                "hi".into()
            )
        );
        assert_eq!(answered(said, "$return").unwrap().1, "other");
        let empty = answered("{}", "res").unwrap();
        assert_eq!(
            empty,
            (r#"{"status":200,"headers":[]}"#.into(), String::new())
        );
        let wrong = r#"{"Outputs": {"res": {"statusCode": "many"}}}"#;
        assert!(answered(wrong, "res").is_err());
    }

    #[test]
    fn an_invocation_is_told() {
        let head = Head {
            method: "PUT".into(),
            url: "/api/a?b=c".into(),
            headers: vec![("host".into(), "h".into()), ("x".into(), "1".into())],
            parameters: vec![("id".into(), "7".into())],
        };
        let work = Work {
            id: "i".into(),
            trace: String::new(),
            payload: Bytes::new(),
        };
        let function = Function {
            trigger: "req".into(),
            output: "res".into(),
            is_plain_http: true,
            metadata: crate::message::Metadata {
                name: "Hello".into(),
                ..Default::default()
            },
        };
        let told = told(&function, &work, &head, &Bytes::from_static(b"hi")).unwrap();
        assert_eq!(
            (told.method().as_str(), told.uri().path()),
            ("POST", "/Hello")
        );
        assert_eq!(told.headers()["x-azure-functions-invocationid"], "i");
    }
}
