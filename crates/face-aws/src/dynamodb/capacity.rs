//! What a request would have used of a table's throughput.

use serde::{Deserialize, Serialize};

/// Bytes that one unit writes, and reads.
const WRITES: usize = 1 << 10;
const READS: usize = 4 << 10;

/// `ReturnConsumedCapacity`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Wanted {
    #[default]
    None,
    Total,
    /// Also by table and index; there are no indexes.
    Indexes,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Consumed {
    table_name: String,
    capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Capacity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
}

impl Wanted {
    /// Of a write that touched this many bytes: the larger of the item before and after.
    pub(super) fn written(self, table: &str, bytes: usize) -> Option<Consumed> {
        self.consumed(table, units(bytes, WRITES))
    }

    /// Of a read of this many bytes. One that need not be consistent is at half the price.
    pub(super) fn read(self, table: &str, bytes: usize, consistent: bool) -> Option<Consumed> {
        let price = if consistent { 1.0 } else { 0.5 };
        self.consumed(table, units(bytes, READS) * price)
    }

    fn consumed(self, table: &str, capacity_units: f64) -> Option<Consumed> {
        let table_name = table.to_owned();
        let consumed = |table| Consumed {
            table_name,
            capacity_units,
            table,
        };
        match self {
            Self::None => None,
            Self::Total => Some(consumed(None)),
            Self::Indexes => Some(consumed(Some(Capacity { capacity_units }))),
        }
    }
}

/// Begun units count; even nothing is one.
fn units(bytes: usize, size: usize) -> f64 {
    let units = u32::try_from(bytes.div_ceil(size)).unwrap_or(u32::MAX);
    f64::from(units.max(1))
}
