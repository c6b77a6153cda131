//! Peers that keep a server waiting, in simulated time and without a network.

use base::ByteSize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;

use super::*;
use crate::{collect, empty, full, stream};

/// What the server's side of a connection holds at most of what is not taken.
const BUFFERED: usize = 4 << 10;

/// Answers `/echo` with what it was sent, `/endless` with ever more, and `/refused` without reading; tells when an endless
/// answer has been let go.
#[derive(Default)]
struct Sample {
    let_go: Arc<Notify>,
}

struct LetGo(Arc<Notify>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Service for Sample {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        Box::pin(async move {
            let status = |status: u16, body| {
                let mut response = Response::new(body);
                *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                response
            };
            match request.uri().path() {
                "/refused" => status(413, full("too large")),
                "/never" => {
                    let _held = LetGo(self.let_go.clone());
                    std::future::pending().await
                }
                "/pieces" => Response::new(stream(futures_util::stream::iter([
                    Ok("one".into()),
                    Ok("".into()),
                    Ok("three".into()),
                ]))),
                "/broken" => Response::new(stream(futures_util::stream::iter([
                    Ok("some".into()),
                    Err(crate::BodyError::Truncated("it broke".into())),
                ]))),
                "/short" => {
                    let mut response =
                        Response::new(stream(futures_util::stream::iter([Ok("some".into())])));
                    let headers = response.headers_mut();
                    headers.insert("content-length", http::HeaderValue::from_static("9"));
                    response
                }
                "/nothing" => {
                    let mut response = status(204, full("not to be sent"));
                    let headers = response.headers_mut();
                    headers.insert("content-length", http::HeaderValue::from_static("14"));
                    response
                }
                "/bye" => {
                    let mut response = Response::new(full("bye"));
                    let headers = response.headers_mut();
                    headers.insert("connection", http::HeaderValue::from_static("close"));
                    response
                }
                "/endless" => {
                    let held = LetGo(self.let_go.clone());
                    Response::new(stream(futures_util::stream::repeat_with(move || {
                        let _held = &held;
                        Ok(bytes::Bytes::from_static(&[b'x'; 1024]))
                    })))
                }
                _ => match collect(request.into_body(), ByteSize::mib(1)).await {
                    Ok(body) if body.is_empty() => Response::new(empty()),
                    Ok(body) => Response::new(full(body)),
                    Err(crate::BodyError::TooSlow) => status(408, empty()),
                    Err(_) => status(400, empty()),
                },
            }
        })
    }
}

/// A connection to a server of its own, and the task that attends to it.
fn connect(service: Sample) -> (DuplexStream, tokio::task::JoinHandle<Result<(), Broken>>) {
    let (ours, task, _) = connect_until_told(service);
    (ours, task)
}

fn connect_until_told(
    service: Sample,
) -> (
    DuplexStream,
    tokio::task::JoinHandle<Result<(), Broken>>,
    Arc<Stopping>,
) {
    let (ours, theirs) = tokio::io::duplex(BUFFERED);
    let limits = Limits::default();
    let serving = Serving {
        builder: builder(limits),
        slots: Arc::new(Semaphore::new(1)),
        limits,
        tls: None,
        asking: Asking {
            service: Arc::new(service),
            meter: Meter::default(),
        },
    };
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let stopping = Arc::new(Stopping::default());
    let task = tokio::spawn({
        let stopping = stopping.clone();
        async move {
            let (running, from) = (GracefulShutdown::new(), serving.from(peer));
            let watcher = running.watcher();
            serving.speak(theirs, from, &stopping, watcher).await
        }
    });
    (ours, task, stopping)
}

