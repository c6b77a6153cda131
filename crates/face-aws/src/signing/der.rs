//! As much of DER as it takes to read a private key: X.690, section 8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// A value with its tag.
pub(super) struct Value<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Value<'a> {
    pub(super) fn integer(&self) -> Option<&'a [u8]> {
        (self.tag == INTEGER).then_some(self.content)
    }

    pub(super) fn octets(&self) -> Option<&'a [u8]> {
        (self.tag == OCTETS).then_some(self.content)
    }
}

/// What is between the lines of a PEM file.
pub(super) fn of_pem(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>().trim()).ok()
}

/// The values of the sequence that `der` is.
pub(super) fn sequence(der: &[u8]) -> Option<Vec<Value<'_>>> {
    let (outer, _) = value(der)?;
    if outer.tag != SEQUENCE {
        return None;
    }
    let mut rest = outer.content;
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (next, after) = value(rest)?;
        values.push(next);
        rest = after;
    }
    Some(values)
}

/// The first value, and what follows it.
fn value(der: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if digits.len() > 4 {
                return None;
            }
            let length = digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (length, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Value { tag, content }, rest))
}
