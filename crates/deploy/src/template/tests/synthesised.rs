//! What the CDK writes: templates with their code as assets beside them, and what it adds to each.

use super::{context, only, resolve_with, resolved, said};
use crate::desired::{Code, Kind};
use crate::template::{Overrides, Template, load_all};
use crate::{Desired, Diagnostics, Others};
use std::fs;
use std::path::Path;

const FUNCTION: &str = r#""F": {"Type": "AWS::Lambda::Function", "Properties": {
    "Code": {"S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "ab.zip"},
    "Handler": "index.handler", "Runtime": "nodejs20.x", "Layers": [{"Ref": "L"}],
    "TracingConfig": {"Mode": "Active"}, "Tags": [{"Key": "a", "Value": "b"}],
    "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"}}}"#;
const LAYER: &str = r#""L": {"Type": "AWS::Lambda::LayerVersion", "Properties": {
    "Content": {"S3Bucket": "assets", "S3Key": "cd.zip"}}}"#;
/// As it stands in each template.
const ALWAYS: &str = r#"
    "Conditions": {"CDKMetadataAvailable": {"Fn::Or": [
        {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "af-south-1"]}, {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}]},
        {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-west-2"]}]}},
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>",
        "Default": "/cdk-bootstrap/hnb659fds/version", "Description": "[cdk:skip]"}},
    "Rules": {"CheckBootstrapVersion": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [
        ["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]}, "AssertDescription": "Please run 'cdk bootstrap'."}]}}"#;
const METADATA: &str = r#""CDKMetadata": {"Type": "AWS::CDK::Metadata", "Condition": "CDKMetadataAvailable",
    "Properties": {"Analytics": "v2:deflate64:H4s"}}"#;
const LIST: &str = r#"{"version": "36.0.0", "files": {
    "ab": {"source": {"path": "asset.ab", "packaging": "zip"},
           "destinations": {"here": {"bucketName": "b", "objectKey": "ab.zip"}}},
    "cd": {"source": {"path": "asset.cd.zip", "packaging": "file"},
           "destinations": {"here": {"bucketName": "b", "objectKey": "cd.zip"}}},
    "ef": {"source": {"executable": ["make"], "packaging": "zip"},
           "destinations": {"here": {"bucketName": "b", "objectKey": "ef.zip"}}}}, "dockerImages": {}}"#;

/// A folder as `cdk synth` leaves it, with the resources in its one stack.
fn assembly(resources: &str, environment: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    let template = format!("{{\"Resources\": {{{resources}, {METADATA}}}, {ALWAYS}}}");
    write("Shop.template.json", &template);
    write("Shop.assets.json", LIST);
    write(
        "manifest.json",
        &format!(
            r#"{{"version": "36.0.0", "artifacts": {{"Shop": {{"type": "aws:cloudformation:stack",
               "environment": "{environment}", "properties": {{"templateFile": "Shop.template.json"}}}}}}}}"#
        ),
    );
    fs::create_dir(folder.path().join("asset.ab")).unwrap();
    write("asset.ab/index.js", "exports.handler = async () => 1");
    write("asset.cd.zip", "PK");
    folder
}

fn load(folder: &Path) -> Result<Template, Vec<Diagnostics>> {
    let mut all = load_all(folder, &Overrides::default())?;
    Ok(all.remove(0).0)
}

fn taken(folder: &Path) -> Desired {
    load(folder).unwrap().resolve(&context()).unwrap()
}

fn refused(folder: &Path) -> String {
    let refused = load(folder).unwrap_err();
    refused.iter().map(ToString::to_string).collect()
}

const ANYWHERE: &str = "aws://unknown-account/unknown-region";

#[test]
fn code_and_layers_are_the_assets_beside_the_template() {
    let folder = assembly(&format!("{FUNCTION}, {LAYER}"), ANYWHERE);
    let template = load(folder.path()).unwrap();
    assert_eq!(template.stack(), "Shop");
    assert_eq!(template.kind(), "a stack of the CDK");
    let desired = template.resolve(&context()).unwrap();
    let Kind::Function(function) = &only(&desired, "F").kind else {
        panic!("F is no function");
    };
    let code = folder.path().join("asset.ab");
    assert_eq!(function.code, Code::Directory(code));
    assert_eq!(function.tags["a"], "b");
    let dead = "arn:aws:sqs:us-east-1:000000000000:dead";
    assert_eq!(function.dead_letters.as_deref(), Some(dead));
    let layer = desired.layers().next().unwrap();
    assert_eq!(layer.code, Code::Zip(folder.path().join("asset.cd.zip")));
    let notices: Vec<&str> = desired
        .notices
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(notices, ["`TracingConfig` has no effect here"]);
    // The template alone is the same stack.
    let file = folder.path().join("Shop.template.json");
    let alone = crate::load(&file, Overrides::default()).unwrap();
    assert_eq!(alone.stack(), "Shop");
}

