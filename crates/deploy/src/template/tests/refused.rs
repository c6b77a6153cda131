//! What is refused, where, and in which words.

use super::said;

const FUNCTION: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: nodejs20.x\n      Handler: index.handler\n      CodeUri: src\n";

#[track_caller]
fn check(text: &str, want: &[&str]) {
    assert_eq!(said(text), want, "{text}");
}

#[test]
fn properties_of_functions() {
    for (property, want) in [
        (
            "Timout: 3",
            "9:7 `AWS::Serverless::Function` has no property `Timout`",
        ),
        (
            "Timeout: ten",
            "9:16 `Timeout` must be a whole number from 1 to 900",
        ),
        (
            "Timeout: 901",
            "9:16 `Timeout` must be a whole number from 1 to 900",
        ),
        (
            "Timeout: [3]",
            "9:16 `Timeout` must be a whole number from 1 to 900",
        ),
        (
            "MemorySize: 64",
            "9:19 `MemorySize` must be a whole number from 128 to 10240",
        ),
        ("Layers: [a]", "9:16 `Layers` must name versions of layers"),
        (
            "ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}",
            "9:7 `ProvisionedConcurrencyConfig` needs `AutoPublishAlias`",
        ),
        (
            "AutoPublishAlias: 7",
            "9:7 `7` cannot be the name of an alias",
        ),
        ("DeadLetterQueue: {}", "9:7 `Type` is missing"),
        (
            "FileSystemConfigs: []",
            "9:7 `FileSystemConfigs` is not supported yet",
        ),
        ("Tracing: Active", "9:7 [`Tracing` has no effect here]"),
        (
            "InlineCode: x",
            "9:7 both `CodeUri` and `InlineCode` are given",
        ),
        (
            "PackageType: Image",
            "9:7 `PackageType: Image` is not supported yet",
        ),
        (
            "Environment: {Variables: {AWS_REGION: x}}",
            "9:33 the variable `AWS_REGION` is reserved",
        ),
        (
            "Environment: {Variables: {1a: x}}",
            "9:33 `1a` cannot name a variable",
        ),
        (
            "Environment: {Variables: {AB: [x]}}",
            "9:37 `AB` must be a string",
        ),
        ("Environment: {Variables: {AB: }}", "9:33 `AB` has no value"),
        (
            "Environment: {AB: x}",
            "9:21 `Environment` has no property `AB`",
        ),
        (
            "EventInvokeConfig: {MaximumRetryAttempts: 3}",
            "9:49 `MaximumRetryAttempts` must be a whole number from 0 to 2",
        ),
        (
            "LoggingConfig: {LogFormat: Text, SystemLogLevel: WARN}",
            "9:40 `SystemLogLevel` needs JSON",
        ),
        (
            "FunctionName: a b",
            "9:7 `a b` cannot be the name of a function",
        ),
        (
            "Policies: {S3Policy: {}}",
            "9:18 there is no policy template `S3Policy`",
        ),
        (
            "Policies: [{S3ReadPolicy: {}}]",
            "9:19 `S3ReadPolicy` needs the parameter `BucketName`",
        ),
        (
            "Events: {A: {Type: MSK}}",
            "9:26 events of type `MSK` are not supported yet",
        ),
        ("Events: {A: {Type: Api}}", "9:16 `Properties` is missing"),
        (
            "Events: {A: {Type: Api, Properties: {Path: items, Method: get}}}",
            "9:50 `items` is no path of a route",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: '/{a+}/b', Method: get}}}",
            "9:50 `/{a+}/b` is no path of a route",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: /a, Method: fetch}}}",
            "9:62 there is no method `fetch`",
        ),
        (
            "Events: {A: {Type: HttpApi, Properties: {Path: /a}}}",
            "9:35 `Method` is missing",
        ),
        (
            "Events: {A: {Type: HttpApi, Properties: {Path: $default, Method: get}}}",
            "9:72 `$default` is no route for `GET` alone",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: /a, Method: get, RestApiId: !Ref Own}}}\n  Own: {Type: AWS::Serverless::HttpApi}",
            "9:78 this must be an `AWS::Serverless::Api` of the same template",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: /a, Method: get, Auth: {Authorizer: Guard}}}}",
            "9:86 the API has no authorizer `Guard`",
        ),
        (
            "AutoPublishAlias: live\n  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: nobody}}",
            "10:62 this function is not in the template",
        ),
        (
            "AutoPublishAlias: live\n  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: !Ref F, Qualifier: other}}",
            "10:62 the function has no alias `other` in this template",
        ),
        (
            "AutoPublishAlias: live\n  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: !Ref F, Qualifier: '1'}}",
            "10:89 only a function and an alias may have a URL",
        ),
        (
            "FunctionUrlConfig: {AuthType: NONE}\n  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: !Ref F}}",
            "3:3 a function, or an alias of it, has one URL",
        ),
        (
            "FunctionUrlConfig: {AuthType: AWS_IAM}",
            "9:27 [access rules are not enforced yet]",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: /a, Method: get, RequestModel: {Model: Pet, ValidateBody: true}}}}",
            "9:82 the API has no model `Pet`",
        ),
        (
            "Events: {A: {Type: Api, Properties: {Path: /a, Method: get}}, B: {Type: Api, Properties: {Path: /a, Method: GET}}}",
            "9:84 `GET /a` is routed already",
        ),
        (
            "Events: {A: {Type: S4}}",
            "9:26 there is no type of event `S4`",
        ),
        ("Events: {A: {Type: S3}}", "9:16 `Properties` is missing"),
        (
            "Events: {A: {Type: S3, Properties: {Bucket: b, Events: 's3:ObjectCreated:*'}}}",
            "9:51 an S3 event needs a bucket of the same template",
        ),
    ] {
        let found = said(&format!("{FUNCTION}      {property}\n"));
        assert!(found.contains(&want.to_owned()), "{property}: {found:?}");
    }
    for (from, to, want) in [
        ("nodejs20.x", "node20", "6:16 there is no runtime node20"),
        (
            "nodejs20.x",
            "ruby3.4",
            "6:16 the runtime ruby3.4 is not supported yet: Node, Python and custom runtimes run",
        ),
        (
            "index.handler",
            "handler",
            "7:7 `handler` cannot be a handler",
        ),
        (
            "index.handler",
            "main.handler",
            "7:7 [the handler's file `main.js` is not there]",
        ),
        (
            "CodeUri: src",
            "CodeUri: sources",
            "8:16 `sources` does not exist",
        ),
        (
            "CodeUri: src",
            "CodeUri: s3://b/k",
            "8:16 code from `s3://b/k` is not supported yet",
        ),
        (
            "CodeUri: src",
            "CodeUri: {Bucket: b, Key: k}",
            "8:16 code in a bucket is not supported yet",
        ),
        (
            "index.handler\n      CodeUri: src",
            "app.handler\n      InlineCode: x",
            "7:7 inline code is in the file `index`",
        ),
        (
            "nodejs20.x\n      Handler: index.handler\n      CodeUri: src",
            "provided.al2023\n      Handler: any\n      InlineCode: x",
            "8:7 inline code cannot be a custom runtime",
        ),
        (
            "CodeUri: src",
            "CodeUri: src\n      ReservedConcurrentExecutions: 901",
            "3:3 the functions reserve more than 900 together",
        ),
        (
            "CodeUri: src",
            "Timeout: 3",
            "7:7 [the handler's file `index.js` is not there]",
        ),
        ("CodeUri: src", "CodeUri:", "8:7 `CodeUri` is empty"),
        (
            "Transform: AWS::Serverless-2016-10-31",
            "Description: x",
            "3:3 `AWS::Serverless::Function` needs a transform",
        ),
    ] {
        check(&FUNCTION.replace(from, to), &[want]);
    }
}

