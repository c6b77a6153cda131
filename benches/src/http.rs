//! Functions that are reached by HTTP, on the faces of their clouds, beside the clouds' own frameworks: requests per second of
//! processor time, that of whatever runs the function's code included, and how long one client waits for an answer. Then
//! the front alone: what it answers itself, beside plain hyper.
//!
//! `benches http node` takes only these.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::client;
use crate::hello;
use crate::is_wanted;
use crate::load::{self, Connection};
use crate::row;
use crate::server::{Server, free_address};
use crate::stats::{Times, ratio};
use crate::task;

/// Enough to keep two processors busy. One instance serves all of them.
const CONNECTIONS: usize = 8;
const TIME: Duration = Duration::from_secs(4);
const CALLS: usize = 2_000;
/// Of what the front answers itself, as it has nothing to wait for.
const FRONT_CONNECTIONS: usize = 64;
/// How often each is asked.
const TURNS: usize = 7;

/// A function that says hello.
struct Application {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// Where the cloud's functions listen.
    listen: &'static str,
    path: &'static str,
    /// The framework by itself, in the application's folder.
    peer: fn(&Path) -> Result<Option<Server>>,
    /// Requests per processor second, and the time of one.
    wanted: [&'static str; 2],
}

const APPLICATIONS: [Application; 3] = [
    Application {
        name: "node",
        files: &[
            (
                "package.json",
                r#"{"name":"hello","private":true,"main":"index.js","dependencies":{"@google-cloud/functions-framework":"5.0.5"}}"#,
            ),
            (
                "index.js",
                "const functions = require('@google-cloud/functions-framework');\nfunctions.http('hello', (req, res) => { res.send('Hello!'); });\n",
            ),
        ],
        listen: "--google-listen",
        path: "/hello",
        peer: |app| {
            // The very copy that was installed for ours.
            let mut command = Command::new("node");
            command
                .arg("node_modules/.bin/functions-framework")
                .args(["--target", "hello"]);
            Server::spawn_peer(command.current_dir(app)).map(Some)
        },
        wanted: ["≥ 4×", "≤ 0.8×"],
    },
    Application {
        name: "python",
        files: &[
            ("requirements.txt", "functions-framework==3.10.2\n"),
            (
                "main.py",
                "import functions_framework\n\n@functions_framework.http\ndef hello(request):\n    return 'Hello!'\n",
            ),
        ],
        listen: "--google-listen",
        path: "/hello",
        peer: |app| {
            let Some(program) = std::env::var_os("FRAMEWORK_PYTHON") else {
                return Ok(None);
            };
            let mut command = Command::new(program);
            command.args(["--target", "hello"]).current_dir(app);
            Server::spawn_peer(&mut command).map(Some)
        },
        wanted: ["≥ 5×", ""],
    },
    Application {
        name: "azure",
        files: &[
            ("host.json", r#"{ "version": "2.0" }"#),
            (
                "hello/function.json",
                r#"{ "bindings": [
  { "authLevel": "anonymous", "type": "httpTrigger", "direction": "in", "name": "req", "methods": ["get"] },
  { "type": "http", "direction": "out", "name": "res" }
] }"#,
            ),
            (
                "hello/index.js",
                "module.exports = async function (context, req) { context.res = { body: 'Hello!' }; };\n",
            ),
        ],
        listen: "--azure-listen",
        path: "/api/hello",
        // Its host is in no registry that everybody has.
        peer: |_| Ok(None),
        wanted: ["", ""],
    },
];

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    for application in APPLICATIONS.iter().filter(|one| is_wanted(one.name)) {
        application.measure(binary, &work.join(application.name))?;
    }
    if is_wanted("front") {
        front(binary, &work.join("front"))?;
    }
    Ok(())
}

impl Application {
    fn measure(&self, binary: &Path, app: &Path) -> Result<()> {
        let ours = self.serve(binary, app)?;
        let peer = (self.peer)(app)?;
        let request = self.request();
        for server in [Some(&ours), peer.as_ref()].into_iter().flatten() {
            answer(server, &request).with_context(|| format!("{} first", self.name))?;
        }
        self.one_client(&ours, peer.as_ref())?;
        let (rate, theirs) = by_turns(&ours, peer.as_ref(), &request, CONNECTIONS, TIME)?;
        let figure = format!(
            "HTTP function, {}: requests per second of the processors, {CONNECTIONS} clients",
            self.name
        );
        match theirs {
            Some(theirs) => row::rate(&figure, rate, "functions-framework", theirs, self.wanted[0]),
            None => row::alone(&figure, rate, "", self.wanted[0]),
        }
        Ok(())
    }

    fn serve(&self, binary: &Path, app: &Path) -> Result<Server> {
        for (name, text) in self.files {
            let file = app.join(name);
            std::fs::create_dir_all(file.parent().context("it is in the application")?)?;
            std::fs::write(file, text)?;
        }
        let address = free_address()?;
        let mut server = Server::spawn(
            binary,
            &["up", &app.display().to_string(), self.listen, &address],
        )?;
        server.wait_for("deployed")?;
        server.host = address;
        Ok(server)
    }

