//! Powers of large numbers by a prime: what a signature costs, so it is done in numbers of a fixed length, by
//! Montgomery's way (Handbook of Applied Cryptography, 14.32 and 14.36).

use std::array;

/// Words of half a modulus, as each of its two primes has: of keys of 2048 bits.
const WORDS: usize = 16;
/// Bits of an exponent that are dealt with at once.
const WINDOW: usize = 4;
const WINDOWS: usize = WORDS * 64 / WINDOW;

/// Words of a number, the least first.
pub(super) type Number = [u64; WORDS];
/// Twice as many.
pub(super) type Wide = [u64; 2 * WORDS];

/// A prime, and what makes it quick to be divided by. Numbers *in its form* are multiplied by 2^1024.
pub(super) struct Prime {
    number: Number,
    /// What the least word is to be multiplied by to be -1.
    inverse: u64,
    /// 2^1024, and that squared.
    one: Number,
    square: Number,
}

/// None if it is too long.
pub(super) fn number<const LENGTH: usize>(bytes: &[u8]) -> Option<[u64; LENGTH]> {
    let digits = bytes.iter().position(|byte| *byte != 0);
    let digits = &bytes[digits.unwrap_or(bytes.len())..];
    let mut words = [0; LENGTH];
    for (at, chunk) in digits.rchunks(8).enumerate() {
        let word = chunk
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        *words.get_mut(at)? = word;
    }
    Some(words)
}

pub(super) fn bytes(number: &Wide) -> Vec<u8> {
    let words = number.iter().rev();
    words.flat_map(|word| word.to_be_bytes()).collect()
}

impl Prime {
    /// None if it is not odd, or shorter than half of a modulus.
    pub(super) fn new(number: Number) -> Option<Self> {
        if number[0] & 1 == 0 || number[WORDS - 1] >> 63 == 0 {
            return None;
        }
        // Each step doubles the number of bits that are right, of which the first has three.
        let inverse = (0..5).fold(number[0], |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(number[0].wrapping_mul(inverse)))
        });
        let mut prime = Self {
            number,
            inverse: inverse.wrapping_neg(),
            one: [0; WORDS],
            square: [0; WORDS],
        };
        prime.one = prime.less([0; WORDS], 1);
        prime.square = (0..WORDS * 64).fold(prime.one, |sum, _| prime.sum(&sum, &sum));
        Some(prime)
    }

    /// The power of a number that may be twice as long.
    pub(super) fn power(&self, base: &Wide, exponent: &Number) -> Number {
        let base = self.product(&self.rest(base), &self.square);
        let mut powers = [self.one; 1 << WINDOW];
        for at in 1..powers.len() {
            powers[at] = self.product(&powers[at - 1], &base);
        }
        let mut power = self.one;
        for window in (0..WINDOWS).rev() {
            for _ in 0..WINDOW {
                power = self.squared(&power);
            }
            let word = exponent[window * WINDOW / 64] >> (window * WINDOW % 64);
            let digit = word as usize % powers.len();
            power = self.product(&power, &powers[digit]);
        }
        self.plain(&power)
    }

    /// What is left of a number.
    pub(super) fn rest(&self, of: &Wide) -> Number {
        let (low, high) = of.split_at(WORDS);
        let number = |words: &[u64]| array::from_fn(|at| words[at]);
        let low = self.less(number(low), 0);
        self.sum(&low, &self.product(&number(high), &self.square))
    }

    /// `one * other`, of which one is in this prime's form: then what comes of it is not.
    pub(super) fn product(&self, one: &Number, other: &Number) -> Number {
        self.reduced(multiplied(one, other))
    }

    pub(super) fn formed(&self, plain: &Number) -> Number {
        self.product(plain, &self.square)
    }

    fn plain(&self, formed: &Number) -> Number {
        let mut wide = [0; 2 * WORDS];
        wide[..WORDS].copy_from_slice(formed);
        self.reduced(wide)
    }

    /// `one - other`; both are less than the prime.
    pub(super) fn difference(&self, one: &Number, other: &Number) -> Number {
        let (difference, borrowed) = subtract(one, other);
        if borrowed == 0 {
            return difference;
        }
        let mut carry = 0;
        array::from_fn(|at| add(difference[at], self.number[at], &mut carry))
    }

    fn sum(&self, one: &Number, other: &Number) -> Number {
        let mut carry = 0;
        let sum = array::from_fn(|at| add(one[at], other[at], &mut carry));
        self.less(sum, carry)
    }

    /// `number`, and with it `over` times 2^1024, without the prime once if it is in there.
    pub(super) fn less(&self, number: Number, over: u64) -> Number {
        let (less, borrowed) = subtract(&number, &self.number);
        if over >= borrowed { less } else { number }
    }

    fn squared(&self, number: &Number) -> Number {
        self.reduced(square(number))
    }

    /// Divides by 2^1024.
    fn reduced(&self, mut number: Wide) -> Number {
        let mut over = 0;
        for at in 0..WORDS {
            let factor = number[at].wrapping_mul(self.inverse);
            let mut carry = 0;
            for (word, prime) in number[at..].iter_mut().zip(&self.number) {
                *word = multiply_add(*word, factor, *prime, &mut carry);
            }
            let word = &mut number[at + WORDS];
            *word = add(*word, carry, &mut over);
        }
        self.less(array::from_fn(|at| number[WORDS + at]), over)
    }
}

