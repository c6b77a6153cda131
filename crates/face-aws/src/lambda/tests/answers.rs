//! What answers say beside what was asked for.

use http::Method;
use serde_json::json;

use super::{ECHO, FUNCTIONS, World, zip};

#[tokio::test]
async fn runtimes_are_looked_at_after_what_the_model_constrains() {
    let world = World::new().await;
    for (more, begins) in [
        (
            json!({ "Runtime": "nodejs99.x", "Role": "nobody" }),
            "1 validation error detected: Value 'nobody' at 'role'",
        ),
        (
            json!({ "Runtime": "nodejs99.x" }),
            "Value nodejs99.x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [",
        ),
        (
            json!({ "Runtime": "nodejs12.x" }),
            "The runtime parameter of nodejs12.x is no longer supported for creating or updating",
        ),
    ] {
        let refused = world.deploy("f", ECHO, more).await;
        let (status, _, message) = refused.error();
        assert_eq!(status, 400);
        assert!(message.starts_with(begins), "{message}");
    }
    world.deploy("f", ECHO, json!({})).await;
    let update = json!({ "Runtime": "python3.6" });
    let refused = world.put("/f/configuration", &update).await;
    let (status, code, _) = refused.error();
    assert_eq!((status, code), (400, "InvalidParameterValueException"));
}

#[tokio::test]
async fn what_is_in_another_account_is_denied_by_the_operations_own_permission() {
    let world = World::new().await;
    let elsewhere = "arn:aws:lambda:us-east-1:111111111111:function:f";
    let one = format!("{FUNCTIONS}/{elsewhere}");
    let layer = "/2018-10-31/layers/arn:aws:lambda:us-east-1:111111111111:layer:l/versions/1";
    for (method, path, action) in [
        (Method::GET, one.clone(), "GetFunction"),
        (Method::DELETE, one.clone(), "DeleteFunction"),
        (Method::POST, format!("{one}/invocations"), "InvokeFunction"),
        (Method::GET, format!("{one}/aliases"), "ListAliases"),
        (Method::DELETE, layer.to_owned(), "DeleteLayerVersion"),
    ] {
        let denied = world.send(method, &path, &[], "").await;
        let (status, code, message) = denied.error();
        assert_eq!((status, code), (403, "AccessDeniedException"), "{path}");
        let wanted = format!("is not authorized to perform: lambda:{action} on resource: arn:");
        assert!(message.contains(&wanted), "{message}");
    }
}

#[tokio::test]
async fn other_code_may_be_for_another_architecture() {
    let world = World::new().await;
    world.deploy("f", ECHO, json!({})).await;
    let update = |more: serde_json::Value| {
        let mut update = json!({ "ZipFile": zip(ECHO) });
        let members = update.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        update
    };
    let arm = json!({ "Architectures": ["arm64"] });
    let dry = json!({ "Architectures": ["arm64"], "DryRun": true });
    for (more, answered, kept) in [
        (dry, "arm64", "x86_64"),
        (arm, "arm64", "arm64"),
        (json!({}), "arm64", "arm64"),
    ] {
        let updated = world.put("/f/code", &update(more)).await;
        assert_eq!(updated.json()["Architectures"], json!([answered]));
        let is = world.get("/f/configuration").await.json();
        assert_eq!(is["Architectures"], json!([kept]));
    }
}

#[tokio::test]
async fn a_call_is_told_its_trace() {
    const TRACED: &str = "exports.handler = async () => process.env._X_AMZN_TRACE_ID;";
    const GIVEN: &str =
        "Root=1-67891234-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0";
    let world = World::new().await;
    world.deploy("f", TRACED, json!({})).await;
    for (headers, begins) in [
        (vec![], "Root=1-"),
        (vec![("x-amzn-trace-id", GIVEN)], GIVEN),
    ] {
        let answer = world.invoke("f", &headers, "{}").await;
        let told = answer.header("x-amzn-trace-id").to_owned();
        assert!(
            told.starts_with(begins) && told.contains(";Sampled=0"),
            "{told}"
        );
        let handed = answer.json();
        assert!(handed.as_str().unwrap().starts_with(&told), "{handed}");
        let later = [headers, vec![("x-amz-invocation-type", "Event")]].concat();
        let accepted = world.invoke("f", &later, "{}").await;
        assert_eq!(accepted.status, 202);
        assert!(accepted.header("x-amzn-trace-id").starts_with(begins));
    }
}
