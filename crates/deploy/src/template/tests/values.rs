//! What values resolve to.

use super::{resolve_with, said};
use crate::desired::Told;

/// The outputs of a template whose only resource is a bucket `B` with a fixed name, given its other sections.
fn outputs(sections: &str, values: &[(&str, &str)], given: &[(&str, &str)]) -> Vec<String> {
    let mut text = format!(
        "{sections}\nTransform: AWS::Serverless-2016-10-31\nResources:\n  B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: the-bucket}}}}\n  F: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}}}}\n  T: {{Type: AWS::Serverless::SimpleTable, Properties: {{TableName: the-table}}}}\nOutputs:\n"
    );
    for (at, (value, _)) in values.iter().enumerate() {
        text += &format!("  O{at}: {{Value: {value}}}\n");
    }
    let desired = resolve_with(&text, given).unwrap_or_else(|found| panic!("{found}"));
    desired
        .outputs
        .into_iter()
        .map(|output| output.value)
        .collect()
}

fn check(sections: &str, cases: &[(&str, &str)]) {
    let want: Vec<&str> = cases.iter().map(|(_, want)| *want).collect();
    assert_eq!(outputs(sections, cases, &[]), want);
}

#[test]
fn references_and_attributes() {
    check(
        "",
        &[
            ("!Ref B", "the-bucket"),
            ("!GetAtt B.Arn", "arn:aws:s3:::the-bucket"),
            ("!GetAtt B.DomainName", "the-bucket.s3.amazonaws.com"),
            (
                "!GetAtt B.RegionalDomainName",
                "the-bucket.s3.us-east-1.amazonaws.com",
            ),
            (
                "!GetAtt B.WebsiteURL",
                "http://the-bucket.s3-website-us-east-1.amazonaws.com",
            ),
            (
                "!GetAtt B.DualStackDomainName",
                "the-bucket.s3.dualstack.us-east-1.amazonaws.com",
            ),
            ("!Ref F", "f"),
            (
                "{Fn::GetAtt: [F, Arn]}",
                "arn:aws:lambda:us-east-1:000000000000:function:f",
            ),
            (
                "{Fn::GetAtt: F.Arn}",
                "arn:aws:lambda:us-east-1:000000000000:function:f",
            ),
            ("!Ref T", "the-table"),
            (
                "!GetAtt T.Arn",
                "arn:aws:dynamodb:us-east-1:000000000000:table/the-table",
            ),
            ("!Ref AWS::Region", "us-east-1"),
            ("!Ref AWS::AccountId", "000000000000"),
            ("!Ref AWS::StackName", "shop"),
            ("!Ref AWS::Partition", "aws"),
            ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ],
    );
}

#[test]
fn functions() {
    let sections = "Parameters:\n  L: {Type: CommaDelimitedList, Default: 'x, y ,z'}\n  N: {Type: Number, Default: 5}\nMappings: {M: {us-east-1: {size: 7, list: [p, q]}}}\nConditions:\n  Yes: !Equals [!Ref N, '5']\n  No: !Not [!Condition Yes]\n  Both: !And [!Condition Yes, {Condition: No}]\n  Any: !Or [!Condition Yes, !Condition No]";
    check(
        sections,
        &[
            (
                "!Sub '${B}/${N}-${!B}-${AWS::Region}'",
                "the-bucket/5-${B}-us-east-1",
            ),
            (
                "!Sub ['${v}${F.Arn}', {v: !Ref N}]",
                "5arn:aws:lambda:us-east-1:000000000000:function:f",
            ),
            ("!Join ['-', [a, !Ref B, 3]]", "a-the-bucket-3"),
            ("!Join [',', !Ref L]", "x,y,z"),
            ("!Join ['', [a, !If [No, b, !Ref AWS::NoValue]]]", "a"),
            ("!Select [1, !Ref L]", "y"),
            ("!Select ['0', !Split ['-', a-b]]", "a"),
            ("!FindInMap [M, !Ref AWS::Region, size]", "7"),
            ("!Select [1, !FindInMap [M, us-east-1, list]]", "q"),
            ("!If [Yes, one, two]", "one"),
            ("!If [Both, one, two]", "two"),
            ("!If [Any, one, two]", "one"),
            ("!Base64 hello", "aGVsbG8="),
            ("{Fn::Base64: !Sub '${N}'}", "NQ=="),
            ("010", "010"),
            ("1.10", "1.10"),
            ("yes", "true"),
            ("'yes'", "yes"),
        ],
    );
}

