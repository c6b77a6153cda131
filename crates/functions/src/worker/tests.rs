use proptest::prelude::*;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const LARGEST: u64 = 1_000;

fn pair() -> (Worker, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Worker::new(Reached::Stream(ours), LARGEST), theirs)
}

fn work() -> Handover<'static> {
    Handover {
        request_id: "id-1",
        deadline_ms: 1_234,
        invoked_name: "name",
        trace: "trace",
        client_context: Some("{}\r\nEvil: yes"),
        payload: b"{\"a\":1}",
        held: None,
        streaming: None,
    }
}

/// What work with the id `id-1` is handed over with.
fn id_header() -> String {
    format!("{}: id-1\r\n", protocol::REQUEST_ID)
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn next() -> String {
    format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", protocol::NEXT)
}

fn response(id: &str) -> String {
    [protocol::INVOCATION, id, protocol::RESPONSE].concat()
}

fn error(id: &str) -> String {
    [protocol::INVOCATION, id, protocol::ERROR].concat()
}

async fn received(theirs: &mut UnixStream) -> String {
    let mut bytes = vec![0; 4_096];
    let count = theirs.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn work_is_handed_over_and_answered_with_the_next_request_in_one_write() {
    let (mut worker, mut theirs) = pair();
    theirs.write_all(next().as_bytes()).await.unwrap();
    assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
    worker.hand_over(&work()).await.unwrap();
    let message = received(&mut theirs).await;
    assert!(message.starts_with("HTTP/1.1 200 OK\r\n"), "{message}");
    for (name, value) in [
        (protocol::REQUEST_ID, "id-1"),
        (protocol::DEADLINE, "1234"),
        (protocol::INVOKED_NAME, "name"),
        (protocol::TRACE, "trace"),
        (protocol::CLIENT_CONTEXT, "{}Evil: yes"),
    ] {
        let header = format!("\r\n{name}: {value}\r\n");
        assert!(message.contains(&header), "{message}");
    }
    assert!(message.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"));
    let both = post(&response("id-1"), "\"ok\"") + &next();
    theirs.write_all(both.as_bytes()).await.unwrap();
    assert_eq!(
        worker.reply(&work()).await.unwrap(),
        Reply::Response("\"ok\"".into())
    );
    worker.asks_again().await.unwrap();
    // Who has asked on already is woken once, by more work.
    worker.hand_over(&work()).await.unwrap();
    let both = received(&mut theirs).await;
    let (accepted, more) = both.split_once("\r\n\r\n").unwrap();
    assert!(accepted.starts_with("HTTP/1.1 202"), "{both}");
    assert!(more.contains("HTTP/1.1 200 OK\r\n"), "{both}");
}

#[tokio::test]
async fn who_waits_to_hear_that_an_answer_arrived_is_told_at_once() {
    let (mut worker, mut theirs) = pair();
    theirs.write_all(next().as_bytes()).await.unwrap();
    assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
    worker.hand_over(&work()).await.unwrap();
    received(&mut theirs).await;
    let answer = post(&response("id-1"), "\"ok\"");
    theirs.write_all(answer.as_bytes()).await.unwrap();
    worker.reply(&work()).await.unwrap();
    assert!(received(&mut theirs).await.starts_with("HTTP/1.1 202"));
}

#[tokio::test]
async fn errors_carry_their_kind() {
    let (mut worker, mut theirs) = pair();
    let init = format!(
        "POST {} HTTP/1.1\r\n{}: Runtime.NoSuchHandler\r\ncontent-length: 2\r\n\r\n{{}}",
        protocol::INIT_ERROR,
        // Runtimes spell it in upper and lower case.
        protocol::ERROR_KIND.to_uppercase()
    );
    theirs.write_all(init.as_bytes()).await.unwrap();
    let expected = Ready::InitError {
        kind: Some("Runtime.NoSuchHandler".into()),
        payload: "{}".into(),
    };
    assert_eq!(worker.ready().await.unwrap(), expected);
    let failed = post(&error("id-1"), "{}");
    theirs.write_all(failed.as_bytes()).await.unwrap();
    let expected = Reply::Error {
        kind: None,
        payload: "{}".into(),
    };
    assert_eq!(worker.reply(&work()).await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_out_of_turn_is_refused_and_the_worker_may_go_on() {
    let (mut worker, mut theirs) = pair();
    let messages = [
        post(&response("other"), "1"),
        post(protocol::INIT_ERROR, "{}"),
        post(protocol::RESTORE_ERROR, "{}"),
        post("/nonsense", ""),
        "DELETE /nonsense HTTP/1.1\r\n\r\n".into(),
        post(&response("id-1"), "2"),
    ];
    theirs
        .write_all(messages.concat().as_bytes())
        .await
        .unwrap();
    assert_eq!(
        worker.reply(&work()).await.unwrap(),
        Reply::Response("2".into())
    );
    let answers = received(&mut theirs).await;
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["400", "403", "403", "404", "404", "202"]);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_read_past() {
    let large = "x".repeat(100_000);
    let chunked = format!(
        "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{:x}\r\n{large}\r\n0\r\n\r\n",
        response("id-1"),
        large.len()
    );
    let known = post(&response("id-1"), &large);
    for (message, size) in [(known, 100_000), (chunked, 100_003)] {
        let (mut worker, mut theirs) = pair();
        let both = message + &next();
        let sent = tokio::spawn(async move {
            theirs.write_all(both.as_bytes()).await.unwrap();
            theirs
        });
        assert_eq!(
            worker.reply(&work()).await.unwrap(),
            Reply::TooLarge {
                size,
                limit: LARGEST
            }
        );
        worker.asks_again().await.unwrap();
        let answer = received(&mut sent.await.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}

#[tokio::test]
async fn a_chunked_answer_is_put_together() {
    let (mut worker, mut theirs) = pair();
    let message = format!(
        "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
        response("id-1")
    );
    theirs.write_all(message.as_bytes()).await.unwrap();
    assert_eq!(
        worker.reply(&work()).await.unwrap(),
        Reply::Response("abcde".into())
    );
}

#[tokio::test]
async fn whoever_asks_again_before_answering_gets_the_same_work() {
    let (mut worker, mut theirs) = pair();
    let messages = next() + &next() + &post(&response("id-1"), "1");
    theirs.write_all(messages.as_bytes()).await.unwrap();
    worker.ready().await.unwrap();
    worker.hand_over(&work()).await.unwrap();
    assert_eq!(
        worker.reply(&work()).await.unwrap(),
        Reply::Response("1".into())
    );
    let answers = received(&mut theirs).await;
    let ids = answers.matches(&id_header()).count();
    assert_eq!(ids, 2, "{answers}");
}

#[tokio::test]
async fn a_streamed_response_says_at_its_end_that_it_failed() {
    let (mut worker, mut theirs) = pair();
    let streamed = |mode: &str| {
        [
            format!(
                "POST {} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
                response("id-1")
            ),
            format!(
                "{}: {mode}\r\n\r\n3\r\nabc\r\n0\r\n",
                protocol::RESPONSE_MODE
            ),
            format!("{}: Error\r\n", protocol::ERROR_KIND),
            format!("{}: eyJhIjoxfQ==\r\n\r\n", protocol::ERROR_BODY),
        ]
        .concat()
    };
    let messages = streamed("nonsense") + &streamed("streaming");
    theirs.write_all(messages.as_bytes()).await.unwrap();
    let expected = Reply::Error {
        kind: Some("Error".into()),
        payload: "{\"a\":1}".into(),
    };
    assert_eq!(worker.reply(&work()).await.unwrap(), expected);
    let answers = received(&mut theirs).await;
    assert!(answers.starts_with("HTTP/1.1 400"), "{answers}");
    assert!(answers.contains("HTTP/1.1 202"), "{answers}");
}

async fn listening() -> (Worker, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (Worker::new(Reached::Listener(listener), LARGEST), address)
}

async fn asked(address: std::net::SocketAddr, message: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(message.as_bytes()).await.unwrap();
    stream
}

async fn heard(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let count = stream.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn a_worker_may_ask_on_one_connection_and_answer_on_another() {
    let (mut worker, address) = listening().await;
    let mut asks = asked(address, &next()).await;
    assert_eq!(worker.ready().await.unwrap(), Ready::Ready);
    let mut refused = asked(address, &post(&response("other"), "1")).await;
    worker.hand_over(&work()).await.unwrap();
    assert!(heard(&mut asks).await.contains(&id_header()));
    let closing = post(&response("id-1"), "2").replace("Host: x", "Connection: close");
    let answering = async {
        assert!(heard(&mut refused).await.starts_with("HTTP/1.1 400"));
        let mut answers = asked(address, &closing).await;
        let mut all = String::new();
        answers.read_to_string(&mut all).await.unwrap();
        assert!(all.starts_with("HTTP/1.1 202"), "{all}");
        // The first connection is still there.
        asks.write_all(next().as_bytes()).await.unwrap();
    };
    let serving = async {
        assert_eq!(
            worker.reply(&work()).await.unwrap(),
            Reply::Response("2".into())
        );
        worker.asks_again().await.unwrap();
    };
    tokio::join!(answering, serving);
}

#[tokio::test]
async fn work_goes_to_whoever_still_waits_for_it() {
    let (mut worker, address) = listening().await;
    let impatient = asked(address, &next()).await;
    worker.ready().await.unwrap();
    drop(impatient);
    let mut patient = asked(address, &next()).await;
    // The kernel tells of the end on its own time.
    while worker.source.waits() {
        tokio::task::yield_now().await;
    }
    worker.hand_over(&work()).await.unwrap();
    assert!(heard(&mut patient).await.contains(&id_header()));
}

#[tokio::test]
async fn a_body_that_waits_to_be_wanted_is_wanted() {
    let (mut worker, address) = listening().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        response("id-1")
    );
    let mut stream = asked(address, &head).await;
    let answering = async {
        assert!(heard(&mut stream).await.starts_with("HTTP/1.1 100"));
        stream.write_all(b"3").await.unwrap();
    };
    let work = work();
    let (reply, ()) = tokio::join!(worker.reply(&work), answering);
    assert_eq!(reply.unwrap(), Reply::Response("3".into()));
}

#[tokio::test]
async fn connections_without_number_and_nonsense_on_them_harm_nobody() {
    let (mut worker, address) = listening().await;
    let mut others = Vec::new();
    for n in 0..listener::MOST - 1 {
        let message = if n % 2 == 0 { "nonsense\r\n\r\n" } else { "" };
        others.push(asked(address, message).await);
    }
    let mut asks = asked(address, &next()).await;
    worker.ready().await.unwrap();
    worker.hand_over(&work()).await.unwrap();
    assert!(heard(&mut asks).await.contains(&id_header()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn nonsense_breaks_the_connection_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (mut worker, mut theirs) = pair();
            theirs.write_all(&bytes).await.unwrap();
            theirs.shutdown().await.unwrap();
            let _ = worker.reply(&work()).await;
        });
    }

    #[test]
    fn a_request_may_come_in_any_pieces(cuts in prop::collection::vec(1_usize..40, 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (mut worker, mut theirs) = pair();
            let message = post(&response("id-1"), "body") + &next();
            let sender = tokio::spawn(async move {
                let mut rest = message.as_bytes();
                for cut in cuts {
                    let (piece, after) = rest.split_at(cut.min(rest.len()));
                    theirs.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = after;
                }
                theirs.write_all(rest).await.unwrap();
                theirs
            });
            assert_eq!(worker.reply(&work()).await.unwrap(), Reply::Response("body".into()));
            worker.asks_again().await.unwrap();
            drop(sender.await.unwrap());
        });
    }
}

fn streamed_head() -> String {
    format!(
        "POST {} HTTP/1.1\r\nContent-Type: text/plain\r\n{}: streaming\r\nTransfer-Encoding: chunked\r\n\r\n",
        response("id-1"),
        protocol::RESPONSE_MODE
    )
}

/// A worker that is asked for a streamed answer of at most `limit`, while the caller does what it wants.
async fn stream_of(
    limit: u64,
    said: Vec<u8>,
    caller: impl AsyncFnOnce(Pieces),
) -> (Result<Reply, Broken>, Worker) {
    let (mut worker, mut theirs) = pair();
    let (streaming, pieces) = streaming(limit, &Ahead::default());
    tokio::spawn(async move {
        theirs.write_all(&said).await.unwrap();
        std::future::pending::<()>().await;
    });
    let replied = async {
        let work = Handover {
            streaming: Some(&streaming),
            ..work()
        };
        let reply = worker.reply(&work).await;
        drop(streaming);
        (reply, worker)
    };
    let (replied, ()) = tokio::join!(replied, caller(pieces));
    replied
}

#[tokio::test]
async fn an_answer_is_passed_on_while_it_comes() {
    let (mut worker, mut theirs) = pair();
    let (streaming, mut pieces) = streaming(LARGEST, &Ahead::default());
    let reading = tokio::spawn(async move {
        let work = Handover {
            streaming: Some(&streaming),
            ..work()
        };
        (worker.reply(&work).await.unwrap(), worker)
    });
    let head = streamed_head() + "3\r\none\r\n";
    theirs.write_all(head.as_bytes()).await.unwrap();
    let begins = Piece::Begins(Some("text/plain".into()));
    assert_eq!(pieces.recv().await, Some(begins));
    assert_eq!(pieces.recv().await, Some(Piece::Bytes("one".into())));
    // Only now does the worker say the rest.
    let rest = "3\r\ntwo\r\n0\r\n\r\n".to_owned() + &next();
    theirs.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(pieces.recv().await, Some(Piece::Bytes("two".into())));
    let (reply, mut worker) = reading.await.unwrap();
    assert_eq!(reply, Reply::Passed);
    worker.asks_again().await.unwrap();
    assert_eq!(pieces.recv().await, None);
}

#[tokio::test]
async fn a_worker_is_read_no_faster_than_its_caller_takes_the_answer() {
    let (mut worker, mut theirs) = pair();
    let (streaming, mut pieces) = streaming(1 << 30, &Ahead::of(1 << 20));
    let reading = tokio::spawn(async move {
        let work = Handover {
            streaming: Some(&streaming),
            ..work()
        };
        worker.reply(&work).await
    });
    theirs.write_all(streamed_head().as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10));
    let mut written = 0_usize;
    // Until nothing more is taken from it although everything has had its turn.
    loop {
        let write = theirs.write_all(chunk.as_bytes());
        let pause = std::time::Duration::from_millis(200);
        if tokio::time::timeout(pause, write).await.is_err() {
            break;
        }
        written += 64 << 10;
        assert!(written < 16 << 20, "nothing holds it back");
    }
    assert!(!reading.is_finished());
    let taken = async { while pieces.recv().await.is_some() {} };
    let more = theirs.write_all(chunk.as_bytes());
    tokio::select! {
        () = taken => panic!("the answer has not ended"),
        written = more => written.unwrap(),
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_work() {
    let said = streamed_head() + "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" + &next();
    let gone = async |pieces: Pieces| drop(pieces);
    let (reply, mut worker) = stream_of(LARGEST, said.into_bytes(), gone).await;
    assert_eq!(reply.unwrap(), Reply::Passed);
    worker.asks_again().await.unwrap();
}

#[tokio::test]
async fn a_streamed_answer_is_cut_where_it_is_too_large() {
    let said = streamed_head() + "3\r\none\r\n3\r\ntwo\r\n1\r\n!\r\n0\r\n\r\n" + &next();
    let mut heard = 0;
    let count = async |mut pieces: Pieces| {
        while let Some(piece) = pieces.recv().await {
            if let Piece::Bytes(bytes) = piece {
                heard += bytes.len();
            }
        }
    };
    let (reply, mut worker) = stream_of(6, said.into_bytes(), count).await;
    assert_eq!(reply.unwrap(), Reply::TooLarge { size: 7, limit: 6 });
    assert!(heard <= 6);
    worker.asks_again().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_fails_on_the_way_says_so_at_its_end() {
    let said = streamed_head()
        + "3\r\none\r\n0\r\nLambda-Runtime-Function-Error-Type: Own\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n";
    let all = async |mut pieces: Pieces| while pieces.recv().await.is_some() {};
    let (reply, _) = stream_of(LARGEST, said.into_bytes(), all).await;
    let failed = Reply::Error {
        kind: Some("Own".into()),
        payload: "{}".into(),
    };
    assert_eq!(reply.unwrap(), failed);
}
