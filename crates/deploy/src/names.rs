//! Physical names: what a resource is called where the template gives it no name. The same stack always gets the same
//! ones, so a second deployment finds what the first has made.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// `<stack>-<logical id>-<twelve letters>`, cut so that it is at most `longest` bytes long.
pub(crate) fn generated(stack: &str, logical_id: &str, suffix: &str, longest: usize) -> String {
    let tail = tail(&[suffix, stack, logical_id]);
    let room = longest - tail.len() - 2;
    // Both parts are ASCII: a stack's name and a logical id allow nothing else.
    let logical = &logical_id[..logical_id.len().min(room.div_ceil(2))];
    let stack = &stack[..stack.len().min(room - logical.len())];
    format!("{stack}-{logical}-{tail}")
}

/// What a gateway is known by in addresses: ten small letters and digits.
pub(crate) fn gateway(stack: &str, logical_id: &str, suffix: &str) -> String {
    let mut id = tail(&[suffix, stack, logical_id]).to_lowercase();
    id.truncate(10);
    id
}

/// A hash of any parts, as hexadecimal digits.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let mut hex = String::with_capacity(64);
    for byte in digest(&SHA256, &bytes).as_ref() {
        write!(hex, "{byte:02x}").expect("a string takes everything");
    }
    hex
}

/// Twelve letters and digits that look random but follow from the parts.
fn tail(parts: &[&str]) -> String {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let hash = digest(&SHA256, parts.join("\n").as_bytes());
    let letters = hash.as_ref().iter().take(12);
    letters
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_distinct_and_fit() {
        let name = generated("shop", "Orders", "s1", 64);
        assert_eq!(name, generated("shop", "Orders", "s1", 64));
        assert!(name.starts_with("shop-Orders-"));
        assert_ne!(name, generated("shop", "Orders", "s2", 64));
        let long = generated(&"s".repeat(128), &"L".repeat(255), "s", 63);
        assert_eq!(long.len(), 63);
        let uneven = generated(&"s".repeat(128), "L", "s", 63);
        assert_eq!(uneven.len(), 63);
    }
}
