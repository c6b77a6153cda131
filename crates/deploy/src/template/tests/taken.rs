//! What published templates have and the cloud takes, though it has no meaning here or looks odd.

use super::{context, resolved, said, with_code};
use crate::desired::Code;
use crate::template::{Overrides, Template};

const HEAD: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n";

#[track_caller]
fn check(resources: &str, want: &[&str]) {
    let text = format!("{HEAD}{resources}");
    assert_eq!(said(&text), want, "{text}");
}

fn function(more: &str) -> String {
    format!(
        "  F:\n    Type: AWS::Serverless::Function\n    Properties: {{Runtime: nodejs20.x, Handler: index.handler, CodeUri: src{more}}}\n"
    )
}

#[test]
fn without_code_uri_the_code_is_beside_the_template() {
    let dir = with_code();
    std::fs::write(dir.path().join("index.js"), "").unwrap();
    let text = format!("{HEAD}{}", function("").replace(", CodeUri: src", ""));
    let file = dir.path().join("template.yaml");
    let template = Template::parse(&file, text, Overrides::default()).unwrap();
    let desired = template.resolve(&context()).unwrap();
    let found = desired.functions().next().map(|one| one.code.clone());
    assert_eq!(found, Some(Code::Directory(dir.path().to_owned())));
    assert!(desired.notices.is_empty());
}

/// An API whose routes are declared apart needs nothing: its functions may name it, as they may name a load balancer.
#[test]
fn a_function_may_name_the_api_that_calls_it() {
    let invoke = "Fn::Sub: 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'";
    let rest = format!(
        "  Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: x}}}}\n  M:\n    Type: AWS::ApiGateway::Method\n    Properties: {{RestApiId: !Ref Api, ResourceId: !GetAtt Api.RootResourceId, HttpMethod: GET, AuthorizationType: NONE, Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: {{{invoke}}}}}}}\n  D: {{Type: AWS::ApiGateway::Deployment, DependsOn: M, Properties: {{RestApiId: !Ref Api, StageName: prod}}}}\n"
    );
    let web = |protocol: &str, key: &str| {
        format!(
            "  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: x, ProtocolType: {protocol}, RouteSelectionExpression: $request.body.action}}}}\n  I: {{Type: AWS::ApiGatewayV2::Integration, Properties: {{ApiId: !Ref Api, IntegrationType: AWS_PROXY, PayloadFormatVersion: '1.0', IntegrationUri: {{{invoke}}}}}}}\n  R: {{Type: AWS::ApiGatewayV2::Route, Properties: {{ApiId: !Ref Api, RouteKey: {key}, Target: !Sub 'integrations/${{I}}'}}}}\n  S: {{Type: AWS::ApiGatewayV2::Stage, Properties: {{ApiId: !Ref Api, StageName: prod, AutoDeploy: true}}}}\n"
        )
    };
    let socket = web("WEBSOCKET", "$connect");
    let named = ", Environment: {Variables: {API: !Ref Api}}";
    let by_order = format!("{}    DependsOn: Api\n", function(""));
    let by_role = format!(
        "{}  Role: {{Type: AWS::IAM::Role, Properties: {{AssumeRolePolicyDocument: {{}}, Policies: [{{PolicyName: p, PolicyDocument: !Ref Api}}]}}}}\n",
        function(", Role: !GetAtt Role.Arn")
    );
    for api in [&rest, &socket] {
        for function in [&function(named), &by_order, &by_role] {
            let desired = resolved(&format!("{HEAD}{function}{api}"));
            let ids = desired.resources.iter().map(|one| one.logical_id.as_str());
            assert_eq!(ids.collect::<Vec<_>>(), ["Api", "F"], "{function}{api}");
        }
        // What it calls comes first where nothing speaks against it.
        let desired = resolved(&format!("{HEAD}{api}{}", function("")));
        let ids = desired.resources.iter().map(|one| one.logical_id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), ["F", "Api"], "{api}");
    }
    // This one has its routes in itself, and the cloud refuses it too.
    let event =
        ", Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /, Method: get}}}";
    check(
        &format!(
            "  Api: {{Type: AWS::Serverless::HttpApi}}\n{}",
            function(&format!("{named}{event}"))
        ),
        &["3:3 a circle of dependencies: Api → F → Api"],
    );
}

