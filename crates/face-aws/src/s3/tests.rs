//! Raw requests against the service: what official clients never send, and the shapes of what they are told.

use std::path::PathBuf;
use std::sync::Arc;

use access::{Access, RootKey};
use base::{ByteSize, Clock, Random, SystemClock, Timestamp};
use bytes::Bytes;
use functions::{
    CallFacts, Config, Dialect, Event, Failed, Fault, Function, Functions, InstanceFacts, Launcher,
    Moment,
};
use http::{Method, StatusCode};
use ledger::{Ledger, Phases};
use objects::Objects;
use store::Store;
use tables::Tables;
use triggers::Triggers;
use wire::{Body, BodyError, Response};

mod cors;
mod forms;
mod lifecycles;
mod listing;
mod notifications;
mod parts;
mod refusals;
mod settings;
mod tags;
mod versions;
mod visits;
mod websites;

use super::signature::sign_for_tests;
use super::{Parts, S3};
use crate::signature::hex;

/// Nothing runs in these tests, so nobody speaks.
struct Mute;

impl Dialect for Mute {
    fn log_group(&self, _: &Function) -> String {
        String::new()
    }
    fn log_stream(&self, _: Timestamp, _: Option<u64>, _: u128) -> String {
        String::new()
    }
    fn environment(&self, _: &InstanceFacts<'_>) -> Vec<(String, String)> {
        Vec::new()
    }
    fn render(&self, _: &Event) -> Bytes {
        Bytes::new()
    }
    fn invoked_name(&self, _: &Function, _: Option<&str>) -> String {
        String::new()
    }
    fn trace(&self, _: Timestamp, _: [u8; 20]) -> String {
        String::new()
    }
    fn fault(&self, _: &str, _: &Fault) -> Failed {
        self.reported(Bytes::new(), None)
    }
    fn reported(&self, payload: Bytes, _: Option<&str>) -> Failed {
        Failed {
            kind: String::new(),
            message: String::new(),
            payload,
        }
    }
    fn log_lines(&self, _: &CallFacts<'_>, _: &Moment<'_>) -> Vec<String> {
        Vec::new()
    }
    fn account(&self, _: &Function) -> String {
        String::new()
    }
    fn version_name(&self, _: Option<u64>) -> String {
        String::new()
    }
    fn billed_ms(&self, _: &Phases) -> u64 {
        0
    }
}

struct World {
    s3: S3,
    objects: Objects,
}

impl World {
    async fn new() -> Self {
        let random = Random::seeded(5);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Store::ephemeral(random.clone());
        let roots = vec![RootKey::default()];
        let access = Access::open(&store, "000000000000", roots, clock.clone(), random.clone())
            .await
            .unwrap();
        let objects = Objects::new(store.clone(), clock.clone(), random.clone());
        let functions = Functions::open(functions::Parts {
            store: store.clone(),
            ledger: Ledger::new(store.clone(), ledger::Limits::default()),
            launcher: Launcher::new(|_, _| async {
                Err(functions::NotLaunched::Host("nothing runs here".into()))
            }),
            dialects: functions::Dialects::new(Arc::new(Mute)),
            clock: clock.clone(),
            random: random.clone(),
            code_dir: PathBuf::from("/nonexistent"),
            config: Config::default(),
        })
        .unwrap();
        let triggers = Triggers::new(triggers::Parts {
            schedules: schedules::Schedules::new(store.clone(), clock.clone(), random.clone()),
            buses: buses::Buses::new(store.clone(), clock.clone(), random.clone()),
            topics: topics::Topics::new(store.clone(), clock.clone(), random.clone()),
            wording: std::sync::Arc::new(triggers::Bare),
            tables: Tables::new(store.clone(), clock.clone(), random.clone()),
            queues: queues::Queues::new(store.clone(), clock.clone(), random.clone()),
            store,
            objects: objects.clone(),
            functions: functions.clone(),
            clock,
            random: random.clone(),
        });
        let s3 = S3::new(Parts {
            objects: objects.clone(),
            access,
            triggers,
            functions,
            random,
        });
        let world = Self { s3, objects };
        let made = world.send(Ask::new(Method::PUT, "/bucket")).await;
        assert_eq!(made.status, StatusCode::OK);
        world
    }

    async fn send(&self, ask: Ask) -> Answer {
        Answer::of(self.s3.call(ask.signed()).await).await
    }

    async fn fails(&self, ask: Ask) -> (u16, String) {
        let answer = self.send(ask).await;
        (answer.status.as_u16(), answer.code())
    }

