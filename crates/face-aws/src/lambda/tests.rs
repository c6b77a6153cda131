//! Raw requests against the whole of it: the face, the engine, and real Node processes, unconfined.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;

use access::{Access, Principal, RootKey};
use base::{ByteSize, Clock, Random, SystemClock};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use functions::{Config, Functions, Launcher, Parts};
use http::{Method, StatusCode};
use ledger::Ledger;
use objects::Objects;
use runtimes::Runtimes;
use serde_json::{Value, json};
use store::Store;
use tables::Tables;
use triggers::Triggers;

mod answers;
mod versions;

use super::Lambda;
use crate::context::Context;
use crate::dialect::AwsDialect;

struct World {
    lambda: Lambda,
    functions: Functions,
    ledger: Ledger,
    folder: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What an SDK makes of it.
    fn error(&self) -> (u16, &str, String) {
        let body = self.json();
        let message = body["message"].as_str().or(body["Message"].as_str());
        let message = message.unwrap_or_default().to_owned();
        (
            self.status.as_u16(),
            self.header("x-amzn-errortype"),
            message,
        )
    }
}

const FUNCTIONS: &str = "/2015-03-31/functions";

impl World {
    async fn new() -> Self {
        let store = Store::ephemeral(Random::system());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random = Random::system();
        let folder = std::env::temp_dir().join(format!("fulmar-lambda-{}", random.uuid()));
        let access = Access::open(
            &store,
            "000000000000",
            vec![RootKey::default()],
            clock.clone(),
            random.clone(),
        )
        .await
        .unwrap();
        let ledger = Ledger::new(store.clone(), ledger::Limits::default());
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let runtimes = Runtimes::new(
            Arc::new(sandbox::NoJail),
            sandbox::Network::Host,
            folder.join("runtimes"),
        );
        let functions = Functions::open(Parts {
            store: store.clone(),
            ledger: ledger.clone(),
            launcher: Launcher::of(runtimes),
            dialects: functions::Dialects::new(Arc::new(AwsDialect::new(
                access.clone(),
                clock.clone(),
                4566,
            ))),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: folder.join("code"),
            config: Config::default(),
        })
        .unwrap();
        let tables = Tables::new(store.clone(), clock.clone(), random.clone());
        let queues = queues::Queues::new(store.clone(), clock.clone(), random.clone());
        let triggers = Triggers::new(triggers::Parts {
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            buses: buses::Buses::new(store.clone(), clock.clone(), random.clone()),
            topics: topics::Topics::new(store.clone(), clock.clone(), random.clone()),
            wording: std::sync::Arc::new(triggers::Bare),
            queues: queues.clone(),
            store,
            objects: objects.clone(),
            tables: tables.clone(),
            functions: functions.clone(),
            clock: clock.clone(),
            random,
        });
        let lambda = Lambda::new(
            functions.clone(),
            triggers.clone(),
            objects.clone(),
            access,
            clock,
        );
        Self {
            lambda,
            functions,
            ledger,
            folder,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:4566");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let context = Context {
            space: Context::space("000000000000", "us-east-1"),
            account: "000000000000".into(),
            region: "us-east-1".into(),
            principal: Principal::Owner {
                account: "000000000000".into(),
            },
            request_id: self.functions.new_request_id(),
        };
        let response = self.lambda.call(&context, &head, body.into()).await;
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: wire::collect(body, ByteSize::mib(64)).await.unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, &format!("{FUNCTIONS}{path}"), &[], "")
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(
            Method::POST,
            &format!("{FUNCTIONS}{path}"),
            &[],
            body.to_string(),
        )
        .await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(
            Method::PUT,
            &format!("{FUNCTIONS}{path}"),
            &[],
            body.to_string(),
        )
        .await
    }

    async fn deploy(&self, name: &str, source: &str, more: Value) -> Answer {
        let mut input = json!({
            "FunctionName": name,
            "Runtime": "nodejs20.x",
            "Role": "arn:aws:iam::000000000000:role/worker",
            "Handler": "index.handler",
            "Code": { "ZipFile": zip(source) },
        });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.post("", &input).await
    }

    async fn invoke(&self, name: &str, headers: &[(&str, &str)], payload: &str) -> Answer {
        let path = format!("{FUNCTIONS}/{name}/invocations");
        self.send(Method::POST, &path, headers, payload.to_owned())
            .await
    }
}