/// Published websites say so; what is in them is everybody's to see here anyway.
#[test]
fn a_website_may_be_public() {
    let bucket = |more: &str| {
        format!("  B: {{Type: AWS::S3::Bucket, Properties: {{AccessControl: PublicRead{more}}}}}\n")
    };
    let access = "3:43 [access rules are not enforced yet]";
    check(
        &bucket(", WebsiteConfiguration: {IndexDocument: i}"),
        &[
            "3:43 [everybody may read at the website's address only]",
            access,
        ],
    );
    check(
        &bucket(""),
        &[
            "3:43 `AccessControl: PublicRead` is not supported yet",
            access,
        ],
    );
}

#[test]
fn a_resource_may_be_described() {
    let bucket = |attribute| format!("  B:\n    Type: AWS::S3::Bucket\n    {attribute}\n");
    for (attribute, want) in [
        (
            "Description: x",
            &["5:5 [`Description` of a resource has no effect]"][..],
        ),
        (
            "Descriptions: x",
            &["5:5 a resource has no attribute `Descriptions`"],
        ),
        ("Connectors: {}", &[]),
    ] {
        check(&bucket(attribute), want);
    }
}

#[test]
fn what_stands_beside_an_application() {
    let text = "  G: {Type: AWS::ResourceGroups::Group, Properties: {Name: g, ResourceQuery: {Type: CLOUDFORMATION_STACK_1_0}}}\n  I: {Type: AWS::ApplicationInsights::Application, Properties: {ResourceGroupName: !Ref G, AutoConfigurationEnabled: true}}\n  B: {Type: AWS::S3::Bucket}\n  C: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: I}, Destination: {Id: B}, Permissions: [Read]}}\n";
    check(
        text,
        &[
            "3:3 [`G` has no effect here]",
            "4:3 [`I` has no effect here]",
            "6:93 [access rules are not enforced yet]",
        ],
    );
    let outputs = "Outputs: {G: {Value: !GetAtt G.Arn}, I: {Value: !GetAtt I.ApplicationARN}}\n";
    let desired = resolved(&format!("{HEAD}{text}{outputs}"));
    let values: Vec<&str> = desired
        .outputs
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    assert_eq!(
        values,
        [
            "arn:aws:resource-groups:us-east-1:000000000000:group/g",
            "arn:aws:applicationinsights:us-east-1:000000000000:application/resource-group/g",
        ]
    );
}

#[test]
fn what_watches_and_scales() {
    let text = "  A: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: a, EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold}}\n  D: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: '{}'}}\n  T: {Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: {MinCapacity: 1, MaxCapacity: 2}}\n  P: {Type: AWS::ApplicationAutoScaling::ScalingPolicy, Properties: {PolicyName: p, ScalingTargetId: !Ref T, Period: 1}}\n";
    check(
        text,
        &[
            "6:110 `AWS::ApplicationAutoScaling::ScalingPolicy` has no property `Period`",
            "3:3 [`A` has no effect here]",
            "4:3 [`D` has no effect here]",
            "5:3 [`T` has no effect here]",
            "6:3 [`P` has no effect here]",
        ],
    );
}

