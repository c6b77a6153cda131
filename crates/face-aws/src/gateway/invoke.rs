//! The call of a function for a request, and what becomes of its answer.

use functions::{Error, Event, GatewayKind, HttpRequest, Invoke};
use http::{HeaderMap, HeaderValue};
use triggers::{FunctionBackend, Gateway};
use wire::Response;

use super::{Gateways, Refusal, answer, event, stream, variables};
use crate::trace;

impl Gateways {
    pub(super) async fn invoke(
        &self,
        gateway: &Gateway,
        backend: &FunctionBackend,
        request: HttpRequest,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let request_id = request.request_id.clone();
        let target = variables::target(&backend.target, &request.route.stage_variables);
        let chance = self.random.bytes();
        let trace = event::header(&request, trace::HEADER);
        let trace = trace.and_then(|told| trace::handed_on(told, chance));
        let traced = trace.clone();
        let invoke = Invoke {
            space: target.space,
            function: target.function.clone(),
            qualifier: target.qualifier,
            event: Event::Http(Box::new(request)),
            request_id: self.functions.new_request_id(),
            trigger: "http".into(),
            client_context: None,
            trace,
        };
        if backend.streams {
            let answered = stream::answer(&self.functions, invoke, gateway.kind, &request_id);
            return Ok(tell_trace(answered.await?, gateway.kind, traced));
        }
        let function = &target.function;
        let outcome = tokio::select! {
            outcome = self.functions.invoke(invoke) => outcome,
            // The function runs on; its answer is nobody's.
            () = self.clock.host().sleep(backend.timeout) => return Err(Refusal::TimedOut),
        };
        let outcome = outcome.map_err(|error| {
            tracing::warn!(%error, function, "a request got no answer");
            match error {
                Error::Throttled(_) => Refusal::Throttled,
                _ => Refusal::Broken,
            }
        })?;
        let payload = outcome.result.map_err(|failed| {
            tracing::warn!(
                function,
                kind = failed.kind,
                message = failed.message,
                "a request got no answer"
            );
            Refusal::Failed
        })?;
        let answer = answer::read(&payload, gateway.kind, backend.form);
        let answer = answer.map_err(|why| {
            tracing::warn!(function, why, "a function's answer is not one");
            Refusal::Failed
        })?;
        let takes_bytes = answer::takes_bytes(gateway, headers);
        let response = answer.print(gateway.kind, takes_bytes, &request_id);
        Ok(tell_trace(response, gateway.kind, traced))
    }
}

/// Who calls a REST API or a function URL learns by which trace to ask about it.
pub(super) fn tell_trace(
    mut response: Response,
    kind: GatewayKind,
    trace: Option<String>,
) -> Response {
    let is_told = matches!(kind, GatewayKind::Classic | GatewayKind::Direct);
    let trace = trace.filter(|_| is_told);
    if let Some(value) = trace.and_then(|trace| HeaderValue::from_str(&trace).ok()) {
        response.headers_mut().insert(trace::HEADER, value);
    }
    response
}
