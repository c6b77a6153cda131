//! Chance as a thing that is handed in: the system's, or a seeded stream that repeats.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

/// So many bytes are fetched at once: almost every request needs an id, and a visit to the kernel costs as much as
/// reading its head.
const POOL: usize = 512;

thread_local! {
    static FROM_POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], left: 0 }) };
}

/// Bytes from the kernel that nobody was given yet. A process that is forked off would be given the same ones: ours
/// starts others by executing them.
struct Pool {
    bytes: [u8; POOL],
    /// The last so many.
    left: usize,
}

impl Pool {
    fn take(&mut self, wanted: &mut [u8]) {
        if self.left < wanted.len() {
            from_kernel(&mut self.bytes);
            self.left = POOL;
        }
        let from = POOL - self.left;
        let given = &mut self.bytes[from..from + wanted.len()];
        wanted.copy_from_slice(given);
        // What was a key does not stay about.
        given.fill(0);
        self.left -= wanted.len();
    }
}

/// The crypto library's generator takes 60 ms to start, twice what a server may.
fn from_kernel(bytes: &mut [u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(filled) => rest = &mut rest[filled..],
            Err(cause) => assert_eq!(
                cause,
                rustix::io::Errno::INTR,
                "the operating system gives entropy"
            ),
        }
    }
}

/// Where ids, keys and jitter come from. Cheap to clone; clones of a seeded one share its stream.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    /// Cryptographically strong, from the operating system.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The same stream for the same seed. For simulations only: anybody can predict it.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(seed))))
    }

    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System if bytes.len() <= POOL / 4 => {
                FROM_POOL.with_borrow_mut(|pool| pool.take(bytes));
            }
            Source::System => from_kernel(bytes),
            Source::Seeded(state) => {
                let mut state = state.lock();
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub fn u64(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A number below `bound`, which is at least one. The bias is below 2⁻³² for any bound that fits a `u32`.
    pub fn below(&self, bound: u64) -> u64 {
        self.u64() % bound.max(1)
    }

    /// True with this probability.
    pub fn chance(&self, probability: f64) -> bool {
        // 53 bits are what an f64 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "both fit 53 bits")]
        let unit = (self.u64() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < probability
    }

    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}

/// SplitMix64: small, full period, good enough to drive a simulation.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Random(system)",
            Source::Seeded(_) => "Random(seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_two_seeds_differ() {
        let draw = |seed| {
            let random = Random::seeded(seed);
            [random.u64(), random.u64(), random.below(10)]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_systems_never_gives_the_same_twice() {
        let random = Random::system();
        // More than are fetched at once, in pieces that do not divide it.
        let drawn: std::collections::BTreeSet<[u8; 24]> =
            (0..200).map(|_| random.bytes()).collect();
        assert_eq!(drawn.len(), 200);
        let mut long = [0; 2 * POOL];
        random.fill(&mut long);
        assert!(long[POOL..] != [0; POOL] && long[..POOL] != long[POOL..]);
    }
}
