//! SHA-256 and what is made with it. A request has a few hundred bytes to be hashed, in four pieces: with the processor's
//! own instructions that takes less than what the other crypto library spends on being asked, so it is not asked here.

use hmac::{KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The hex SHA-256 that stands for a body in what is signed.
pub(crate) fn sha256(bytes: &[u8]) -> Hex {
    Hex::of(Sha256::digest(bytes).into())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A digest in hexadecimal digits.
pub(crate) struct Hex([u8; 64]);

impl Hex {
    pub(super) fn of(digest: [u8; 32]) -> Self {
        let mut text = [b'0'; 64];
        for (digits, byte) in text.chunks_exact_mut(2).zip(digest) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are text")
    }
}

/// A key that is ready to sign: half of the work is done once for all messages.
pub(super) struct Hmac(hmac::Hmac<Sha256>);

impl Hmac {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(hmac::Hmac::new_from_slice(key).expect("keys may have any length"))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}
