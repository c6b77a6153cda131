//! CloudFront distributions, and the functions at their edge (Lambda@Edge).
//!
//! A request passes up to four functions: `viewer-request`, `origin-request`, then the origin answers, `origin-response`,
//! `viewer-response`. The first two may answer themselves. Nothing is cached, so that each request passes all of them.
//! What an edge is kept as, and which behavior is for a path, is in `triggers`.

mod address;
mod event;
mod headers;
mod origin;
mod pass;
mod refused;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use access::Access;
use base::{ByteSize, Clock, Random};
use bytes::Bytes;
use functions::{Error, Event, Functions, Invoke};
use http::request::Parts as RequestHead;
use http::{StatusCode, header};
use triggers::Triggers;
use triggers::edge::{Behavior, Edge, Moment, Origin, Protocol, Server};
use wire::{Body, Holding, Peer, Request, Response};

pub(crate) use address::Address;

use crate::balancer::Balancers;
use crate::gateway::{Gateways, source_ip};
use crate::place::Place;
use crate::s3::S3;
use event::{Asked, Head, Said, Told};
use refused::Refused;

/// What is read of a request; it must be at hand whole for functions to see.
const LARGEST_REQUEST: ByteSize = ByteSize::mib(32);
/// How long functions may take at most, before the origin's side and behind it.
const VIEWER_PATIENCE: Duration = Duration::from_secs(5);
const ORIGIN_PATIENCE: Duration = Duration::from_secs(30);

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct CloudFront {
    pub(crate) triggers: Triggers,
    pub(crate) functions: Functions,
    pub(crate) access: Access,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    /// What origins may be.
    pub(crate) s3: S3,
    pub(crate) gateways: Gateways,
    pub(crate) balancers: Balancers,
    pub(crate) holding: Holding,
}

/// An answer on its way to the caller.
struct Answered {
    head: Head,
    body: Body,
    /// Who made it.
    cause: &'static str,
    /// Whether the last function is not asked about it.
    is_final: bool,
}

impl CloudFront {
    /// Answers a request to a distribution's address.
    pub(crate) async fn call(&self, address: Address, request: Request) -> Response {
        let id = self.request_id();
        let found = self.triggers.edge(&address.id);
        let edge = match found {
            Ok(Some(edge)) if edge.enabled => edge,
            Ok(_) => {
                let refused =
                    Refused::request(403, "The distribution is not there, or it is disabled.");
                return refused.print(&id);
            }
            Err(error) => {
                tracing::error!(%error, "a distribution could not be looked up");
                return Refused::request(500, "").print(&id);
            }
        };
        let passage = Passage {
            service: self,
            edge: &edge,
            id: &id,
        };
        let served = passage.serve(&address, request).await;
        served.unwrap_or_else(|refused| {
            tracing::warn!(
                distribution = edge.id,
                why = refused.message,
                "a request got no answer"
            );
            refused.print(&id)
        })
    }

    fn request_id(&self) -> String {
        use base64::Engine;
        let bytes = self.random.bytes::<40>();
        base64::engine::general_purpose::URL_SAFE.encode(bytes)
    }
}

impl std::fmt::Debug for CloudFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CloudFront")
    }
}

/// One request's way through an edge.
struct Passage<'a> {
    service: &'a CloudFront,
    edge: &'a Edge,
    id: &'a str,
}

