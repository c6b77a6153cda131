//! Who may do what with a bucket: a policy is checked as the real service checks it, kept and told. Nothing obeys it yet.

mod public;

use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PolicyStatus, PutBucketPolicyInput,
    PutBucketPolicyOutput,
};
use s3s::{S3Request, S3Response};
use serde_json::Value;
use serde_json::error::Category;

use super::call::Call;
use super::fault::{Fault, Result};
use crate::policy::{Document, NO_STATEMENT, NOT_UNIQUE, Statement};

/// In bytes.
const LONGEST: usize = 20 << 10;

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketPolicyInput>,
) -> Result<S3Response<GetBucketPolicyOutput>> {
    let policy = kept(call, &request.input.bucket)?;
    Ok(S3Response::new(GetBucketPolicyOutput {
        policy: Some(policy),
    }))
}

fn kept(call: &Call, bucket: &str) -> Result<String> {
    let access = call.parts.objects.access(bucket)?;
    access.policy.ok_or_else(|| {
        let why = "The bucket policy does not exist";
        Fault::not_set("NoSuchBucketPolicy", why, bucket)
    })
}

pub(super) async fn status(
    call: &Call,
    request: S3Request<GetBucketPolicyStatusInput>,
) -> Result<S3Response<GetBucketPolicyStatusOutput>> {
    let policy = kept(call, &request.input.bucket)?;
    let is_public = Document::read(&policy).is_ok_and(|document| public::is_public(&document));
    Ok(S3Response::new(GetBucketPolicyStatusOutput {
        policy_status: Some(PolicyStatus {
            is_public: Some(is_public),
        }),
    }))
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketPolicyInput>,
) -> Result<S3Response<PutBucketPolicyOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    let access = objects.access(&input.bucket)?;
    let document = read(&input.policy, &input.bucket)?;
    let is_blocked = access
        .barriers
        .is_some_and(|barriers| barriers.new_policies);
    if is_blocked && public::is_public(&document) {
        return Err(blocked(call, &input.bucket));
    }
    let text = document.into_text();
    let set = objects.set_access(&input.bucket, |access| access.policy = Some(text.clone()));
    set.await?;
    Ok(S3Response::new(PutBucketPolicyOutput {}))
}

fn blocked(call: &Call, bucket: &str) -> Fault {
    let user = &call.arn;
    Fault::denied(format!(
        "User: {user} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{bucket}\" because public policies are blocked by the BlockPublicPolicy block public access setting."
    ))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketPolicyInput>,
) -> Result<S3Response<DeleteBucketPolicyOutput>> {
    let objects = &call.parts.objects;
    let set = objects.set_access(&request.input.bucket, |access| access.policy = None);
    set.await?;
    Ok(S3Response::new(DeleteBucketPolicyOutput {}))
}

fn malformed(why: impl Into<String>) -> Fault {
    Fault::bad("MalformedPolicy", why)
}

fn read(policy: &str, bucket: &str) -> Result<Document> {
    if !policy.trim_start().starts_with('{') {
        return Err(malformed(
            "Policies must be valid JSON and the first byte must be '{'",
        ));
    }
    if policy.len() > LONGEST {
        return Err(malformed(
            "Policy exceeds the maximum allowed document size.",
        ));
    }
    let value: Value =
        serde_json::from_str(policy).map_err(|_| malformed("This policy contains invalid Json"))?;
    match value.get("Statement") {
        None => return Err(malformed("Missing required field Statement")),
        Some(Value::Array(list)) if list.is_empty() => return Err(malformed(NO_STATEMENT)),
        Some(_) => {}
    }
    let document = Document::read(policy).map_err(|cause| unreadable(&cause))?;
    for statement in &document.statement {
        check(statement, bucket)?;
    }
    match document.has_unique_ids() {
        true => Ok(document),
        false => Err(malformed(NOT_UNIQUE)),
    }
}

/// The policy is JSON, and something in it is not what it should be.
fn unreadable(cause: &serde_json::Error) -> Fault {
    debug_assert_eq!(cause.classify(), Category::Data);
    let cause = cause.to_string();
    let quoted = cause.split('`').nth(1).unwrap_or_default();
    match &cause {
        text if text.starts_with("unknown field") => malformed(format!("Unknown field {quoted}")),
        text if text.starts_with("no effect") => malformed("Invalid effect in policy"),
        text if text.starts_with("no principal") => malformed(INVALID_PRINCIPAL),
        _ => malformed("Invalid policy syntax."),
    }
}

