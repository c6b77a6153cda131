mod events;

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use bytes::Bytes;
use functions::{GatewayKind, HttpForm, HttpRequest, HttpRoute};

use super::denial::{self, Denied};
use super::refusal::Refusal;
use super::{answer, check};

fn request(kind: GatewayKind, form: HttpForm) -> HttpRequest {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    HttpRequest {
        held: None,
        request_id: "0c1f5f0e-0000-4000-8000-000000000000".into(),
        space: Space::new("000000000000/us-east-1"),
        at: Timestamp::from_secs(1_583_348_638),
        method: "POST".into(),
        path: "/items/a%20b".into(),
        query: "x=1&x=2&y=a%20b".into(),
        headers: vec![
            pair("accept", "text/html"),
            pair("accept", "*/*"),
            pair("cookie", "a=1; b=2"),
            pair("user-agent", "curl/8"),
            pair("x-forwarded-for", "127.0.0.1"),
            pair("host", "abc.execute-api.localhost:4566"),
        ],
        body: Bytes::from_static(b"{\"n\":1}"),
        is_text: true,
        version: "HTTP/1.1".into(),
        source_ip: "127.0.0.1".into(),
        route: HttpRoute {
            gateway: "abc".into(),
            kind,
            form,
            stage: match kind {
                GatewayKind::Classic => "Prod".into(),
                GatewayKind::Simple | GatewayKind::Direct | GatewayKind::Socket => {
                    "$default".into()
                }
            },
            stage_variables: BTreeMap::new(),
            method: Some("POST".into()),
            template: Some("/items/{id}".into()),
            parameters: vec![pair("id", "a b")],
        },
        caller: None,
        client_key: None,
        connection: None,
    }
}

/// Status, content type and body of an answer, or that it is none.
async fn read(
    kind: GatewayKind,
    form: HttpForm,
    payload: &str,
) -> Result<(u16, String, String), String> {
    let answer = answer::read(payload.as_bytes(), kind, form)?;
    let response = answer.print(kind, true, "id");
    let status = response.status().as_u16();
    let header = response.headers().get("content-type");
    let header = header.map_or_else(String::new, |kind| kind.to_str().unwrap().to_owned());
    let body = wire::collect(response.into_body(), base::ByteSize::mib(1)).await;
    Ok((
        status,
        header,
        String::from_utf8(body.unwrap().to_vec()).unwrap(),
    ))
}

