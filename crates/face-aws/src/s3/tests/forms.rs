//! Forms that browsers post.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};

use super::{Answer, Ask, World};
use crate::s3::signature;
use crate::signature::hex;

/// A form, its policy's conditions beside those on the bucket and the key, and its file.
pub(super) struct Form {
    fields: Vec<(&'static str, &'static str)>,
    conditions: &'static str,
    expires: &'static str,
    file: Option<&'static str>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            fields: vec![("key", "in/${filename}")],
            conditions: "",
            expires: "2100-01-01T00:00:00Z",
            file: Some("hello"),
        }
    }
}

impl Form {
    pub(super) fn of(fields: &[(&'static str, &'static str)], conditions: &'static str) -> Self {
        let mut form = Self {
            conditions,
            ..Self::default()
        };
        form.fields.extend(fields);
        form
    }

    fn policy(&self) -> String {
        let conditions = self.conditions;
        STANDARD.encode(format!(
            r#"{{"expiration": "{}", "conditions": [{{"bucket": "bucket"}}, ["starts-with", "$key", "in/"]{conditions}]}}"#,
            self.expires
        ))
    }

    fn body(&self, proof: &[(&str, String)]) -> String {
        let mut body = String::new();
        let mut add = |disposition: &str, value: &str| {
            body.push_str(&format!(
                "--edge\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"
            ));
        };
        for (name, value) in &self.fields {
            add(&format!("name=\"{name}\""), value);
        }
        for (name, value) in proof {
            add(&format!("name=\"{name}\""), value);
        }
        if let Some(file) = self.file {
            add("name=\"file\"; filename=\"C:\\\\dir\\\\f 1.txt\"", file);
        }
        add("name=\"submit\"", "ignored");
        body + "--edge--"
    }

    pub(super) async fn post(&self, world: &World) -> Answer {
        let policy = self.policy();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"test");
        let signed = STANDARD.encode(hmac::sign(&key, policy.as_bytes()));
        let proof = [
            ("AWSAccessKeyId", "test".to_owned()),
            ("Policy", policy),
            ("signature", signed),
        ];
        post(world, self.body(&proof)).await
    }
}

async fn post(world: &World, body: String) -> Answer {
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/bucket")
        .header("host", "localhost:4566")
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(wire::full(body))
        .unwrap();
    Answer::of(world.s3.call(request).await).await
}

#[tokio::test]
async fn a_form_stores_its_file_under_the_files_name() {
    let world = World::new().await;
    let fields = [
        ("success_action_status", "201"),
        ("Content-Type", "text/x-form"),
        ("x-amz-meta-who", "me"),
        ("acl", "private"),
    ];
    let conditions = r#", {"success_action_status": "201"}, ["starts-with", "$content-type", "text/"], ["eq", "$x-amz-meta-who", "me"], {"acl": "private"}, ["content-length-range", 5, "5"]"#;
    let answer = Form::of(&fields, conditions).post(&world).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.element("Key"), "in/f 1.txt");
    let location = "http://localhost:4566/bucket/in%2Ff%201.txt";
    assert_eq!(answer.element("Location"), location);
    assert_eq!(answer.header("location"), location);
    let etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    assert_eq!(answer.element("ETag"), etag.replace('"', "&quot;"));
    assert_eq!(answer.header("etag"), etag);
    assert_eq!(answer.header("x-amz-server-side-encryption"), "AES256");
    let found = world
        .send(Ask::new(Method::GET, "/bucket/in/f%201.txt"))
        .await;
    assert_eq!(found.body, "hello");
    assert_eq!(found.header("content-type"), "text/x-form");
    assert_eq!(found.header("x-amz-meta-who"), "me");

    let plain = Form::default().post(&world).await;
    assert_eq!(plain.status, StatusCode::NO_CONTENT, "{}", plain.body);
    let fields = [("success_action_redirect", "http://page/?a=b")];
    let form = Form::of(
        &fields,
        r#", ["starts-with", "$success_action_redirect", ""]"#,
    );
    let redirected = form.post(&world).await;
    assert_eq!(redirected.status, StatusCode::SEE_OTHER);
    assert_eq!(
        redirected.header("location"),
        "http://page/?a=b&bucket=bucket&key=in%2Ff%201.txt&etag=%225d41402abc4b2a76b9719d911017c592%22"
    );
}

