//! What is refused, and in which words.

use http::{Method, StatusCode};

use super::{Answer, Ask, World};

#[tokio::test]
async fn values_that_headers_do_not_have() {
    let world = World::new().await;
    for (name, value, status, code) in [
        ("x-amz-storage-class", "FAST", 400, "InvalidStorageClass"),
        ("x-amz-storage-class", "GLACIER", 501, "NotImplemented"),
        (
            "x-amz-server-side-encryption",
            "ROT13",
            400,
            "InvalidArgument",
        ),
        (
            "x-amz-server-side-encryption",
            "aws:kms",
            501,
            "NotImplemented",
        ),
        ("x-amz-acl", "everybody", 400, "InvalidArgument"),
        (
            "x-amz-acl",
            "public-read",
            400,
            "AccessControlListNotSupported",
        ),
        (
            "x-amz-grant-read",
            "id=x",
            400,
            "AccessControlListNotSupported",
        ),
        ("if-none-match", "\"tag\"", 501, "NotImplemented"),
        ("if-match", "*", 501, "NotImplemented"),
    ] {
        let ask = Ask::put(b"x").header(name, value);
        assert_eq!(
            world.fails(ask).await,
            (status, code.into()),
            "{name}: {value}"
        );
    }
    assert!(world.is_empty());
    let asked = Ask::put(b"x").header("if-none-match", "\"tag\"");
    let refused = world.send(asked).await;
    assert_eq!(
        refused.element("Message"),
        "A header you provided implies functionality that is not implemented"
    );
    assert_eq!(refused.element("Header"), "If-None-Match");
}

#[tokio::test]
async fn buckets_that_cannot_be() {
    let world = World::new().await;
    for name in [
        "xn--a",
        "sthree-a",
        "amzn-s3-demo-a",
        "a-s3alias",
        "a--ol-s3",
        "a.mrap",
        "a--x-s3",
        "a.-b",
        "a-.b",
    ] {
        let ask = Ask::new(Method::PUT, &format!("/{name}"));
        let refused = world.send(ask).await;
        assert_eq!(refused.code(), "InvalidBucketName", "{name}");
        assert_eq!(refused.element("BucketName"), name);
    }
    for (place, code) in [
        ("mars", "InvalidLocationConstraint"),
        ("eu-central-1x", "InvalidLocationConstraint"),
        ("us-east-1", "InvalidLocationConstraint"),
    ] {
        let xml = format!(
            "<CreateBucketConfiguration><LocationConstraint>{place}</LocationConstraint></CreateBucketConfiguration>"
        );
        let refused = world
            .send(Ask::new(Method::PUT, "/another").with(xml))
            .await;
        assert_eq!(refused.code(), code);
        assert_eq!(refused.element("LocationConstraint"), place);
    }
    for (name, value, status, code) in [
        ("x-amz-object-ownership", "Nobody", 400, "InvalidArgument"),
        (
            "x-amz-object-ownership",
            "ObjectWriter",
            501,
            "NotImplemented",
        ),
        (
            "x-amz-acl",
            "public-read",
            400,
            "InvalidBucketAclWithObjectOwnership",
        ),
    ] {
        let ask = Ask::new(Method::PUT, "/another").header(name, value);
        assert_eq!(world.fails(ask).await, (status, code.into()));
    }
}

#[tokio::test]
async fn settings_that_are_not_built_are_refused_by_name_whatever_they_say() {
    let world = World::new().await;
    for (name, operation) in [
        ("accelerate", "PutBucketAccelerateConfiguration"),
        ("replication", "PutBucketReplication"),
    ] {
        let ask = Ask::new(Method::PUT, &format!("/bucket?{name}")).with("<New><Newer/></New>");
        let refused = world.send(ask).await;
        assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
        assert_eq!(
            refused.element("Message"),
            format!("The operation {operation} is not implemented by this server")
        );
    }
}

#[tokio::test]
async fn a_bucket_s_head_says_the_type_of_the_document_that_it_has_not() {
    let world = World::new().await;
    let answer = world.send(Ask::new(Method::HEAD, "/bucket")).await;
    assert_eq!(answer.header("content-type"), "application/xml");
}