#[tokio::test]
async fn answers_mean_what_they_mean_in_each_kind_of_gateway() {
    use GatewayKind::{Classic, Direct, Simple};
    use HttpForm::{Compact, Detailed};
    let answer =
        |status: u16, kind: &str, body: &str| Ok((status, kind.to_owned(), body.to_owned()));
    for (kind, form, payload, expected) in [
        (
            Classic,
            Detailed,
            r#"{"statusCode":201,"body":"x"}"#,
            answer(201, "application/json", "x"),
        ),
        (
            Classic,
            Detailed,
            r#"{"statusCode":"404"}"#,
            answer(404, "application/json", ""),
        ),
        (
            Classic,
            Detailed,
            r#"{"statusCode":200,"headers":{"content-type":"text/html"},"body":"x"}"#,
            answer(200, "text/html", "x"),
        ),
        (
            Classic,
            Detailed,
            r#"{"statusCode":200,"body":"eA==","isBase64Encoded":true}"#,
            answer(200, "application/json", "x"),
        ),
        (
            Simple,
            Compact,
            r#"{"statusCode":200,"body":"x"}"#,
            answer(200, "text/plain; charset=utf-8", "x"),
        ),
        (
            Simple,
            Compact,
            r#"{"hello":1}"#,
            answer(200, "application/json", r#"{"hello":1}"#),
        ),
        (
            Simple,
            Compact,
            r#""hello""#,
            answer(200, "application/json", r#""hello""#),
        ),
        (
            Direct,
            Compact,
            "null",
            answer(200, "application/json", "null"),
        ),
    ] {
        assert_eq!(
            read(kind, form, payload).await,
            expected,
            "{kind:?} {payload}"
        );
    }
    for (kind, form, payload) in [
        (Classic, Detailed, "null"),
        (Classic, Detailed, r#""text""#),
        (
            Classic,
            Detailed,
            r#"{"statusCode":200,"body":{"not":"text"}}"#,
        ),
        (Classic, Detailed, r#"{"statusCode":200,"bodi":"x"}"#),
        (Classic, Detailed, r#"{"statusCode":99}"#),
        (Simple, Detailed, r#"{"hello":1}"#),
        (Simple, Compact, r#"{"statusCode":"many"}"#),
        (Simple, Compact, r#"{"statusCode":200,"headers":["a"]}"#),
    ] {
        assert!(
            read(kind, form, payload).await.is_err(),
            "{kind:?} {payload}"
        );
    }
}

#[test]
fn cookies_and_repeated_headers_stay_apart() {
    let payload =
        br#"{"statusCode":200,"cookies":["a=1","b=2"],"headers":{"x":"1","Content-Length":"9"}}"#;
    let answer = answer::read(payload, GatewayKind::Simple, HttpForm::Compact).unwrap();
    let response = answer.print(GatewayKind::Simple, true, "id");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert!(response.headers().get("content-length").is_none());
    let payload = br#"{"statusCode":200,"headers":{"x":"0"},"multiValueHeaders":{"x":["1","2"]}}"#;
    let answer = answer::read(payload, GatewayKind::Classic, HttpForm::Detailed).unwrap();
    let response = answer.print(GatewayKind::Classic, true, "id");
    let values: Vec<_> = response.headers().get_all("x").iter().collect();
    assert_eq!(values, ["1", "2"]);
}

#[test]
fn what_a_route_wants_is_looked_for() {
    let mut wanted = triggers::Wanted {
        headers: vec!["Accept".into(), "X-Missing".into()],
        query: vec!["y".into(), "z".into()],
        ..triggers::Wanted::default()
    };
    let asked = request(GatewayKind::Classic, HttpForm::Detailed);
    assert_eq!(
        check::check(&wanted, &asked),
        Err(Refusal::LacksParameters(vec![
            "z".into(),
            "X-Missing".into()
        ]))
    );
    // What is blank is missing too.
    let mut blank = asked.clone();
    blank.query = "y=1&z=%20".into();
    blank.headers.push(("x-missing".into(), " ".into()));
    assert_eq!(check::check(&wanted, &blank), check::check(&wanted, &asked));
    wanted.headers.pop();
    wanted.query.pop();
    assert_eq!(check::check(&wanted, &asked), Ok(()));
    let model = |schema: &str| triggers::Wanted {
        body: [("application/json".to_owned(), schema.to_owned())].into(),
        ..triggers::Wanted::default()
    };
    assert_eq!(
        check::check(&model(r#"{"required":["n"]}"#), &asked),
        Ok(())
    );
    let bad = check::check(&model(r#"{"required":["m"]}"#), &asked);
    assert!(matches!(bad, Err(Refusal::BadBody(_))));
    // A model is for one type of body.
    let mut text = asked.clone();
    text.headers
        .push(("content-type".into(), "text/plain; charset=utf-8".into()));
    assert_eq!(check::check(&model(r#"{"required":["m"]}"#), &text), Ok(()));
}

#[tokio::test]
async fn refusals_look_as_their_form_says() {
    let form = triggers::RefusalForm {
        status: Some(499),
        headers: [
            ("x-literal".to_owned(), "'a'".to_owned()),
            ("x-echo".to_owned(), "method.request.header.x-in".to_owned()),
        ]
        .into(),
        bodies: [(
            "application/json".to_owned(),
            r#"{"m":$context.error.messageString,"t":"$context.error.responseType at $context.path."}"#
                .to_owned(),
        )]
        .into(),
    };
    let gateway = triggers::Gateway {
        id: "abc".into(),
        space: Space::new("000000000000/us-east-1"),
        name: "n".into(),
        kind: GatewayKind::Classic,
        stages: Vec::new(),
        routes: Vec::new(),
        cors: None,
        binary: Vec::new(),
        guards: Vec::new(),
        refusals: [("DEFAULT_4XX".to_owned(), form)].into(),
        key_source: triggers::KeySource::Header,
        selection: None,
    };
    let head = http::Request::get("/")
        .header("x-in", "in")
        .body(())
        .unwrap();
    let (head, ()) = head.into_parts();
    let denied = Denied {
        head: &head,
        stage: "Prod",
        path: "/x",
        request_id: "id",
        source_ip: "127.0.0.1",
    };
    let response = denial::print(&gateway, &Refusal::KeyForbidden, &denied);
    assert_eq!(response.status().as_u16(), 499);
    assert_eq!(response.headers()["x-literal"], "a");
    assert_eq!(response.headers()["x-echo"], "in");
    let body = wire::collect(response.into_body(), base::ByteSize::kib(1))
        .await
        .unwrap();
    assert_eq!(
        body,
        r#"{"m":"Forbidden","t":"INVALID_API_KEY at /Prod/x."}"#.as_bytes()
    );
    // No form is for this class.
    let usual = denial::print(&gateway, &Refusal::TimedOut, &denied);
    assert_eq!(usual.status().as_u16(), 504);
}
