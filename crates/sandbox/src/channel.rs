//! What the server, keepers and instances say to each other, over pairs of sockets. To a keeper: what root it has ready,
//! and each instance that it is to make. To an instance: its order. From there: a hold on it, why it could not be
//! confined, its doors, that the program has begun and how it ended. Each message arrives whole, with the descriptors that
//! belong to it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How many descriptors one message carries at most.
const MOST_FDS: usize = 32;
/// The longest message: an order with its arguments and its environment.
const LONGEST: usize = 160 << 10;
/// A reason is for people to read.
const LONGEST_REASON: usize = 1_024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    /// From its keeper. Comes with a descriptor of the instance's first process, with which everything inside ends.
    Made,
    Failed(String),
    /// It waits for its order. Comes with its mount namespace.
    Ready,
    /// Comes with the sockets that listen inside: the one for the server's services, and the instance's own.
    Door,
    Began,
    /// As `waitpid` gives it.
    Ended(i32),
    /// A template can be forked, or why it cannot.
    Forkable(Result<(), String>),
    /// Comes with a hold on the child, the socket that tells of its end, and its door if it has one: the answer to the
    /// fork of this number.
    Forked(u64),
    NotForked(u64, String),
}

/// The server's end and the process's.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    Ok((ours, theirs))
}

pub(crate) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if bytes.len() > LONGEST
        || !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds))
    {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(
        socket,
        &[IoSlice::new(&bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Nothing when the other side is gone.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    longest: usize,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; longest];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let fds = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes == 0 {
        return Ok(None);
    }
    let message = postcard::from_bytes(&bytes[..received.bytes]).map_err(io::Error::other)?;
    Ok(Some((message, fds)))
}

pub(crate) fn send_bytes(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// A message, what came with it, and the pid of who sent it, if the socket asks for names. No bytes are the end.
pub(crate) fn receive_bytes(
    socket: BorrowedFd<'_>,
) -> io::Result<(Vec<u8>, Vec<OwnedFd>, Option<i32>)> {
    let mut bytes = vec![0; LONGEST_REASON];
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let (mut fds, mut from) = (Vec::new(), None);
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(some) => fds.extend(some),
            RecvAncillaryMessage::ScmCredentials(who) => {
                from = Some(who.pid.as_raw_nonzero().get());
            }
            _ => {}
        }
    }
    bytes.truncate(received.bytes);
    Ok((bytes, fds, from))
}

/// As much of a reason as a message holds.
pub(crate) fn shortened(why: &str) -> String {
    why.chars().take(LONGEST_REASON / 4).collect()
}

/// The next message that is not a status, and its descriptors. Few are long, so room is made when it is known how much.
pub(crate) fn receive_next<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut none: [u8; 0] = [];
    let (_, longest) =
        rustix::net::recv(socket, &mut none[..], RecvFlags::PEEK | RecvFlags::TRUNC)?;
    receive(socket, longest.min(LONGEST))?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The next message, if it has come already.
pub(crate) fn receive_now(socket: BorrowedFd<'_>) -> Option<(Status, Vec<OwnedFd>)> {
    rustix::io::ioctl_fionbio(socket, true).ok()?;
    receive(socket, Status::LONGEST).ok()?
}

impl Status {
    /// The longest that it becomes in a message.
    pub(crate) const LONGEST: usize = LONGEST_REASON + 16;

    pub(crate) fn send(self, socket: BorrowedFd<'_>) {
        // If the server is gone, nobody needs to know.
        let _ = self.try_send(socket);
    }

    pub(crate) fn try_send(self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let status = match self {
            Self::Failed(why) => Self::Failed(shortened(&why)),
            other => other,
        };
        send(socket, &status, &[])
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn messages_arrive_whole_with_their_descriptors_until_the_end() {
        let (ours, theirs) = pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        Status::Failed("☃".repeat(2_000)).send(theirs.as_fd());
        send(theirs.as_fd(), &Status::Door, &[writer.as_fd()]).unwrap();
        Status::Ended(0x8b).send(theirs.as_fd());
        drop((theirs, writer));
        let next = || receive::<Status>(ours.as_fd(), Status::LONGEST).unwrap();
        let Some((Status::Failed(why), _)) = next() else {
            panic!("it failed first")
        };
        assert_eq!(why, "☃".repeat(LONGEST_REASON / 4));
        let Some((Status::Door, fds)) = next() else {
            panic!("then came the door")
        };
        let [door] = <[OwnedFd; 1]>::try_from(fds).unwrap();
        rustix::io::write(&door, b"in").unwrap();
        drop(door);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(text, "in");
        assert_eq!(next().unwrap().0, Status::Ended(0x8b));
        assert!(next().is_none());
    }
}
