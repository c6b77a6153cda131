//! What is in the store.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, KeyReader, Keyspace, Position, Record};
use uuid::Uuid;

use crate::value::Item;

mod keys;
mod old;

pub use keys::{IndexKey, KeyAttribute, KeyParts, KeySchema, KeyType};

/// By space and name.
pub(crate) const TABLES: store::Table<Table> = store::Table::new(Keyspace::Tables, 0);
/// By table, then: [`PRIMARY`], hash of the partition key, partition key and sort key; or [`INDEXED`], the index's
/// number, hash of the index's partition key, the index's keys, and what of the table's key is not told by them.
pub(crate) const ITEMS: store::Table<StoredItem> = store::Table::new(Keyspace::Tables, 1);
/// By table and shard: what [`COUNTS`] are now, and what was counted before they were.
pub(crate) const TALLIES: store::Table<Tally> = store::Table::new(Keyspace::Tables, 2);
/// What was dropped and whose items are still to be removed: a table, or with [`INDEXED`] and a number an index of it.
pub(crate) const DROPPED: store::Table<Dropped> = store::Table::new(Keyspace::Tables, 3);
/// Tables of which a part is still to be derived from their items, by table.
pub(crate) const BUILDING: store::Table<Place> = store::Table::new(Keyspace::Tables, 4);
/// When items end: by the second and the item's row.
pub(crate) const EXPIRIES: store::Table<Expires> = store::Table::new(Keyspace::Tables, 5);
/// Where the tables whose items can end are, by table.
pub(crate) const PLACES: store::Table<Place> = store::Table::new(Keyspace::Tables, 6);
/// By table.
pub(crate) const TAGS: store::Table<Tags> = store::Table::new(Keyspace::Tables, 7);
/// Transactions that are not to be done twice: by the time, in [`TOKEN_SPAN_S`], space and token.
pub(crate) const TOKENS: store::Table<Token> = store::Table::new(Keyspace::Tables, 8);
/// What is or was told of a table's changes: by space, table and when it began.
pub(crate) const FEEDS: store::Table<Feed> = store::Table::new(Keyspace::Tables, 9);
/// Up to where a feed's changes were forgotten: by feed and partition.
pub(crate) const FORGOTTEN: store::Table<Forgotten> = store::Table::new(Keyspace::Tables, 10);

/// What is asked of a table besides, by table.
pub(crate) const SETTINGS: store::Table<Settings> = store::Table::new(Keyspace::Tables, 20);
/// How large partitions are, by table, partition key and part: see `collection.rs`.
pub(crate) const COLLECTIONS: store::Table<Collection> = store::Table::new(Keyspace::Tables, 21);
/// How many items, and of how many bytes, by table, then: [`PRIMARY`]; or [`INDEXED`] and the index's number.
pub(crate) const COUNTS: store::Sums<2> = store::Sums::new(Keyspace::Tables, 24);
/// By space, direction and id.
pub(crate) const TRANSFERS: store::Table<Transfer> = store::Table::new(Keyspace::Tables, 22);
/// Those that are under way, by the same.
pub(crate) const TRANSFERRING: store::Table<Transferring> = store::Table::new(Keyspace::Tables, 23);

/// Under a table's id, the items themselves.
pub(crate) const PRIMARY: u8 = 0;
/// Under a table's id, the entries of its indexes.
pub(crate) const INDEXED: u8 = 1;

/// How many tallies a table may have.
pub(crate) const SHARDS: usize = 256;

/// A token is remembered for one span at least, and looked for in two.
pub(crate) const TOKEN_SPAN_S: u64 = 600;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub id: Uuid,
    pub name: String,
    pub key: KeySchema,
    /// None for a table that is paid per request.
    pub provisioned: Option<Throughput>,
    pub created: Timestamp,
    /// Since when it is paid in this way.
    pub paid_since: Timestamp,
    /// It can't be dropped.
    pub protected: bool,
    /// In the order in which they were made.
    pub indexes: Vec<Index>,
    /// What the next index is numbered. Numbers are not used again, so what an index leaves behind is never another's.
    pub(crate) next_index: u32,
    pub expiry: Option<Expiry>,
    /// The last one that it had, which may be over.
    pub feed: Option<TableFeed>,
}

