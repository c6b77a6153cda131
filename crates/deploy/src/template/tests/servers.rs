//! Gateways in front of others' servers.

use std::collections::BTreeMap;

use triggers::Forwarding;

use super::{resolved, said};
use crate::desired::{Backend, ForwardedBackend, Kind};

const DOCUMENT: &str = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  R:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      DefinitionBody:
        swagger: "2.0"
        paths:
          /{proxy+}:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration:
                type: http_proxy
                httpMethod: ANY
                uri: "https://${stageVariables.host}/base/{proxy}"
                timeoutInMillis: 1000
                responses: { default: { statusCode: "200" } }
                requestParameters: { integration.request.path.proxy: method.request.path.proxy, integration.request.header.X: "'y'" }
"#;

const PIECES: &str = r#"
Resources:
  A: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: a, ProtocolType: HTTP } }
  I:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref A
      IntegrationType: HTTP_PROXY
      IntegrationMethod: GET
      IntegrationUri: http://example.com/pets/{id}
      PayloadFormatVersion: "1.0"
      RequestParameters: { "append:header.X-Id": "$request.path.id", "remove:querystring.q": "''", "overwrite:path": "/all/$request.path" }
      ResponseParameters: { "404": { ResponseParameters: [{ Destination: "overwrite:statuscode", Source: "410" }] } }
  P: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref A, RouteKey: "GET /pets/{id}", Target: !Sub "integrations/${I}" } }
  S: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref A, StageName: $default, AutoDeploy: true } }
"#;

const QUICK: &str = r#"
Resources:
  A: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: a, ProtocolType: HTTP, Target: "http://127.0.0.1:1/x" } }
"#;

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    BTreeMap::from(owned)
}

#[test]
fn requests_are_passed_on_to_servers() {
    let forwarded = |text: &str| {
        let desired = resolved(text);
        let mut found = desired
            .resources
            .into_iter()
            .filter_map(|resource| match resource.kind {
                Kind::Gateway(gateway) => Some(gateway),
                _ => None,
            });
        match found.next().unwrap().routes.remove(0).backend {
            Backend::Forwarded(backend) => backend,
            other => panic!("{other:?}"),
        }
    };
    for (text, forwarding, timeout_ms) in [
        (
            DOCUMENT,
            Forwarding {
                to: "https://${stageVariables.host}/base/{proxy}".into(),
                parameters: texts([
                    (
                        "integration.request.path.proxy",
                        "method.request.path.proxy",
                    ),
                    ("integration.request.header.X", "'y'"),
                ]),
                ..Forwarding::default()
            },
            Some(1_000),
        ),
        (
            PIECES,
            Forwarding {
                to: "http://example.com/pets/{id}".into(),
                method: Some("GET".into()),
                parameters: texts([
                    ("append:header.X-Id", "$request.path.id"),
                    ("remove:querystring.q", "''"),
                    ("overwrite:path", "/all/$request.path"),
                ]),
                answers: BTreeMap::from([(404, texts([("overwrite:statuscode", "410")]))]),
            },
            None,
        ),
        (
            QUICK,
            Forwarding {
                to: "http://127.0.0.1:1/x".into(),
                ..Forwarding::default()
            },
            None,
        ),
    ] {
        let expected = ForwardedBackend {
            forwarding,
            timeout_ms,
        };
        assert_eq!(forwarded(text), expected);
    }
}

#[test]
fn what_is_not_done_with_servers_is_refused() {
    for (text, from, to, message) in [
        (
            DOCUMENT,
            "httpMethod: ANY",
            "passthroughBehavior: never",
            "does not say by which method",
        ),
        (
            DOCUMENT,
            "https://",
            "ftp://",
            "this must be the address of a web server",
        ),
        (
            DOCUMENT,
            "statusCode: \"200\"",
            "statusCode: \"200\", responseTemplates: { a/b: x }",
            "is not changed by templates",
        ),
        (
            DOCUMENT,
            "timeoutInMillis: 1000",
            "requestTemplates: { a/b: x }",
            "is not changed by templates",
        ),
        (
            DOCUMENT,
            "timeoutInMillis: 1000",
            "contentHandling: CONVERT_TO_TEXT",
            "`contentHandling` is not supported",
        ),
        (
            DOCUMENT,
            "timeoutInMillis: 1000",
            "connectionId: x",
            "there are no private networks",
        ),
        (
            DOCUMENT,
            "timeoutInMillis: 1000",
            "tlsConfig: { insecureSkipVerification: true }",
            "`tlsConfig` is not supported",
        ),
        (
            DOCUMENT,
            "header.X: \"'y'\"",
            "header.X: y",
            "`integration.request.header.X` cannot be `y`",
        ),
        (
            PIECES,
            "http://example.com",
            "arn:aws:elasticloadbalancing:x",
            "this must be the address of a web server",
        ),
        (
            PIECES,
            "append:header.X-Id",
            "append:cookie.X",
            "the parameter `append:cookie.X` is not supported",
        ),
        (
            PIECES,
            "append:header.X-Id",
            "append:header.Via",
            "the header `Via` cannot be changed",
        ),
        (
            PIECES,
            "append:header.X-Id",
            "append:header.X-Amzn-Id",
            "the header `X-Amzn-Id` cannot be changed",
        ),
        (
            PIECES,
            "$request.path.id",
            "$request.cookie.id",
            "cannot be `$request.cookie.id`",
        ),
        (
            PIECES,
            "\"404\"",
            "\"4xx\"",
            "`4xx` is no status of an answer",
        ),
        (
            PIECES,
            "overwrite:statuscode",
            "remove:header.",
            "the parameter `remove:header.` is not supported",
        ),
        (
            PIECES,
            "HTTP_PROXY",
            "AWS_PROXY",
            "answers to `AWS_PROXY` are not changed",
        ),
        (
            PIECES,
            "HTTP_PROXY",
            "MOCK",
            "this type of integration is not supported yet",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let found = said(&text.replace(from, to));
        let is_said = found.iter().any(|line| line.contains(message));
        assert!(is_said, "{to}: {found:?}");
    }
}