#[tokio::test]
async fn a_form_must_be_as_its_policy_wants() {
    let world = World::new().await;
    let of = |fields: &[(&'static str, &'static str)], conditions| Form::of(fields, conditions);
    let expired = Form {
        expires: "2020-01-01T00:00:00Z",
        ..Form::default()
    };
    let fileless = Form {
        file: None,
        ..Form::default()
    };
    for (form, status, code, message) in [
        (
            of(&[], r#", ["eq", "$Content-Type", "a/\"b\""]"#),
            403,
            "AccessDenied",
            r#"Invalid according to Policy: Policy Condition failed: ["eq", "$Content-Type", "a/\"b\""]"#,
        ),
        (
            of(&[("acl", "private")], r#", {"acl": "public-read"}"#),
            403,
            "AccessDenied",
            r#"Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "public-read"]"#,
        ),
        (
            of(&[("X-Amz-Meta-A", "1")], ""),
            403,
            "AccessDenied",
            "Invalid according to Policy: Extra input fields: X-Amz-Meta-A",
        ),
        (
            expired,
            403,
            "AccessDenied",
            "Invalid according to Policy: Policy expired.",
        ),
        (
            fileless,
            400,
            "InvalidArgument",
            "POST requires exactly one file upload per request.",
        ),
        (
            of(&[], r#", ["content-length-range", 1, 2]"#),
            400,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        ),
        (
            of(&[], r#", ["content-length-range", 10, 20]"#),
            400,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
        ),
        (
            of(
                &[("tagging", "<Tagging/>")],
                r#", {"tagging": "<Tagging/>"}"#,
            ),
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        (
            of(&[("acl", "public-read")], r#", {"acl": "public-read"}"#),
            400,
            "AccessControlListNotSupported",
            "The bucket does not allow ACLs",
        ),
        (
            of(&[], r#", {"a": "b", "c": "d"}"#),
            400,
            "InvalidPolicyDocument",
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
    ] {
        let answer = form.post(&world).await;
        let message = message.replace('"', "&quot;");
        assert_eq!(answer.element("Message"), message);
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code.into())
        );
    }
    let large = of(&[], r#", ["content-length-range", 1, 2]"#);
    let large = large.post(&world).await;
    assert_eq!(large.element("ProposedSize"), "5");
    assert_eq!(large.element("MaxSizeAllowed"), "2");
    assert!(world.is_empty());
}

#[tokio::test]
async fn a_form_is_signed() {
    let world = World::new().await;
    let form = Form::of(
        &[],
        r#", ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-date", ""]"#,
    );
    let credential = "test/20260101/us-east-1/s3/aws4_request";
    let (_, scope) = signature::credential(credential, |_| unreachable!()).unwrap();
    let policy = form.policy();
    let key = signature::signing_key("test", &scope);
    let signed = hex(hmac::sign(&key, policy.as_bytes()).as_ref());
    let fields = |signed: &str| {
        [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", credential.to_owned()),
            ("x-amz-date", "20260101T000000Z".to_owned()),
            ("policy", policy.clone()),
            ("x-amz-signature", signed.to_owned()),
        ]
    };
    let good = post(&world, form.body(&fields(&signed))).await;
    assert_eq!(good.status, StatusCode::NO_CONTENT, "{}", good.body);
    let wrong = post(&world, form.body(&fields("0123"))).await;
    assert_eq!(wrong.code(), "SignatureDoesNotMatch");
    assert_eq!(wrong.element("StringToSign"), policy);
    let nobody = post(&world, form.body(&[])).await;
    assert_eq!(nobody.code(), "AccessDenied");
    let unsigned = post(&world, form.body(&fields(&signed)[..4])).await;
    assert_eq!(unsigned.element("ArgumentName"), "X-Amz-Signature");
}
