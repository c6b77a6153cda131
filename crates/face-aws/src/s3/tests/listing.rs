//! What a bucket shows of itself without versions, and without settings of its own.

use http::{Method, StatusCode};

use super::{Ask, World};

async fn world() -> World {
    let world = World::new().await;
    for key in ["a", "b%20c", "d/1", "d/2", "e"] {
        let put = Ask::new(Method::PUT, &format!("/bucket/{key}")).with("x");
        assert_eq!(world.send(put).await.status, StatusCode::OK);
    }
    world
}

#[tokio::test]
async fn each_object_has_one_version_that_is_the_latest() {
    let world = world().await;
    let target = "/bucket?versions&encoding-type=url&delimiter=%2F&max-keys=3";
    let page = world.send(Ask::new(Method::GET, target)).await;
    assert_eq!(page.body.matches("<VersionId>null</VersionId>").count(), 2);
    assert_eq!(page.body.matches("<IsLatest>true</IsLatest>").count(), 2);
    assert!(page.body.contains("<Key>b%20c</Key>"), "{}", page.body);
    assert!(page.body.contains("<Prefix>d/</Prefix>"), "{}", page.body);
    assert_eq!(page.element("IsTruncated"), "true");
    assert_eq!(page.element("NextKeyMarker"), "d/");
    assert!(!page.body.contains("NextVersionIdMarker"), "{}", page.body);
    let target = "/bucket?versions&delimiter=%2F&key-marker=d%2F";
    let rest = world.send(Ask::new(Method::GET, target)).await;
    assert_eq!(rest.body.matches("<Version>").count(), 1);
    assert_eq!(rest.element("Key"), "e");
    assert_eq!(rest.element("KeyMarker"), "d/");
    let first = world
        .send(Ask::new(Method::GET, "/bucket?versions&max-keys=1"))
        .await;
    assert_eq!(first.element("NextKeyMarker"), "a");
    assert_eq!(first.element("NextVersionIdMarker"), "null");
    let target = "/bucket?versions&key-marker=a&version-id-marker=null&prefix=d%2F";
    let found = world.send(Ask::new(Method::GET, target)).await;
    assert_eq!(found.body.matches("<Version>").count(), 2);
    for wrong in ["version-id-marker=null", "key-marker=a&version-id-marker=x"] {
        let ask = Ask::new(Method::GET, &format!("/bucket?versions&{wrong}"));
        assert_eq!(world.fails(ask).await, (400, "InvalidArgument".into()));
    }
}

#[tokio::test]
async fn a_plus_that_is_encoded_is_one() {
    let world = world().await;
    world
        .send(Ask::new(Method::PUT, "/bucket/b%2Bc").with("x"))
        .await;
    for (prefix, key) in [("b%2B", "b+c"), ("b+", "b c"), ("b%20", "b c")] {
        let ask = Ask::new(Method::GET, &format!("/bucket?prefix={prefix}"));
        let listed = world.send(ask).await;
        assert_eq!(listed.element("Key"), key, "{}", listed.body);
    }
}

#[tokio::test]
async fn what_every_bucket_has() {
    let world = World::new().await;
    for (target, expected) in [
        ("encryption", "<SSEAlgorithm>AES256</SSEAlgorithm>"),
        ("encryption", "<BucketKeyEnabled>false</BucketKeyEnabled>"),
        (
            "publicAccessBlock",
            "<RestrictPublicBuckets>true</RestrictPublicBuckets>",
        ),
        (
            "ownershipControls",
            "<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>",
        ),
    ] {
        let ask = Ask::new(Method::GET, &format!("/bucket?{target}"));
        let answer = world.send(ask).await;
        assert!(answer.body.contains(expected), "{}", answer.body);
    }
}

#[tokio::test]
async fn answers_say_how_objects_are_encrypted() {
    let world = World::new().await;
    let copy = Ask::new(Method::PUT, "/bucket/copy").header("x-amz-copy-source", "bucket/key");
    for ask in [
        Ask::put(b"x"),
        Ask::new(Method::GET, "/bucket/key"),
        Ask::new(Method::HEAD, "/bucket/key"),
        copy,
        Ask::new(Method::POST, "/bucket/key?uploads"),
    ] {
        let answer = world.send(ask).await;
        assert_eq!(answer.header("x-amz-server-side-encryption"), "AES256");
    }
}

#[tokio::test]
async fn buckets_in_pages() {
    let world = World::new().await;
    let made = world.send(Ask::new(Method::PUT, "/another")).await;
    assert_eq!(made.status, StatusCode::OK);
    let first = world.send(Ask::new(Method::GET, "/?max-buckets=1")).await;
    assert!(first.body.contains("<Name>another</Name>"));
    let token = first.element("ContinuationToken");
    let target = format!("/?max-buckets=1&continuation-token={token}");
    let second = world.send(Ask::new(Method::GET, &target)).await;
    assert!(second.body.contains("<Name>bucket</Name>"));
    for wrong in [
        "max-buckets=0",
        "max-buckets=10001",
        "continuation-token=YWJj",
    ] {
        let ask = Ask::new(Method::GET, &format!("/?{wrong}"));
        assert_eq!(world.fails(ask).await, (400, "InvalidArgument".into()));
    }
}

#[tokio::test]
async fn metadata_that_is_not_plain_comes_back_as_words() {
    let world = World::new().await;
    let put = Ask::put(b"x").header("x-amz-meta-who", "Café");
    assert_eq!(world.send(put).await.status, StatusCode::OK);
    let found = world.send(Ask::new(Method::HEAD, "/bucket/key")).await;
    assert_eq!(found.header("x-amz-meta-who"), "=?UTF-8?Q?Caf=C3=A9?=");
}
