"""API Gateway's integrations with other services: mapping templates, and operations of HTTP APIs."""

import http.client
import json

import pytest

from conftest import server

TEMPLATE = r"""
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: python3.12 } }
Resources:
  Queue: { Type: AWS::SQS::Queue }
  Ordered: { Type: AWS::SQS::Queue, Properties: { QueueName: orders.fifo, FifoQueue: true, ContentBasedDeduplication: true } }
  Topic: { Type: AWS::SNS::Topic }
  Heard: { Type: AWS::SNS::Subscription, Properties: { TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Ordered.Arn } }
  Table: { Type: AWS::Serverless::SimpleTable }
  Bucket: { Type: AWS::S3::Bucket }
  Happened: { Type: AWS::SQS::Queue }
  Rule:
    Type: AWS::Events::Rule
    Properties: { EventPattern: { source: [api] }, Targets: [{ Id: q, Arn: !GetAtt Happened.Arn }] }
  Front:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            if "fail" in event:
                raise ValueError("Bad: " + event["fail"])
            return {"got": event}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Variables: { topic: !Ref Topic }
      DefinitionBody:
        swagger: "2.0"
        info: { title: mapped, version: "1" }
        paths:
          /form:
            post:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Queue.QueueName}"
                requestParameters: { integration.request.header.Content-Type: "'application/x-www-form-urlencoded'" }
                requestTemplates:
                  application/json: "Action=SendMessage##\n&MessageBody=$util.urlEncode($input.body)&MessageAttribute.1.Name=who&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=$input.params('who')"
                passthroughBehavior: never
                responses:
                  "200":
                    statusCode: "202"
                    responseTemplates: { application/json: '{"id": "$input.path(''$.SendMessageResponse.SendMessageResult.MessageId'')"}' }
                    responseParameters: { method.response.header.X-Kind: integration.response.header.Content-Type }
                  default: { statusCode: "500", responseTemplates: { application/json: "$input.json('$.Error.Code')" } }
          /receive:
            get:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Queue.QueueName}"
                requestParameters:
                  integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"
                  integration.request.querystring.Action: "'ReceiveMessage'"
                  integration.request.querystring.MaxNumberOfMessages: method.request.querystring.most
                responses: { default: { statusCode: "200" } }
          /gone:
            post:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/none"
                requestParameters: { integration.request.header.Content-Type: "'application/x-www-form-urlencoded'" }
                requestTemplates: { application/json: "Action=SendMessage&MessageBody=x" }
                responses:
                  "2\\d{2}": { statusCode: "200" }
                  "4\\d{2}": { statusCode: "404", responseTemplates: { application/json: "$input.json('$.Error.Code')" } }
          /publish:
            post:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:sns:action/Publish"
                requestParameters:
                  integration.request.querystring.TopicArn: stageVariables.topic
                  integration.request.querystring.Message: method.request.body.message
                responses: { default: { statusCode: "200" } }
          /items/{id}:
            put:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:dynamodb:action/PutItem"
                requestTemplates:
                  application/json: !Sub |
                    #set($root = $input.path('$'))
                    {"TableName": "${Table}", "Item": {
                      "id": {"S": "$input.params('id')"},
                      "note": {"S": "$util.escapeJavaScript($root.note)"},
                      "parts": {"L": [#foreach($part in $root.parts){"S": "$part"}#if($foreach.hasNext),#end#end]}
                    #if($root.price && $root.price > 10), "dear": {"BOOL": true}#end
                    }}
                responses:
                  default: { statusCode: "201", responseTemplates: { application/json: "#set($context.responseOverride.header.Location = \"/items/$input.params('id')\"){}" } }
            get:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:dynamodb:action/GetItem"
                requestTemplates: { application/json: !Sub '{"TableName": "${Table}", "Key": {"id": {"S": "$input.params(''id'')"}}}' }
                responses:
                  default:
                    statusCode: "200"
                    responseTemplates:
                      application/json: |
                        #set($item = $input.path('$.Item'))
                        #if($item)
                        {"id": "$item.id.S", "dear": $item.containsKey('dear'), "parts": [#foreach($p in $item.parts.L)"$p.S"#if($foreach.hasNext), #end#end], "note": $input.json('$.Item.note.S')}
                        #else
                        #set($context.responseOverride.status = 404)
                        {"missing": "$input.params('id')"}
                        #end
          /events:
            post:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:events:path//"
                requestParameters:
                  integration.request.header.X-Amz-Target: "'AWSEvents.PutEvents'"
                  integration.request.header.Content-Type: "'application/x-amz-json-1.1'"
                requestTemplates:
                  application/json: '{"Entries": [{"Source": "api", "DetailType": "made", "Detail": "$util.escapeJavaScript($input.body)"}]}'
                responses: { default: { statusCode: "200", responseTemplates: { application/json: "$input.path('$.FailedEntryCount')" } } }
          /files/{key}:
            put:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: PUT
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:s3:path/${Bucket}/{name}"
                requestParameters: { integration.request.path.name: method.request.path.key }
                responses: { default: { statusCode: "200" } }
            get:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: GET
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:s3:path/${Bucket}/{name}"
                requestParameters: { integration.request.path.name: method.request.path.key }
                responses: { default: { statusCode: "200" }, "404": { statusCode: "404", responseTemplates: { application/json: '{"none": true}' } } }
          /call:
            post:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: POST
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Front.Arn}/invocations"
                requestTemplates: { application/json: "$input.json('$.inner')" }
                responses:
                  default: { statusCode: "200" }
                  "Bad.*": { statusCode: "400", responseTemplates: { application/json: '{"why": $input.json(''$.errorMessage'')}' } }
          /broken:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: { application/json: "{\"statusCode\": $util.parseJson('{')}" }
                responses: { default: { statusCode: "200" } }
          /mock/{id}:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates:
                  application/json: |
                    #if($input.params('id') == 'x'){"statusCode": 404}#else{"statusCode": 200}#end
                responses:
                  default: { statusCode: "200", responseTemplates: { application/json: '{"id": "$input.params(''id'')", "stage": "$context.stage", "none": "$context.none"}' } }
                  "404": { statusCode: "404", responseTemplates: { application/json: '{}' } }
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: { title: web, version: "1" }
        paths:
          /send:
            post:
              x-amazon-apigateway-integration:
                type: aws_proxy
                integrationSubtype: SQS-SendMessage
                payloadFormatVersion: "1.0"
                requestParameters: { QueueUrl: !Ref Ordered, MessageBody: $request.body, MessageGroupId: $request.body.group }
  Events:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Plain
      IntegrationType: AWS_PROXY
      IntegrationSubtype: EventBridge-PutEvents
      PayloadFormatVersion: "1.0"
      RequestParameters: { Source: api, DetailType: "${request.path.kind}-made", Detail: $request.body }
  Receiving:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Plain
      IntegrationType: AWS_PROXY
      IntegrationSubtype: SQS-ReceiveMessage
      PayloadFormatVersion: "1.0"
      RequestParameters: { QueueUrl: !Ref Ordered, WaitTimeSeconds: "5", MaxNumberOfMessages: $request.querystring.most }
  Plain: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: plain, ProtocolType: HTTP } }
  Stage: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref Plain, StageName: $default, AutoDeploy: true } }
  ToEvents: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Plain, RouteKey: "POST /{kind}", Target: !Sub "integrations/${Events}" } }
  ToQueue: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Plain, RouteKey: "GET /received", Target: !Sub "integrations/${Receiving}" } }
Outputs:
  Api: { Value: !Ref Api }
  Web: { Value: !Ref Web }
  Plain: { Value: !Ref Plain }
  Queue: { Value: !Ref Queue }
  Ordered: { Value: !Ref Ordered }
  Happened: { Value: !Ref Happened }
"""


