//! What comes over HTTP: requests to functions, and to the host itself.

use std::sync::Arc;

use access::Keyring;
use base::{Clock, Random};
use functions::{Error, Functions};
use http::request::Parts as Head;
use http::{HeaderValue, Method, header};
use parking_lot::RwLock;
use wire::{Body, Holding, Request, Response, Service, ServiceFuture};

use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::{admin, authorize, call, origins};

/// What the service works with.
#[derive(Clone)]
pub struct Parts {
    pub functions: Functions,
    pub keys: Keyring,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    /// Where large requests wait until they are there whole.
    pub holding: Holding,
}

/// The service's handle. Clones share it.
#[derive(Clone)]
pub struct Azure {
    pub(crate) parts: Parts,
    /// As of the last deployment: see [`Azure::refresh`].
    routes: Arc<RwLock<Arc<Routes>>>,
}

impl Azure {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            routes: Arc::default(),
        }
    }

    /// Learns what is deployed. To be called when it has changed.
    pub fn refresh(&self) -> Result<(), Error> {
        let routes = Routes::read(&self.parts.functions, &self.routes())?;
        *self.routes.write() = Arc::new(routes);
        Ok(())
    }

    /// Whether there is anything to serve.
    pub fn is_used(&self) -> bool {
        !self.routes.read().is_empty()
    }

    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.routes.read().clone()
    }

    async fn answer(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        match self.serve(&head, body).await {
            Ok(response) => response,
            Err(refusal) => refusal.print(),
        }
    }

    async fn serve(&self, head: &Head, body: Body) -> Result<Response, Refusal> {
        let path = head.uri.path();
        if let Some(path) = admin::path(path) {
            return admin::serve(self, head, path, body).await;
        }
        let routes = self.routes();
        if let Some(response) = origins::preflight(head, &routes) {
            return Ok(response);
        }
        let Some((route, parameters)) = routes.find(head.method.as_str(), path) else {
            return match (&head.method, path) {
                (&Method::GET | &Method::HEAD, "/") => Ok(home()),
                _ => Err(Refusal::NoRoute),
            };
        };
        authorize::check(&self.parts.keys, head, route)?;
        let Some(crowd) = &route.crowd else {
            return call::call(&self.parts, head, body, route, parameters, None).await;
        };
        let place = crowd.enter().ok_or(Refusal::Throttled)?;
        call::call(&self.parts, head, body, route, parameters, Some(place)).await
    }
}

impl Service for Azure {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        Box::pin(self.answer(request))
    }
}

impl std::fmt::Debug for Azure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Azure")
    }
}

/// For whoever looks whether anything is there.
fn home() -> Response {
    let page = "<!DOCTYPE html><title>Fulmar</title><h1>Your function app is up and running</h1>";
    let mut response = Response::new(wire::full(page));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}
