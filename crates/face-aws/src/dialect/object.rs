//! What notifications tell of an object.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{ObjectEvent, ObjectEventKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::moment::instant;
use crate::place::Place;

/// What an object's key looks like in an event: encoded as a form is, but for its slashes.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b' ');

/// What the service says that a delete marker has.
pub(crate) const ETAG_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Who does what a bucket's rules say.
pub(crate) const BY_RULES: &str = "s3.amazonaws.com";

pub(super) fn object_record(event: &ObjectEvent) -> Value {
    let key = utf8_percent_encode(&event.key, KEY)
        .to_string()
        .replace(' ', "+");
    let by_rule = matches!(
        event.kind,
        ObjectEventKind::Expired | ObjectEventKind::ExpiredByMarker
    );
    let by_marker = matches!(
        event.kind,
        ObjectEventKind::RemovedByMarker | ObjectEventKind::ExpiredByMarker
    );
    let is_gone = by_rule || by_marker || event.kind == ObjectEventKind::RemovedByDelete;
    let is_of_tags = matches!(
        event.kind,
        ObjectEventKind::Tagged | ObjectEventKind::Untagged
    );
    let mut object = json!({ "key": key });
    if !is_gone && !is_of_tags {
        object["size"] = event.size.into();
    }
    if by_marker {
        object["eTag"] = ETAG_OF_NOTHING.into();
    } else if !is_gone {
        object["eTag"] = event.etag.trim_matches('"').into();
    }
    // The service does not name the null version.
    if let Some(version) = event.version.as_deref().filter(|id| *id != "null") {
        object["versionId"] = version.into();
    }
    if !is_of_tags {
        object["sequencer"] = event.sequencer.to_uppercase().into();
    }
    let place = Place::of(&event.space);
    json!({
        "eventVersion": if is_of_tags || by_rule { "2.3" } else { "2.1" },
        "eventSource": "aws:s3",
        "awsRegion": place.region,
        "eventTime": instant(event.at),
        "eventName": event_name(event.kind),
        "userIdentity": { "principalId": if by_rule { BY_RULES } else { &event.principal } },
        "requestParameters": {
            "sourceIPAddress": match by_rule {
                true => BY_RULES,
                false => event.source_ip.as_deref().unwrap_or("127.0.0.1"),
            },
        },
        "responseElements": {
            "x-amz-request-id": event.request_id,
            "x-amz-id-2": extended_id(&event.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": event.binding,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": { "principalId": place.account },
                "arn": format!("arn:aws:s3:::{}", event.bucket),
            },
            "object": object,
        },
    })
}

fn event_name(kind: ObjectEventKind) -> &'static str {
    match kind {
        ObjectEventKind::CreatedByPut => "ObjectCreated:Put",
        ObjectEventKind::CreatedByPost => "ObjectCreated:Post",
        ObjectEventKind::CreatedByCopy => "ObjectCreated:Copy",
        ObjectEventKind::CreatedByMultipart => "ObjectCreated:CompleteMultipartUpload",
        ObjectEventKind::RemovedByDelete => "ObjectRemoved:Delete",
        ObjectEventKind::RemovedByMarker => "ObjectRemoved:DeleteMarkerCreated",
        ObjectEventKind::Expired => "LifecycleExpiration:Delete",
        ObjectEventKind::ExpiredByMarker => "LifecycleExpiration:DeleteMarkerCreated",
        ObjectEventKind::Tagged => "ObjectTagging:Put",
        ObjectEventKind::Untagged => "ObjectTagging:Delete",
    }
}

/// The second id that goes with a request: long and opaque. Made of the first, so that both faces that print it agree.
pub(super) fn extended_id(request_id: &str) -> String {
    let digest = digest::digest(&digest::SHA512, request_id.as_bytes());
    STANDARD.encode(&digest.as_ref()[..56])
}

#[cfg(test)]
mod tests {
    use base::{Space, Timestamp};

    use super::*;

