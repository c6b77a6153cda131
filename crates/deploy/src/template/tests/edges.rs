//! What distributions a template makes.

use triggers::edge::{Moment, Passed, Protocol, Server};

use super::{only, resolved, said};
use crate::desired::{Edge, EdgeVersion, Kind};

const HEAD: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Site: {Type: AWS::S3::Bucket, Properties: {BucketName: site}}
  F:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: f, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src, AutoPublishAlias: live}
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref F}}
";

/// A distribution in front of the bucket, whose only behavior has these properties.
fn distribution(behavior: &str) -> String {
    format!(
        "{HEAD}  D:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Origins:
          - {{Id: site, DomainName: !GetAtt Site.RegionalDomainName, S3OriginConfig: {{}}}}
          - {{Id: web, DomainName: example.org, OriginPath: /a, CustomOriginConfig: {{OriginProtocolPolicy: match-viewer, HTTPPort: 8080}}}}
        DefaultCacheBehavior: {{TargetOriginId: site, ViewerProtocolPolicy: allow-all, {behavior}}}
Outputs: {{Domain: {{Value: !GetAtt D.DomainName}}, Id: {{Value: !Ref D}}}}
"
    )
}

const CACHED: &str = "CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6";

fn edge(behavior: &str) -> Edge {
    let desired = resolved(&distribution(behavior));
    match &only(&desired, "D").kind {
        Kind::Edge(edge) => edge.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_distribution_has_origins_and_behaviors() {
    let made = edge(CACHED);
    assert_eq!(made.origins[0].server, Server::Bucket { signed: false });
    assert_eq!(made.origins[0].domain, "site.s3.us-east-1.amazonaws.com");
    let Server::Web(web) = &made.origins[1].server else {
        panic!("{made:?}");
    };
    assert_eq!(
        (web.protocol, web.port, web.secure_port),
        (Protocol::Same, 8080, 443)
    );
    let [behavior] = made.behaviors.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!(behavior.methods, ["GET", "HEAD"]);
    assert_eq!(behavior.headers, Passed::Nothing);
    let desired = resolved(&distribution(CACHED));
    let value = |name: &str| {
        let found = desired.outputs.iter().find(|output| output.name == name);
        found.unwrap().value.clone()
    };
    assert_eq!(value("Id").len(), 14);
    assert_eq!(
        value("Domain"),
        format!("d{}.cloudfront.net", value("Id")[1..].to_lowercase())
    );
}

#[test]
fn what_passes_is_said_by_policies_or_values() {
    let passed = |text: &str| {
        let behavior = edge(text).behaviors.remove(0);
        (behavior.query, behavior.headers, behavior.cookies)
    };
    assert_eq!(
        passed("ForwardedValues: {QueryString: false}"),
        (Passed::Nothing, Passed::Usual, Passed::Nothing)
    );
    let (query, headers, cookies) = passed(
        "ForwardedValues: {QueryString: true, Headers: [Host, X-Own], Cookies: {Forward: whitelist, WhitelistedNames: [a]}}",
    );
    assert_eq!(
        (query, cookies),
        (Passed::All, Passed::Only(vec!["a".into()]))
    );
    assert!(headers.passes("host") && headers.passes("x-own") && !headers.passes("referer"));
    let (query, headers, cookies) = passed(&format!(
        "{CACHED}, OriginRequestPolicyId: b689b0a8-53d0-40ab-baf2-68738e2966ac"
    ));
    assert_eq!((query, cookies), (Passed::All, Passed::All));
    assert!(headers.passes("accept") && !headers.passes("host"));
}

#[test]
fn functions_run_as_versions_that_the_deployment_numbers() {
    let made = edge(&format!(
        "{CACHED}, LambdaFunctionAssociations: [{{EventType: viewer-request, IncludeBody: true, LambdaFunctionARN: !Ref F.Version}}, {{EventType: origin-response, LambdaFunctionARN: !Ref Version}}, {{EventType: viewer-response, LambdaFunctionARN: !Sub 'arn:aws:lambda:us-east-1:000000000000:function:f:7'}}]"
    ));
    let functions: Vec<_> = made.behaviors[0]
        .functions
        .iter()
        .map(|one| (one.moment, one.version.clone(), one.with_body))
        .collect();
    assert_eq!(
        functions,
        [
            (
                Moment::ViewerRequest,
                EdgeVersion::Alias("live".into()),
                true
            ),
            (
                Moment::OriginResponse,
                EdgeVersion::Published("f:Version".into()),
                false
            ),
            (Moment::ViewerResponse, EdgeVersion::Number(7), false),
        ]
    );
}

#[test]
fn what_no_edge_here_does_is_refused() {
    let attached = |arn: &str| {
        format!(
            "{CACHED}, LambdaFunctionAssociations: [{{EventType: viewer-request, LambdaFunctionARN: {arn}}}]"
        )
    };
    let version = "`LambdaFunctionARN` must be the ARN of a version, with its number";
    for (behavior, message) in [
        (attached("!GetAtt F.Arn"), version),
        (attached("!Ref F.Alias"), version),
        (attached("!Sub '${F.Arn}:$LATEST'"), version),
        (
            format!("{CACHED}, FunctionAssociations: []"),
            "`FunctionAssociations` is not supported yet",
        ),
        (
            "CachePolicyId: other".into(),
            "the policy `other` is not known",
        ),
        (
            "Compress: true".into(),
            "a behavior needs a `CachePolicyId`, or `ForwardedValues`",
        ),
        (
            format!("{CACHED}, AllowedMethods: [GET, POST]"),
            "`AllowedMethods` must be GET and HEAD, these and OPTIONS, or all seven methods",
        ),
        (
            format!(
                "{CACHED}, LambdaFunctionAssociations: [{{EventType: viewer-response, IncludeBody: true, LambdaFunctionARN: !Ref Version}}]"
            ),
            "only requests are shown with their bodies",
        ),
    ] {
        let found = said(&distribution(&behavior));
        assert!(
            found.iter().any(|line| line.ends_with(message)),
            "{behavior}: {found:?}"
        );
    }
    let slow =
        distribution(&attached("!Ref Version")).replace("CodeUri: src", "CodeUri: src, Timeout: 6");
    let with_variables = slow.replace("Timeout: 6", "Timeout: 5, Environment: {Variables: {A: b}}");
    for text in [slow, with_variables] {
        let found = said(&text);
        assert!(
            found
                .iter()
                .any(|line| line.ends_with("`f` cannot be a function at an edge")),
            "{found:?}"
        );
    }
    let nowhere = distribution(CACHED).replace("TargetOriginId: site", "TargetOriginId: nowhere");
    assert!(
        said(&nowhere)
            .iter()
            .any(|line| line.ends_with("there is no origin `nowhere`"))
    );
}
