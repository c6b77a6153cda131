use bytes::Bytes;
use serde_json::{Value, json};
use triggers::edge::{Behavior, Moment, Origin, Passed, Protocol, Server, Web};

use super::event::{self, Asked, Head, Said, Told};
use super::headers::{Header, value};
use super::refused::Refused;
use super::{Address, address, pass};

#[test]
fn hosts_and_paths_name_distributions() {
    for (host, path, rest) in [
        ("d0a1b2.cloudfront.localhost:4566", "/x", "/x"),
        ("E0A1B2.cloudfront.localhost", "/x", "/x"),
        ("d0a1b2.cloudfront.net", "/", "/"),
        ("localhost:4566", "/_aws/cloudfront/E0A1B2/x/y", "/x/y"),
        ("example.com", "/_aws/cloudfront/d0a1b2", "/"),
    ] {
        let found = Address::read(host, path).unwrap();
        assert_eq!(
            (found.id.as_str(), found.path.as_str()),
            ("E0A1B2", rest),
            "{host}"
        );
    }
    for host in [
        "cloudfront.localhost",
        "x1.cloudfront.localhost",
        "d.cloudfront.localhost",
    ] {
        assert_eq!(Address::read(host, "/"), None, "{host}");
    }
    assert_eq!(address::domain("E0A1B2"), "d0a1b2.cloudfront.net");
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

fn asked() -> Asked {
    Asked {
        client: "127.0.0.1".into(),
        method: "POST".into(),
        uri: "/a%20b".into(),
        query: "x=1&y=2".into(),
        headers: vec![
            header("host", "d1.cloudfront.net"),
            header("user-agent", "curl/8"),
            header("accept", "a"),
            header("accept", "b"),
            header("cookie", "a=1; b=2"),
            header("x-own", "1"),
            header("x-cache", "hidden"),
        ],
        body: Bytes::from_static(b"hello"),
    }
}

fn web() -> Origin {
    Origin {
        id: "o".into(),
        domain: "example.org".into(),
        path: "/front".into(),
        headers: vec![("X-Secret".into(), "s".into())],
        server: Server::Web(Web {
            protocol: Protocol::Plain,
            port: 80,
            secure_port: 443,
            read_timeout_s: 30,
            keep_alive_s: 5,
            encryption: vec!["TLSv1.2".into()],
        }),
    }
}

fn rendered(moment: Moment, origin: Option<&Origin>, head: Option<&Head>) -> Value {
    let told = Told {
        moment,
        distribution: "E1",
        domain: "d1.cloudfront.net",
        request_id: "id",
        asked: &asked(),
        with_body: true,
        origin,
        head,
    };
    serde_json::from_slice(&told.render()).unwrap()
}

#[test]
fn a_request_is_told_in_the_services_form() {
    let event = rendered(Moment::ViewerRequest, None, None);
    let cf = &event["Records"][0]["cf"];
    assert_eq!(
        cf["config"],
        json!({ "distributionDomainName": "d1.cloudfront.net", "distributionId": "E1", "eventType": "viewer-request", "requestId": "id" })
    );
    let request = &cf["request"];
    assert_eq!(request["clientIp"], "127.0.0.1");
    assert_eq!(
        (&request["method"], &request["uri"], &request["querystring"]),
        (&json!("POST"), &json!("/a%20b"), &json!("x=1&y=2"))
    );
    assert_eq!(
        request["headers"]["accept"],
        json!([{ "key": "Accept", "value": "a" }, { "key": "Accept", "value": "b" }])
    );
    assert!(request["headers"].get("x-cache").is_none());
    assert_eq!(
        request["body"],
        json!({ "inputTruncated": false, "action": "read-only", "encoding": "base64", "data": "aGVsbG8=" })
    );
    let event = rendered(Moment::OriginRequest, Some(&web()), None);
    assert_eq!(
        event["Records"][0]["cf"]["request"]["origin"],
        json!({ "custom": {
            "customHeaders": { "x-secret": [{ "key": "X-Secret", "value": "s" }] },
            "domainName": "example.org", "keepaliveTimeout": 5, "path": "/front", "port": 80,
            "protocol": "http", "readTimeout": 30, "sslProtocols": ["TLSv1.2"],
        }})
    );
    let head = Head {
        status: 200,
        description: "OK".into(),
        headers: vec![header("etag", "e")],
    };
    let event = rendered(Moment::OriginResponse, None, Some(&head));
    let cf = &event["Records"][0]["cf"];
    assert_eq!(
        cf["response"],
        json!({ "status": "200", "statusDescription": "OK", "headers": { "etag": [{ "key": "Etag", "value": "e" }] } })
    );
    assert!(cf["request"].get("body").is_none());
}

/// What becomes of the request of an event whose request is changed so.
fn changed(moment: Moment, change: impl FnOnce(&mut Value)) -> Result<Said, Refused> {
    let origin = web();
    let told = (moment == Moment::OriginRequest).then_some(&origin);
    let mut result = rendered(moment, told, None)["Records"][0]["cf"]["request"].take();
    change(&mut result);
    event::request(result.to_string().as_bytes(), moment, &asked(), told)
}

#[test]
fn a_function_may_change_a_request() {
    let said = changed(Moment::OriginRequest, |request| {
        request["uri"] = json!("/other");
        request["querystring"] = json!("z=1");
        request["headers"]["x-new"] = json!([{ "value": "n" }]);
        request["headers"].as_object_mut().unwrap().remove("x-own");
        request["body"] = json!({ "action": "replace", "encoding": "text", "data": "new" });
        request["origin"] = json!({ "s3": { "authMethod": "none", "customHeaders": {}, "domainName": "b.s3.us-east-1.amazonaws.com", "path": "", "region": "us-east-1" } });
    });
    let Said::Request(asked, Some(origin)) = said.unwrap() else {
        panic!("no request");
    };
    assert_eq!(
        (asked.uri.as_str(), asked.query.as_str()),
        ("/other", "z=1")
    );
    assert_eq!(asked.body, "new");
    assert_eq!(value(&asked.headers, "x-new"), Some("n"));
    assert_eq!(value(&asked.headers, "x-own"), None);
    // What it was not told stays.
    assert_eq!(value(&asked.headers, "x-cache"), Some("hidden"));
    assert_eq!(origin.server, Server::Bucket { signed: false });
    let same = changed(Moment::ViewerRequest, |_| {}).unwrap();
    assert!(matches!(same, Said::Request(asked, None) if asked.body == "hello"));
}

#[test]
fn a_function_may_answer() {
    let result = json!({ "status": "302", "statusDescription": "Found", "headers": { "location": [{ "key": "Location", "value": "/x" }] }, "body": "aGk=", "bodyEncoding": "base64" });
    let said = event::request(
        result.to_string().as_bytes(),
        Moment::ViewerRequest,
        &asked(),
        None,
    );
    let Said::Response(head, Some(body)) = said.unwrap() else {
        panic!("no response");
    };
    assert_eq!(
        (head.status, head.description.as_str(), body.as_ref()),
        (302, "Found", &b"hi"[..])
    );
    assert_eq!(value(&head.headers, "location"), Some("/x"));
}

#[test]
fn what_a_function_may_not_do_is_said() {
    let message = |moment, change: fn(&mut Value)| {
        let refused = changed(moment, change).unwrap_err();
        assert_eq!(refused.status, 502);
        refused.message
    };
    use Moment::{OriginRequest, ViewerRequest};
    for (moment, change, part) in [
        (
            ViewerRequest,
            (|request| request["headers"]["host"][0]["value"] = json!("x")) as fn(&mut Value),
            "add, delete, or change a read-only header",
        ),
        (
            ViewerRequest,
            |request| request["headers"]["via"] = json!([{ "value": "x" }]),
            "add, delete, or change a read-only header",
        ),
        (
            OriginRequest,
            |request| request["headers"]["if-none-match"] = json!([{ "value": "x" }]),
            "add, delete, or change a read-only header",
        ),
        (
            ViewerRequest,
            |request| request["headers"]["x-edge-any"] = json!([{ "value": "x" }]),
            "blacklisted header",
        ),
        (
            ViewerRequest,
            |request| request["headers"]["x-a"] = json!("x"),
            "Each header entry in the headers object must be an array.",
        ),
        (
            ViewerRequest,
            |request| request["headers"]["x-a"] = json!([{ "key": "x-b", "value": "x" }]),
            "must be its name",
        ),
        (
            ViewerRequest,
            |request| request["headers"]["x-a"] = json!([{ "value": "a\r\nb" }]),
            "invalid character",
        ),
        (
            ViewerRequest,
            |request| request["method"] = json!("GET"),
            "read-only field method",
        ),
        (
            ViewerRequest,
            |request| request["uri"] = json!("x"),
            "must begin with a slash",
        ),
        (
            ViewerRequest,
            |request| *request = json!(null),
            "must be an object type",
        ),
        (
            ViewerRequest,
            |request| {
                request["body"] = json!({ "action": "replace", "data": "x".repeat(41 << 10) });
            },
            "exceeds the maximum size",
        ),
        (
            ViewerRequest,
            |request| *request = json!({ "status": 200, "body": "x".repeat(40 << 10), "headers": { "x": [{ "value": "y" }] } }),
            "exceeds the maximum size",
        ),
        (
            ViewerRequest,
            |request| *request = json!({ "status": "fine" }),
            "not a valid HTTP status code",
        ),
        (
            OriginRequest,
            |request| request["origin"]["s3"] = json!({}),
            "invalid origin configuration",
        ),
        (
            OriginRequest,
            |request| request["origin"]["custom"]["port"] = json!(81),
            "The port is invalid.",
        ),
    ] {
        let message = message(moment, change);
        assert!(message.contains(part), "{part}: {message}");
    }
    // The same host is a caller's at first, and the origin's to choose later.
    assert!(
        changed(
            OriginRequest,
            |request| request["headers"]["host"][0]["value"] = json!("x")
        )
        .is_ok()
    );
    assert!(
        changed(OriginRequest, |request| request["body"] =
            json!({ "action": "replace", "data": "x".repeat(41 << 10) }))
        .is_ok()
    );
    let refused = event::request(b"not json", ViewerRequest, &asked(), None).unwrap_err();
    assert!(refused.message.contains("not parsable"));
}

#[test]
fn responses_are_changed_and_watched() {
    let head = Head {
        status: 404,
        description: "Not Found".into(),
        headers: vec![header("content-length", "3"), header("etag", "e")],
    };
    let said =
        |moment, result: Value| event::response(result.to_string().as_bytes(), moment, &head);
    let result = json!({ "status": 200, "headers": { "x-a": [{ "value": "b" }] }, "body": "new" });
    let (changed, body) = said(Moment::OriginResponse, result).unwrap();
    assert_eq!((changed.status, body.as_deref()), (200, Some(&b"new"[..])));
    let kept = json!({ "status": "404", "headers": { "content-length": [{ "value": "3" }] } });
    assert!(said(Moment::ViewerResponse, kept).unwrap().1.is_none());
    let other = json!({ "status": "200", "headers": { "content-length": [{ "value": "3" }] } });
    assert!(
        said(Moment::ViewerResponse, other)
            .unwrap_err()
            .message
            .contains("status")
    );
    let without = json!({ "status": "404", "headers": {} });
    assert!(
        said(Moment::ViewerResponse, without)
            .unwrap_err()
            .message
            .contains("read-only header")
    );
}

#[test]
fn what_passes_is_what_the_behavior_says() {
    let behavior = |headers, query, cookies| Behavior {
        pattern: None,
        origin: "o".into(),
        methods: Vec::new(),
        query,
        headers,
        cookies,
        functions: Vec::new(),
    };
    let usual = pass::on(
        asked(),
        &behavior(Passed::Usual, Passed::Nothing, Passed::Nothing),
        &web(),
    );
    for (name, expected) in [
        ("host", Some("example.org")),
        ("user-agent", Some("Amazon CloudFront")),
        ("accept", None),
        ("cookie", None),
        ("x-own", Some("1")),
        ("x-forwarded-for", Some("127.0.0.1")),
    ] {
        assert_eq!(value(&usual.headers, name), expected, "{name}");
    }
    assert_eq!(usual.query, "");
    let only = |name: &str| Passed::Only(vec![name.into()]);
    let some = pass::on(
        asked(),
        &behavior(only("Accept"), only("y"), only("b")),
        &web(),
    );
    assert_eq!(some.query, "y=2");
    assert_eq!(value(&some.headers, "cookie"), Some("b=2"));
    assert_eq!(value(&some.headers, "accept"), Some("a"));
    assert_eq!(value(&some.headers, "x-own"), None);
    let all = pass::on(
        asked(),
        &behavior(Passed::All, Passed::All, Passed::All),
        &web(),
    );
    assert_eq!(value(&all.headers, "host"), Some("d1.cloudfront.net"));
    assert_eq!(value(&all.headers, "user-agent"), Some("curl/8"));
}
