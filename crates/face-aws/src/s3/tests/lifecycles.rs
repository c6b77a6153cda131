//! What becomes of objects with time: how that is set and shown. What comes of it is tested where it happens.

use http::{Method, StatusCode};

use super::{Ask, World};

fn get() -> Ask {
    Ask::new(Method::GET, "/bucket?lifecycle")
}

fn put(rules: &str) -> Ask {
    let xml = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    Ask::new(Method::PUT, "/bucket?lifecycle").with(xml)
}

const ALL: &str = "<Rule><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
<ID>old</ID><Prefix>a/</Prefix><Status>Enabled</Status></Rule>\
<Rule><Expiration><Days>3</Days></Expiration><Filter><And><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><Prefix>b/</Prefix>\
<Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><ID>both &amp; more</ID><Status>Disabled</Status></Rule>\
<Rule><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><ID>tag</ID>\
<Status>Enabled</Status></Rule>\
<Rule><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration><Filter></Filter><ID>marker</ID>\
<NoncurrentVersionExpiration><NewerNoncurrentVersions>2</NewerNoncurrentVersions><NoncurrentDays>1</NoncurrentDays>\
</NoncurrentVersionExpiration><Status>Enabled</Status></Rule>";

#[tokio::test]
async fn rules_are_shown_as_they_were_set() {
    let world = World::new().await;
    let none = (404, "NoSuchLifecycleConfiguration".to_owned());
    assert_eq!(world.fails(get()).await, none);
    let set = world.send(put(ALL)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let found = world.send(get()).await;
    let size = "x-amz-transition-default-minimum-object-size";
    assert_eq!(found.header(size), "all_storage_classes_128K");
    let plain = found.body.replace(".000Z", "Z");
    for rule in ALL.split_inclusive("</Rule>") {
        assert!(plain.contains(rule), "{rule} in {plain}");
    }
    let gone = world
        .send(Ask::new(Method::DELETE, "/bucket?lifecycle"))
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(world.fails(get()).await, none);
}

#[tokio::test]
async fn a_rule_without_a_name_gets_one() {
    let world = World::new().await;
    let rule = "<Rule><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    world.send(put(rule)).await;
    let found = world.send(get()).await;
    assert_eq!(found.element("ID").len(), 32);
    assert!(
        found.body.contains("<Filter><Prefix></Prefix></Filter>"),
        "{}",
        found.body
    );
}

#[tokio::test]
async fn what_is_wrong_in_rules_is_said() {
    let world = World::new().await;
    let rule = |filter: &str, action: &str| {
        format!("<Rule><ID>r</ID><Status>Enabled</Status>{filter}{action}</Rule>")
    };
    let all = "<Filter/>";
    let tag = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>";
    let days = |days: &str| format!("<Expiration><Days>{days}</Days></Expiration>");
    let one = rule(all, &days("1"));
    let sizes = "<Filter><And><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>";
    let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    let marker =
        "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
    let glacier = "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>";
    let earlier =
        |inner: &str| format!("<NoncurrentVersionExpiration>{inner}</NoncurrentVersionExpiration>");
    for (rules, code, message) in [
        (String::new(), "MalformedXML", ""),
        (rule("", &days("1")), "MalformedXML", ""),
        (
            rule("<Prefix>a</Prefix><Filter/>", &days("1")),
            "MalformedXML",
            "",
        ),
        (one.replace("Enabled", "enabled"), "MalformedXML", ""),
        (
            rule(
                "<Filter><Prefix>a</Prefix><ObjectSizeLessThan>1</ObjectSizeLessThan></Filter>",
                &days("1"),
            ),
            "MalformedXML",
            "",
        ),
        (
            format!("{one}{one}"),
            "InvalidArgument",
            "Rule ID must be unique. Found same ID for more than one rule",
        ),
        (
            one.replace("<ID>r", &format!("<ID>{}", "r".repeat(256))),
            "InvalidArgument",
            "ID length should not exceed allowed limit of 255",
        ),
        (
            rule(all, &days("0")),
            "InvalidArgument",
            "&apos;Days&apos; for Expiration action must be a positive integer",
        ),
        (
            rule(
                all,
                "<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>",
            ),
            "InvalidArgument",
            "&apos;Date&apos; must be at midnight GMT",
        ),
        (
            rule(
                all,
                "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            ),
            "MalformedXML",
            "",
        ),
        (
            rule(all, ""),
            "InvalidRequest",
            "At least one action needs to be specified in a rule",
        ),
        (
            rule(tag, abort),
            "InvalidRequest",
            "AbortIncompleteMultipartUpload cannot be specified with Tags.",
        ),
        (
            rule(tag, marker),
            "InvalidRequest",
            "ExpiredObjectDeleteMarker cannot be specified with Tags.",
        ),
        (
            rule(sizes, &days("1")),
            "InvalidRequest",
            "&apos;ObjectSizeLessThan&apos; has to be a value greater than &apos;ObjectSizeGreaterThan&apos;",
        ),
        (
            rule(
                all,
                &earlier("<NewerNoncurrentVersions>1</NewerNoncurrentVersions>"),
            ),
            "MalformedXML",
            "",
        ),
        (
            rule(all, glacier),
            "NotImplemented",
            "The transition to another storage class is not implemented by this server",
        ),
    ] {
        let answer = world.send(put(&rules)).await;
        assert_eq!(answer.code(), code, "{rules}: {}", answer.body);
        if !message.is_empty() {
            assert_eq!(answer.element("Message"), message, "{rules}");
        }
    }
}

#[tokio::test]
async fn answers_say_when_an_object_ends_and_an_upload_is_given_up() {
    let world = World::new().await;
    let plain = world.send(Ask::put(b"x")).await;
    assert_eq!(plain.header("x-amz-expiration"), "");
    let rules = "<Rule><ID>a b</ID><Prefix></Prefix><Status>Enabled</Status><Expiration><Date>2130-01-01T00:00:00Z</Date></Expiration>\
<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>";
    world.send(put(rules)).await;
    let ends = "expiry-date=\"Sun, 01 Jan 2130 00:00:00 GMT\", rule-id=\"a%20b\"";
    let read = |method| Ask::new(method, "/bucket/key");
    let copy = Ask::new(Method::PUT, "/bucket/copy").header("x-amz-copy-source", "bucket/key");
    for ask in [Ask::put(b"x"), read(Method::GET), read(Method::HEAD), copy] {
        assert_eq!(world.send(ask).await.header("x-amz-expiration"), ends);
    }
    let begun = world
        .send(Ask::new(Method::POST, "/bucket/parts?uploads").with(""))
        .await;
    assert_eq!(begun.header("x-amz-abort-rule-id"), "a b");
    assert!(begun.header("x-amz-abort-date").ends_with("00:00:00 GMT"));
}
