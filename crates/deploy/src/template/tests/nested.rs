//! Templates in templates.

use super::*;
use crate::Others;
use crate::custom::Answer;
use crate::desired::{Code, OnRemoval};

const HEAD: &str = "Transform: AWS::Serverless-2016-10-31\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = with_code();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn loaded(folder: &Path, context: &Context) -> Result<Desired, Diagnostics> {
    let overrides = Overrides {
        stack: Some("shop".into()),
        ..Overrides::default()
    };
    load(folder, overrides)?.resolve(context)
}

fn taken(files: &[(&str, &str)]) -> Desired {
    let folder = folder(files);
    loaded(folder.path(), &context()).unwrap_or_else(|found| panic!("{found}"))
}

/// What is said, as `file:line message`, errors only.
fn refused(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let found = loaded(folder.path(), &context()).unwrap_err();
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    let one = |one: &crate::Diagnostic| {
        let place = one.place.as_ref().map_or(String::new(), |place| {
            let name = place.file.strip_prefix(folder.path()).unwrap();
            format!("{}:{} ", name.display(), place.line)
        });
        format!("{place}{}", one.message)
    };
    errors.map(one).collect()
}

fn ids(desired: &Desired) -> Vec<&str> {
    let resources = desired.resources.iter();
    resources.map(|one| one.logical_id.as_str()).collect()
}

fn output<'a>(desired: &'a Desired, name: &str) -> &'a str {
    let mut outputs = desired.outputs.iter();
    let found = outputs.find(|output| output.name == name);
    &found.unwrap_or_else(|| panic!("no {name}")).value
}

fn name<'a>(desired: &'a Desired, id: &str) -> &'a str {
    only(desired, id).kind.name()
}

const QUEUES: &str = "Parameters:
  Name: { Type: String, Default: plain }
  Places: { Type: CommaDelimitedList, Default: '' }
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub '${Name}-queue'
      Tags:
        - { Key: stack, Value: !Ref AWS::StackName }
        - { Key: places, Value: !Join [+, !Ref Places] }
  Own: { Type: AWS::SQS::Queue }
Outputs:
  Arn: { Value: !GetAtt Q.Arn }
  Stack: { Value: !Ref AWS::StackName }
  Id: { Value: !Ref AWS::StackId }
";

#[test]
fn parameters_go_down_and_outputs_come_up() {
    let parent = "Resources:
  First:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: queues.yaml
      Parameters: { Name: !GetAtt Topic.TopicName, Places: !Join [',', [a, b]] }
  Second:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ./queues.yaml
      Parameters: { Name: !Select [5, !Split [':', !GetAtt First.Outputs.Arn]] }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: news } }
  After:
    Type: AWS::SQS::Queue
    DependsOn: Second
Outputs:
  Arn: { Value: !GetAtt [Second, Outputs.Arn] }
  Ref: { Value: !Ref First }
  Id: { Value: !Sub '${First.Outputs.Id}' }
  Stack: { Value: !GetAtt First.Outputs.Stack }
";
    let desired = taken(&[("template.yaml", parent), ("queues.yaml", QUEUES)]);
    let made = [
        "Topic",
        "First/Q",
        "First/Own",
        "Second/Q",
        "Second/Own",
        "After",
    ];
    assert_eq!(ids(&desired), made);
    assert_eq!(name(&desired, "First/Q"), "news-queue");
    assert_eq!(name(&desired, "Second/Q"), "news-queue-queue");
    assert!(output(&desired, "Arn").ends_with(":news-queue-queue"));
    let stack = output(&desired, "Stack");
    assert!(stack.starts_with("shop-First-") && stack.len() == "shop-First-".len() + 12);
    assert!(output(&desired, "Ref").contains(&format!(":stack/{stack}/")));
    assert_eq!(output(&desired, "Ref"), output(&desired, "Id"));
    let Kind::Queue(queue) = &only(&desired, "First/Q").kind else {
        panic!("no queue")
    };
    assert_eq!(
        (queue.tags["stack"].as_str(), queue.tags["places"].as_str()),
        (stack, "a+b")
    );
    assert!(name(&desired, "First/Own").starts_with(&format!("{stack}-Own-")));
    assert_ne!(name(&desired, "First/Own"), name(&desired, "Second/Own"));
    let needs = |id| only(&desired, id).depends_on.clone();
    assert_eq!(needs("First/Own"), ["Topic"]);
    assert_eq!(
        needs("After"),
        ["Second/Q", "Second/Own", "First/Q", "First/Own", "Topic"]
    );
    // Nothing in it changes from one deployment to the next.
    let again = taken(&[("template.yaml", parent), ("queues.yaml", QUEUES)]);
    let kinds = |desired: &Desired| {
        desired
            .resources
            .iter()
            .map(|one| one.kind.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&desired), kinds(&again));
}

