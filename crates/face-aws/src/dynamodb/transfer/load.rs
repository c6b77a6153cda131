//! Reading an import's objects into its table.

use std::io::Write as _;

use base::Space;
use flate2::write::MultiGzDecoder;
use futures_util::{TryStreamExt, pin_mut};
use objects::List;
use serde::Deserialize;
use serde_json::Value as Json;
use tables::{Error, Item, Transfer, Write, item_size};

use super::csv::Csv;
use super::lines::Lines;
use super::{Failure, Transfers};
use crate::dynamodb::attribute;
use crate::dynamodb::checks::Checks;

/// Items written in one transaction, and their bytes.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 1 << 20;
/// Compressed bytes expanded at once: no more than a thousand times as many come of them.
const SLICE: usize = 4 << 10;
/// Keys listed at once.
const LISTED: usize = 1_000;

/// What was asked, as it was kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    #[serde(rename = "S3BucketSource")]
    source: Source,
    input_format: String,
    #[serde(default)]
    input_format_options: Options,
    input_compression_type: Option<String>,
    table_creation_parameters: Json,
    owner: String,
}

#[derive(Debug, Deserialize)]
struct Source {
    #[serde(rename = "S3Bucket")]
    bucket: String,
    #[serde(rename = "S3BucketOwner")]
    owner: Option<String>,
    #[serde(rename = "S3KeyPrefix")]
    prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Options {
    csv: Option<CsvOptions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CsvOptions {
    pub(super) delimiter: Option<String>,
    pub(super) header_list: Option<Vec<String>>,
}

/// What one object holds, as it is read.
enum Reader {
    Json(Lines),
    Csv(Csv),
    /// Something in it was no item, and nothing after that is looked at.
    Abandoned,
}

/// What was read: an item, or something that is none.
pub(super) type Record = Option<Item>;

/// An import while it is made.
struct Import<'a> {
    transfers: &'a Transfers,
    space: &'a Space,
    transfer: &'a mut Transfer,
    asked: Asked,
    waiting: Vec<Write>,
    bytes: usize,
}

impl Transfers {
    pub(super) async fn load(&self, space: &Space, transfer: &mut Transfer) -> Result<(), Failure> {
        let unread = |_| Failure::new("UNKNOWN", "What was asked does not read");
        let asked: Asked = serde_json::from_str(&transfer.asked).map_err(unread)?;
        let owner = asked.source.owner.as_ref();
        if owner.is_some_and(|owner| *owner != asked.owner) {
            return Err(Failure::new("S3AccessDenied", "Access Denied"));
        }
        transfer.progress = tables::Progress::default();
        let mut import = Import {
            transfers: self,
            space,
            transfer,
            asked,
            waiting: Vec::new(),
            bytes: 0,
        };
        import.objects().await?;
        match import.transfer.progress.errors {
            0 => Ok(()),
            // In the real service's words, but for where the errors are told.
            _ => Err(Failure::new(
                "ItemValidationError",
                "Some of the items failed validation checks and were not imported.",
            )),
        }
    }
}

impl Import<'_> {
    async fn objects(&mut self) -> Result<(), Failure> {
        let mut list = List {
            prefix: self.asked.source.prefix.clone().unwrap_or_default(),
            limit: LISTED,
            ..List::default()
        };
        loop {
            let listing = self
                .transfers
                .objects
                .list(&self.asked.source.bucket, &list)?;
            for entry in listing.entries {
                self.object(&entry.key, entry.object.size).await?;
                // Whoever asks sees how far it has been.
                let kept = self
                    .transfers
                    .tables
                    .keep_transfer(self.space, self.transfer);
                kept.await?;
            }
            match listing.next {
                None => return Ok(()),
                next => list.after = next,
            }
        }
    }

    async fn object(&mut self, key: &str, size: u64) -> Result<(), Failure> {
        let bucket = self.asked.source.bucket.clone();
        let found = self.transfers.objects.get(&bucket, key, None).await?;
        let pieces = found.body.stream(0..size);
        pin_mut!(pieces);
        let mut reader = self.asked.reader();
        let mut gzip = match self.asked.input_compression_type.as_deref() {
            Some("GZIP") => Some(MultiGzDecoder::new(Vec::new())),
            _ => None,
        };
        while let Some(piece) = pieces.try_next().await? {
            let Some(gzip) = &mut gzip else {
                self.read(&mut reader, &piece).await?;
                continue;
            };
            for slice in piece.chunks(SLICE) {
                if gzip.write_all(slice).is_err() {
                    return self.give_up().await;
                }
                let expanded = std::mem::take(gzip.get_mut());
                self.read(&mut reader, &expanded).await?;
            }
        }
        if let Some(gzip) = gzip {
            let Ok(expanded) = gzip.finish() else {
                return self.give_up().await;
            };
            self.read(&mut reader, &expanded).await?;
        }
        let last = reader.end();
        self.take(&mut reader, last).await?;
        self.write().await
    }

