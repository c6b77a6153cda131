//! The shapes before there were indexes, before there were feeds, before faces kept anything, before keys of indexes had
//! several attributes, and before it was remembered how tables had been provisioned.

use super::{
    BTreeMap, Built, Count, Expiry, Index, Kept, KeySchema, Most, Projected, Record, Recovery,
    Settings, Table, TableFeed, Throughput, Timestamp, Uuid,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct SettingsV1 {
    recovery: Option<Recovery>,
    most: BTreeMap<String, Most>,
    filled_by: Option<String>,
}

impl Record for SettingsV1 {}

pub(super) fn settings(body: &[u8]) -> store::Result<SettingsV1> {
    SettingsV1::decode(&[&[1], body].concat())
}

impl From<SettingsV1> for SettingsV2 {
    fn from(old: SettingsV1) -> Self {
        Self {
            recovery: old.recovery,
            most: old.most,
            filled_by: old.filled_by,
            kept: BTreeMap::new(),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SettingsV2 {
    recovery: Option<Recovery>,
    most: BTreeMap<String, Most>,
    filled_by: Option<String>,
    kept: BTreeMap<String, Kept>,
}

impl Record for SettingsV2 {
    const VERSION: u8 = 2;
}

pub(super) fn settings_v2(body: &[u8]) -> store::Result<SettingsV2> {
    SettingsV2::decode(&[&[SettingsV2::VERSION], body].concat())
}

impl From<SettingsV2> for Settings {
    fn from(old: SettingsV2) -> Self {
        Self {
            recovery: old.recovery,
            most: old.most,
            filled_by: old.filled_by,
            kept: old.kept,
            provisionings: BTreeMap::new(),
            per_request: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct TableV1 {
    id: Uuid,
    name: String,
    key: KeySchema,
    provisioned: Option<Throughput>,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(super) struct TableV2 {
    id: Uuid,
    name: String,
    key: KeySchema,
    provisioned: Option<Throughput>,
    created: Timestamp,
    paid_since: Timestamp,
    protected: bool,
    indexes: Vec<IndexV1>,
    next_index: u32,
    expiry: Option<Expiry>,
}

impl Record for TableV2 {
    const VERSION: u8 = 2;
}

pub(super) fn table_v2(body: &[u8]) -> store::Result<TableV2> {
    TableV2::decode(&[&[TableV2::VERSION], body].concat())
}

impl From<TableV2> for TableV3 {
    fn from(old: TableV2) -> Self {
        Self {
            id: old.id,
            name: old.name,
            key: old.key,
            provisioned: old.provisioned,
            created: old.created,
            paid_since: old.paid_since,
            protected: old.protected,
            indexes: old.indexes,
            next_index: old.next_index,
            expiry: old.expiry,
            feed: None,
        }
    }
}

/// The keys of indexes were as tables' are.
#[derive(Serialize, Deserialize)]
pub(super) struct TableV3 {
    id: Uuid,
    name: String,
    key: KeySchema,
    provisioned: Option<Throughput>,
    created: Timestamp,
    paid_since: Timestamp,
    protected: bool,
    indexes: Vec<IndexV1>,
    next_index: u32,
    expiry: Option<Expiry>,
    feed: Option<TableFeed>,
}

#[derive(Serialize, Deserialize)]
struct IndexV1 {
    number: u32,
    name: String,
    key: KeySchema,
    local: bool,
    projected: Projected,
    provisioned: Option<Throughput>,
    built: Built,
}

impl Record for TableV3 {
    const VERSION: u8 = 3;
}

pub(super) fn table_v3(body: &[u8]) -> store::Result<TableV3> {
    TableV3::decode(&[&[TableV3::VERSION], body].concat())
}

impl From<TableV3> for Table {
    fn from(old: TableV3) -> Self {
        Self {
            id: old.id,
            name: old.name,
            key: old.key,
            provisioned: old.provisioned,
            created: old.created,
            paid_since: old.paid_since,
            protected: old.protected,
            indexes: old.indexes.into_iter().map(Index::from).collect(),
            next_index: old.next_index,
            expiry: old.expiry,
            feed: old.feed,
        }
    }
}

impl From<IndexV1> for Index {
    fn from(old: IndexV1) -> Self {
        Self {
            number: old.number,
            name: old.name,
            key: old.key.into(),
            local: old.local,
            projected: old.projected,
            provisioned: old.provisioned,
            built: old.built,
        }
    }
}

/// Both were of version 1, and a tally was a count.
impl Record for TableV1 {}
impl Record for Count {}

pub(super) fn table(body: &[u8]) -> store::Result<TableV1> {
    TableV1::decode(&[&[1], body].concat())
}

pub(super) fn tally(body: &[u8]) -> store::Result<Count> {
    Count::decode(&[&[1], body].concat())
}

impl From<TableV1> for TableV2 {
    fn from(old: TableV1) -> Self {
        Self {
            id: old.id,
            name: old.name,
            key: old.key,
            provisioned: old.provisioned,
            created: old.created,
            paid_since: old.created,
            protected: false,
            indexes: Vec::new(),
            next_index: 1,
            expiry: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KeyAttribute, KeyType, Tally};
    use super::*;

    #[test]
    fn older_records_still_read() {
        let old = TableV1 {
            id: Uuid::from_u128(7),
            name: "t".into(),
            key: KeySchema {
                partition: KeyAttribute {
                    name: "p".into(),
                    r#type: KeyType::Number,
                },
                sort: None,
            },
            provisioned: None,
            created: Timestamp::from_secs(5),
        };
        let read = Table::decode(&old.encode()).unwrap();
        assert_eq!((read.name.as_str(), read.next_index), ("t", 1));
        assert_eq!(Table::decode(&read.encode()).unwrap(), read);
        let before_feeds = TableV2::from(old);
        assert_eq!(Table::decode(&before_feeds.encode()).unwrap(), read);
        let mut with_an_index = TableV3::from(before_feeds);
        with_an_index.indexes.push(IndexV1 {
            number: 1,
            name: "i".into(),
            key: KeySchema {
                partition: read.key.partition.clone(),
                sort: None,
            },
            local: false,
            projected: Projected::All,
            provisioned: None,
            built: Built::Whole,
        });
        let read = Table::decode(&with_an_index.encode()).unwrap();
        let key = read.index("i").unwrap().key.parts();
        assert_eq!(key.single(), Some((&read.key.partition, None)));
        assert_eq!(Table::decode(&read.encode()).unwrap(), read);
        let count = Count { items: 1, bytes: 9 };
        assert_eq!(Tally::decode(&count.encode()).unwrap().count, count);
        let settings = SettingsV1 {
            recovery: None,
            most: BTreeMap::new(),
            filled_by: Some("f".into()),
        };
        let read = Settings::decode(&settings.encode()).unwrap();
        assert_eq!((read.filled_by.as_deref(), read.kept.len()), (Some("f"), 0));
        assert_eq!(Settings::decode(&read.encode()).unwrap(), read);
        let second = SettingsV2::from(settings).encode();
        assert_eq!(Settings::decode(&second).unwrap(), read);
    }
}
