//! What visitors of a bucket's website see.

use http::{Method, StatusCode};

use super::forms::Form;
use super::websites::SITE;
use super::{Answer, Ask, World};
use crate::s3::SiteAddress;

const HOST: &str = "bucket.s3-website-us-east-1.localhost:4566";

impl World {
    async fn store(&self, key: &str, text: &'static str, headers: &[(&str, &str)]) {
        let target = format!("/bucket/{key}");
        let mut ask = Ask::new(Method::PUT, &target).with(text);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let stored = self.send(ask).await;
        assert_eq!(stored.status, StatusCode::OK, "{}", stored.body);
    }

    async fn visit(&self, target: &str) -> Answer {
        self.visits(HOST, Method::GET, target, &[]).await
    }

    async fn visits(
        &self,
        host: &str,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(wire::empty()).unwrap();
        let address = SiteAddress::read(host, request.uri().path()).unwrap();
        Answer::of(self.s3.visit(address, request).await).await
    }
}

#[tokio::test]
async fn visitors_see_objects_and_the_indexes_of_folders() {
    let world = World::with_site(SITE).await;
    let html = [("content-type", "text/html")];
    world.store("index.html", "front", &html).await;
    world.store("docs/index.html", "docs", &html).await;
    world.store("a%20b.txt", "text", &[]).await;
    for (target, shown) in [
        ("/", "front"),
        ("/docs/", "docs"),
        ("/docs/index.html", "docs"),
        ("/a%20b.txt?response-content-type=text/plain", "text"),
    ] {
        let seen = world.visit(target).await;
        assert_eq!((seen.status, &*seen.body), (StatusCode::OK, shown));
        let kind = if shown == "text" {
            "binary/octet-stream"
        } else {
            "text/html"
        };
        assert_eq!(seen.header("content-type"), kind);
    }
    let folder = world.visit("/docs").await;
    assert_eq!(folder.status, StatusCode::FOUND);
    assert_eq!(folder.header("location"), "/docs/");
    assert_eq!(folder.header("x-amz-error-code"), "Found");
    let by_path = "/_aws/s3-website/bucket/docs";
    let folder = world.visits("127.0.0.1", Method::GET, by_path, &[]).await;
    assert_eq!(folder.header("location"), "/_aws/s3-website/bucket/docs/");

    let head = world.visits(HOST, Method::HEAD, "/", &[]).await;
    assert_eq!((head.status, &*head.body), (StatusCode::OK, ""));
    assert_eq!(head.header("content-length"), "5");
    let part = world.visits(HOST, Method::GET, "/", &[("range", "bytes=1-2")]);
    let part = part.await;
    assert_eq!(
        (part.status, &*part.body),
        (StatusCode::PARTIAL_CONTENT, "ro")
    );
    let etag = [("if-none-match", head.header("etag"))];
    let same = world.visits(HOST, Method::GET, "/", &etag).await;
    assert_eq!((same.status, &*same.body), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn visitors_see_a_page_about_what_is_wrong() {
    let world = World::with_site(SITE).await;
    let missing = world.visit("/no%3Cthing").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.header("content-type"), "text/html; charset=utf-8");
    let ids = ["x-amz-request-id", "x-amz-id-2"].map(|name| missing.header(name));
    assert_eq!(
        missing.body,
        format!(
            "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n\
<ul>\n<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: no&lt;thing</li>\n\
<li>RequestId: {}</li>\n<li>HostId: {}</li>\n</ul>\n\
<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n\
<ul>\n<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: error.html</li>\n</ul>\n\
<hr/>\n</body>\n</html>\n",
            ids[0], ids[1]
        )
    );
    assert_eq!(missing.header("x-amz-error-code"), "NoSuchKey");
    assert_eq!(missing.header("x-amz-error-detail-key"), "no<thing");
    assert_eq!(
        missing.header("x-amz-error-message"),
        "The specified key does not exist."
    );
    let post = world.visits(HOST, Method::POST, "/", &[]).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        post.body
            .contains("<li>Method: POST</li>\n<li>ResourceType: OBJECT</li>")
    );

    world
        .store("error.html", "own page", &[("content-type", "text/html")])
        .await;
    let own = world.visit("/nothing").await;
    assert_eq!(
        (own.status, &*own.body),
        (StatusCode::NOT_FOUND, "own page")
    );
    assert_eq!(own.header("content-type"), "text/html");
    assert_eq!(own.header("x-amz-error-code"), "NoSuchKey");

    world
        .send(Ask::new(Method::DELETE, "/bucket?website"))
        .await;
    for (host, code) in [
        (HOST, "NoSuchWebsiteConfiguration"),
        ("nobody.s3-website.localhost", "NoSuchBucket"),
    ] {
        let none = world.visits(host, Method::GET, "/", &[]).await;
        assert_eq!(none.status, StatusCode::NOT_FOUND);
        assert!(
            none.body.contains(&format!("<li>Code: {code}</li>")),
            "{}",
            none.body
        );
        assert!(none.body.contains("<li>BucketName: "));
    }
}

