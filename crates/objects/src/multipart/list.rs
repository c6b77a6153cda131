use store::{KeyRange, Read, Record};

use super::{PartInfo, UploadInfo, id_of, info, number_of, part_info, require};
use crate::error::Result;
use crate::list::key_of;
use crate::schema::{self, PARTS, Upload};
use crate::{Objects, bucket};

#[derive(Clone, Debug)]
pub struct ListParts {
    pub bucket: String,
    pub key: String,
    pub upload: String,
    /// Only parts with a greater number.
    pub after: u32,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub struct PartListing {
    pub upload: UploadInfo,
    pub parts: Vec<PartInfo>,
    pub more: bool,
}

#[derive(Clone, Debug, Default)]
pub struct ListUploads {
    pub prefix: String,
    pub delimiter: Option<String>,
    /// Only uploads of greater keys, and of this key those after the upload given with it.
    pub after: Option<(String, Option<String>)>,
    pub limit: usize,
}

#[derive(Clone, Debug, Default)]
pub struct UploadListing {
    pub uploads: Vec<UploadInfo>,
    pub prefixes: Vec<String>,
    /// The last key or common prefix, and the last upload if it was one, when there is more.
    pub next: Option<(String, Option<String>)>,
}

const BATCH: usize = 256;

impl Objects {
    pub fn list_parts(&self, list: &ListParts) -> Result<PartListing> {
        let view = self.store.read()?;
        bucket::require(&view, &list.bucket)?;
        let upload = require(&view, &list.bucket, &list.key, &list.upload)?;
        let parts_of = schema::parts_of(&list.upload);
        let rest = parts_of
            .range()
            .after(parts_of.clone().u32(list.after).as_slice());
        let mut stored = PARTS.scan(&view, &rest, list.limit + 1)?;
        let more = stored.len() > list.limit;
        stored.truncate(list.limit);
        let parts = stored
            .into_iter()
            .map(|(key, part)| Ok(part_info(number_of(&key)?, part)))
            .collect::<Result<_>>()?;
        Ok(PartListing {
            upload: info(list.key.clone(), list.upload.clone(), upload),
            parts,
            more,
        })
    }

    pub fn list_uploads(&self, bucket: &str, list: &ListUploads) -> Result<UploadListing> {
        let view = self.store.read()?;
        bucket::require(&view, bucket)?;
        let mut rest = list.rest(bucket);
        let mut listing = UploadListing::default();
        let mut last = None;
        loop {
            let pairs = view.scan(&rest, BATCH)?;
            let Some((last_key, _)) = pairs.last() else {
                return Ok(listing);
            };
            let mut next = rest.clone().after(last_key);
            for (stored_key, stored) in pairs {
                if listing.uploads.len() + listing.prefixes.len() == list.limit {
                    listing.next = last;
                    return Ok(listing);
                }
                let key = key_of(&stored_key)?;
                if let Some(folded) = list.common_prefix(&key) {
                    next = rest.from(&schema::uploads_of(bucket).str_prefix(folded).end);
                    last = Some((folded.to_owned(), None));
                    listing.prefixes.push(folded.to_owned());
                    break;
                }
                let id = id_of(&stored_key)?;
                last = Some((key.clone(), Some(id.clone())));
                listing
                    .uploads
                    .push(info(key, id, Upload::decode(&stored)?));
            }
            rest = next;
        }
    }
}

impl ListUploads {
    fn rest(&self, bucket: &str) -> KeyRange {
        let table = schema::uploads_of(bucket);
        let rest = table.str_prefix(&self.prefix);
        match &self.after {
            None => rest,
            Some((key, Some(id))) => rest.after(schema::upload_key(bucket, key, id).as_slice()),
            Some((key, None)) => match self.common_prefix(key) {
                Some(folded) => rest.from(&table.str_prefix(folded).end),
                None => rest.from(&table.clone().str(key).range().end),
            },
        }
    }

    fn common_prefix<'a>(&self, key: &'a str) -> Option<&'a str> {
        crate::list::common_prefix(key, &self.prefix, self.delimiter.as_deref())
    }
}
