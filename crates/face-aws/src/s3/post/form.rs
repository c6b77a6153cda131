//! A form as browsers send it (RFC 7578): fields, and at last the file, which is taken as it comes.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use wire::{Body, BodyError};

use crate::s3::fault::{Fault, Result};
use crate::s3::headers;

/// The most that may be before the file.
const MAX_FIELDS: usize = 20 << 10;

/// A field that says what other requests say in a header of another name.
const RENAMED: (&str, &str) = ("acl", "x-amz-acl");
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

#[derive(Debug, Default)]
pub(super) struct Form {
    /// Names as they were sent; they are told apart without their case.
    fields: Vec<(String, String)>,
}

impl Form {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(each, _)| each.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Several fields of one name are one, with commas.
    fn push(&mut self, name: String, value: String) {
        let same = |each: &&mut (String, String)| each.0.eq_ignore_ascii_case(&name);
        match self.fields.iter_mut().find(same) {
            Some((_, earlier)) => {
                earlier.push(',');
                earlier.push_str(&value);
            }
            None => self.fields.push((name, value)),
        }
    }

    /// Fields may hold what the file is called.
    fn fill_in(&mut self, filename: &str) {
        let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        for (_, value) in &mut self.fields {
            *value = value.replace("${filename}", name);
        }
    }

    /// What the fields would be as headers.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut said = HeaderMap::new();
        for (name, value) in self.iter() {
            let name = name.to_ascii_lowercase();
            if name == RENAMED.0 {
                headers::set(&mut said, RENAMED.1, value);
            } else if name.starts_with("x-amz-") || HEADERS.contains(&name.as_str()) {
                headers::set(&mut said, &name, value);
            }
        }
        said
    }
}

pub(super) fn missing(name: &str) -> Fault {
    Fault::invalid_argument(
        name,
        "",
        format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        ),
    )
}

fn malformed() -> Fault {
    Fault::bad(
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
    )
}

fn too_many_fields() -> Fault {
    Fault::bad(
        "MaxPostPreDataLengthExceeded",
        "Your POST request fields preceeding the upload file was too large.",
    )
    .with("MaxPostPreDataLengthBytes", MAX_FIELDS.to_string())
}

fn no_file() -> Fault {
    let why = "POST requires exactly one file upload per request.";
    Fault::invalid_argument("file", "0", why)
}

/// Reads the fields that come before the file. What comes after it is ignored, as the service does.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<(Form, File)> {
    let boundary = boundary(headers).ok_or_else(malformed)?;
    let mut file = File {
        body,
        // The first boundary may have no line before it.
        pending: BytesMut::from(&b"\r\n"[..]),
        mark: format!("\r\n--{boundary}").into_bytes(),
        over: false,
    };
    let mut form = Form::default();
    let mut read = file.until_mark(MAX_FIELDS).await?.len();
    loop {
        let line = file.until(b"\r\n", MAX_FIELDS).await?;
        if line.starts_with(b"--") {
            return Err(no_file());
        }
        let part = file.part().await?;
        if part.name.eq_ignore_ascii_case("file") {
            if let Some(name) = &part.filename {
                form.fill_in(name);
            }
            return Ok((form, file));
        }
        let value = file.until_mark(MAX_FIELDS).await?;
        read += part.name.len() + value.len();
        if read > MAX_FIELDS {
            return Err(too_many_fields());
        }
        let value = String::from_utf8(value.to_vec()).map_err(|_| malformed())?;
        form.push(part.name, value);
    }
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("content-type")?.to_str().ok()?;
    parameter(text, "boundary").filter(|boundary| !boundary.is_empty())
}

/// A parameter of a header's value, without its quotes.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = next.split_once(';')?.1;
    }
}

struct Part {
    name: String,
    filename: Option<String>,
}

/// The body, at the place that it was read to; at last the file's content.
pub(super) struct File {
    body: Body,
    pending: BytesMut,
    /// What ends a part.
    mark: Vec<u8>,
    over: bool,
}

impl File {
    /// The next piece of the file.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.over {
            if let Some(at) = find(&self.pending, &self.mark) {
                self.over = true;
                let last = self.pending.split_to(at).freeze();
                self.drain().await?;
                return Ok(Some(last));
            }
            // The end of what is here may be the beginning of the mark.
            let safe = self.pending.len().saturating_sub(self.mark.len());
            if safe > 0 {
                return Ok(Some(self.pending.split_to(safe).freeze()));
            }
            if !self.fill().await? {
                return Err(malformed());
            }
        }
        Ok(None)
    }

    /// The connection is good for another request when nothing of this one is left in it.
    async fn drain(&mut self) -> Result<()> {
        self.pending.clear();
        while self.fill().await? {
            self.pending.clear();
        }
        Ok(())
    }

    async fn part(&mut self) -> Result<Part> {
        let mut disposition = None;
        loop {
            let line = self.until(b"\r\n", MAX_FIELDS).await?;
            if line.is_empty() {
                break;
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-disposition") => {
                    disposition = Some(value.to_owned());
                }
                Some(_) => {}
                None => return Err(malformed()),
            }
        }
        let disposition = disposition.ok_or_else(malformed)?;
        Ok(Part {
            name: parameter(&disposition, "name").ok_or_else(malformed)?,
            filename: parameter(&disposition, "filename"),
        })
    }

    async fn until_mark(&mut self, most: usize) -> Result<Bytes> {
        let mark = self.mark.clone();
        self.until(&mark, most).await
    }

    /// What comes before `end`, which is passed over.
    async fn until(&mut self, end: &[u8], most: usize) -> Result<Bytes> {
        loop {
            if let Some(at) = find(&self.pending, end) {
                let found = self.pending.split_to(at).freeze();
                let _ = self.pending.split_to(end.len());
                return Ok(found);
            }
            if self.pending.len() > most {
                return Err(too_many_fields());
            }
            if !self.fill().await? {
                // A form may end without a line's end behind its last mark.
                return match &self.pending[..] {
                    b"--" => Ok(self.pending.split().freeze()),
                    _ => Err(malformed()),
                };
            }
        }
    }

    async fn fill(&mut self) -> Result<bool> {
        match self.body.frame().await {
            None => Ok(false),
            Some(Ok(frame)) => {
                self.pending
                    .extend_from_slice(&frame.into_data().unwrap_or_default());
                Ok(true)
            }
            Some(Err(BodyError::TooSlow)) => Err(Fault::too_slow()),
            Some(Err(cause)) => {
                tracing::debug!(%cause, "a form was cut short");
                Err(Fault::incomplete_body())
            }
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == first) {
        at += next;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}
