//! What gateways a template makes.

use super::{resolved, said};
use crate::desired::{
    Asks, Backend, FixedAnswer, FunctionBackend, Gateway, GatewayKind, Guard, GuardKind, Kind,
    Payload, Plan, Route, Source, Wanted,
};

const HEAD: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      FunctionName: f\n      Runtime: nodejs20.x\n      Handler: index.handler\n      CodeUri: src\n";

/// Logical ids and gateways, in the order of making, of a template with one function that has these properties.
fn gateways(properties: &str, rest: &str) -> Vec<(String, Gateway)> {
    let desired = resolved(&format!("{HEAD}{properties}{rest}"));
    let found = desired.resources.into_iter();
    found
        .filter_map(|resource| match resource.kind {
            Kind::Gateway(gateway) => Some((resource.logical_id, gateway)),
            _ => None,
        })
        .collect()
}

fn route(method: Option<&str>, path: Option<&str>, payload: Payload) -> Route {
    Route {
        method: method.map(str::to_owned),
        path: path.map(str::to_owned),
        backend: Backend::Function(FunctionBackend {
            function: "f".into(),
            qualifier: None,
            payload,
            timeout_ms: None,
            streams: false,
            replies: false,
        }),
        guard: None,
        needs_key: false,
        wanted: Wanted::default(),
    }
}

#[test]
fn events_that_name_no_api_share_the_implied_one() {
    let made = gateways(
        "      Events:\n        A: {Type: Api, Properties: {Path: /items, Method: get}}\n        B: {Type: Api, Properties: {Path: '/{proxy+}', Method: any}}\n        C: {Type: HttpApi}\n",
        "Outputs: {Url: {Value: !Sub 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/items'}}\n",
    );
    let [(http_id, http), (rest_id, rest)] = made.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!(
        (rest_id.as_str(), rest.kind),
        ("ServerlessRestApi", GatewayKind::Rest)
    );
    assert_eq!(
        rest.routes,
        [
            route(Some("GET"), Some("/items"), Payload::V1),
            route(None, Some("/{proxy+}"), Payload::V1)
        ]
    );
    assert_eq!(rest.stages.keys().collect::<Vec<_>>(), ["Prod"]);
    assert_eq!(
        (http_id.as_str(), http.kind),
        ("ServerlessHttpApi", GatewayKind::Http)
    );
    assert_eq!(http.routes, [route(None, None, Payload::V2)]);
    assert_eq!(http.stages.keys().collect::<Vec<_>>(), ["$default"]);
    assert_eq!(rest.id.len(), 10);
    assert_ne!(rest.id, http.id);
}

#[test]
fn a_route_for_everything_else_may_be_named() {
    for properties in ["Path: $default, Method: any", "Path: $default"] {
        let made = gateways(
            &format!("      Events: {{A: {{Type: HttpApi, Properties: {{{properties}}}}}}}\n"),
            "",
        );
        let [(_, http)] = made.as_slice() else {
            panic!("{made:?}");
        };
        assert_eq!(
            http.routes,
            [route(None, None, Payload::V2)],
            "{properties}"
        );
    }
}

