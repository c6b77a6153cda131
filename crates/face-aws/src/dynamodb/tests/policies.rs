use super::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/music";

/// As it is kept, but for what of its statement is otherwise.
pub(super) fn policy(otherwise: Value) -> Value {
    let statement = json!({
        "Sid": "readers",
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
        "Action": "dynamodb:GetItem",
        "Resource": ARN,
    });
    let mut statement = with(statement, otherwise);
    let members = statement.as_object_mut().unwrap();
    members.retain(|_, member| !member.is_null());
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

impl World {
    async fn put_policy(&self, policy: &str) -> Value {
        let put = json!({ "ResourceArn": ARN, "Policy": policy });
        self.ok("PutResourcePolicy", put).await["RevisionId"].clone()
    }

    async fn policy(&self) -> Value {
        let get = json!({ "ResourceArn": ARN });
        let told = self.ok("GetResourcePolicy", get).await["Policy"].clone();
        serde_json::from_str(told.as_str().unwrap()).unwrap()
    }
}

/// However it is written, a policy is kept in one form, and written otherwise it is no other.
#[tokio::test]
async fn a_policy_has_one_form() {
    let world = World::with_tables().await;
    let kept = policy(json!({})).to_string();
    let revision = world.put_policy(&kept).await;
    let (id, root) = ("000000000000", "arn:aws:iam::000000000000:root");
    let mut single = policy(json!({}));
    single["Statement"] = single["Statement"][0].clone();
    for written in [
        json!({ "Action": ["dynamodb:GetItem"], "Resource": [ARN] }),
        json!({ "Principal": { "AWS": id } }),
        json!({ "Principal": { "AWS": [id, root] } }),
        json!({ "Effect": "allow" }),
    ]
    .map(policy)
    .iter()
    .chain([&single])
    {
        world.clock.advance(Duration::from_secs(1));
        let pretty = serde_json::to_string_pretty(written).unwrap();
        assert_eq!(world.put_policy(&pretty).await, revision, "{pretty}");
    }
    let scrambled = json!({
        "Statement": [{
            "Condition": { "StringEquals": { "aws:PrincipalAccount": [id] } },
            "Resource": ARN,
            "NotAction": ["dynamodb:Scan", "dynamodb:GetItem"],
            "Principal": "*",
            "Effect": "Allow",
        }],
    });
    let other = world.put_policy(&scrambled.to_string()).await;
    assert_ne!(other, revision);
    let told = json!({
        "Version": "2008-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": "*",
            "NotAction": ["dynamodb:Scan", "dynamodb:GetItem"],
            "Resource": ARN,
            "Condition": { "StringEquals": { "aws:PrincipalAccount": id } },
        }],
    });
    // Their members have an order, which the text has.
    assert_eq!(world.policy().await.to_string(), told.to_string());
    assert_eq!(world.put_policy(&scrambled.to_string()).await, other);
    world.clock.advance(Duration::from_secs(1));
    assert_ne!(world.put_policy(&told.to_string()).await, other);
}

#[tokio::test]
async fn what_is_no_policy_is_not_kept() {
    let world = World::with_tables().await;
    let document = |what: &str| {
        format!("One or more parameter values were invalid: Invalid policy document: {what}")
    };
    let missing = |field: &str| document(&format!("Missing required field {field}"));
    let unbounded = "Resource-based policy grants unbounded access in one or more elements. Please revise the policy to ensure least-privilege form of access";
    let mut twice = policy(json!({}));
    let statement = twice["Statement"][0].clone();
    twice["Statement"] = json!([statement, statement]);
    let padded = format!("{}{}", policy(json!({})), " ".repeat(20_480));
    for (wrong, message) in [
        ("{not".to_owned(), document("This policy contains invalid Json")),
        (String::new(), document("This policy contains invalid Json")),
        (
            json!({ "Statement": [] }).to_string(),
            document("Could not parse the policy: Statement is empty!"),
        ),
        (
            policy(json!({ "Resource": null })).to_string(),
            missing("Resource"),
        ),
        (
            policy(json!({ "Principal": null })).to_string(),
            missing("Principal"),
        ),
        (
            policy(json!({ "Principal": "*" })).to_string(),
            unbounded.to_owned(),
        ),
        (
            policy(json!({ "Principal": { "AWS": "*" } })).to_string(),
            unbounded.to_owned(),
        ),
        (
            twice.to_string(),
            document("The Statement Ids in the policy are not unique"),
        ),
        (
            padded,
            "One or more parameter values were invalid: Maximum policy size of 20480 bytes exceeded"
                .to_owned(),
        ),
    ] {
        let put = json!({ "ResourceArn": ARN, "Policy": wrong });
        world.invalid("PutResourcePolicy", put, &message).await;
    }
    let bare = policy(json!({ "Principal": "000000000000" })).to_string();
    let put = json!({ "ResourceArn": ARN, "Policy": bare });
    let (_, message) = world.refused("PutResourcePolicy", put).await;
    assert!(message.starts_with(&document("Syntax error at position (1,")));
}