    fn is_empty(&self) -> bool {
        let list = objects::List {
            limit: 10,
            ..objects::List::default()
        };
        let listing = self.objects.list("bucket", &list).unwrap();
        listing.entries.is_empty()
    }
}

/// A request before it is signed.
struct Ask {
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Body,
    /// What is signed in place of the body.
    payload: String,
    secret: &'static str,
}

impl Ask {
    fn new(method: Method, target: &str) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: wire::empty(),
            payload: "UNSIGNED-PAYLOAD".into(),
            secret: "test",
        }
    }

    fn put(body: &'static [u8]) -> Self {
        Self::new(Method::PUT, "/bucket/key")
            .header("content-length", &body.len().to_string())
            .body(wire::full(Bytes::from_static(body)))
    }

    /// A body in chunks that are not signed, of so many bytes without the framing.
    fn chunked(framed: &'static str, length: usize) -> Self {
        let mut ask = Self::put(framed.as_bytes())
            .header("x-amz-decoded-content-length", &length.to_string())
            .header("content-encoding", "aws-chunked");
        ask.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into();
        ask
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body at hand.
    fn with(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.header("content-length", &body.len().to_string())
            .body(wire::full(body))
    }

    fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    fn signed(self) -> wire::Request {
        let mut builder = http::Request::builder()
            .method(self.method)
            .uri(self.target)
            .header("host", "localhost:4566")
            .header("x-amz-content-sha256", &self.payload);
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(self.body).unwrap();
        sign_for_tests(request, self.secret, SystemClock.now())
    }
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = wire::collect(body, ByteSize::mib(1)).await.unwrap();
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    fn element(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("<{name}>"))
            .unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split_once("</").unwrap().0.to_owned()
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> String {
        self.element("Code")
    }
}

#[tokio::test]
async fn an_error_has_the_services_shape() {
    let world = World::new().await;
    let answer = world.send(Ask::new(Method::GET, "/bucket/no%20key")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "NoSuchKey");
    assert_eq!(answer.element("Key"), "no key");
    assert!(!answer.body.contains("<Resource>"), "{}", answer.body);
    let id = answer.headers["x-amz-request-id"].to_str().unwrap();
    assert_eq!(answer.element("RequestId"), id);
    let host_id = answer.headers["x-amz-id-2"].to_str().unwrap();
    assert_eq!(answer.element("HostId"), host_id);
    assert_eq!(answer.headers["content-type"], "application/xml");
}

