//! Application Load Balancers whose targets are functions.
//!
//! Which group a request goes to is decided in `triggers`; here are the addresses under which balancers are reached, the
//! events that functions get, what their answers mean, and the pages that callers see where no function answers.

mod address;
mod answer;
mod event;
mod page;
mod redirect;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::{ByteSize, Clock, Random};
use functions::{Event, Functions, Invoke};
use http::request::Parts as Head;
use http::{StatusCode, header};
use triggers::Triggers;
use triggers::balancer::{self, Action, Asked, Balancer, Forwarded, Group, Listener};
use wire::{Body, BodyError, Holding, Request, Response};

pub(crate) use address::Address;

use crate::gateway::source_ip;
use crate::trace;

/// Of requests to functions and of their answers.
const LARGEST: ByteSize = ByteSize::mib(1);

/// The service's handle.
#[derive(Clone)]
pub(crate) struct Balancers {
    triggers: Triggers,
    functions: Functions,
    clock: Arc<dyn Clock>,
    random: Random,
    holding: Holding,
}

impl Balancers {
    pub(crate) fn new(
        triggers: Triggers,
        functions: Functions,
        clock: Arc<dyn Clock>,
        random: Random,
        holding: Holding,
    ) -> Self {
        Self {
            triggers,
            functions,
            clock,
            random,
            holding,
        }
    }

    /// Answers a request to a balancer's address.
    pub(crate) async fn call(&self, address: Address, request: Request) -> Response {
        let balancer = match self.triggers.balancer(&address.name) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "a load balancer could not be looked up");
                return page::print(StatusCode::INTERNAL_SERVER_ERROR);
            }
        };
        let listener = balancer
            .as_ref()
            .and_then(|balancer| Some((balancer, balancer.listener(address.port)?)));
        // In the cloud nobody would answer here at all.
        let Some((balancer, listener)) = listener else {
            return page::print(StatusCode::NOT_FOUND);
        };
        let (head, body) = request.into_parts();
        let served = self.serve(balancer, listener, &address, head, body).await;
        served.unwrap_or_else(page::print)
    }

    async fn serve(
        &self,
        balancer: &Balancer,
        listener: &Listener,
        address: &Address,
        head: Head,
        body: Body,
    ) -> Result<Response, StatusCode> {
        if head.headers.contains_key(header::UPGRADE) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let source = source_ip(&head);
        let headers = event::headers(&head).ok_or(StatusCode::BAD_REQUEST)?;
        let (host, port) = address.host_and_port();
        let asked = Asked {
            method: head.method.as_str(),
            path: &address.path,
            query: head.uri.query().unwrap_or_default(),
            host,
            headers: &headers,
            source: source.parse().ok(),
        };
        match listener.action(&asked) {
            Action::Answer(answer) => Ok(page::fixed(answer)),
            Action::Redirect(redirect) => {
                let came = redirect::Came {
                    asked: &asked,
                    secure: listener.secure,
                    port: port.unwrap_or(listener.port),
                };
                Ok(redirect::print(redirect, &came))
            }
            Action::Forward(shares) => {
                let group = balancer::pick(shares, &self.random);
                let group = group.and_then(|id| balancer.group(id));
                let group = group.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
                let body =
                    self.holding
                        .whole(body, LARGEST)
                        .await
                        .map_err(|error| match error {
                            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                            BodyError::Truncated(_) | BodyError::Source(_) => {
                                StatusCode::BAD_REQUEST
                            }
                        })?;
                let told = self.told(balancer.forwarded, listener, headers.clone(), &source);
                let event = event::render(group, &asked, &told, &body);
                let event = event.ok_or(StatusCode::BAD_REQUEST)?;
                self.invoke(group, Event::Raw(event)).await
            }
        }
    }

    /// The request's headers as a function is told them: with how the request came.
    fn told(
        &self,
        forwarded: Forwarded,
        listener: &Listener,
        mut headers: Vec<(String, String)>,
        source: &str,
    ) -> Vec<(String, String)> {
        let mut set = |name: &str, make: &dyn Fn(Option<String>) -> Option<String>| {
            let given = headers.iter().rfind(|(known, _)| known == name);
            let made = make(given.map(|(_, value)| value.clone()));
            headers.retain(|(known, _)| known != name);
            headers.extend(made.map(|value| (name.to_owned(), value)));
        };
        set(trace::HEADER, &|given| {
            let fresh = || trace::id(self.clock.now(), self.random.bytes());
            Some(trace::continued(given.as_deref(), fresh))
        });
        set("x-forwarded-for", &|given| match (forwarded, given) {
            (Forwarded::Append, Some(given)) => Some(format!("{given}, {source}")),
            (Forwarded::Append, None) => Some(source.to_owned()),
            (Forwarded::Preserve, given) => given,
            (Forwarded::Remove, _) => None,
        });
        set("x-forwarded-port", &|_| Some(listener.port.to_string()));
        set("x-forwarded-proto", &|_| {
            Some(if listener.secure { "https" } else { "http" }.to_owned())
        });
        headers
    }

    async fn invoke(&self, group: &Group, event: Event) -> Result<Response, StatusCode> {
        let target = group.target.as_ref();
        let target = target.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let function = &target.function;
        let invoke = Invoke {
            space: target.space.clone(),
            function: function.clone(),
            qualifier: target.qualifier.clone(),
            event,
            request_id: self.functions.new_request_id(),
            trigger: "http".into(),
            client_context: None,
            trace: None,
        };
        // A function that is throttled looks like one that failed.
        let outcome = self.functions.invoke(invoke).await.map_err(|error| {
            tracing::warn!(%error, function, "a request got no answer");
            StatusCode::BAD_GATEWAY
        })?;
        let payload = outcome.result.map_err(|failed| {
            let (kind, message) = (&failed.kind, &failed.message);
            tracing::warn!(function, kind, message, "a request got no answer");
            StatusCode::BAD_GATEWAY
        })?;
        answer::read(&payload, group.lists).map_err(|why| {
            tracing::warn!(function, why, "a function's answer is not one");
            StatusCode::BAD_GATEWAY
        })
    }
}

impl std::fmt::Debug for Balancers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Balancers")
    }
}
