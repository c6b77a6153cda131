//! Uploads in parts: what vouches for them, and what is said when it does not.

use http::{Method, StatusCode};

use super::{Answer, Ask, World};

const MIB: usize = 1 << 20;
/// SHA-256 of `end`.
const OF_END: &str = "Nh5I0DCPIOMtul+1Yyi68Y1y7wzLQ7hPXCYtKmofxsg=";

/// An upload of two parts, the second of which is `end`.
struct Upload {
    id: String,
    parts: Vec<(String, String)>,
}

impl Upload {
    async fn new(world: &World, kind: &str) -> Self {
        let begin = Ask::new(Method::POST, "/bucket/key?uploads")
            .header("x-amz-checksum-algorithm", "SHA256");
        let begun = world.send(begin).await;
        assert_eq!(begun.header("x-amz-checksum-type"), kind);
        let id = begun.element("UploadId");
        let mut parts = Vec::new();
        for (number, body) in [(1, vec![b'x'; 5 * MIB]), (2, b"end".to_vec())] {
            let target = format!("/bucket/key?partNumber={number}&uploadId={id}");
            let sent = world.send(Ask::new(Method::PUT, &target).with(body)).await;
            assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
            let checksum = sent.header("x-amz-checksum-sha256").to_owned();
            parts.push((sent.header("etag").to_owned(), checksum));
        }
        Self { id, parts }
    }

    /// `said` has of each part what is named beside its number.
    fn complete(&self, said: impl Fn(&str, &str) -> String) -> Ask {
        let parts = self
            .parts
            .iter()
            .zip(1..)
            .map(|((etag, checksum), number)| {
                let said = said(etag, checksum);
                format!("<Part><PartNumber>{number}</PartNumber>{said}</Part>")
            });
        let parts: String = parts.collect();
        let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        Ask::new(Method::POST, &format!("/bucket/key?uploadId={}", self.id)).with(xml)
    }

    fn good(&self) -> Ask {
        self.complete(|etag, checksum| {
            format!("<ETag>{etag}</ETag><ChecksumSHA256>{checksum}</ChecksumSHA256>")
        })
    }
}

fn fields(answer: &Answer, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| answer.element(name)).collect()
}

#[tokio::test]
async fn a_completion_must_say_what_the_upload_was_begun_with() {
    let world = World::new().await;
    let upload = Upload::new(&world, "COMPOSITE").await;
    let without = upload.complete(|etag, _| format!("<ETag>{etag}</ETag>"));
    let refused = world.send(without).await;
    assert_eq!(
        fields(&refused, &["Code", "Message"]),
        [
            "InvalidRequest",
            "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.",
        ]
    );
    let other = upload.good().header("x-amz-checksum-type", "FULL_OBJECT");
    let refused = world.send(other).await;
    assert_eq!(
        fields(&refused, &["Code", "Message"]),
        [
            "InvalidRequest",
            "The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode.",
        ]
    );
    let wrong = upload.complete(|_, _| "<ETag>\"0123\"</ETag>".to_owned());
    let refused = world.send(wrong).await;
    assert_eq!(
        fields(&refused, &["Code", "UploadId", "PartNumber", "ETag"]),
        ["InvalidPart", &upload.id, "1", "0123"]
    );
    let wrong = format!("{OF_END}-2");
    let wrong = upload.good().header("x-amz-checksum-sha256", &wrong);
    assert_eq!(world.fails(wrong).await, (400, "BadDigest".into()));
    let done = world.send(upload.good()).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
}

#[tokio::test]
async fn parts_keep_their_checksums_and_a_copy_has_none() {
    let world = World::new().await;
    let upload = Upload::new(&world, "COMPOSITE").await;
    let done = world.send(upload.good()).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);

    let part =
        Ask::new(Method::GET, "/bucket/key?partNumber=2").header("x-amz-checksum-mode", "ENABLED");
    let part = world.send(part).await;
    assert_eq!(part.body, "end");
    assert_eq!(part.header("x-amz-checksum-sha256"), OF_END);
    assert_eq!(part.header("x-amz-checksum-type"), "COMPOSITE");

    let attributes = |what: &str| {
        Ask::new(Method::GET, "/bucket/key?attributes").header("x-amz-object-attributes", what)
    };
    let about = attributes("ETag,ObjectParts").header("x-amz-max-parts", "1");
    let about = world.send(about).await;
    let etag = done.element("ETag");
    assert_eq!(format!("\"{}\"", about.element("ETag")), etag);
    let names = [
        "PartsCount",
        "PartNumberMarker",
        "NextPartNumberMarker",
        "MaxParts",
        "IsTruncated",
        "PartNumber",
        "Size",
        "ChecksumSHA256",
    ];
    let first = [
        "2",
        "0",
        "1",
        "1",
        "true",
        "1",
        "5242880",
        &upload.parts[0].1,
    ];
    assert_eq!(fields(&about, &names), first);
    let rest = attributes("ObjectParts").header("x-amz-part-number-marker", "1");
    let rest = world.send(rest).await;
    let second = ["2", "1", "2", "1000", "false", "2", "3", OF_END];
    assert_eq!(fields(&rest, &names), second);
    let refused = world.send(attributes("ETag,Colour")).await;
    assert_eq!(
        fields(&refused, &["Code", "Message", "ArgumentValue"]),
        [
            "InvalidArgument",
            "Invalid attribute name specified.",
            "ETag,Colour"
        ]
    );

    let copy = Ask::new(Method::PUT, "/bucket/copy").header("x-amz-copy-source", "bucket/key");
    let copy = world.send(copy).await;
    assert!(!copy.element("ETag").contains('-'), "{}", copy.body);
    assert_eq!(copy.element("ChecksumType"), "FULL_OBJECT");
    assert!(!copy.element("ChecksumSHA256").contains('-'));
}

#[tokio::test]
async fn what_is_said_of_checksums_must_fit() {
    let world = World::new().await;
    let named = Ask::put(b"x").header("x-amz-sdk-checksum-algorithm", "CRC32");
    let refused = world.send(named).await;
    assert_eq!(
        fields(&refused, &["Code", "Message"]),
        [
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
        ]
    );
    let other = Ask::put(b"x")
        .header("x-amz-sdk-checksum-algorithm", "SHA1")
        .header("x-amz-checksum-crc32", "jNx+pw==");
    assert_eq!(world.fails(other).await, (400, "InvalidRequest".into()));
    let alone =
        Ask::new(Method::POST, "/bucket/key?uploads").header("x-amz-checksum-type", "COMPOSITE");
    let refused = world.send(alone).await;
    assert_eq!(
        fields(&refused, &["Code", "Message"]),
        [
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
        ]
    );
    assert!(world.is_empty());
}