async fn all_of(mut peer: DuplexStream) -> String {
    let mut said = Vec::new();
    // What was sent before the end counts, however it ended.
    let _ = peer.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// Within how much simulated time something comes.
async fn took<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = tokio::time::Instant::now();
    let result = work.await;
    (result, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_given_up() {
    for opening in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n",
    ] {
        let (mut peer, task) = connect(Sample::default());
        peer.write_all(opening.as_bytes()).await.unwrap();
        let (_, waited) = took(task).await;
        let patience = Limits::default().header_timeout;
        assert!(
            waited >= patience && waited < patience * 2,
            "{opening:?} {waited:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_pauses_in_a_body_is_told_so() {
    let (mut peer, _task) = connect(Sample::default());
    let head =
        b"POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 10\r\n\r\nhello";
    peer.write_all(head).await.unwrap();
    let (said, waited) = took(all_of(peer)).await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert!(waited >= Limits::default().pause, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_but_sends_is_served() {
    let (mut peer, _task) = connect(Sample::default());
    let head = b"POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\n";
    peer.write_all(head).await.unwrap();
    for letter in b"hello" {
        tokio::time::advance(Limits::default().pause - Duration::from_secs(1)).await;
        peer.write_all(&[*letter]).await.unwrap();
        // The server sees it before time goes on.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    let said = all_of(peer).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("hello"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_lets_the_answer_go() {
    let service = Sample::default();
    let let_go = service.let_go.clone();
    let (mut peer, task) = connect(service);
    let head = b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n";
    peer.write_all(head).await.unwrap();
    let ((), waited) = took(let_go.notified()).await;
    assert!(waited >= Limits::default().pause, "{waited:?}");
    assert!(task.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_lets_the_answer_go_at_once() {
    let service = Sample::default();
    let let_go = service.let_go.clone();
    let (mut peer, _task) = connect(service);
    let head = b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n";
    peer.write_all(head).await.unwrap();
    let mut some = [0; 100];
    peer.read_exact(&mut some).await.unwrap();
    drop(peer);
    let ((), waited) = took(let_go.notified()).await;
    assert_eq!(waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_while_sending_may_send_on_and_ask_again() {
    const LENGTH: usize = 1 << 20;
    let (mut peer, _task) = connect(Sample::default());
    let head = format!("POST /refused HTTP/1.1\r\nhost: a\r\ncontent-length: {LENGTH}\r\n\r\n");
    peer.write_all(head.as_bytes()).await.unwrap();
    // Whoever writes all of it before it reads anything is neither stopped nor cut off.
    peer.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    let again =
        b"POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nagain";
    peer.write_all(again).await.unwrap();
    let said = all_of(peer).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(
        said.contains("HTTP/1.1 200") && said.ends_with("again"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_to_be_told_that_it_may_send_is_refused_first() {
    let (mut peer, _task) = connect(Sample::default());
    let head =
        b"POST /refused HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n";
    peer.write_all(head).await.unwrap();
    let said = all_of(peer).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(!said.contains("100 Continue"), "{said}");
    // Or it would ask again on a connection that is closed a moment later.
    assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn who_was_told_that_it_may_send_keeps_its_connection() {
    let said = exchange(
        "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\none\
         GET /bye HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let expected = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none\
         HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbye";
    assert_eq!(said.await, expected);
}

/// What is said to these requests, which are sent at once, without what says when.
async fn exchange(requests: &str) -> String {
    let (mut peer, _task) = connect(Sample::default());
    peer.write_all(requests.as_bytes()).await.unwrap();
    let said = all_of(peer).await;
    let lines = said.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_are_answered_in_turn() {
    let said = exchange(
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\none\
         GET /pieces HTTP/1.1\r\nhost: a\r\n\r\n\
         GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n\
         HEAD /bye HTTP/1.1\r\nhost: a\r\n\r\n\
         GET /never HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let expected = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none\
         HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n\
         HTTP/1.1 204 No Content\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n";
    assert_eq!(said.await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_usual_and_the_unusual_share_a_connection() {
    let said = exchange(
        "GET /bare HTTP/1.1\r\nhost: a\r\n\r\n\
         POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
         POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbye",
    );
    let expected = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi\
         HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbye";
    assert_eq!(said.await, expected);
    let said = exchange("GET / HTTP/1.1\r\nbad line\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    for (path, end) in [("/broken", "4\r\nsome\r\n"), ("/short", "some")] {
        let said = exchange(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        assert!(said.ends_with(&format!("\r\n\r\n{end}")), "{path} {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_before_it_is_answered_lets_the_request_go() {
    let service = Sample::default();
    let let_go = service.let_go.clone();
    let (mut peer, task) = connect(service);
    let head = b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n";
    peer.write_all(head).await.unwrap();
    // It sends its next request meanwhile, and that is not what ends it.
    peer.write_all(head).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert!(!task.is_finished());
    drop(peer);
    let ((), waited) = took(let_go.notified()).await;
    assert_eq!(waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_after_an_answer_is_given_up() {
    let (mut peer, task) = connect(Sample::default());
    let patience = Limits::default().header_timeout;
    for _ in 0..2 {
        tokio::time::advance(patience - Duration::from_secs(1)).await;
        peer.write_all(b"GET /bare HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let mut some = [0; 100];
        assert!(peer.read(&mut some).await.unwrap() > 0);
    }
    let (_, waited) = took(task).await;
    assert!(waited >= patience && waited < patience * 2, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_lets_go_who_says_nothing_and_answers_who_has_asked() {
    let (mut idle, task, stopping) = connect_until_told(Sample::default());
    idle.write_all(b"GET /bare HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 100];
    assert!(idle.read(&mut some).await.unwrap() > 0);
    stopping.tell();
    let (ended, waited) = took(task).await;
    assert!(ended.unwrap().is_ok());
    assert_eq!(waited, Duration::ZERO);

    let (mut asking, _task, stopping) = connect_until_told(Sample::default());
    asking
        .write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\none")
        .await
        .unwrap();
    stopping.tell();
    let said = all_of(asking).await;
    assert!(
        said.contains("connection: close\r\n") && said.ends_with("one"),
        "{said}"
    );
}
