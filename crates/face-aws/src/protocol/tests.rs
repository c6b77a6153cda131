use http_body_util::BodyExt;
use serde_json::json;

use super::*;

const DYNAMODB: Manner = Manner {
    package: Some("com.amazonaws.dynamodb.v20120810"),
    crc32: true,
    encoded: false,
    named: &[("TableArn", "TableName")],
    listed: &[],
    unchecked: &[],
    first: None,
};

fn dynamodb() -> Service {
    Service::new(include_str!("../../models/dynamodb.json"), DYNAMODB)
}

fn lambda() -> Service {
    Service::new(include_str!("../../models/lambda.json"), Manner::default())
}

fn sts() -> Service {
    Service::new(include_str!("../../models/sts.json"), Manner::default())
}

/// A raw request, lines ending in `\n`, as its head and its body.
fn request(raw: &str) -> (Parts, Bytes) {
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw, ""));
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = http::Request::builder()
        .method(first.next().unwrap())
        .uri(first.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    (parts, Bytes::copy_from_slice(body.as_bytes()))
}

fn target(operation: &str, body: &str) -> String {
    format!(
        "POST /\nx-amz-target: DynamoDB_20120810.{operation}\ncontent-type: application/x-amz-json-1.0\n\n{body}"
    )
}

/// The raw answer to a raw request; the input's JSON where it is accepted.
async fn exchange(service: &Service, raw: &str) -> String {
    let (parts, body) = request(raw);
    match service.read(&parts, body) {
        Ok(call) => format!("{} {}", call.operation.name, Value::Object(call.input)),
        Err(fault) => printed(service.refuse("ID", &fault)).await,
    }
}

async fn printed(response: wire::Response) -> String {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut head = format!("{}", parts.status.as_u16());
    if let Some(code) = parts.headers.get("x-amzn-errortype") {
        head.push_str(&format!(" {}", code.to_str().unwrap()));
    }
    assert_eq!(parts.headers["x-amzn-requestid"], "ID");
    format!("{head} {}", std::str::from_utf8(&body).unwrap())
}

#[tokio::test]
async fn requests_in_json_get_the_words_of_the_real_service() {
    let service = dynamodb();
    for (operation, body, expected) in [
        (
            "GetItem",
            r#"{"TableName":"music","Key":{"a":{"S":"x"}},"Unknown":1,"ConsistentRead":null}"#,
            r#"GetItem {"TableName":"music","Key":{"a":{"S":"x"}}}"#,
        ),
        (
            "GetItem",
            "{",
            r#"400 {"__type":"com.amazon.coral.service#SerializationException"}"#,
        ),
        (
            "GetItem",
            "",
            r#"400 {"__type":"com.amazon.coral.service#SerializationException"}"#,
        ),
        (
            "FlyToTheMoon",
            "{}",
            r#"400 {"__type":"com.amazon.coral.service#UnknownOperationException"}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":"a;","Key":{}}"#,
            r#"400 {"__type":"com.amazon.coral.validate#ValidationException","message":"2 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'a;' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":"abc"}"#,
            r#"400 {"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null"}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":5}"#,
            r#"400 {"__type":"com.amazon.coral.service#SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":{}}"#,
            r#"400 {"__type":"com.amazon.coral.service#SerializationException","Message":"Start of structure or map found where not expected"}"#,
        ),
        (
            "GetItem",
            r#"{"Key":[]}"#,
            r#"400 {"__type":"com.amazon.coral.service#SerializationException","Message":"Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"}"#,
        ),
        (
            "GetItem",
            r#"{"TableName":"abc","Key":{"a":{"B":"AAA"}}}"#,
            r#"400 {"__type":"com.amazon.coral.service#SerializationException","Message":"Base64 encoded length is expected a multiple of 4 bytes but found: 3"}"#,
        ),
        (
            "ListTables",
            r#"{"Limit":2147483648}"#,
            r#"400 {"__type":"com.amazon.coral.service#SerializationException","Message":"Numeric value (2147483648) out of range of int (-2147483648 - 2147483647)"}"#,
        ),
        (
            "ListTables",
            r#"{"Limit":101}"#,
            r#"400 {"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"}"#,
        ),
        (
            "CreateTable",
            r#"{"TableName":"abc","KeySchema":[{"AttributeName":"a","KeyType":"ROUND"}]}"#,
            r#"400 {"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value 'ROUND' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]"}"#,
        ),
    ] {
        assert_eq!(exchange(&service, &target(operation, body)).await, expected);
    }
}

#[tokio::test]
async fn what_we_lack_is_named() {
    let service = dynamodb();
    let (parts, body) = request(&target("ListBackups", "{}"));
    let call = service.read(&parts, body).unwrap();
    assert_eq!(
        printed(service.refuse("ID", &call.unknown())).await,
        r#"501 {"__type":"com.amazon.coral.service#NotImplementedException","message":"Fulmar does not implement DynamoDB.ListBackups yet"}"#
    );
    assert_eq!(
        call.not_built("Limit").message.unwrap(),
        "Fulmar does not implement the parameter Limit of DynamoDB.ListBackups yet"
    );
}