#[tokio::test]
async fn a_date_to_come_says_nothing() {
    let world = World::new().await;
    world.send(Ask::put(b"x")).await;
    let date = "Fri, 01 Jan 2100 00:00:00 GMT";
    let read = Ask::new(Method::GET, "/bucket/key").header("if-modified-since", date);
    assert_eq!(world.send(read).await.status, StatusCode::OK);
    let copy = Ask::new(Method::PUT, "/bucket/copy")
        .header("x-amz-copy-source", "bucket/key")
        .header("x-amz-copy-source-if-modified-since", date);
    assert_eq!(world.send(copy).await.status, StatusCode::OK);
}

#[tokio::test]
async fn copies_and_where_they_are_from() {
    let world = World::new().await;
    world.send(Ask::put(b"x")).await;
    let copy = |from: &str| Ask::new(Method::PUT, "/bucket/key").header("x-amz-copy-source", from);
    let itself = || copy("bucket/key");
    assert_eq!(world.fails(itself()).await, (400, "InvalidRequest".into()));
    for (name, value) in [
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-metadata-directive", "REPLACE"),
    ] {
        let answer = world.send(itself().header(name, value)).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
    }
    let nowhere = world.send(copy("bucket")).await;
    assert_eq!(nowhere.code(), "InvalidArgument");
    assert_eq!(
        nowhere.element("Message"),
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
    );
    assert_eq!(nowhere.element("ArgumentValue"), "bucket");
    let tags = itself().header("x-amz-tagging-directive", "SHUFFLE");
    assert_eq!(
        world.send(tags).await.element("Message"),
        "Unknown tagging directive."
    );
}

#[tokio::test]
async fn a_version_that_is_not_there_is_told_with_its_name() {
    let world = World::new().await;
    let xml = "<Delete><Object><Key>key</Key><VersionId>other</VersionId></Object></Delete>";
    let md5 = "PXCQmTEVVm2hoNYWnS1R/g==";
    let ask = Ask::new(Method::POST, "/bucket?delete")
        .header("content-md5", md5)
        .with(xml);
    let answer = world.send(ask).await;
    assert_eq!(answer.code(), "NoSuchVersion", "{}", answer.body);
    assert_eq!(answer.element("VersionId"), "other");
}

#[tokio::test]
async fn methods_that_a_resource_does_not_have() {
    let world = World::new().await;
    for (method, target, kind) in [
        (Method::DELETE, "/", "SERVICE"),
        (Method::PATCH, "/bucket", "BUCKET"),
        (Method::PATCH, "/bucket/key", "OBJECT"),
        (Method::POST, "/bucket/key", "OBJECT"),
    ] {
        let answer = world.send(Ask::new(method.clone(), target).with("")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.code(), "MethodNotAllowed");
        assert_eq!(answer.element("Method"), method.as_str());
        assert_eq!(answer.element("ResourceType"), kind);
        assert!(answer.header("allow").contains("GET"));
    }
    let post = Ask::new(Method::POST, "/bucket").with("");
    assert_eq!(world.fails(post).await, (412, "PreconditionFailed".into()));
}

#[tokio::test]
async fn no_bucket_lets_other_pages_in() {
    let world = World::new().await;
    for (target, origin, status, message) in [
        (
            "/bucket/key",
            true,
            403,
            "CORSResponse: CORS is not enabled for this bucket.",
        ),
        ("/nobody/key", true, 403, "CORSResponse: Bucket not found"),
        (
            "/bucket/key",
            false,
            400,
            "Insufficient information. Origin request header needed.",
        ),
    ] {
        let mut request = http::Request::builder().method(Method::OPTIONS).uri(target);
        if origin {
            request = request
                .header("origin", "http://page")
                .header("access-control-request-method", "PUT");
        }
        let request = request.body(wire::empty()).unwrap();
        let answer = Answer::of(world.s3.call(request).await).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.element("Message"), message);
        if origin {
            assert_eq!(answer.code(), "AccessForbidden");
            assert_eq!(answer.element("Method"), "PUT");
            assert_eq!(answer.element("ResourceType"), "OBJECT");
        } else {
            assert_eq!(answer.code(), "BadRequest");
        }
    }
}
