//! What is said of a bucket and not of what is in it: policies, what keeps everybody out, encryption, lists.

use http::{Method, StatusCode};

use super::{Ask, World};

const ROOT: &str = "arn:aws:iam::000000000000:root";

fn get(setting: &str) -> Ask {
    Ask::new(Method::GET, &format!("/bucket?{setting}"))
}

fn put(setting: &str, document: impl Into<bytes::Bytes>) -> Ask {
    Ask::new(Method::PUT, &format!("/bucket?{setting}")).with(document)
}

fn delete(setting: &str) -> Ask {
    Ask::new(Method::DELETE, &format!("/bucket?{setting}"))
}

fn policy(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#)
}

const OPEN: &str = "<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy>\
</PublicAccessBlockConfiguration>";
const EVERYONE: &str = r#""Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::bucket/*""#;

#[tokio::test]
async fn a_policy_is_kept_in_one_form() {
    let world = World::new().await;
    let none = (404, "NoSuchBucketPolicy".to_owned());
    assert_eq!(world.fails(get("policy")).await, none);
    assert_eq!(world.fails(get("policyStatus")).await, none);
    let blocked = world.send(put("policy", policy(EVERYONE))).await;
    assert_eq!(blocked.code(), "AccessDenied");
    assert_eq!(
        blocked.element("Message"),
        format!(
            "User: {ROOT} is not authorized to perform: s3:PutBucketPolicy on resource: &quot;arn:aws:s3:::bucket&quot; because public policies are blocked by the BlockPublicPolicy block public access setting."
        )
    );
    world.send(put("publicAccessBlock", OPEN)).await;
    let set = world.send(put("policy", policy(EVERYONE))).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.body);
    let found = world.send(get("policy")).await;
    assert_eq!(found.body, policy(&EVERYONE.replace(['[', ']'], "")));
    let status = world.send(get("policyStatus")).await;
    assert_eq!(status.element("IsPublic"), "true");
    let mine = EVERYONE.replace(r#""*""#, r#"{"AWS":"000000000000"}"#);
    world.send(put("policy", policy(&mine))).await;
    let status = world.send(get("policyStatus")).await;
    assert_eq!(status.element("IsPublic"), "false");
    for _ in 0..2 {
        let gone = world.send(delete("policy")).await;
        assert_eq!(gone.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.fails(get("policy")).await, none);
}

#[tokio::test]
async fn what_is_wrong_in_a_policy_is_said() {
    let world = World::new().await;
    let with = |from: &str, to: &str| {
        let statement = r#""Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*""#;
        assert!(statement.contains(from), "{from}");
        policy(&statement.replace(from, to))
    };
    const FIRST: &str = "Policies must be valid JSON and the first byte must be &apos;{&apos;";
    const RESOURCE: &str = "Policy has invalid resource";
    const REACH: &str = "Action does not apply to any resource(s) in statement";
    let twice = r#"{"Statement":[{"Sid":"a","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket"},{"Sid":"a","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket"}]}"#;
    for (policy, message) in [
        ("policy".to_owned(), FIRST),
        ("[]".to_owned(), FIRST),
        (
            "{\"Statement\":".to_owned(),
            "This policy contains invalid Json",
        ),
        ("{}".to_owned(), "Missing required field Statement"),
        (
            r#"{"Statement":[]}"#.to_owned(),
            "Could not parse the policy: Statement is empty!",
        ),
        (
            with(r#""Effect":"Allow","#, ""),
            "Missing required field Effect",
        ),
        (
            with(r#""Principal":{"AWS":"000000000000"},"#, ""),
            "Missing required field Principal",
        ),
        (
            with(r#"{"AWS":"000000000000"}"#, r#""000000000000""#),
            "Invalid principal in policy",
        ),
        (
            with("000000000000", "somebody"),
            "Invalid principal in policy",
        ),
        (
            with("s3:GetObject", "sqs:SendMessage"),
            "Policy has invalid action",
        ),
        (with("bucket/*", "bucket2/*"), RESOURCE),
        (with("arn:aws:s3:::bucket/*", "*"), RESOURCE),
        (with("bucket/*", "bucket"), REACH),
        (with("s3:GetObject", "s3:ListBucket"), REACH),
        (
            with(r#""Effect""#, r#""Colour":"red","Effect""#),
            "Unknown field Colour",
        ),
        (
            twice.to_owned(),
            "The Statement Ids in the policy are not unique",
        ),
    ] {
        let answer = world.send(put("policy", policy.clone())).await;
        assert_eq!(
            answer.code(),
            "MalformedPolicy",
            "{policy}: {}",
            answer.body
        );
        assert_eq!(answer.element("Message"), message, "{policy}");
    }
    for fits in [
        with("bucket/*", "bucket*"),
        with("s3:GetObject", "s3:*"),
        with("s3:GetObject", "s3:Get*"),
        with(
            r#""s3:GetObject""#,
            r#"["S3:GetObject","s3:AbortMultipartUpload"]"#,
        ),
        with("000000000000", "arn:aws:iam::000000000000:role/r"),
    ] {
        let answer = world.send(put("policy", fits.clone())).await;
        assert_eq!(
            answer.status,
            StatusCode::NO_CONTENT,
            "{fits}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn what_keeps_everybody_out_is_set_read_and_removed() {
    let world = World::new().await;
    let empty = "<PublicAccessBlockConfiguration/>";
    let refused = world.send(put("publicAccessBlock", empty)).await;
    assert_eq!(refused.code(), "InvalidRequest");
    assert_eq!(
        refused.element("Message"),
        "Must specify at least one configuration."
    );
    let some = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
    world.send(put("publicAccessBlock", some)).await;
    let found = world.send(get("publicAccessBlock")).await;
    for (name, value) in [
        ("BlockPublicAcls", "false"),
        ("BlockPublicPolicy", "false"),
        ("IgnorePublicAcls", "true"),
        ("RestrictPublicBuckets", "false"),
    ] {
        assert_eq!(found.element(name), value);
    }
    world.send(delete("publicAccessBlock")).await;
    let none = (404, "NoSuchPublicAccessBlockConfiguration".to_owned());
    assert_eq!(world.fails(get("publicAccessBlock")).await, none);
    // What is said of a bucket goes with it.
    let bucket = |method| Ask::new(method, "/bucket").with("");
    world.send(bucket(Method::DELETE)).await;
    world.send(bucket(Method::PUT)).await;
    let found = world.send(get("publicAccessBlock")).await;
    assert_eq!(found.element("BlockPublicPolicy"), "true");
}

#[tokio::test]
async fn everything_in_a_bucket_is_its_owner_s() {
    let world = World::new().await;
    let rules = |rules: &[&str]| {
        let rules: String = rules
            .iter()
            .map(|rule| format!("<Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule>"))
            .collect();
        let xml = format!("<OwnershipControls>{rules}</OwnershipControls>");
        put("ownershipControls", xml)
    };
    let gone = world.send(delete("ownershipControls")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let none = (404, "OwnershipControlsNotFoundError".to_owned());
    assert_eq!(world.fails(get("ownershipControls")).await, none);
    for (said, status, code) in [
        (&["ObjectWriter"][..], 501, "NotImplemented"),
        (&["BucketOwnerPreferred"], 501, "NotImplemented"),
        (&["Nobody"], 400, "MalformedXML"),
        (&[], 400, "MalformedXML"),
    ] {
        assert_eq!(world.fails(rules(said)).await, (status, code.into()));
    }
    let set = world.send(rules(&["BucketOwnerEnforced"])).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let found = world.send(get("ownershipControls")).await;
    assert_eq!(found.element("ObjectOwnership"), "BucketOwnerEnforced");
    world.send(Ask::put(b"x")).await;
    let not_supported = (400, "AccessControlListNotSupported".to_owned());
    for target in ["/bucket?acl", "/bucket/key?acl"] {
        let ask = |acl| {
            Ask::new(Method::PUT, target)
                .header("x-amz-acl", acl)
                .with("")
        };
        for acl in ["private", "public-read"] {
            assert_eq!(world.fails(ask(acl)).await, not_supported, "{target}");
        }
        let wrong = (400, "InvalidArgument".to_owned());
        assert_eq!(world.fails(ask("mine")).await, wrong);
    }
    let missing = Ask::new(Method::PUT, "/bucket/other?acl").header("x-amz-acl", "private");
    assert_eq!(
        world.fails(missing.with("")).await,
        (404, "NoSuchKey".into())
    );
    let mine = Ask::put(b"x").header("x-amz-acl", "bucket-owner-full-control");
    assert_eq!(world.send(mine).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_bucket_is_encrypted_by_the_service_s_own_keys_only() {
    let world = World::new().await;
    let rule = |by_default: &str, more: &str| {
        let xml = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{by_default}</ApplyServerSideEncryptionByDefault>{more}</Rule></ServerSideEncryptionConfiguration>"
        );
        put("encryption", xml)
    };
    let own = "<SSEAlgorithm>AES256</SSEAlgorithm>";
    let kms = "<SSEAlgorithm>aws:kms</SSEAlgorithm>";
    let key = "<KMSMasterKeyID>k</KMSMasterKeyID>";
    for (said, status, code) in [
        (kms.to_owned(), 501, "NotImplemented"),
        (format!("{key}{kms}"), 501, "NotImplemented"),
        (format!("{key}{own}"), 400, "InvalidArgument"),
        (
            "<SSEAlgorithm>rot13</SSEAlgorithm>".to_owned(),
            400,
            "MalformedXML",
        ),
    ] {
        let refused = world.fails(rule(&said, "")).await;
        assert_eq!(refused, (status, code.into()), "{said}");
    }
    let with_key = "<BucketKeyEnabled>true</BucketKeyEnabled>";
    let set = world.send(rule(own, with_key)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let found = world.send(get("encryption")).await;
    assert_eq!(found.element("SSEAlgorithm"), "AES256");
    assert_eq!(found.element("BucketKeyEnabled"), "true");
    world.send(delete("encryption")).await;
    let found = world.send(get("encryption")).await;
    assert_eq!(found.element("BucketKeyEnabled"), "false");
}