fn zip(source: &str) -> String {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file("index.js", options).unwrap();
    writer.write_all(source.as_bytes()).unwrap();
    STANDARD.encode(writer.finish().unwrap().into_inner())
}

const ECHO: &str = "exports.handler = async (event, context) => ({ event, id: context.awsRequestId, arn: context.invokedFunctionArn, colour: process.env.COLOUR, version: context.functionVersion, context: context.clientContext });";

#[tokio::test]
async fn a_function_lives_from_creation_to_deletion() {
    let world = World::new().await;
    let more = json!({ "Environment": { "Variables": { "COLOUR": "red" } }, "Tags": { "team": "a" }, "Timeout": 5 });
    let created = world.deploy("f", ECHO, more.clone()).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    let created = created.json();
    assert_eq!(
        created["FunctionArn"],
        "arn:aws:lambda:us-east-1:000000000000:function:f"
    );
    assert_eq!(created["State"], "Active");
    assert_eq!(created["Timeout"], 5);
    assert_eq!(created["MemorySize"], 128);
    assert_eq!(created["Environment"]["Variables"]["COLOUR"], "red");
    let again = world.deploy("f", ECHO, json!({})).await;
    assert_eq!(
        again.error(),
        (
            409,
            "ResourceConflictException",
            "Function already exist: f".into()
        )
    );
    let got = world
        .get("/arn:aws:lambda:us-east-1:000000000000:function:f")
        .await
        .json();
    assert_eq!(got["Configuration"]["CodeSha256"], created["CodeSha256"]);
    assert_eq!(got["Tags"]["team"], "a");
    let location = got["Code"]["Location"].as_str().unwrap();
    let path = location.strip_prefix("http://localhost:4566").unwrap();
    let package = world.send(Method::GET, path, &[], "").await;
    assert_eq!(STANDARD.encode(&package.body), zip(ECHO));

    let changed = world
        .put("/f/configuration", &json!({ "MemorySize": 256 }))
        .await
        .json();
    assert_eq!(
        (&changed["MemorySize"], &changed["Timeout"]),
        (&json!(256), &json!(5))
    );
    let stale = json!({ "ZipFile": zip("new"), "RevisionId": created["RevisionId"] });
    assert_eq!(
        world.put("/f/code", &stale).await.error().1,
        "PreconditionFailedException"
    );
    let code = world
        .put("/f/code", &json!({ "ZipFile": zip("new") }))
        .await
        .json();
    assert_ne!(code["CodeSha256"], created["CodeSha256"]);

    world.deploy("g", ECHO, json!({})).await;
    let page = world.get("?MaxItems=1").await.json();
    assert_eq!(page["Functions"][0]["FunctionName"], "f");
    let marker = page["NextMarker"].as_str().unwrap().replace('=', "%3D");
    let page = world
        .get(&format!("?MaxItems=1&Marker={marker}"))
        .await
        .json();
    assert_eq!(page["Functions"][0]["FunctionName"], "g");
    assert!(page.get("NextMarker").is_none());

    let delete = || world.send(Method::DELETE, "/2015-03-31/functions/f", &[], "");
    assert_eq!(delete().await.status, 204);
    let missing = (
        404,
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f".into(),
    );
    assert_eq!(delete().await.error(), missing);
    assert_eq!(world.get("/f").await.error(), missing);
    assert_eq!(world.invoke("f", &[], "{}").await.error(), missing);
}

