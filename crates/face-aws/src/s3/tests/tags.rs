//! Tags, of objects and of buckets.

use http::{Method, StatusCode};

use super::forms::Form;
use super::{Answer, Ask, World};

fn document(tags: &[(&str, &str)]) -> String {
    let tags = tags.iter();
    let tags: String = tags
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
}

/// As `key=value key=value`.
fn listed(answer: &Answer) -> String {
    let tags = answer.body.split("<Tag>").skip(1);
    let part = |tag: &str, name: &str| {
        let found = tag.split_once(&format!("<{name}>"));
        found.map_or_else(String::new, |(_, rest)| {
            rest.split_once('<').unwrap().0.to_owned()
        })
    };
    let pairs: Vec<String> = tags
        .map(|tag| format!("{}={}", part(tag, "Key"), part(tag, "Value")))
        .collect();
    pairs.join(" ")
}

impl World {
    async fn tag(&self, target: &str, tags: &[(&str, &str)]) -> Answer {
        let target = format!("{target}?tagging");
        self.send(Ask::new(Method::PUT, &target).with(document(tags)))
            .await
    }

    async fn tags(&self, target: &str) -> String {
        let target = format!("{target}?tagging");
        let answer = self.send(Ask::new(Method::GET, &target)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        listed(&answer)
    }

    async fn untag(&self, target: &str) -> Answer {
        let target = format!("{target}?tagging");
        self.send(Ask::new(Method::DELETE, &target)).await
    }

    async fn count(&self, method: Method) -> String {
        let answer = self.send(Ask::new(method, "/bucket/key")).await;
        answer.header("x-amz-tagging-count").to_owned()
    }
}

#[tokio::test]
async fn an_object_s_tags_are_set_read_and_removed() {
    let world = World::new().await;
    world.send(Ask::put(b"x")).await;
    assert_eq!(world.tags("/bucket/key").await, "");
    assert_eq!(world.count(Method::GET).await, "");
    let set = world.tag("/bucket/key", &[("b", ""), ("a", "1")]).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    assert_eq!(world.tags("/bucket/key").await, "a=1 b=");
    assert_eq!(world.count(Method::GET).await, "2");
    assert_eq!(world.count(Method::HEAD).await, "2");
    let gone = world.untag("/bucket/key").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(world.tags("/bucket/key").await, "");

    for (method, key) in [
        (Method::GET, "bucket/other"),
        (Method::DELETE, "other"),
        (Method::PUT, "other"),
    ] {
        let ask = Ask::new(method, "/bucket/other?tagging").with(document(&[]));
        let refused = world.send(ask).await;
        assert_eq!(refused.code(), "NoSuchKey");
        assert_eq!(refused.element("Key"), key);
    }
}

#[tokio::test]
async fn a_bucket_s_tags_are_set_read_and_removed() {
    let world = World::new().await;
    let none = (404, "NoSuchTagSet".to_owned());
    let read = || Ask::new(Method::GET, "/bucket?tagging");
    assert_eq!(world.fails(read()).await, none);
    for gone in [true, false] {
        let set = world.tag("/bucket", &[("a", "1"), ("b", "")]).await;
        assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.body);
        assert_eq!(world.tags("/bucket").await, "a=1 b=");
        let removed = if gone {
            world.untag("/bucket").await
        } else {
            world.tag("/bucket", &[]).await
        };
        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        assert_eq!(world.fails(read()).await, none);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = Ask::new(method, "/nobody?tagging").with(document(&[("a", "b")]));
        assert_eq!(world.fails(ask).await, (404, "NoSuchBucket".into()));
    }
}

#[tokio::test]
async fn a_bucket_may_have_tags_from_its_beginning() {
    let world = World::new().await;
    let make = |key: &str| {
        let tag = format!("<Tag><Key>{key}</Key><Value>1</Value></Tag>");
        let inner = format!("<LocationConstraint>eu-west-1</LocationConstraint><Tags>{tag}</Tags>");
        let document = format!("<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>");
        Ask::new(Method::PUT, "/tagged").with(document)
    };
    let refused = world.send(make("aws:a")).await;
    assert_eq!(refused.code(), "InvalidTag");
    let message = refused.element("Message");
    assert!(message.starts_with("User-defined tag keys"), "{message}");
    let made = world.send(make("a")).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(world.tags("/tagged").await, "a=1");
}

