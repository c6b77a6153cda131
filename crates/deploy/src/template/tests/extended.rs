//! What `AWS::LanguageExtensions` brings.

use super::{resolved, said};

const HEAD: &str = "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n";

fn names(text: &str) -> Vec<String> {
    let desired = resolved(text);
    let resources = desired.resources.iter();
    resources
        .map(|one| format!("{} {}", one.logical_id, one.kind.name()))
        .collect()
}

#[test]
fn loops_are_written_out() {
    let text = format!(
        "{HEAD}Parameters: {{Names: {{Type: CommaDelimitedList, Default: 'a-x,b'}}}}
Conditions:
  'Fn::ForEach::C': [N, [A, B], {{'Is${{N}}': !Equals [!Ref N, A]}}]
Resources:
  Own: {{Type: AWS::SNS::Topic, Properties: {{TopicName: own}}}}
  'Fn::ForEach::Queues':
    - Name
    - !Ref Names
    - 'Queue&{{Name}}':
        Type: AWS::SQS::Queue
        Properties:
          QueueName: !Sub 'q-${{Name}}'
  'Fn::ForEach::Outer':
    - N
    - [A, B]
    - 'Fn::ForEach::Inner':
        - M
        - ['1', '2']
        - 'T${{N}}${{M}}':
            Type: AWS::SNS::Topic
            Condition: !Sub 'Is${{N}}'
            DependsOn: Queueb
            Properties: {{TopicName: !Join ['-', [!Ref N, !Ref M]]}}
Outputs:
  'Fn::ForEach::O': [N, ['1', '2'], {{'Out${{N}}': {{Value: !GetAtt 'TA${{N}}.TopicName'}}}}]
  'Fn::ForEach::P': [N, ['1'], {{'Same${{N}}': {{Value: !GetAtt [!Sub 'TA${{N}}', TopicName]}}}}]
"
    );
    let desired = resolved(&text);
    let outputs = desired.outputs.iter().map(|one| one.value.as_str());
    assert_eq!(outputs.collect::<Vec<_>>(), ["A-1", "A-2", "A-1"]);
    assert_eq!(
        names(&text),
        [
            "Own own",
            "Queueax q-a-x",
            "Queueb q-b",
            "TA1 A-1",
            "TA2 A-2"
        ]
    );
}

#[test]
fn lengths_json_defaults_and_policies() {
    let text = format!(
        "{HEAD}Parameters: {{Keep: {{Type: String, Default: Retain}}}}
Mappings: {{M: {{a: {{b: there}}}}}}
Conditions: {{Never: !Equals [a, b]}}
Resources:
  Q:
    Type: AWS::SQS::Queue
    DeletionPolicy: !If [Never, Delete, !Ref Keep]
    Properties: {{QueueName: q}}
Outputs:
  Length: {{Value: !Length [1, 2, 3]}}
  Json: {{Value: !ToJsonString {{z: !GetAtt Q.QueueName, a: [1, true, '2', !Ref AWS::NoValue], o: {{}}}}}}
  There: {{Value: !FindInMap [M, a, b, {{DefaultValue: none}}]}}
  None: {{Value: !FindInMap [M, a, !Ref Keep, DefaultValue: !Sub 'none of ${{Keep}}']}}
"
    );
    let desired = resolved(&text);
    let outputs = desired.outputs.iter().map(|one| one.value.as_str());
    assert_eq!(
        outputs.collect::<Vec<_>>(),
        [
            "3",
            r#"{"z":"q","a":[1,true,"2"],"o":{}}"#,
            "there",
            "none of Retain"
        ]
    );
    assert_eq!(
        desired.resources[0].on_delete,
        crate::desired::OnRemoval::Retain
    );
}

#[test]
fn what_cannot_be_written_out() {
    let queue = "{Type: AWS::SQS::Queue}";
    for (resources, want) in [
        (
            format!("  'Fn::ForEach::Q': [N, [a, b], {{Queue: {queue}}}]\n"),
            "3:3 the loop yields `Queue`, which is there already",
        ),
        (
            format!("  Qa: {queue}\n  'Fn::ForEach::Q': [N, [a], {{'Q${{N}}': {queue}}}]\n"),
            "4:3 the loop yields `Qa`, which is there already",
        ),
        (
            format!("  'Fn::ForEach::Q': [N, !Ref Other, {{'Q${{N}}': {queue}}}]\n  O: {queue}\n"),
            "3:25 a loop goes over a list of strings",
        ),
        (
            format!("  'Fn::ForEach::Q': [N, [a]]\n  O: {queue}\n"),
            "3:3 `Fn::ForEach` takes a name, a list of values and a body, `[Name, [a, b], {…}]`",
        ),
    ] {
        let text = format!("{HEAD}Resources:\n{resources}");
        assert_eq!(said(&text), [want], "{text}");
    }
    let json = "Resources: {}\nOutputs: {A: {Value: !ToJsonString {a: b}}}\n";
    assert_eq!(said(json)[0], "2:22 `Fn::ToJsonString` needs a transform");
    let found = "Mappings: {M: {a: {b: c}}}\nResources: {}\nOutputs: {A: {Value: !FindInMap [M, a, b, {DefaultValue: d}]}}\n";
    assert_eq!(said(found)[0], "3:43 `DefaultValue` needs a transform");
    let many = (0..600)
        .map(|number| format!("{number},"))
        .collect::<String>();
    let text = format!(
        "{HEAD}Resources:\n  'Fn::ForEach::A': [A, [{many}], {{'Fn::ForEach::B': [B, [{many}], {{'Q${{A}}x${{B}}': {queue}}}]}}]\n"
    );
    assert_eq!(
        said(&text)[0],
        "3:3 the template's loops yield more than 200000 values"
    );
}
