//! Exact decimals: up to 38 significant digits, magnitudes from 1e-130 to below 1e126, and zero.
//!
//! The limits are DECIMAL arithmetic's as the clouds' document stores have it; no crate's decimal is this wide.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub(crate) const MAX_DIGITS: usize = 38;
const MAX_EXPONENT: i64 = 125;
const MIN_EXPONENT: i64 = -130;

/// ±d.ddd × 10^exponent, in one way only: the coefficient ends in no zero, and zero has the exponent 0 and no sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Number {
    negative: bool,
    /// Of the first digit.
    exponent: i16,
    /// The digits as a whole number; 0 only for zero.
    coefficient: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("this is no number")]
    NotANumber,
    #[error("the number's magnitude is too large")]
    Overflow,
    #[error("the number's magnitude is too small")]
    Underflow,
    #[error("the number has more than {MAX_DIGITS} significant digits")]
    TooPrecise,
}

impl Number {
    pub const ZERO: Self = Self {
        negative: false,
        exponent: 0,
        coefficient: 0,
    };

    fn new(negative: bool, exponent: i64, digits: &[u8]) -> Result<Self, NumberError> {
        if exponent > MAX_EXPONENT {
            return Err(NumberError::Overflow);
        }
        if exponent < MIN_EXPONENT {
            return Err(NumberError::Underflow);
        }
        if digits.len() > MAX_DIGITS {
            return Err(NumberError::TooPrecise);
        }
        let coefficient = digits
            .iter()
            .fold(0, |sum: u128, digit| sum * 10 + u128::from(digit - b'0'));
        Ok(Self {
            negative,
            exponent: i16::try_from(exponent).map_err(|_| NumberError::Overflow)?,
            coefficient,
        })
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Significant digits; zero has one.
    pub fn digits(&self) -> usize {
        self.coefficient
            .checked_ilog10()
            .map_or(1, |log| log as usize + 1)
    }

    /// The exponent of the first digit.
    pub fn exponent(&self) -> i16 {
        self.exponent
    }

    /// The coefficient with zeros at its end, so that two of one exponent compare as numbers.
    fn scaled(&self) -> u128 {
        let missing = u32::try_from(MAX_DIGITS - self.digits()).unwrap_or_default();
        self.coefficient * 10_u128.pow(missing)
    }

    pub fn negated(&self) -> Self {
        Self {
            negative: !self.negative && self.coefficient != 0,
            ..*self
        }
    }

    /// The exact sum, if it is within the limits.
    pub fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        if self.coefficient == 0 {
            return Ok(*other);
        }
        if other.coefficient == 0 {
            return Ok(*self);
        }
        let (large, small) = if self.magnitude(other).is_lt() {
            (other, self)
        } else {
            (self, other)
        };
        let lowest = large.last_exponent().min(small.last_exponent());
        let span = i64::from(large.exponent) - lowest + 1;
        // Neither reaches into the other by more than the digits of one.
        let span = usize::try_from(span)
            .ok()
            .filter(|span| *span <= 2 * MAX_DIGITS)
            .ok_or(NumberError::TooPrecise)?;
        let (a, b) = (large.columns(lowest, span), small.columns(lowest, span));
        let subtract = large.negative != small.negative;
        let mut carry = 0;
        // From the lowest column, with one more for what is carried out of the highest.
        let mut sum: Vec<u8> = (0..span)
            .map(|at| {
                let (a, b) = (a[at], b[at] + carry);
                let column = if subtract { 10 + a - b } else { a + b };
                carry = u8::from(if subtract { column < 10 } else { column > 9 });
                b'0' + column % 10
            })
            .collect();
        sum.push(b'0' + if subtract { 0 } else { carry });
        let Some(first) = sum.iter().rposition(|digit| *digit != b'0') else {
            return Ok(Self::ZERO);
        };
        let last = sum
            .iter()
            .position(|digit| *digit != b'0')
            .unwrap_or_default();
        let digits: Vec<u8> = sum[last..=first].iter().rev().copied().collect();
        let exponent = lowest + i64::try_from(first).unwrap_or(i64::MAX);
        Self::new(large.negative, exponent, &digits)
    }

    /// The exponent of the last digit.
    fn last_exponent(&self) -> i64 {
        i64::from(self.exponent) + 1 - i64::try_from(self.digits()).unwrap_or_default()
    }

