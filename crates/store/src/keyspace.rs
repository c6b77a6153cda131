/// The first byte of every key, and so who owns it. The only list of them: a retired one keeps its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Keyspace {
    /// The store's own: commit counter, format version.
    Store = 0x00,
    /// Entries of change logs, in commit order.
    Log = 0x01,
    /// Items that come due.
    Timer = 0x02,
    /// Which large bodies are named by a record, and how often.
    Blob = 0x03,
    Ledger = 0x10,
    Access = 0x11,
    Objects = 0x20,
    Tables = 0x21,
    Queues = 0x22,
    Topics = 0x23,
    Schedules = 0x24,
    Secrets = 0x25,
    Buses = 0x26,
    Functions = 0x30,
    Triggers = 0x40,
    Deploy = 0x50,
    /// Never used by the product: room for tests.
    Test = 0xf0,
}
