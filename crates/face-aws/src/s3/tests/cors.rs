//! Which pages from elsewhere a bucket lets in.

use http::{HeaderMap, Method, StatusCode};

use super::{Answer, Ask, World};

const NAMES: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
];

const RULES: &str = "<CORSConfiguration>\
<CORSRule><AllowedOrigin>http://*.page.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
<AllowedMethod>PUT</AllowedMethod><AllowedHeader>X-Amz-*</AllowedHeader>\
<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-id-2</ExposeHeader>\
<MaxAgeSeconds>3000</MaxAgeSeconds><ID>one</ID></CORSRule>\
<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>\
</CORSConfiguration>";

impl World {
    async fn with_rules() -> Self {
        let world = Self::new().await;
        let set = world.set_rules(RULES).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.body);
        world
    }

    async fn set_rules(&self, rules: &str) -> Answer {
        let ask = Ask::new(Method::PUT, "/bucket?cors").with(rules.to_owned());
        self.send(ask).await
    }

    /// What a browser sends has no signature.
    async fn preflight(&self, fields: &[(&str, &str)]) -> Answer {
        let mut request = http::Request::builder()
            .method(Method::OPTIONS)
            .uri("/bucket/key");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(wire::empty()).unwrap();
        Answer::of(self.s3.call(request).await).await
    }
}

fn said(fields: &HeaderMap) -> [&str; 6] {
    NAMES.map(|name| {
        let value = fields.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    })
}

#[tokio::test]
async fn rules_are_set_read_and_removed() {
    let world = World::new().await;
    let none = (404, "NoSuchCORSConfiguration".to_owned());
    let read = || Ask::new(Method::GET, "/bucket?cors");
    let remove = || Ask::new(Method::DELETE, "/bucket?cors");
    assert_eq!(world.fails(read()).await, none);
    let gone = world.send(remove()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    world.set_rules(RULES).await;
    let found = world.send(read()).await;
    for (name, value) in [
        ("ID", "one"),
        ("AllowedOrigin", "http://*.page.example"),
        ("AllowedHeader", "X-Amz-*"),
        ("MaxAgeSeconds", "3000"),
    ] {
        assert_eq!(found.element(name), value);
    }
    assert_eq!(found.body.matches("<CORSRule>").count(), 2);
    assert_eq!(found.body.matches("<AllowedMethod>").count(), 3);
    world.send(remove()).await;
    assert_eq!(world.fails(read()).await, none);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = Ask::new(method, "/nobody?cors").with(RULES);
        assert_eq!(world.fails(ask).await, (404, "NoSuchBucket".into()));
    }
}

#[tokio::test]
async fn rules_that_there_cannot_be() {
    let world = World::new().await;
    let rule = |inner: &str| {
        format!("<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>")
    };
    let get = "<AllowedMethod>GET</AllowedMethod>";
    let all = "<AllowedOrigin>*</AllowedOrigin>";
    for (document, code, message) in [
        (
            rule(&format!("{all}<AllowedMethod>MYMETHOD</AllowedMethod>")),
            "InvalidRequest",
            "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
        ),
        (
            rule(&format!("{get}<AllowedOrigin>http://*.*</AllowedOrigin>")),
            "InvalidRequest",
            "AllowedOrigin \"http://*.*\" can not have more than one wildcard.",
        ),
        (
            rule(&format!("{get}{all}<AllowedHeader>**</AllowedHeader>")),
            "InvalidRequest",
            "AllowedHeader \"**\" can not have more than one wildcard.",
        ),
        (
            "<CORSConfiguration></CORSConfiguration>".into(),
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        (
            rule(get),
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
    ] {
        let refused = world.set_rules(&document).await;
        assert_eq!(refused.code(), code);
        assert_eq!(refused.element("Message").replace("&quot;", "\""), message);
    }
    let empty = rule(&format!("{get}<AllowedOrigin></AllowedOrigin>"));
    assert_eq!(world.set_rules(&empty).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_is_told_what_the_first_rule_that_fits_allows() {
    let world = World::with_rules().await;
    let page = "http://a.page.example";
    for (origin, method, headers, told) in [
        (
            page,
            "PUT",
            "x-AMZ-acl, X-Amz-Date",
            [
                page,
                "true",
                "GET, PUT",
                "x-amz-acl, x-amz-date",
                "ETag, x-amz-id-2",
                "3000",
            ],
        ),
        ("http://other", "GET", "", ["*", "", "GET", "", "", ""]),
    ] {
        let answer = world
            .preflight(&[
                ("origin", origin),
                ("access-control-request-method", method),
                ("access-control-request-headers", headers),
            ])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(said(&answer.headers), told);
        assert_eq!(
            answer.header("vary"),
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
        );
        assert!(answer.body.is_empty());
    }
    for (origin, method, headers) in [
        ("http://other", "PUT", ""),
        (page, "DELETE", ""),
        (page, "PUT", "content-type"),
    ] {
        let answer = world
            .preflight(&[
                ("origin", origin),
                ("access-control-request-method", method),
                ("access-control-request-headers", headers),
            ])
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "AccessForbidden");
        let message = answer.element("Message");
        assert!(
            message.starts_with("CORSResponse: This CORS request is not allowed."),
            "{message}"
        );
        assert_eq!(answer.element("Method"), method);
        assert_eq!(answer.element("ResourceType"), "OBJECT");
        assert_eq!(said(&answer.headers), [""; 6]);
    }
    let answer = world.preflight(&[("origin", page)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.element("Message"),
        "Invalid Access-Control-Request-Method: null"
    );
}

#[tokio::test]
async fn every_answer_says_whether_a_page_may_see_it() {
    let world = World::with_rules().await;
    let page = "http://a.page.example";
    let told = [page, "true", "GET, PUT", "", "ETag, x-amz-id-2", "3000"];
    let stored = world.send(Ask::put(b"x").header("origin", page)).await;
    assert_eq!(said(&stored.headers), told);
    let read = |name: &str| Ask::new(Method::GET, &format!("/bucket/{name}"));
    for (ask, told) in [
        (read("key").header("origin", page), told),
        (read("nothing").header("origin", page), told),
        (read("key"), [""; 6]),
        (
            read("key").header("origin", "http://other"),
            ["*", "", "GET", "", "", ""],
        ),
        (
            Ask::new(Method::DELETE, "/bucket/key").header("origin", page),
            [""; 6],
        ),
    ] {
        assert_eq!(said(&world.send(ask).await.headers), told);
    }
}
