//! Where the server can be reached: its own port, those of other clouds' functions, and the doors of isolated functions.

use std::net::SocketAddr;
use std::sync::Arc;

use base::ErrorKind;
use face_azure::Azure;
use face_gcp::Google;
use sandbox::Door;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wire::{Guest, Limits, Meter, Server, Tls};

use crate::failure::{Failure, Result};

pub(super) fn bind(address: SocketAddr) -> Result<Server> {
    Server::bind(address, Limits::default()).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(
            ErrorKind::Conflict,
            format!("another program already listens on {address}"),
        )
        .hint("stop it, or choose another address: --listen 127.0.0.1:4567"),
        _ => Failure::new(
            ErrorKind::Unavailable,
            format!("cannot listen on {address}: {cause}"),
        ),
    })
}

/// The address that clients on this machine use.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    reachable
}

/// A port of another cloud's functions, which is open when there are any.
pub(super) struct OtherPort {
    pub(super) cloud: &'static str,
    pub(super) option: &'static str,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) meter: Meter,
}

impl OtherPort {
    /// None if it cannot be opened, which is no reason for everything else to stop: the next deployment tries again.
    pub(super) fn open(&self) -> Option<Server> {
        match Server::bind(self.address, Limits::default()) {
            Ok(server) => Some(
                server
                    .with_tls(self.tls.clone())
                    .with_meter(self.meter.clone()),
            ),
            Err(cause) => {
                tracing::error!(
                    "{}'s functions cannot be reached, as nothing can listen on {}: {cause}; choose another address: {}",
                    self.cloud,
                    self.address,
                    self.option
                );
                None
            }
        }
    }
}

/// Serves Google's functions from when there are any.
pub(super) async fn serve_google(
    google: Google,
    port: OtherPort,
    mut opened: Option<Server>,
    mut deployed: watch::Receiver<u64>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    loop {
        if opened.is_none() && google.is_used() {
            opened = port.open();
        }
        if let Some(server) = opened {
            server.run(Arc::new(google), stop).await;
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = deployed.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// The same for Azure's. What its functions answer to is read again whenever something was deployed.
pub(super) async fn serve_azure(
    azure: Azure,
    port: OtherPort,
    mut opened: Option<Server>,
    mut deployed: watch::Receiver<u64>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    let mut serving = None;
    loop {
        azure.refresh().map_err(|error| error.to_string())?;
        if serving.is_none() && opened.is_none() && azure.is_used() {
            opened = port.open();
        }
        if let Some(server) = opened.take() {
            serving = Some(Box::pin(server.run(Arc::new(azure.clone()), stop.clone())));
        }
        let served = async {
            match &mut serving {
                Some(serving) => serving.await,
                None => stop.cancelled().await,
            }
        };
        tokio::select! {
            () = served => return Ok(()),
            changed = deployed.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// Takes the listeners that open inside isolated functions to the server.
pub(super) async fn usher(
    mut doors: mpsc::Receiver<Door>,
    guests: mpsc::Sender<Guest>,
    stop: CancellationToken,
) -> std::result::Result<(), String> {
    loop {
        let door = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(door) = doors.recv() => door,
            // Nothing that has doors can be started.
            else => { stop.cancelled().await; return Ok(()) }
        };
        let guest = Guest {
            listener: door.listener,
            until: door.closed,
        };
        // If the listener has ended, so has the server.
        let _ = guests.send(guest).await;
    }
}