    /// Its digits in columns of which the first has the exponent `lowest`.
    fn columns(&self, lowest: i64, span: usize) -> Vec<u8> {
        let mut columns = vec![0; span];
        let from = usize::try_from(self.last_exponent() - lowest).unwrap_or_default();
        let digits = self.coefficient.to_string().into_bytes();
        for (column, digit) in columns[from..].iter_mut().zip(digits.iter().rev()) {
            *column = digit - b'0';
        }
        columns
    }

    /// Compares without the signs.
    fn magnitude(&self, other: &Self) -> Ordering {
        self.exponent
            .cmp(&other.exponent)
            .then_with(|| self.scaled().cmp(&other.scaled()))
    }

    /// The whole part, if it is one of a u64.
    pub fn whole(&self) -> Option<u64> {
        if self.negative {
            return None;
        }
        self.to_string().split('.').next()?.parse().ok()
    }

    /// Bytes that sort as the numbers do: a sign, the exponent, and pairs of digits. A negative number's are turned
    /// round, and closed by a byte above all pairs, because of two that begin alike the longer is the smaller.
    pub fn to_sortable(&self) -> Vec<u8> {
        const NEGATIVE: u8 = 0x7f;
        const ZERO: u8 = 0x80;
        const POSITIVE: u8 = 0x81;
        if self.coefficient == 0 {
            return vec![ZERO];
        }
        let exponent = i64::from(self.exponent) - MIN_EXPONENT;
        let exponent = u8::try_from(exponent).expect("exponents span 256 values");
        let mut bytes = vec![POSITIVE, exponent];
        let digits = self.coefficient.to_string().into_bytes();
        bytes.extend(digits.chunks(2).map(|pair| {
            let units = pair.get(1).map_or(0, |digit| digit - b'0');
            (pair[0] - b'0') * 10 + units + 1
        }));
        if self.negative {
            bytes[0] = NEGATIVE;
            for byte in &mut bytes[1..] {
                *byte = 0xff - *byte;
            }
            bytes.push(0xff);
        }
        bytes
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// Digits with an optional sign, point and exponent; nothing around them.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mark = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, power) = match mark {
            Some(at) => (&unsigned[..at], power(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(NumberError::NotANumber);
        }
        let Some(first) = digits.iter().position(|digit| *digit != b'0') else {
            // The exponent of the last zero that is written is held to the limits all the same.
            let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
            return Self::new(negative, power.saturating_sub(places), &[]).map(|_| Self::ZERO);
        };
        let last = digits
            .iter()
            .rposition(|digit| *digit != b'0')
            .unwrap_or(first);
        let place = i64::try_from(whole.len()).unwrap_or(i64::MAX)
            - i64::try_from(first).unwrap_or(i64::MAX)
            - 1;
        Self::new(negative, power.saturating_add(place), &digits[first..=last])
    }
}

/// The number after the `e`. One that is longer than any is not read.
fn power(text: &[u8]) -> Result<i64, NumberError> {
    let text = std::str::from_utf8(text).map_err(|_| NumberError::NotANumber)?;
    text.parse().map_err(|_| NumberError::NotANumber)
}

impl fmt::Display for Number {
    /// In full, with no exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        // Almost all fit into a word, which is printed in a quarter of the time.
        let digits = match u64::try_from(self.coefficient) {
            Ok(coefficient) => coefficient.to_string(),
            Err(_) => self.coefficient.to_string(),
        };
        let whole = i64::from(self.exponent) + 1;
        let Ok(whole) = usize::try_from(whole) else {
            let zeros = usize::try_from(-whole).unwrap_or_default();
            return write!(f, "0.{}{digits}", "0".repeat(zeros));
        };
        if whole == digits.len() {
            f.write_str(&digits)
        } else if whole == 0 {
            write!(f, "0.{digits}")
        } else if whole >= digits.len() {
            write!(f, "{digits}{}", "0".repeat(whole - digits.len()))
        } else {
            write!(f, "{}.{}", &digits[..whole], &digits[whole..])
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.magnitude(other),
            (-1, -1) => other.magnitude(self),
            (mine, theirs) => mine.cmp(&theirs),
        }
    }
}