#[test]
fn paths_are_relative_to_the_template_that_has_them() {
    let application = |location: &str| {
        format!(
            "{HEAD}Resources:\n  In: {{ Type: AWS::Serverless::Application, Properties: {{ Location: {location} }} }}\n"
        )
    };
    let function = format!(
        "{HEAD}Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {{ CodeUri: code, Runtime: nodejs20.x, Handler: index.handler }}\n"
    );
    let files = [
        ("template.yaml", &*application("one")),
        ("one/template.yml", &application("../two/inner.yaml")),
        ("two/inner.yaml", &application("three/deep.json.yaml")),
        ("two/three/deep.json.yaml", &function),
        ("two/three/code/index.js", "exports.handler = 1"),
    ];
    let folder = folder(&files);
    let template = load(folder.path(), Overrides::default()).unwrap();
    let desired = template.resolve(&context()).unwrap();
    let Kind::Function(function) = &only(&desired, "In/In/In/F").kind else {
        panic!("no function")
    };
    let code = folder.path().join("two/three/code");
    assert_eq!(function.code, Code::Directory(code.clone()));
    let watched = crate::watched(&template, &desired);
    for place in ["", "one", "two", "two/three", "two/three/code"] {
        assert!(
            watched.contains(&folder.path().join(place)),
            "{place}: {watched:?}"
        );
    }
    let inner = folder.path().join("two/inner.yaml");
    assert!(crate::affected(&template, &desired, [&*inner]).template);
    let absolute = application(&format!("'file://{}'", inner.display()));
    fs::write(folder.path().join("template.yaml"), absolute).unwrap();
    let desired = loaded(folder.path(), &context()).unwrap();
    assert_eq!(ids(&desired), ["In/In/F"]);
}

#[test]
fn attributes_of_the_resource_are_those_of_all_that_is_in_it() {
    let parent = "Conditions: { Never: !Equals [a, b], Ever: !Not [!Condition Never] }
Resources:
  Not: { Type: AWS::CloudFormation::Stack, Condition: Never, Properties: { TemplateURL: queues.yaml } }
  Kept:
    Type: AWS::CloudFormation::Stack
    Condition: Ever
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: { TemplateURL: queues.yaml }
Outputs:
  Maybe: { Value: !If [Never, !GetAtt Not.Outputs.Arn, none] }
";
    let desired = taken(&[("template.yaml", parent), ("queues.yaml", QUEUES)]);
    assert_eq!(ids(&desired), ["Kept/Q", "Kept/Own"]);
    assert_eq!(only(&desired, "Kept/Q").on_delete, OnRemoval::Retain);
    assert_eq!(output(&desired, "Maybe"), "none");
}

#[test]
fn layers_and_exports_pass_through() {
    let layers = format!(
        "{HEAD}Resources:\n  L: {{ Type: AWS::Serverless::LayerVersion, Properties: {{ ContentUri: ../src }} }}\nOutputs:\n  L: {{ Value: !Ref L, Export: {{ Name: layer }} }}\n"
    );
    let parent = format!(
        "{HEAD}Resources:
  Layers: {{ Type: AWS::Serverless::Application, Properties: {{ Location: layers/template.yaml }} }}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Runtime: nodejs20.x
      Handler: index.handler
      Layers: [!GetAtt Layers.Outputs.L]
"
    );
    let desired = taken(&[
        ("template.yaml", &parent),
        ("layers/template.yaml", &layers),
    ]);
    let Kind::Function(function) = &only(&desired, "F").kind else {
        panic!("no function")
    };
    assert_eq!(function.layers[0].name, name(&desired, "Layers/L"));
    assert_eq!(desired.exports.keys().collect::<Vec<_>>(), ["layer"]);
    assert_eq!(desired.notices.errors(), 0);
}

#[test]
fn a_nested_stack_imports_what_one_before_it_exports() {
    let parent = "Resources:
  C: { Type: AWS::CloudFormation::Stack, DependsOn: B, Properties: { TemplateURL: imports.yaml } }
  B: { Type: AWS::CloudFormation::Stack, DependsOn: A, Properties: { TemplateURL: queues.yaml } }
  A: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: exports.yaml } }
