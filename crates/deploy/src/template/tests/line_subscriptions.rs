//! Functions that are fed with lines.

use super::{only, resolved, said};
use crate::desired::Kind;

const BEFORE: &str = "Transform: AWS::Serverless-2016-10-31
Resources:
  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /own/group}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs20.x
      Handler: index.handler
      CodeUri: src
";
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fn apart(properties: &str) -> String {
    format!("{BEFORE}  S: {{Type: AWS::Logs::SubscriptionFilter, Properties: {{{properties}}}}}\n")
}

#[test]
fn an_event_is_short_for_a_filter() {
    let event = "      Events: {E: {Type: CloudWatchLogs, Properties: {LogGroupName: !Ref G, FilterPattern: ERROR}}}\n";
    let text = format!("{BEFORE}{event}");
    let made = resolved(&text);
    let one = only(&made, "FE");
    let Kind::LineSubscription(filter) = &one.kind else {
        panic!("{one:?}");
    };
    assert!(filter.name.ends_with(" of /own/group"), "{filter:?}");
    assert_eq!(filter.pattern, "ERROR");
    assert_eq!(filter.function, ARN);
    assert_eq!(one.depends_on, ["G", "F"]);
    let own = text.replace(
        "CodeUri: src",
        "CodeUri: src\n      LoggingConfig: {LogGroup: /own/group}",
    );
    let rounds = said(&own);
    let rounds: Vec<_> = rounds
        .iter()
        .filter(|one| one.contains("fed from"))
        .collect();
    assert_eq!(rounds.len(), 1);
    let lacking = text.replace(", FilterPattern: ERROR", "");
    assert!(said(&lacking)[0].contains("FilterPattern"));
}

#[test]
fn a_filter_that_is_declared_is_the_same() {
    let whole = "LogGroupName: !Ref G, FilterName: n, FilterPattern: '{ $.a = 1 }', DestinationArn: !GetAtt F.Arn";
    let text = apart(whole);
    let made = resolved(&text);
    let Kind::LineSubscription(filter) = &only(&made, "S").kind else {
        panic!("no filter");
    };
    assert_eq!(filter.name, "n of /own/group");
    let let_in = |text: &str| !said(text).iter().any(|one| one.contains("does not let"));
    assert!(!let_in(&text));
    let permission = "  P: {Type: AWS::Lambda::Permission, Properties: {Action: 'lambda:InvokeFunction', FunctionName: !Ref F, Principal: logs.us-east-1.amazonaws.com}}\n";
    assert!(let_in(&format!("{text}{permission}")));
    for (from, to, why) in [
        ("'{ $.a = 1 }'", "'[a, b]'", "cannot be obeyed"),
        ("'{ $.a = 1 }'", "'{ a = 1 }'", "cannot be obeyed"),
        ("!Ref G", "/aws/lambda/f", "itself prints to"),
        (
            "!GetAtt F.Arn",
            "arn:aws:kinesis:us-east-1:0:stream/s",
            "nothing can be sent there",
        ),
        ("FilterName: n", "FilterName: 'a:b'", "cannot be the name"),
        (
            "FilterName: n",
            "EmitSystemFields: ['@aws.account']",
            "EmitSystemFields",
        ),
    ] {
        let said = said(&apart(&whole.replace(from, to)));
        assert!(said.iter().any(|one| one.contains(why)), "{to}: {said:?}");
    }
}
