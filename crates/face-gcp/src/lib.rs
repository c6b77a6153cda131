//! Google's side: functions that are reached over HTTP, each under its name, and the words in which they are spoken to.
//!
//! A function gets the request itself (`functions::handed_over`) and makes of it whatever its signature wants: the
//! application's own functions-framework does so inside the instance. So one door is enough for HTTP functions, for
//! functions of CloudEvents and for those of the older events.
//!
//! Must never know: how an application's folder is read, or what other clouds say.

mod dialect;
mod front;
mod refusal;

use base::Space;

pub use dialect::GoogleDialect;
pub use front::Google;

/// What the spaces of this cloud begin with.
pub const FAMILY: &str = "google";
/// The project and the region of everything here.
pub const PROJECT: &str = "fulmar-local";
pub const REGION: &str = "us-central1";

/// Where everything of the project lives.
pub fn space() -> Space {
    Space::new(&format!("{FAMILY}/{PROJECT}/{REGION}"))
}
