//! Instances that serve several calls at once, against a worker that speaks frames.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::fake::{Stage, World};
use crate::dialect::Exit;
use crate::protocol;

/// What its handler is called.
pub(super) const HANDLER: &str = "together";
/// How many calls the worker takes, and how many the cloud lets it take.
const TAKES: u32 = 3;
pub(super) const MAY_TAKE: u32 = 80;

const CALL: u8 = 1;
const TAKEN: u8 = 2;
const ANSWER: u8 = 1;
const BEGINS: u8 = 2;
const PIECE: u8 = 3;
const ENDS: u8 = 4;
const LEAVES: u8 = 5;

/// A worker that does with each call what its payload says.
pub(super) async fn act(stream: UnixStream, stage: &Stage) -> Exit {
    let (mut reader, mut writer) = stream.into_split();
    let asks = format!("GET {}{TAKES} HTTP/1.1\r\n\r\n", protocol::TOGETHER);
    writer.write_all(asks.as_bytes()).await.unwrap();
    let (mut waiting, mut taken) = (Vec::new(), 0);
    loop {
        let heard = tokio::select! {
            heard = frame(&mut reader) => heard,
            () = stage.go.notified() => {
                for id in waiting.drain(..) {
                    stage.running.fetch_sub(1, Ordering::SeqCst);
                    say(&mut writer, ANSWER, id, b"waited").await;
                }
                continue;
            }
        };
        let Some((kind, id, mut payload)) = heard else {
            return Exit::Code(0);
        };
        if kind == TAKEN {
            taken += payload.get_u32_le();
            continue;
        }
        assert_eq!(kind, CALL);
        stage.handed_over.fetch_add(1, Ordering::SeqCst);
        match &payload[..] {
            b"wait" => {
                stage.running.fetch_add(1, Ordering::SeqCst);
                waiting.push(id);
            }
            b"hang" => drop(stage.running.fetch_add(1, Ordering::SeqCst)),
            b"exit" => return Exit::Code(3),
            b"leaves" => {
                say(&mut writer, LEAVES, 0, b"").await;
                say(&mut writer, ANSWER, id, b"left").await;
            }
            b"pieces" => {
                say(&mut writer, BEGINS, id, b"one ").await;
                say(&mut writer, PIECE, id, b"two ").await;
                say(&mut writer, PIECE, id, b"three").await;
                say(&mut writer, ENDS, id, b"").await;
            }
            b"breaks off" => {
                say(&mut writer, BEGINS, id, b"one ").await;
                say(&mut writer, ENDS, id, b"{\"errorType\":\"Broken\"}").await;
            }
            b"too much" => {
                say(&mut writer, BEGINS, id, b"").await;
                // At once, as what nobody has taken is read ahead of who takes it.
                say(&mut writer, PIECE, id, &vec![b'x'; 600 << 10]).await;
            }
            b"taken" => say(&mut writer, ANSWER, id, taken.to_string().as_bytes()).await,
            b"nonsense" => say(&mut writer, PIECE, id, b"").await,
            other => {
                let answer = other.to_vec();
                say(&mut writer, ANSWER, id, &answer).await;
            }
        }
    }
}

async fn say(writer: &mut (impl AsyncWriteExt + Unpin), kind: u8, id: u32, carried: &[u8]) {
    let mut frame = Vec::new();
    frame.put_u32_le(u32::try_from(5 + carried.len()).unwrap());
    frame.put_u8(kind);
    frame.put_u32_le(id);
    frame.extend_from_slice(carried);
    // The server may be gone.
    let _ = writer.write_all(&frame).await;
}

async fn frame(reader: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, u32, Bytes)> {
    let length = reader.read_u32_le().await.ok()?;
    let mut carried = vec![0; length as usize];
    reader.read_exact(&mut carried).await.ok()?;
    let mut carried = Bytes::from(carried);
    Some((carried.get_u8(), carried.get_u32_le(), carried))
}

#[tokio::test]
async fn calls_fill_the_seats_of_one_instance_before_another_is_started() {
    let world = World::new();
    world.deploy(HANDLER).await;
    let calls: Vec<_> = (0..3).map(|_| world.spawn("wait")).collect();
    world
        .until("three run", |world| world.stage.running() == 3)
        .await;
    assert_eq!(world.stage.launches(), 1, "they came together, and share");
    let fourth = world.invoke("fourth").await.unwrap();
    assert_eq!(fourth.result.as_deref().unwrap(), b"fourth");
    assert_eq!(world.stage.launches(), 2, "it found every seat taken");
    world.stage.go.notify_waiters();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().result.unwrap(), "waited");
    }
    world.invoke("later").await.unwrap();
    assert_eq!(world.stage.launches(), 2);
    world
        .until("records", |world| world.records().len() == 5)
        .await;
    let cold = world
        .records()
        .iter()
        .filter(|one| one.phases.init.is_some())
        .count();
    assert_eq!(cold, 2, "each start is somebody's");
}