#[tokio::test]
async fn tags_that_there_cannot_be() {
    let world = World::new().await;
    world.send(Ask::put(b"x")).await;
    let long = "k".repeat(129);
    let wide = "v".repeat(257);
    for (target, tags, message, fields) in [
        (
            "/bucket",
            vec![("a", "1"), ("a", "2")],
            "Cannot provide multiple Tags with the same key",
            vec![("TagKey", "a")],
        ),
        (
            "/bucket",
            vec![("aws:a", "1")],
            "System tags cannot be added/updated by requester",
            vec![("TagKey", "aws:a")],
        ),
        (
            "/bucket/key",
            vec![("aws:a", "1")],
            "Your TagKey cannot be prefixed with aws:",
            vec![("TagKey", "aws:a")],
        ),
        (
            "/bucket/key",
            vec![("a,b", "1")],
            "The TagKey you have provided is invalid",
            vec![("TagKey", "a,b")],
        ),
        (
            "/bucket/key",
            vec![(long.as_str(), "1")],
            "The TagKey you have provided is invalid",
            vec![],
        ),
        (
            "/bucket",
            vec![("a", "1,2")],
            "The TagValue you have provided is invalid",
            vec![("TagKey", "a"), ("TagValue", "1,2")],
        ),
        (
            "/bucket/key",
            vec![("a", wide.as_str())],
            "The TagValue you have provided is invalid",
            vec![],
        ),
    ] {
        let refused = world.tag(target, &tags).await;
        assert_eq!(refused.code(), "InvalidTag", "{message}");
        assert_eq!(refused.element("Message"), message);
        for (name, value) in fields {
            assert_eq!(refused.element(name), value);
        }
    }
    let many: Vec<String> = (0..51).map(|number| format!("t{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    for (target, most, message) in [
        ("/bucket/key", 10, "Object tags cannot be greater than 10"),
        ("/bucket", 50, "Bucket tag count cannot be greater than 50"),
    ] {
        let refused = world.tag(target, &many[..=most]).await;
        assert_eq!(refused.code(), "BadRequest");
        assert_eq!(refused.element("Message"), message);
        assert!(world.tag(target, &many[..most]).await.status.is_success());
    }
}

#[tokio::test]
async fn tags_that_come_with_an_object() {
    let world = World::new().await;
    for (header, found) in [
        ("tag1=val1&tag2=val2&tag", "tag= tag1=val1 tag2=val2"),
        ("a+b=%C3%A9%3D&&c", "a b=é= c="),
        ("", ""),
    ] {
        let answer = world
            .send(Ask::put(b"x").header("x-amz-tagging", header))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(world.tags("/bucket/key").await, found);
    }
    for (header, code) in [
        ("key1=val1&key1=val2", "InvalidArgument"),
        ("key1=val1,key2=val2", "InvalidArgument"),
        ("key=%ff", "InvalidArgument"),
        ("aws:a=b", "InvalidTag"),
        ("a=b;c", "InvalidTag"),
        ("1&2&3&4&5&6&7&8&9&10&11", "BadRequest"),
    ] {
        for method in [Method::PUT, Method::POST] {
            let target = match method {
                Method::PUT => "/bucket/other",
                _ => "/bucket/other?uploads",
            };
            let ask = Ask::new(method, target)
                .with("")
                .header("x-amz-tagging", header);
            let refused = world.send(ask).await;
            assert_eq!(refused.code(), code, "{header}");
            if code == "InvalidArgument" {
                assert_eq!(refused.element("ArgumentName"), "x-amz-tagging");
            }
        }
    }
}

#[tokio::test]
async fn a_copy_has_its_source_s_tags_unless_others_are_given() {
    let world = World::new().await;
    world
        .send(Ask::put(b"x").header("x-amz-tagging", "a=1"))
        .await;
    for (directive, tags, found) in [
        (None, None, "a=1"),
        (Some("COPY"), Some("b=2"), "a=1"),
        (Some("REPLACE"), Some("b=2"), "b=2"),
        (Some("REPLACE"), None, ""),
    ] {
        let mut copy = Ask::new(Method::PUT, "/bucket/copy");
        for (name, value) in [
            ("x-amz-copy-source", Some("bucket/key")),
            ("x-amz-tagging-directive", directive),
            ("x-amz-tagging", tags),
        ] {
            if let Some(value) = value {
                copy = copy.header(name, value);
            }
        }
        let answer = world.send(copy).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(world.tags("/bucket/copy").await, found, "{directive:?}");
    }
}

#[tokio::test]
async fn a_form_has_tags_in_a_document() {
    let world = World::new().await;
    let tagging = r#", ["starts-with", "$tagging", ""]"#;
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let form = Form::of(&[("tagging", document)], tagging);
    let posted = form.post(&world).await;
    assert_eq!(posted.status, StatusCode::NO_CONTENT, "{}", posted.body);
    assert_eq!(world.tags("/bucket/in/f%201.txt").await, "a=1");
    let form = Form::of(&[("tagging", "a=1")], tagging);
    assert_eq!(form.post(&world).await.code(), "MalformedXML");
}