impl Passage<'_> {
    async fn serve(&self, address: &Address, request: Request) -> Result<Response, Refused> {
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<Peer>().cloned();
        let behavior = self.edge.behavior(&address.path);
        let behavior = behavior.ok_or_else(|| Refused::request(404, ""))?;
        check_method(behavior, head.method.as_str())?;
        let asked = self.asked(address, &head, body).await?;
        let mut answered = self.answer(behavior, asked.clone(), peer).await?;
        if !answered.is_final && answered.head.status < 400 {
            self.last_word(behavior, &asked, &mut answered).await?;
        }
        Ok(self.print(answered))
    }

    async fn asked(
        &self,
        address: &Address,
        head: &RequestHead,
        body: Body,
    ) -> Result<Asked, Refused> {
        let body = self.service.holding.whole(body, LARGEST_REQUEST).await;
        let body = body.map_err(|error| match error {
            wire::BodyError::TooLarge(_) => Refused::request(413, "The request is too large."),
            wire::BodyError::TooSlow => Refused::request(408, "The request came too slowly."),
            wire::BodyError::Truncated(_) | wire::BodyError::Source(_) => {
                Refused::request(400, "Bad request.")
            }
        })?;
        let mut headers = headers::of(&head.headers);
        headers::set(&mut headers, "host", address.host.clone());
        let uri = match (&self.edge.root, address.path.as_str()) {
            (Some(root), "/") => format!("/{root}"),
            (_, path) => path.to_owned(),
        };
        Ok(Asked {
            client: source_ip(head),
            method: head.method.as_str().to_owned(),
            uri,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
        })
    }

    /// Up to the answer, as it comes from the origin's side.
    async fn answer(
        &self,
        behavior: &Behavior,
        asked: Asked,
        peer: Option<Peer>,
    ) -> Result<Answered, Refused> {
        let asked = match self
            .change(behavior, Moment::ViewerRequest, asked, None)
            .await?
        {
            Said::Request(asked, _) => asked,
            Said::Response(head, body) => return Ok(generated(head, body, true)),
        };
        let origin = self.edge.origin(&behavior.origin);
        let origin = spoken(origin.ok_or_else(|| Refused::request(502, ""))?);
        let asked = pass::on(asked, behavior, &origin);
        let moment = Moment::OriginRequest;
        let said = self.change(behavior, moment, asked, Some(&origin)).await?;
        let (asked, origin) = match said {
            Said::Request(asked, other) => (asked, other.unwrap_or(origin)),
            Said::Response(head, body) => return Ok(generated(head, body, false)),
        };
        let region = Place::of(&self.edge.space).region.to_owned();
        let service = self.service;
        let response = service.ask(&origin, asked.clone(), &region, peer).await?;
        let mut answered = answered(response);
        self.other_word(behavior, &asked, &origin, &mut answered)
            .await?;
        self.page(&mut answered).await?;
        Ok(answered)
    }

    /// What a function makes of a request.
    async fn change(
        &self,
        behavior: &Behavior,
        moment: Moment,
        asked: Asked,
        origin: Option<&Origin>,
    ) -> Result<Said, Refused> {
        let Some(result) = self.run(behavior, moment, &asked, origin, None).await? else {
            return Ok(Said::Request(asked, None));
        };
        event::request(&result, moment, &asked, origin)
    }

    /// What the function behind the origin makes of its answer.
    async fn other_word(
        &self,
        behavior: &Behavior,
        asked: &Asked,
        origin: &Origin,
        answered: &mut Answered,
    ) -> Result<(), Refused> {
        let moment = Moment::OriginResponse;
        let told = Some(&answered.head);
        let result = self
            .run(behavior, moment, asked, Some(origin), told)
            .await?;
        replace(result, moment, answered)
    }

    /// What the function before the caller makes of it.
    async fn last_word(
        &self,
        behavior: &Behavior,
        asked: &Asked,
        answered: &mut Answered,
    ) -> Result<(), Refused> {
        let moment = Moment::ViewerResponse;
        let told = Some(&answered.head);
        let result = self.run(behavior, moment, asked, None, told).await?;
        replace(result, moment, answered)
    }

    /// Asks the function of this moment, if there is one.
    async fn run(
        &self,
        behavior: &Behavior,
        moment: Moment,
        asked: &Asked,
        origin: Option<&Origin>,
        head: Option<&Head>,
    ) -> Result<Option<Bytes>, Refused> {
        let Some(attached) = behavior.function(moment) else {
            return Ok(None);
        };
        let told = Told {
            moment,
            distribution: &self.edge.id,
            domain: &address::domain(&self.edge.id),
            request_id: self.id,
            asked,
            with_body: attached.with_body,
            origin,
            head,
        };
        let (target, functions) = (&attached.target, &self.service.functions);
        let function = &target.function;
        let invoke = Invoke {
            space: target.space.clone(),
            function: function.clone(),
            qualifier: target.qualifier.clone(),
            event: Event::Raw(told.render()),
            request_id: functions.new_request_id(),
            trigger: "http".into(),
            client_context: None,
            trace: None,
        };
        let patience = match moment {
            Moment::ViewerRequest | Moment::ViewerResponse => VIEWER_PATIENCE,
            Moment::OriginRequest | Moment::OriginResponse => ORIGIN_PATIENCE,
        };
        let outcome = tokio::select! {
            outcome = functions.invoke(invoke) => outcome,
            () = self.service.clock.sleep(patience) => return Err(Refused::failed()),
        };
        let outcome = outcome.map_err(|error| {
            tracing::warn!(%error, function, "a function at the edge did not run");
            match error {
                Error::Throttled(_) => Refused::throttled(),
                _ => Refused::failed(),
            }
        })?;
        let result = outcome.result.map_err(|failed| {
            let (kind, message) = (&failed.kind, &failed.message);
            tracing::warn!(function, kind, message, "a function at the edge failed");
            Refused::failed()
        })?;
        Ok(Some(result))
    }

    /// Puts the distribution's own page in place of an error, if it has one for it.
    async fn page(&self, answered: &mut Answered) -> Result<(), Refused> {
        let pages = self.edge.pages.iter();
        let status = answered.head.status;
        let page = pages.filter(|page| page.status == status);
        let Some((path, shown)) = page.filter_map(|page| page.page.as_ref()).next() else {
            return Ok(());
        };
        let behavior = self.edge.behavior(path);
        let origin = behavior.and_then(|behavior| self.edge.origin(&behavior.origin));
        let Some(origin) = origin.map(spoken) else {
            return Ok(());
        };
        let asked = Asked {
            client: String::new(),
            method: "GET".into(),
            uri: path.clone(),
            query: String::new(),
            headers: vec![headers::Header {
                name: "host".into(),
                value: origin.domain.clone(),
            }],
            body: Bytes::new(),
        };
        let region = Place::of(&self.edge.space).region.to_owned();
        let response = self.service.ask(&origin, asked, &region, None).await?;
        // A page that is not there leaves the error as it was.
        if response.status() == StatusCode::OK {
            *answered = self::answered(response);
            answered.head.status = *shown;
            answered.head.description = String::new();
            answered.cause = "Error from cloudfront";
            answered.is_final = true;
        }
        Ok(())
    }

    fn print(&self, answered: Answered) -> Response {
        let mut response = Response::new(answered.body);
        let head = answered.head;
        *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
        *response.headers_mut() = headers::map(&head.headers);
        if !head.description.is_empty() {
            wire::say_reason(&mut response, &head.description);
        }
        refused::sign(response.headers_mut(), answered.cause, self.id);
        response
    }
}

