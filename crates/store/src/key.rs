//! Keys as order-preserving tuples: comparing two encoded keys compares their parts one by one.

use std::fmt;

use crate::keyspace::Keyspace;

/// A key being put together, part by part.
///
/// Strings and bytes are escaped (`00` becomes `00 ff`) and closed by `00 01`, so that a string sorts before every
/// longer one that it begins, and no part can be mistaken for the next. Numbers are big endian.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// Longer than most keys become.
const USUAL: usize = 64;

impl Key {
    /// A key of one table of one engine.
    pub fn new(keyspace: Keyspace, table: u8) -> Self {
        let mut key = Vec::with_capacity(USUAL);
        key.extend_from_slice(&[keyspace as u8, table]);
        Self(key)
    }

    #[must_use]
    pub fn str(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }

    #[must_use]
    pub fn bytes(mut self, part: &[u8]) -> Self {
        self.escape(part);
        self.0.extend_from_slice(&[0x00, 0x01]);
        self
    }

    #[must_use]
    pub fn u8(mut self, part: u8) -> Self {
        self.0.push(part);
        self
    }

    #[must_use]
    pub fn u32(mut self, part: u32) -> Self {
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    #[must_use]
    pub fn u64(mut self, part: u64) -> Self {
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// A last part that needs no closing, because nothing follows it and no other part stands in its place.
    #[must_use]
    pub fn raw(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }

    /// Every key that begins with this one's parts.
    pub fn range(&self) -> KeyRange {
        KeyRange {
            start: self.0.clone(),
            end: after_prefix(&self.0),
        }
    }

    /// Every key that begins with these parts and then a string that begins with `prefix`.
    pub fn str_prefix(&self, prefix: &str) -> KeyRange {
        let mut key = self.clone();
        key.escape(prefix.as_bytes());
        key.range()
    }

    fn escape(&mut self, part: &[u8]) {
        // Hardly any part has a zero.
        if !part.contains(&0x00) {
            self.0.extend_from_slice(part);
            return;
        }
        for &byte in part {
            self.0.push(byte);
            if byte == 0x00 {
                self.0.push(0xff);
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// From `start` up to, and without, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

impl KeyRange {
    /// What is left of this range after `key` itself.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0x00);
        if start > self.start {
            self.start = start;
        }
        self
    }

    /// What is left of this range from `key` on.
    #[must_use]
    pub fn from(mut self, key: &[u8]) -> Self {
        if key > self.start.as_slice() {
            self.start = key.to_vec();
        }
        self
    }

    /// What is left of this range before `key`.
    #[must_use]
    pub fn before(mut self, key: &[u8]) -> Self {
        if key < self.end.as_slice() {
            self.end = key.to_vec();
        }
        self
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && key < self.end.as_slice()
    }

    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// The least byte string that is greater than everything beginning with `prefix`.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    // Only for a prefix of nothing but 0xff, which no keyspace begins with.
    vec![0xff; prefix.len() + 1]
}

/// Reads the parts of a key back, in the order in which they were put.
#[derive(Clone, Copy, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    /// Begins after the keyspace and the table.
    pub fn new(key: &'a [u8]) -> Option<Self> {
        key.get(2..).map(Self)
    }

    pub fn str(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    pub fn bytes(&mut self) -> Option<Vec<u8>> {
        let mut part = Vec::new();
        let mut at = 0;
        loop {
            match (*self.0.get(at)?, self.0.get(at + 1)) {
                (0x00, Some(0xff)) => {
                    part.push(0x00);
                    at += 2;
                }
                (0x00, Some(0x01)) => {
                    self.0 = &self.0[at + 2..];
                    return Some(part);
                }
                (0x00, _) => return None,
                (byte, _) => {
                    part.push(byte);
                    at += 1;
                }
            }
        }
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// All that is left.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &(String, u64, Vec<u8>)) -> Key {
        Key::new(Keyspace::Test, 1)
            .str(&parts.0)
            .u64(parts.1)
            .bytes(&parts.2)
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_parts_do(a: (String, u64, Vec<u8>), b: (String, u64, Vec<u8>)) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn parts_read_back(a: (String, u64, Vec<u8>)) {
            let key = key(&a);
            let mut reader = KeyReader::new(key.as_slice()).unwrap();
            prop_assert_eq!(reader.str().unwrap(), a.0);
            prop_assert_eq!(reader.u64().unwrap(), a.1);
            prop_assert_eq!(reader.bytes().unwrap(), a.2);
            prop_assert!(reader.raw().is_empty());
        }

        #[test]
        fn a_string_prefix_holds_just_the_strings_that_begin_with_it(prefix: String, other: String) {
            let table = Key::new(Keyspace::Test, 1);
            let range = table.str_prefix(&prefix);
            let stored = table.clone().str(&other);
            prop_assert_eq!(range.contains(stored.as_slice()), other.starts_with(&prefix));
        }
    }
}