    fn request(&self) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", self.path).into_bytes()
    }

    /// By turns, so that both meet the same machine.
    fn one_client(&self, ours: &Server, peer: Option<&Server>) -> Result<()> {
        let mut lanes = [Some(ours), peer].map(|server| {
            server.map(|server| (client::Connection::open(&server.host), Vec::new()))
        });
        let request = self.request();
        for _ in 0..CALLS {
            for (connection, times) in lanes.iter_mut().flatten() {
                let connection = connection
                    .as_mut()
                    .map_err(|error| anyhow::anyhow!("{error}"))?;
                let started = Instant::now();
                let (status, _) = connection.exchange(&request)?;
                times.push(started.elapsed());
                ensure!(status == 200, "{}: {status}", self.name);
            }
        }
        let times = lanes.map(|lane| lane.map(|(_, times)| Times::new(times)));
        let [Some(ours), theirs] = times else {
            return Ok(());
        };
        let micros = |times: &Times| {
            format!(
                "{:.0} µs ({:.0} µs)",
                times.p50().as_secs_f64() * 1e6,
                times.min().as_secs_f64() * 1e6
            )
        };
        let (beside, times) = theirs.map_or_else(Default::default, |theirs| {
            (
                format!("functions-framework: {}", micros(&theirs)),
                ratio(ours.p50(), theirs.p50()),
            )
        });
        println!(
            "| HTTP function, {}, one client: p50 (min) | {} | {beside} | {times} | {} |",
            self.name,
            micros(&ours),
            self.wanted[1]
        );
        Ok(())
    }
}

/// Requests per second of the processors, the medians of several turns: what else the machine does changes within seconds,
/// and by more than is to be shown. What was asked for as long as `warm` before is not counted.
fn by_turns(
    ours: &Server,
    other: Option<&Server>,
    request: &[u8],
    connections: usize,
    warm: Duration,
) -> Result<(f64, Option<f64>)> {
    let run = |server, time| load::run(server, vec![request.to_vec()], connections, time);
    let lanes = [Some(ours), other];
    let mut rates = [Vec::new(), Vec::new()];
    for server in lanes.into_iter().flatten() {
        run(server, warm)?;
    }
    for _ in 0..TURNS {
        for (server, rates) in lanes.iter().zip(&mut rates) {
            if let Some(server) = server {
                rates.push(run(server, TIME / 3)?.per_processor_second());
            }
        }
    }
    let [ours, theirs] = rates.map(median);
    Ok((ours.context("it had its turns")?, theirs))
}

/// The answer's body, as soon as the server answers at all.
fn answer(server: &Server, request: &[u8]) -> Result<Vec<u8>> {
    let once = || {
        task::runtime()?.block_on(async {
            let mut connection = Connection::open(&server.host).await?;
            anyhow::Ok(connection.send(request).await?.to_vec())
        })
    };
    let started = Instant::now();
    loop {
        match once() {
            Err(_) if started.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            outcome => return outcome,
        }
    }
}

const FRONT: &str = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  Front:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      DefinitionBody:
        swagger: "2.0"
        info: { title: front, version: "1" }
        securityDefinitions: { key: { type: apiKey, name: x-api-key, in: header } }
        paths:
          /items/{id}:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: { application/json: '{"statusCode": 200}' }
                responses: { default: { statusCode: "200", responseTemplates: { application/json: '{"ok": true}' } } }
          /keyed/{id}:
            get:
              security: [{ key: [] }]
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: { application/json: '{"statusCode": 200}' }
                responses: { default: { statusCode: "200", responseTemplates: { application/json: '{"ok": true}' } } }
  Key: { Type: AWS::ApiGateway::ApiKey, Properties: { Enabled: true, Value: a-key-of-twenty-letters } }
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Properties:
      ApiStages: [{ ApiId: !Ref Front, Stage: v1 }]
      Throttle: { RateLimit: 1000000, BurstLimit: 1000000 }
  Held: { Type: AWS::ApiGateway::UsagePlanKey, Properties: { KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan } }
Outputs:
  Front: { Value: !Ref Front }
"#;

fn front(binary: &Path, app: &Path) -> Result<()> {
    std::fs::create_dir_all(app)?;
    std::fs::write(app.join("template.yaml"), FRONT)?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    let deployed = server.wait_for("deployed")?;
    let api = output(&deployed, "Front").context("the API has a name")?;
    let host = format!("{api}.execute-api.localhost");
    let key = "x-api-key: a-key-of-twenty-letters\r\n";
    let asked = [
        (
            "a gateway's route that is answered by itself",
            "/v1/items/1",
            host.as_str(),
            "",
        ),
        (
            "the same for whoever has a key, within its plan's rate",
            "/v1/keyed/1",
            host.as_str(),
            key,
        ),
        ("the server's health", "/_fulmar/health", "localhost", ""),
    ];
    for (what, path, host, lines) in asked {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n").into_bytes();
        let plain = hello::start(answer(&server, &request)?.len())?;
        let (ours, floor) = by_turns(&server, Some(&plain), &request, FRONT_CONNECTIONS, TIME / 4)?;
        row::rate(
            &format!("front alone, {what}: requests per second of the processors"),
            ours,
            "plain hyper, as many bytes",
            floor.context("it had its turns")?,
            "≥ 0.8×",
        );
    }
    Ok(())
}

fn median(mut of: Vec<f64>) -> Option<f64> {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied()
}

fn output(deployed: &Value, name: &str) -> Option<String> {
    let outputs = deployed["outputs"].as_array()?;
    let found = outputs.iter().find(|output| output["name"] == name)?;
    Some(found["value"].as_str()?.to_owned())
}
