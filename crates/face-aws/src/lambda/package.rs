//! Downloading a package, from an address that carries its own permission.

use std::time::Duration;

use bytes::Bytes;
use functions::Function;
use futures_util::stream;
use http::request::Parts as Head;
use http::{HeaderValue, Method, header};
use store::BlobReader;
use wire::BodyError;

use super::error::{fault, missing};
use super::name::Named;
use super::{Answer, Asked, Parts};
use crate::context::Context;
use crate::presign::Presign;
use crate::protocol::Fault;

/// Where packages are. Not an operation of the service: the real one's addresses point elsewhere.
const PREFIX: &str = "/2015-03-31/functions/";
const SUFFIX: &str = "/package";
/// As the real one's addresses.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// The address of a function's package; none if it runs from a folder.
pub(super) fn address(asked: &Asked<'_>, function: &Function) -> Option<String> {
    if !matches!(function.code.source, functions::CodeSource::Package(_)) {
        return None;
    }
    let presign = Presign {
        key: asked.parts.access.root()?,
        service: "lambda",
        region: &asked.context.region,
        method: "GET",
        host: asked.host,
        path: &format!("{PREFIX}{}{SUFFIX}", function.name),
        now: asked.parts.clock.now(),
        good_for: GOOD_FOR,
    };
    Some(format!("http://{}{}", asked.host, presign.target()))
}

/// The function whose package a request is for, if it is for one.
pub(super) fn asked(head: &Head) -> Option<String> {
    let name = head.uri.path().strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let single = !name.is_empty() && !name.contains('/') && head.method == Method::GET;
    single.then(|| name.to_owned())
}

pub(super) async fn download(
    parts: &Parts,
    context: &Context,
    name: &str,
) -> Result<Answer, Fault> {
    let named = Named {
        name: name.to_owned(),
        qualifier: None,
    };
    let refused = |error| fault(context, &named, error);
    let function = parts.functions.get(&context.space, name).map_err(refused)?;
    let reader = parts.functions.package(&function).await.map_err(refused)?;
    let reader = reader.ok_or_else(|| missing("The function has no package"))?;
    let length = reader.len();
    let mut response = http::Response::new(wire::stream(pieces(reader)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    headers.insert(header::CONTENT_LENGTH, length.into());
    Ok(Answer::Whole(Box::new(response)))
}

fn pieces(reader: BlobReader) -> impl futures_util::Stream<Item = Result<Bytes, BodyError>> {
    stream::try_unfold((reader, 0_u64), |(reader, from)| async move {
        let piece = reader
            .read_at(from, reader.len())
            .await
            .map_err(|error| BodyError::Source(Box::new(error)))?;
        let next = from + piece.len() as u64;
        Ok((!piece.is_empty()).then_some((piece, (reader, next))))
    })
}
