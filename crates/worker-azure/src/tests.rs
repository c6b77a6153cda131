//! The host between a server that gives work and a worker that speaks the protocol, both played by the test. The worker's
//! process is a script that only tells where it was asked to call.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Settings;
use crate::host::{self, Ended};
use crate::message::{
    Content, Data, Exception, Http, IndexResponse, InitResponse, InvocationResponse, Level,
    LoadResponse, Log, Metadata, Parameter, StartStream, Status, StatusResult, StreamingMessage,
    TypedData,
};
use crate::runtime::Runtime;
use crate::stream::{PATH, framed, taken};

const PATIENCE: Duration = Duration::from_secs(20);
/// Waits to be ended, having said at which port it was asked to call.
const SCRIPT: &str = "#!/bin/sh\necho \"$@\" > told.new\nmv told.new told\nexec sleep 60\n";

/// The host at work, and the ends that it speaks to.
struct Play {
    folder: tempfile::TempDir,
    server: TcpListener,
    host: JoinHandle<Ended>,
}

impl Play {
    async fn begin(function: &str, description: &str, script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("worker.config.json", description);
        write("worker", script);
        write(
            "Hello/function.json",
            r#"{"bindings": [{"type": "httpTrigger", "name": "req"}, {"type": "http", "direction": "out", "name": "res"}]}"#,
        );
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let settings = Settings {
            code: folder.path().to_owned(),
            function: function.into(),
            worker: folder.path().to_owned(),
            program: None,
            random: base::Random::seeded(7),
        };
        let host = tokio::spawn(async move {
            let mut runtime = Runtime::connect(&address).await.unwrap();
            let ended = host::run(&settings, &mut runtime).await;
            if let Ended::NotReady(why) = &ended {
                let _ = runtime.refuse("FunctionLoadError", why).await;
            }
            ended
        });
        Self {
            folder,
            server,
            host,
        }
    }

    async fn server(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.server.accept()).await;
        accepted.unwrap().unwrap().0
    }

    async fn told(&self) -> Vec<String> {
        let file: PathBuf = self.folder.path().join("told");
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        let found = async {
            loop {
                looks.tick().await;
                if let Ok(text) = std::fs::read_to_string(&file) {
                    return text;
                }
            }
        };
        let text = timeout(PATIENCE, found).await.expect("it was started");
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Where it is to call, and under which name.
    async fn called(&self) -> (String, String) {
        let told = self.told().await;
        let word = |name: &str| {
            let at = told.iter().position(|word| word == name).unwrap();
            told[at + 1].clone()
        };
        (
            format!("{}:{}", word("--host"), word("--port")),
            word("--workerId"),
        )
    }

    async fn worker(&self) -> Speaker {
        let (place, name) = self.called().await;
        Speaker::call(&place, &name).await
    }

    async fn ended(self) -> Ended {
        let ended = timeout(PATIENCE, self.host).await;
        ended.expect("it ends").unwrap()
    }
}

/// A worker's end of the stream.
struct Speaker {
    to: mpsc::Sender<Bytes>,
    from: Incoming,
    buffer: bytes::BytesMut,
}

