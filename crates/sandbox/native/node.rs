//! The library as an addon: the stable part of the interpreter's C interface, by hand. Every symbol here is the
//! interpreter's own, and is found when it loads this; one that lacks any of them refuses to.