#[tokio::test]
async fn answers_in_json_carry_their_checksum() {
    let service = dynamodb();
    let (parts, body) = request(&target("ListTables", "{}"));
    let operation = service.read(&parts, body).unwrap().operation;
    let response = service.answer(operation, "ID", &json!({"TableNames": []}));
    assert_eq!(
        response.headers()["content-type"],
        "application/x-amz-json-1.0"
    );
    assert_eq!(response.headers()["x-amz-crc32"], "1315925753");
    assert_eq!(printed(response).await, r#"200 {"TableNames":[]}"#);
}

#[tokio::test]
async fn rest_members_come_from_path_query_headers_and_body() {
    let service = lambda();
    for (raw, expected) in [
        (
            "POST /2015-03-31/functions/a%3Ab/invocations?Qualifier=v1\nx-amz-invocation-type: Event\n\n{\"x\":1}",
            r#"Invoke {"FunctionName":"a:b","InvocationType":"Event","Qualifier":"v1"}"#,
        ),
        (
            "GET /2015-03-31/functions/?MaxItems=7",
            r#"ListFunctions {"MaxItems":7}"#,
        ),
        (
            "GET /2018-10-31/layers?find=LayerVersion&Arn=arn:aws:lambda:us-east-1:123456789012:layer:x:1",
            r#"GetLayerVersionByArn {"Arn":"arn:aws:lambda:us-east-1:123456789012:layer:x:1"}"#,
        ),
        ("GET /2018-10-31/layers", "ListLayers {}"),
        (
            "DELETE /2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ax?tagKeys=a&tagKeys=b",
            r#"UntagResource {"Resource":"arn:aws:lambda:us-east-1:123456789012:function:x","TagKeys":["a","b"]}"#,
        ),
        ("GET /nowhere", "404 UnknownOperationException {}"),
        (
            "POST /2015-03-31/functions\n\n{\"FunctionName\":\"a b\"}",
            r#"400 ValidationException {"message":"3 validation errors detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?; Value null at 'role' failed to satisfy constraint: Member must not be null; Value null at 'code' failed to satisfy constraint: Member must not be null"}"#,
        ),
        (
            "POST /2015-03-31/functions\n\n{\"MemorySize\":\"big\"}",
            r#"400 SerializationException {"Message":"STRING_VALUE cannot be converted to Integer"}"#,
        ),
        (
            "GET /2015-03-31/functions?MaxItems=many",
            r#"400 SerializationException {"Message":"STRING_VALUE cannot be converted to Integer"}"#,
        ),
    ] {
        assert_eq!(exchange(&service, raw).await, expected);
    }
}

#[tokio::test]
async fn modelled_errors_have_the_members_and_the_status_of_their_model() {
    let service = lambda();
    let missing = Fault::new("ResourceNotFoundException", "Function not found: f");
    assert_eq!(
        printed(service.refuse("ID", &missing)).await,
        r#"404 ResourceNotFoundException {"Type":"User","Message":"Function not found: f"}"#
    );
    let invalid = Fault::new("InvalidParameterValueException", "no");
    assert_eq!(
        printed(service.refuse("ID", &invalid)).await,
        r#"400 InvalidParameterValueException {"Type":"User","message":"no"}"#
    );
}

#[test]
fn a_body_that_is_a_member_is_handed_over_as_it_is() {
    let service = lambda();
    let (parts, body) = request("POST /2015-03-31/functions/f/invocations\n\nnot json");
    let call = service.read(&parts, body).unwrap();
    assert_eq!(call.payload, "not json");
}

#[tokio::test]
async fn forms_in_and_xml_out() {
    let service = sts();
    let form =
        "POST /\ncontent-type: application/x-www-form-urlencoded\n\nVersion=2011-06-15&Action=";
    let raw = format!(
        "{form}AssumeRole&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=me&TransitiveTagKeys.member.1=a&TransitiveTagKeys.member.2=b&Tags.member.1.Key=k&Tags.member.1.Value=v%3A+w"
    );
    assert_eq!(
        exchange(&service, &raw).await,
        r#"AssumeRole {"RoleArn":"arn:aws:iam::123456789012:role/x","RoleSessionName":"me","Tags":[{"Key":"k","Value":"v: w"}],"TransitiveTagKeys":["a","b"]}"#
    );
    assert_eq!(
        exchange(&service, &format!("{form}Fly")).await,
        r#"400 <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation Fly for version 2011-06-15</Message></Error><RequestId>ID</RequestId></ErrorResponse>"#
    );
    let (parts, body) = request(&format!("{form}GetCallerIdentity"));
    let operation = service.read(&parts, body).unwrap().operation;
    let output = json!({"Account": "000000000000", "Arn": "a<b", "UserId": "u"});
    assert_eq!(
        printed(service.answer(operation, "ID", &output)).await,
        r#"200 <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId>u</UserId><Account>000000000000</Account><Arn>a&lt;b</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
    );
}