impl Speaker {
    async fn call(place: &str, name: &str) -> Self {
        let stream = TcpStream::connect(place).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let (to, said) = mpsc::channel::<Bytes>(16);
        let frames = futures_util::stream::unfold(said, |mut said| async {
            let bytes = said.recv().await?;
            Some((Ok::<_, std::io::Error>(http_body::Frame::data(bytes)), said))
        });
        let request = http::Request::post(format!("http://{place}{PATH}"))
            .header("content-type", "application/grpc")
            .body(StreamBody::new(Box::pin(frames)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let speaker = Self {
            to,
            from: response.into_body(),
            buffer: bytes::BytesMut::new(),
        };
        let worker_id = name.to_owned();
        speaker.say(Content::Start(StartStream { worker_id })).await;
        speaker
    }

    async fn say(&self, content: Content) {
        let message = StreamingMessage {
            request_id: "r".into(),
            content: Some(content),
        };
        self.to.send(framed(&message)).await.unwrap();
    }

    async fn hear(&mut self) -> Content {
        let heard = async {
            loop {
                if let Some(message) = taken(&mut self.buffer).unwrap() {
                    return message.content.unwrap();
                }
                let frame = self.from.frame().await.unwrap().unwrap();
                self.buffer.extend_from_slice(frame.data_ref().unwrap());
            }
        };
        timeout(PATIENCE, heard).await.expect("something is said")
    }

    /// Is greeted, and says what it can do.
    async fn greeted(mut self, can: &[(&str, &str)]) -> Self {
        let Content::Init(init) = self.hear().await else {
            panic!("it is greeted first");
        };
        assert!(!init.function_app_directory.is_empty());
        let capabilities = can
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.say(Content::Initialized(InitResponse {
            capabilities: capabilities.collect(),
            result: well(),
        }))
        .await;
        self
    }

    async fn loaded(mut self, id: &str) -> Self {
        let Content::Load(load) = self.hear().await else {
            panic!("a function is loaded");
        };
        assert_eq!(load.function_id, id);
        assert_eq!(load.metadata.unwrap().bindings["req"].kind, "httpTrigger");
        self.say(Content::Loaded(LoadResponse {
            function_id: load.function_id,
            result: well(),
        }))
        .await;
        self
    }
}

fn well() -> Option<StatusResult> {
    Some(StatusResult {
        status: Status::Success.into(),
        ..StatusResult::default()
    })
}

fn badly(why: &str) -> Option<StatusResult> {
    Some(StatusResult {
        exception: Some(Exception {
            message: why.into(),
            ..Exception::default()
        }),
        ..StatusResult::default()
    })
}

fn answer(id: &str, text: &str) -> Content {
    let of = |data| Some(TypedData { data: Some(data) });
    let http = Http {
        status_code: "201".into(),
        body: of(Data::String(text.into())).map(Box::new),
        ..Http::default()
    };
    Content::Outcome(InvocationResponse {
        invocation_id: id.into(),
        output_data: vec![Parameter {
            name: "res".into(),
            data: of(Data::Http(Box::new(http))),
        }],
        result: well(),
        return_value: None,
    })
}

/// A whole request, as the host makes it to the server.
async fn asked(server: &mut TcpStream) -> (String, String) {
    let mut all = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    line.strip_prefix("Content-Length: ")
                        .map(|length| length.parse::<usize>().unwrap())
                });
                let is_whole = match length {
                    Some(length) => all.len() >= head.len() + 4 + length,
                    None => !head.contains("chunked") || body.ends_with("0\r\n\r\n"),
                };
                if is_whole {
                    return (head.to_owned(), body.to_owned());
                }
            }
            let mut piece = [0; 4096];
            let read = server.read(&mut piece).await.unwrap();
            assert!(read > 0, "the host hung up: {text}");
            all.extend_from_slice(&piece[..read]);
        }
    };
    timeout(PATIENCE, read).await.expect("the host asks")
}

async fn work(server: &mut TcpStream, id: &str, payload: &str) {
    let (head, _) = asked(server).await;
    assert!(head.starts_with("GET /2018-06-01/runtime/invocation/next"));
    let message = format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: {}\r\n\r\n{payload}",
        payload.len()
    );
    server.write_all(message.as_bytes()).await.unwrap();
}

async fn accept(server: &mut TcpStream) {
    let accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    server.write_all(accepted).await.unwrap();
}

const PLAIN: &str = r#"{"description": {"language": "any", "defaultExecutablePath": "worker", "arguments": ["-x"]}}"#;
const INDEXING: &str = r#"{"description": {"language": "any", "defaultExecutablePath": "{WorkerRoot}worker", "workerIndexing": "true"}}"#;
const REQUEST: &str = "{\"method\":\"GET\",\"url\":\"/api/hello?a=1\",\"headers\":[[\"host\",\"h\"]]}\0\0\0\0\0\0\0\0";

