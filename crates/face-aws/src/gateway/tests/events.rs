//! What functions are told.

use bytes::Bytes;
use functions::{Caller, CallerKey, GatewayKind, HttpForm, HttpRequest};
use serde_json::{Value, json};

use super::request;
use crate::gateway::event;
use crate::gateway::socket::connect_fields;

fn rendered(request: &HttpRequest) -> Value {
    serde_json::from_slice(&event::render(request)).unwrap()
}

#[test]
fn a_request_in_detail() {
    let event = rendered(&request(GatewayKind::Classic, HttpForm::Detailed));
    assert_eq!(event["resource"], "/items/{id}");
    assert_eq!(event["path"], "/items/a%20b");
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["headers"]["Accept"], "*/*");
    assert_eq!(
        event["multiValueHeaders"]["Accept"],
        json!(["text/html", "*/*"])
    );
    assert_eq!(event["headers"]["X-Forwarded-For"], "127.0.0.1");
    assert_eq!(
        event["queryStringParameters"],
        json!({ "x": "2", "y": "a b" })
    );
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({ "x": ["1", "2"], "y": ["a b"] })
    );
    assert_eq!(event["pathParameters"], json!({ "id": "a b" }));
    assert_eq!(event["stageVariables"], Value::Null);
    assert_eq!(event["body"], "{\"n\":1}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["path"], "/Prod/items/a%20b");
    assert_eq!(context["requestTime"], "04/Mar/2020:19:03:58 +0000");
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["identity"]["cognitoIdentityId"], Value::Null);
    assert_eq!(context["domainPrefix"], "abc");
    assert_eq!(context["deploymentId"], "local");
    assert_eq!(context["extendedRequestId"].as_str().unwrap().len(), 16);
    assert!(event.get("version").is_none());
}

#[test]
fn a_request_in_detail_to_an_http_api() {
    let mut asked = request(GatewayKind::Simple, HttpForm::Detailed);
    let event = rendered(&asked);
    assert_eq!(event["version"], "1.0");
    assert_eq!(event["path"], "/items/a b");
    let context = &event["requestContext"];
    assert_eq!(context["path"], "/items/a b");
    assert_eq!(context["resourceId"], "POST /items/{id}");
    assert_eq!(context["resourcePath"], "/items/{id}");
    assert_eq!(context["extendedRequestId"], context["requestId"]);
    assert_eq!(context["identity"].get("cognitoAmr"), Some(&Value::Null));
    assert!(context.get("deploymentId").is_none());
    asked.route.stage = "dev".into();
    let event = rendered(&asked);
    assert_eq!(event["path"], "/dev/items/a b");
    assert_eq!(event["requestContext"]["path"], "/dev/items/a b");
}

#[test]
fn http_apis_alone_decode_the_path() {
    for (kind, path, expected) in [
        (GatewayKind::Simple, "/a%2Fb%20c", "/a/b c"),
        (GatewayKind::Simple, "/a%3Fb=c", "/a"),
        (GatewayKind::Direct, "/a%2Fb%3Fc", "/a%2Fb%3Fc"),
    ] {
        let mut asked = request(kind, HttpForm::Compact);
        asked.path = path.into();
        let event = rendered(&asked);
        assert_eq!(event["rawPath"], expected, "{kind:?}");
        assert_eq!(event["requestContext"]["http"]["path"], expected);
    }
}

#[test]
fn a_request_in_short() {
    let event = rendered(&request(GatewayKind::Simple, HttpForm::Compact));
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /items/{id}");
    assert_eq!(event["rawPath"], "/items/a b");
    assert_eq!(event["rawQueryString"], "x=1&x=2&y=a%20b");
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["accept"], "text/html,*/*");
    assert!(event["headers"].get("cookie").is_none());
    assert_eq!(
        event["queryStringParameters"],
        json!({ "x": "1,2", "y": "a b" })
    );
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    assert_eq!(event["requestContext"]["timeEpoch"], 1_583_348_638_000_u64);
    let mut bare = request(GatewayKind::Simple, HttpForm::Compact);
    bare.query.clear();
    bare.body = Bytes::new();
    bare.headers.clear();
    bare.route.parameters.clear();
    bare.route.template = None;
    bare.route.stage = "dev".into();
    let event = rendered(&bare);
    for absent in [
        "cookies",
        "queryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ] {
        assert!(event.get(absent).is_none(), "{absent}");
    }
    assert_eq!(
        (event["routeKey"].as_str(), event["rawPath"].as_str()),
        (Some("$default"), Some("/dev/items/a b"))
    );
}