#[test]
fn what_is_not_there_to_be_run_is_refused() {
    for (code, want) in [
        (
            r#"{"S3Bucket": "b", "S3Key": "ef.zip"}"#,
            "this asset cannot be had before it is published",
        ),
        (
            r#"{"S3Bucket": "b", "S3Key": "other.zip"}"#,
            "code in a bucket is not supported yet",
        ),
        (r#"{"ImageUri": "x"}"#, "`ImageUri` is not supported yet"),
    ] {
        let function = format!(
            r#""F": {{"Type": "AWS::Lambda::Function", "Properties": {{"Code": {code}, "Handler": "index.handler", "Runtime": "nodejs20.x"}}}}"#
        );
        let folder = assembly(&function, ANYWHERE);
        let said = refused(folder.path());
        assert!(said.contains(want), "{said}");
    }
    let folder = assembly(FUNCTION, ANYWHERE);
    let manifest = folder.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let missing = text.replace(
        "\"artifacts\"",
        "\"missing\": [{\"key\": \"vpc-provider:x\"}], \"artifacts\"",
    );
    fs::write(&manifest, missing).unwrap();
    let said = refused(folder.path());
    assert!(
        said.contains("what only a real account knows: vpc-provider:x"),
        "{said}"
    );
    let twin = text.replace(
        "{\"Shop\": ",
        "{\"Twin\": {\"type\": \"aws:cloudformation:stack\", \"properties\": {\"templateFile\": \"x\", \"stackName\": \"Shop\"}}, \"Shop\": ",
    );
    fs::write(&manifest, twin).unwrap();
    let said = refused(folder.path());
    assert!(said.contains("two stacks are called `Shop`"), "{said}");
}

#[test]
fn what_is_written_for_another_account_is_moved_here() {
    let queue = r#""Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q-123456789012-eu-west-1",
        "RedrivePolicy": {"maxReceiveCount": 3, "deadLetterTargetArn": {"Fn::Join": ["", ["arn:aws:sqs:eu-west-1:", "123456789012:dead"]]}}}}"#;
    let folder = assembly(queue, "aws://123456789012/eu-west-1");
    let desired = taken(folder.path());
    let name = only(&desired, "Q").kind.name();
    assert_eq!(name, "q-000000000000-us-east-1");
    let notice = desired
        .notices
        .iter()
        .next()
        .map(|one| one.message.as_str());
    let want = "the stack is written for another account or region: 123456789012 is 000000000000, eu-west-1 is us-east-1 here";
    assert_eq!(notice, Some(want));
    let folder = assembly(queue, "aws://000000000000/us-east-1");
    assert!(taken(folder.path()).notices.is_empty());
}

#[test]
fn a_plain_function_says_where_its_code_is() {
    let function = |code: &str| {
        format!(
            "Resources:\n  F: {{Type: AWS::Lambda::Function, Properties: {{Handler: index.handler, Runtime: nodejs20.x{code}}}}}\n"
        )
    };
    let code = |text: &str| {
        let desired = resolved(&function(text));
        let function = desired.functions().next().cloned();
        function.unwrap().code
    };
    assert_eq!(code(", Code: {ZipFile: 'x'}"), Code::Inline("x".into()));
    assert!(matches!(code(", Code: src"), Code::Directory(_)));
    assert!(matches!(code(", Code: code.zip"), Code::Zip(_)));
    for (text, want) in [
        ("", "2:3 `Code` is missing"),
        (
            ", CodeUri: src, Code: src",
            "2:94 `AWS::Lambda::Function` has no property `CodeUri`",
        ),
        (
            ", Code: {ZipFile: x}, VpcConfig: {}",
            "2:114 [`VpcConfig` has no effect here]",
        ),
    ] {
        assert_eq!(said(&function(text)), [want]);
    }
    let image = "Resources:\n  F: {Type: AWS::Lambda::Function, Properties: {PackageType: Image, Code: {ImageUri: x}}}\n";
    let want = "2:49 `PackageType: Image` is not supported yet";
    assert_eq!(said(image), [want]);
    let output = "Outputs: {O: {Value: !GetAtt F.Arn}, N: {Value: !Ref F}}\n";
    let desired = resolved(&format!(
        "{}{output}",
        function(", FunctionName: f, Code: src")
    ));
    let values: Vec<&str> = desired
        .outputs
        .iter()
        .map(|one| one.value.as_str())
        .collect();
    assert_eq!(
        values,
        ["arn:aws:lambda:us-east-1:000000000000:function:f", "f"]
    );
}

