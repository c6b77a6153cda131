//! Queues on a simulated store, with a clock that is moved by hand.

mod basics;
mod ordered;
mod simulation;
mod world;
