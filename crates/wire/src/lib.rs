//! Serving bytes: listeners, bodies, limits. What every face has in common, and nothing of what any of them says.
//!
//! Must never know: engines, stores, clouds.

mod awake;
mod begun;
mod body;
mod fetch;
mod framing;
mod held;
mod meter;
mod patience;
mod reason;
mod serve;
mod socket;
mod tls;
mod upload;

pub use body::{Body, BodyError, collect, empty, full, holding, stream};
pub use fetch::{Asking, FetchError, Said, ask, fetch};
pub use held::{Held, HeldFile, Holding};
pub use meter::Meter;
pub use reason::say_reason;
pub use serve::{Encrypted, Guest, Limits, Peer, Server, Service, ServiceFuture};
pub use socket::{Incoming, Message, Socket, SocketLimits, accept_socket, asks_for_socket};

pub use tls::{Certificate, Tls, TlsError};

pub type Request = http::Request<Body>;
pub type Response = http::Response<Body>;
