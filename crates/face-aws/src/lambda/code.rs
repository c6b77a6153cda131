//! Where a package comes from: the request itself, or an object.

use std::pin::pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use functions::NewCode;
use futures_util::StreamExt;
use serde::Deserialize;

use super::Asked;
use super::error::invalid;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Source {
    zip_file: Option<String>,
    #[serde(rename = "S3Bucket")]
    bucket: Option<String>,
    #[serde(rename = "S3Key")]
    key: Option<String>,
    #[serde(rename = "S3ObjectVersion")]
    version: Option<String>,
    image_uri: Option<String>,
}

/// A package that comes with the request.
const LARGEST_DIRECT: usize = 50 << 20;
/// A package that comes from a bucket: no more than it may unpack to.
const LARGEST_OBJECT: u64 = 250 << 20;

impl Source {
    pub(super) async fn read(&self, asked: &Asked<'_>) -> Result<NewCode, Fault> {
        if self.image_uri.is_some() {
            return Err(asked.call.not_built("ImageUri"));
        }
        if self.version.is_some() {
            return Err(asked.call.not_built("S3ObjectVersion"));
        }
        let package = match (&self.zip_file, &self.bucket, &self.key) {
            (Some(zip), None, None) => direct(asked, zip)?,
            (None, Some(bucket), Some(key)) => object(asked, bucket, key).await?,
            (None, _, _) => return Err(invalid("Please provide a source for function code.")),
            (Some(_), _, _) => {
                return Err(invalid(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile.",
                ));
            }
        };
        if package.is_empty() {
            return Err(invalid("Uploaded file must be a non-empty zip"));
        }
        Ok(NewCode::Package(package))
    }
}

fn direct(asked: &Asked<'_>, zip: &str) -> Result<Bytes, Fault> {
    let package = STANDARD.decode(zip).map_err(|_| {
        invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
    })?;
    if package.len() > LARGEST_DIRECT {
        let operation = asked.call.operation.name;
        let limit = super::LARGEST_REQUEST.as_bytes();
        let message =
            format!("Request must be smaller than {limit} bytes for the {operation} operation");
        return Err(Fault::new("RequestEntityTooLargeException", message)
            .with_status(http::StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(package.into())
}

async fn object(asked: &Asked<'_>, bucket: &str, key: &str) -> Result<Bytes, Fault> {
    let refused = |code: &str, message: &str| {
        invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
        ))
    };
    let unread = |error: objects::Error| {
        tracing::error!(%error, bucket, key, "a package was not read");
        Fault::internal("ServiceException")
    };
    let found = asked.parts.objects.get(bucket, key, None).await;
    let found = found.map_err(|error| match error {
        objects::Error::NoSuchBucket(_) => {
            refused("NoSuchBucket", "The specified bucket does not exist")
        }
        objects::Error::NoSuchKey { .. } | objects::Error::Deleted { .. } => {
            refused("NoSuchKey", "The specified key does not exist.")
        }
        error => unread(error),
    })?;
    let size = found.object.size;
    if size > LARGEST_OBJECT {
        return Err(invalid(format!(
            "Unzipped size must be smaller than {LARGEST_OBJECT} bytes"
        )));
    }
    let mut package = BytesMut::new();
    let mut pieces = pin!(found.body.stream(0..size));
    while let Some(piece) = pieces.next().await {
        package.extend_from_slice(&piece.map_err(unread)?);
    }
    Ok(package.freeze())
}
