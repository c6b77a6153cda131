//! Checksums: computed while bytes pass, stored beside the object, and joined when parts become one object.

use aws_lc_rs::digest;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What a checksum of an object in parts was made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    /// The body, as if it had come in one piece.
    Whole,
    /// The parts' checksums, one after the other; and how many they were.
    Parts(u32),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: Algorithm,
    pub coverage: Coverage,
    /// Big endian.
    pub value: Vec<u8>,
}

impl Algorithm {
    /// How many bytes its value has.
    pub const fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Of bytes that are at hand.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut running = Running::new(self);
        running.update(bytes);
        running.finish()
    }
}

/// The hashes of a body while it passes.
pub(crate) struct Hasher {
    md5: Md5,
    others: Vec<(Algorithm, Running)>,
}

/// The hashes of a body that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    pub md5: [u8; 16],
    others: Vec<(Algorithm, Vec<u8>)>,
}

enum Running {
    Crc(Box<crc_fast::Digest>, usize),
    Sha(digest::Context),
}

impl Hasher {
    pub(crate) fn new(algorithms: &[Algorithm]) -> Self {
        let mut algorithms = algorithms.to_vec();
        algorithms.sort_unstable();
        algorithms.dedup();
        Self {
            md5: Md5::new(),
            others: algorithms
                .into_iter()
                .map(|algorithm| (algorithm, Running::new(algorithm)))
                .collect(),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, running) in &mut self.others {
            running.update(bytes);
        }
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize().into(),
            others: self
                .others
                .into_iter()
                .map(|(algorithm, running)| (algorithm, running.finish()))
                .collect(),
        }
    }
}

impl Running {
    fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(Box::new(crc_fast::Digest::new(crc)), algorithm.width()),
            (None, Algorithm::Sha1) => {
                Self::Sha(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
            }
            (None, _) => Self::Sha(digest::Context::new(&digest::SHA256)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(running, _) => running.update(bytes),
            Self::Sha(running) => running.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(running, len) => running.finalize().to_be_bytes()[8 - len..].to_vec(),
            Self::Sha(running) => running.finish().as_ref().to_vec(),
        }
    }
}

impl Digests {
    /// Only for the algorithms that the receiver was asked for.
    pub fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.others
            .iter()
            .find(|(each, _)| *each == algorithm)
            .map(|(_, value)| value.as_slice())
    }

    pub fn checksum(&self, algorithm: Algorithm) -> Option<Checksum> {
        self.get(algorithm).map(|value| Checksum {
            algorithm,
            coverage: Coverage::Whole,
            value: value.to_vec(),
        })
    }

    pub(crate) fn checksums(&self) -> impl Iterator<Item = Checksum> {
        self.others.iter().map(|(algorithm, value)| Checksum {
            algorithm: *algorithm,
            coverage: Coverage::Whole,
            value: value.clone(),
        })
    }
}

/// The checksum of the whole from those of its pieces, which are given with their lengths.
pub(crate) fn combine<'a>(
    algorithm: Algorithm,
    pieces: impl Iterator<Item = (&'a [u8], u64)>,
) -> Result<Checksum> {
    let crc = algorithm.crc().ok_or(Error::DoesNotCombine(algorithm))?;
    let whole = pieces.map(|(value, len)| (number(value), len)).reduce(
        |(first, first_len), (second, second_len)| {
            let both = crc_fast::checksum_combine(crc, first, second, second_len);
            (both, first_len + second_len)
        },
    );
    let value = match whole {
        Some((value, _)) => value.to_be_bytes()[8 - algorithm.width()..].to_vec(),
        None => algorithm.of(b""),
    };
    Ok(Checksum {
        algorithm,
        coverage: Coverage::Whole,
        value,
    })
}

/// The checksum over the pieces' checksums.
pub(crate) fn compose<'a>(
    algorithm: Algorithm,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Checksum {
    let mut running = Running::new(algorithm);
    let mut count = 0;
    for piece in pieces {
        running.update(piece);
        count += 1;
    }
    Checksum {
        algorithm,
        coverage: Coverage::Parts(count),
        value: running.finish(),
    }
}

fn number(value: &[u8]) -> u64 {
    value
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The check values that each algorithm's catalogue entry gives for these nine bytes.
    #[test]
    fn the_published_check_values() {
        let of = |algorithm: Algorithm| {
            algorithm
                .of(b"123456789")
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        assert_eq!(of(Algorithm::Crc32), "cbf43926");
        assert_eq!(of(Algorithm::Crc32c), "e3069283");
        assert_eq!(of(Algorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(
            of(Algorithm::Sha1),
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
        );
    }

    proptest! {
        #[test]
        fn pieces_combine_to_the_whole(pieces: Vec<Vec<u8>>) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let parts: Vec<_> = pieces
                    .iter()
                    .map(|piece| (algorithm.of(piece), piece.len() as u64))
                    .collect();
                let combined =
                    combine(algorithm, parts.iter().map(|(value, len)| (value.as_slice(), *len)))
                        .unwrap();
                prop_assert_eq!(combined.value, algorithm.of(&pieces.concat()));
            }
        }
    }
}