#[test]
fn structure() {
    let bucket = "Resources: {B: {Type: AWS::S3::Bucket}}";
    for (text, want) in [
        ("", "1:1 this is no template"),
        ("[]", "1:1 this is no template"),
        ("Description: x", "the template has no section `Resources`"),
        ("Resources: []", "1:12 `Resources` must be a mapping"),
        (
            "Resources: {B: {Type: AWS::S3::Bukket}}",
            "1:23 `AWS::S3::Bukket` is not supported yet",
        ),
        (
            "Resources: {B: {Type: AWS::IoT::Thing}}",
            "1:23 `AWS::IoT::Thing` is not supported yet",
        ),
        ("Resources: {B: {}}", "1:13 `B` has no `Type`"),
        ("Resources: {B: }", "1:13 `B` declares nothing"),
        (
            "Resources: {B-a: {Type: AWS::S3::Bucket}}",
            "1:13 `B-a` cannot be a logical id",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, BucketName: x}}",
            "1:40 a resource has no attribute `BucketName`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, DependsOn: C}}",
            "1:51 there is no resource `C`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Condition: C}}",
            "1:51 there is no condition `C`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, DeletionPolicy: Keep}}",
            "1:56 `DeletionPolicy` must be Delete, Retain or RetainExceptOnCreate",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: Big}}}",
            "1:53 `Big` cannot be the name of a bucket",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: [a]}}}",
            "1:65 `BucketName` must be a string",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: on-demand}}}}",
            "1:87 `Status` must be one of Enabled, Suspended",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {}}}}",
            "1:53 `Rules` is missing",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Status: Enabled}]}}}}",
            "1:87 a rule needs something to do",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationInDays: 0}]}}}}",
            "1:122 `ExpirationInDays` must be a whole number from 1 to 2147483647",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationDate: '2030-01-01T01:00:00Z'}]}}}}",
            "1:120 `ExpirationDate` must be a midnight, in UTC",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationDate: 2030-01-01, ExpirationInDays: 1}]}}}}",
            "1:104 a rule has one of `ExpirationInDays`, `ExpirationDate` and `ExpiredObjectDeleteMarker`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {CorsConfiguration: {}}}}",
            "1:53 `CorsRules` is missing",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {CorsConfiguration: {CorsRules: [{AllowedOrigins: ['*'], AllowedMethods: [PATCH]}]}}}}",
            "1:109 no rule can allow the method `PATCH`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {CorsConfiguration: {CorsRules: [{AllowedOrigins: ['**'], AllowedMethods: [GET]}]}}}}",
            "1:86 one may have one `*` only",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {ErrorDocument: e}}}}",
            "1:53 `IndexDocument` is missing",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: a/i}}}}",
            "1:76 an index document is no more than a name",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: i, RedirectAllRequestsTo: {HostName: h}}}}}",
            "1:76 `IndexDocument` cannot be beside `RedirectAllRequestsTo`",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {RedirectAllRequestsTo: {Protocol: https}}}}}",
            "1:76 `HostName` is missing",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: i, RoutingRules: [{RedirectRule: {Protocol: ftp}}]}}}}",
            "1:135 `Protocol` must be one of http, https",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: i, RoutingRules: [{RoutingRuleCondition: {}, RedirectRule: {}}]}}}}",
            "1:110 a condition needs a prefix or an error's code",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: i, RoutingRules: [{RoutingRuleCondition: {HttpErrorCodeReturnedEquals: 200}, RedirectRule: {}}]}}}}",
            "1:162 `HttpErrorCodeReturnedEquals` must be a whole number from 400 to 599",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {WebsiteConfiguration: {IndexDocument: i, RoutingRules: [{RedirectRule: {ReplaceKeyWith: a, ReplaceKeyPrefixWith: b}}]}}}}",
            "1:125 a key is replaced by `ReplaceKeyWith` or by `ReplaceKeyPrefixWith`, not by both",
        ),
    ] {
        let found = said(text);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, [want], "{text}");
    }
    for (line, want) in [
        ("Transform: Mine", "1:12 this transform is not supported"),
        (
            "AWSTemplateFormatVersion: 2011-01-01",
            "1:27 this version of the format is not known",
        ),
        (
            "Globals: {Functions: {}}",
            "1:11 `Globals` has no section `Functions`",
        ),
        (
            "Globals: {Function: {Events: {}}}",
            "1:22 `Events` cannot be set in Globals",
        ),
        ("Hooks: {}", "1:1 the section `Hooks` is not supported"),
        (
            "Mappings: {M: {a: b}}",
            "1:16 the first key `a` must be a mapping",
        ),
        ("Conditions: {C: a}", "1:17 this is no condition"),
        (
            "Conditions: {C: !Not [!Equals [!Ref B, a]]}",
            "1:32 a condition cannot refer to the resource `B`",
        ),
        (
            "Conditions: {C: !Not [!Condition C]}",
            "1:23 the condition `C` depends on itself",
        ),
        (
            "Outputs: {O: {Value: !Ref Bb}}",
            "1:22 there is no parameter and no resource `Bb`",
        ),
        (
            "Outputs: {O: {Value: !GetAtt B.Ann}}",
            "1:22 `B` has no attribute `Ann`",
        ),
        (
            "Outputs: {O: {Value: !GetAtt B}}",
            "1:22 `Fn::GetAtt` takes a resource and an attribute, `Resource.Attribute`",
        ),
        (
            "Outputs: {O: {Value: {Fn::Length: [x]}}}",
            "1:23 `Fn::Length` needs a transform",
        ),
        (
            "Outputs: {O: {Value: {Fn::Nope: x}}}",
            "1:23 there is no function `Fn::Nope`",
        ),
        (
            "Outputs: {O: {Value: !Sub '${C}'}}",
            "1:22 there is no parameter and no resource `C`",
        ),
        (
            "Outputs: {O: {Value: !FindInMap [M, a, b]}}",
            "1:34 there is no mapping `M`",
        ),
        (
            "Outputs: {O: {Value: !If [C, a, b]}}",
            "1:27 there is no condition `C`",
        ),
        (
            "Outputs: {O: {Value: !Select [2, [a]]}}",
            "1:22 `Fn::Select` takes an index that is in the list",
        ),
        (
            "Outputs: {O: {Value: !Join [a]}}",
            "1:22 `Fn::Join` takes a delimiter and a list of strings, `[\",\", [a, b]]`",
        ),
        (
            "Outputs: {O: {Value: [a]}}",
            "1:22 an output's `Value` must be a string",
        ),
        ("Outputs: {O: {}}", "1:11 the output `O` has no `Value`"),
    ] {
        check(&format!("{line}\n{bucket}\n"), &[want]);
    }
}