const INVALID_PRINCIPAL: &str = "Invalid principal in policy";

fn check(statement: &Statement, bucket: &str) -> Result<()> {
    if let Some(name) = statement.missing() {
        return Err(malformed(format!("Missing required field {name}")));
    }
    for principal in [&statement.principal, &statement.not_principal] {
        if principal.as_ref().is_some_and(|one| !is_principal(one)) {
            return Err(malformed(INVALID_PRINCIPAL));
        }
    }
    let actions = texts(statement.action.as_ref().or(statement.not_action.as_ref()));
    let is_action = |action: &String| {
        let action = action.to_ascii_lowercase();
        action == "*"
            || action
                .strip_prefix("s3:")
                .is_some_and(|name| !name.is_empty())
    };
    if !actions.is_some_and(|actions| actions.iter().all(is_action)) {
        return Err(malformed("Policy has invalid action"));
    }
    let said = statement
        .resource
        .as_ref()
        .or(statement.not_resource.as_ref());
    let resources = texts(said).unwrap_or_default();
    let is_here = |resource: &String| path_in(resource, bucket).is_some();
    if resources.is_empty() || !resources.iter().all(is_here) {
        return Err(malformed("Policy has invalid resource"));
    }
    check_reach(statement, bucket)
}

/// Of each action there must be a resource that it is done to.
fn check_reach(statement: &Statement, bucket: &str) -> Result<()> {
    let (Some(actions), Some(resources)) = (
        texts(statement.action.as_ref()),
        texts(statement.resource.as_ref()),
    ) else {
        return Ok(());
    };
    let has = |objects: bool| {
        let mut paths = resources.iter().filter_map(|one| path_in(one, bucket));
        paths.any(|path| path == "*" || path.starts_with('/') == objects)
    };
    let (has_objects, has_bucket) = (has(true), has(false));
    let reaches = |action: &String| match is_of_objects(action) {
        None => true,
        Some(true) => has_objects,
        Some(false) => has_bucket,
    };
    match actions.iter().all(reaches) {
        true => Ok(()),
        false => Err(malformed(
            "Action does not apply to any resource(s) in statement",
        )),
    }
}

/// Whether an action is done to objects and not to the bucket. None if its name does not say it.
fn is_of_objects(action: &str) -> Option<bool> {
    const TO_OBJECTS: [&str; 6] = [
        "abortmultipartupload",
        "bypassgovernanceretention",
        "initiatereplication",
        "listmultipartuploadparts",
        "objectowneroverridetobucketowner",
        "replicatedelete",
    ];
    let name = action.to_ascii_lowercase();
    let name = name.strip_prefix("s3:")?;
    if name.contains(['*', '?']) {
        return None;
    }
    if TO_OBJECTS.contains(&name) {
        return Some(true);
    }
    if name.contains("bucket") {
        return Some(false);
    }
    name.contains("object").then_some(true)
}

fn is_principal(principal: &Value) -> bool {
    let Value::Object(kinds) = principal else {
        return principal == "*";
    };
    let is_of = |kind: &str, name: &str| match kind {
        "AWS" => name == "*" || is_account(name) || name.starts_with("arn:"),
        "Service" => name.contains('.') || name == "*",
        "CanonicalUser" => name.len() == 64,
        "Federated" => !name.is_empty(),
        _ => false,
    };
    !kinds.is_empty()
        && kinds.iter().all(|(kind, names)| {
            texts(Some(names)).is_some_and(|names| names.iter().all(|name| is_of(kind, name)))
        })
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// What an ARN says behind the bucket's name: nothing, or `/` and a pattern of keys. None if it is another's.
fn path_in<'a>(resource: &'a str, bucket: &str) -> Option<&'a str> {
    let name = resource.strip_prefix("arn:aws:s3:::")?;
    if let Some(path) = name.strip_prefix(bucket)
        && (path.is_empty() || path.starts_with('/') || path == "*")
    {
        return Some(path);
    }
    None
}

/// One text or several; none if there is something else.
fn texts(said: Option<&Value>) -> Option<Vec<String>> {
    let text = |one: &Value| one.as_str().map(str::to_owned);
    match said? {
        Value::Array(list) => list.iter().map(text).collect(),
        one => Some(vec![text(one)?]),
    }
}