#[tokio::test]
async fn policies_are_of_tables_of_this_account_and_region() {
    let world = World::with_tables().await;
    let index = format!("{ARN}/index/by-at");
    let backup = format!("{ARN}/backup/01489628383860-b1dfd4a6");
    let elsewhere = ARN.replace("us-east-1", "us-west-2");
    let china = ARN.replace("arn:aws:", "arn:aws-cn:");
    let invalid = |what: String| format!("One or more parameter values were invalid: {what}");
    for (arn, message) in [
        (
            "music",
            invalid("ARNs must start with 'arn:': music".into()),
        ),
        (
            &*ARN.replace("000000000000", "999999999999"),
            "This action is only supported by accounts that match the resource owner’s account."
                .into(),
        ),
        (
            &elsewhere,
            invalid(format!("Invalid resource Arn: {elsewhere}")),
        ),
        (&china, invalid(format!("Invalid resource Arn: {china}"))),
        (
            &index,
            invalid(format!(
                "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
            )),
        ),
        (
            &backup,
            invalid(format!(
                "Provided Arn is not a DynamoDB resource arn: {backup}"
            )),
        ),
    ] {
        let of = json!({ "ResourceArn": arn });
        for operation in ["GetResourcePolicy", "DeleteResourcePolicy"] {
            world.invalid(operation, of.clone(), &message).await;
        }
    }
}

/// A policy is changed as one of a revision, or as none; when it is another, that is told.
#[tokio::test]
async fn a_policy_of_another_revision_is_left() {
    const NONE: &str = "Resource-based policy not found for the provided ResourceArn: ";
    const UPDATE: &str = "Requested update for policy with revision id old, but";
    let world = World::with_tables().await;
    let policy = policy(json!({})).to_string();
    let of =
        |arn: &str, revision: &str| json!({ "ResourceArn": arn, "ExpectedRevisionId": revision });
    let put = |arn: &str, revision: &str| with(of(arn, revision), json!({ "Policy": policy }));
    let refused = async |operation, input, code: &str, message: String| {
        let expected = (code.to_owned(), message);
        assert_eq!(world.refused(operation, input).await, expected);
    };
    let none = format!("{NONE}{UPDATE} table music has no associated policy.");
    let missing = "PolicyNotFoundException";
    refused("PutResourcePolicy", put(ARN, "old"), missing, none.clone()).await;
    refused("DeleteResourcePolicy", of(ARN, "old"), missing, none).await;
    let kept = world.ok("PutResourcePolicy", put(ARN, "NO_POLICY")).await;
    let revision = kept["RevisionId"].as_str().unwrap();
    let other = format!(
        "{NONE}{UPDATE} the policy associated to target table music has revision id {revision}."
    );
    refused("PutResourcePolicy", put(ARN, "old"), missing, other.clone()).await;
    refused("DeleteResourcePolicy", of(ARN, "old"), missing, other).await;
    let some = format!(
        "{NONE}Requested policy update expecting none to be present for table music, but a policy exists with revision id {revision}."
    );
    refused("PutResourcePolicy", put(ARN, "NO_POLICY"), missing, some).await;
    let absent = ARN.replace("music", "absent");
    let (code, message) = (
        "ResourceNotFoundException",
        "Requested resource not found: Table: absent not found",
    );
    refused(
        "PutResourcePolicy",
        put(&absent, "old"),
        code,
        message.into(),
    )
    .await;
    refused(
        "DeleteResourcePolicy",
        of(&absent, "old"),
        code,
        message.into(),
    )
    .await;
    let get = json!({ "ResourceArn": absent });
    refused("GetResourcePolicy", get, code, message.into()).await;
    world.ok("DeleteResourcePolicy", of(ARN, revision)).await;
}
