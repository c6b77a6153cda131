//! Rows of the table that a group prints.

use crate::load::Load;

/// Prints a figure beside a peer's, where more is better.
pub(crate) fn rate(figure: &str, ours: f64, peer: &str, theirs: f64, wanted: &str) {
    println!(
        "| {figure} | {ours:.0} | {peer}: {theirs:.0} | {} | {wanted} |",
        times(ours / theirs)
    );
}

/// The same, where it could not be compared.
pub(crate) fn alone(figure: &str, ours: f64, why: &str, wanted: &str) {
    println!("| {figure} | {ours:.0} | {why} | | {wanted} |");
}

pub(crate) fn times(ratio: f64) -> String {
    match ratio {
        small if small < 0.1 => format!("{small:.3}×"),
        small if small < 2.0 => format!("{small:.2}×"),
        large => format!("{large:.1}×"),
    }
}

/// Who had the processors during a load, in percent of all of them.
pub(crate) fn shares(load: &Load) -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let all = load.seconds * f64::from(u32::try_from(processors).unwrap_or(1));
    let part = |of: f64| 100.0 * of / all;
    let others = (all - load.processor - load.sender - load.idle).max(0.0);
    format!(
        "of {processors} processors the server had {:.0} %, its clients {:.0} %, others {:.0} %, nobody {:.0} %",
        part(load.processor),
        part(load.sender),
        part(others),
        part(load.idle),
    )
}