#[tokio::test]
async fn bad_input_gets_the_services_own_errors_and_creates_nothing() {
    let world = World::new().await;
    let refused = |more| {
        let world = &world;
        async move {
            let answer = world.deploy("f", ECHO, more).await;
            let (status, code, message) = answer.error();
            (status, code.to_owned(), message)
        }
    };
    let (status, code, message) = refused(json!({ "Timeout": 901 })).await;
    assert_eq!(
        (status, code.as_str()),
        (400, "ValidationException"),
        "{message}"
    );
    let (status, code, _) =
        refused(json!({ "Code": { "ZipFile": STANDARD.encode("no zip") } })).await;
    assert_eq!(
        (status, code.as_str()),
        (400, "InvalidParameterValueException")
    );
    let (.., message) = refused(json!({ "Code": {} })).await;
    assert_eq!(message, "Please provide a source for function code.");
    let (.., message) = refused(json!({ "Code": { "S3Bucket": "none-such", "S3Key": "k" } })).await;
    assert!(message.contains("S3 Error Code: NoSuchBucket"), "{message}");
    let (.., message) =
        refused(json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } })).await;
    assert!(
        message.ends_with("Reserved keys used in this request: AWS_REGION"),
        "{message}"
    );
    let (.., message) =
        refused(json!({ "Environment": { "Variables": { "AB": "x".repeat(4_096) } } })).await;
    assert!(message.contains("exceeded the 4KB limit"), "{message}");
    let (status, code, message) = refused(json!({ "Runtime": "ruby3.4" })).await;
    assert_eq!(
        (status, code.as_str()),
        (501, "NotImplementedException"),
        "{message}"
    );
    let layer = "arn:aws:lambda:us-east-1:000000000000:layer:l:1";
    let (.., message) = refused(json!({ "Layers": [layer] })).await;
    assert_eq!(message, format!("Layer version {layer} does not exist."));
    let (status, code, message) = refused(json!({ "Runtime": "nonsense" })).await;
    assert_eq!(status, 400, "{code} {message}");
    let (status, code, message) = refused(json!({ "Role": "nobody" })).await;
    assert_eq!(
        (status, code.as_str()),
        (400, "ValidationException"),
        "{message}"
    );
    let elsewhere = world
        .get("/arn:aws:lambda:eu-west-1:000000000000:function:f")
        .await;
    assert_eq!(
        elsewhere.error().2,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    );
    let path = "/2020-04-22/code-signing-configs";
    let publisher = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/aaaaaaaaaa";
    let body = json!({ "AllowedPublishers": { "SigningProfileVersionArns": [publisher] } });
    let unbuilt = world.send(Method::POST, path, &[], body.to_string()).await;
    let unbuilt = unbuilt.error().2;
    assert!(unbuilt.contains("CreateCodeSigningConfig"), "{unbuilt}");
    assert_eq!(world.get("").await.json()["Functions"], json!([]));
}