Outputs: { Name: { Value: !GetAtt C.Outputs.Name } }
";
    let exports = "Resources: { Q: { Type: AWS::SQS::Queue } }\nOutputs: { Q: { Value: told, Export: { Name: word } } }\n";
    let imports = "Resources:\n  Q: { Type: AWS::SQS::Queue, Properties: { QueueName: !ImportValue word } }\nOutputs: { Name: { Value: !GetAtt Q.QueueName } }\n";
    let files = |parent| {
        let files = [
            ("template.yaml", parent),
            ("queues.yaml", QUEUES),
            ("exports.yaml", exports),
            ("imports.yaml", imports),
        ];
        folder(&files)
    };
    let context = Context {
        others: Some(Others::default()),
        ..context()
    };
    let desired = loaded(files(parent).path(), &context).unwrap();
    assert_eq!(name(&desired, "C/Q"), "told");
    assert_eq!(output(&desired, "Name"), "told");
    // Before anything is deployed, nobody knows; nothing is wrong with it.
    assert!(
        load(files(parent).path(), Overrides::default())
            .unwrap()
            .builds()
            .is_ok()
    );
    let apart = parent.replace("DependsOn: B, ", "");
    let refused = loaded(files(&*apart).path(), &context).unwrap_err();
    assert!(refused.render(false).contains("no stack exports `word`"));
}

fn stacks(entries: &str) -> String {
    let mut text = "Resources:\n  Q: { Type: AWS::SQS::Queue }\n".to_owned();
    for entry in entries.lines() {
        let (id, properties) = entry.split_once(' ').unwrap();
        text += &format!(
            "  {id}: {{ Type: AWS::CloudFormation::Stack, Properties: {{ {properties} }} }}\n"
        );
    }
    text
}