#[tokio::test]
async fn visitors_are_sent_where_rules_say() {
    let world = World::with_site(SITE).await;
    world.store("both/there", "there", &[]).await;
    let here = format!("http://{HOST}");
    for (target, status, to) in [
        ("/old/a%20b?q=1", 301, format!("{here}/#!/new/a%20b?q=1")),
        ("/both/gone", 307, "https://a.example/both.html".to_owned()),
        ("/both/there", 200, String::new()),
    ] {
        let seen = world.visit(target).await;
        assert_eq!(
            (seen.status.as_u16(), seen.header("location")),
            (status, &*to)
        );
    }
    let by_path = "/_aws/s3-website/bucket/old/a";
    let seen = world.visits("127.0.0.1", Method::GET, by_path, &[]).await;
    let there = "http://127.0.0.1/_aws/s3-website/bucket/#!/new/a";
    assert_eq!(seen.header("location"), there);

    let all = "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>b.example</HostName>\
</RedirectAllRequestsTo></WebsiteConfiguration>";
    world.set_site(all).await;
    let seen = world.visit("/any/thing?q=1").await;
    assert_eq!(seen.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(seen.header("location"), "http://b.example/any/thing?q=1");
    let secure = all.replace("</HostName>", "</HostName><Protocol>https</Protocol>");
    world.set_site(&secure).await;
    assert_eq!(
        world.visit("/").await.header("location"),
        "https://b.example/"
    );
}

#[tokio::test]
async fn visitors_are_sent_where_objects_say() {
    const NAME: &str = "x-amz-website-redirect-location";
    let world = World::with_site(SITE).await;
    world.store("index.html", "body", &[(NAME, "/other")]).await;
    world
        .store("away", "", &[(NAME, "https://a.example/?q")])
        .await;
    for (host, target, to) in [
        (HOST, "/", "/other"),
        (HOST, "/away", "https://a.example/?q"),
        (
            "127.0.0.1",
            "/_aws/s3-website/bucket/",
            "/_aws/s3-website/bucket/other",
        ),
    ] {
        let seen = world.visits(host, Method::GET, target, &[]).await;
        assert_eq!(seen.status, StatusCode::MOVED_PERMANENTLY);
        assert_eq!((seen.header("location"), &*seen.body), (to, ""));
    }
    // The service's own address only tells it.
    for method in [Method::GET, Method::HEAD] {
        let read = world.send(Ask::new(method, "/bucket/index.html")).await;
        assert_eq!((read.status, read.header(NAME)), (StatusCode::OK, "/other"));
    }
    let wrong = Ask::put(b"x").header(NAME, "other");
    assert_eq!(
        world.fails(wrong).await,
        (400, "InvalidRedirectLocation".into())
    );
}

#[tokio::test]
async fn where_visitors_are_sent_is_said_however_an_object_is_stored() {
    const NAME: &str = "x-amz-website-redirect-location";
    let world = World::with_site(SITE).await;
    world
        .store("key", "x", &[(NAME, "/a"), ("x-amz-meta-own", "1")])
        .await;
    let copy = |key: &str, headers: &[(&str, &str)]| {
        let ask = Ask::new(Method::PUT, &format!("/bucket/{key}"));
        let ask = ask.header("x-amz-copy-source", "/bucket/key");
        let all = headers.iter();
        all.fold(ask, |ask, (name, value)| ask.header(name, value))
    };
    let read = |key: &str| Ask::new(Method::HEAD, &format!("/bucket/{key}"));
    for (key, headers, to) in [
        // It is never copied.
        ("bare", vec![], ""),
        ("other", vec![(NAME, "/b")], "/b"),
        // That is a change, so an object may be copied onto itself.
        ("key", vec![(NAME, "/c")], "/c"),
    ] {
        let copied = world.send(copy(key, &headers)).await;
        assert_eq!(copied.status, StatusCode::OK, "{}", copied.body);
        let found = world.send(read(key)).await;
        assert_eq!(
            (found.header(NAME), found.header("x-amz-meta-own")),
            (to, "1")
        );
    }
    let begin = Ask::new(Method::POST, "/bucket/parts?uploads").header(NAME, "/d");
    let id = world.send(begin).await.element("UploadId");
    let part = format!("/bucket/parts?partNumber=1&uploadId={id}");
    let etag = world.send(Ask::new(Method::PUT, &part).with("x")).await;
    let etag = etag.header("etag").to_owned();
    let done = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = Ask::new(Method::POST, &format!("/bucket/parts?uploadId={id}")).with(done);
    assert_eq!(world.send(complete).await.status, StatusCode::OK);
    assert_eq!(world.send(read("parts")).await.header(NAME), "/d");

    let form = Form::of(
        &[(NAME, "/e")],
        r#", {"x-amz-website-redirect-location": "/e"}"#,
    );
    assert_eq!(form.post(&world).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.send(read("in/f%201.txt")).await.header(NAME), "/e");
}