class Apis:
    def __init__(self, running, outputs):
        self.running, self.outputs = running, outputs
        self.sqs = running.client("sqs")

    def ask(self, api, method, path, body=None, **headers):
        host, port = self.running.endpoint.split("//")[1].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        name = f"{self.outputs[api]}.execute-api.localhost:{port}"
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        connection.request(method, path, body, {"Host": name, **headers})
        response = connection.getresponse()
        return response, response.read().decode()

    def received(self, queue):
        url = self.outputs[queue]
        found = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"])
        [message] = found["Messages"]
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message


@pytest.fixture(scope="module")
def apis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped")
    (folder / "template.yaml").write_text(TEMPLATE)
    with server() as running:
        deployed = json.loads(running.cli("deploy", folder, "--json").stdout)
        yield Apis(running, {output["name"]: output["value"] for output in deployed["outputs"]})


def test_forms_reach_queues(apis):
    response, body = apis.ask("Api", "POST", "/v1/form?who=me", '{"a": "b&c"}')
    assert (response.status, response.headers["x-kind"]) == (202, "application/json"), body
    message = apis.received("Queue")
    assert message["Body"] == '{"a": "b&c"}' and message["MessageId"] == json.loads(body)["id"]
    assert message["MessageAttributes"]["who"]["StringValue"] == "me"
    response, body = apis.ask("Api", "POST", "/v1/form", "x", **{"Content-Type": "text/plain"})
    assert (response.status, json.loads(body)) == (415, {"message": "Unsupported Media Type"})
    response, body = apis.ask("Api", "POST", "/v1/gone", "{}")
    assert (response.status, body) == (404, '"AWS.SimpleQueueService.NonExistentQueue"')