#[tokio::test]
async fn who_takes_too_long_goes_alone_and_its_instance_serves_nobody_afterwards() {
    let world = World::new();
    world.deploy(HANDLER).await;
    let slow = world.spawn("hang");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    world.clock.advance(Duration::from_secs(2));
    let other = world.spawn("wait");
    world
        .until("both run", |world| world.stage.running() == 2)
        .await;
    world.clock.advance(Duration::from_secs(1));
    let failed = slow.await.unwrap().unwrap().result.unwrap_err();
    assert!(failed.message.contains("TimedOut"), "{failed:?}");
    let next = world.invoke("next").await.unwrap();
    assert_eq!(next.result.as_deref().unwrap(), b"next");
    assert_eq!(world.stage.launches(), 2);
    world.stage.go.notify_waiters();
    assert_eq!(other.await.unwrap().unwrap().result.unwrap(), "waited");
    world
        .until("the stuck one is gone", |world| {
            world.stage.alive.load(Ordering::SeqCst) == 1
        })
        .await;
}

/// It says so before its last answer, and may take its time to end.
#[tokio::test]
async fn who_is_about_to_end_serves_nobody_else() {
    let world = World::new();
    world.deploy(HANDLER).await;
    let last = world.invoke("leaves").await.unwrap();
    assert_eq!(last.result.as_deref().unwrap(), b"left");
    let next = world.invoke("next").await.unwrap();
    assert_eq!(next.result.as_deref().unwrap(), b"next");
    assert_eq!(world.stage.launches(), 2);
}

#[tokio::test]
async fn when_a_process_ends_all_its_calls_hear_so() {
    let world = World::new();
    world.deploy(HANDLER).await;
    let waiting = world.spawn("wait");
    world
        .until("it runs", |world| world.stage.running() == 1)
        .await;
    for call in [world.spawn("exit"), waiting] {
        let failed = call.await.unwrap().unwrap().result.unwrap_err();
        assert!(failed.message.contains("Code(3)"), "{failed:?}");
    }
    assert_eq!(
        world.invoke("again").await.unwrap().result.unwrap(),
        "again"
    );
    assert_eq!(world.stage.launches(), 2);
}

#[tokio::test]
async fn an_answer_in_pieces_is_passed_on_or_put_together_and_what_was_taken_is_told() {
    let world = World::new();
    world.deploy(HANDLER).await;
    assert_eq!(
        world.invoke("pieces").await.unwrap().result.unwrap(),
        "one two three"
    );
    let answering = world.functions.invoke_streaming(world.call("pieces"));
    let answering = answering.await.unwrap();
    assert!(answering.is_streamed());
    let pieces: Vec<_> = answering.rest(Bytes::new()).collect().await;
    let pieces: Vec<Bytes> = pieces.into_iter().map(Result::unwrap).collect();
    assert_eq!(pieces.concat(), b"one two three");
    // Three pieces twice, each with what a piece costs.
    let expected = 2 * (b"one two three".len() + 3 * 64);
    let taken = world.invoke("taken").await.unwrap().result.unwrap();
    assert_eq!(taken, expected.to_string());
    assert_eq!(world.stage.launches(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let world = World::new();
    world.deploy(HANDLER).await;
    let failed = world.invoke("breaks off").await.unwrap().result;
    assert_eq!(failed.unwrap_err().kind, "Broken");
    let answering = world.functions.invoke_streaming(world.call("breaks off"));
    let pieces: Vec<_> = answering.await.unwrap().rest(Bytes::new()).collect().await;
    assert!(pieces.last().unwrap().is_err());
    assert_eq!(
        world.stage.launches(),
        1,
        "the instance is as good as before"
    );
}

#[tokio::test]
async fn a_worker_that_sends_more_than_was_taken_or_out_of_turn_is_ended() {
    for wrong in ["too much", "nonsense"] {
        let world = World::new();
        world.deploy(HANDLER).await;
        let answering = world.functions.invoke_streaming(world.call(wrong)).await;
        let well = match answering {
            Ok(answering) if answering.is_streamed() => {
                // Nobody takes anything for now.
                world.settle().await;
                let pieces: Vec<_> = answering.rest(Bytes::new()).collect().await;
                pieces.iter().all(Result::is_ok)
            }
            Ok(answering) => answering.outcome().await.unwrap().result.is_ok(),
            Err(_) => false,
        };
        assert!(!well, "{wrong}");
        assert_eq!(world.invoke("next").await.unwrap().result.unwrap(), "next");
        assert_eq!(world.stage.launches(), 2, "{wrong}");
    }
}
