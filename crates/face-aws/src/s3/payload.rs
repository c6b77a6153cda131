//! A request's body while it comes in: its length, its signature, the framing of chunks and the trailers after them are
//! dealt with here, piece by piece, so that a body of any size takes the same memory.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use wire::{Body, BodyError};

use super::checksum::malformed_trailer;
use super::fault::{Fault, Result};
use super::signature::ChunkSigner;
use crate::signature::hex;

/// The line that begins a chunk, and all trailers together.
const MAX_LINE: usize = 1 << 10;
const MAX_TRAILERS: usize = 16 << 10;

pub(crate) struct Payload {
    body: Body,
    /// Came in and was not given out yet.
    pending: Bytes,
    framing: Framing,
    /// The chunk that is being read; none between two of them.
    chunk: Option<Chunk>,
    expected: Option<u64>,
    received: u64,
    trailers: Vec<(String, String)>,
}

enum Framing {
    /// With what the SHA-256 must be, in hexadecimal, where it is signed.
    Plain(Option<(Box<Context>, String)>),
    /// Without a signer for a body whose chunks are not signed.
    Chunked(Option<Box<ChunkSigner>>),
    Ended,
}

struct Chunk {
    left: u64,
    /// Only for one that is signed.
    hash: Option<Box<Context>>,
    signature: String,
}