#[tokio::test]
async fn a_worker_is_greeted_and_given_work() {
    let play = Play::begin("Hello", PLAIN, SCRIPT).await;
    let mut server = play.server().await;
    let told = play.told().await.join(" ");
    assert!(told.starts_with("-x --host 127."), "{told}");
    assert!(told.contains("--functions-uri http://127."), "{told}");
    let worker = play.worker().await.greeted(&[]).await;
    let mut worker = worker.loaded("fulmar-Hello").await;
    for (id, text) in [("1", "one"), ("2", "two")] {
        work(&mut server, id, REQUEST).await;
        let Content::Invocation(invocation) = worker.hear().await else {
            panic!("there is work");
        };
        assert_eq!(invocation.invocation_id, id);
        let Some(Data::Http(http)) = invocation.input_data[0].data.clone().unwrap().data else {
            panic!("a request is one");
        };
        assert_eq!(
            (&*http.url, &*http.query["a"]),
            ("http://h/api/hello?a=1", "1")
        );
        // What is said meanwhile, of whatever else, changes nothing.
        worker
            .say(Content::Log(Log {
                level: Level::Information.into(),
                message: "said".into(),
                ..Log::default()
            }))
            .await;
        worker.say(answer("another", "no")).await;
        worker.say(answer(id, text)).await;
        let (head, body) = asked(&mut server).await;
        assert!(
            head.contains(&format!("/invocation/{id}/response")),
            "{head}"
        );
        assert!(
            body.contains("\"status\":201") && body.ends_with(text),
            "{body}"
        );
        accept(&mut server).await;
    }
    drop(server);
    assert!(matches!(play.ended().await, Ended::NoWork));
}