#[test]
fn what_is_wrong_is_said_with_its_file() {
    let bad = "Resources:\n  A: { Type: AWS::No::Thing }\n  B: { Type: AWS::SQS::Queue, Properties: { Nmae: x } }\n";
    let broken = "Resources:\n  A: {\n";
    let parents = [
        // Two nest it; what is wrong with it is said once, with what is wrong elsewhere.
        (
            "X TemplateURL: in/bad.yaml\nY TemplateURL: in/bad.yaml\nZ TemplateURL: none.yaml",
            vec![
                "template.yaml:5 `none.yaml` does not exist",
                "in/bad.yaml:2 `AWS::No::Thing` is not supported yet",
                "in/bad.yaml:3 `AWS::SQS::Queue` has no property `Nmae`",
            ],
        ),
        (
            "X TemplateURL: in",
            vec!["template.yaml:3 `in` has no template"],
        ),
        (
            "X TemplateURL: 'https://s3.amazonaws.com/b/t.json'\nY TemplateURL: 's3://b/t.json'",
            vec![
                "template.yaml:3 a template from `https://s3.amazonaws.com/b/t.json` is not supported",
                "template.yaml:4 a template from `s3://b/t.json` is not supported",
            ],
        ),
        (
            "X TemplateURL: !Sub 'https://${AWS::Region}/t.json'\nY TemplateURL: !Sub '${AWS::Region}.yaml'\nZ TemplateURL: !Sub none.yaml",
            vec![
                "template.yaml:3 a template from `https://${AWS::Region}/t.json` is not supported",
                "template.yaml:4 `TemplateURL` must be written out",
                "template.yaml:5 `none.yaml` does not exist",
            ],
        ),
        (
            "X TemplateURL: !Ref Q",
            vec!["template.yaml:3 `TemplateURL` must be written out"],
        ),
        (
            "X Tags: []",
            vec!["template.yaml:3 `TemplateURL` is missing"],
        ),
        (
            "X TemplateURL: queues.yaml, Parameters: { Nmae: x, Name: [a], Places: { a: b } }",
            vec![
                "template.yaml:3 the nested template has no parameter `Nmae`",
                "template.yaml:3 the parameter `Name` must be given a string",
                "template.yaml:3 the parameter `Places` must be given a string",
            ],
        ),
        (
            "X TemplateURL: queues.yaml, Parameters: { Name: !GetAtt Z.Outputs.Nowhere }\nY TemplateURL: queues.yaml, Parameters: { Name: !GetAtt Z.Arn }\nZ TemplateURL: queues.yaml",
            vec![
                "template.yaml:3 `Z` has no output `Nowhere`",
                "template.yaml:4 `Z` has no attribute `Arn`",
            ],
        ),
        (
            "X TemplateURL: queues.yaml, Parameters: { Name: !GetAtt Y.Outputs.Stack }\nY TemplateURL: queues.yaml, Parameters: { Name: !GetAtt X.Outputs.Stack }",
            vec!["template.yaml:3 a circle of dependencies: X → Y → X"],
        ),
        (
            "X TemplateURL: queues.yaml, Parameters: { Name: !GetAtt Y.Outputs.Not }\nY TemplateURL: round/not.yaml",
            vec!["template.yaml:3 `Y` has no output `Not` now"],
        ),
        (
            "X TemplateURL: queues.yaml\nY TemplateURL: queues.yaml",
            vec!["queues.yaml:5 `Y/Q` and `X/Q` have the same name `plain-queue`"],
        ),
        (
            "X TemplateURL: asks.yaml",
            vec!["asks.yaml:1 the parameter `Must` has no value"],
        ),
        (
            "X TemplateURL: asks.yaml, Parameters: { Must: c }",
            vec!["asks.yaml:1 the parameter `Must` must be one of a, b"],
        ),
        (
            "X TemplateURL: round/a.yaml",
            vec!["round/b.yaml:3 `ROUND/a.yaml` nests itself"],
        ),
        (
            "X TemplateURL: template.yaml",
            vec!["template.yaml:3 `ROUND/../template.yaml` nests itself"],
        ),
    ];
    for (entries, want) in parents {
        let parent = stacks(entries);
        let files = [
            ("template.yaml", &*parent),
            ("queues.yaml", QUEUES),
            ("in/bad.yaml", bad),
            (
                "round/not.yaml",
                "Conditions: { C: !Equals [a, b] }\nResources: { Q: { Type: AWS::SQS::Queue } }\nOutputs: { Not: { Condition: C, Value: x } }\n",
            ),
            ("round/a.yaml", &stacks("B TemplateURL: b.yaml")),
            ("round/b.yaml", &stacks("A TemplateURL: ../round/a.yaml")),
            (
                "asks.yaml",
                "Parameters: { Must: { Type: String, AllowedValues: [a, b] } }\nResources: { Q: { Type: AWS::SQS::Queue } }\n",
            ),
        ];
        let said: Vec<String> = refused(&files);
        let ends = |said: &String, want: &str| match want.split_once("`ROUND/") {
            Some((place, rest)) => {
                let name = rest.rsplit('/').next().unwrap();
                said.starts_with(place) && said.ends_with(name)
            }
            None => said == want,
        };
        let same =
            said.len() == want.len() && said.iter().zip(&want).all(|(said, want)| ends(said, want));
        assert!(same, "{entries}: {said:#?}");
    }
    let rendered = {
        let folder = folder(&[
            ("template.yaml", &stacks("X TemplateURL: in/broken.yaml")),
            ("in/broken.yaml", broken),
        ]);
        loaded(folder.path(), &context()).unwrap_err().render(false)
    };
    assert!(rendered.contains("in/broken.yaml:"), "{rendered}");
}

#[test]
fn applications_of_the_repository_are_refused_by_name() {
    let parent = format!(
        "{HEAD}Resources:\n  X:\n    Type: AWS::Serverless::Application\n    Properties:\n      Location: {{ ApplicationId: 'arn:aws:serverlessrepo:us-east-1:1:applications/x', SemanticVersion: 1.0.0 }}\n"
    );
    let want = "template.yaml:6 `arn:aws:serverlessrepo:us-east-1:1:applications/x` of the Serverless Application Repository is not here";
    assert_eq!(refused(&[("template.yaml", &parent)]), [want]);
}

#[test]
fn all_resources_together_have_a_bound() {
    // Each nests the next one three times.
    let twice = |next: usize| {
        let line = |id: &str| format!("{id} TemplateURL: t{next}.yaml");
        stacks(&["A", "B", "C"].map(line).join("\n"))
    };
    let mut files: Vec<(String, String)> = (0..9)
        .map(|at| (format!("t{at}.yaml"), twice(at + 1)))
        .collect();
    files.push(("t9.yaml".into(), stacks("")));
    files.push(("template.yaml".into(), twice(0)));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    assert_eq!(
        refused(&files),
        ["more than 2500 resources are nested in one another"]
    );
}

