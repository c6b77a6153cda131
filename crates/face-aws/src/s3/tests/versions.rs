//! Versions: what requests say of them, and what is answered.

use http::{Method, StatusCode};

use super::{Ask, World};

const CONFIGURATION: &str = "/bucket?versioning";

fn configuration(inner: &str) -> Ask {
    let xml = format!("<VersioningConfiguration>{inner}</VersioningConfiguration>");
    Ask::new(Method::PUT, CONFIGURATION).with(xml)
}

fn ask(method: Method, target: &str) -> Ask {
    Ask::new(method, target)
}

impl World {
    async fn versioned() -> Self {
        let world = Self::new().await;
        world.set("Enabled").await;
        world
    }

    async fn set(&self, status: &str) {
        let set = configuration(&format!("<Status>{status}</Status>"));
        assert_eq!(self.send(set).await.status, StatusCode::OK);
    }

    /// Which version it has become.
    async fn put(&self, key: &str, body: &str) -> String {
        let put = ask(Method::PUT, &format!("/bucket/{key}")).with(body.to_owned());
        let answer = self.send(put).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.header("x-amz-version-id").to_owned()
    }

    async fn mark(&self, key: &str) -> String {
        let answer = self
            .send(ask(Method::DELETE, &format!("/bucket/{key}")))
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("x-amz-delete-marker"), "true");
        answer.header("x-amz-version-id").to_owned()
    }

    async fn remove(&self, key: &str, version: &str) -> super::Answer {
        let target = format!("/bucket/{key}?versionId={version}");
        self.send(ask(Method::DELETE, &target)).await
    }

    async fn list(&self, query: &str) -> super::Answer {
        let target = format!("/bucket?versions{query}");
        self.send(ask(Method::GET, &target)).await
    }
}

#[tokio::test]
async fn a_bucket_says_whether_it_keeps_versions() {
    let world = World::new().await;
    let unset = world.send(ask(Method::GET, CONFIGURATION)).await;
    assert!(!unset.body.contains("<Status>"), "{}", unset.body);
    for (inner, code) in [
        ("", "IllegalVersioningConfigurationException"),
        ("<Status>enabled</Status>", "MalformedXML"),
        ("<Status>Disabled</Status>", "MalformedXML"),
        (
            "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
            "NotImplemented",
        ),
    ] {
        let refused = world.send(configuration(inner)).await;
        assert_eq!(refused.code(), code, "{inner}");
    }
    for status in ["Suspended", "Enabled", "Suspended"] {
        world.set(status).await;
        let found = world.send(ask(Method::GET, CONFIGURATION)).await;
        assert_eq!(found.element("Status"), status);
    }
    let nowhere = ask(Method::PUT, "/nowhere?versioning")
        .with("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    assert_eq!(world.fails(nowhere).await, (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn a_marker_is_told_in_headers_and_may_only_be_deleted() {
    let world = World::versioned().await;
    let version = world.put("key", "x").await;
    assert_eq!(version.len(), 32);
    let marker = world.mark("key").await;
    for method in [Method::GET, Method::HEAD] {
        let hidden = world.send(ask(method.clone(), "/bucket/key")).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND);
        assert_eq!(hidden.header("x-amz-delete-marker"), "true");
        assert_eq!(hidden.header("x-amz-version-id"), marker);
        let target = format!("/bucket/key?versionId={marker}");
        let itself = world.send(ask(method, &target)).await;
        assert_eq!(itself.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(itself.header("allow"), "DELETE");
        assert_eq!(itself.header("x-amz-version-id"), marker);
        assert!(itself.header("last-modified").ends_with("GMT"));
    }
    let target = format!("/bucket/key?versionId={marker}");
    let itself = world.send(ask(Method::GET, &target)).await;
    assert_eq!(itself.element("ResourceType"), "DeleteMarker");
    assert_eq!(itself.element("Method"), "GET");
    let target = format!("/bucket/key?versionId={version}");
    let found = world.send(ask(Method::GET, &target)).await;
    assert_eq!((found.status, found.body.as_str()), (StatusCode::OK, "x"));
    assert_eq!(found.header("x-amz-version-id"), version);

    let anew = ask(Method::PUT, "/bucket/key")
        .header("if-none-match", "*")
        .with("y");
    let anew = world.send(anew).await;
    assert_eq!(
        anew.status,
        StatusCode::OK,
        "there is no object: {}",
        anew.body
    );
    let newest = anew.header("x-amz-version-id");
    assert_eq!(
        world
            .remove("key", newest)
            .await
            .header("x-amz-delete-marker"),
        ""
    );
    let removed = world.remove("key", &marker).await;
    assert_eq!(removed.header("x-amz-delete-marker"), "true");
    assert_eq!(removed.header("x-amz-version-id"), marker);
    let restored = world.send(ask(Method::GET, "/bucket/key")).await;
    assert_eq!(restored.header("x-amz-version-id"), version);
}

#[tokio::test]
async fn versions_that_are_none_or_gone_are_told_apart() {
    let world = World::versioned().await;
    let version = world.put("key", "x").await;
    for (text, why) in [
        (
            "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD",
            "Invalid version id specified",
        ),
        ("x", "Invalid version id specified"),
        ("", "Version id cannot be the empty string"),
    ] {
        let target = format!("/bucket/key?versionId={text}");
        for method in [Method::GET, Method::DELETE] {
            let refused = world.send(ask(method, &target)).await;
            assert_eq!(refused.code(), "InvalidArgument");
            assert_eq!(refused.element("Message"), why);
            assert_eq!(refused.element("ArgumentName"), "versionId");
        }
    }
    for _ in 0..2 {
        let removed = world.remove("key", &version).await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT);
    }
    let target = format!("/bucket/key?versionId={version}");
    let gone = world.send(ask(Method::GET, &target)).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.code(), "NoSuchVersion");
    assert_eq!(gone.element("Key"), "key");
    assert_eq!(gone.element("VersionId"), version);
}