#[tokio::test]
async fn permissions_concurrency_asynchronous_settings_and_tags_are_kept() {
    let world = World::new().await;
    world.deploy("f", ECHO, json!({})).await;
    let permission = json!({
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::photos",
        "SourceAccount": "000000000000",
    });
    let added = world.post("/f/policy", &permission).await;
    assert_eq!(added.status, 201, "{:?}", added.body);
    assert_eq!(world.post("/f/policy", &permission).await.error().0, 409);
    let policy = world.get("/f/policy").await.json();
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"][0]["Principal"]["Service"],
        "s3.amazonaws.com"
    );
    assert_eq!(
        policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"],
        "arn:aws:s3:::photos"
    );
    let path = "/2015-03-31/functions/f/policy/s3";
    assert_eq!(world.send(Method::DELETE, path, &[], "").await.status, 204);
    assert_eq!(world.get("/f/policy").await.error().0, 404);

    let concurrency = "/2017-10-31/functions/f/concurrency";
    let body = json!({ "ReservedConcurrentExecutions": 0 }).to_string();
    assert_eq!(
        world.send(Method::PUT, concurrency, &[], body).await.status,
        200
    );
    let throttled = world.invoke("f", &[], "{}").await;
    assert_eq!(
        throttled.error(),
        (429, "TooManyRequestsException", "Rate Exceeded.".into())
    );
    assert_eq!(
        throttled.json()["Reason"],
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    );
    assert_eq!(
        world
            .send(Method::DELETE, concurrency, &[], "")
            .await
            .status,
        204
    );

    let asynchronous = "/2019-09-25/functions/f/event-invoke-config";
    assert_eq!(
        world
            .send(Method::GET, asynchronous, &[], "")
            .await
            .error()
            .0,
        404
    );
    let body = json!({ "MaximumRetryAttempts": 1 }).to_string();
    let set = world
        .send(Method::PUT, asynchronous, &[], body)
        .await
        .json();
    assert_eq!(
        (
            &set["MaximumRetryAttempts"],
            set.get("MaximumEventAgeInSeconds"),
            &set["DestinationConfig"]
        ),
        (
            &json!(1),
            None,
            &json!({ "OnSuccess": {}, "OnFailure": {} })
        )
    );
    let body = json!({ "MaximumEventAgeInSeconds": 60 }).to_string();
    let set = world.send(Method::POST, asynchronous, &[], body).await;
    assert_eq!(set.json()["MaximumRetryAttempts"], 1);
    assert_eq!(set.json()["MaximumEventAgeInSeconds"], 60);
    let body = json!({ "MaximumEventAgeInSeconds": 60 }).to_string();
    let set = world.send(Method::PUT, asynchronous, &[], body).await;
    assert_eq!(set.json().get("MaximumRetryAttempts"), None);
    let body = json!({ "MaximumRetryAttempts": 3 }).to_string();
    let refused = world.send(Method::PUT, asynchronous, &[], body).await;
    assert_eq!(refused.status, 400);

    let tags = "/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:f";
    let body = json!({ "Tags": { "a": "1", "b": "2" } }).to_string();
    assert_eq!(world.send(Method::POST, tags, &[], body).await.status, 204);
    let path = format!("{tags}?tagKeys=a");
    assert_eq!(world.send(Method::DELETE, &path, &[], "").await.status, 204);
    assert_eq!(
        world.send(Method::GET, tags, &[], "").await.json()["Tags"],
        json!({ "b": "2" })
    );
}