impl Number {
    fn sign(&self) -> i8 {
        match (self.coefficient, self.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        whole
            .to_string()
            .parse()
            .expect("20 digits are within every limit")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_print_in_full() {
        for (text, printed) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("+5", "5"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1000"),
            ("-12.340", "-12.34"),
            ("1.5E-4", "0.00015"),
            ("100", "100"),
            ("0e125", "0"),
            ("0.0e126", "0"),
            ("-0.0e-129", "0"),
        ] {
            assert_eq!(number(text).to_string(), printed, "{text}");
        }
    }

    #[test]
    fn limits_are_exact() {
        let nines = "9".repeat(38);
        assert_eq!(number(&nines).to_string(), nines);
        assert_eq!(
            number("9.9999999999999999999999999999999999999e125").digits(),
            38
        );
        assert_eq!(number("1e-130").exponent(), -130);
        for (text, error) in [
            ("", NumberError::NotANumber),
            ("-", NumberError::NotANumber),
            (".", NumberError::NotANumber),
            ("1e", NumberError::NotANumber),
            ("1 ", NumberError::NotANumber),
            ("0x1", NumberError::NotANumber),
            ("1.2.3", NumberError::NotANumber),
            ("NaN", NumberError::NotANumber),
            ("١", NumberError::NotANumber),
            ("1e126", NumberError::Overflow),
            ("0e126", NumberError::Overflow),
            ("-1e9223372036854775807", NumberError::Overflow),
            ("1e9223372036854775808", NumberError::NotANumber),
            ("9e-131", NumberError::Underflow),
            ("0e-131", NumberError::Underflow),
            ("0.0e-130", NumberError::Underflow),
            ("1e-9223372036854775808", NumberError::Underflow),
            ("1e-9223372036854775809", NumberError::NotANumber),
            ("1e+-5", NumberError::NotANumber),
            (&format!("1{nines}"), NumberError::TooPrecise),
        ] {
            assert_eq!(text.parse::<Number>(), Err(error), "{text}");
        }
    }

    #[test]
    fn sums_stay_within_the_limits() {
        for (a, b, sum) in [
            ("1e48", "1", Err(NumberError::TooPrecise)),
            ("1e-130", "1e125", Err(NumberError::TooPrecise)),
            ("9e125", "1e125", Err(NumberError::Overflow)),
            ("1.1e-130", "-1e-130", Err(NumberError::Underflow)),
            (
                "99999999999999999999999999999999999999",
                "1",
                Ok(number("1e38")),
            ),
            ("5", "-5", Ok(Number::ZERO)),
            ("0", "-0.1", Ok(number("-0.1"))),
        ] {
            assert_eq!(number(a).plus(&number(b)), sum, "{a} + {b}");
        }
        assert_eq!(number("12.99").whole(), Some(12));
        assert_eq!(number("-1").whole(), None);
        assert_eq!(number("1e30").whole(), None);
    }

    fn any_number() -> impl Strategy<Value = Number> {
        let digits = prop_oneof![0..100_u128, 0..10_u128.pow(38)];
        (any::<bool>(), digits, -168..=88_i32).prop_filter_map(
            "out of range",
            |(minus, digits, power)| {
                let sign = if minus { "-" } else { "" };
                format!("{sign}{digits}e{power}").parse().ok()
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(a in any_number()) {
            prop_assert_eq!(a.to_string().parse::<Number>().unwrap(), a);
        }

        #[test]
        fn bytes_sort_as_numbers_do(a in any_number(), b in any_number()) {
            prop_assert_eq!(a.to_sortable().cmp(&b.to_sortable()), a.cmp(&b));
        }

        #[test]
        fn near_numbers_sort_too(a in -100_000..100_000_i64, b in -100_000..100_000_i64, point in 0..5_u32) {
            let read = |n: i64| number(&format!("{n}e-{point}"));
            prop_assert_eq!(read(a).cmp(&read(b)), a.cmp(&b));
            prop_assert_eq!(read(a).to_sortable().cmp(&read(b).to_sortable()), a.cmp(&b));
        }

        #[test]
        fn sums_are_exact(a in -10_i128.pow(18)..10_i128.pow(18), b in -10_i128.pow(18)..10_i128.pow(18), shift in 0..20_u32, point in 0..60_u32) {
            let read = |n: i128| number(&format!("{n}e-{point}"));
            let a = a * 10_i128.pow(shift);
            prop_assert_eq!(read(a).plus(&read(b)), Ok(read(a + b)));
            prop_assert_eq!(read(b).plus(&read(a)), Ok(read(a + b)));
            prop_assert_eq!(read(a).plus(&read(b).negated()), Ok(read(a - b)));
        }

        #[test]
        fn sums_never_panic(a in any_number(), b in any_number()) {
            if let Ok(sum) = a.plus(&b) {
                prop_assert_eq!(sum.plus(&b.negated()), Ok(a));
            }
        }

        #[test]
        fn nothing_panics(text in "[-+]?[0-9.eE+-]{0,60}") {
            let _ = text.parse::<Number>();
        }
    }
}
