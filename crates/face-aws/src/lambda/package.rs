//! Downloading a package, from an address that carries its own permission.

use std::time::Duration;

use bytes::Bytes;
use functions::{CodeSource, Function, LayerVersion};
use futures_util::stream;
use http::request::Parts as Head;
use http::{HeaderValue, Method, header};
use store::BlobReader;
use wire::BodyError;

use super::error::{fault, missing};
use super::name::{LATEST, Named};
use super::{Answer, Asked, Parts};
use crate::context::Context;
use crate::presign::Presign;
use crate::protocol::Fault;

/// Where packages are. Not operations of the service: the real one's addresses point elsewhere.
const FUNCTIONS: &str = "/2015-03-31/functions/";
const LAYERS: &str = "/2018-10-31/layers/";
const SUFFIX: &str = "/package";
/// As the real one's addresses.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// Whose package a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Package {
    /// As its caller names it, a qualifier included.
    Function(String),
    Layer(String, u64),
}

/// The address of a function's package; none if it runs from a folder.
pub(super) fn address(
    asked: &Asked<'_>,
    function: &Function,
    qualifier: Option<&str>,
) -> Option<String> {
    let qualifier = qualifier.filter(|qualifier| *qualifier != LATEST);
    let qualifier = qualifier.map_or(String::new(), |qualifier| format!(":{qualifier}"));
    let path = format!("{FUNCTIONS}{}{qualifier}{SUFFIX}", function.name);
    signed(asked, &function.code.source, &path)
}

/// The address of a layer's package; none if it is a folder.
pub(super) fn layer_address(asked: &Asked<'_>, layer: &LayerVersion) -> Option<String> {
    let path = format!("{LAYERS}{}/{}{SUFFIX}", layer.name, layer.version);
    signed(asked, &layer.code.source, &path)
}

fn signed(asked: &Asked<'_>, source: &CodeSource, path: &str) -> Option<String> {
    if !matches!(source, CodeSource::Package(_)) {
        return None;
    }
    let presign = Presign {
        key: asked.parts.access.root()?,
        service: "lambda",
        region: &asked.context.region,
        method: "GET",
        host: asked.host,
        path,
        headers: &[],
        // Whoever checks it goes by the clocks of clients.
        now: asked.parts.clock.host().now(),
        good_for: GOOD_FOR,
    };
    Some(format!("http://{}{}", asked.host, presign.target()))
}

/// The package that a request is for, if it is for one.
pub(super) fn asked(head: &Head) -> Option<Package> {
    let path = head.uri.path().strip_suffix(SUFFIX)?;
    if head.method != Method::GET {
        return None;
    }
    if let Some(name) = path.strip_prefix(FUNCTIONS) {
        let name = percent_encoding::percent_decode_str(name)
            .decode_utf8()
            .ok()?;
        let single = !name.is_empty() && !name.contains('/');
        return single.then(|| Package::Function(name.into_owned()));
    }
    let (name, version) = path.strip_prefix(LAYERS)?.split_once('/')?;
    Some(Package::Layer(name.to_owned(), version.parse().ok()?))
}

pub(super) async fn download(
    parts: &Parts,
    context: &Context,
    package: &Package,
) -> Result<Answer, Fault> {
    let (functions, space) = (&parts.functions, &context.space);
    let reader = match package {
        Package::Function(name) => {
            let named = Named::parse(context, "GetFunction", name, None)?;
            let refused = |error| fault(context, &named, error);
            let function = functions
                .resolve(space, &named.name, named.version())
                .map_err(refused)?;
            functions.package(&function).await.map_err(refused)?
        }
        Package::Layer(name, version) => {
            let named = Named {
                name: name.clone(),
                qualifier: None,
            };
            let refused = |error| fault(context, &named, error);
            let layer = functions.layer(space, name, *version).map_err(refused)?;
            functions.layer_package(&layer).await.map_err(refused)?
        }
    };
    let reader = reader.ok_or_else(|| missing("It has no package"))?;
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
