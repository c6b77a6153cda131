//! `@connections`: writing to a connection, asking about it, ending it. Requests are signed like all others of the
//! account.

use base::{ByteSize, Timestamp};
use functions::{HttpForm, HttpRequest, HttpRoute};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use triggers::{Gateway, Stage};
use wire::{BodyError, Message, Request, Response};

use super::connections::{Connection, Order};
use crate::gateway::{Gateways, source_ip};
use crate::moment::utc;

const LARGEST: ByteSize = ByteSize::kib(128);

impl Gateways {
    pub(super) async fn manage(
        &self,
        gateway: &Gateway,
        stage: &Stage,
        id: &str,
        request: Request,
        request_id: &str,
    ) -> Response {
        let (head, body) = request.into_parts();
        let body = match wire::collect(body, LARGEST).await {
            Ok(body) => body,
            Err(BodyError::TooLarge(_)) => {
                return refuse(
                    413,
                    "PayloadTooLargeException",
                    "Payload too large",
                    request_id,
                );
            }
            Err(BodyError::TooSlow) => {
                return refuse(
                    408,
                    "RequestTimeoutException",
                    "Request Timeout",
                    request_id,
                );
            }
            Err(BodyError::Truncated(_) | BodyError::Source(_)) => {
                return refuse(400, "BadRequestException", "Bad Request", request_id);
            }
        };
        let asked = HttpRequest {
            request_id: request_id.to_owned(),
            space: gateway.space.clone(),
            at: self.clock.now(),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: body.clone(),
            held: None,
            is_text: true,
            version: String::new(),
            source_ip: source_ip(&head),
            route: HttpRoute {
                gateway: gateway.id.clone(),
                kind: gateway.kind,
                form: HttpForm::Detailed,
                stage: stage.name.clone(),
                stage_variables: stage.variables.clone(),
                method: None,
                template: None,
                parameters: Vec::new(),
            },
            caller: None,
            client_key: None,
            connection: None,
        };
        if self.check_signature(gateway, &head, &asked).is_err() {
            return refuse(403, "ForbiddenException", "Forbidden", request_id);
        }
        let Some(connection) = self.connections.find(&gateway.id, &stage.name, id) else {
            return refuse(410, "GoneException", "Gone", request_id);
        };
        let order = match head.method {
            Method::POST => Order::Send(match String::from_utf8(body.to_vec()) {
                Ok(text) => Message::Text(text),
                Err(_) => Message::Bytes(body),
            }),
            Method::DELETE => Order::Close,
            Method::GET => return tell(&connection, request_id),
            _ => {
                return refuse(
                    403,
                    "MissingAuthenticationTokenException",
                    "Forbidden",
                    request_id,
                );
            }
        };
        let status = match order {
            Order::Send(_) => StatusCode::OK,
            Order::Close => StatusCode::NO_CONTENT,
        };
        // A peer that reads nothing holds up whoever writes to it, and only so long.
        let sent = connection.orders.send(order);
        let sent = tokio::time::timeout(std::time::Duration::from_secs(10), sent).await;
        match sent {
            Ok(Ok(())) => {
                let mut response = Response::new(wire::empty());
                *response.status_mut() = status;
                identified(response, request_id)
            }
            Ok(Err(_)) => refuse(410, "GoneException", "Gone", request_id),
            Err(_) => refuse(
                429,
                "LimitExceededException",
                "Too Many Requests",
                request_id,
            ),
        }
    }
}

fn tell(connection: &Connection, request_id: &str) -> Response {
    let time = |at: Timestamp| utc(at).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let body = json!({
        "connectedAt": time(connection.since),
        "identity": {
            "sourceIp": connection.source_ip,
            "userAgent": connection.user_agent,
        },
        "lastActiveAt": time(connection.last_active),
    });
    let mut response = Response::new(wire::full(body.to_string()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    identified(response, request_id)
}

fn refuse(status: u16, error: &'static str, message: &str, request_id: &str) -> Response {
    let mut response = Response::new(wire::full(json!({ "message": message }).to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("x-amzn-errortype", HeaderValue::from_static(error));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    identified(response, request_id)
}

fn identified(mut response: Response, request_id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}
