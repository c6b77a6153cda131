use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::desired::{KeyType, Kind, Resource};
use crate::{Desired, Severity};

mod admission;
mod balancers;
mod build_methods;
mod customs;
mod edges;
mod extended;
mod gateways;
mod line_subscriptions;
mod mappings;
mod nested;
mod refused;
mod schedules;
mod servers;
mod synthesised;
mod taken;
mod tellings;
mod topics;
mod values;

pub(super) fn context() -> Context {
    Context {
        account: "000000000000".into(),
        region: "us-east-1".into(),
        stack: "shop".into(),
        suffix: "s1".into(),
        feeds: Feeds::default(),
        answers: Default::default(),
        endpoint: "http://127.0.0.1:4566".into(),
        others: None,
    }
}

/// A directory with the code that templates name, and nothing else.
pub(super) fn with_code() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::write(
        dir.path().join("src/index.js"),
        "exports.handler = async () => 1",
    )
    .unwrap();
    fs::write(dir.path().join("code.zip"), "PK").unwrap();
    dir
}

pub(super) fn resolve_with(
    text: &str,
    parameters: &[(&str, &str)],
) -> Result<Desired, Diagnostics> {
    let dir = with_code();
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let overrides = Overrides {
        parameters: parameters.iter().map(own).collect(),
        stack: Some("shop".into()),
    };
    let file = dir.path().join("template.yaml");
    Template::parse(&file, text.to_owned(), overrides)?.resolve(&context())
}

pub(super) fn resolved(text: &str) -> Desired {
    resolve_with(text, &[]).unwrap_or_else(|found| panic!("{found}"))
}

/// What is said about a template, as `line:column message`, errors as they are and notices in brackets.
pub(super) fn said(text: &str) -> Vec<String> {
    let found = match resolve_with(text, &[]) {
        Ok(desired) => desired.notices,
        Err(found) => found,
    };
    let one = |found: &crate::Diagnostic| {
        let place = match &found.place {
            Some(place) => format!("{}:{} ", place.line, place.column),
            None => String::new(),
        };
        match found.severity {
            Severity::Error => format!("{place}{}", found.message),
            Severity::Notice => format!("{place}[{}]", found.message),
        }
    };
    found.iter().map(one).collect()
}

fn only<'a>(desired: &'a Desired, id: &str) -> &'a Resource {
    let found = desired.resources.iter().find(|one| one.logical_id == id);
    found.unwrap_or_else(|| panic!("no {id}"))
}

pub(super) const THUMBNAILS: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31

Globals:
  Function:
    Runtime: nodejs20.x
    Timeout: 60
    Environment:
      Variables:
        LOG: debug
        QUALITY: 80

Resources:
  Uploads:
    Type: AWS::S3::Bucket

  Thumbnails:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${AWS::StackName}-thumbnails"

  Resize:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: index.handler
      MemorySize: 1024
      Environment:
        Variables:
          OUTPUT_BUCKET: !Ref Thumbnails
          METADATA_TABLE: !Ref Photos
          QUALITY: 90
      Policies:
        - S3WritePolicy:
            BucketName: !Ref Thumbnails
      Events:
        Upload:
          Type: S3
          Properties:
            Bucket: !Ref Uploads
            Events: s3:ObjectCreated:*
            Filter:
              S3Key:
                Rules:
                  - Name: prefix
                    Value: in/
                  - Name: suffix
                    Value: .jpg

  Photos:
    Type: AWS::Serverless::SimpleTable

Outputs:
  UploadBucket:
    Description: Put photos here
    Value: !Ref Uploads
  Arn:
    Value: !GetAtt Resize.Arn
"#;