/// Each stands in published templates, and what they declare runs the same without it.
#[test]
fn what_keeps_others_out_and_what_leads_them_in() {
    let text = "  K: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Version: '2012-10-17', Statement: []}, EnableKeyRotation: true}}\n  A: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/k, TargetKeyId: !Ref K}}\n  W: {Type: AWS::WAFv2::WebACL, Properties: {Name: w, Scope: REGIONAL, DefaultAction: {Allow: {}}, VisibilityConfig: {}}}\n  C: {Type: AWS::CertificateManager::Certificate, Properties: {DomainName: a.example, ValidationMethod: DNS}}\n  D: {Type: AWS::ApiGatewayV2::DomainName, Properties: {DomainName: a.example, DomainNameConfigurations: [{CertificateArn: !Ref C}]}}\n  R: {Type: AWS::Route53::RecordSet, Properties: {Name: a.example, Type: A, AliasTarget: {DNSName: !GetAtt D.RegionalDomainName, HostedZoneId: !GetAtt D.RegionalHostedZoneId}}}\n  M: {Type: AWS::Logs::MetricFilter, Properties: {LogGroupName: g, FilterPattern: ERROR, MetricTransformations: []}}\n  P: {Type: AWS::Lambda::LayerVersionPermission, Properties: {Action: 'lambda:GetLayerVersion', LayerVersionArn: a, Principal: '*'}}\n  E: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcId: v, ServiceName: s}}\n";
    check(
        text,
        &[
            "3:3 [`K` has no effect here]",
            "4:3 [`A` has no effect here]",
            "5:3 [`W` has no effect here]",
            "6:3 [`C` has no effect here]",
            "7:3 [`D` has no effect here]",
            "8:3 [`R` has no effect here]",
            "9:3 [`M` has no effect here]",
            "10:63 [access rules are not enforced yet, here and in one other place]",
            "11:3 [`E` has no effect here]",
        ],
    );
    let asked = [
        ("!Ref K", "00000000-0000-0000-0000-000000000000"),
        (
            "!GetAtt K.Arn",
            "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000",
        ),
        ("!Ref A", "alias/k"),
        (
            "!GetAtt W.Arn",
            "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/w/00000000-0000-0000-0000-000000000000",
        ),
        (
            "!GetAtt D.RegionalDomainName",
            "d-0000000000.execute-api.us-east-1.amazonaws.com",
        ),
        ("!Ref D", "a.example"),
    ];
    for (value, want) in asked {
        let outputs = format!("Outputs: {{O: {{Value: {value}}}}}\n");
        let desired = resolved(&format!("{HEAD}{text}{outputs}"));
        assert!(desired.resources.is_empty());
        let got = desired.outputs[0].value.as_str();
        let zeroed = |text: &str| -> String {
            let is_digit = |letter: char| letter.is_ascii_hexdigit();
            text.chars()
                .map(|letter| if is_digit(letter) { '0' } else { letter })
                .collect()
        };
        assert_eq!(zeroed(got), zeroed(want), "{value}");
    }
}

#[test]
fn settings_that_change_nothing_here() {
    let of_function = |property: &str| function(&format!(", {property}"));
    let of_api = |kind: &str, property: &str| {
        format!("  A: {{Type: AWS::Serverless::{kind}, Properties: {{{property}}}}}\n")
    };
    let of_bucket =
        |property: &str| format!("  B: {{Type: AWS::S3::Bucket, Properties: {{{property}}}}}\n");
    let route = "AutoPublishAlias: live, DeploymentPreference: {Type: Canary10Percent5Minutes}";
    for (resource, want) in [
        (
            of_function("VpcConfig: {SubnetIds: [s]}"),
            "[`VpcConfig` has no effect here]",
        ),
        (
            of_function("KmsKeyArn: k"),
            "[`KmsKeyArn` has no effect here]",
        ),
        (
            of_function("RecursiveLoop: Terminate"),
            "[`RecursiveLoop` has no effect here]",
        ),
        (
            of_function(route),
            "[`DeploymentPreference` has no effect here]",
        ),
        (
            of_function(
                "Layers: ['arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:2']",
            ),
            "[the layer `LambdaInsightsExtension` is left out]",
        ),
        (
            of_api("HttpApi", "Domain: {DomainName: a.example}"),
            "[`Domain` has no effect here]",
        ),
        (
            of_api(
                "HttpApi",
                "CorsConfiguration: {AllowOrigins: [a], AllowCredentials: 'true'}",
            ),
            "[`AllowCredentials` is text, which allows no credentials]",
        ),
        (
            of_api("Api", "StageName: p, CacheClusterEnabled: true"),
            "[`CacheClusterEnabled` has no effect here]",
        ),
        (
            of_api(
                "Api",
                "StageName: p, Auth: {ResourcePolicy: {IpRangeBlacklist: [a]}}",
            ),
            "[access rules are not enforced yet]",
        ),
        (
            format!(
                "{}    MethodSettings: {{}}\n",
                "  A:\n    Type: AWS::Serverless::Api\n    Properties: {StageName: p}\n"
            ),
            "[`MethodSettings` beside `Properties` has no effect]",
        ),
        (
            of_bucket("AccessControl: LogDeliveryWrite"),
            "[access rules are not enforced yet]",
        ),
        (
            of_bucket("LoggingConfiguration: {LogFilePrefix: a}"),
            "[`LoggingConfiguration` has no effect here]",
        ),
        (
            of_bucket("ObjectLockEnabled: true"),
            "`ObjectLockEnabled` is not supported yet",
        ),
    ] {
        let text = format!("{HEAD}{resource}");
        let all = said(&text);
        assert!(all.len() == 1 && all[0].ends_with(want), "{all:?}\n{text}");
    }
    check(&of_bucket("ObjectLockEnabled: false"), &[]);
}