    fn event(kind: ObjectEventKind) -> ObjectEvent {
        ObjectEvent {
            kind,
            space: Space::new("000000000000/us-east-1"),
            bucket: "photos".into(),
            key: "2026/a b+c/ü~(1)*.jpg".into(),
            version: None,
            size: 12,
            etag: "\"d41d8cd98f00b204e9800998ecf8427e\"".into(),
            sequencer: "00000000000000a100000000".into(),
            at: Timestamp::from_millis(1_795_419_000_123),
            request_id: "8TGKAWV9RZ8FDB5W".into(),
            principal: "AWS:test".into(),
            source_ip: Some("127.0.0.1".into()),
            binding: "thumbnails".into(),
        }
    }

    #[test]
    fn an_object_that_was_put_is_told_as_the_service_tells_it() {
        let expected = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-23T07:30:00.123Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "AWS:test" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {
                "x-amz-request-id": "8TGKAWV9RZ8FDB5W",
                "x-amz-id-2": extended_id("8TGKAWV9RZ8FDB5W"),
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "thumbnails",
                "bucket": {
                    "name": "photos",
                    "ownerIdentity": { "principalId": "000000000000" },
                    "arn": "arn:aws:s3:::photos",
                },
                "object": {
                    "key": "2026/a+b%2Bc/%C3%BC%7E%281%29*.jpg",
                    "size": 12,
                    "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "sequencer": "00000000000000A100000000",
                },
            },
        });
        assert_eq!(
            object_record(&event(ObjectEventKind::CreatedByPut)),
            expected
        );
    }

    #[test]
    fn an_object_that_is_gone_has_neither_size_nor_tag() {
        let record = object_record(&event(ObjectEventKind::RemovedByDelete));
        assert_eq!(record["eventName"], "ObjectRemoved:Delete");
        let object = record["s3"]["object"].as_object().unwrap();
        let names: Vec<&String> = object.keys().collect();
        assert_eq!(names, ["key", "sequencer"]);
    }

    #[test]
    fn where_there_are_versions_it_is_said_which() {
        for (kind, name, members) in [
            (
                ObjectEventKind::CreatedByPut,
                "ObjectCreated:Put",
                &["key", "size", "eTag", "versionId", "sequencer"][..],
            ),
            (
                ObjectEventKind::RemovedByMarker,
                "ObjectRemoved:DeleteMarkerCreated",
                &["key", "eTag", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::RemovedByDelete,
                "ObjectRemoved:Delete",
                &["key", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::ExpiredByMarker,
                "LifecycleExpiration:DeleteMarkerCreated",
                &["key", "eTag", "versionId", "sequencer"],
            ),
            (
                ObjectEventKind::Expired,
                "LifecycleExpiration:Delete",
                &["key", "versionId", "sequencer"],
            ),
        ] {
            let record = object_record(&ObjectEvent {
                version: Some("v".into()),
                ..event(kind)
            });
            assert_eq!(record["eventName"], name);
            let object = record["s3"]["object"].as_object().unwrap();
            let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
            let mut members = members.to_vec();
            names.sort_unstable();
            members.sort_unstable();
            assert_eq!(names, members);
            assert_eq!(object["versionId"], "v");
        }
        let null = object_record(&ObjectEvent {
            version: Some("null".into()),
            ..event(ObjectEventKind::CreatedByPut)
        });
        assert_eq!(null["s3"]["object"].get("versionId"), None);
    }

    #[test]
    fn what_happens_to_tags_is_told_with_the_object_s_tag_alone() {
        for (kind, name) in [
            (ObjectEventKind::Tagged, "ObjectTagging:Put"),
            (ObjectEventKind::Untagged, "ObjectTagging:Delete"),
        ] {
            let record = object_record(&event(kind));
            assert_eq!(record["eventName"], name);
            assert_eq!(record["eventVersion"], "2.3");
            let object = record["s3"]["object"].as_object().unwrap();
            let names: Vec<&String> = object.keys().collect();
            assert_eq!(names, ["key", "eTag"]);
        }
    }
}
