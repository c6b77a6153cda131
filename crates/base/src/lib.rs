//! Words that every other crate shares: time, chance, error kinds, sizes, and where a resource lives.
//!
//! A word enters here when three crates need it. Nothing here does I/O, and nothing here knows a cloud.

mod clock;
mod error;
mod random;
mod size;
mod space;

pub use clock::{Clock, Hold, ManualClock, Sleep, Stopwatch, SystemClock, Timestamp};
pub use error::ErrorKind;
pub use random::Random;
pub use size::ByteSize;
pub use space::Space;