const METHOD: &str = "Parameters: { Api: { Type: String }, Root: { Type: String } }
Resources:
  M:
    Type: AWS::ApiGateway::Method
    Properties: { RestApiId: !Ref Api, ResourceId: !Ref Root, HttpMethod: GET, AuthorizationType: NONE, Integration: { Type: MOCK, IntegrationResponses: [{ StatusCode: 200 }] }, MethodResponses: [{ StatusCode: 200 }] }
";

#[test]
fn pieces_of_an_api_may_be_nested_in_the_template_that_has_it() {
    let given =
        "TemplateURL: in.yaml, Parameters: { Api: !Ref Api, Root: !GetAtt Api.RootResourceId }";
    let parent = stacks(&format!("In {given}"));
    let parent = parent + "  Api: { Type: AWS::ApiGateway::RestApi, Properties: { Name: api } }\n";
    let desired = taken(&[("template.yaml", &parent), ("in.yaml", METHOD)]);
    let Kind::Gateway(gateway) = &only(&desired, "Api").kind else {
        panic!("no gateway")
    };
    assert_eq!(gateway.routes.len(), 1);
    let strange = stacks("In TemplateURL: in.yaml, Parameters: { Api: other, Root: root }");
    let said = refused(&[("template.yaml", &strange), ("in.yaml", METHOD)]);
    assert_eq!(
        said,
        ["in.yaml:5 `RestApiId` must be an API of this template"]
    );
}

/// Each is given what the next one puts out.
fn chain(length: usize) -> Vec<String> {
    let one = |at: usize| {
        let next = format!(
            ", Parameters: {{ Name: !Select [0, !Split ['-', !GetAtt S{}.Outputs.Stack]] }}",
            at + 1
        );
        let given = if at + 1 == length { "" } else { &*next };
        format!("S{at} TemplateURL: one.yaml{given}")
    };
    let parent = stacks(&(0..length).map(one).collect::<Vec<_>>().join("\n"));
    let one = QUEUES.replace("QueueName: !Sub '${Name}-queue'", "DelaySeconds: 1");
    let folder = folder(&[("template.yaml", &*parent), ("one.yaml", &one)]);
    match loaded(folder.path(), &context()) {
        Ok(desired) => vec![desired.resources.len().to_string()],
        Err(found) => found.iter().map(|one| one.message.clone()).collect(),
    }
}

#[test]
fn how_long_chains_of_nested_stacks_are_has_a_bound() {
    assert_eq!(chain(30), ["61"]);
    let want = "more than 64 conditions, names or nested stacks are made from one another";
    assert!(chain(100).contains(&want.to_owned()));
}

#[test]
fn what_is_given_by_a_custom_resource_is_waited_for() {
    let parent = format!("{HEAD}Resources:
  Maker: {{ Type: AWS::Serverless::Function, Properties: {{ CodeUri: src, Runtime: nodejs20.x, Handler: index.handler }} }}
  Thing: {{ Type: Custom::Thing, Properties: {{ ServiceToken: !GetAtt Maker.Arn }} }}
  In:
    Type: AWS::CloudFormation::Stack
    Properties: {{ TemplateURL: in.yaml, Parameters: {{ Said: !GetAtt Thing.Said, Token: !GetAtt Maker.Arn }} }}
  After: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: !GetAtt In.Outputs.Name }} }}
");
    let inner = "Parameters: { Said: { Type: String }, Token: { Type: String } }
Resources:
  Thing: { Type: Custom::Thing, Properties: { ServiceToken: !Ref Token, Said: !Ref Said } }
Outputs:
  Name: { Value: !GetAtt Thing.Name }
";
    let folder = folder(&[("template.yaml", &parent), ("in.yaml", inner)]);
    let answer = |key: &str, value: &str| Answer {
        physical: "thing".to_owned(),
        data: [(key.to_owned(), value.into())].into(),
    };
    let mut context = context();
    let stage = |context: &Context| {
        loaded(folder.path(), context).unwrap_or_else(|found| panic!("{found}"))
    };
    let first = stage(&context);
    assert!(
        ["In", "In/Thing", "After"]
            .iter()
            .all(|id| first.unanswered.waits(id))
    );
    context
        .answers
        .insert("Thing".into(), answer("Said", "words"));
    let second = stage(&context);
    assert!(!second.unanswered.waits("In/Thing") && second.unanswered.waits("After"));
    let Kind::Custom(custom) = &only(&second, "In/Thing").kind else {
        panic!("not custom")
    };
    assert!(custom.properties.contains("words") && custom.logical_id == "Thing");
    assert!(custom.stack.starts_with("shop-In-"));
    context
        .answers
        .insert("In/Thing".into(), answer("Name", "made"));
    let last = stage(&context);
    assert!(last.unanswered.waiting.is_empty());
    assert_eq!(name(&last, "After"), "made");
    // An attribute that an answer does not have is told of the one that gave it.
    context
        .answers
        .insert("In/Thing".into(), answer("Other", "made"));
    let missing = stage(&context).unanswered.missing;
    assert_eq!(missing[0].0, "In/Thing");
}

