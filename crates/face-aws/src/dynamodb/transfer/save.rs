//! Writing an export: data files of lines, then the list of them, then the summary, as the real service names and
//! shapes them (developer guide, "Output format for full exports").

use std::collections::BTreeMap;
use std::io::Write as _;

use base::Space;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use objects::{ChangeKind, Condition, ETag, Metadata, Origin, Put};
use serde::Deserialize;
use serde_json::json;
use tables::{Frozen, Item, Transfer};

use super::{Failure, Transfers, iso};
use crate::dynamodb::attribute::PrintedItem;

/// A data file ends with the page that brings its items to this many bytes.
const DATA_FILE: usize = 16 << 20;

/// What an export is unless it was asked for as something else.
pub(super) const FULL: &str = "FULL_EXPORT";

/// What was asked, as it was kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    table_arn: String,
    s3_bucket: String,
    s3_bucket_owner: Option<String>,
    s3_prefix: Option<String>,
    s3_sse_algorithm: String,
    export_format: String,
    export_type: Option<String>,
    /// The account of whoever asked.
    owner: String,
}

/// Where an export's files are.
pub(super) fn folder(prefix: Option<&str>, id: &str) -> String {
    let prefix = prefix.unwrap_or_default().trim_end_matches('/');
    match prefix {
        "" => format!("AWSDynamoDB/{id}"),
        prefix => format!("{prefix}/AWSDynamoDB/{id}"),
    }
}

pub(super) fn manifest_key(folder: &str) -> String {
    format!("{folder}/manifest-summary.json")
}

/// An export while it is written.
struct Export<'a> {
    transfers: &'a Transfers,
    transfer: &'a mut Transfer,
    asked: Asked,
    folder: String,
    files: String,
}

impl Transfers {
    pub(super) async fn save(&self, space: &Space, transfer: &mut Transfer) -> Result<(), Failure> {
        let unread = |_| Failure::new("UNKNOWN", "What was asked does not read");
        let asked: Asked = serde_json::from_str(&transfer.asked).map_err(unread)?;
        let frozen = self.frozen(space, transfer)?;
        if frozen.description.table.id != transfer.table_id {
            let name = &transfer.table;
            return Err(Failure::new(
                "TableNotFound",
                format!("Table not found: {name}"),
            ));
        }
        transfer.at = frozen.at;
        transfer.progress = tables::Progress::default();
        if asked
            .s3_bucket_owner
            .as_ref()
            .is_some_and(|owner| *owner != asked.owner)
        {
            return Err(Failure::new("S3AccessDenied", "Access Denied"));
        }
        self.objects.bucket(&asked.s3_bucket)?;
        let export = Export {
            folder: folder(asked.s3_prefix.as_deref(), &transfer.id),
            transfers: self,
            transfer,
            asked,
            files: String::new(),
        };
        export.write(frozen).await
    }

    fn file_name(&self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let bytes: [u8; 26] = self.random.bytes();
        let letters = bytes.iter().map(|byte| LETTERS[usize::from(byte % 32)]);
        letters.map(char::from).collect()
    }
}

impl Export<'_> {
    async fn write(mut self, frozen: Frozen) -> Result<(), Failure> {
        let folder = self.folder.clone();
        self.put(format!("{folder}/_started"), Bytes::new()).await?;
        let mut after: Option<Item> = None;
        loop {
            let mut file = DataFile::new();
            loop {
                let page = frozen.page(after.as_ref())?;
                page.items.iter().for_each(|item| file.add(item));
                self.transfer.progress.bytes += page.bytes as u64;
                after = page.last;
                if after.is_none() || file.bytes >= DATA_FILE {
                    break;
                }
                // A large table must not keep others from the processor.
                tokio::task::yield_now().await;
            }
            self.data(file).await?;
            if after.is_none() {
                break;
            }
        }
        let files = std::mem::take(&mut self.files);
        self.with_checksum("manifest-files", files.into()).await?;
        let summary = self.summary();
        self.with_checksum("manifest-summary", summary.into()).await
    }

    async fn data(&mut self, file: DataFile) -> Result<(), Failure> {
        let key = format!(
            "{}/data/{}.json.gz",
            self.folder,
            self.transfers.file_name()
        );
        let count = file.count;
        self.transfer.progress.items += count;
        let etag = self.put(key.clone(), file.end()).await?;
        let line = json!({
            "itemCount": count,
            "md5Checksum": STANDARD.encode(etag.md5),
            "etag": etag.to_string(),
            "dataFileS3Key": key,
        });
        self.files.push_str(&line.to_string());
        self.files.push('\n');
        Ok(())
    }

    fn summary(&self) -> String {
        json!({
            "version": "2023-08-01",
            "exportArn": format!("{}/export/{}", self.asked.table_arn, self.transfer.id),
            "startTime": iso(self.transfer.started),
            "endTime": iso(self.transfers.clock.now()),
            "tableArn": self.asked.table_arn,
            "tableId": self.transfer.table_id.to_string(),
            "exportTime": iso(self.transfer.at),
            "s3Bucket": self.asked.s3_bucket,
            "s3Prefix": self.asked.s3_prefix,
            "s3SseAlgorithm": self.asked.s3_sse_algorithm,
            "s3SseKmsKeyId": null,
            "manifestFilesS3Key": format!("{}/manifest-files.json", self.folder),
            "billedSizeBytes": self.transfer.progress.bytes,
            "itemCount": self.transfer.progress.items,
            "outputFormat": self.asked.export_format,
            "outputView": null,
            "exportType": self.asked.export_type.as_deref().unwrap_or(FULL),
        })
        .to_string()
    }

    /// A file and, beside it, its checksum.
    async fn with_checksum(&self, name: &str, body: Bytes) -> Result<(), Failure> {
        let folder = &self.folder;
        let etag = self.put(format!("{folder}/{name}.json"), body).await?;
        let checksum = STANDARD.encode(etag.md5).into();
        self.put(format!("{folder}/{name}.md5"), checksum).await?;
        Ok(())
    }

    async fn put(&self, key: String, body: Bytes) -> Result<ETag, Failure> {
        let objects = &self.transfers.objects;
        let mut receiver = objects.receive(&[]);
        receiver.write(body).await?;
        let put = Put {
            bucket: self.asked.s3_bucket.clone(),
            key,
            metadata: Metadata::default(),
            tags: BTreeMap::new(),
            condition: Condition::default(),
            checksum: None,
            kind: ChangeKind::Put,
            origin: Origin {
                request_id: self.transfer.id.clone(),
                principal: self.asked.owner.clone(),
                source_ip: None,
            },
        };
        Ok(objects.put(put, receiver.end()).await?.etag)
    }
}

/// Lines of items, compressed as they come.
struct DataFile {
    gzip: GzEncoder<Vec<u8>>,
    count: u64,
    /// Before compression.
    bytes: usize,
}

impl DataFile {
    fn new() -> Self {
        Self {
            gzip: GzEncoder::new(Vec::new(), Compression::fast()),
            count: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, item: &Item) {
        let mut line = json!({ "Item": PrintedItem(item) }).to_string();
        line.push('\n');
        self.count += 1;
        self.bytes += line.len();
        self.gzip.write_all(line.as_bytes()).expect(MEMORY);
    }

    fn end(self) -> Bytes {
        self.gzip.finish().expect(MEMORY).into()
    }
}

const MEMORY: &str = "writing to memory does not fail";