#[test]
fn bytes_come_in_base_64() {
    let mut bytes = request(GatewayKind::Simple, HttpForm::Compact);
    (bytes.body, bytes.is_text) = (Bytes::from_static(&[0, 255]), false);
    let event = rendered(&bytes);
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("AP8="), &json!(true))
    );
}

#[test]
fn who_called_stands_in_the_event() {
    let vouched = Caller::Vouched {
        principal: Some("ann".into()),
        facts: r#"{"n":"1"}"#.into(),
    };
    let token = Caller::Token {
        claims: r#"{"sub":"ann"}"#.into(),
        scopes: vec!["read".into()],
    };
    let signed = Caller::Signed {
        key: "AKIA".into(),
        account: "000000000000".into(),
        name: "arn:aws:iam::000000000000:root".into(),
        id: "000000000000".into(),
    };
    let event = |kind, form, caller: &Caller| {
        let mut request = request(kind, form);
        request.caller = Some(caller.clone());
        request.client_key = Some(CallerKey {
            id: "k".into(),
            value: "v".into(),
        });
        rendered(&request)["requestContext"].clone()
    };
    use GatewayKind::{Classic, Simple};
    use HttpForm::{Compact, Detailed};
    assert_eq!(
        event(Classic, Detailed, &vouched)["authorizer"],
        json!({ "n": "1", "principalId": "ann", "integrationLatency": 0 })
    );
    assert_eq!(
        event(Simple, Compact, &vouched)["authorizer"],
        json!({ "lambda": { "n": "1" } })
    );
    assert_eq!(
        event(Simple, Compact, &token)["authorizer"],
        json!({ "jwt": { "claims": { "sub": "ann" }, "scopes": ["read"] } })
    );
    assert_eq!(
        event(Simple, Detailed, &token)["authorizer"],
        json!({ "claims": { "sub": "ann" }, "scopes": ["read"] })
    );
    let context = event(Classic, Detailed, &signed);
    assert_eq!(context["identity"]["accessKey"], "AKIA");
    assert_eq!(
        context["identity"]["userArn"],
        "arn:aws:iam::000000000000:root"
    );
    assert_eq!(context["identity"]["apiKey"], "v");
    assert_eq!(context["identity"]["apiKeyId"], "k");
    assert!(context.get("authorizer").is_none());
    assert_eq!(
        event(Simple, Compact, &signed)["authorizer"]["iam"]["callerId"],
        "000000000000"
    );
}

#[test]
fn the_domain_is_what_the_caller_said_and_of_connections_the_clouds() {
    for (kind, region, expected) in [
        (
            GatewayKind::Classic,
            "us-east-1",
            "abc.execute-api.localhost",
        ),
        (
            GatewayKind::Simple,
            "us-east-1",
            "abc.execute-api.localhost",
        ),
        (
            GatewayKind::Socket,
            "us-east-1",
            "abc.execute-api.us-east-1.amazonaws.com",
        ),
        (
            GatewayKind::Socket,
            "cn-north-1",
            "abc.execute-api.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        let mut asked = request(kind, HttpForm::Detailed);
        asked.space = base::Space::new(&format!("000000000000/{region}"));
        let event = match kind {
            GatewayKind::Socket => Value::Object(connect_fields(&asked)),
            _ => rendered(&asked),
        };
        assert_eq!(event["requestContext"]["domainName"], expected);
    }
}