#[test]
fn a_global_table_is_a_table_with_one_replica() {
    let table = |replicas: &str| {
        format!(
            "Resources:\n  T: {{Type: AWS::DynamoDB::GlobalTable, Properties: {{TableName: ttt, BillingMode: PAY_PER_REQUEST, StreamSpecification: {{StreamViewType: NEW_IMAGE}}, KeySchema: [{{AttributeName: id, KeyType: HASH}}], AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}], Replicas: {replicas}}}}}\nOutputs: {{A: {{Value: !GetAtt T.Arn}}, S: {{Value: !GetAtt T.StreamArn}}}}\n"
        )
    };
    let desired = resolved(&table(
        "[{Region: !Ref AWS::Region, DeletionProtectionEnabled: true, Tags: [{Key: a, Value: b}]}]",
    ));
    let Kind::Table(made) = &only(&desired, "T").kind else {
        panic!("T is no table");
    };
    assert!(made.protected && made.tags["a"] == "b" && made.feed.is_some());
    assert_eq!(
        desired.outputs[0].value,
        "arn:aws:dynamodb:us-east-1:000000000000:table/ttt"
    );
    assert!(desired.outputs[1].value.contains(":table/ttt/stream/"));
    for (replicas, want) in [
        (
            "[{Region: us-east-1}, {Region: eu-west-1}]",
            "a table has one replica here, in the region of the server",
        ),
        (
            "[{Region: eu-west-1}]",
            "there is no region `eu-west-1` here",
        ),
        (
            "[{Region: us-east-1, ReadProvisionedThroughputSettings: {}}]",
            "`ReadProvisionedThroughputSettings` is not supported yet",
        ),
    ] {
        let said = said(&table(replicas));
        assert!(said.len() == 1 && said[0].ends_with(want), "{said:?}");
    }
}

#[test]
fn rules_are_asserted_of_the_parameters() {
    let text = |condition: &str, assert: &str| {
        format!(
            "Parameters: {{P: {{Type: String, Default: b}}, L: {{Type: CommaDelimitedList, Default: 'a,b'}}}}\nRules: {{R: {{{condition}Assertions: [{{Assert: {assert}, AssertDescription: why}}]}}}}\nResources: {{B: {{Type: AWS::S3::Bucket}}}}\n"
        )
    };
    let broken = "the parameters break the rule `R`";
    for (condition, assert, want) in [
        ("", "{Fn::Contains: [[a, b], !Ref P]}", None),
        ("", "{Fn::Contains: [[a, c], !Ref P]}", Some(broken)),
        ("", "!Not [{Fn::Contains: [[a, b], !Ref P]}]", Some(broken)),
        (
            "RuleCondition: !Equals [!Ref P, a], ",
            "{Fn::Contains: [[a], !Ref P]}",
            None,
        ),
        ("", "{Fn::EachMemberIn: [!Ref L, [a, b, c]]}", None),
        ("", "{Fn::EachMemberIn: [!Ref L, [a, c]]}", Some(broken)),
        ("", "{Fn::EachMemberEquals: [!Ref L, a]}", Some(broken)),
        (
            "",
            "{Fn::Contains: [[a], !Ref Q]}",
            Some("there is no parameter and no resource `Q`"),
        ),
        (
            "",
            "{Fn::Contains: [[a], {Fn::ValueOf: [P, x]}]}",
            Some("`Fn::ValueOf` is not supported"),
        ),
        (
            "Conditions: [], ",
            "{Fn::Contains: [[b], !Ref P]}",
            Some("a rule has no `Conditions`"),
        ),
    ] {
        let said = said(&text(condition, assert));
        match want {
            None => assert!(said.is_empty(), "{assert} {said:?}"),
            Some(want) => assert!(
                said.len() == 1 && said[0].ends_with(want),
                "{assert} {said:?}"
            ),
        }
    }
    // They are for rules alone.
    let misplaced =
        "Conditions: {C: {Fn::Contains: [[a], a]}}\nResources: {B: {Type: AWS::S3::Bucket}}\n";
    assert_eq!(said(misplaced), ["1:17 this is no condition"]);
}