def test_queues_are_read_as_json(apis):
    apis.sqs.send_message(QueueUrl=apis.outputs["Queue"], MessageBody="one")
    response, body = apis.ask("Api", "GET", "/v1/receive?most=5")
    found = json.loads(body)["ReceiveMessageResponse"]["ReceiveMessageResult"]["messages"]
    assert [message["Body"] for message in found] == ["one"]
    assert found[0]["Attributes"] is None and list(found[0]) == sorted(found[0])
    response, body = apis.ask("Api", "GET", "/v1/receive")
    assert json.loads(body)["ReceiveMessageResponse"]["ReceiveMessageResult"] == {"messages": None}
    response, body = apis.ask("Api", "GET", "/v1/receive?most=50")
    assert json.loads(body)["Error"]["Type"] == "Sender"


def test_templates_write_and_read_items(apis):
    item = json.dumps({"note": 'say "it"', "parts": ["a", "b"], "price": 12})
    response, body = apis.ask("Api", "PUT", "/v1/items/7", item)
    assert (response.status, response.headers["location"]) == (201, "/items/7"), body
    response, body = apis.ask("Api", "GET", "/v1/items/7")
    assert json.loads(body) == {"id": "7", "dear": True, "parts": ["a", "b"], "note": 'say "it"'}
    response, body = apis.ask("Api", "GET", "/v1/items/8")
    assert (response.status, json.loads(body)) == (404, {"missing": "8"})


def test_events_topics_objects_and_functions_are_called(apis):
    response, body = apis.ask("Api", "POST", "/v1/events", '{"x": 1}')
    assert (response.status, body) == (200, "0")
    assert json.loads(apis.received("Happened")["Body"])["detail"] == {"x": 1}
    response, body = apis.ask("Api", "POST", "/v1/publish", '{"message": "hi"}')
    assert response.status == 200 and set(json.loads(body)) == {"PublishResponse"}, body
    assert apis.ask("Api", "PUT", "/v1/files/a%20b", "content")[0].status == 200
    assert apis.ask("Api", "GET", "/v1/files/a%20b")[1] == "content"
    response, body = apis.ask("Api", "GET", "/v1/files/none")
    assert (response.status, json.loads(body)) == (404, {"none": True})
    response, body = apis.ask("Api", "POST", "/v1/call", '{"inner": {"a": 1}}')
    assert (response.status, json.loads(body)) == (200, {"got": {"a": 1}})
    response, body = apis.ask("Api", "POST", "/v1/call", '{"inner": {"fail": "luck"}}')
    assert (response.status, json.loads(body)) == (400, {"why": "Bad: luck"})


def test_mocks_have_statements(apis):
    response, body = apis.ask("Api", "GET", "/v1/mock/7")
    assert (response.status, json.loads(body)) == (200, {"id": "7", "stage": "v1", "none": ""})
    assert apis.ask("Api", "GET", "/v1/mock/x")[0].status == 404
    response, body = apis.ask("Api", "GET", "/v1/broken")
    assert (response.status, json.loads(body)) == (500, {"message": "Internal server error"})


def test_http_apis_call_operations(apis):
    response, body = apis.ask("Web", "POST", "/send", '{"group": "g", "n": 1}')
    assert (response.status, response.headers["content-type"]) == (200, "text/xml")
    assert "<SendMessageResult>" in body
    response, body = apis.ask("Plain", "GET", "/received?most=1")
    assert response.status == 200 and "<Body>{&quot;group&quot;: &quot;g&quot;, &quot;n&quot;: 1}</Body>" in body, body
    response, body = apis.ask("Plain", "POST", "/order", '{"y": 2}')
    answer = json.loads(body)
    assert answer["FailedEntryCount"] == 0 and answer["Entries"][0]["EventId"]
    event = json.loads(apis.received("Happened")["Body"])
    assert (event["detail-type"], event["detail"]) == ("order-made", {"y": 2})


@pytest.mark.parametrize(
    "was, becomes, message",
    [
        (":sqs:path/${AWS::AccountId}/none", ":kinesis:action/PutRecord", "integrations with `kinesis` are not supported yet"),
        ("dynamodb:action/GetItem", "dynamodb:action/GetItems", "`dynamodb:action/GetItems` are not supported yet"),
        ("#else{", "#macro(x){", "the statement `#macro` is not built"),
        ("SQS-SendMessage", "Kinesis-PutRecord", "the subtype `Kinesis-PutRecord` are not supported yet"),
        ("MessageGroupId:", "MessageGroup:", "has no parameter `MessageGroup`"),
        ("MessageBody: $request.body,", "", "needs the parameter `MessageBody`"),
    ],
)
def test_what_is_not_built_is_refused_by_name(apis, tmp_path, was, becomes, message):
    assert was in TEMPLATE
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace(was, becomes))
    refused = apis.running.cli("deploy", tmp_path, "--stack", "refused", check=False)
    assert refused.returncode != 0 and message in refused.stderr, refused.stderr
    assert "template.yaml:" in refused.stderr