/// As the CDK writes it, for an account of its own: the address is put together, and the nested stack has no list of assets.
const ADDRESS: &str = r#"{"Fn::Join": ["", ["https://s3.eu-west-1.", {"Ref": "AWS::URLSuffix"}, "/assets-123456789012/in.json"]]}"#;
const INNER: &str = r#"{"Resources": {
    "F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": "b", "S3Key": "ab.zip"},
        "Handler": "index.handler", "Runtime": "nodejs20.x", "Role": "arn:aws:iam::123456789012:role/any"}},
    "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-123456789012"}}}}"#;
const ASSETS: &str = r#"{"version": "36.0.0", "files": {
    "ab": {"source": {"path": "asset.ab", "packaging": "zip"},
           "destinations": {"here": {"bucketName": "b", "objectKey": "ab.zip"}}},
    "in": {"source": {"path": "In.nested.template.json", "packaging": "file"},
           "destinations": {"here": {"bucketName": "b", "objectKey": "in.json"}}}}}"#;

#[test]
fn the_cdk_names_nested_templates_by_assets() {
    let old = r#""https://elsewhere/x.json""#;
    let metadata =
        r#""aws:asset:path": "In.nested.template.json", "aws:asset:property": "TemplateURL""#;
    for (address, metadata) in [(ADDRESS, ""), (old, metadata)] {
        let parent = format!(
            r#"{{"Resources": {{"In": {{"Type": "AWS::CloudFormation::Stack",
                "Properties": {{"TemplateURL": {address}}}, "Metadata": {{{metadata}}}}}}}}}"#
        );
        let folder = folder(&[
            (
                "manifest.json",
                r#"{"version": "36.0.0", "artifacts": {"Shop": {"type": "aws:cloudformation:stack",
                "environment": "aws://123456789012/eu-west-1", "properties": {"templateFile": "Shop.template.json"}}}}"#,
            ),
            ("Shop.template.json", &parent),
            ("Shop.assets.json", ASSETS),
            ("In.nested.template.json", INNER),
            ("asset.ab/index.js", "exports.handler = 1"),
        ]);
        let all = load_all(folder.path(), &Overrides::default()).unwrap();
        let [(template, _)] = &all[..] else {
            panic!("{all:?}")
        };
        let desired = template.resolve(&context()).unwrap();
        assert_eq!(name(&desired, "In/Q"), "of-000000000000");
        let Kind::Function(function) = &only(&desired, "In/F").kind else {
            panic!("no function")
        };
        let code = folder.path().join("asset.ab");
        assert_eq!(function.code, Code::Directory(code));
        assert_eq!(template.published(&context()), []);
    }
}

#[test]
fn a_nested_template_has_the_language_that_it_asks_for() {
    let parent = "Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: looped.yaml, Parameters: { Names: 'a,b' } }
";
    let looped = "Transform: AWS::LanguageExtensions
Parameters: { Names: { Type: CommaDelimitedList } }
Resources:
  'Fn::ForEach::Queues':
    - Name
    - !Ref Names
    - 'Q${Name}': { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub 'q-${Name}' } }
";
    let desired = taken(&[("template.yaml", parent), ("looped.yaml", looped)]);
    assert_eq!(ids(&desired), ["Child/Qa", "Child/Qb"]);
    assert_eq!(name(&desired, "Child/Qb"), "q-b");
    let looping = "Transform: AWS::LanguageExtensions
Resources:
  'Fn::ForEach::Stacks':
    - Name
    - [A, B]
    - 'Child${Name}': { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: looped.yaml } }
";
    let said = refused(&[("template.yaml", looping), ("looped.yaml", looped)]);
    let one = "template.yaml:6 a stack that a loop writes out is not nested";
    assert_eq!(said, [one]);
}
