//! Raw forms against the face.

use std::sync::Arc;

use access::{Access, Principal, RootKey};
use base::{ByteSize, ManualClock, Random, Timestamp};
use store::Store;

use super::Sts;
use crate::context::Context;

const ACCOUNT: &str = "000000000000";

async fn sts() -> (Sts, Access) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let (store, random) = (Store::ephemeral(Random::seeded(1)), Random::seeded(2));
    let roots = vec![RootKey::default()];
    let access = Access::open(&store, ACCOUNT, roots, clock.clone(), random);
    let access = access.await.unwrap();
    (Sts::new(access.clone(), clock), access)
}

fn owner() -> Principal {
    Principal::Owner {
        account: ACCOUNT.into(),
    }
}

fn worker() -> Principal {
    Principal::Role {
        account: ACCOUNT.into(),
        role: "worker".into(),
        session: "me".into(),
    }
}

async fn ask(sts: &Sts, principal: Principal, form: &str) -> (u16, String) {
    let request =
        http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let (head, ()) = request.body(()).unwrap().into_parts();
    let context = Context {
        space: Context::space(ACCOUNT, "us-east-1"),
        account: ACCOUNT.into(),
        region: "us-east-1".into(),
        principal,
        request_id: "ID".into(),
    };
    let body = format!("Version=2011-06-15&Action={form}").into();
    let (head, body) = sts.call(&context, &head, body).await.into_parts();
    let body = wire::collect(body, ByteSize::mib(1)).await.unwrap();
    (
        head.status.as_u16(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

/// The text in an element.
fn within(xml: &str, name: &str) -> String {
    let found = xml
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    let (text, _) = found.unwrap_or_else(|| panic!("{name} in {xml}"));
    quick_xml::escape::unescape(text).unwrap().into_owned()
}

#[tokio::test]
async fn callers_learn_who_they_are() {
    let (sts, _) = sts().await;
    let (status, xml) = ask(&sts, owner(), "GetCallerIdentity").await;
    assert_eq!(status, 200);
    assert_eq!(within(&xml, "Account"), ACCOUNT);
    assert_eq!(within(&xml, "UserId"), ACCOUNT);
    assert_eq!(within(&xml, "Arn"), "arn:aws:iam::000000000000:root");
    let (_, xml) = ask(&sts, worker(), "GetCallerIdentity").await;
    assert_eq!(
        within(&xml, "Arn"),
        "arn:aws:sts::000000000000:assumed-role/worker/me"
    );
    let user = within(&xml, "UserId");
    assert!(
        user.starts_with("AROA") && user.ends_with(":me") && user.len() == 24,
        "{user}"
    );
}

#[tokio::test]
async fn a_session_in_a_role_is_good_for_as_long_as_it_says() {
    let (sts, access) = sts().await;
    let form = "AssumeRole&RoleArn=arn:aws:iam::000000000000:role/team/worker&RoleSessionName=me&DurationSeconds=900&ExternalId=42";
    let (status, xml) = ask(&sts, owner(), form).await;
    assert_eq!(status, 200, "{xml}");
    let (id, token) = (within(&xml, "AccessKeyId"), within(&xml, "SessionToken"));
    let credential = access.credential(&id, Some(&token)).unwrap();
    assert_eq!(credential.principal, worker());
    assert_eq!(credential.secret, within(&xml, "SecretAccessKey"));
    assert_eq!(within(&xml, "Expiration"), "1970-01-01T00:31:40Z");
    assert_eq!(
        within(&xml, "Arn"),
        "arn:aws:sts::000000000000:assumed-role/worker/me"
    );
    let (_, known) = ask(&sts, worker(), "GetCallerIdentity").await;
    assert_eq!(within(&xml, "AssumedRoleId"), within(&known, "UserId"));
}

#[tokio::test]
async fn what_cannot_be_given_is_refused() {
    let (sts, _) = sts().await;
    let role = "AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::000000000000:role/worker";
    for (principal, form, status, code, message) in [
        (
            owner(),
            "AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::111111111111:role/worker"
                .to_owned(),
            403,
            "AccessDenied",
            "User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/worker",
        ),
        (
            owner(),
            "AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::000000000000:user/worker"
                .to_owned(),
            400,
            "ValidationError",
            "arn:aws:iam::000000000000:user/worker is invalid",
        ),
        (
            owner(),
            format!("{role}&DurationSeconds=60"),
            400,
            "ValidationError",
            "1 validation error detected: Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            worker(),
            format!("{role}&DurationSeconds=7200"),
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ),
        (
            owner(),
            format!("{role}&Policy=%7B%7D"),
            501,
            "NotImplementedException",
            "Fulmar does not implement the parameter Policy of STS.AssumeRole yet",
        ),
        (
            owner(),
            "GetSessionToken".to_owned(),
            501,
            "NotImplementedException",
            "Fulmar does not implement STS.GetSessionToken yet",
        ),
        (
            owner(),
            "Fly".to_owned(),
            400,
            "InvalidAction",
            "Could not find operation Fly for version 2011-06-15",
        ),
    ] {
        let (found, xml) = ask(&sts, principal, &form).await;
        assert_eq!(found, status, "{xml}");
        assert_eq!(
            (within(&xml, "Code"), within(&xml, "Message")),
            (code.into(), message.into())
        );
    }
}
