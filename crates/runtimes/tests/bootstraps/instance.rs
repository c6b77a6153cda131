//! A process that we speak with in the place of the functions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Random};
use sandbox::{Child, Exit, NoJail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use runtimes::{Connection, Error, Launch, Runtimes, Variables, Worker};

const PATIENCE: Duration = Duration::from_secs(60);
const VARIABLES: Variables = Variables {
    address: "ADDRESS",
    code: "CODE",
    wrapper: "WRAPPER",
};

const HEADERS: &str =
    "Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n";

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) struct Instance {
    pub(crate) child: Child,
    pub(crate) stream: BufReader<Box<dyn Stream>>,
    pub(crate) folder: PathBuf,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What an instance says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Said {
    pub(crate) fn json(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// None where the host lacks the language.
pub(crate) async fn start(
    runtime: &str,
    handler: &str,
    files: &[(&str, &str)],
) -> Option<Instance> {
    start_with(runtime, handler, files, &[]).await
}

pub(crate) async fn start_with(
    runtime: &str,
    handler: &str,
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
) -> Option<Instance> {
    let own = [("_HANDLER", handler), ("LAMBDA_TASK_ROOT", "/var/task")];
    let variables = variables.iter().chain(&own);
    let layers = files.iter().any(|(name, _)| name.starts_with("../layers"));
    let folder = std::env::temp_dir().join(format!("fulmar-runtimes-{}", Random::system().uuid()));
    let code = folder.join("code");
    for (name, text) in files {
        let file = code.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, mode).unwrap();
    }
    let runtimes = Runtimes::new(
        Arc::new(NoJail),
        sandbox::Network::Host,
        folder.join("runtimes"),
    );
    let launch = Launch {
        runtime: runtime.into(),
        code,
        layers: layers.then(|| folder.join("layers")),
        environment: variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        memory: ByteSize::mib(256),
        ephemeral: ByteSize::mib(512),
        variables: VARIABLES,
    };
    let Worker {
        child, connection, ..
    } = match runtimes.launch(launch).await {
        Err(Error::NotInstalled(_)) => return None,
        worker => worker.unwrap(),
    };
    let stream: Box<dyn Stream> = match connection {
        Connection::Stream(stream) => Box::new(stream),
        Connection::Listener(listener) => Box::new(within(listener.accept()).await.unwrap().0),
    };
    Some(Instance {
        child,
        stream: BufReader::new(stream),
        folder,
    })
}

pub(crate) async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

impl Instance {
    /// The next request.
    pub(crate) async fn hears(&mut self) -> Said {
        within(async {
            let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
            self.stream.read_line(&mut line).await.unwrap();
            loop {
                let mut header = String::new();
                self.stream.read_line(&mut header).await.unwrap();
                if header.trim_end().is_empty() {
                    break;
                }
                if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&header);
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.unwrap();
            Said { line, head, body }
        })
        .await
    }

    pub(crate) async fn wants_work(&mut self) {
        let said = self.hears().await;
        assert!(
            said.line
                .starts_with("GET /2018-06-01/runtime/invocation/next "),
            "{said:?}"
        );
    }

    pub(crate) async fn says(&mut self, message: &[u8]) {
        within(self.stream.get_mut().write_all(message))
            .await
            .unwrap();
    }

    /// Gives it work; returns its answer.
    pub(crate) async fn call(&mut self, id: &str, event: &str) -> Said {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{HEADERS}Lambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: {}\r\n\r\n",
            event.len()
        );
        self.says(&[head.as_bytes(), event.as_bytes()].concat())
            .await;
        let said = self.hears().await;
        assert!(
            said.line.contains(&format!("/invocation/{id}/")),
            "{said:?}"
        );
        self.says(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")
            .await;
        said
    }

    pub(crate) async fn ends(&mut self) -> Exit {
        within(self.child.wait()).await
    }
}