#[test]
fn the_thumbnails_application_resolves() {
    let desired = resolved(THUMBNAILS);
    let ids: Vec<&str> = desired
        .resources
        .iter()
        .map(|one| one.logical_id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "Uploads",
            "Thumbnails",
            "Photos",
            "Resize",
            "Uploads.Notification"
        ]
    );
    let uploads = only(&desired, "Uploads").kind.name().to_owned();
    assert!(uploads.starts_with("shop-uploads-") && uploads.len() == "shop-uploads-".len() + 12);
    assert_eq!(uploads, uploads.to_lowercase());
    let photos = only(&desired, "Photos");
    let Kind::Table(table) = &photos.kind else {
        panic!()
    };
    assert_eq!(
        (
            table.partition_key.name.as_str(),
            table.partition_key.r#type
        ),
        ("id", KeyType::String)
    );
    let Kind::Function(function) = &only(&desired, "Resize").kind else {
        panic!()
    };
    assert_eq!(
        (function.timeout_s, function.memory_mb, function.scratch_mb),
        (60, 1024, 512)
    );
    assert_eq!(
        function.environment,
        BTreeMap::from([
            ("LOG".into(), "debug".into()),
            ("QUALITY".into(), "90".into()),
            ("OUTPUT_BUCKET".into(), "shop-thumbnails".into()),
            ("METADATA_TABLE".into(), table.name.clone()),
        ])
    );
    let Kind::Notification(notification) = &only(&desired, "Uploads.Notification").kind else {
        panic!()
    };
    assert_eq!(notification.bucket, uploads);
    let rule = &notification.rules[0];
    assert_eq!(rule.id, "Resize-Upload");
    assert_eq!(rule.told.function(), Some(function.name.as_str()));
    assert_eq!(rule.events, ["s3:ObjectCreated:*"]);
    assert_eq!(
        (rule.prefix.as_deref(), rule.suffix.as_deref()),
        (Some("in/"), Some(".jpg"))
    );
    assert_eq!(
        only(&desired, "Resize").depends_on,
        ["Thumbnails", "Photos"]
    );
    assert_eq!(
        only(&desired, "Uploads.Notification").depends_on,
        ["Uploads", "Resize"]
    );
    assert_eq!(desired.outputs[0].value, uploads);
    assert_eq!(
        desired.outputs[1].value,
        format!(
            "arn:aws:lambda:us-east-1:000000000000:function:{}",
            function.name
        )
    );
    assert_eq!(
        said(THUMBNAILS),
        ["33:7 [access rules are not enforced yet]"]
    );
}

#[test]
fn names_are_the_same_each_time_and_differ_by_suffix() {
    let names = |suffix: &str| -> Vec<String> {
        let dir = with_code();
        let file = dir.path().join("template.yaml");
        let template = Template::parse(&file, THUMBNAILS.into(), Overrides::default()).unwrap();
        let context = Context {
            suffix: suffix.into(),
            ..context()
        };
        let desired = template.resolve(&context).unwrap();
        let names = desired
            .resources
            .iter()
            .map(|one| one.kind.name().to_owned());
        names.collect()
    };
    assert_eq!(names("a"), names("a"));
    assert_ne!(names("a"), names("b"));
}

#[test]
fn a_plain_template_pairs_permission_and_notification() {
    let text = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs22.x, Handler: index.handler, CodeUri: ./src}
  Allowed:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !GetAtt F.Arn
      Principal: s3.amazonaws.com
      SourceArn: arn:aws:s3:::fixed-name
  B:
    Type: AWS::S3::Bucket
    DependsOn: Allowed
    Properties:
      BucketName: fixed-name
      NotificationConfiguration:
        LambdaConfigurations:
          - Event: s3:ObjectRemoved:*
            Function: !GetAtt F.Arn
";
    let desired = resolved(text);
    let ids: Vec<&str> = desired
        .resources
        .iter()
        .map(|one| one.logical_id.as_str())
        .collect();
    assert_eq!(ids, ["F", "B", "B.Notification"]);
    assert_eq!(said(text), ["11:7 [access rules are not enforced yet]"]);
}

#[test]
fn a_function_may_know_the_bucket_that_notifies_it() {
    let text = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Environment: {Variables: {BUCKET: !Ref B}}
      Events:
        Put: {Type: S3, Properties: {Bucket: !Ref B, Events: ['s3:ObjectCreated:Put']}}
  B:
    Type: AWS::S3::Bucket
";
    let desired = resolved(text);
    let ids: Vec<&str> = desired
        .resources
        .iter()
        .map(|one| one.logical_id.as_str())
        .collect();
    assert_eq!(ids, ["B", "F", "B.Notification"]);
    assert_eq!(
        said(text),
        ["13:3 [AWS itself refuses the circle B → F → B]"]
    );
}