#[tokio::test]
async fn a_worker_that_knows_its_functions_is_asked() {
    let play = Play::begin("fromCode", INDEXING, SCRIPT).await;
    let mut server = play.server().await;
    let mut worker = play.worker().await.greeted(&[]).await;
    assert!(matches!(worker.hear().await, Content::Index(_)));
    let indexed = |name: &str| Metadata {
        name: name.into(),
        function_id: format!("id of {name}"),
        raw_bindings: vec![r#"{"type": "httpTrigger", "name": "req"}"#.into()],
        ..Metadata::default()
    };
    worker
        .say(Content::Indexed(IndexResponse {
            functions: vec![indexed("other"), indexed("fromCode")],
            result: well(),
            is_for_the_host: false,
        }))
        .await;
    let _worker = worker.loaded("id of fromCode").await;
    let (head, _) = asked(&mut server).await;
    assert!(head.contains("invocation/next"), "it is ready");
}

#[tokio::test]
async fn whoever_deploys_is_told_which_functions_there_are() {
    let play = Play::begin("", INDEXING, SCRIPT).await;
    let mut server = play.server().await;
    let mut worker = play.worker().await.greeted(&[]).await;
    worker.hear().await;
    worker
        .say(Content::Indexed(IndexResponse {
            is_for_the_host: true,
            result: well(),
            ..IndexResponse::default()
        }))
        .await;
    work(&mut server, "1", "").await;
    let (_, body) = asked(&mut server).await;
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(said[0]["name"], "Hello");
    assert_eq!(said[0]["bindings"][0]["type"], "httpTrigger");
}

#[tokio::test]
async fn what_goes_wrong_at_the_start_is_said() {
    let play = Play::begin("Hello", PLAIN, "#!/bin/sh\nexit 3\n").await;
    let mut server = play.server().await;
    let (head, body) = asked(&mut server).await;
    assert!(head.contains("/init/error"), "{head}");
    assert!(
        body.contains("the worker ended before it said anything"),
        "{body}"
    );
    drop(server);
    assert!(matches!(play.ended().await, Ended::NotReady(_)));

    let play = Play::begin("Hello", PLAIN, SCRIPT).await;
    let mut server = play.server().await;
    let mut worker = play.worker().await.greeted(&[]).await;
    worker.hear().await;
    worker
        .say(Content::Loaded(LoadResponse {
            function_id: "fulmar-Hello".into(),
            result: badly("ModuleNotFoundError: no module"),
        }))
        .await;
    let (_, body) = asked(&mut server).await;
    assert!(body.contains("no module"), "{body}");
}

#[tokio::test]
async fn a_function_that_fails_is_named() {
    let play = Play::begin("Hello", PLAIN, SCRIPT).await;
    let mut server = play.server().await;
    let worker = play.worker().await.greeted(&[]).await;
    let mut worker = worker.loaded("fulmar-Hello").await;
    work(&mut server, "1", REQUEST).await;
    worker.hear().await;
    worker
        .say(Content::Outcome(InvocationResponse {
            invocation_id: "1".into(),
            result: badly("ValueError: on purpose"),
            ..InvocationResponse::default()
        }))
        .await;
    let (head, body) = asked(&mut server).await;
    assert!(head.contains("Function-Error-Type: ValueError"), "{head}");
    assert!(body.contains("on purpose"), "{body}");
}

#[tokio::test]
async fn a_worker_that_speaks_nonsense_is_ended() {
    for nonsense in [
        // Compressed, too long, and no message.
        &b"\x01\0\0\0\0"[..],
        b"\0\xff\xff\xff\xff",
        b"\0\0\0\0\x02\xff\xff",
    ] {
        let play = Play::begin("Hello", PLAIN, SCRIPT).await;
        let mut server = play.server().await;
        let worker = play.worker().await.greeted(&[]).await;
        let mut worker = worker.loaded("fulmar-Hello").await;
        work(&mut server, "1", REQUEST).await;
        worker.hear().await;
        worker
            .to
            .send(Bytes::copy_from_slice(nonsense))
            .await
            .unwrap();
        assert!(matches!(play.ended().await, Ended::Gone(_)));
    }
}

#[tokio::test]
async fn whoever_else_calls_is_not_the_worker() {
    let play = Play::begin("Hello", PLAIN, SCRIPT).await;
    let (place, _) = play.called().await;
    let _silent = TcpStream::connect(&place).await.unwrap();
    let mut other = Speaker::call(&place, "another").await;
    let said = timeout(PATIENCE, other.from.frame()).await.unwrap();
    assert!(said.is_none_or(|frame| frame.is_ok_and(|frame| frame.is_trailers())));
    play.worker().await.greeted(&[]).await;
}

#[tokio::test]
async fn a_worker_that_serves_requests_itself_gets_them() {
    let serving = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", serving.local_addr().unwrap());
    let play = Play::begin("Hello", PLAIN, SCRIPT).await;
    let mut server = play.server().await;
    let worker = play.worker().await.greeted(&[("HttpUri", &uri)]).await;
    let mut worker = worker.loaded("fulmar-Hello").await;
    work(&mut server, "1", REQUEST).await;
    let (mut connection, _) = serving.accept().await.unwrap();
    let (head, _) = asked(&mut connection).await;
    assert!(head.starts_with("GET /api/hello?a=1 HTTP/1.1"), "{head}");
    assert!(head.contains("x-ms-invocation-id: 1"), "{head}");
    let Content::Invocation(invocation) = worker.hear().await else {
        panic!("it is told beside");
    };
    assert_eq!(invocation.input_data[0].data, Some(TypedData::default()));
    connection
        .write_all(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        .await
        .unwrap();
    worker
        .say(Content::Outcome(InvocationResponse {
            invocation_id: "1".into(),
            result: well(),
            ..InvocationResponse::default()
        }))
        .await;
    let (head, body) = asked(&mut server).await;
    assert!(head.contains("Response-Mode: streaming"), "{head}");
    assert!(
        body.contains("\"status\":202") && body.contains("hi"),
        "{body}"
    );
}