#[tokio::test]
async fn a_node_function_is_invoked() {
    let world = World::new().await;
    let more = json!({ "Environment": { "Variables": { "COLOUR": "red" } } });
    world.deploy("f", ECHO, more).await;
    let context = STANDARD.encode("{\"custom\":{\"a\":1}}");
    let headers = [
        ("x-amz-log-type", "Tail"),
        ("x-amz-client-context", context.as_str()),
    ];
    let answer = world.invoke("f", &headers, "{\"x\":[1,\"ä\"]}").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
    assert_eq!(answer.header("x-amz-function-error"), "");
    let body = answer.json();
    assert_eq!(body["event"], json!({ "x": [1, "ä"] }));
    assert_eq!(body["id"], answer.header("x-amzn-requestid"));
    assert_eq!(
        body["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:f"
    );
    assert_eq!(
        (&body["colour"], &body["version"]),
        (&json!("red"), &json!("$LATEST"))
    );
    let log = STANDARD.decode(answer.header("x-amz-log-result")).unwrap();
    let log = String::from_utf8(log).unwrap();
    let id = answer.header("x-amzn-requestid");
    assert!(
        log.starts_with(&format!("START RequestId: {id} Version: $LATEST\n")),
        "{log}"
    );
    assert!(
        log.contains(&format!(
            "END RequestId: {id}\nREPORT RequestId: {id}\tDuration: "
        )),
        "{log}"
    );
    assert!(log.contains("\tInit Duration: "), "{log}");
    let dry = world
        .invoke("f", &[("x-amz-invocation-type", "DryRun")], "{}")
        .await;
    assert_eq!((dry.status.as_u16(), dry.body.len()), (204, 0));
    let broken = world.invoke("f", &[], "{nonsense").await;
    assert_eq!(broken.error().1, "InvalidRequestContentException");
    let large = format!("\"{}\"", "x".repeat(7 << 20));
    assert_eq!(
        world.invoke("f", &[], &large).await.error().1,
        "RequestEntityTooLargeException"
    );
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    let event = [("x-amz-invocation-type", "Event")];
    assert_eq!(
        world.invoke("f", &event, &large).await.error().1,
        "RequestEntityTooLargeException"
    );
    assert_eq!(world.invoke("f", &[], &large).await.status, 200);
    world.functions.shutdown().await;
}

#[tokio::test]
async fn failures_have_their_published_shapes() {
    let world = World::new().await;
    let source = "exports.handler = async (event) => {
        if (event.exit !== undefined) process.exit(event.exit);
        if (event.hang) await new Promise(() => setInterval(() => {}, 1000));
        if (event.large) return 'x'.repeat(7 * 1024 * 1024);
        class Custom extends Error { constructor(m) { super(m); this.name = 'Custom'; } }
        throw new Custom('went wrong');
    };";
    world.deploy("f", source, json!({ "Timeout": 1 })).await;
    let failed = |payload: &'static str| {
        let world = &world;
        async move {
            let answer = world.invoke("f", &[], payload).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
            let id = answer.header("x-amzn-requestid").to_owned();
            (id, answer.json())
        }
    };
    let (_, thrown) = failed("{}").await;
    assert_eq!(
        (&thrown["errorType"], &thrown["errorMessage"]),
        (&json!("Custom"), &json!("went wrong"))
    );
    assert!(thrown["trace"].is_array(), "{thrown}");
    let (id, exited) = failed("{\"exit\":3}").await;
    let message = format!("RequestId: {id} Error: Runtime exited with error: exit status 3");
    assert_eq!(
        exited,
        json!({ "errorType": "Runtime.ExitError", "errorMessage": message })
    );
    let (id, exited) = failed("{\"exit\":0}").await;
    let message = format!("RequestId: {id} Error: Runtime exited without providing a reason");
    assert_eq!(
        exited,
        json!({ "errorType": "Runtime.ExitError", "errorMessage": message })
    );
    let (id, hung) = failed("{\"hang\":true}").await;
    let message = format!("RequestId: {id} Error: Task timed out after 1.00 seconds");
    assert_eq!(
        hung,
        json!({ "errorType": "Sandbox.Timedout", "errorMessage": message })
    );
    let (_, large) = failed("{\"large\":true}").await;
    assert_eq!(
        large,
        json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        })
    );
    let space = Context::space("000000000000", "us-east-1");
    world.ledger.caught_up().await;
    let records = world.ledger.invocations(&space, Some("f"), 10).unwrap();
    assert!(records.len() >= 4, "{}", records.len());
    world.functions.shutdown().await;
}

#[tokio::test]
async fn init_failures_and_missing_handlers_are_told() {
    let world = World::new().await;
    world
        .deploy("throws", "throw new Error('at init');", json!({}))
        .await;
    let thrown = world.invoke("throws", &[], "{}").await;
    assert_eq!(thrown.header("x-amz-function-error"), "Unhandled");
    assert_eq!(thrown.json()["errorMessage"], "at init");
    world.deploy("none", "exports.other = 1;", json!({})).await;
    let none = world.invoke("none", &[], "{}").await.json();
    assert_eq!(none["errorType"], "Runtime.HandlerNotFound", "{none}");
    world.functions.shutdown().await;
}

#[tokio::test]
async fn calls_at_once_run_in_processes_of_their_own() {
    let world = World::new().await;
    let source = "exports.handler = async () => { await new Promise(r => setTimeout(r, 300)); return process.pid; };";
    world.deploy("f", source, json!({})).await;
    let calls = (0..4).map(|_| world.invoke("f", &[], "{}"));
    let answers = futures_util::future::join_all(calls).await;
    let pids: std::collections::BTreeSet<u64> = answers
        .iter()
        .map(|answer| answer.json().as_u64().unwrap())
        .collect();
    assert_eq!(pids.len(), 4);
    let again = world.invoke("f", &[], "{}").await.json().as_u64().unwrap();
    assert!(pids.contains(&again));
    world.functions.shutdown().await;
}