fn check_method(behavior: &Behavior, method: &str) -> Result<(), Refused> {
    if behavior.methods.iter().any(|known| known == method) {
        return Ok(());
    }
    let rest = match behavior.methods.len() {
        2 => " The distribution supports only cachable requests.",
        _ => "",
    };
    Err(Refused::request(
        403,
        format!(
            "This distribution is not configured to allow the HTTP request method that was used for this request.{rest}"
        ),
    ))
}

/// Callers come without encryption here: where the origin is to be spoken to as the caller speaks, it is too.
fn spoken(origin: &Origin) -> Origin {
    let mut origin = origin.clone();
    if let Server::Web(web) = &mut origin.server
        && web.protocol == Protocol::Same
    {
        web.protocol = Protocol::Plain;
    }
    origin
}

fn generated(head: Head, body: Option<Bytes>, is_final: bool) -> Answered {
    let mut head = head;
    about_the_body(&mut head);
    Answered {
        head,
        body: wire::full(body.unwrap_or_default()),
        cause: "LambdaGeneratedResponse from cloudfront",
        is_final,
    }
}

fn answered(response: Response) -> Answered {
    let (head, body) = response.into_parts();
    let reason = head.status.canonical_reason().unwrap_or_default();
    let cause = match head.status.as_u16() {
        400.. => "Error from cloudfront",
        _ => "Miss from cloudfront",
    };
    Answered {
        head: Head {
            status: head.status.as_u16(),
            description: reason.to_owned(),
            headers: headers::of(&head.headers),
        },
        body,
        cause,
        is_final: false,
    }
}

fn replace(result: Option<Bytes>, moment: Moment, answered: &mut Answered) -> Result<(), Refused> {
    let Some(result) = result else {
        return Ok(());
    };
    let (head, body) = event::response(&result, moment, &answered.head)?;
    answered.head = head;
    if let Some(body) = body {
        about_the_body(&mut answered.head);
        answered.body = wire::full(body);
    }
    Ok(())
}

/// A body that a function says is as long as it is.
fn about_the_body(head: &mut Head) {
    let about = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    head.headers
        .retain(|one| about.iter().all(|name| *name != one.name.as_str()));
}
