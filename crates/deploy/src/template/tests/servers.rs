//! Gateways in front of others' servers.

use std::collections::BTreeMap;

use triggers::{Asked, Callee, Conversion, Conversions, Forwarding};

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
            "type: http_proxy",
            "type: http\n                contentHandling: TO_TEXT",
            "no way to handle content that is called `TO_TEXT`",
        ),
        (
            PIECES,
            "HTTP_PROXY",
            "HTTP",
            "this type of integration is not supported yet",
        ),
        (
            DOCUMENT,
            "timeoutInMillis: 1000",
            "contentHandling: CONVERT_TO_TEXT",
            "`contentHandling` of `HTTP_PROXY` is not supported",
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

/// The cloud takes it, too.
#[test]
fn what_proxies_do_nothing_with_is_said() {
    const NOTICE: &str = "is not changed by templates or responses]";
    for (from, to) in [
        (
            "statusCode: \"200\"",
            "statusCode: \"200\", responseTemplates: { a/b: x }",
        ),
        (
            "statusCode: \"200\"",
            "statusCode: \"200\", responseParameters: { method.response.header.X: \"'y'\" }",
        ),
        ("timeoutInMillis: 1000", "requestTemplates: { a/b: x }"),
    ] {
        assert!(DOCUMENT.contains(from), "{from}");
        let found = said(&DOCUMENT.replace(from, to));
        assert!(found.len() == 1 && found[0].ends_with(NOTICE), "{found:?}");
    }
    assert!(said(DOCUMENT).is_empty());
}

#[test]
fn requests_to_servers_are_made_by_templates() {
    let text = DOCUMENT.replace(
        "type: http_proxy",
        "type: http\n                contentHandling: CONVERT_TO_BINARY\n                requestTemplates: { application/json: x }",
    );
    let text = text.replace(
        "default: { statusCode: \"200\" }",
        "default: { statusCode: \"200\" }, 4..: { statusCode: \"409\", contentHandling: CONVERT_TO_TEXT }",
    );
    let desired = resolved(&text);
    let found = desired.resources.iter().find_map(|one| match &one.kind {
        Kind::Gateway(gateway) => Some(&gateway.routes[0].backend),
        _ => None,
    });
    let Some(Backend::Mapped(backend)) = found else {
        panic!("{found:?}");
    };
    let to = Callee {
        service: "http".into(),
        asked: Asked::Address("https://${stageVariables.host}/base/{proxy}".into()),
    };
    let translation = &backend.translation;
    assert_eq!(
        (&translation.to, translation.method.as_str()),
        (&Some(to), "ANY")
    );
    assert_eq!(translation.templates, texts([("application/json", "x")]));
    assert_eq!(translation.answers[1].pattern.as_deref(), Some("4.."));
    let conversions = Conversions {
        request: Some(Conversion::ToBytes),
        answers: vec![None, Some(Conversion::ToText)],
    };
    assert_eq!(backend.conversions, conversions);
}

/// HTTP APIs change what functions are told and answer, in the cloud.
#[test]
fn changes_around_functions_are_refused() {
    let document = |kind: &str, more: &str| {
        format!(
            r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  A:
    Type: AWS::Serverless::{kind}
    Properties:
      StageName: v1
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /a:
            get:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: "2.0"
                uri: arn:aws:lambda:us-east-1:000000000000:function:f
                {more}
"#
        )
    };
    let answers = "responseParameters: { \"200\": { \"append:header.x\": y } }";
    let requests = "requestParameters: { \"append:header.x\": y }";
    for (more, message) in [
        (answers, "answers to `AWS_PROXY` are not changed"),
        (requests, "requests to functions are not rewritten"),
    ] {
        let found = said(&document("HttpApi", more));
        assert!(found.iter().any(|line| line.contains(message)), "{found:?}");
    }
    let unused = "requestParameters: { integration.request.path.a: method.request.path.a }";
    assert!(said(&document("Api", unused)).is_empty());
}
