//! What a request would have used of a table's throughput.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tables::{Index, Written};

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
    /// Also by table and index.
    Indexes,
}

/// Units of one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spent {
    table: f64,
    local: BTreeMap<String, f64>,
    global: BTreeMap<String, f64>,
}

/// Transactions tell what kind their units are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Reads,
    Writes,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Consumed {
    table_name: String,
    #[serde(flatten)]
    capacity: Capacity,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    local_secondary_indexes: BTreeMap<String, Capacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    global_secondary_indexes: BTreeMap<String, Capacity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_capacity_units: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_capacity_units: Option<f64>,
}

impl Spent {
    /// Of a write, which costs by the larger of the item before and after.
    pub(super) fn written(written: &Written) -> Self {
        let mut spent = Self {
            table: units(written.bytes, WRITES),
            ..Self::default()
        };
        for entry in &written.entries {
            let indexes = match entry.local {
                true => &mut spent.local,
                false => &mut spent.global,
            };
            *indexes.entry(entry.index.clone()).or_default() += units(entry.bytes, WRITES);
        }
        spent
    }

    /// Of a read of this many bytes. One that need not be consistent is at half the price.
    pub(super) fn read(bytes: usize, consistent: bool) -> Self {
        Self {
            table: units(bytes, READS) * price(consistent),
            ..Self::default()
        }
    }

    /// Of a read of an index, which may have read items of these sizes from the table.
    pub(super) fn read_index(
        index: &Index,
        bytes: usize,
        fetched: &[usize],
        consistent: bool,
    ) -> Self {
        let mut spent = Self::default();
        let read = units(bytes, READS) * price(consistent);
        match index.local {
            true => spent.local.insert(index.name.clone(), read),
            false => spent.global.insert(index.name.clone(), read),
        };
        // From a zero on: the sum of none is a negative one, which clients tell apart.
        let fetched = fetched.iter().map(|bytes| units(*bytes, READS));
        spent.table = fetched.fold(0.0, |sum, units| sum + units) * price(consistent);
        spent
    }

    /// In a transaction everything is done twice.
    #[must_use]
    pub(super) fn twice(mut self) -> Self {
        self.table *= 2.0;
        let indexes = self.local.values_mut().chain(self.global.values_mut());
        indexes.for_each(|units| *units *= 2.0);
        self
    }

    pub(super) fn add(&mut self, other: Self) {
        self.table += other.table;
        for (name, units) in other.local {
            *self.local.entry(name).or_default() += units;
        }
        for (name, units) in other.global {
            *self.global.entry(name).or_default() += units;
        }
    }

    fn total(&self) -> f64 {
        self.table + self.local.values().sum::<f64>() + self.global.values().sum::<f64>()
    }
}

impl Kind {
    fn capacity(self, units: f64) -> Capacity {
        Capacity {
            capacity_units: units,
            read_capacity_units: (self == Self::Reads).then_some(units),
            write_capacity_units: (self == Self::Writes).then_some(units),
        }
    }
}

impl Wanted {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "NONE" => Some(Self::None),
            "TOTAL" => Some(Self::Total),
            "INDEXES" => Some(Self::Indexes),
            _ => None,
        }
    }

    /// What is told of what `spent` works out, which is only asked for if it is told.
    pub(super) fn tell(
        self,
        table: &str,
        kind: Kind,
        spent: impl FnOnce() -> Spent,
    ) -> Option<Consumed> {
        if self == Self::None {
            return None;
        }
        let spent = spent();
        let mut consumed = Consumed {
            table_name: table.to_owned(),
            capacity: kind.capacity(spent.total()),
            table: None,
            local_secondary_indexes: BTreeMap::new(),
            global_secondary_indexes: BTreeMap::new(),
        };
        if self == Self::Indexes {
            let each = |indexes: BTreeMap<String, f64>| {
                let each = indexes.into_iter();
                each.map(|(name, units)| (name, kind.capacity(units)))
                    .collect()
            };
            consumed.table = Some(kind.capacity(spent.table));
            consumed.local_secondary_indexes = each(spent.local);
            consumed.global_secondary_indexes = each(spent.global);
        }
        Some(consumed)
    }
}

fn price(consistent: bool) -> f64 {
    if consistent { 1.0 } else { 0.5 }
}

/// Begun units count; even nothing is one.
fn units(bytes: usize, size: usize) -> f64 {
    let units = u32::try_from(bytes.div_ceil(size)).unwrap_or(u32::MAX);
    f64::from(units.max(1))
}
