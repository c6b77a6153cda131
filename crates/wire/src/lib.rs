//! Serving bytes: listeners, bodies, limits. What every face has in common, and nothing of what any of them says.
//!
//! Must never know: engines, stores, clouds.

mod body;
mod serve;

pub use body::{Body, BodyError, collect, empty, full, stream};
pub use serve::{Guest, Limits, Peer, Server, Service, ServiceFuture};

pub type Request = http::Request<Body>;
pub type Response = http::Response<Body>;