/// What a writer must know of its table's feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFeed {
    pub(crate) id: u64,
    pub(crate) partitions: u32,
    /// Whether changes go to it.
    pub open: bool,
    pub began: Timestamp,
    pub images: Images,
}

/// What a feed tells of a changed item besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Images {
    Neither,
    New,
    Old,
    Both,
}

/// The changes of a table's items, told in order for a while. A table has one at a time; another one follows it when
/// it is ended and begun again, and the first is still read until it is too old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    pub(crate) id: u64,
    pub(crate) partitions: u32,
    pub space: Space,
    pub table: String,
    /// The table's.
    pub key: KeySchema,
    /// To the millisecond; no two of a table began in the same.
    pub began: Timestamp,
    pub images: Images,
    pub ended: Option<Timestamp>,
}

/// An entry of the log that says where the shards of a feed begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// Of the shards that begin here. None: the feed ended.
    pub(crate) generation: Option<u32>,
    pub(crate) at: Timestamp,
}

/// An entry of the log of one partition of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredChange {
    pub(crate) at: Timestamp,
    pub(crate) kind: ItemChangeKind,
    pub(crate) expired: bool,
    /// Where no image has it.
    pub(crate) key: Option<Item>,
    pub(crate) old: Option<Item>,
    pub(crate) new: Option<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemChangeKind {
    Inserted,
    Modified,
    Removed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forgotten(pub(crate) Position);

/// Another order of a table's items, in which only those are that have its key attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub(crate) number: u32,
    pub name: String,
    pub key: IndexKey,
    /// Its partitions are the table's.
    pub local: bool,
    pub projected: Projected,
    pub provisioned: Option<Throughput>,
    pub(crate) built: Built,
}

/// Which attributes an index's entries have, besides the keys of the index and the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projected {
    All,
    Keys,
    Only(Vec<String>),
}

/// Items end at the second, since 1970, that a number in this attribute says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    pub attribute: String,
    pub(crate) built: Built,
}

/// How far something that is derived from a table's items has been. Writers keep what is derived from the items up to
/// there; those after it are still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Built {
    Whole,
    UpTo(Vec<u8>),
}

/// Capacity units per second. Kept and told; nothing is throttled by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    pub read: u64,
    pub write: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredItem(pub(crate) Item);

/// One shard's part of a table's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) count: Count,
    /// By the indexes' numbers.
    pub(crate) indexes: BTreeMap<u32, Count>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub items: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) space: Space,
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expires;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Tags(pub(crate) BTreeMap<String, String>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) at: Timestamp,
    /// Of what was asked.
    pub(crate) digest: Vec<u8>,
}

/// What is kept and told, and by which nothing here acts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// It is to be recoverable as it was at any moment since.
    pub recovery: Option<Recovery>,
    /// By the index's name; the table's own under none.
    pub(crate) most: BTreeMap<String, Most>,
    /// The name of the transfer that fills the table.
    pub filled_by: Option<String>,
    /// What a face keeps with the table, in words of its own.
    pub kept: BTreeMap<String, Kept>,
    /// By the index's name; the table's own under none.
    pub(crate) provisionings: BTreeMap<String, Provisioning>,
    /// Since when it was paid per request before it was provisioned.
    pub per_request: Option<Timestamp>,
}

/// How a table or a global index of it was provisioned until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioning {
    /// The most that it ever was provisioned with, or was made ready for.
    pub(crate) ready: Option<Throughput>,
    pub increased: Option<Timestamp>,
    pub decreased: Option<Timestamp>,
    /// On the day on which it was decreased last.
    pub(crate) decreases: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub text: String,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub since: Timestamp,
    pub days: u32,
}

/// Units per second that requests may use of what is paid per request. Nothing is throttled by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Most {
    pub read: Option<u64>,
    pub write: Option<u64>,
}

/// One part of a partition's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Collection {
    pub(crate) bytes: u64,
}