#[test]
fn circles_are_spelled_out() {
    let text = "Resources:\n  A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${B}-a'}}\n  B: {Type: AWS::S3::Bucket, DependsOn: C}\n  C: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: k, Value: !Ref A}]}}\n  D: {Type: AWS::S3::Bucket, DependsOn: A}\n  E: {Type: AWS::S3::Bucket, DependsOn: E}\n";
    check(
        text,
        &[
            "2:55 a circle of dependencies: A → B → C → A",
            "6:41 a circle of dependencies: E → E",
        ],
    );
    let named = "Resources:\n  A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${B}-a'}}\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${A}-b'}}\n";
    check(named, &["2:55 a circle of dependencies: A → B → A"]);
}

#[test]
fn a_policy_says_something() {
    check(
        "Resources: {P: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: b, PolicyDocument: {Statement: []}}}}",
        &[
            "1:70 a policy needs a `Statement`",
            "1:70 [access rules are not enforced yet]",
        ],
    );
}

#[test]
fn rules_of_one_bucket_must_not_overlap() {
    let event = |name: &str, events: &str, prefix: &str| {
        format!(
            "        {name}: {{Type: S3, Properties: {{Bucket: !Ref B, Events: {events}, Filter: {{S3Key: {{Rules: [{{Name: prefix, Value: {prefix}}}]}}}}}}}}\n"
        )
    };
    let bucket = "  B: {Type: AWS::S3::Bucket}\n";
    let both = |a: String, b: String| format!("{FUNCTION}      Events:\n{a}{b}{bucket}");
    let created = "'s3:ObjectCreated:*'";
    check(
        &both(
            event("A", created, "in/"),
            event("C", "['s3:ObjectCreated:Put']", "in/a"),
        ),
        &["11:52 the notification's rules overlap"],
    );
    check(
        &both(event("A", created, "in/"), event("C", created, "out/")),
        &[],
    );
    check(
        &both(
            event("A", created, "in/"),
            event("C", "'s3:ObjectRemoved:*'", "in/"),
        ),
        &[],
    );
}

