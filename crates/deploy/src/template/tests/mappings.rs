//! Mappings from streams to functions.

use super::{only, resolve_with, resolved, said};
use crate::desired::{Kind, Mapping, Starting};

const BEFORE: &str = "Transform: AWS::Serverless-2016-10-31
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: items
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: failed}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
";

const STREAM: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/items/stream/1970-01-01T00:00:00.000";

/// With these properties in the function's only event.
fn event(properties: &str) -> String {
    format!(
        "{BEFORE}      Events: {{Change: {{Type: DynamoDB, Properties: {{Stream: !GetAtt T.StreamArn, StartingPosition: LATEST, {properties}}}}}}}\n"
    )
}

/// With these properties in a mapping of its own.
fn resource(properties: &str) -> String {
    format!(
        "{BEFORE}  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties: {{FunctionName: !Ref F, EventSourceArn: !GetAtt T.StreamArn, StartingPosition: LATEST, {properties}}}\n"
    )
}

fn mapping(text: &str, id: &str) -> Mapping {
    match &only(&resolved(text), id).kind {
        Kind::Mapping(mapping) => mapping.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

/// Changes what an event or a mapping without settings makes.
type Change = fn(&mut Mapping);

#[test]
fn an_event_and_a_mapping_say_the_same_and_every_setting_arrives() {
    let plain = mapping(&event(""), "FChange");
    assert_eq!(plain, mapping(&resource(""), "M"));
    assert_eq!(plain.source, STREAM);
    assert_eq!(
        (plain.function.as_str(), plain.starting),
        ("f", Starting::Newest)
    );
    assert_eq!(plain.name, "items/stream/1970-01-01T00:00:00.000 to f");
    let settings: &[(&str, Change)] = &[
        ("BatchSize: 7", |m| m.batch = 7),
        ("MaximumBatchingWindowInSeconds: 7", |m| m.wait_s = 7),
        ("ParallelizationFactor: 7", |m| m.lanes = 7),
        ("MaximumRetryAttempts: 7", |m| m.retries = Some(7)),
        ("MaximumRetryAttempts: 0", |m| m.retries = Some(0)),
        ("MaximumRetryAttempts: -1", |m| m.retries = None),
        ("MaximumRecordAgeInSeconds: 70", |m| m.age_s = Some(70)),
        ("BisectBatchOnFunctionError: true", |m| m.bisect = true),
        ("FunctionResponseTypes: [ReportBatchItemFailures]", |m| {
            m.partial = true;
        }),
        ("TumblingWindowInSeconds: 7", |m| m.tumbling_s = Some(7)),
        ("TumblingWindowInSeconds: 0", |m| m.tumbling_s = None),
        ("Enabled: false", |m| m.enabled = false),
        (
            "FilterCriteria: {Filters: [{Pattern: '{\"eventName\": [\"INSERT\"]}'}]}",
            |m| m.filters = vec!["{\"eventName\": [\"INSERT\"]}".into()],
        ),
        (
            "DestinationConfig: {OnFailure: {Destination: !GetAtt B.Arn}}",
            |m| m.failures_to = Some("failed".into()),
        ),
    ];
    for (setting, change) in settings {
        let mut wanted = plain.clone();
        change(&mut wanted);
        assert_eq!(mapping(&event(setting), "FChange"), wanted, "{setting}");
        assert_eq!(mapping(&resource(setting), "M"), wanted, "{setting}");
    }
}

#[test]
fn it_comes_after_what_it_needs() {
    let desired = resolved(&event(
        "DestinationConfig: {OnFailure: {Type: S3, Destination: !GetAtt B.Arn}}",
    ));
    let mapping = only(&desired, "FChange");
    assert_eq!(mapping.depends_on, ["T", "B", "F"]);
    assert_eq!(desired.resources.last().unwrap().logical_id, "FChange");
}

#[test]
fn what_is_published_gets_the_records() {
    let text = event("").replace(
        "      CodeUri: src\n",
        "      CodeUri: src\n      AutoPublishAlias: live\n",
    );
    let made = mapping(&text, "FChange");
    assert_eq!(
        (made.function.as_str(), made.qualifier.as_deref()),
        ("f", Some("live"))
    );
    for (name, function, qualifier) in [
        ("f", "f", None),
        ("f:live", "f", Some("live")),
        ("f:$LATEST", "f", None),
        ("000000000000:function:f", "f", None),
        ("!GetAtt F.Arn", "f", None),
        ("!Sub '${F.Arn}:live'", "f", Some("live")),
    ] {
        let made = mapping(&resource("").replace("!Ref F", name), "M");
        assert_eq!(
            (made.function.as_str(), made.qualifier.as_deref()),
            (function, qualifier),
            "{name}"
        );
    }
}

#[test]
fn what_is_not_built_or_wrong_is_refused() {
    for (setting, wrong) in [
        (
            "BatchSize: 0",
            "`BatchSize` must be a whole number from 1 to 10000",
        ),
        (
            "MaximumBatchingWindowInSeconds: 301",
            "`MaximumBatchingWindowInSeconds` must be a whole number from 0 to 300",
        ),
        (
            "ParallelizationFactor: 11",
            "`ParallelizationFactor` must be a whole number from 1 to 10",
        ),
        (
            "MaximumRetryAttempts: -2",
            "`MaximumRetryAttempts` must be a whole number from -1 to 10000",
        ),
        (
            "MaximumRecordAgeInSeconds: 59",
            "`MaximumRecordAgeInSeconds` must be -1 or at least 60",
        ),
        (
            "TumblingWindowInSeconds: 901",
            "`TumblingWindowInSeconds` must be a whole number from 0 to 900",
        ),
        (
            "FunctionResponseTypes: [All]",
            "this must be ReportBatchItemFailures",
        ),
        (
            "FilterCriteria: {Filters: [{Pattern: '{\"a\": 1}'}]}",
            "this is no pattern",
        ),
        (
            "FilterCriteria: {Filters: [{Pattern: '{\"a\": [{\"wildcard\": \"*\"}]}'}]}",
            "this is no pattern",
        ),
        ("KmsKeyArn: k", "`KmsKeyArn` is not supported yet"),
        (
            "MetricsConfig: {Metrics: [EventCount]}",
            "`MetricsConfig` is not supported yet",
        ),
        (
            "StartingPositionTimestamp: 1",
            "`StartingPositionTimestamp` is not supported yet",
        ),
        (
            "DestinationConfig: {OnFailure: {Destination: 'arn:aws:kinesis:us-east-1:000000000000:stream/s'}}",
            "nothing can be sent there",
        ),
        (
            "DestinationConfig: {OnSuccess: {Destination: x}}",
            "`OnSuccess` is not supported yet",
        ),
    ] {
        for text in [event(setting), resource(setting)] {
            let found = said(&text);
            let words: Vec<&str> = found
                .iter()
                .map(|one| one.split_once(' ').unwrap().1)
                .collect();
            assert_eq!(words, [wrong], "{text}");
        }
    }
    let refused = |text: &str, wrong: &str| {
        let found = said(text);
        assert!(
            found.iter().any(|one| one.ends_with(wrong)),
            "{text}\n{found:?}"
        );
        assert!(resolve_with(text, &[]).is_err());
    };
    refused(
        &event("Batch: 1"),
        "`DynamoDB event` has no property `Batch`",
    );
    refused(
        &resource("ScalingConfig: {MaximumConcurrency: 2}"),
        "`ScalingConfig` is for queues, and this is a stream",
    );
    refused(
        &event("").replace("StartingPosition: LATEST", "StartingPosition: AT_TIMESTAMP"),
        "streams of tables cannot be read from a moment on",
    );
    refused(
        &event("").replace("StartingPosition: LATEST,", ""),
        "`StartingPosition` is missing",
    );
    refused(
        &event("").replace("Stream: !GetAtt T.StreamArn,", ""),
        "`Stream` is missing",
    );
    refused(
        &resource("").replace(
            "!GetAtt T.StreamArn",
            "arn:aws:kinesis:us-east-1:000000000000:stream/s",
        ),
        "events of kinesis are not supported yet",
    );
    refused(
        &resource("").replace("!GetAtt T.StreamArn", "!GetAtt T.Arn"),
        "this must be the ARN of a table's stream or of a queue",
    );
}