#[test]
fn parameters_are_given_checked_and_split() {
    let sections = "Parameters:\n  Size: {Type: Number, Default: 1, MinValue: 1, MaxValue: 10}\n  Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}\n  Names: {Type: List<Number>, Default: '1,2'}";
    let values = [
        ("!Ref Size", ""),
        ("!Ref Stage", ""),
        ("!Join ['+', !Ref Names]", ""),
    ];
    let given = [("Size", "3"), ("Names", "4, 5")];
    assert_eq!(outputs(sections, &values, &given), ["3", "dev", "4+5"]);

    let bucket = "Resources: {B: {Type: AWS::S3::Bucket}}";
    for (parameter, given, want) in [
        (
            "Type: Number",
            "x",
            "the parameter `P` must be a number, not \"x\"",
        ),
        (
            "Type: Number, NoEcho: true",
            "x",
            "the parameter `P` must be a number",
        ),
        (
            "Type: Number, MaxValue: 3",
            "4",
            "the parameter `P` must be at most 3, not 4",
        ),
        (
            "Type: String, MinLength: 3",
            "ab",
            "the parameter `P` must have at least 3 characters",
        ),
        (
            "Type: String, AllowedPattern: '[a-z]+'",
            "a1",
            "the parameter `P` must match the pattern [a-z]+",
        ),
        (
            "Type: String, AllowedPattern: '(?=a)'",
            "a",
            "this pattern cannot be read",
        ),
        (
            "Type: String, AllowedValues: [a, b]",
            "c",
            "the parameter `P` must be one of a, b",
        ),
        ("Type: Strng", "c", "there is no parameter type `Strng`"),
        (
            "Type: 'AWS::SSM::Parameter::Value<String>'",
            "c",
            "the type `AWS::SSM::Parameter::Value<String>` is not supported",
        ),
        ("Default: 1", "c", "the parameter `P` has no `Type`"),
    ] {
        let text = format!("Parameters: {{P: {{{parameter}}}}}\n{bucket}");
        let found = resolve_with(&text, &[("P", given)]).unwrap_err();
        let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, [want]);
    }
    let missing = format!("Parameters: {{P: {{Type: String}}}}\n{bucket}");
    assert_eq!(said(&missing), ["1:14 the parameter `P` has no value"]);
    let unknown = resolve_with(bucket, &[("Q", "1")]).unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("the template has no parameter `Q`")
    );
}

#[test]
fn conditions_decide_what_is_made() {
    let text = "Conditions:\n  No: !Equals [a, b]\nResources:\n  A: {Type: AWS::S3::Bucket, Condition: No}\n  B: {Type: AWS::S3::Bucket}\nOutputs:\n  O: {Condition: No, Value: !Ref A}\n";
    let desired = resolve_with(text, &[]).unwrap();
    assert_eq!(desired.resources.len(), 1);
    assert!(desired.outputs.is_empty());
    let text = text.replace("Condition: No, Value", "Value");
    assert_eq!(said(&text), ["7:14 `A` is not created"]);
}

#[test]
fn tables_have_their_keys() {
    let text = "Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      AttributeDefinitions:\n        - {AttributeName: a, AttributeType: S}\n        - {AttributeName: b, AttributeType: N}\n      KeySchema:\n        - {AttributeName: a, KeyType: HASH}\n        - {AttributeName: b, KeyType: RANGE}\n";
    let desired = resolve_with(text, &[]).unwrap();
    let json = serde_json::to_value(&desired.resources[0].kind).unwrap();
    assert_eq!(json["partition_key"]["name"], "a");
    assert_eq!(json["sort_key"]["type"], "number");
    let text = text.replace("BillingMode: PAY_PER_REQUEST", "TableClass: STANDARD");
    assert_eq!(
        said(&text),
        [
            "2:3 `ProvisionedThroughput` is missing",
            "5:7 [`TableClass` has no effect here]"
        ]
    );
}

#[test]
fn a_table_has_a_stream_if_it_says_so() {
    let table = "Parameters: {View: {Type: String, Default: NEW_IMAGE}}\nConditions: {Never: !Equals [a, b]}\nResources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: the-table\n      BillingMode: PAY_PER_REQUEST\n      AttributeDefinitions: [{AttributeName: a, AttributeType: S}]\n      KeySchema: [{AttributeName: a, KeyType: HASH}]\n";
    let output = "Outputs: {O: {Value: !GetAtt T.StreamArn}}\n";
    let with = |stream: &str| format!("{table}      {stream}\n{output}");
    let text = with("StreamSpecification: {StreamViewType: !Ref View}");
    let desired = resolve_with(&text, &[]).unwrap();
    let json = serde_json::to_value(&desired.resources[0].kind).unwrap();
    assert_eq!(json["feed"]["images"], "new");
    assert_eq!(
        desired.outputs[0].value,
        "arn:aws:dynamodb:us-east-1:000000000000:table/the-table/stream/1970-01-01T00:00:00.000"
    );
    let sub = text.replace("!GetAtt T.StreamArn", "!Sub '${T.StreamArn}'");
    let same = resolve_with(&sub, &[]).unwrap();
    assert_eq!(same.outputs[0].value, desired.outputs[0].value);
    for (stream, wrong) in [
        ("Tags: []", "12:22 `StreamArn` of `T` has no value"),
        (
            "StreamSpecification: !If [Never, {StreamViewType: NEW_IMAGE}, !Ref AWS::NoValue]",
            "12:22 `StreamArn` of `T` has no value",
        ),
        (
            "StreamSpecification: {}",
            "11:7 `StreamViewType` is missing",
        ),
        (
            "StreamSpecification: {StreamViewType: IMAGES}",
            "11:45 `StreamViewType` must be one of KEYS_ONLY, NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES",
        ),
        (
            "StreamSpecification: {StreamEnabled: true, StreamViewType: NEW_IMAGE}",
            "11:29 `StreamSpecification` has no property `StreamEnabled`",
        ),
        (
            "StreamSpecification: {StreamViewType: !GetAtt T.StreamArn}",
            "11:45 a circle of dependencies: T → T",
        ),
    ] {
        assert_eq!(said(&with(stream)), [wrong], "{stream}");
    }
}