#[tokio::test]
async fn while_suspended_the_null_version_is_replaced() {
    let world = World::new().await;
    assert_eq!(world.put("key", "before").await, "");
    let found = world
        .send(ask(Method::GET, "/bucket/key?versionId=null"))
        .await;
    assert_eq!(found.header("x-amz-version-id"), "");
    world.set("Enabled").await;
    let version = world.put("key", "x").await;
    let null = world
        .send(ask(Method::GET, "/bucket/key?versionId=null"))
        .await;
    assert_eq!(
        (null.body.as_str(), null.header("x-amz-version-id")),
        ("before", "null")
    );
    world.set("Suspended").await;
    assert_eq!(
        world.put("key", "after").await,
        "",
        "as the service answers"
    );
    let null = world.send(ask(Method::GET, "/bucket/key")).await;
    assert_eq!(
        (null.body.as_str(), null.header("x-amz-version-id")),
        ("after", "null")
    );
    assert_eq!(world.mark("key").await, "null");
    let listed = world.list("").await;
    assert_eq!(listed.body.matches("<Version>").count(), 1);
    assert_eq!(listed.body.matches("<DeleteMarker>").count(), 1);
    let (_, kept) = listed.body.split_once("<Version>").unwrap();
    assert!(kept.contains(&version), "{}", listed.body);
}

#[tokio::test]
async fn pages_of_versions_go_on_where_they_ended() {
    let world = World::versioned().await;
    let mut expected = Vec::new();
    for key in ["a", "b", "d%2F1"] {
        let mut versions = vec![world.put(key, "1").await, world.put(key, "2").await];
        versions.reverse();
        expected.extend(versions);
    }
    let mut seen = Vec::new();
    let mut markers = String::new();
    loop {
        let page = world.list(&format!("&max-keys=2{markers}")).await;
        let versions = page.body.split("<Version>").skip(1);
        seen.extend(versions.map(|text| {
            let (_, rest) = text.split_once("<VersionId>").unwrap();
            rest.split_once("</").unwrap().0.to_owned()
        }));
        assert_eq!(page.body.matches("<IsLatest>true</IsLatest>").count(), 1);
        if page.element("IsTruncated") == "false" {
            break;
        }
        let key = page.element("NextKeyMarker");
        let version = page.element("NextVersionIdMarker");
        markers = format!("&key-marker={key}&version-id-marker={version}");
    }
    assert_eq!(seen, expected);
    let folded = world.list("&delimiter=%2F&prefix=d").await;
    assert_eq!(folded.element("CommonPrefixes"), "<Prefix>d/");
    assert_eq!(folded.body.matches("<Version>").count(), 0);
}

#[tokio::test]
async fn copies_name_the_version_that_they_are_of() {
    let world = World::versioned().await;
    let first = world.put("key", "first").await;
    world.put("key", "second").await;
    let copy = |source: &str| {
        ask(Method::PUT, "/bucket/key")
            .header("x-amz-copy-source", source)
            .with("")
    };
    let copied = world
        .send(copy(&format!("bucket/key?versionId={first}")))
        .await;
    assert_eq!(copied.status, StatusCode::OK, "{}", copied.body);
    assert_eq!(copied.header("x-amz-copy-source-version-id"), first);
    assert_eq!(copied.header("x-amz-version-id").len(), 32);
    let current = world.send(ask(Method::GET, "/bucket/key")).await;
    assert_eq!(current.body, "first");
    let marker = world.mark("key").await;
    let of_marker = copy(&format!("bucket/key?versionId={marker}"));
    assert_eq!(world.fails(of_marker).await, (400, "InvalidRequest".into()));
    let of_nothing = copy("bucket/key");
    assert_eq!(world.fails(of_nothing).await, (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn tags_are_of_one_version() {
    let world = World::versioned().await;
    let first = world.put("key", "first").await;
    let second = world.put("key", "second").await;
    let xml = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let target = format!("/bucket/key?tagging&versionId={first}");
    let tagged = world.send(ask(Method::PUT, &target).with(xml)).await;
    assert_eq!(tagged.status, StatusCode::OK, "{}", tagged.body);
    assert_eq!(tagged.header("x-amz-version-id"), first);
    let found = world.send(ask(Method::GET, &target)).await;
    assert_eq!(found.element("Value"), "1");
    let other = world.send(ask(Method::GET, "/bucket/key?tagging")).await;
    assert_eq!(other.header("x-amz-version-id"), second);
    assert!(!other.body.contains("<Value>"), "{}", other.body);
    world.mark("key").await;
    let marked = ask(Method::PUT, "/bucket/key?tagging").with(xml);
    assert_eq!(world.fails(marked).await, (405, "MethodNotAllowed".into()));
    let marked = ask(Method::GET, "/bucket/key?tagging");
    assert_eq!(world.fails(marked).await, (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn a_bucket_with_versions_left_says_so() {
    let world = World::versioned().await;
    let version = world.put("key", "x").await;
    let marker = world.mark("key").await;
    for left in [version, marker] {
        let refused = world.send(ask(Method::DELETE, "/bucket")).await;
        assert_eq!(refused.code(), "BucketNotEmpty");
        assert!(
            refused
                .element("Message")
                .ends_with("all versions in the bucket.")
        );
        world.remove("key", &left).await;
    }
    let gone = world.send(ask(Method::DELETE, "/bucket")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}
