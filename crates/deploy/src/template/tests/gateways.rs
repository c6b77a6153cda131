//! What gateways a template makes.

use super::resolved;
use crate::desired::{Gateway, GatewayKind, Kind, Payload, Route};

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
        function: "f".into(),
        qualifier: None,
        payload,
        timeout_ms: None,
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
    assert_eq!(own.routes[0].timeout_ms, Some(5_000));
    assert_eq!(of("Web").routes[0].payload, Payload::V1);
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