    /// An object that is damaged, or was not compressed, counts as one that is no item.
    async fn give_up(&mut self) -> Result<(), Failure> {
        self.transfer.progress.met += 1;
        self.transfer.progress.errors += 1;
        self.write().await
    }

    /// What is counted is what was expanded.
    async fn read(&mut self, reader: &mut Reader, bytes: &[u8]) -> Result<(), Failure> {
        self.transfer.progress.bytes += bytes.len() as u64;
        let records = reader.feed(bytes);
        self.take(reader, records).await
    }

    async fn take(&mut self, reader: &mut Reader, records: Vec<Record>) -> Result<(), Failure> {
        for record in records {
            self.transfer.progress.met += 1;
            let Some(item) = record else {
                self.transfer.progress.errors += 1;
                if reader.abandons() {
                    return Ok(());
                }
                continue;
            };
            self.bytes += item_size(&item);
            self.waiting.push(Write::put(&self.transfer.table, item));
            if self.waiting.len() >= BATCH || self.bytes >= BATCH_BYTES {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// Writes what waits: together, or one by one if something is wrong with one of them.
    async fn write(&mut self) -> Result<(), Failure> {
        let writes = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let tables = &self.transfers.tables;
        if tables.write_many(self.space, &writes).await.is_ok() {
            self.transfer.progress.items += writes.len() as u64;
            return Ok(());
        }
        for write in writes {
            match tables.write(self.space, &write).await {
                Ok(_) => self.transfer.progress.items += 1,
                Err(error @ (Error::Store(_) | Error::NoSuchTable(_))) => return Err(error.into()),
                Err(_) => self.transfer.progress.errors += 1,
            }
        }
        Ok(())
    }
}

impl Asked {
    fn reader(&self) -> Reader {
        match self.input_format.as_str() {
            "CSV" => {
                let options = self.input_format_options.csv.clone().unwrap_or_default();
                Reader::Csv(Csv::new(options, self.key_types()))
            }
            _ => Reader::Json(Lines::default()),
        }
    }

    /// The types of key attributes, which alone have others than strings in a file of values without types.
    fn key_types(&self) -> Vec<(String, String)> {
        let definitions = self.table_creation_parameters["AttributeDefinitions"].as_array();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let typed = |each: &Json| (text(&each["AttributeName"]), text(&each["AttributeType"]));
        definitions.into_iter().flatten().map(typed).collect()
    }
}

impl Reader {
    /// Something was no item: of lines, the rest is not looked at then, as the real service does not.
    fn abandons(&mut self) -> bool {
        if matches!(self, Self::Json(_)) {
            *self = Self::Abandoned;
        }
        matches!(self, Self::Abandoned)
    }

    fn feed(&mut self, bytes: &[u8]) -> Vec<Record> {
        match self {
            Self::Json(lines) => lines.feed(bytes).iter().flat_map(json).collect(),
            Self::Csv(csv) => csv.feed(bytes),
            Self::Abandoned => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Record> {
        match self {
            Self::Json(lines) => lines.end().iter().flat_map(json).collect(),
            Self::Csv(csv) => csv.end(),
            Self::Abandoned => Vec::new(),
        }
    }
}

/// A line: `{"Item": {...}}`, or several of them one after the other, as the real service reads them. None stands for
/// one that was too long.
fn json(line: &Option<Vec<u8>>) -> Vec<Record> {
    let Some(line) = line else {
        return vec![None];
    };
    let values = serde_json::Deserializer::from_slice(line).into_iter::<Json>();
    // What follows something that is not JSON is not looked at.
    values
        .map(|value| attribute::item(value.ok()?.get_mut("Item")?.take(), Checks::Older).ok())
        .map(|item| item.filter(|item| !item.contains_key("")))
        .collect()
}
