//! The worker protocol on as many connections as a worker likes to make: ordinary HTTP clients keep some open, close
//! others, and answer on another one than they asked on.
//!
//! Nothing runs in the background: connections are read while somebody waits for a request, and an idle instance costs
//! nothing.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};

use super::connection::{Connection, Request};
use super::outlet::Outlets;
use super::{Broken, Handover};

/// More than any client keeps. Each may fill a body, so this bounds what a hostile worker makes us hold.
pub(super) const MOST: usize = 32;

type Reading = BoxFuture<'static, Read>;
type Read = (Connection<TcpStream>, Result<Request, Broken>);

pub(super) struct Listener {
    listener: TcpListener,
    largest_body: u64,
    outlet: Outlets,
    /// Who was answered last comes last.
    reading: Vec<Reading>,
    /// Where the last request came from, until it is answered; and whether that is the end of it.
    asker: Option<(Connection<TcpStream>, bool)>,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, largest_body: u64, outlet: Outlets) -> Self {
        Self {
            listener,
            largest_body,
            outlet,
            reading: Vec::new(),
            asker: None,
        }
    }

    /// The next request on any connection. May be given up and called again.
    pub(super) async fn request(&mut self) -> Result<Request, Broken> {
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if self.reading.len() < MOST => {
                    let (stream, _) = accepted.map_err(|cause| Broken(format!("no connection can be accepted: {cause}")))?;
                    // It only costs time if this fails.
                    let _ = stream.set_nodelay(true);
                    self.read(Connection::new(stream, self.largest_body, self.outlet.clone()));
                }
                (connection, request) = poll_fn(|task| next(&mut self.reading, task)) => match request {
                    Ok(request) => {
                        self.asker = Some((connection, request.closes));
                        return Ok(request);
                    }
                    // The worker may have others, or make new ones; its end is told by the process.
                    Err(broken) => tracing::debug!(%broken, "a worker's connection ended"),
                },
            }
        }
    }

    /// Answers the request that came last.
    pub(super) async fn answer(&mut self, message: &[u8]) -> Result<(), Broken> {
        if let Some((mut connection, closes)) = self.asker.take() {
            let said = connection.send(message).await;
            self.go_on(connection, closes, said);
        }
        Ok(())
    }

    /// Answers the request that came last with work.
    pub(super) async fn hand_over(&mut self, work: &Handover<'_>) -> Result<(), Broken> {
        if let Some((mut connection, closes)) = self.asker.take() {
            let said = connection.hand_over(work).await;
            self.go_on(connection, closes, said);
        }
        Ok(())
    }

    /// Says that the request that came last was heard.
    pub(super) async fn acknowledge(&mut self, message: &[u8]) {
        if let Some((mut connection, closes)) = self.asker.take() {
            let said = match closes {
                true => connection.send(message).await,
                false => connection.acknowledge(message).await,
            };
            self.go_on(connection, closes, said);
        }
    }

    fn go_on(&mut self, connection: Connection<TcpStream>, closes: bool, said: Result<(), Broken>) {
        match said {
            Ok(()) if !closes => self.read(connection),
            Ok(()) => {}
            Err(broken) => tracing::debug!(%broken, "a worker's connection ended"),
        }
    }

    /// Whether whoever made the last request still waits for its answer: clients lose patience and ask again elsewhere.
    pub(super) fn waits(&mut self) -> bool {
        let Some((connection, _)) = &mut self.asker else {
            return false;
        };
        match connection.stream.try_read_buf(&mut connection.buffer) {
            Ok(read) => read > 0,
            Err(cause) => cause.kind() == std::io::ErrorKind::WouldBlock,
        }
    }

    fn read(&mut self, mut connection: Connection<TcpStream>) {
        self.reading.push(Box::pin(async move {
            let request = connection.request().await;
            (connection, request)
        }));
    }
}

/// What the first of them has to say that has anything to say. All are looked at: there are few, and mostly one.
fn next(reading: &mut Vec<Reading>, task: &mut Context<'_>) -> Poll<Read> {
    for at in 0..reading.len() {
        if let Poll::Ready(read) = reading[at].poll_unpin(task) {
            drop(reading.remove(at));
            return Poll::Ready(read);
        }
    }
    Poll::Pending
}
