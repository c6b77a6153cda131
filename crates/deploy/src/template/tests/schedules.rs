//! Schedules, their groups, and the events that are short for them.

use super::{only, resolved, said};
use crate::desired::{EventRule, Kind, Schedule};

const BEFORE: &str = "Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
const ROLE: &str = "arn:aws:iam::000000000000:role/r";

fn schedule(text: &str, id: &str) -> Schedule {
    match &only(&resolved(text), id).kind {
        Kind::Schedule(schedule) => schedule.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn rule(text: &str, id: &str) -> EventRule {
    match &only(&resolved(text), id).kind {
        Kind::EventRule(rule) => rule.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn with_event(event: &str) -> String {
    format!("{BEFORE}      Events: {{E: {{{event}}}}}\n")
}

#[test]
fn a_schedule_calls_operations_of_the_services_that_are_here() {
    let text = format!(
        "{BEFORE}  Q: {{Type: AWS::SQS::Queue, Properties: {{QueueName: q}}}}
  S:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 day)
      FlexibleTimeWindow: {{Mode: 'OFF'}}
      Target:
        Arn: !Sub arn:${{AWS::Partition}}:scheduler:::aws-sdk:sqs:sendMessage
        RoleArn: {ROLE}
        Input: !Sub '{{\"QueueUrl\": \"${{Q}}\", \"MessageBody\": \"at <aws.scheduler.scheduled-time>\"}}'
"
    );
    let order: serde_json::Value = serde_json::from_str(&schedule(&text, "S").order).unwrap();
    let input = "{\"QueueUrl\": \"http://127.0.0.1:4566/000000000000/q\", \"MessageBody\": \"at <aws.scheduler.scheduled-time>\"}";
    let expected = serde_json::json!({
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "RoleArn": ROLE,
        "Input": input,
    });
    assert_eq!(order, expected);
}

#[test]
fn all_that_a_schedule_says() {
    let text = format!(
        "{BEFORE}  G:
    Type: AWS::Scheduler::ScheduleGroup
    Properties: {{Name: team, Tags: [{{Key: a, Value: b}}]}}
  Q: {{Type: AWS::SQS::Queue, Properties: {{QueueName: q}}}}
  S:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: monthly
      GroupName: !Ref G
      Description: On the first
      ScheduleExpression: cron(0 9 1 * ? *)
      ScheduleExpressionTimezone: Europe/Berlin
      StartDate: '2030-01-01T00:00:00Z'
      EndDate: 2031-01-01T00:00:00
      State: DISABLED
      FlexibleTimeWindow: {{Mode: FLEXIBLE, MaximumWindowInMinutes: 15}}
      Target:
        Arn: !GetAtt F.Arn
        RoleArn: {ROLE}
        Input: '{{\"a\": 1}}'
        RetryPolicy: {{MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 600}}
        DeadLetterConfig: {{Arn: !GetAtt Q.Arn}}
Outputs:
  Arn: {{Value: !GetAtt S.Arn}}
  Name: {{Value: !Ref S}}
  Group: {{Value: !GetAtt G.Arn}}
"
    );
    let desired = resolved(&text);
    let made = schedule(&text, "S");
    assert_eq!(
        (made.group.as_str(), made.schedule.as_str()),
        ("team", "monthly")
    );
    assert_eq!(
        (made.zone.as_str(), made.window_min),
        ("Europe/Berlin", Some(15))
    );
    assert_eq!(made.start.unwrap().as_micros(), 1_893_456_000_000_000);
    assert_eq!(made.end.unwrap().as_micros(), 1_924_992_000_000_000);
    assert!(!made.enabled);
    assert_eq!((made.retries.most, made.retries.age.as_secs()), (2, 600));
    let order: serde_json::Value = serde_json::from_str(&made.order).unwrap();
    let expected = serde_json::json!({
        "Arn": FUNCTION,
        "RoleArn": ROLE,
        "Input": "{\"a\": 1}",
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q"},
    });
    assert_eq!(order, expected);
    let mut needs = only(&desired, "S").depends_on.clone();
    needs.sort();
    assert_eq!(needs, ["F", "G", "Q"]);
    let outputs: Vec<&str> = desired
        .outputs
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    let start = "arn:aws:scheduler:us-east-1:000000000000";
    assert_eq!(
        outputs,
        [
            &format!("{start}:schedule/team/monthly"),
            "monthly",
            &format!("{start}:schedule-group/team")
        ]
    );
}

#[test]
fn an_event_is_short_for_a_schedule() {
    let event = with_event(
        "Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), Input: '{}', RetryPolicy: {MaximumRetryAttempts: 1}}",
    );
    let made = schedule(&event, "FE");
    assert_eq!(made.name, "default|FE");
    assert_eq!((made.window_min, made.retries.most), (None, 1));
    assert_eq!(
        made.order,
        format!(r#"{{"Arn":"{FUNCTION}","Input":"{{}}"}}"#)
    );
    assert_eq!(only(&resolved(&event), "FE").depends_on, ["F"]);
    let unnamed = event.replace("Input:", "OmitName: true, Input:");
    assert!(schedule(&unnamed, "FE").schedule.starts_with("shop-FE-"));
    let named = event.replace("Input:", "Name: own, GroupName: team, Input:");
    assert_eq!(schedule(&named, "FE").name, "team|own");
}

#[test]
fn an_event_is_short_for_a_rule() {
    let event = with_event(
        "Type: Schedule, Properties: {Schedule: rate(1 day), Name: daily, Description: d, Enabled: false, Input: '{}'}",
    );
    let made = rule(&event, "FE");
    assert_eq!(made.name, "default|daily");
    assert_eq!(made.schedule.as_deref(), Some("rate(1 day)"));
    assert_eq!(made.description.as_deref(), Some("d"));
    assert!(!made.enabled);
    assert_eq!(made.targets[0].named, FUNCTION);
    assert_eq!(made.targets[0].input, triggers::Input::Fixed("{}".into()));
}

#[test]
fn a_queue_is_made_for_dead_letters() {
    for (kind, property) in [
        ("Schedule", "Schedule"),
        ("ScheduleV2", "ScheduleExpression"),
    ] {
        let event = with_event(&format!(
            "Type: {kind}, Properties: {{{property}: rate(1 day), DeadLetterConfig: {{Type: SQS}}}}"
        ));
        let desired = resolved(&event);
        let Kind::Queue(queue) = &only(&desired, "FEQueue").kind else {
            panic!("no queue for {kind}");
        };
        let made = serde_json::to_string(&only(&desired, "FE").kind).unwrap();
        assert!(made.contains(&queue.name), "{made}");
        let named = event.replace("Type: SQS", "Type: SQS, QueueLogicalId: Letters");
        assert_eq!(only(&resolved(&named), "FE").depends_on, ["F", "Letters"]);
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    let text = |properties: &str| {
        format!(
            "Resources:\n  S:\n    Type: AWS::Scheduler::Schedule\n    Properties: {{{properties}}}\n"
        )
    };
    let target = format!("Target: {{Arn: '{FUNCTION}', RoleArn: '{ROLE}'}}");
    let off = "FlexibleTimeWindow: {Mode: 'OFF'}";
    let rate = "ScheduleExpression: rate(1 hour)";
    let to = |service: &str, more: &str| {
        format!("{rate}, {off}, Target: {{Arn: 'arn:aws:{service}', RoleArn: '{ROLE}'{more}}}")
    };
    let sqs = "sqs:us-east-1:000000000000:q";
    let bus = "events:us-east-1:000000000000:event-bus/default";
    for (properties, expected) in [
        (
            format!("{off}, {target}"),
            "`ScheduleExpression` is missing",
        ),
        (
            format!("{rate}, {target}"),
            "`FlexibleTimeWindow` is missing",
        ),
        (format!("{rate}, {off}"), "`Target` is missing"),
        (
            format!("ScheduleExpression: rate(1 our), {off}, {target}"),
            "`rate(1 our)` is no schedule",
        ),
        (
            format!("{rate}, {off}, {target}, ScheduleExpressionTimezone: Mars/Olympus"),
            "there is no time zone `Mars/Olympus`",
        ),
        (
            format!("{rate}, {off}, {target}, StartDate: soon"),
            "`soon` is no date",
        ),
        (
            format!(
                "{rate}, {off}, {target}, StartDate: '2030-01-01T00:00:00Z', EndDate: '2030-01-01T00:00:00Z'"
            ),
            "a schedule must end after it starts",
        ),
        (
            format!("{rate}, {target}, FlexibleTimeWindow: {{Mode: FLEXIBLE}}"),
            "`MaximumWindowInMinutes` is missing",
        ),
        (
            format!(
                "{rate}, {target}, FlexibleTimeWindow: {{Mode: 'OFF', MaximumWindowInMinutes: 5}}"
            ),
            "there is no window to say the length of",
        ),
        (
            format!("{rate}, {off}, {target}, Name: a b"),
            "`a b` cannot be the name of a schedule or of a group",
        ),
        (
            to("scheduler:::aws-sdk:ec2:stopInstances", ""),
            "schedules do not send to this yet",
        ),
        (
            to("states:us-east-1:000000000000:stateMachine:m", ""),
            "schedules do not send to this yet",
        ),
        (
            to("scheduler:::aws-sdk:sqs:sendMessage", ""),
            "`Input` is missing",
        ),
        (
            to(
                "scheduler:::aws-sdk:sqs:sendMessage",
                ", Input: '{\"QueueUrl\": \"q\"}'",
            ),
            "this is no input of sqs:sendMessage",
        ),
        (
            to(
                "scheduler:::aws-sdk:lambda:invoke",
                ", Input: '{\"FunctionName\": \"f\", \"InvocationType\": \"RequestResponse\"}'",
            ),
            "this is no input of lambda:invoke",
        ),
        (
            to(
                "scheduler:::aws-sdk:sns:publish",
                ", Input: '{\"TopicArn\": \"t\", \"Message\": \"m\", \"PhoneNumber\": \"1\"}'",
            ),
            "this is no input of sns:publish",
        ),
        (to(bus, ""), "`EventBridgeParameters` is missing"),
        (to(bus, ", Input: plain"), "this `Input` must be JSON"),
        (
            to(&format!("{sqs}.fifo"), ""),
            "a `MessageGroupId` is for queues that keep order, which need one",
        ),
        (
            to(sqs, ", SqsParameters: {MessageGroupId: g}"),
            "a `MessageGroupId` is for queues that keep order, which need one",
        ),
        (
            to(
                sqs,
                &format!(", DeadLetterConfig: {{Arn: 'arn:aws:{sqs}.fifo'}}"),
            ),
            "dead letters do not go to a queue that keeps order",
        ),
        (
            to(sqs, ", EcsParameters: {}"),
            "`EcsParameters` is not supported yet",
        ),
        (
            to(sqs, ", RetryPolicy: {MaximumRetryAttempts: 186}"),
            "`MaximumRetryAttempts` must be",
        ),
    ] {
        let said = said(&text(&properties)).join("\n");
        assert!(said.contains(expected), "{properties}\n{said}");
    }
    let default =
        "Resources:\n  G: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: default}}\n";
    assert!(said(default)[0].contains("there is a group `default` already"));
    for (event, expected) in [
        (
            "Type: Schedule, Properties: {Name: n}",
            "`Schedule` is missing",
        ),
        (
            "Type: ScheduleV2, Properties: {Name: n}",
            "`ScheduleExpression` is missing",
        ),
        (
            "Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: true, State: ENABLED}",
            "only one of `Enabled` and `State` can be given",
        ),
        (
            "Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: {Type: SQS, Arn: a}}",
            "`DeadLetterConfig` has no property `Type`",
        ),
        (
            "Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Enabled: true}",
            "`ScheduleV2 event` has no property `Enabled`",
        ),
        (
            "Type: Schedule, Properties: {Schedule: 'at(2030-01-01T00:00:00)'}",
            "is no schedule",
        ),
    ] {
        let said = said(&with_event(event)).join("\n");
        assert!(said.contains(expected), "{event}\n{said}");
    }
}