#[test]
fn apis_that_are_written_down_keep_their_settings_and_take_globals() {
    let made = gateways(
        "      Events:\n        A: {Type: Api, Properties: {Path: /a, Method: post, RestApiId: !Ref Own, TimeoutInMillis: 5000}}\n        B: {Type: HttpApi, Properties: {Path: /b, Method: get, ApiId: !Ref Web, PayloadFormatVersion: '1.0'}}\n",
        "  Own: {Type: AWS::Serverless::Api, Properties: {StageName: dev, Variables: {A: b}, BinaryMediaTypes: [image~1png], Cors: {AllowOrigin: \"'https://a.example'\", AllowHeaders: \"'X-A,X-B'\", MaxAge: \"'600'\"}}}\n  Web: {Type: AWS::Serverless::HttpApi, Properties: {CorsConfiguration: {AllowOrigins: ['*'], MaxAge: 60}}}\nGlobals: {Api: {Name: shared}}\n",
    );
    let of = |id: &str| &made.iter().find(|(known, _)| known == id).unwrap().1;
    let own = of("Own");
    assert_eq!(own.title, "shared");
    assert_eq!(own.stages["dev"]["A"], "b");
    assert_eq!(own.binary, ["image/png"]);
    let cors = own.cors.as_ref().unwrap();
    assert_eq!(cors.origins, ["https://a.example"]);
    assert_eq!(cors.headers, ["X-A", "X-B"]);
    assert_eq!(cors.max_age_s, Some(600));
    let first = |id: &str| match &of(id).routes[0].backend {
        Backend::Function(backend) => backend.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(first("Own").timeout_ms, Some(5_000));
    assert_eq!(first("Web").payload, Payload::V1);
    assert_eq!(of("Web").cors.as_ref().unwrap().max_age_s, Some(60));
}

#[test]
fn a_function_has_a_url_that_others_can_ask_for() {
    let made = gateways(
        "      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['*']}}\n",
        "Outputs: {Url: {Value: !GetAtt FUrl.FunctionUrl}}\n",
    );
    let [(id, url)] = made.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!((id.as_str(), url.kind), ("FUrl", GatewayKind::Url));
    assert_eq!(url.routes, [route(None, None, Payload::V2)]);
}

#[test]
fn the_url_of_a_published_function_is_its_aliass() {
    let made = gateways(
        "      AutoPublishAlias: live\n      FunctionUrlConfig: {AuthType: NONE}\n",
        "",
    );
    let [(_, url)] = made.as_slice() else {
        panic!("{made:?}");
    };
    let Backend::Function(backend) = &url.routes[0].backend else {
        panic!("{url:?}");
    };
    assert_eq!(backend.qualifier.as_deref(), Some("live"));
}

#[test]
fn urls_are_declared_apart_from_their_functions() {
    let url = |properties: &str| {
        let resource = format!("  Url: {{Type: AWS::Lambda::Url, Properties: {properties}}}\n");
        let outputs = "Outputs: {A: {Value: !GetAtt Url.FunctionUrl}, B: {Value: !Ref Url}}\n";
        gateways(
            "      AutoPublishAlias: live\n",
            &format!("{resource}{outputs}"),
        )
    };
    for (properties, alias) in [
        ("{AuthType: NONE, TargetFunctionArn: !GetAtt F.Arn}", None),
        (
            "{AuthType: NONE, TargetFunctionArn: !Ref F, Qualifier: live}",
            Some("live"),
        ),
        (
            "{AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM, TargetFunctionArn: !Ref F.Alias, Cors: {AllowOrigins: ['*'], MaxAge: 5}}",
            Some("live"),
        ),
    ] {
        let made = url(properties);
        let [(id, gateway)] = made.as_slice() else {
            panic!("{made:?}");
        };
        assert_eq!((id.as_str(), gateway.kind), ("Url", GatewayKind::Url));
        let Backend::Function(backend) = &gateway.routes[0].backend else {
            panic!("{gateway:?}");
        };
        assert_eq!(backend.qualifier.as_deref(), alias);
        let is_signed = properties.contains("AWS_IAM");
        assert_eq!(
            (backend.streams, gateway.guards.len()),
            (is_signed, usize::from(is_signed))
        );
        assert_eq!(gateway.cors.is_some(), is_signed);
    }
}

fn function_guard(gateway: &Gateway, name: &str) -> crate::desired::FunctionGuard {
    let found = gateway.guards.iter().find(|guard| guard.name == name);
    match found {
        Some(Guard {
            kind: GuardKind::Function(guard),
            ..
        }) => guard.clone(),
        other => panic!("{other:?}"),
    }
}

/// Each route's `METHOD path`, its guard's name and its scopes.
fn guarded(gateway: &Gateway) -> Vec<(String, Option<String>, Vec<String>)> {
    let line = |route: &Route| {
        let (method, path) = (route.method.as_deref(), route.path.as_deref());
        let key = format!("{} {}", method.unwrap_or("ANY"), path.unwrap_or("$default"));
        let guard = route.guard.clone();
        let scopes = guard.as_ref().map(|guard| guard.scopes.clone());
        (key, guard.map(|guard| guard.by), scopes.unwrap_or_default())
    };
    gateway.routes.iter().map(line).collect()
}

const GUARD: &str = "  G:\n    Type: AWS::Serverless::Function\n    Properties: {FunctionName: g, Runtime: nodejs20.x, Handler: index.handler, CodeUri: src}\n";

#[test]
fn authorizers_guard_what_does_not_say_otherwise() {
    let made = gateways(
        "      Events:\n        A: {Type: Api, Properties: {RestApiId: !Ref R, Path: /a, Method: get}}\n        B: {Type: Api, Properties: {RestApiId: !Ref R, Path: /b, Method: get, Auth: {Authorizer: NONE, ApiKeyRequired: true}}}\n        C: {Type: Api, Properties: {RestApiId: !Ref R, Path: /c, Method: get, Auth: {Authorizer: AWS_IAM}}}\n        D: {Type: Api, Properties: {RestApiId: !Ref R, Path: /d, Method: get, Auth: {Authorizer: Req}}}\n",
        &format!(
            "  R:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: v1\n      Auth:\n        DefaultAuthorizer: Tok\n        Authorizers:\n          Tok: {{FunctionArn: !GetAtt G.Arn, Identity: {{Header: X-T, ValidationExpression: 'a+', ReauthorizeEvery: 30}}}}\n          Req: {{FunctionArn: !GetAtt G.Arn, FunctionPayloadType: REQUEST, Identity: {{Headers: [h], QueryStrings: [q], Context: [identity.sourceIp]}}}}\n{GUARD}"
        ),
    );
    let api = &made[0].1;
    let by = |name: &str| Some(name.to_owned());
    assert_eq!(
        guarded(api)
            .into_iter()
            .map(|(_, by, _)| by)
            .collect::<Vec<_>>(),
        [by("Tok"), None, by("AWS_IAM"), by("Req")]
    );
    let keys: Vec<bool> = api.routes.iter().map(|route| route.needs_key).collect();
    assert_eq!(keys, [false, true, false, false]);
    let token = function_guard(api, "Tok");
    assert_eq!(
        (token.function.as_str(), token.asks, token.remember_s),
        ("g", Asks::Token, 30)
    );
    assert_eq!(token.sources, [Source::Header("X-T".into())]);
    assert_eq!(token.pattern.as_deref(), Some("a+"));
    let request = function_guard(api, "Req");
    assert_eq!(request.remember_s, 300);
    assert_eq!(
        request.sources,
        [
            Source::Header("h".into()),
            Source::Query("q".into()),
            Source::Context("identity.sourceIp".into())
        ]
    );
    // By default, browsers must be let pass too.
    assert_eq!(api.preflight_guard.as_ref().unwrap().by, "Tok");
    assert!(
        api.guards
            .iter()
            .any(|guard| guard.kind == GuardKind::Signature)
    );
}

#[test]
fn http_apis_have_tokens_with_scopes() {
    let made = gateways(
        "      Events:\n        A: {Type: HttpApi, Properties: {ApiId: !Ref W, Path: /a, Method: get}}\n        B: {Type: HttpApi, Properties: {ApiId: !Ref W, Path: /b, Method: get, Auth: {AuthorizationScopes: [w]}}}\n        C: {Type: HttpApi, Properties: {ApiId: !Ref W, Path: /c, Method: get, Auth: {Authorizer: S}}}\n",
        &format!(
            "  W:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      Auth:\n        DefaultAuthorizer: J\n        Authorizers:\n          J: {{AuthorizationScopes: [r], IdentitySource: $request.querystring.token, JwtConfiguration: {{issuer: 'https://i.example', audience: [a, b]}}}}\n          S: {{FunctionArn: !GetAtt G.Arn, AuthorizerPayloadFormatVersion: '2.0', EnableSimpleResponses: true, Identity: {{Headers: [h]}}}}\n{GUARD}"
        ),
    );
    let api = &made[0].1;
    let scopes: Vec<Vec<String>> = guarded(api)
        .into_iter()
        .map(|(_, _, scopes)| scopes)
        .collect();
    assert_eq!(scopes, [vec!["r"], vec!["w"], vec![]]);
    let GuardKind::Token(token) = &api.guards[0].kind else {
        panic!("{:?}", api.guards);
    };
    assert_eq!(token.source, Source::Query("token".into()));
    assert_eq!(token.audiences, ["a", "b"]);
    let simple = function_guard(api, "S");
    assert!(simple.simple);
    assert_eq!(
        (simple.asks, simple.remember_s),
        (Asks::Request(functions::HttpForm::Compact), 0)
    );
}

fn plans(text: &str) -> Vec<Plan> {
    let found = resolved(text).resources.into_iter();
    found
        .filter_map(|resource| match resource.kind {
            Kind::Plan(plan) => Some(plan),
            _ => None,
        })
        .collect()
}

#[test]
fn usage_plans_come_with_their_apis_or_alone() {
    let event = "      Events:\n        A: {Type: Api, Properties: {RestApiId: !Ref R, Path: /a, Method: get}}\n";
    let api = "  R: {Type: AWS::Serverless::Api, Properties: {StageName: v1, Auth: {ApiKeyRequired: true, UsagePlan: {CreateUsagePlan: PER_API, Quota: {Limit: 10, Period: DAY}, Throttle: {RateLimit: 1.5, BurstLimit: 3}}}}}\nOutputs: {K: {Value: !Ref RApiKey}}\n";
    let [plan] = &plans(&format!("{HEAD}{event}{api}"))[..] else {
        panic!("no plan");
    };
    assert_eq!(plan.stages[0].stage, "v1");
    assert_eq!(plan.keys.len(), 1);
    assert_eq!(plan.rate.unwrap().per_second_milli, 1_500);
    assert_eq!(plan.quota.unwrap().limit, 10);
    let alone = "  K: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true, Value: 01234567890123456789}}\n  P: {Type: AWS::ApiGateway::UsagePlan, Properties: {ApiStages: [{ApiId: x, Stage: y, Throttle: {/a/GET: {RateLimit: 2, BurstLimit: 1}}}]}}\n  M: {Type: AWS::ApiGateway::UsagePlanKey, Properties: {KeyId: !Ref K, KeyType: API_KEY, UsagePlanId: !Ref P}}\n";
    let [plan] = &plans(&format!("{HEAD}{alone}"))[..] else {
        panic!("no plan");
    };
    assert_eq!(plan.stages[0].rates[0].0, "GET /a");
    assert_eq!(plan.keys.len(), 1);
}

#[test]
fn requests_are_held_against_models() {
    let made = gateways(
        "      Events:\n        A:\n          Type: Api\n          Properties:\n            RestApiId: !Ref R\n            Path: /a\n            Method: post\n            RequestModel: {Model: Pet, ValidateBody: true, ValidateParameters: true}\n            RequestParameters: [method.request.header.X, method.request.querystring.q: {Required: true}]\n        B: {Type: Api, Properties: {RestApiId: !Ref R, Path: /b, Method: post, RequestModel: {Model: Pet}}}\n",
        "  R: {Type: AWS::Serverless::Api, Properties: {StageName: v1, Models: {Pet: {type: object, required: [n], minProperties: 1}}}}\n",
    );
    let [a, b] = &made[0].1.routes[..] else {
        panic!("{made:?}");
    };
    assert_eq!(a.wanted.query, ["q"]);
    assert!(a.wanted.headers.is_empty());
    assert_eq!(
        a.wanted.body["application/json"],
        r#"{"type":"object","required":["n"],"minProperties":1}"#
    );
    assert_eq!(b.wanted, Wanted::default());
}

const OPENAPI: &str = "  R:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: v1\n      DefinitionBody:\n        openapi: 3.0.1\n        paths:\n          /pets/{id}:\n            get:\n              security: [{guard: []}, {key: []}]\n              x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'}\n            options:\n              x-amazon-apigateway-integration:\n                type: mock\n                requestTemplates: {application/json: '{\"statusCode\": 204}'}\n                responses:\n                  default: {statusCode: 500}\n                  '20.': {statusCode: 204, responseParameters: {method.response.header.Access-Control-Allow-Origin: \"'*'\"}}\n        components:\n          securitySchemes:\n            key: {type: apiKey, name: x-api-key, in: header}\n            guard:\n              type: apiKey\n              name: X-T\n              in: header\n              x-amazon-apigateway-authtype: custom\n              x-amazon-apigateway-authorizer: {type: token, authorizerUri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'}\n        x-amazon-apigateway-gateway-responses:\n          DEFAULT_4XX: {responseParameters: {gatewayresponse.header.X: \"'y'\"}}\n";

#[test]
fn apis_can_be_written_down_as_documents() {
    let made = gateways("", OPENAPI);
    let api = &made[0].1;
    let [get, options] = &api.routes[..] else {
        panic!("{made:?}");
    };
    assert_eq!(get.function(), Some("f"));
    assert_eq!(
        (get.guard.as_ref().unwrap().by.as_str(), get.needs_key),
        ("guard", true)
    );
    assert_eq!(
        function_guard(api, "guard").sources,
        [Source::Header("X-T".into())]
    );
    let Backend::Fixed(FixedAnswer {
        status, headers, ..
    }) = &options.backend
    else {
        panic!("{options:?}");
    };
    assert_eq!(*status, 204);
    // As many write it.
    let bare = OPENAPI.replace("{\"statusCode\": 204}", "{statusCode: 204}");
    assert_eq!(gateways("", &bare)[0].1.routes[1].backend, options.backend);
    assert_eq!(
        headers[0],
        ("access-control-allow-origin".into(), "*".into())
    );
    assert_eq!(api.refusals["DEFAULT_4XX"].headers["X"], "'y'");
}

#[test]
fn a_stages_variables_name_functions() {
    const ARN: &str = "${F.Arn}/invocations";
    let named = |name: &str| {
        let arn = "arn:aws:lambda:us-east-1:${AWS::AccountId}:function:";
        let text = OPENAPI.replace(ARN, &format!("{arn}{name}/invocations"));
        let made = gateways("", &text);
        match &made[0].1.routes[0].backend {
            Backend::Function(backend) => (backend.function.clone(), backend.qualifier.clone()),
            other => panic!("{other:?}"),
        }
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(
        named("${!stageVariables.fn}"),
        (text("${stageVariables.fn}"), None)
    );
    assert_eq!(
        named("f:${!stageVariables.alias}"),
        (text("f"), Some(text("${stageVariables.alias}")))
    );
}

#[test]
fn what_documents_ask_for_that_is_not_built_is_refused() {
    for (from, to, message) in [
        (
            "functions/${F.Arn}",
            "functions/${F.Arn}${!context.stage}",
            "this must be a function of this account and region",
        ),
        (
            "type: mock",
            "type: vpc_link",
            "integrations of type `VPC_LINK` are not supported yet",
        ),
        (
            "openapi: 3.0.1",
            "openapi: '1.2'",
            "this is no OpenAPI document of version 2.0 or 3.0",
        ),
        (
            "type: token",
            "type: cognito_user_pools",
            "authorizers of type `cognito_user_pools` are not supported yet",
        ),
        (
            "openapi: 3.0.1",
            "openapi: 3.0.1\n        x-amazon-apigateway-policy: {}",
            "`x-amazon-apigateway-policy` is not supported yet",
        ),
        (
            r#"{"statusCode": 204}"#,
            "#if(true)",
            "a mapping template cannot be read",
        ),
        (
            r#"type: mock"#,
            "type: aws\n                uri: arn:aws:apigateway:us-east-1:states:action/StartExecution",
            "integrations with `states` are not supported yet",
        ),
        (
            r#"type: mock"#,
            "type: aws\n                uri: arn:aws:apigateway:us-east-1:dynamodb:action/putItem",
            "integrations with `dynamodb:action/putItem` are not supported yet",
        ),
        (
            r#"type: mock"#,
            "type: aws\n                uri: arn:aws:apigateway:xx-east-1:sqs:path/1/q",
            "there is no service in xx-east-1 here",
        ),
        (
            r#"type: mock"#,
            "integrationSubtype: StepFunctions-StartExecution",
            "the subtype `StepFunctions-StartExecution` are not supported yet",
        ),
        (
            r#"type: mock"#,
            "integrationSubtype: SQS-PurgeQueue\n                requestParameters: {QueueUrl: $request.cookie.x}",
            "`QueueUrl` cannot be `$request.cookie.x`",
        ),
    ] {
        let text = format!("{HEAD}{}", OPENAPI.replace(from, to));
        let found = said(&text);
        assert!(
            found.iter().any(|line| line.contains(message)),
            "{to}: {found:?}"
        );
    }
}

const PIECES: &str = "  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  Items: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref A, ParentId: !GetAtt A.RootResourceId, PathPart: items}}\n  One: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref A, ParentId: !Ref Items, PathPart: '{id}'}}\n  Auth: {Type: AWS::ApiGateway::Authorizer, Properties: {Name: x, RestApiId: !Ref A, Type: REQUEST, IdentitySource: 'method.request.header.A, method.request.querystring.b', AuthorizerUri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'}}\n  Get: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, ResourceId: !Ref One, HttpMethod: GET, AuthorizationType: CUSTOM, AuthorizerId: !Ref Auth, Integration: {Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'}}}\n  Root: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: !Ref A, ResourceId: !GetAtt A.RootResourceId, HttpMethod: ANY, AuthorizationType: NONE, Integration: {Type: MOCK, IntegrationResponses: [{StatusCode: 200, ResponseTemplates: {application/json: hello}}]}}}\n  Deploy: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref A}, DependsOn: [Get, Root]}\n  Live: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref A, DeploymentId: !Ref Deploy, StageName: live, Variables: {a: b}}}\nOutputs: {Url: {Value: !Sub 'https://${A}.execute-api.${AWS::Region}.amazonaws.com/${Live}/items'}}\n";

#[test]
fn apis_can_be_put_together_from_pieces() {
    let made = gateways("", PIECES);
    let (id, api) = &made[0];
    assert_eq!((id.as_str(), api.title.as_str()), ("A", "a"));
    assert_eq!(api.stages["live"]["a"], "b");
    let keys: Vec<String> = guarded(api).into_iter().map(|(key, _, _)| key).collect();
    assert_eq!(keys, ["GET /items/{id}", "ANY /"]);
    let guard = &api.routes[0].guard.as_ref().unwrap().by;
    assert_eq!(
        function_guard(api, guard).sources,
        [Source::Header("A".into()), Source::Query("b".into())]
    );
    let Backend::Fixed(answer) = &api.routes[1].backend else {
        panic!("{api:?}");
    };
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
}

#[test]
fn messages_have_apis_of_their_own() {
    let made = gateways(
        "",
        "  S: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: s, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}\n  I: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref S, IntegrationType: AWS_PROXY, IntegrationUri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations'}}\n  D: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref S, RouteKey: $default, RouteResponseSelectionExpression: $default, Target: !Sub 'integrations/${I}'}}\n  T: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref S, StageName: live, AutoDeploy: true}}\n",
    );
    let api = &made[0].1;
    assert_eq!(api.kind, GatewayKind::Socket);
    assert_eq!(api.selection.as_deref(), Some("$request.body.action"));
    let Backend::Function(backend) = &api.routes[0].backend else {
        panic!("{api:?}");
    };
    assert_eq!(api.routes[0].path.as_deref(), Some("$default"));
    assert!(backend.replies);
    let http = gateways(
        "",
        "  W: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: w, ProtocolType: HTTP, Target: !GetAtt F.Arn}}\n",
    );
    assert_eq!(http[0].1.kind, GatewayKind::Http);
    assert_eq!(http[0].1.routes[0].path, None);
}
