use bytes::Bytes;
use serde_json::{Value, json};
use triggers::balancer::{Asked, Group, Redirect};

use super::redirect::{Came, location};
use super::{Address, answer, event, page};
use crate::trace;

#[test]
fn hosts_and_paths_name_balancers() {
    for (host, path, name, port, rest) in [
        ("shop.elb.localhost:4566", "/a", "shop", None, "/a"),
        (
            "shop.8080.elb.localhost:4566",
            "/a",
            "shop",
            Some(8080),
            "/a",
        ),
        (
            "shop-1234567890.us-east-1.elb.amazonaws.com",
            "/",
            "shop",
            None,
            "/",
        ),
        (
            "internal-my-shop-1.us-east-1.elb.amazonaws.com",
            "/",
            "my-shop",
            None,
            "/",
        ),
        ("localhost:4566", "/_aws/elb/shop/a/b", "shop", None, "/a/b"),
        ("example.com", "/_aws/elb/shop:443", "shop", Some(443), "/"),
    ] {
        let found = Address::read(host, path).unwrap();
        let found = (found.name.as_str(), found.port, found.path.as_str());
        assert_eq!(found, (name, port, rest), "{host}{path}");
    }
    for (host, path) in [
        ("localhost:4566", "/bucket/key"),
        ("elb.localhost", "/"),
        ("elasticloadbalancing.us-east-1.amazonaws.com", "/"),
        ("shop.x.elb.localhost", "/"),
        ("localhost", "/_aws/elb/"),
    ] {
        assert_eq!(Address::read(host, path), None, "{host}{path}");
    }
}

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/g/0";

fn rendered(lists: bool, headers: &[(&str, &str)], body: &'static [u8]) -> Option<Value> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers: Vec<_> = headers.iter().map(own).collect();
    let group = Group {
        id: GROUP.into(),
        target: None,
        lists,
    };
    let asked = Asked {
        method: "POST",
        path: "/a%20b",
        query: "x=1&x=a%20b&y",
        host: "shop",
        headers: &headers,
        source: None,
    };
    let event = event::render(&group, &asked, &headers, &Bytes::from_static(body))?;
    serde_json::from_slice(&event).unwrap()
}

#[test]
fn a_request_is_told_as_it_came() {
    let headers = [
        ("accept", "a"),
        ("accept", "b"),
        ("content-type", "text/plain"),
    ];
    let event = rendered(false, &headers, b"text").unwrap();
    assert_eq!(
        event,
        json!({
            "requestContext": { "elb": { "targetGroupArn": GROUP } },
            "httpMethod": "POST",
            "path": "/a%20b",
            "queryStringParameters": { "x": "a%20b", "y": "" },
            "headers": { "accept": "b", "content-type": "text/plain" },
            "body": "text",
            "isBase64Encoded": false,
        })
    );
    let event = rendered(true, &headers, b"").unwrap();
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({ "x": ["1", "a%20b"], "y": [""] })
    );
    assert_eq!(event["multiValueHeaders"]["accept"], json!(["a", "b"]));
    assert!(event.get("headers").is_none() && event.get("queryStringParameters").is_none());
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!(""), &json!(false))
    );
}

#[test]
fn a_body_is_text_by_its_type() {
    for (headers, is_text) in [
        (
            &[("content-type", "application/json; charset=utf-8")][..],
            true,
        ),
        (&[("content-type", "text/csv")], true),
        (&[("content-type", "image/png")], false),
        (
            &[("content-type", "application/x-www-form-urlencoded")],
            false,
        ),
        (
            &[("content-type", "text/plain"), ("content-encoding", "gzip")],
            false,
        ),
        (&[], false),
    ] {
        let event = rendered(false, headers, b"x").unwrap();
        let body = if is_text { "x" } else { "eA==" };
        assert_eq!(event["body"], body, "{headers:?}");
        assert_eq!(event["isBase64Encoded"], !is_text, "{headers:?}");
    }
    assert_eq!(
        rendered(false, &[("content-type", "text/plain")], &[0xff]),
        None
    );
}

async fn body(response: wire::Response) -> String {
    let body = wire::collect(response.into_body(), base::ByteSize::mib(1));
    String::from_utf8(body.await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn answers_mean_what_the_group_reads() {
    let payload = br#"{"statusCode":201,"statusDescription":"201 Made","headers":{"x":"1"},"multiValueHeaders":{"y":["1","2"]},"body":"eA==","isBase64Encoded":true}"#;
    let plain = answer::read(payload, false).unwrap();
    assert_eq!(plain.status().as_u16(), 201);
    assert_eq!(plain.headers()["x"], "1");
    assert!(!plain.headers().contains_key("y"));
    assert_eq!(plain.headers()["content-type"], "application/octet-stream");
    assert_eq!(plain.headers()["server"], "awselb/2.0");
    assert_eq!(body(plain).await, "x");
    let lists = answer::read(payload, true).unwrap();
    assert!(!lists.headers().contains_key("x"));
    assert_eq!(lists.headers().get_all("y").iter().count(), 2);
    let large = format!(r#"{{"statusCode":200,"body":"{}"}}"#, "x".repeat(1 << 20));
    for bad in [
        "null",
        "\"text\"",
        "{}",
        r#"{"statusCode":"many"}"#,
        r#"{"statusCode":200,"body":{}}"#,
        r#"{"statusCode":200,"headers":["a"]}"#,
        r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#,
        &large,
    ] {
        assert!(answer::read(bad.as_bytes(), false).is_err(), "{bad:.60}");
    }
    assert!(answer::read(br#"{"statusCode":200,"multiValueHeaders":{"x":"1"}}"#, true).is_err());
}

#[tokio::test]
async fn pages_are_the_services_own() {
    let response = page::print(http::StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["server"], "awselb/2.0");
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(
        body(response).await,
        "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
    );
}

#[test]
fn a_redirect_keeps_what_it_does_not_say() {
    let asked = Asked {
        method: "GET",
        path: "/a/b",
        query: "x=1",
        host: "shop.example",
        headers: &[],
        source: None,
    };
    let to = |protocol: &str, host: &str, port: &str, path: &str, query: &str| {
        let redirect = Redirect {
            status: 301,
            protocol: protocol.into(),
            host: host.into(),
            port: port.into(),
            path: path.into(),
            query: query.into(),
        };
        let came = Came {
            asked: &asked,
            secure: false,
            port: 4566,
        };
        location(&redirect, &came)
    };
    assert_eq!(
        to("HTTPS", "#{host}", "443", "/#{path}", "#{query}"),
        "https://shop.example:443/a/b?x=1"
    );
    assert_eq!(
        to("#{protocol}", "new.#{host}", "#{port}", "/v2/#{path}", ""),
        "http://new.shop.example:4566/v2/a/b"
    );
}

#[test]
fn a_trace_goes_on() {
    let fresh = || "1-0-f".to_owned();
    assert_eq!(trace::continued(None, fresh), "Root=1-0-f");
    assert_eq!(
        trace::continued(Some("Root=1-a-b"), fresh),
        "Self=1-0-f;Root=1-a-b"
    );
    assert_eq!(
        trace::continued(Some("Self=1-x-y;Root=1-a-b;k=v"), fresh),
        "Self=1-0-f;Root=1-a-b;k=v"
    );
    assert_eq!(trace::continued(Some("k=v"), fresh), "Root=1-0-f;k=v");
    let id = trace::id(base::Timestamp::from_secs(0x5bdb_40ca), [0xab; 12]);
    assert_eq!(id, format!("1-5bdb40ca-{}", "ab".repeat(12)));
}