/// A copy of a table that is or was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Ids sort by when they were made.
    pub id: String,
    pub direction: Direction,
    pub table: String,
    /// The table's; of what is kept aside or is made of that, the copy's.
    pub table_id: Uuid,
    /// What the table was, or is to be, at this moment.
    pub at: Timestamp,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// In the words of whoever asked.
    pub asked: String,
    pub token: Option<String>,
    pub state: State,
    pub progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Out,
    In,
    /// To a copy that is kept beside the tables.
    Aside,
    /// From such a copy.
    Back,
    /// From another table, as it was at one moment.
    Over,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Running,
    Done,
    Failed { code: String, message: String },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What was met, and how much of it came to where it was to go.
    pub met: u64,
    pub items: u64,
    pub bytes: u64,
    pub errors: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transferring {
    pub(crate) space: Space,
    pub(crate) direction: Direction,
    pub(crate) id: String,
}

impl Record for Table {
    const VERSION: u8 = 4;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            1 => Ok(old::TableV3::from(old::TableV2::from(old::table(body)?)).into()),
            2 => Ok(old::TableV3::from(old::table_v2(body)?).into()),
            3 => Ok(old::table_v3(body)?.into()),
            _ => Err(unknown(version)),
        }
    }
}
impl Record for StoredItem {}
impl Record for Tally {
    const VERSION: u8 = 2;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            1 => Ok(Self {
                count: old::tally(body)?,
                indexes: BTreeMap::new(),
            }),
            _ => Err(unknown(version)),
        }
    }
}
impl Record for Dropped {}
impl Record for Place {}
impl Record for Expires {}
impl Record for Tags {}
impl Record for Token {}
impl Record for Feed {}
impl Record for Turn {}
impl Record for StoredChange {}
impl Record for Forgotten {}
impl Record for Settings {
    const VERSION: u8 = 3;

    fn migrate(version: u8, body: &[u8]) -> store::Result<Self> {
        match version {
            1 => Ok(old::SettingsV2::from(old::settings(body)?).into()),
            2 => Ok(old::settings_v2(body)?.into()),
            _ => Err(unknown(version)),
        }
    }
}
impl Record for Collection {}
impl Record for Transfer {}
impl Record for Transferring {}

fn unknown(version: u8) -> store::Error {
    store::Error::Damaged(format!(
        "a table's record has the unknown version {version}"
    ))
}

impl Table {
    pub(crate) fn row(space: &Space, name: &str) -> Key {
        TABLES.key().str(space.as_str()).str(name)
    }

    /// What everything of this table begins with.
    pub(crate) fn prefix(&self) -> u64 {
        prefix(self.id)
    }

    pub(crate) fn items(&self) -> Key {
        ITEMS.key().u64(self.prefix()).u8(PRIMARY)
    }

    pub(crate) fn entries(&self, index: &Index) -> Key {
        let key = ITEMS.key().u64(self.prefix());
        key.u8(INDEXED).u32(index.number)
    }

    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Whether something is still being derived from its items.
    pub(crate) fn is_building(&self) -> bool {
        let expiry = self.expiry.iter().map(|expiry| &expiry.built);
        let mut all = self.indexes.iter().map(|index| &index.built).chain(expiry);
        all.any(|built| *built != Built::Whole)
    }
}

impl Index {
    /// Whether it can be read: an index that is made for a table with items takes its time.
    pub fn is_whole(&self) -> bool {
        self.built == Built::Whole
    }
}

impl Built {
    /// Whether the item in this row has been dealt with, and so is its writers' to deal with.
    pub(crate) fn covers(&self, row: &[u8]) -> bool {
        match self {
            Self::Whole => true,
            Self::UpTo(last) => row <= last.as_slice(),
        }
    }
}

/// Half of the id tells tables apart as well as all of it, at half the cost in every key.
pub(crate) fn prefix(id: Uuid) -> u64 {
    id.as_u64_pair().0
}

/// The prefix of the table that a row of items is of.
pub(crate) fn table_of(row: &[u8]) -> Option<u64> {
    KeyReader::new(row)?.u64()
}
