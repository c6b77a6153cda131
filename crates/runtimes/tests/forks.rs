//! Instances that were forked, in real sandboxes: what is theirs is theirs alone. This test has its own `main`: started
//! as the hidden subcommand, it becomes the jail.

#![expect(clippy::print_stdout, reason = "what a host lacks is told")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Random};
use runtimes::{Connection, Error, Launch, Runtimes, Start, Template, Variables, Worker};
use sandbox::{Child, JAIL_COMMAND, NamespaceJail, Network};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

const VARIABLES: Variables = Variables {
    address: "ADDRESS",
    code: "CODE",
    wrapper: "WRAPPER",
};

#[path = "bootstraps/echo.rs"]
mod echo;
#[path = "../../sandbox/tests/harness/mod.rs"]
mod harness;
#[path = "forks/node.rs"]
mod node;
#[path = "forks/python.rs"]
mod python;
#[path = "forks/redirect.rs"]
mod redirect;
#[path = "forks/workers.rs"]
mod workers;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(JAIL_COMMAND) {
        sandbox::jail_main();
    }
    let tests = [
        python::tests(),
        node::tests(),
        workers::tests(),
        redirect::tests(),
    ];
    harness::run(tests.concat())
}

/// A function's code, and who starts it.
struct World {
    runtimes: Runtimes,
    runtime: &'static str,
    handler: &'static str,
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl World {
    fn new(runtime: &'static str, handler: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("fulmar-forks-{}", Random::system().uuid()));
        for (name, text) in files {
            let file = folder.join("code").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        }
        let jail = NamespaceJail::with_links(folder.join("stage"), &runtimes::LINKS).unwrap();
        let runtimes = Runtimes::new(Arc::new(jail), Network::Host, folder.join("runtimes"));
        Self {
            runtimes,
            runtime,
            handler,
            folder,
            environment: Vec::new(),
        }
    }

    fn launch(&self) -> Launch {
        let mut environment = vec![
            ("_HANDLER".to_owned(), self.handler.to_owned()),
            ("LAMBDA_TASK_ROOT".to_owned(), "/var/task".to_owned()),
        ];
        environment.extend(self.environment.iter().cloned());
        Launch {
            runtime: self.runtime.into(),
            code: self.folder.join("code"),
            layers: Some(self.folder.join("layers")).filter(|layers| layers.is_dir()),
            environment,
            memory: ByteSize::mib(512),
            ephemeral: ByteSize::mib(16),
            variables: VARIABLES,
        }
    }

    async fn start(&self) -> Instance {
        Instance::new(self.runtimes.launch(self.launch()).await.unwrap())
    }

    /// False where this host has not the language.
    async fn has_a_placeholder(&self) -> bool {
        match self.runtimes.launch(self.launch()).await {
            Err(Error::NotInstalled(what)) => {
                println!("  {what} is not here");
                return false;
            }
            first => assert_eq!(first.unwrap().start, Start::Boot),
        }
        self.runtimes.clone().look_ahead(self.runtime.into()).await;
        let kept = self.runtimes.placeholders();
        assert!(kept.iter().all(|kept| kept.failed.is_none()), "{kept:?}");
        true
    }

    /// Started, and why it cannot be forked if it cannot.
    async fn template(&self) -> Result<Template, String> {
        let mut prepared = self
            .runtimes
            .template(&self.launch())
            .await
            .unwrap()
            .unwrap();
        let ready = prepared.template.ready().await;
        match ready {
            Ok(()) => Ok(prepared.template),
            Err(cause) => {
                let mut text = String::new();
                drop(prepared.template);
                let errors = prepared.stderr.as_mut().unwrap();
                let _ = errors.read_to_string(&mut text).await;
                Err(format!("{cause} {text}"))
            }
        }
    }

    async fn fork(&self, template: &Template) -> Instance {
        let instance = Instance::new(template.fork(&self.launch()).await.unwrap());
        assert_eq!(instance.start, Start::Template);
        instance
    }
}

/// A program of the function's own starts the language, with an option more; it is told the bootstrap last.
async fn is_wrapped(code: (&str, &str), runtime: &'static str, option: &str) {
    let wrapper = format!(
        "#!/bin/sh\nfor last; do :; done\nexport LAST=$last\nlanguage=$1\nshift\nexec \"$language\" {option} \"$@\"\n"
    );
    let mut world = World::new(runtime, "app.handler", &[code, ("wrapper", &wrapper)]);
    let file = world.folder.join("code/wrapper");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    if !world.has_a_placeholder().await {
        return;
    }
    world.environment = vec![("WRAPPER".into(), "/var/task/wrapper".into())];
    let mut instance = world.start().await;
    assert_eq!(instance.start, Start::Boot);
    let said = instance.call("0").await.replace(' ', "");
    assert!(
        said.starts_with("[true,\"/var/runtime/bootstrap."),
        "{said}"
    );
    let launch = world.launch();
    assert!(world.runtimes.template(&launch).await.unwrap().is_none());
    for (missing, why) in [
        ("/opt/wrapper", "no such file or directory"),
        ("/var/task", "permission denied"),
    ] {
        world.environment = vec![("WRAPPER".into(), missing.into())];
        let refused = world.runtimes.launch(world.launch()).await.err().unwrap();
        assert!(
            matches!(refused, Error::Entrypoint(said) if said == format!("fork/exec {missing}: {why}"))
        );
    }
}

/// A fork whose answer is how many faults it has had; at best, as what it is given ahead depends on how much time there is
/// before it is wanted: each has a little more.
async fn fewest_faults(world: &World, most: u32) {
    let template = world.template().await.unwrap();
    let mut fewest = u32::MAX;
    for patience in (0..50).map(Duration::from_millis) {
        template.make_ahead().await;
        tokio::time::timeout(patience, std::future::pending::<()>())
            .await
            .unwrap_err();
        let mut instance = world.fork(&template).await;
        fewest = fewest.min(instance.call("0").await.parse().unwrap());
        if fewest <= most {
            return;
        }
    }
    panic!("{fewest} faults");
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Instance {
    child: Child,
    stream: BufReader<UnixStream>,
    start: Start,
    asked: bool,
}

impl Instance {
    fn new(worker: Worker) -> Self {
        let Connection::Stream(stream) = worker.connection else {
            panic!("our bootstraps speak on a descriptor");
        };
        Self {
            child: worker.child,
            stream: BufReader::new(stream),
            start: worker.start,
            asked: false,
        }
    }

    /// One call, to what was answered.
    async fn call(&mut self, event: &str) -> String {
        if !self.asked {
            let (line, body) = self.said().await;
            assert!(line.contains("/next"), "{line} {body}");
            self.asked = true;
        }
        let message = format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\nContent-Length: {}\r\n\r\n{event}",
            event.len()
        );
        self.stream.write_all(message.as_bytes()).await.unwrap();
        let (line, body) = self.said().await;
        assert!(line.contains("/response"), "{line} {body}");
        self.stream
            .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        let (line, _) = self.said().await;
        assert!(line.contains("/next"), "{line}");
        body
    }

    async fn said(&mut self) -> (String, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).await.unwrap() == 0 {
                let mut errors = String::new();
                self.child
                    .take_stderr()
                    .unwrap()
                    .read_to_string(&mut errors)
                    .await
                    .unwrap();
                panic!("it ended: {errors} {:?}", self.child.wait().await);
            }
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        let line = head.lines().next().unwrap().to_owned();
        (line, String::from_utf8(body).unwrap())
    }
}

/// What so many forks answer, each to the same event.
async fn answers(world: &World, template: &Template, count: usize, event: &str) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(world.fork(template).await.call(event).await);
    }
    answers
}

fn all_differ(answers: &[String]) -> bool {
    answers.iter().collect::<BTreeSet<_>>().len() == answers.len()
}
