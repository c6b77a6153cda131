//! What the cloud would not let in is said.

use super::said;

const THERE: &str = "Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  D: {Type: AWS::SQS::Queue, Properties: {QueueName: d}}
  T: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
";
const SUBSCRIBED: &str = "  S:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref T, Protocol: sqs, Endpoint: !GetAtt Q.Arn, RedrivePolicy: {deadLetterTargetArn: !GetAtt D.Arn}}
";
const RULED: &str = "  R:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [s]}
      Targets: [{Id: a, Arn: !GetAtt Q.Arn, DeadLetterConfig: {Arn: !GetAtt D.Arn}}, {Id: b, Arn: !Ref T}]
";

/// The findings of the template that are about who is let in.
fn not_let_in(parts: &[&str]) -> Vec<String> {
    let said = said(&(THERE.to_owned() + &parts.concat()));
    let about = |one: &String| one.contains("does not let");
    let (about, others): (Vec<_>, Vec<_>) = said.into_iter().partition(about);
    let others: Vec<_> = others
        .iter()
        .filter(|one| !one.contains("access rules are not enforced yet"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    about
}

fn policy(kind: &str, to: &str, statement: &str) -> String {
    format!(
        "  P{}:\n    Type: {kind}\n    Properties:\n      {to}\n      PolicyDocument: {{Statement: [{{Effect: Allow, {statement}}}]}}\n",
        to.len()
    )
}

fn of_queues(statement: &str) -> String {
    policy(
        "AWS::SQS::QueuePolicy",
        "Queues: [!Ref Q, !Ref D]",
        statement,
    )
}

#[test]
fn a_queue_or_a_topic_without_a_policy_is_told_of() {
    assert_eq!(
        not_let_in(&[SUBSCRIBED]),
        [
            "7:51 [the queue `q` does not let sns.amazonaws.com in]",
            "7:92 [the queue `d` does not let sns.amazonaws.com in]",
        ]
    );
    assert_eq!(
        not_let_in(&[RULED]),
        [
            "9:25 [the queue `q` does not let events.amazonaws.com in]",
            "9:64 [the queue `d` does not let events.amazonaws.com in]",
            "9:94 [the topic `t` does not let events.amazonaws.com in]",
        ]
    );
}

#[test]
fn a_policy_that_lets_the_service_in_is_enough() {
    for fits in [
        "Principal: {Service: sns.amazonaws.com}, Action: 'sqs:SendMessage', Resource: '*'",
        "Principal: {Service: [s3.amazonaws.com, sns.amazonaws.com]}, Action: ['sqs:*']",
        "Principal: '*', Action: SQS:SendMessage, Resource: [!GetAtt Q.Arn, !GetAtt D.Arn]",
        "Principal: {AWS: '*'}, Action: '*', Condition: {ArnEquals: {'aws:SourceArn': !Ref T}}",
    ] {
        assert!(
            not_let_in(&[SUBSCRIBED, &of_queues(fits)]).is_empty(),
            "{fits}"
        );
    }
    for other in [
        "Principal: {Service: events.amazonaws.com}, Action: 'sqs:SendMessage'",
        "Principal: {Service: sns.amazonaws.com}, Action: 'sqs:ReceiveMessage'",
        "Principal: {AWS: '000000000000'}, Action: 'sqs:*'",
        "Principal: {Service: sns.amazonaws.com}, Action: 'sqs:SendMessage', Resource: !Ref T",
    ] {
        assert_eq!(
            not_let_in(&[SUBSCRIBED, &of_queues(other)]).len(),
            2,
            "{other}"
        );
    }
    let topics = policy(
        "AWS::SNS::TopicPolicy",
        "Topics: [!Ref T]",
        "Principal: {Service: events.amazonaws.com}, Action: 'sns:Publish', Resource: !Ref T",
    );
    let queues = of_queues("Principal: {Service: events.amazonaws.com}, Action: 'sqs:SendMessage'");
    assert!(not_let_in(&[RULED, &topics, &queues]).is_empty());
}

#[test]
fn who_acts_in_a_role_is_let_in_and_what_is_elsewhere_is_not_known() {
    let role = "  R:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [s]}
      Targets:
        - {Id: a, Arn: !GetAtt Q.Arn, RoleArn: 'arn:aws:iam::000000000000:role/r'}
        - {Id: b, Arn: 'arn:aws:sqs:us-east-1:000000000000:elsewhere'}
";
    assert!(not_let_in(&[role]).is_empty());
}

#[test]
fn buckets_and_plain_functions_too() {
    let bucket = "  B:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration: {QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Q.Arn}]}
";
    assert_eq!(
        not_let_in(&[bucket]),
        ["8:87 [the queue `q` does not let s3.amazonaws.com in]"]
    );
    let function = "  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}
  S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: lambda, Endpoint: !GetAtt F.Arn}}
";
    let allowed = "  P:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref F, Action: 'lambda:InvokeFunction', Principal: sns.amazonaws.com}
";
    let transform = "Transform: AWS::Serverless-2016-10-31\n";
    assert_eq!(not_let_in(&[function, transform]).len(), 1);
    assert!(not_let_in(&[function, allowed, transform]).is_empty());
}

#[test]
fn the_transform_lets_in_what_it_wires() {
    let wired = "  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
      Events:
        A: {Type: SNS, Properties: {Topic: !Ref T}}
        B: {Type: SNS, Properties: {Topic: !Ref T, SqsSubscription: true}}
        C: {Type: SNS, Properties: {Topic: !Ref T, SqsSubscription: {QueueArn: !GetAtt Q.Arn, QueueUrl: !Ref Q}}}
        E: {Type: EventBridgeRule, Properties: {Pattern: {source: [s]}, DeadLetterConfig: {Type: SQS}}}
Transform: AWS::Serverless-2016-10-31
";
    assert!(not_let_in(&[wired]).is_empty());
    // But not dead letters that go where the template says.
    let own = wired.replace("{Type: SQS}", "{Arn: !GetAtt D.Arn}");
    assert_eq!(not_let_in(&[&own]).len(), 1);
}