/// It would be taken for the value itself.
#[test]
fn what_a_store_would_be_asked_for() {
    let function = format!(
        "{FUNCTION}      Environment: {{Variables: {{KEY: !Sub 'a{{{{resolve:ssm:/app/${{AWS::Region}}/key:1}}}}'}}}}\n"
    );
    check(
        &function,
        &["9:38 `{{resolve:ssm:/app/us-east-1/key:1}}` is not looked up"],
    );
    // Nothing is made of these.
    let secret = "'{{resolve:secretsmanager:a:SecretString:b}}'";
    let aside = format!(
        "Resources:\n  C: {{Type: AWS::CertificateManager::Certificate, Properties: {{DomainName: {secret}}}}}\n"
    );
    check(&aside, &["2:3 [`C` has no effect here]"]);
}

#[test]
fn everything_is_said_at_once_and_drawn() {
    let text = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Resize:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: nodejs20.x\n      Handlr: index.handler\n      CodeUri: src\n      Timeout: soon\n      Environment:\n        Variables:\n          BUCKET: !Ref Thumbnail\n  Thumbnails:\n    Type: AWS::S3::Bucket\n  Queue:\n    Type: AWS::IoT::Thing\n";
    let dir = super::with_code();
    let file = dir.path().join("template.yaml");
    let template = super::Template::parse(&file, text.into(), super::Overrides::default()).unwrap();
    let found = template.resolve(&super::context()).unwrap_err();
    let printed = found
        .to_string()
        .replace(&dir.path().display().to_string(), "app");
    assert_eq!(printed, include_str!("drawn.txt").trim_end());
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[0]["severity"], "error");
    assert_eq!(json[1]["place"]["line"], 7);
    assert_eq!(json[1]["help"], "did you mean `Handler`?");
}
