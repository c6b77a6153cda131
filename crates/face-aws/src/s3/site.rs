//! Buckets as visitors of their websites see them: with browsers, and without signatures. What is in a bucket that is a
//! website is for everybody to see.

mod address;
mod page;

use std::borrow::Cow;

use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use objects::{Found, Pages, Redirect, Rule, Scheme, Website};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use wire::{Encrypted, Request, Response};

pub(crate) use address::Address;

use super::call::invalid_uri;
use super::fault::{Fault, Result};
use super::ids::Ids;
use super::preflight::Page;
use super::{Parts, conditions, get, headers, query, website};

/// What a rule says is put into addresses as it is: it may have a query or a fragment.
const SAID: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

pub(super) async fn answer(parts: &Parts, address: &Address, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let ids = Ids::new(parts);
    let visit = Visit {
        parts,
        address,
        head: &head,
        ids: &ids,
    };
    let mut response = visit.answer().await;
    let fields = response.headers_mut();
    if let Some(page) = Page::to(address.bucket.clone(), &head) {
        page.admit(parts, fields);
    }
    ids.sign(fields);
    response
}

struct Visit<'a> {
    parts: &'a Parts,
    address: &'a Address,
    head: &'a Head,
    ids: &'a Ids,
}

impl Visit<'_> {
    async fn answer(&self) -> Response {
        let served = self.serve().await;
        served.unwrap_or_else(|fault| self.page(&fault, None))
    }

    async fn serve(&self) -> Result<Response> {
        if !self.is_head() && self.head.method != Method::GET {
            return Err(self.method_not_allowed());
        }
        let bucket = &self.address.bucket;
        let website = self.parts.objects.website(bucket)?;
        let website = website.ok_or_else(|| website::not_set(bucket))?;
        match &*website {
            Website::Elsewhere { host, scheme } => {
                let scheme = scheme.map_or_else(|| self.scheme(), name);
                let (path, query) = (&self.address.path, self.query());
                redirected(301, &format!("{scheme}://{host}{path}{query}"))
            }
            Website::Pages(pages) => {
                let path = &self.address.path;
                let key = query::decode(path.strip_prefix('/').unwrap_or(path));
                let key = key.ok_or_else(invalid_uri)?;
                self.look(pages, &key).await
            }
        }
    }

    async fn look(&self, pages: &Pages, key: &str) -> Result<Response> {
        if let Some(rule) = pages.rule(key, None) {
            return self.send(rule, key);
        }
        let fault = match self.show(&pages.shown(key)).await {
            Err(fault) if !fault.status.is_redirection() => fault,
            shown => return shown,
        };
        if fault.status == StatusCode::NOT_FOUND
            && let Some(index) = pages.as_folder(key)
            && self
                .parts
                .objects
                .head(&self.address.bucket, &index, None)
                .is_ok()
        {
            let folder = format!("{}/{}/", self.address.base, query::encode_path(key));
            let found = Fault::new(StatusCode::FOUND, "Found", "Resource Found");
            return Err(found.with_header(header::LOCATION, location(&folder)?));
        }
        match pages.rule(key, Some(fault.status.as_u16())) {
            Some(rule) => self.send(rule, key),
            None => self.fail(pages, fault).await,
        }
    }

    async fn show(&self, key: &str) -> Result<Response> {
        let objects = &self.parts.objects;
        let found = objects.get(&self.address.bucket, key, None).await?;
        if let Some(to) = &found.object.metadata.redirect {
            return self.sent(to);
        }
        let asked = &self.head.headers;
        conditions::check_read(asked, &found.object, objects.now())?;
        self.body(found, headers::text(asked, "range")?)
    }

    fn body(&self, found: Found, range: Option<&str>) -> Result<Response> {
        let piece = get::asked(range, found.object.size)?;
        let fields = get::describe_piece(&found.object, &piece);
        let mut response = Response::new(match self.is_head() {
            true => wire::empty(),
            false => piece.cut(found.body),
        });
        *response.status_mut() = piece.status();
        *response.headers_mut() = fields;
        Ok(response)
    }

    /// Shows the bucket's own page for an error of the visitor's, if it has one.
    async fn fail(&self, pages: &Pages, fault: Fault) -> Result<Response> {
        let Some(key) = &pages.error else {
            return Err(fault);
        };
        if !fault.status.is_client_error() {
            return Err(fault);
        }
        let found = self
            .parts
            .objects
            .get(&self.address.bucket, key, None)
            .await;
        let found = match found.map_err(Fault::from) {
            Ok(found) => found,
            Err(other) => return Ok(self.page(&fault, Some(&other))),
        };
        if let Some(to) = &found.object.metadata.redirect {
            return self.sent(to);
        }
        let mut response = self.body(found, None)?;
        *response.status_mut() = fault.status;
        page::name(&fault, &mut response);
        Ok(response)
    }

    /// Sends the visitor where a rule says.
    fn send(&self, rule: &Rule, key: &str) -> Result<Response> {
        let Redirect {
            host,
            scheme,
            status,
            ..
        } = &rule.redirect;
        let scheme = scheme.map_or_else(|| self.scheme(), name);
        // What comes before the path is so at this host only.
        let (host, base) = match host {
            Some(host) => (host, ""),
            None => (&self.address.host, self.address.base.as_str()),
        };
        let (said, rest) = rule.key(key);
        let said = utf8_percent_encode(said, SAID);
        let (rest, query) = (query::encode_path(rest), self.query());
        let to = format!("{scheme}://{host}{base}/{said}{rest}{query}");
        redirected(status.unwrap_or(301), &to)
    }

    /// Sends the visitor where an object says.
    fn sent(&self, to: &str) -> Result<Response> {
        let base = match to.starts_with('/') {
            true => self.address.base.as_str(),
            false => "",
        };
        redirected(301, &format!("{base}{to}"))
    }

    fn page(&self, fault: &Fault, other: Option<&Fault>) -> Response {
        page::print(fault, other, self.is_head(), self.ids)
    }

    fn method_not_allowed(&self) -> Fault {
        Fault::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .with("Method", self.head.method.as_str())
        .with("ResourceType", "OBJECT")
        .with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
    }

    fn is_head(&self) -> bool {
        self.head.method == Method::HEAD
    }

    /// The visitor's own.
    fn scheme(&self) -> &'static str {
        match self.head.extensions.get::<Encrypted>() {
            Some(_) => name(Scheme::Https),
            None => name(Scheme::Http),
        }
    }

    /// With its mark.
    fn query(&self) -> Cow<'static, str> {
        let query = self.head.uri.query();
        query.map_or("".into(), |query| format!("?{query}").into())
    }
}

fn name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

fn redirected(status: u16, to: &str) -> Result<Response> {
    let mut response = Response::new(wire::empty());
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Fault::internal())?;
    let fields = response.headers_mut();
    fields.insert(header::LOCATION, location(to)?);
    fields.insert(header::CONTENT_LENGTH, 0.into());
    Ok(response)
}

/// Hosts and what objects say may hold anything.
fn location(to: &str) -> Result<HeaderValue> {
    HeaderValue::from_bytes(to.as_bytes()).map_err(|_| Fault::internal())
}
