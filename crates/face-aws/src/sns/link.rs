//! What may be visited without a signature: links in mail and in what is posted, and the certificate by which the latter
//! is verified. Whoever has a link may use it: its token is known to nobody else.

use bytes::Bytes;
use http::request::Parts as Head;
use http::{HeaderValue, Method, StatusCode, header};
use triggers::Consent;

use super::{Asked, SERVICE, Sns, arn, subscribe};
use crate::context::Context;
use crate::protocol::Fault;

const CERTIFICATE: &str = "/SimpleNotificationService-";

/// The path of the certificate with this name.
pub(crate) fn certificate_path(name: &str) -> String {
    format!("{CERTIFICATE}{name}.pem")
}

/// Whether somebody visits such a thing.
pub(crate) fn is_link<B>(request: &http::Request<B>) -> bool {
    let uri = request.uri();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return false;
    }
    let action = uri.query().and_then(|query| {
        let mut pairs = query.split('&');
        pairs.find_map(|pair| pair.strip_prefix("Action="))
    });
    uri.path().starts_with(CERTIFICATE)
        || uri.path() == "/" && matches!(action, Some("ConfirmSubscription" | "Unsubscribe"))
}

impl Sns {
    pub(crate) async fn visit(&self, context: &Context, head: &Head) -> wire::Response {
        let path = head.uri.path();
        if let Some(name) = path.strip_prefix(CERTIFICATE) {
            let name = name.strip_suffix(".pem").unwrap_or_default();
            return self.certificate(name);
        }
        let id = &context.request_id;
        let call = match SERVICE.read(head, Bytes::new()).map_err(super::renamed) {
            Ok(call) => call,
            Err(fault) => return SERVICE.refuse(id, &fault),
        };
        let operation = call.operation;
        let mut asked = Asked {
            parts: &self.parts,
            context,
            trace: None,
            call,
        };
        // Who has only a link cannot say that only owners may end the subscription.
        asked.call.input.remove("AuthenticateOnUnsubscribe");
        let answer = match operation.name {
            "ConfirmSubscription" => subscribe::confirm(asked).await,
            _ => match may_end(&asked) {
                Ok(()) => subscribe::unsubscribe(asked).await,
                Err(fault) => Err(fault),
            },
        };
        match answer {
            Ok(output) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }

    fn certificate(&self, name: &str) -> wire::Response {
        let certificate = self.parts.dialect.signer().certificate(name);
        let mut response =
            http::Response::new(wire::full(certificate.unwrap_or_default().to_owned()));
        if certificate.is_none() {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        let kind = HeaderValue::from_static("application/x-pem-file");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// A subscription that its owner agreed to under his name is ended by him alone.
fn may_end(asked: &Asked<'_>) -> Result<(), Fault> {
    let name = asked.call.input.get("SubscriptionArn");
    let (topic, id) = arn::subscription(name.and_then(|name| name.as_str()).unwrap_or_default())?;
    let found = asked.parts.triggers.subscription(&topic, id);
    match found.map(|found| found.consent) {
        Ok(Consent::Given {
            token: Some(_),
            authenticated: true,
        }) => Err(Fault::new(
            "AuthorizationError",
            "Only the owner may end this subscription",
        )),
        _ => Ok(()),
    }
}
