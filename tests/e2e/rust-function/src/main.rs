use std::time::Duration;

use lambda_runtime::streaming::{Body, Response, channel};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    match std::env::var("_HANDLER").as_deref() {
        Ok("stream") => run(service_fn(stream)).await,
        Ok("fails-to-start") => Err("this is how it is".into()),
        _ => run(service_fn(handler)).await,
    }
}

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    match payload["do"].as_str() {
        Some("fail") => Err("as told".into()),
        Some("panic") => panic!("as told"),
        Some("exit") => std::process::exit(5),
        Some("sleep") => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(Value::Null)
        }
        Some("large") => Ok("x".repeat(7 << 20).into()),
        _ => Ok(json!({
            "event": payload,
            "id": context.request_id,
            "arn": context.invoked_function_arn,
            "function": context.env_config.function_name,
            "deadline": context.deadline,
            "task": std::env::var("LAMBDA_TASK_ROOT").ok(),
            "client": context.client_context.map(|client| client.custom),
        })),
    }
}

async fn stream(event: LambdaEvent<Value>) -> Result<Response<Body>, Error> {
    let fails = event.payload["do"] == "fail";
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for piece in ["one ", "two ", "three"] {
            if sender.send_data(piece.into()).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if fails {
            sender.abort();
        }
    });
    Ok(Response::from(body))
}
