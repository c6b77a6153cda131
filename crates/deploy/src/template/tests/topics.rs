//! Topics, subscriptions, and where it is told how calls ended.

use super::{only, resolved, said};
use crate::desired::{Function, Kind, Mapping, Subscription, Topic};

const BEFORE: &str = "Transform: AWS::Serverless-2016-10-31
Resources:
  T: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:t";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

fn topic(text: &str, id: &str) -> Topic {
    match &only(&resolved(text), id).kind {
        Kind::Topic(topic) => topic.clone(),
        other => panic!("{other:?}"),
    }
}

fn subscription(text: &str, id: &str) -> Subscription {
    match &only(&resolved(text), id).kind {
        Kind::Subscription(subscription) => subscription.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn function(text: &str) -> Function {
    match &only(&resolved(text), "F").kind {
        Kind::Function(function) => function.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_topic_and_the_subscriptions_in_it() {
    let text = "Resources:
  T:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: t.fifo
      FifoTopic: true
      ContentBasedDeduplication: true
      FifoThroughputScope: MessageGroup
      DisplayName: Shown
      SignatureVersion: '2'
      Tags: [{Key: a, Value: b}]
  S:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: s
      Subscription: [{Protocol: email, Endpoint: a@b}, {Protocol: http, Endpoint: 'http://c/d'}]
";
    let made = topic(text, "T");
    assert!(made.ordered && made.by_content && made.per_group);
    assert_eq!(made.settings["DisplayName"], "Shown");
    assert_eq!(made.settings["SignatureVersion"], "2");
    assert_eq!(made.tags["a"], "b");
    let second = subscription(text, "SSubscription2");
    assert_eq!(second.name, "s to http http://c/d");
    assert_eq!(second.topic, "arn:aws:sns:us-east-1:000000000000:s");
    assert_eq!(only(&resolved(text), "SSubscription1").depends_on, ["S"]);
}

#[test]
fn an_event_and_a_subscription_say_the_same() {
    let settings = format!(
        "FilterPolicyScope: MessageBody, FilterPolicy: {{a: [b, {{numeric: ['>', 1]}}]}}, RedrivePolicy: {{deadLetterTargetArn: '{QUEUE}'}}"
    );
    let event = format!(
        "{BEFORE}      Events: {{E: {{Type: SNS, Properties: {{Topic: !Ref T, {settings}}}}}}}\n"
    );
    let apart = format!(
        "{BEFORE}  S:\n    Type: AWS::SNS::Subscription\n    Properties: {{TopicArn: !Ref T, Protocol: lambda, Endpoint: !GetAtt F.Arn, {settings}}}\n"
    );
    let made = subscription(&event, "FE");
    assert_eq!(made, subscription(&apart, "S"));
    assert_eq!(made.topic, TOPIC);
    assert_eq!(
        made.filter.as_deref(),
        Some(r#"{"a":["b",{"numeric":[">",1]}]}"#)
    );
    assert!(made.by_body);
    assert_eq!(made.dead_letters.as_deref(), Some(QUEUE));
    let mut needs = only(&resolved(&event), "FE").depends_on.clone();
    needs.sort();
    assert_eq!(needs, ["F", "T"]);
}

#[test]
fn it_is_told_how_calls_ended() {
    let told = format!(
        "{{OnSuccess: {{Type: SNS, Destination: !Ref T}}, OnFailure: {{Type: SQS, Destination: '{QUEUE}'}}}}"
    );
    let own = format!(
        "{BEFORE}      EventInvokeConfig: {{MaximumRetryAttempts: 1, DestinationConfig: {told}}}\n      DeadLetterQueue: {{Type: SNS, TargetArn: !Ref T}}\n"
    );
    let made = function(&own);
    assert_eq!(made.retry.on_success.as_deref(), Some(TOPIC));
    assert_eq!(made.retry.on_failure.as_deref(), Some(QUEUE));
    assert_eq!(made.dead_letters.as_deref(), Some(TOPIC));
    let plain = told.replace("Type: SNS, ", "").replace("Type: SQS, ", "");
    let apart = format!(
        "{BEFORE}  C:\n    Type: AWS::Lambda::EventInvokeConfig\n    Properties: {{FunctionName: !Ref F, Qualifier: $LATEST, MaximumRetryAttempts: 1, DestinationConfig: {plain}}}\n"
    );
    assert_eq!(function(&apart).retry, made.retry);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    for (properties, expected) in [
        ("TopicName: a.fifo", "cannot be the name of this topic"),
        ("TopicName: a b", "cannot be the name of a topic"),
        (
            "ContentBasedDeduplication: true",
            "only FIFO topics tell messages apart",
        ),
        ("ArchivePolicy: {}", "`ArchivePolicy` is not supported"),
        ("SignatureVersion: 3", "must be 1 or 2"),
    ] {
        let text = format!(
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties: {{{properties}}}\n"
        );
        let said = said(&text).join("\n");
        assert!(said.contains(expected), "{properties}: {said}");
    }
    for (properties, expected) in [
        ("Protocol: pigeon, Endpoint: x", "Protocol"),
        (
            "Protocol: https, Endpoint: 'http://x'",
            "is no endpoint by https",
        ),
        ("Protocol: lambda, Endpoint: f", "nothing can be sent there"),
        (
            "Protocol: sms, Endpoint: '+15550100', FilterPolicy: {a: {b: [c]}}",
            "this is no filter",
        ),
        (
            "Protocol: sms, Endpoint: '+15550100', RawMessageDelivery: true",
            "do not take raw messages",
        ),
    ] {
        let text = format!(
            "{BEFORE}  S:\n    Type: AWS::SNS::Subscription\n    Properties: {{TopicArn: !Ref T, {properties}}}\n"
        );
        let said = said(&text).join("\n");
        assert!(said.contains(expected), "{properties}: {said}");
    }
}

/// Of what kind what is made is, without what the template declares itself.
fn made(text: &str) -> Vec<(String, String)> {
    let desired = resolved(text);
    let own = ["T", "F", "FRole"];
    let made = desired.resources.iter();
    made.filter(|one| !own.contains(&one.logical_id.as_str()))
        .map(|one| {
            let kind = match &one.kind {
                Kind::Queue(_) => "queue",
                Kind::Topic(_) => "topic",
                Kind::Mapping(_) => "mapping",
                Kind::Subscription(_) => "subscription",
                Kind::EventRule(_) => "rule",
                other => panic!("{other:?}"),
            };
            (one.logical_id.clone(), kind.to_owned())
        })
        .collect()
}

fn has(text: &str, wanted: &[(&str, &str)]) {
    let made = made(text);
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(id, kind)| ((*id).to_owned(), (*kind).to_owned()))
        .collect();
    for one in &wanted {
        assert!(made.contains(one), "{one:?} is not in {made:?}");
    }
    assert_eq!(made.len(), wanted.len(), "{made:?}");
}

fn between(text: &str) -> Mapping {
    match &only(&resolved(text), "FEEventSourceMapping").kind {
        Kind::Mapping(mapping) => mapping.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_queue_is_put_between_a_topic_and_a_function() {
    let event = "      Events: {E: {Type: SNS, Properties: {Topic: !Ref T, SqsSubscription: ";
    let text = format!("{BEFORE}{event}true}}}}}}\n");
    has(
        &text,
        &[
            ("FE", "subscription"),
            ("FEQueue", "queue"),
            ("FEEventSourceMapping", "mapping"),
        ],
    );
    let made = subscription(&text, "FE");
    assert_eq!(made.protocol, "sqs");
    assert!(made.endpoint.contains(":sqs:"));
    let mapping = between(&text);
    assert_eq!((&mapping.source, mapping.batch), (&made.endpoint, 10));

    let own = "{QueueArn: !GetAtt Q.Arn, QueueUrl: !Ref Q, BatchSize: 3, Enabled: false}";
    let text = format!("{BEFORE}{event}{own}}}}}}}\n  Q: {{Type: AWS::SQS::Queue}}\n");
    has(
        &text,
        &[
            ("FE", "subscription"),
            ("Q", "queue"),
            ("FEEventSourceMapping", "mapping"),
        ],
    );
    let mapping = between(&text);
    assert_eq!((mapping.batch, mapping.enabled), (3, false));

    let text = format!("{BEFORE}{event}false}}}}}}\n");
    has(&text, &[("FE", "subscription")]);
    for (wrong, why) in [
        ("{QueueArn: !GetAtt Q.Arn}", "`QueueUrl` is missing"),
        ("[1]", "true, false or a mapping"),
    ] {
        let found = said(&format!("{BEFORE}{event}{wrong}}}}}}}\n"));
        assert!(found.iter().any(|one| one.contains(why)), "{found:?}");
    }
}

#[test]
fn a_queue_is_made_for_what_a_rule_cannot_send() {
    let event = |letters: &str| {
        let rule = format!("{{Pattern: {{source: [a]}}, DeadLetterConfig: {letters}}}");
        format!("{BEFORE}      Events: {{E: {{Type: EventBridgeRule, Properties: {rule}}}}}\n")
    };
    has(
        &event("{Type: SQS}"),
        &[("FE", "rule"), ("FEQueue", "queue")],
    );
    has(
        &event("{Type: SQS, QueueLogicalId: Dead}"),
        &[("FE", "rule"), ("Dead", "queue")],
    );
    let desired = resolved(&event("{Type: SQS}"));
    assert!(
        only(&desired, "FE")
            .depends_on
            .contains(&"FEQueue".to_owned())
    );
    for wrong in [
        format!("{{Type: SQS, Arn: '{QUEUE}'}}"),
        "{Type: SNS}".into(),
    ] {
        assert!(!said(&event(&wrong)).is_empty(), "{wrong}");
    }
}

#[test]
fn what_is_told_how_calls_ended_is_made() {
    let told = "{OnSuccess: {Type: SNS}, OnFailure: {Type: SQS}}";
    let text = format!("{BEFORE}      EventInvokeConfig: {{DestinationConfig: {told}}}\n");
    has(
        &text,
        &[
            ("FEventInvokeConfigOnSuccessTopic", "topic"),
            ("FEventInvokeConfigOnFailureQueue", "queue"),
        ],
    );
    let retry = function(&text).retry;
    assert!(retry.on_success.unwrap().contains(":sns:"));
    assert!(retry.on_failure.unwrap().contains(":sqs:"));
    let other = text.replace("{Type: SQS}", "{Type: Lambda}");
    assert!(said(&other)[0].contains("names no `Destination`"));
}