impl Payload {
    /// `claimed` is what the request's signature has in place of the body.
    pub(crate) fn new(
        body: Body,
        headers: &HeaderMap,
        claimed: &str,
        signer: Option<ChunkSigner>,
    ) -> Result<Self> {
        let framing = match claimed {
            "UNSIGNED-PAYLOAD" => Framing::Plain(None),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Framing::Chunked(None),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Framing::Chunked(signer.map(Box::new))
            }
            hash if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                let running = Box::new(Context::new(&SHA256));
                Framing::Plain(Some((running, hash.to_ascii_lowercase())))
            }
            other if other.starts_with("STREAMING-AWS4-ECDSA") => {
                return Err(Fault::not_implemented(
                    "The signature algorithm AWS4-ECDSA-P256-SHA256",
                ));
            }
            other => {
                return Err(Fault::invalid_argument(
                    "x-amz-content-sha256",
                    other,
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                ));
            }
        };
        let name = match framing {
            Framing::Chunked(_) => "x-amz-decoded-content-length",
            _ => header::CONTENT_LENGTH.as_str(),
        };
        Ok(Self {
            body,
            pending: Bytes::new(),
            framing,
            chunk: None,
            expected: length(headers, name)?,
            received: 0,
            trailers: Vec::new(),
        })
    }

    /// How long the body is said to be, without its framing.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.expected
    }

    /// The next piece; none at the end, when everything has been checked.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = match &self.framing {
            Framing::Ended => None,
            Framing::Plain(_) => self.next_plain().await?,
            Framing::Chunked(_) => self.next_chunked().await?,
        };
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let over = self
            .expected
            .is_some_and(|expected| self.received > expected);
        let short = piece.is_none()
            && self
                .expected
                .is_some_and(|expected| self.received < expected);
        if over || short {
            return Err(Fault::incomplete_body());
        }
        Ok(piece)
    }

    /// All of it, for bodies that are documents.
    pub(crate) async fn collect(&mut self, most: usize) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > most {
                return Err(
                    Fault::bad("MaxMessageLengthExceeded", "Your request was too big.")
                        .with("MaxMessageLengthBytes", most.to_string()),
                );
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// What came after the body; only there once it has ended.
    pub(crate) fn trailer(&self, name: &str) -> Option<String> {
        self.trailers
            .iter()
            .find(|(each, _)| each == name)
            .map(|(_, value)| value.clone())
    }

    async fn next_plain(&mut self) -> Result<Option<Bytes>> {
        if self.fill().await? {
            let piece = std::mem::take(&mut self.pending);
            if let Framing::Plain(Some((running, _))) = &mut self.framing {
                running.update(&piece);
            }
            return Ok(Some(piece));
        }
        // A body that was cut short has another hash too, but that is not what is wrong with it.
        let is_whole = self
            .expected
            .is_none_or(|expected| self.received == expected);
        let framing = std::mem::replace(&mut self.framing, Framing::Ended);
        if let Framing::Plain(Some((running, claimed))) = framing
            && is_whole
        {
            compare(&claimed, &hex(running.finish().as_ref()))?;
        }
        Ok(None)
    }

    async fn next_chunked(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.chunk.take() {
                None => {
                    let chunk = self.begin_chunk().await?;
                    if chunk.left == 0 {
                        self.check_chunk(chunk)?;
                        self.read_trailers().await?;
                        self.framing = Framing::Ended;
                        return Ok(None);
                    }
                    self.chunk = Some(chunk);
                }
                Some(chunk) if chunk.left == 0 => {
                    if self.line().await?.as_deref() != Some("") {
                        return Err(malformed_chunk());
                    }
                    self.check_chunk(chunk)?;
                }
                Some(chunk) => return self.some_of(chunk).await.map(Some),
            }
        }
    }

    /// As much of a chunk as is there.
    async fn some_of(&mut self, mut chunk: Chunk) -> Result<Bytes> {
        if !self.fill().await? {
            return Err(Fault::incomplete_body());
        }
        let most = usize::try_from(chunk.left).unwrap_or(usize::MAX);
        let piece = self.pending.split_to(most.min(self.pending.len()));
        chunk.left -= piece.len() as u64;
        if let Some(hash) = &mut chunk.hash {
            hash.update(&piece);
        }
        self.chunk = Some(chunk);
        Ok(piece)
    }

    /// Reads `400;chunk-signature=…`, or only the size where chunks are not signed.
    async fn begin_chunk(&mut self) -> Result<Chunk> {
        let line = self.line().await?.ok_or_else(Fault::incomplete_body)?;
        let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
        let left = u64::from_str_radix(size.trim(), 16).map_err(|_| malformed_chunk())?;
        let is_signed = matches!(self.framing, Framing::Chunked(Some(_)));
        let signature = extension.trim().strip_prefix("chunk-signature=");
        if is_signed && signature.is_none() {
            return Err(malformed_chunk());
        }
        Ok(Chunk {
            left,
            hash: is_signed.then(|| Box::new(Context::new(&SHA256))),
            signature: signature.unwrap_or_default().to_owned(),
        })
    }

    fn check_chunk(&mut self, chunk: Chunk) -> Result<()> {
        let (Framing::Chunked(Some(signer)), Some(hash)) = (&mut self.framing, chunk.hash) else {
            return Ok(());
        };
        if signer.check_chunk(hash.finish().as_ref(), &chunk.signature) {
            Ok(())
        } else {
            Err(chunk_signature())
        }
    }

    async fn read_trailers(&mut self) -> Result<()> {
        let mut signature = None;
        let mut size = 0;
        while let Some(line) = self.line().await?.filter(|line| !line.is_empty()) {
            size += line.len();
            let (name, value) = line.split_once(':').ok_or_else(malformed_trailer)?;
            if size > MAX_TRAILERS {
                return Err(malformed_trailer());
            }
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if name == "x-amz-trailer-signature" {
                signature = Some(value);
            } else {
                self.trailers.push((name, value));
            }
        }
        self.trailers.sort_unstable();
        self.check_trailers(signature.as_deref())
    }

    fn check_trailers(&mut self, signature: Option<&str>) -> Result<()> {
        let Framing::Chunked(Some(signer)) = &mut self.framing else {
            return Ok(());
        };
        if self.trailers.is_empty() && signature.is_none() {
            return Ok(());
        }
        let lines = self.trailers.iter();
        let text: String = lines
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        match signature {
            Some(signature) if signer.check_trailers(&text, signature) => Ok(()),
            Some(_) => Err(chunk_signature()),
            None => Err(malformed_trailer()),
        }
    }

    /// A line without its end; none when the body is over.
    async fn line(&mut self) -> Result<Option<String>> {
        let mut line = BytesMut::new();
        loop {
            if !self.fill().await? {
                return if line.is_empty() {
                    Ok(None)
                } else {
                    Err(Fault::incomplete_body())
                };
            }
            let end = self.pending.iter().position(|byte| *byte == b'\n');
            let piece = self.pending.split_to(end.unwrap_or(self.pending.len()));
            line.extend_from_slice(&piece);
            if line.len() > MAX_LINE {
                return Err(malformed_chunk());
            }
            if end.is_some() {
                self.pending.advance(1);
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                return String::from_utf8(line.to_vec())
                    .map(Some)
                    .map_err(|_| malformed_chunk());
            }
        }
    }

    /// Sees to it that something is pending; false at the end of the body.
    async fn fill(&mut self) -> Result<bool> {
        while self.pending.is_empty() {
            match self.body.frame().await {
                None => return Ok(false),
                Some(Ok(frame)) => self.pending = frame.into_data().unwrap_or_default(),
                Some(Err(BodyError::TooSlow)) => return Err(Fault::too_slow()),
                Some(Err(cause)) => {
                    tracing::debug!(%cause, "a body was cut short");
                    return Err(Fault::incomplete_body());
                }
            }
        }
        Ok(true)
    }
}

fn compare(claimed: &str, actual: &str) -> Result<()> {
    if claimed == actual {
        return Ok(());
    }
    Err(Fault::bad(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
    .with("ClientComputedContentSHA256", claimed)
    .with("S3ComputedContentSHA256", actual))
}

fn malformed_chunk() -> Fault {
    Fault::bad(
        "InvalidRequest",
        "The chunks of the request's body are not well-formed.",
    )
}

fn chunk_signature() -> Fault {
    Fault::new(
        StatusCode::FORBIDDEN,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    )
}

fn length(headers: &HeaderMap, name: &str) -> Result<Option<u64>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| Fault::bad("InvalidArgument", format!("Invalid {name}")))
}