#[tokio::test]
async fn an_unsigned_chunked_body_with_a_trailer() {
    let world = World::new().await;
    // CRC-32 of "hello" is 3610a686.
    let framed = "3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let ask = || Ask::chunked(framed, 5).header("x-amz-trailer", "x-amz-checksum-crc32");
    let stored = world.send(ask()).await;
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.body);
    assert_eq!(stored.headers["x-amz-checksum-crc32"], "NhCmhg==");
    let found = world.send(Ask::new(Method::GET, "/bucket/key")).await;
    assert_eq!(found.body, "hello");
    assert!(!found.headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn chunked_bodies_that_are_wrong_store_nothing() {
    let world = World::new().await;
    let trailer = |ask: Ask| ask.header("x-amz-trailer", "x-amz-checksum-crc32");
    let wrong = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
    let bad_digest = (400, "BadDigest".to_owned());
    assert_eq!(
        world.fails(trailer(Ask::chunked(wrong, 5))).await,
        bad_digest
    );
    let without = "5\r\nhello\r\n0\r\n\r\n";
    let malformed = (400, "MalformedTrailerError".to_owned());
    assert_eq!(
        world.fails(trailer(Ask::chunked(without, 5))).await,
        malformed
    );
    let incomplete = (400, "IncompleteBody".to_owned());
    assert_eq!(world.fails(Ask::chunked(without, 6)).await, incomplete);
    assert_eq!(world.fails(Ask::chunked(without, 4)).await, incomplete);
    assert_eq!(world.fails(Ask::chunked("5\r\nhel", 5)).await, incomplete);
    assert_eq!(
        world.fails(Ask::chunked("ffffffffffffffff\r\n", 5)).await,
        incomplete
    );
    let invalid = (400, "InvalidRequest".to_owned());
    assert_eq!(
        world.fails(Ask::chunked("zz\r\nhello\r\n", 5)).await,
        invalid
    );
    assert_eq!(
        world.fails(Ask::chunked("5\r\nhelloXX0\r\n\r\n", 5)).await,
        invalid
    );
    assert!(world.is_empty());
}

#[tokio::test]
async fn a_signed_chunked_body() {
    let world = World::new().await;
    for (tamper, expected) in [(false, 200), (true, 403)] {
        let mut ask =
            Ask::new(Method::PUT, "/bucket/signed").header("x-amz-decoded-content-length", "8");
        ask.payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".into();
        let request = ask.signed();
        let framed = super::signature::chunks_for_tests(&request, "test", &[b"hello", b"abc", b""]);
        let framed = if tamper {
            framed.replace("hello", "hellO")
        } else {
            framed
        };
        let request = request.map(|_| wire::full(framed));
        let answer = Answer::of(world.s3.call(request).await).await;
        assert_eq!(answer.status.as_u16(), expected, "{}", answer.body);
    }
    let found = world.send(Ask::new(Method::GET, "/bucket/signed")).await;
    assert_eq!(found.body, "helloabc");
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let world = World::new().await;
    for size in [10, 100_000] {
        let pieces: Vec<Result<Bytes, BodyError>> = vec![
            Ok(Bytes::from(vec![b'x'; size / 2])),
            Err(BodyError::Truncated("the client is gone".into())),
        ];
        let ask = Ask::new(Method::PUT, "/bucket/key")
            .header("content-length", &size.to_string())
            .body(wire::stream(futures_util::stream::iter(pieces)));
        assert_eq!(world.fails(ask).await, (400, "IncompleteBody".into()));
    }
    assert!(world.is_empty());
}

#[tokio::test]
async fn a_body_other_than_the_signed_one_stores_nothing() {
    let world = World::new().await;
    let mut ask = Ask::put(b"hello");
    ask.payload = hex(&[7; 32]);
    assert_eq!(
        world.fails(ask).await,
        (400, "XAmzContentSHA256Mismatch".into())
    );
    let mut ask = Ask::put(b"hello");
    ask.payload = "nonsense".into();
    assert_eq!(world.fails(ask).await, (400, "InvalidArgument".into()));
    assert!(world.is_empty());
}

#[tokio::test]
async fn lengths_that_are_missing_or_too_great() {
    let world = World::new().await;
    let without = Ask::new(Method::PUT, "/bucket/key");
    assert_eq!(
        world.fails(without).await,
        (411, "MissingContentLength".into())
    );
    let huge = Ask::new(Method::PUT, "/bucket/key").header("content-length", "5368709121");
    assert_eq!(world.fails(huge).await, (400, "EntityTooLarge".into()));
    let wrong = Ask::new(Method::PUT, "/bucket/key").header("content-length", "many");
    assert_eq!(world.fails(wrong).await, (400, "InvalidArgument".into()));
    assert!(world.is_empty());
}

#[tokio::test]
async fn checksums_that_are_no_checksums() {
    let world = World::new().await;
    let two = Ask::put(b"x")
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .header("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(world.fails(two).await, (400, "InvalidRequest".into()));
    let short = Ask::put(b"x").header("x-amz-checksum-crc32", "AAAA");
    assert_eq!(world.fails(short).await, (400, "InvalidRequest".into()));
    let md5 = Ask::put(b"x").header("content-md5", "AAAA");
    assert_eq!(world.fails(md5).await, (400, "InvalidDigest".into()));
    assert!(world.is_empty());
}

#[tokio::test]
async fn headers_that_were_not_signed_are_refused() {
    let world = World::new().await;
    let mut request = Ask::put(b"x").signed();
    let value = http::HeaderValue::from_static("more");
    request.headers_mut().insert("x-amz-meta-smuggled", value);
    let answer = Answer::of(world.s3.call(request).await).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.element("HeadersNotSigned"), "x-amz-meta-smuggled");
    assert!(world.is_empty());
}

#[tokio::test]
async fn a_wrong_secret_is_told_what_was_expected_of_it() {
    let world = World::new().await;
    let mut ask = Ask::new(Method::GET, "/bucket");
    ask.secret = "guess";
    let answer = world.send(ask).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.code(), "SignatureDoesNotMatch");
    assert!(
        answer
            .element("StringToSign")
            .starts_with("AWS4-HMAC-SHA256\n")
    );
}

#[tokio::test]
async fn nobody_may_do_anything_unsigned() {
    let world = World::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = http::Request::builder()
            .method(method)
            .uri("/bucket/key")
            .body(wire::empty())
            .unwrap();
        let answer = Answer::of(world.s3.call(request).await).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "AccessDenied");
    }
}

#[tokio::test]
async fn operations_that_are_not_there_say_their_names() {
    let world = World::new().await;
    let answer = world
        .send(Ask::new(Method::GET, "/bucket?inventory&id=1"))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED);
    let message = answer.element("Message");
    assert!(
        message.contains("GetBucketInventoryConfiguration"),
        "{message}"
    );
}
