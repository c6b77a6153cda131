//! Custom resources, and what refers to them before and after they have answered.

use super::*;
use crate::custom::Answer;
use crate::desired::Kind;

const MAKER: &str = "
Resources:
  Maker:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: maker, Runtime: nodejs22.x, Handler: index.b, InlineCode: x}
  X:
    Type: Custom::Thing
    Properties: {ServiceToken: !GetAtt Maker.Arn}
";

fn parsed(text: &str) -> Template {
    let text = format!("Transform: AWS::Serverless-2016-10-31\n{text}");
    Template::parse(Path::new("/app/template.yaml"), text, Overrides::default()).unwrap()
}

fn answered(data: &str) -> Context {
    let answer = Answer {
        physical: "thing-1".into(),
        data: serde_json::from_str(data).unwrap(),
    };
    Context {
        answers: [("X".to_owned(), answer)].into(),
        ..context()
    }
}

fn custom(desired: &Desired) -> &crate::desired::Custom {
    let mut kinds = desired.resources.iter().map(|resource| &resource.kind);
    let found = kinds.find_map(|kind| match kind {
        Kind::Custom(custom) => Some(custom),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn every_scalar_is_a_string() {
    let desired = parsed(
        "
Resources:
  X:
    Version: '1.0'
    Type: Custom::Thing
    UpdateReplacePolicy: Retain
    Properties:
      ServiceToken: arn:aws:lambda:us-east-1:000000000000:function:maker
      ServiceTimeout: 60
      On: yes
      Many: [1, 2.5, {In: true}]
      None: !Ref AWS::NoValue
",
    )
    .resolve(&context())
    .unwrap();
    let custom = custom(&desired);
    assert_eq!(custom.resource_type, "Custom::Thing");
    assert_eq!(custom.timeout_s, 60);
    assert!(custom.keeps_replaced);
    assert_eq!(
        custom.properties,
        r#"{"Many":["1","2.5",{"In":"true"}],"On":"true","ServiceTimeout":"60","ServiceToken":"arn:aws:lambda:us-east-1:000000000000:function:maker"}"#
    );
}

#[test]
fn what_refers_to_it_waits_and_says_nothing() {
    for (id, more) in [
        (
            "Q",
            "Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt X.Name}}",
        ),
        (
            "Q",
            "Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !GetAtt X.Delay}}",
        ),
        (
            "T",
            "T: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST, KeySchema: [{AttributeName: !GetAtt X.Key, KeyType: HASH}], AttributeDefinitions: [{AttributeName: !GetAtt X.Key, AttributeType: S}]}}",
        ),
        (
            "F",
            "F: {Type: AWS::Serverless::Function, Properties: {Runtime: nodejs22.x, Handler: index.b, InlineCode: x, Environment: {Variables: {A: !GetAtt X.A}}}}",
        ),
        (
            "F",
            "F: {Type: AWS::Serverless::Function, Properties: {Runtime: nodejs22.x, Handler: !GetAtt X.A, InlineCode: x, Timeout: !GetAtt X.B, Layers: [!GetAtt X.Layer], Events: {Get: {Type: HttpApi, Properties: {Path: !Sub '/${X.Path}', Method: get}}}}}",
        ),
        (
            "M",
            "M: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: !Ref Maker, EventSourceArn: !GetAtt X.Arn}}",
        ),
        (
            "N",
            "T: {Type: AWS::SNS::Topic}\n  N: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: !GetAtt X.P, Endpoint: !Ref X}}",
        ),
        (
            "R",
            "R: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [!GetAtt X.S]}, Targets: [{Id: a, Arn: !GetAtt X.Arn}]}}",
        ),
        (
            "R",
            "B: {Type: AWS::Events::EventBus, Properties: {Name: !GetAtt X.Bus}}\n  R: {Type: AWS::Events::Rule, Properties: {EventBusName: !Ref B, EventPattern: {source: [a]}}}",
        ),
        (
            "S",
            "S: {Type: AWS::Scheduler::Schedule, Properties: {ScheduleExpression: !GetAtt X.E, FlexibleTimeWindow: {Mode: 'OFF'}, Target: {Arn: !GetAtt X.Arn, RoleArn: r}}}",
        ),
        (
            "B",
            "B: {Type: AWS::S3::Bucket, Properties: {BucketName: !GetAtt X.Bucket, NotificationConfiguration: {QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt X.Arn}]}}}",
        ),
        (
            "L",
            "L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref X}}",
        ),
        (
            "I",
            "A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  G: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref A, ParentId: !GetAtt A.RootResourceId, PathPart: g}}\n  I: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, ResourceId: !Ref G, HttpMethod: GET, AuthorizationType: NONE, Integration: {Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !GetAtt X.Uri}}}",
        ),
        (
            "P",
            "A: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: a, ProtocolType: HTTP}}\n  P: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !GetAtt X.Api, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt X.Uri, PayloadFormatVersion: '2.0'}}",
        ),
        (
            "Y",
            "Y: {Type: Custom::Other, Properties: {ServiceToken: !GetAtt X.Token, A: !GetAtt X.A}}",
        ),
        (
            "D",
            "D: {Type: AWS::CloudFront::Distribution, Properties: {DistributionConfig: {Enabled: true, Origins: [{Id: o, DomainName: !GetAtt X.Domain, S3OriginConfig: {}}], DefaultCacheBehavior: {TargetOriginId: o, ViewerProtocolPolicy: allow-all, ForwardedValues: {QueryString: false}}}}}",
        ),
    ] {
        let desired = parsed(&format!(
            "{MAKER}  {more}\nOutputs:\n  O: {{Value: !GetAtt X.O}}\n"
        ));
        let desired = desired
            .resolve(&context())
            .unwrap_or_else(|error| panic!("{more}\n{error}"));
        assert!(desired.unanswered.waiting.contains(id), "{more}");
        assert!(!desired.unanswered.waiting.contains("X"), "{more}");
        assert!(desired.outputs.is_empty());
        assert_eq!(custom(&desired).logical_id, "X");
    }
}

#[test]
fn answers_are_what_references_yield() {
    let text = format!(
        "{MAKER}
  Q: {{Type: AWS::SQS::Queue, Properties: {{DelaySeconds: !GetAtt X.Delay}}}}
Outputs:
  Id: {{Value: !Ref X}}
  Dotted: {{Value: !GetAtt X.a.b}}
  Listed: {{Value: !Join ['-', !GetAtt X.List]}}
  Truth: {{Value: !Sub 'is ${{X.Truth}}'}}
"
    );
    let context = answered(r#"{"Delay": 5, "a.b": "c", "List": ["x", "y"], "Truth": true}"#);
    let desired = parsed(&text).resolve(&context).unwrap();
    assert!(desired.unanswered.waiting.is_empty() && desired.unanswered.missing.is_empty());
    let outputs: Vec<_> = desired
        .outputs
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    assert_eq!(outputs, ["thing-1", "c", "x-y", "is true"]);
    let delay = desired.resources.iter().find_map(|one| match &one.kind {
        Kind::Queue(queue) => Some(queue.delay_s),
        _ => None,
    });
    assert_eq!(delay, Some(5));
    // It may come with the next answer.
    let desired = parsed(&text).resolve(&answered("{}")).unwrap();
    assert_eq!(desired.unanswered.missing.len(), 4);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for (properties, wanted) in [
        ("{}", "`ServiceToken` is missing"),
        (
            "{ServiceToken: [a]}",
            "`ServiceToken` must be the ARN of a function or a topic",
        ),
        (
            "{ServiceToken: 'arn:aws:lambda:us-east-1:111111111111:function:f'}",
            "`ServiceToken` must be the ARN of a function or a topic of this account and region",
        ),
        (
            "{ServiceToken: 'arn:aws:sqs:us-east-1:000000000000:q'}",
            "`ServiceToken` must be the ARN of a function or a topic",
        ),
        (
            "{ServiceToken: !GetAtt Maker.Arn, ServiceTimeout: 3601}",
            "`ServiceTimeout` must be a whole number from 1 to 3600",
        ),
        (
            "{ServiceToken: !GetAtt Maker.Arn, A: {B: null}}",
            "a property of a custom resource is empty",
        ),
    ] {
        let text = MAKER.replace("{ServiceToken: !GetAtt Maker.Arn}", properties);
        let refused = parsed(&text).resolve(&context()).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{properties}: {refused}");
    }
    let refused = parsed(&MAKER.replace("Custom::Thing", "Custom::A thing"));
    let refused = refused.resolve(&context()).unwrap_err().to_string();
    assert!(
        refused.contains("cannot be the type of a custom resource"),
        "{refused}"
    );
}
