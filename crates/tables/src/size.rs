//! What an item's size counts as. The rules are those that the clouds publish for their limits: names and strings by
//! their UTF-8 bytes, numbers by their digits, collections with a small overhead.

use crate::number::Number;
use crate::value::{Item, Value};

/// The largest item, by [`item_size`].
pub const MAX_ITEM: usize = 400 << 10;

/// Of a list or map, and of each thing in it.
const COLLECTION: usize = 3;
const ELEMENT: usize = 1;

/// The size of an item in bytes, names included.
pub fn item_size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

pub(crate) fn value_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(number) => number_size(number),
        Value::Binary(bytes) => bytes.len(),
        Value::Bool(_) | Value::Null => 1,
        Value::List(values) => {
            COLLECTION
                + values
                    .iter()
                    .map(|value| ELEMENT + value_size(value))
                    .sum::<usize>()
        }
        Value::Map(entries) => COLLECTION + ELEMENT * entries.len() + item_size(entries),
        Value::Strings(set) => set.iter().map(String::len).sum(),
        Value::Numbers(set) => set.iter().map(number_size).sum(),
        Value::Binaries(set) => set.iter().map(bytes::Bytes::len).sum(),
    }
}

/// A byte for two digits, where pairs begin at even exponents, one more, and one for a minus.
fn number_size(number: &Number) -> usize {
    if *number == Number::ZERO {
        return 1;
    }
    let digits = number.digits();
    let split = usize::from(digits.is_multiple_of(2) && number.exponent() % 2 == 0);
    1 + digits.div_ceil(2) + split + usize::from(number.is_negative())
}