/// The vendor's workshop watches the version that a deployment moves to.
#[test]
fn what_a_function_publishes_has_attributes() {
    let alarm = "  A: {Type: AWS::CloudWatch::Alarm, Properties: {EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold, Dimensions: [{Name: Resource, Value: !Sub '${F.Alias}'}, {Name: ExecutedVersion, Value: !GetAtt F.Version.Version}]}}\n";
    let published = function(", FunctionName: f, AutoPublishAlias: live");
    check(
        &format!("{published}{alarm}"),
        &["6:3 [`A` has no effect here]"],
    );
    let outputs =
        "Outputs: {A: {Value: !Sub 'at ${F.Alias}'}, B: {Value: !GetAtt F.Alias.AliasArn}}\n";
    let desired = resolved(&format!("{HEAD}{published}{outputs}"));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f:live";
    let values = desired.outputs.iter().map(|one| one.value.as_str());
    assert_eq!(values.collect::<Vec<_>>(), [&format!("at {arn}"), arn]);
    check(
        &format!("{}{alarm}", function("")),
        &[
            "6:151 `F` has no attribute `Alias`",
            "6:202 `F` has no attribute `Version.Version`",
            "6:3 [`A` has no effect here]",
        ],
    );
}

/// The CDK names no models, and says of keys for which stages they are.
#[test]
fn a_model_is_known_by_its_reference() {
    let api = "  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: x}}\n  V: {Type: AWS::ApiGateway::RequestValidator, Properties: {RestApiId: !Ref Api, ValidateRequestBody: true}}\n  O: {Type: AWS::ApiGateway::Model, Properties: {RestApiId: !Ref Api, ContentType: application/json, Schema: {type: object}}}\n  M:\n    Type: AWS::ApiGateway::Method\n    Properties: {RestApiId: !Ref Api, ResourceId: !GetAtt Api.RootResourceId, HttpMethod: POST, AuthorizationType: NONE, RequestValidatorId: !Ref V, RequestModels: {application/json: !Ref O}, Integration: {Type: MOCK, IntegrationResponses: [{StatusCode: 200}]}, MethodResponses: [{StatusCode: 200}]}\n  D: {Type: AWS::ApiGateway::Deployment, DependsOn: M, Properties: {RestApiId: !Ref Api, StageName: prod}}\n  K: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true, StageKeys: [{RestApiId: !Ref Api, StageName: prod}]}}\n";
    check(api, &["10:66 [`StageKeys` has no effect here]"]);
    let desired = resolved(&format!("{HEAD}{api}"));
    let made = serde_json::to_string(&desired.resources).unwrap();
    assert!(made.contains(r#"{\"type\":\"object\"}"#), "{made}");
}

/// Schedules take any unit with any number; rules do not.
#[test]
fn a_rate_of_a_schedule_may_be_spelled_carelessly() {
    let target = "arn:aws:sqs:us-east-1:000000000000:q";
    let schedule = format!(
        "  S: {{Type: AWS::Scheduler::Schedule, Properties: {{ScheduleExpression: rate(5 minute), FlexibleTimeWindow: {{Mode: 'OFF'}}, Target: {{Arn: '{target}', RoleArn: 'arn:aws:iam::000000000000:role/r'}}}}}}\n"
    );
    check(&schedule, &["3:177 [access rules are not enforced yet]"]);
    let rule = format!(
        "  R: {{Type: AWS::Events::Rule, Properties: {{ScheduleExpression: rate(5 minute), Targets: [{{Id: a, Arn: '{target}'}}]}}}}\n"
    );
    let refused = said(&format!("{HEAD}{rule}"));
    assert!(refused[0].contains("rate(5 minute)"), "{refused:?}");
}

#[test]
fn what_is_wrong_in_an_included_file_is_said_with_its_line() {
    let api = "openapi: '3.0.1'\npaths:\n  /submit:\n    post:\n      x-amazon-apigateway-integration:\n        type: aws_proxy\n        integrationSubtype: Kinesis-PutRecord\n";
    let include =
        "DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}}";
    for properties in [include, "DefinitionUri: api.yaml"] {
        let dir = with_code();
        std::fs::write(dir.path().join("api.yaml"), api).unwrap();
        let text = format!(
            "{HEAD}  Api:\n    Type: AWS::Serverless::HttpApi\n    Properties: {{{properties}}}\n"
        );
        let file = dir.path().join("template.yaml");
        let template = Template::parse(&file, text, Overrides::default()).unwrap();
        let refused = template.resolve(&context()).unwrap_err();
        let all: Vec<_> = refused.iter().collect();
        assert_eq!(all.len(), 1, "{refused}");
        let message = "integrations of the subtype `Kinesis-PutRecord` are not supported yet";
        assert_eq!(all[0].message, message);
        assert_eq!(all[0].place.as_ref().map(|place| place.line), Some(5));
        let why = "in line 7 of the file that is included here";
        assert_eq!(all[0].why.as_deref(), Some(why));
    }
}

/// What follows from an error is not said beside it.
#[test]
fn only_the_cause_is_said() {
    let parameter = format!(
        "{HEAD}{}",
        function(", Events: {E: {Type: SQS, Properties: {Queue: !Ref Q}}}")
    );
    let text = format!("Parameters: {{Q: {{Type: String}}}}\n{parameter}");
    assert_eq!(said(&text), ["1:14 the parameter `Q` has no value"]);
}

#[test]
fn whoever_is_refused_hears_what_to_do() {
    let layer = "arn:aws:lambda:us-east-1:177933569100:layer:AWS-Parameters-and-Secrets-Lambda-Extension:11";
    check(
        &function(&format!(", Layers: ['{layer}']")),
        &[&format!(
            "5:86 `{layer}` is of another account, which is not here"
        )],
    );
}

/// Whichever region they are named in.
#[test]
fn layers_of_public_packages_are_made() {
    let layer = "arn:aws:lambda:eu-west-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:25";
    let text = format!("{HEAD}{}", function(&format!(", Layers: ['{layer}']")));
    assert_eq!(
        said(&text),
        [
            "5:86 [the layer `AWSLambdaPowertoolsTypeScriptV2:25` is made of packages: @aws-lambda-powertools/*@^2 of npm]"
        ]
    );
    let builds = resolved(&text).builds();
    let made: Vec<_> = builds.layers.iter().map(|layer| &layer.name).collect();
    assert_eq!(made, ["AWSLambdaPowertoolsTypeScriptV2"]);
}
