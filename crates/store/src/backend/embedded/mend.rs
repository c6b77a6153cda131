//! Opening after a power cut that tore a hole into the tree's journal.
//!
//! The kernel writes the pages of a file in any order. So a batch that nobody has synced may be there with its beginning
//! and its end, but without a page in between. A torn end the tree cuts off by itself; such a batch it refuses, and with it
//! everything. But what was never synced was never promised: the journal may end before the batch. Whether it was synced
//! is what the file `commits` tells, as for any other journal that ends too early ([`super::counter`]).
//!
//! Only the newest file is looked at, for the tree syncs each before it begins the next. What is cut off is kept beside
//! the tree, should somebody want to look.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::journal;

/// What an end mark ends with.
const MAGIC: &[u8] = b"FJL\x03";

/// Cuts off what does not read. Tells where it is kept, or that there was no such thing.
pub(super) fn cut(tree: &Path, beside: &Path) -> io::Result<Option<PathBuf>> {
    let number = journal::newest(tree)?;
    let path = tree.join(journal::name(number));
    let bytes = std::fs::read(&path)?;
    let whole = Batches(&bytes).end();
    if whole == bytes.len() {
        return Ok(None);
    }
    let kept = beside.join(format!("cut-{number}-at-{whole}"));
    std::fs::write(&kept, &bytes[whole..])?;
    File::open(&kept)?.sync_all()?;
    File::open(beside)?.sync_all()?;
    let journal = File::options().write(true).open(&path)?;
    journal.set_len(whole as u64)?;
    journal.sync_all()?;
    Ok(Some(kept))
}

/// The rest of a journal: batches, each of a start, items and an end with a checksum of these.
struct Batches<'a>(&'a [u8]);

impl Batches<'_> {
    /// Up to where it reads.
    fn end(mut self) -> usize {
        let length = self.0.len();
        let mut end = 0;
        while self.batch().is_some() {
            end = length - self.0.len();
        }
        end
    }

    fn batch(&mut self) -> Option<()> {
        let [1] = self.take()? else {
            return None;
        };
        let count = u32::from_le_bytes(self.take()?);
        let _number: [u8; 8] = self.take()?;
        let items = self.0;
        for _ in 0..count {
            self.item()?;
        }
        let mut sum = Xxh3::new();
        sum.update(&items[..items.len() - self.0.len()]);
        let [3] = self.take()? else {
            return None;
        };
        let is_whole = u64::from_le_bytes(self.take()?) == sum.digest();
        (is_whole && self.skip(MAGIC.len())? == MAGIC).then_some(())
    }

    fn item(&mut self) -> Option<()> {
        match self.take()? {
            [2] => {
                // The kinds of the value and of its compression, its keyspace.
                let _: [u8; 10] = self.take()?;
                let key = u16::from_le_bytes(self.take()?);
                let _unpacked: [u8; 4] = self.take()?;
                let value = u32::from_le_bytes(self.take()?);
                self.skip(usize::from(key))?;
                self.skip(usize::try_from(value).ok()?)?;
            }
            // A keyspace that is cleared.
            [4] => {
                let _: [u8; 8] = self.take()?;
            }
            _ => return None,
        }
        Some(())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn skip(&mut self, length: usize) -> Option<&[u8]> {
        let (skipped, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(skipped)
    }
}
