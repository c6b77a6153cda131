//! Our end of a socket that a worker has inherited.
//!
//! Whoever listens for room in such a socket is woken each time that the other side has read from it: once in the middle
//! of every call, when there is nothing to do. So nobody listens for room before there was none.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as Blocking;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

pub(crate) struct Inherited {
    stream: AsyncFd<Blocking>,
    /// The same socket, while room is waited for.
    room: Option<AsyncFd<Blocking>>,
}

impl Inherited {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        Ok(Self {
            stream: listen(stream.into_std()?, Interest::READABLE)?,
            room: None,
        })
    }

    pub(super) fn into_stream(self) -> io::Result<UnixStream> {
        drop(self.room);
        UnixStream::from_std(self.stream.into_inner())
    }

    fn listen_for_room(&self) -> io::Result<AsyncFd<Blocking>> {
        let again = self.stream.get_ref().try_clone()?;
        listen(again, Interest::WRITABLE)
    }
}

#[expect(
    deprecated,
    reason = "what took its place is unsafe, for descriptors that are not their holder's own; this one is"
)]
fn listen(stream: Blocking, wanted: Interest) -> io::Result<AsyncFd<Blocking>> {
    AsyncFd::with_interest(stream, wanted)
}

impl AsyncRead for Inherited {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.stream.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            let asked = free.len();
            let Ok(read) = ready.try_io(|stream| stream.get_ref().read(free)) else {
                continue;
            };
            let read = read?;
            // There was no more: asking again would only tell that.
            if 0 < read && read < asked {
                ready.clear_ready();
            }
            buffer.advance(read);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Inherited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(room) = &self.room {
                let mut ready = ready!(room.poll_write_ready(context))?;
                let Ok(written) = ready.try_io(|stream| stream.get_ref().write(bytes)) else {
                    continue;
                };
                self.room = None;
                return Poll::Ready(written);
            }
            match self.stream.get_ref().write(bytes) {
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    self.room = Some(self.listen_for_room()?);
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Inherited, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Inherited::new(ours).unwrap(), theirs)
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_for_it_and_nobody_listens_afterwards() {
        let (mut ours, mut theirs) = pair();
        let sent: Vec<u8> = (0..4_000_000_u32).map(|n| n as u8).collect();
        let reading = tokio::spawn(async move {
            let mut read = vec![0; 4_000_000];
            theirs.read_exact(&mut read).await.unwrap();
            (read, theirs)
        });
        ours.write_all(&sent).await.unwrap();
        let (read, mut theirs) = reading.await.unwrap();
        assert!(read == sent);
        assert!(ours.room.is_none());
        theirs.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        drop(theirs);
        assert_eq!(ours.read(&mut answer).await.unwrap(), 0);
    }

    /// What the kernel is to tell of this descriptor.
    fn listened_for(stream: &AsyncFd<Blocking>) -> u32 {
        let wanted = stream.get_ref().as_raw_fd().to_string();
        let of_all = std::fs::read_dir("/proc/self/fdinfo").unwrap();
        let of_all = of_all.filter_map(|one| std::fs::read_to_string(one.ok()?.path()).ok());
        let found = of_all.flat_map(|text| {
            let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            let told = words
                .windows(4)
                .find(|words| words[0] == "tfd:" && words[1] == wanted && words[2] == "events:");
            told.map(|words| u32::from_str_radix(&words[3], 16).unwrap())
        });
        // Who waits in the kernel has several names for where it waits.
        found.fold(0, |all, told| all | told)
    }

    #[tokio::test]
    async fn nobody_listens_for_room() {
        const OUT: u32 = rustix::event::epoll::EventFlags::OUT.bits();
        const IN: u32 = rustix::event::epoll::EventFlags::IN.bits();
        let (ours, _theirs) = pair();
        assert_eq!(listened_for(&ours.stream) & (IN | OUT), IN);
        let room = ours.listen_for_room().unwrap();
        assert_eq!(listened_for(&room) & (IN | OUT), OUT);
    }

    #[tokio::test]
    async fn it_becomes_an_ordinary_stream_again() {
        let (mut ours, mut theirs) = pair();
        ours.write_all(b"work").await.unwrap();
        let mut work = [0; 4];
        theirs.read_exact(&mut work).await.unwrap();
        theirs.write_all(b"more").await.unwrap();
        let mut stream = ours.into_stream().unwrap();
        stream.read_exact(&mut work).await.unwrap();
        assert_eq!(&work, b"more");
    }
}
