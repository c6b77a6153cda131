//! What API Gateway says about callers' keys and their plans. APIs are made from templates; here they are only read.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts as Head;
use serde_json::{Map, Value, json};
use triggers::{ClientKey, Period, Plan, Rate, Triggers};

use crate::context::Context;
use crate::protocol::{Call, Fault, Manner, Service};

pub(crate) static SERVICE: Service =
    Service::new(include_str!("../models/apigateway.json"), Manner::PLAIN);

/// What lists are called on the wire; clients show them as `items`.
const ITEMS: &str = "item";

/// The service's handle. Clones share it.
#[derive(Clone)]
pub(crate) struct ApiGateway {
    triggers: Triggers,
}

impl ApiGateway {
    pub(crate) fn new(triggers: Triggers) -> Self {
        Self { triggers }
    }

    /// Answers a request whose signature has been verified.
    pub(crate) async fn call(&self, context: &Context, head: &Head, body: Bytes) -> wire::Response {
        let id = &context.request_id;
        let answer = SERVICE.read(head, body).and_then(|call| {
            let operation = call.operation;
            Ok((operation, self.answer(context, call)?))
        });
        match answer {
            Ok((operation, output)) => SERVICE.answer(operation, id, &output),
            Err(fault) => SERVICE.refuse(id, &fault),
        }
    }

    fn answer(&self, context: &Context, mut call: Call<'_>) -> Result<Value, Fault> {
        match call.operation.name {
            "GetApiKey" => self.key(context, &mut call),
            "GetApiKeys" => self.keys(context, &mut call),
            "GetUsagePlan" => self.plan(context, &mut call),
            "GetUsagePlans" => self.plans(context),
            _ => Err(call.unknown()),
        }
    }

    fn key(&self, context: &Context, call: &mut Call<'_>) -> Result<Value, Fault> {
        let id = text(&call.input, "apiKey");
        let key = self.triggers.client_key(&id).map_err(failed)?;
        let key = key.filter(|key| key.space == context.space);
        let key = key.ok_or_else(|| missing("Invalid API Key identifier specified"))?;
        Ok(print_key(&key, truth(&call.input, "includeValue")))
    }

    fn keys(&self, context: &Context, call: &mut Call<'_>) -> Result<Value, Fault> {
        let named = text(&call.input, "nameQuery");
        let with_value = truth(&call.input, "includeValues");
        let keys = self.triggers.client_keys().map_err(failed)?;
        let ours = keys
            .iter()
            .filter(|key| key.space == context.space && key.name.starts_with(&named));
        let items: Vec<Value> = ours.map(|key| print_key(key, with_value)).collect();
        Ok(json!({ ITEMS: items }))
    }

    fn plan(&self, context: &Context, call: &mut Call<'_>) -> Result<Value, Fault> {
        let id = text(&call.input, "usagePlanId");
        let plan = self.triggers.plan(&id).map_err(failed)?;
        let plan = plan.filter(|plan| plan.space == context.space);
        let plan = plan.ok_or_else(|| missing("Invalid Usage Plan ID specified"))?;
        Ok(print_plan(&plan))
    }

    fn plans(&self, context: &Context) -> Result<Value, Fault> {
        let plans = self.triggers.plans().map_err(failed)?;
        let ours = plans.iter().filter(|plan| plan.space == context.space);
        let items: Vec<Value> = ours.map(print_plan).collect();
        Ok(json!({ ITEMS: items }))
    }
}

fn text(input: &Map<String, Value>, name: &str) -> String {
    let value = input.get(name).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn truth(input: &Map<String, Value>, name: &str) -> bool {
    input.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn print_key(key: &ClientKey, with_value: bool) -> Value {
    let mut printed = json!({
        "id": key.id,
        "name": key.name,
        "enabled": key.enabled,
        "stageKeys": [],
    });
    if with_value {
        printed["value"] = json!(key.value);
    }
    printed
}

fn print_plan(plan: &Plan) -> Value {
    let stages: Vec<Value> = plan
        .stages
        .iter()
        .map(|stage| json!({ "apiId": stage.gateway, "stage": stage.stage }))
        .collect();
    let mut printed = json!({ "id": plan.id, "name": plan.name, "apiStages": stages });
    if let Some(rate) = plan.rate {
        printed["throttle"] = throttle(rate);
    }
    if let Some(quota) = plan.quota {
        let period = match quota.period {
            Period::Day => "DAY",
            Period::Week => "WEEK",
            Period::Month => "MONTH",
        };
        printed["quota"] =
            json!({ "limit": quota.limit, "offset": quota.offset, "period": period });
    }
    printed
}

#[expect(clippy::cast_precision_loss, reason = "rates are small")]
fn throttle(rate: Rate) -> Value {
    json!({ "rateLimit": rate.per_second_milli as f64 / 1_000.0, "burstLimit": rate.burst })
}

fn missing(message: &str) -> Fault {
    Fault::new("NotFoundException", message).with_status(StatusCode::NOT_FOUND)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: triggers::Error) -> Fault {
    tracing::error!(%error, "gateways could not be read");
    Fault::internal("InternalFailure")
}

impl std::fmt::Debug for ApiGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiGateway")
    }
}
