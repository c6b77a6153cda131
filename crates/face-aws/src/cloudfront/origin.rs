//! Asking an origin: a bucket, something else that answers here, or a server elsewhere.

use std::time::Duration;

use base::ByteSize;
use http::{HeaderValue, StatusCode, Uri, header};
use triggers::edge::{Origin, Protocol, Server, Web};
use wire::{Asking, FetchError, Peer, Request, Response};

use super::CloudFront;
use super::event::Asked;
use super::headers::{map, set};
use super::refused::Refused;
use crate::presign::Presign;
use crate::{balancer, gateway, s3};

/// Answers of servers elsewhere are read whole before they are passed on.
const LARGEST_ANSWER: ByteSize = ByteSize::mib(32);
/// Long enough for a request that is answered at once.
const SIGNED_FOR: Duration = Duration::from_secs(60);

impl CloudFront {
    pub(super) async fn ask(
        &self,
        origin: &Origin,
        mut asked: Asked,
        region: &str,
        peer: Option<Peer>,
    ) -> Result<Response, Refused> {
        for (name, value) in &origin.headers {
            set(
                &mut asked.headers,
                &name.to_ascii_lowercase(),
                value.clone(),
            );
        }
        asked.uri = format!("{}{}", origin.path, asked.uri);
        match &origin.server {
            Server::Bucket { .. } => self.bucket(origin, asked, region).await,
            Server::Web(web) => self.web(origin, web, asked, peer).await,
        }
    }

    async fn bucket(
        &self,
        origin: &Origin,
        mut asked: Asked,
        region: &str,
    ) -> Result<Response, Refused> {
        const HERE: &str = "127.0.0.1";
        let unknown = || {
            Refused::request(
                502,
                "CloudFront wasn't able to resolve the origin domain name.",
            )
        };
        let bucket = s3::bucket_of_host(&origin.domain).ok_or_else(unknown)?;
        let key = percent_encoding::percent_decode_str(&asked.uri).decode_utf8_lossy();
        // What is in a bucket is nobody's to list.
        if key == "/" && asked.method != "POST" {
            return Ok(denied());
        }
        let root = self.access.root().ok_or_else(Refused::failed)?;
        let presign = Presign {
            key: root,
            service: "s3",
            region,
            method: &asked.method,
            host: HERE,
            path: &format!("/{bucket}{key}"),
            // Whoever checks it goes by the clocks of clients.
            headers: &[],
            now: self.clock.host().now(),
            good_for: SIGNED_FOR,
        };
        let target = presign.target();
        // The edge signs in the caller's place.
        let signed = |name: &str| name == "authorization" || name.starts_with("x-amz-");
        asked.headers.retain(|header| !signed(&header.name));
        set(&mut asked.headers, "host", HERE);
        Ok(Box::pin(self.s3.call(request(&asked, &target, None)?)).await)
    }

    async fn web(
        &self,
        origin: &Origin,
        web: &Web,
        asked: Asked,
        peer: Option<Peer>,
    ) -> Result<Response, Refused> {
        let target = match asked.query.is_empty() {
            true => asked.uri.clone(),
            false => format!("{}?{}", asked.uri, asked.query),
        };
        if let Some(address) = gateway::Address::read(&origin.domain, &asked.uri)
            && let Ok(Some(_)) = self.triggers.gateway(&address.gateway)
        {
            let request = request(&asked, &target, peer)?;
            return Ok(Box::pin(self.gateways.call(address, request)).await);
        }
        if let Some(address) = balancer::Address::read(&origin.domain, &asked.uri)
            && let Ok(Some(_)) = self.triggers.balancer(&address.name)
        {
            let request = request(&asked, &target, peer)?;
            return Ok(Box::pin(self.balancers.call(address, request)).await);
        }
        if let Some(address) = s3::SiteAddress::read(&origin.domain, &asked.uri)
            && self.s3.has_bucket(&address.bucket)
        {
            let request = request(&asked, &target, peer)?;
            return Ok(Box::pin(self.s3.visit(address, request)).await);
        }
        let secure = web.protocol == Protocol::Secure;
        let (scheme, port) = match secure {
            true => ("https", web.secure_port),
            false => ("http", web.port),
        };
        let mut headers = map(&asked.headers);
        // Of the body that is sent, which a function may have changed.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        let asking = Asking {
            method: asked.method.parse().map_err(|_| bad_request())?,
            url: format!("{scheme}://{}:{port}{target}", origin.domain),
            headers,
            body: asked.body,
        };
        let patience = Duration::from_secs(web.read_timeout_s.into());
        let said = wire::ask(&asking, LARGEST_ANSWER, patience).await;
        let said = said.map_err(|error| {
            tracing::warn!(%error, origin = origin.domain, "an origin did not answer");
            unanswered(&error)
        })?;
        let body = said.body.map_err(|error| {
            tracing::warn!(%error, origin = origin.domain, "an origin's answer could not be read");
            Refused::request(502, "The origin closed the connection.")
        })?;
        let mut response = Response::new(wire::full(body));
        *response.status_mut() = StatusCode::from_u16(said.status).unwrap_or(StatusCode::OK);
        *response.headers_mut() = said.headers;
        response.headers_mut().remove(header::TRANSFER_ENCODING);
        Ok(response)
    }
}

fn unanswered(error: &FetchError) -> Refused {
    match error {
        FetchError::TimedOut => Refused::request(
            504,
            "CloudFront attempted to establish a connection with the origin, but either the attempt failed or the origin closed the connection.",
        ),
        _ => Refused::request(502, "CloudFront wasn't able to connect to the origin."),
    }
}

fn bad_request() -> Refused {
    Refused::request(400, "Bad request.")
}

/// The request as something else that answers here takes it.
fn request(asked: &Asked, target: &str, peer: Option<Peer>) -> Result<Request, Refused> {
    let mut request = Request::new(wire::full(asked.body.clone()));
    *request.method_mut() = asked.method.parse().map_err(|_| bad_request())?;
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| bad_request())?;
    let mut headers = map(&asked.headers);
    headers.remove(header::TRANSFER_ENCODING);
    headers.insert(header::CONTENT_LENGTH, asked.body.len().into());
    *request.headers_mut() = headers;
    request.extensions_mut().extend(
        peer.map(|peer| {
            let mut extensions = http::Extensions::new();
            extensions.insert(peer);
            extensions
        })
        .unwrap_or_default(),
    );
    Ok(request)
}

fn denied() -> Response {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let mut response = Response::new(wire::full(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}