#[test]
fn texts_cannot_be_doubled_without_end() {
    let mut value = "'xxxxxxxxxxxxxxxx'".to_owned();
    for _ in 0..28 {
        value = format!("!Sub ['${{a}}${{a}}', {{a: {value}}}]");
    }
    let text = format!(
        "Resources: {{B: {{Type: AWS::S3::Bucket}}}}\nOutputs: {{O: {{Value: {value}}}}}\n"
    );
    let found = said(&text);
    assert!(found[0].contains("yield too much"), "{found:?}");
}

const PUBLISHED: &str = r#"Transform: AWS::Serverless-2016-10-31
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: src, CompatibleRuntimes: [nodejs20.x]}
  Plain:
    Type: AWS::Lambda::LayerVersion
    Properties: {LayerName: plain, Content: code.zip}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: index.handler
      Runtime: nodejs20.x
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
      Layers:
        - !Ref Words
        - !Ref Plain
        - !Sub arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:other:3
      Events:
        Up:
          Type: S3
          Properties: {Bucket: !Ref B, Events: s3:ObjectCreated:*}
  G:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: index.handler, Runtime: nodejs20.x}
  One:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref G, Description: first}
  Live:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref G
      FunctionVersion: !GetAtt One.Version
      Name: live
      RoutingConfig:
        AdditionalVersionWeights: [{FunctionVersion: 7, FunctionWeight: 0.25}]
  B:
    Type: AWS::S3::Bucket
Outputs:
  Alias: {Value: !Ref Live}
  Published: {Value: !Ref F.Alias}
  Layer: {Value: !Ref Words}
"#;

#[test]
fn layers_versions_and_aliases_resolve() {
    use super::{only, resolved};
    use crate::desired::{Kind, LayerUse, Numbered};
    let desired = resolved(PUBLISHED);
    let Kind::Function(function) = &only(&desired, "F").kind else {
        panic!("no function");
    };
    let Kind::Layer(words) = &only(&desired, "Words").kind else {
        panic!("no layer");
    };
    let used = |name: &str, version| LayerUse {
        name: name.into(),
        version,
        public: None,
    };
    let layers = [
        used(&words.name, None),
        used("plain", None),
        used("other", Some(3)),
    ];
    assert_eq!(function.layers, layers);
    let publish = function.publish.as_ref().unwrap();
    assert_eq!(
        (publish.alias.as_str(), publish.provisioned),
        ("live", Some(2))
    );
    let needs = &only(&desired, "F").depends_on;
    assert!(needs.contains(&"Words".to_owned()) && needs.contains(&"Plain".to_owned()));
    let Kind::Notification(notification) = &only(&desired, "B.Notification").kind else {
        panic!("no notification");
    };
    let Told::Function { qualifier, .. } = &notification.rules[0].told else {
        panic!("no function");
    };
    assert_eq!(qualifier.as_deref(), Some("live"));
    let Kind::Alias(alias) = &only(&desired, "Live").kind else {
        panic!("no alias");
    };
    assert_eq!(
        alias.version,
        Numbered::Published(format!("{}:One", alias.function))
    );
    assert_eq!(alias.other, Some((Numbered::Number(7), 25_000)));
    assert!(
        only(&desired, "Live")
            .depends_on
            .contains(&"One".to_owned())
    );
    let outputs: Vec<&str> = desired
        .outputs
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    let place = "arn:aws:lambda:us-east-1:000000000000";
    assert_eq!(
        outputs,
        [
            format!("{place}:function:{}:live", alias.function),
            format!("{place}:function:{}:live", function.name),
            format!("{place}:layer:{}", words.name),
        ]
    );
    let notices = said(PUBLISHED);
    assert!(
        notices
            .iter()
            .any(|one| one.contains("the number of a version is not shown"))
    );
}

#[test]
fn the_number_of_a_version_is_not_taken_where_it_is_not_known() {
    let text = PUBLISHED.replace(
        "      AutoPublishAlias: live\n",
        "      AutoPublishAlias: live\n      Environment: {Variables: {VERSION: !GetAtt One.Version}}\n",
    );
    let found = said(&text);
    assert!(
        found
            .iter()
            .any(|one| one.contains("`F` uses the number of a version")),
        "{found:?}"
    );
}