#[test]
fn a_template_is_found_in_a_directory_and_named_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().join("2_my app");
    fs::create_dir(&app).unwrap();
    let missing = load(&app, Overrides::default()).unwrap_err();
    assert!(missing.to_string().contains("there is no template in"));
    fs::write(
        app.join("template.yml"),
        "Resources: {B: {Type: AWS::S3::Bucket}}",
    )
    .unwrap();
    let template = load(&app, Overrides::default()).unwrap();
    assert_eq!(template.stack(), "my-app");
    assert_eq!(template.path(), app.join("template.yml"));
    assert_eq!(template.resolve(&context()).unwrap().resources.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A template with random pieces put into its places resolves or is refused, but does not panic.
    #[test]
    fn no_template_panics(pieces in prop::collection::vec(prop::sample::select(vec![
        "!Ref A", "!Ref B", "!Ref P", "!GetAtt B.Arn", "!GetAtt A.Arn", "!GetAtt [A]", "!Sub '${A}${B.Arn}${P}'",
        "!Sub ['${x}', {x: !Ref A}]", "!Join [',', !Ref L]", "!Select [9, !Ref L]", "!Split ['', a]", "!If [C, a, b]",
        "!If [D, !Ref AWS::NoValue, 5]", "[]", "{}", "''", "~", "5", "-1", "yes", "!FindInMap [M, a, b]",
        "!FindInMap [M, !Ref P, c]", "!Base64 x", "!Equals [a, b]", "!Not [!Condition C]", "!Condition D",
        "[!Ref A, {a: !Ref B}]", "{Statement: []}", "s3:ObjectCreated:*", "src", "../..", "!Ref L", "!Ref 'ARole'",
        "{Ref: A, x: y}", "!ImportValue x", "99999999999999999999", "'\u{0}'", "é",
    ]), 24)) {
        let p = |at: usize| pieces[at];
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31\nParameters:\n  P: {{Type: String, Default: {}}}\n  L: {{Type: CommaDelimitedList, Default: 'a,b'}}\n\
             Mappings: {{M: {{a: {{b: {}, c: d}}}}}}\nConditions:\n  C: {}\n  D: {}\nGlobals: {{Function: {{Environment: {}, Tags: {}}}}}\nResources:\n\
             \x20 A:\n    Type: AWS::Serverless::Function\n    Condition: {}\n    Properties:\n      FunctionName: {}\n      CodeUri: {}\n      Handler: {}\n      \
             Runtime: {}\n      Timeout: {}\n      Policies: {}\n      Environment: {{Variables: {{AA: {}, BB: {}}}}}\n      Events: {{E: {{Type: S3, Properties: \
             {{Bucket: {}, Events: {}, Filter: {}}}}}}}\n  B:\n    Type: AWS::S3::Bucket\n    DependsOn: {}\n    Properties:\n      BucketName: {}\n      \
             NotificationConfiguration: {{LambdaConfigurations: [{{Function: {}, Event: {}}}]}}\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      \
             KeySchema: {}\n      AttributeDefinitions: {}\nOutputs: {{O: {{Value: {}}}}}\n",
            p(0), p(1), p(2), p(3), p(4), p(5), p(6), p(7), p(8), p(9), p(10), p(11), p(12), p(13), p(14), p(15), p(16), p(17), p(18), p(19),
            p(20), p(21), p(22), p(23), p(0),
        );
        let file = Path::new("/nowhere/template.yaml");
        if let Ok(template) = Template::parse(file, text, Overrides::default()) {
            match template.resolve(&context()) {
                Ok(desired) => prop_assert_eq!(desired.notices.errors(), 0),
                Err(found) => {
                    prop_assert!(found.errors() > 0);
                    prop_assert!(!found.render(true).is_empty());
                }
            }
        }
    }
}

#[test]
fn a_functions_log_is_as_it_was_declared() {
    let desired = resolved(
        "
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: x = 1
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN, SystemLogLevel: DEBUG, LogGroup: /own/group}
",
    );
    let Kind::Function(function) = &only(&desired, "F").kind else {
        panic!()
    };
    let declared = crate::desired::Logging {
        json: true,
        application_level: Some("WARN".into()),
        system_level: Some("DEBUG".into()),
        group: Some("/own/group".into()),
    };
    assert_eq!(function.logging, declared);
}
