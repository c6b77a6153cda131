//! A network of one's own: nothing in it but the machine's loopback, and on it one door to the server.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use tokio::sync::{mpsc, oneshot};

use crate::confine::check;

/// A socket that listens inside an instance, for the server to accept on. Whoever is inside sees it at the server's
/// usual address.
#[derive(Debug)]
pub struct Door {
    pub listener: TcpListener,
    /// Ends when the instance does. The listener must be closed then: it keeps the instance's network alive.
    pub closed: oneshot::Receiver<()>,
}

/// Where doors go.
pub type Doors = mpsc::Sender<Door>;

/// Where an instance with a network of its own reaches whoever has started it, and nobody else does. The server's port is
/// taken there.
pub fn own_port(server: u16) -> u16 {
    const USUAL: u16 = 9_001;
    if server == USUAL { USUAL + 1 } else { USUAL }
}

/// Leaves this process alone in a new one.
pub(crate) fn fresh() -> Result<(), String> {
    // SAFETY: `unshare` takes no pointers.
    check("unshare the network", unsafe {
        libc::unshare(libc::CLONE_NEWNET)
    })
    .map(drop)
}

/// The one that this process is in. Where there are no files about processes, a socket tells.
pub(crate) fn own() -> Result<OwnedFd, String> {
    /// As `linux/sockios.h` has it.
    const SIOCGSKNS: libc::Ioctl = 0x894C;
    let socket = socket().map_err(|cause| format!("make a socket: {cause}"))?;
    // SAFETY: the call takes no more arguments, and returns a descriptor that nobody else has.
    unsafe {
        let own = libc::ioctl(socket.as_raw_fd(), SIOCGSKNS);
        check("hold the network", own).map(|own| OwnedFd::from_raw_fd(own))
    }
}

pub(crate) fn enter(network: &OwnedFd) -> Result<(), String> {
    // SAFETY: `setns` takes no pointers.
    check("enter the network", unsafe {
        libc::setns(network.as_raw_fd(), libc::CLONE_NEWNET)
    })
    .map(drop)
}

/// Opens the door and the instance's own listener, in the network that this process is in.
pub(crate) fn open(port: u16) -> Result<[TcpListener; 2], String> {
    raise_loopback().map_err(|cause| format!("raise the loopback: {cause}"))?;
    let listen = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|cause| format!("listen on the loopback: {cause}"))
    };
    Ok([listen(port)?, listen(own_port(port))?])
}

fn socket() -> std::io::Result<OwnedFd> {
    // SAFETY: plain numbers; the result is checked.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

fn raise_loopback() -> std::io::Result<()> {
    let socket = socket()?;
    // SAFETY: all zeroes are a valid request: no name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, letter) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = letter.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("both are low bits");
    // SAFETY: the request has its name, which ends in a zero, and the flags that this call reads.
    if unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}