pub(super) fn multiplied(one: &Number, other: &Number) -> Wide {
    let mut product = [0; 2 * WORDS];
    for (at, digit) in one.iter().enumerate() {
        let mut carry = 0;
        for (word, factor) in product[at..].iter_mut().zip(other) {
            *word = multiply_add(*word, *digit, *factor, &mut carry);
        }
        product[at + WORDS] = carry;
    }
    product
}

/// Each product of two different words is in it twice, so it is made once.
fn square(of: &Number) -> Wide {
    let mut square = [0; 2 * WORDS];
    for (at, digit) in of.iter().enumerate() {
        let mut carry = 0;
        for (word, factor) in square[2 * at + 1..].iter_mut().zip(&of[at + 1..]) {
            *word = multiply_add(*word, *digit, *factor, &mut carry);
        }
        square[at + WORDS] = carry;
    }
    let (mut shifted, mut carry) = (0, 0);
    for (digit, words) in of.iter().zip(square.chunks_exact_mut(2)) {
        let mut high = 0;
        let low = multiply_add(0, *digit, *digit, &mut high);
        for (word, own) in words.iter_mut().zip([low, high]) {
            let twice = *word << 1 | shifted;
            shifted = *word >> 63;
            *word = add(twice, own, &mut carry);
        }
    }
    square
}

/// `one + other`; neither it nor anything else here is more than the words have room for.
pub(super) fn added(one: &Wide, other: &Number) -> Wide {
    let mut carry = 0;
    let other = other.iter().copied().chain([0; WORDS]);
    let mut sum = *one;
    for (word, other) in sum.iter_mut().zip(other) {
        *word = add(*word, other, &mut carry);
    }
    sum
}

fn subtract(one: &Number, other: &Number) -> (Number, u64) {
    let mut borrowed = 0;
    let difference = array::from_fn(|at| {
        let (word, first) = one[at].overflowing_sub(other[at]);
        let (word, second) = word.overflowing_sub(borrowed);
        borrowed = u64::from(first | second);
        word
    });
    (difference, borrowed)
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a word of two")]
fn add(one: u64, other: u64, carry: &mut u64) -> u64 {
    let sum = u128::from(one) + u128::from(other) + u128::from(*carry);
    *carry = (sum >> 64) as u64;
    sum as u64
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a word of two")]
fn multiply_add(to: u64, one: u64, other: u64, carry: &mut u64) -> u64 {
    let sum = u128::from(to) + u128::from(one) * u128::from(other) + u128::from(*carry);
    *carry = (sum >> 64) as u64;
    sum as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Number = [u64::MAX; WORDS];

    fn least() -> Number {
        let mut number = [0; WORDS];
        (number[0], number[WORDS - 1]) = (1, 1 << 63);
        number
    }

    fn some(seed: u64) -> Number {
        let mut word = seed;
        array::from_fn(|_| {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word
        })
    }

    fn moduli() -> [Prime; 3] {
        let mut any = some(3);
        any[0] |= 1;
        any[WORDS - 1] |= 1 << 63;
        [least(), MOST, any].map(|number| Prime::new(number).unwrap())
    }

    /// By sums alone.
    fn slowly(by: &Prime, one: &Number, other: &Number) -> Number {
        let bits = (0..WORDS * 64).rev();
        bits.fold([0; WORDS], |sum, bit| {
            let twice = by.sum(&sum, &sum);
            if other[bit / 64] >> (bit % 64) & 1 == 1 {
                by.sum(&twice, one)
            } else {
                twice
            }
        })
    }

    #[test]
    fn products_and_squares_are_those_of_repeated_sums() {
        let mut nearly = MOST;
        nearly[0] -= 2;
        for by in moduli() {
            let numbers = [[0; WORDS], least(), MOST, nearly, some(1), some(2)];
            let numbers = numbers.map(|number| by.less(number, 0));
            for one in &numbers {
                let squared = by.squared(&by.formed(one));
                assert_eq!(by.plain(&squared), slowly(&by, one, one));
                for other in &numbers {
                    let product = by.product(&by.formed(one), other);
                    assert_eq!(product, slowly(&by, one, other));
                    let back = by.sum(&by.difference(one, other), other);
                    assert_eq!(back, *one);
                }
            }
        }
    }

    #[test]
    fn a_power_is_a_product_of_as_many() {
        for by in moduli() {
            for exponent in [0, 1, 2, 15, 16, 31] {
                let (low, high) = (some(5), some(6));
                let mut wide = [0; 2 * WORDS];
                wide[..WORDS].copy_from_slice(&low);
                wide[WORDS..].copy_from_slice(&high);
                let rest = slowly(&by, &by.one, &by.less(high, 0));
                let rest = by.sum(&rest, &by.less(low, 0));
                assert_eq!(by.rest(&wide), rest);
                let one = by.plain(&by.one);
                let product = (0..exponent).fold(one, |product, _| slowly(&by, &product, &rest));
                let mut times = [0; WORDS];
                times[0] = exponent;
                assert_eq!(by.power(&wide, &times), product);
            }
        }
    }

    #[test]
    fn what_is_even_short_or_long_is_refused() {
        let mut even = MOST;
        even[0] -= 1;
        let mut short = MOST;
        short[WORDS - 1] >>= 1;
        assert!(Prime::new(even).is_none() && Prime::new(short).is_none());
        let long = [1; 8 * WORDS + 1];
        assert_eq!(number::<WORDS>(&long), None);
        let short = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
        assert_eq!(number::<2>(&short), Some([2, 1]));
    }
}