#[test]
fn exports_have_names_and_imports_find_them() {
    let head = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: bbb}}}\n";
    let desired = resolved(&format!(
        "{head}Outputs: {{O: {{Value: !Ref B, Export: {{Name: !Sub '${{AWS::StackName}}-b'}}}}}}\n"
    ));
    assert_eq!(desired.exports["shop-b"], "bbb");
    for (exports, want) in [
        ("O: {Value: a, Export: {}}", "`Export` must have a `Name`"),
        (
            "O: {Value: a, Export: {Name: x}}, P: {Value: b, Export: {Name: x}}",
            "another output is exported as `x`",
        ),
    ] {
        let said = said(&format!("{head}Outputs: {{{exports}}}\n"));
        assert!(said.len() == 1 && said[0].ends_with(want), "{said:?}");
    }
    let importing = format!("{head}Outputs: {{O: {{Value: !ImportValue other-b}}}}\n");
    let template = |exports: &[(&str, &str)]| {
        let pairs = exports
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let mut context = context();
        context.others = Some(Others {
            exports: pairs.collect(),
            ..Others::default()
        });
        let file = Path::new("template.yaml");
        let template = Template::parse(file, importing.clone(), Overrides::default()).unwrap();
        template.resolve(&context)
    };
    let found = template(&[("other-b", "value")]).unwrap();
    assert_eq!(found.outputs[0].value, "value");
    assert!(found.imports.contains("other-b"));
    let refused = template(&[("other-c", "value")]).unwrap_err().to_string();
    assert!(refused.contains("no stack exports `other-b`"), "{refused}");
    // Before anything is deployed, what others export is not known.
    assert!(resolve_with(&importing, &[]).unwrap().outputs.is_empty());
}

#[test]
fn what_is_looked_for_in_a_bucket_is_published_there() {
    let function = r#""F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "index.handler", "Runtime": "nodejs20.x",
        "Code": {"S3Bucket": "assets", "S3Key": "ab.zip"},
        "Environment": {"Variables": {"KEY": {"Fn::Join": ["/", ["s3:/", "cd.zip"]]}}}}}"#;
    let folder = assembly(function, "aws://123456789012/eu-west-1");
    let list = folder.path().join("Shop.assets.json");
    let named = LIST.replace("\"b\"", "\"assets-123456789012-${AWS::Region}\"");
    fs::write(&list, named).unwrap();
    let template = load(folder.path()).unwrap();
    let context = context();
    let published = template.published(&context);
    // The code is run from where it is.
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].bucket, "assets-000000000000-us-east-1");
    assert_eq!(published[0].key, "cd.zip");
    let path = folder.path().join("asset.cd.zip");
    assert_eq!(published[0].path, Some(path.as_path()));
}

/// As applications do that are newer than exports: nothing is held.
#[test]
fn outputs_of_other_stacks_are_taken_as_they_are() {
    let resolve = |argument: &str, known: bool| {
        let text = format!(
            "Resources: {{B: {{Type: AWS::S3::Bucket}}}}\nOutputs: {{O: {{Value: {{Fn::GetStackOutput: {argument}}}}}}}\n"
        );
        let outputs = [("Q".to_owned(), "value".to_owned())];
        let mut context = context();
        context.others = known.then(|| Others {
            outputs: [("Data".to_owned(), outputs.into())].into(),
            ..Others::default()
        });
        let file = Path::new("template.yaml");
        let template = Template::parse(file, text, Overrides::default()).unwrap();
        template
            .resolve(&context)
            .map_err(|error| error.to_string())
    };
    let all = "{StackName: Data, OutputName: Q, Region: !Ref AWS::Region, RoleArn: x}";
    let found = resolve(all, true).unwrap();
    assert_eq!(found.outputs[0].value, "value");
    assert!(found.imports.is_empty() && found.notices.is_empty());
    assert!(resolve(all, false).unwrap().outputs.is_empty());
    let elsewhere = resolve("{StackName: Data, OutputName: Q, Region: eu-west-1}", true).unwrap();
    let notice = elsewhere.notices.iter().next().unwrap();
    assert_eq!(
        notice.message,
        "the stack is looked for in us-east-1, not in eu-west-1"
    );
    for (argument, want) in [
        ("{StackName: Dat, OutputName: Q}", "there is no stack `Dat`"),
        (
            "{StackName: Data, OutputName: P}",
            "the stack `Data` has no output `P`",
        ),
        (
            "{StackName: Data}",
            "takes a mapping with `StackName` and `OutputName`",
        ),
        (
            "{StackName: Data, OutputName: Q, Account: x}",
            "takes a mapping with `StackName` and `OutputName`",
        ),
    ] {
        let refused = resolve(argument, true).unwrap_err();
        assert!(refused.contains(want), "{argument} {refused}");
    }
}
