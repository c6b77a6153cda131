//! Applications of the CDK: programs that write templates, and beside them the code that these name.
//!
//! What such a program writes is an *assembly*: a folder with a template and a list of assets for each stack, and a
//! `manifest.json` that says which stacks there are. [`Synth`] runs the program, and its assembly is deployed as one that
//! somebody else has made.

mod assembly;
mod assets;
mod environment;
mod sources;
mod synth;

pub use assembly::application_of;
pub(crate) use assembly::{Assembly, Member};
pub(crate) use assets::{Asset, Assets, beside as assets_beside};
pub use synth::Synth;
