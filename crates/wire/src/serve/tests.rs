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
    let (ours, theirs) = tokio::io::duplex(BUFFERED);
    let limits = Limits::default();
    let serving = Serving {
        builder: builder(limits),
        slots: Arc::new(Semaphore::new(1)),
        limits,
        tls: None,
        service: Arc::new(service),
    };
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let task = tokio::spawn(async move {
        let running = GracefulShutdown::new();
        serving.speak(theirs, peer, false, running.watcher()).await
    });
    (ours, task)
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
}
