"""Topics as boto3 and the AWS SDK for JavaScript see them, and what their subscribers get."""

import base64
import json
import re
import threading
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError
from conftest import Gate, eventually, server
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from test_lambda import ROLE, package

PRINTS = """
exports.handler = async (event) => { console.log("GOT " + JSON.stringify(event)); return { seen: event.Records ? event.Records.length : null }; };
"""
FAILS = "exports.handler = async () => { throw new RangeError('no'); };"


def name(suffix=""):
    return f"test-{uuid.uuid4().hex[:12]}{suffix}"


@pytest.fixture(scope="module")
def sns(fulmar):
    return fulmar.client("sns")


@pytest.fixture
def topic(sns):
    return sns.create_topic(Name=name())["TopicArn"]


def failure(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class Listener:
    """Somebody's server, which remembers what is posted to it."""

    def __init__(self):
        self.posted, self.statuses = [], []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                listener.posted.append((dict(self.headers.items()), body))
                self.send_response(listener.statuses.pop(0) if listener.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def messages(self, kind):
        lower = [({key.lower(): value for key, value in headers.items()}, body) for headers, body in self.posted]
        return [(headers, body) for headers, body in lower if headers["x-amz-sns-message-type"] == kind]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


def verify(message):
    """As the documentation says that it is to be done, with a library that is not ours."""
    with urllib.request.urlopen(message["SigningCertURL"]) as answer:
        certificate = x509.load_pem_x509_certificate(answer.read())
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    if message["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{key}\n{message[key]}\n" for key in names if key in message)
    digest = {"1": hashes.SHA1(), "2": hashes.SHA256()}[message["SignatureVersion"]]
    certificate.public_key().verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), digest)


def confirm(listener):
    headers, body = eventually(lambda: listener.messages("SubscriptionConfirmation"))[0]
    message = json.loads(body)
    verify(message)
    with urllib.request.urlopen(message["SubscribeURL"]) as answer:
        return headers, message, re.search("<SubscriptionArn>(.*)</SubscriptionArn>", answer.read().decode())[1]


def lines(fulmar, function):
    return [
        json.loads(line["text"].split("GOT ", 1)[1])
        for line in map(json.loads, fulmar.cli("logs", function, "--json").stdout.splitlines())
        if "GOT " in line.get("text", "")
    ]


@pytest.fixture
def function(lambda_):
    made = name()
    lambda_.create_function(FunctionName=made, Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Timeout=60, Code={"ZipFile": package(index_js=PRINTS)})
    return made, lambda_.get_function(FunctionName=made)["Configuration"]["FunctionArn"]


def test_topics_and_their_attributes(sns):
    made = name()
    arn = sns.create_topic(Name=made, Attributes={"DisplayName": "shown"}, Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:000000000000:{made}"
    assert sns.create_topic(Name=made)["TopicArn"] == arn
    assert failure(sns.create_topic, Name=made, Attributes={"DisplayName": "other"}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
    )
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "shown" and attributes["Owner"] == "000000000000"
    assert json.loads(attributes["Policy"])["Statement"][0]["Resource"] == arn
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="changed")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "changed"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    sns.add_permission(TopicArn=arn, Label="them", AWSAccountId=["111111111111"], ActionName=["Publish"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert [one["Sid"] for one in policy["Statement"]] == ["__default_statement_ID", "them"]
    sns.remove_permission(TopicArn=arn, Label="them")
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert [one["Sid"] for one in policy["Statement"]] == ["__default_statement_ID"]
    listed = [one["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for one in page["Topics"]]
    assert arn in listed
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert failure(sns.get_topic_attributes, TopicArn=arn) == ("NotFound", "Topic does not exist")
    assert failure(sns.publish, TopicArn=arn, Message="x") == ("NotFound", "Topic does not exist")


def test_bad_input_gets_the_clouds_own_errors(sns, topic):
    def says(text, call, **parameters):
        code, message = failure(call, **parameters)
        assert text in message, message
        return code

    assert says("Topic Name", sns.create_topic, Name="a b") == "InvalidParameter"
    assert says("Fifo Topic names must end with .fifo", sns.create_topic, Name="a", Attributes={"FifoTopic": "true"})
    says("Empty message", sns.publish, TopicArn=topic, Message="")
    says("Message too long", sns.publish, TopicArn=topic, Message="x" * (256 * 1024 + 1))
    says("Invalid parameter: Subject", sns.publish, TopicArn=topic, Message="x", Subject="a\nb")
    says("No default entry", sns.publish, TopicArn=topic, Message="{}", MessageStructure="json")
    says("failed to parse", sns.publish, TopicArn=topic, Message="x", MessageStructure="json")
    says("MessageDeduplicationId", sns.publish, TopicArn=topic, Message="x", MessageDeduplicationId="1")
    says("no value for required parameter", sns.publish, Message="x")
    short = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    says(short, sns.publish, TopicArn="foo", Message="x")
    assert says(short, sns.get_topic_attributes, TopicArn="foo") == "InvalidParameter"
    assert failure(sns.confirm_subscription, TopicArn=topic + "-gone", Token="1" * 64) == ("InvalidParameter", "Invalid parameter: Token")
    says("invalid message attribute type", sns.publish, TopicArn=topic, Message="x", MessageAttributes={"a": {"DataType": "Odd", "StringValue": "x"}})
    says("Could not cast", sns.publish, TopicArn=topic, Message="x", MessageAttributes={"a": {"DataType": "Number", "StringValue": "x"}})
    says("does not support this protocol", sns.subscribe, TopicArn=topic, Protocol="pigeon", Endpoint="x")
    says("must match the specified protocol", sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="http://x")
    says("Lambda endpoint ARN", sns.subscribe, TopicArn=topic, Protocol="lambda", Endpoint="f")
    says("does not support raw", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@b", Attributes={"RawMessageDelivery": "true"})
    subscribe = {"TopicArn": topic, "Protocol": "sms", "Endpoint": "+15550100"}
    says("more than 5 keys", sns.subscribe, **subscribe, Attributes={"FilterPolicy": json.dumps({str(n): ["x"] for n in range(6)})})
    says("too complex", sns.subscribe, **subscribe, Attributes={"FilterPolicy": json.dumps({"a": list(range(13)), "b": list(range(13))})})
    nested = "Invalid parameter: Attributes Reason: Filter policy scope MessageAttributes does not support nested filter policy"
    says(nested, sns.subscribe, **subscribe, Attributes={"FilterPolicy": '{"a": {"b": ["c"]}}'})
    says("Unrecognized match type", sns.subscribe, **subscribe, Attributes={"FilterPolicy": '{"a": [{"odd": 1}]}'})
    says("AttributeName", sns.subscribe, **subscribe, Attributes={"Odd": "1"})
    subscription = sns.subscribe(**subscribe)["SubscriptionArn"]
    # What is wrong is said to be one of the attributes only where there may be several.
    for attribute, value, why in [
        ("FilterPolicy", '{"a": [{"odd": 1}]}', "FilterPolicy: Unrecognized match type odd"),
        ("FilterPolicy", '{"a": "x"}', 'FilterPolicy: "a" must be an object or an array'),
        ("FilterPolicyScope", "x", "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes"),
        ("RawMessageDelivery", "x", "RawMessageDelivery: Invalid value [x]. Must be true or false."),
        ("RedrivePolicy", "x", "RedrivePolicy: failed to parse JSON."),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}', "RedrivePolicy: must use a standard queue as DLQ"),
    ]:
        says("Invalid parameter: Attributes Reason: " + why, sns.subscribe, TopicArn=topic, Protocol="sms", Endpoint="+15550101", Attributes={attribute: value})
        change = {"SubscriptionArn": subscription, "AttributeName": attribute, "AttributeValue": value}
        says("Invalid parameter: " + why, sns.set_subscription_attributes, **change)
    ordered = sns.create_topic(Name=name(".fifo"), Attributes={"FifoTopic": "true"})["TopicArn"]
    place = {"TopicArn": ordered, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:q.fifo"}
    standard = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}'
    says("must use a FIFO queue as DLQ", sns.subscribe, **place, Attributes={"RedrivePolicy": standard})
    for call, parameters in [
        (sns.set_topic_attributes, {"TopicArn": topic, "AttributeName": "ArchivePolicy", "AttributeValue": '{"MessageRetentionPeriod": "30"}'}),
        (sns.put_data_protection_policy, {"ResourceArn": topic, "DataProtectionPolicy": "{}"}),
        (sns.opt_in_phone_number, {"phoneNumber": "+15550100"}),
        (sns.subscribe, {"TopicArn": topic, "Protocol": "firehose", "Endpoint": "x"}),
    ]:
        code, message = failure(call, **parameters)
        assert code == "NotImplementedException" and "Fulmar does not implement" in message, message


def test_a_function_gets_what_is_published(sns, topic, function, fulmar):
    made, arn = function
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    assert subscription.startswith(topic + ":")
    published = sns.publish(
        TopicArn=topic, Message="hello", Subject="greeting",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "x"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            "list": {"DataType": "String.Array", "StringValue": '["a"]'},
        },
    )
    event = eventually(lambda: lines(fulmar, made))[0]
    record = event["Records"][0]
    assert (record["EventSource"], record["EventVersion"], record["EventSubscriptionArn"]) == ("aws:sns", "1.0", subscription)
    told = record["Sns"]
    assert told["MessageId"] == published["MessageId"] and told["TopicArn"] == topic
    assert (told["Type"], told["Subject"], told["Message"]) == ("Notification", "greeting", "hello")
    assert told["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "x"},
        "bytes": {"Type": "Binary", "Value": "AP8="},
        # Functions know no lists.
        "list": {"Type": "String", "Value": '["a"]'},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["Timestamp"])
    verify({**told, "SigningCertURL": told["SigningCertUrl"]})
    # Whoever has subscribed already is told so again, unless he wants it otherwise.
    assert sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"] == subscription
    code, message = failure(sns.subscribe, TopicArn=topic, Protocol="lambda", Endpoint=arn, Attributes={"FilterPolicy": '{"a": ["b"]}'})
    assert "already exists with different attributes" in message
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed == [{"SubscriptionArn": subscription, "Owner": "000000000000", "Protocol": "lambda", "Endpoint": arn, "TopicArn": topic}]
    assert listed[0] in sns.list_subscriptions()["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert failure(sns.get_subscription_attributes, SubscriptionArn=subscription) == ("NotFound", "Subscription does not exist")


def test_filters_decide_who_gets_what(sns, topic, listener):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    _, _, subscription = confirm(listener)
    policy = {"shop": ["a", {"prefix": "b"}], "price": [{"numeric": [">=", 100]}]}
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=json.dumps(policy))

    def publish(body, **attributes):
        kinds = {str: "String", int: "Number", list: "String.Array"}
        given = {
            key: {"DataType": kinds[type(value)], "StringValue": json.dumps(value) if isinstance(value, list) else str(value)}
            for key, value in attributes.items()
        }
        sns.publish(TopicArn=topic, Message=body, MessageAttributes=given)

    publish("1", shop="a", price=100)
    publish("2", shop="a", price=99)
    publish("3", shop="c", price=100)
    publish("4", shop=["x", "bx"], price=100)
    publish("5", price=100)
    bodies = lambda: [json.loads(body)["Message"] for _, body in listener.messages("Notification")]
    eventually(lambda: len(bodies()) == 2)
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"state": ["done"]}')
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    sns.publish(TopicArn=topic, Message='{"state": "begun"}')
    sns.publish(TopicArn=topic, Message="no JSON")
    sns.publish(TopicArn=topic, Message='{"state": "done"}')
    eventually(lambda: len(bodies()) == 3)
    assert sorted(bodies()) == ["1", "4", '{"state": "done"}']
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (attributes["FilterPolicy"], attributes["FilterPolicyScope"]) == ('{"state": ["done"]}', "MessageBody")


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_address_is_asked_and_gets_signed_messages(sns, listener, version):
    topic = sns.create_topic(Name=name(), Attributes={"SignatureVersion": version})["TopicArn"]
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)["SubscriptionArn"] == "pending confirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsPending"] == "1"
    sns.publish(TopicArn=topic, Message="too early")
    headers, message, subscription = confirm(listener)
    assert headers["x-amz-sns-topic-arn"] == topic and message["SignatureVersion"] == version
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]) == ("false", "false")
    id = sns.publish(TopicArn=topic, Message="hellö\n\"", Subject="greeting")["MessageId"]
    headers, body = eventually(lambda: listener.messages("Notification"))[0]
    told = json.loads(body)
    assert told["Message"] == "hellö\n\"" and told["MessageId"] == id == headers["x-amz-sns-message-id"]
    assert headers["x-amz-sns-subscription-arn"] == subscription
    assert headers["content-type"] == "text/plain; charset=UTF-8" and "Simple Notification" in headers["user-agent"]
    verify(told)
    with pytest.raises(Exception):
        verify({**told, "Message": "another"})
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="bare")
    headers, body = eventually(lambda: listener.messages("Notification")[1:])[0]
    assert (body, headers["x-amz-sns-rawdelivery"]) == ("bare", "true")
    # The link in the notice ends it.
    urllib.request.urlopen(told["UnsubscribeURL"]).read()
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(message["SubscribeURL"])


def test_confirmed_by_its_owner_it_is_ended_by_him(sns, topic, listener):
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)
    _, body = eventually(lambda: listener.messages("SubscriptionConfirmation"))[0]
    token = json.loads(body)["Token"]
    assert failure(sns.confirm_subscription, TopicArn=topic, Token="0" * 128)[1] == "Invalid parameter: Token"
    sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")
    sns.publish(TopicArn=topic, Message="x")
    told = json.loads(eventually(lambda: listener.messages("Notification"))[0][1])
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(told["UnsubscribeURL"])
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1


def test_posting_is_tried_again(sns, topic, listener, fulmar):
    policy = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2}}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url, Attributes={"DeliveryPolicy": json.dumps(policy)})
    confirm(listener)
    listener.statuses = [503, 500, 200]
    sns.publish(TopicArn=topic, Message="again")
    eventually(lambda: len(listener.messages("Notification")) == 3)
    # An error of the client's is none that passes. All that would be due within the hour has been done after it.
    listener.statuses = [404]
    sns.publish(TopicArn=topic, Message="once")
    told = lambda: sum('"once"' in body for _, body in listener.messages("Notification"))
    eventually(lambda: told() == 1)
    fulmar.cli("clock", "advance", "1h")
    assert told() == 1


def outbox(fulmar):
    return json.loads(fulmar.cli("outbox", "--json").stdout)["sent"]


def test_mail_and_texts_are_in_the_outbox(sns, fulmar):
    topic = sns.create_topic(Name=name(), Attributes={"DisplayName": "Shop"})["TopicArn"]
    for protocol, endpoint in [("email", "a@example.com"), ("email-json", "b@example.com"), ("sms", "+15550100")]:
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    asked = [sent for sent in outbox(fulmar) if sent["kind"] == "mail" and topic in sent["body"]]
    assert {sent["to"] for sent in asked} == {"a@example.com", "b@example.com"}
    for sent in asked:
        link = re.search(r'http://\S+?(?=["\s])', sent["body"] + " ")[0]
        urllib.request.urlopen(link).read()
    sns.publish(TopicArn=topic, Message=json.dumps({"default": "all", "email": "mailed", "sms": "texted"}), MessageStructure="json", Subject="News")
    told = lambda: {one["to"]: one for one in outbox(fulmar) if one["subject"] == "News" or one["to"] == "+15550100"}
    sent = eventually(lambda: (found := told()) and len(found) == 3 and found)
    assert sent["a@example.com"]["body"].startswith("mailed\n") and "Action=Unsubscribe" in sent["a@example.com"]["body"]
    assert json.loads(sent["b@example.com"]["body"])["Message"] == "all"
    assert sent["+15550100"]["body"] == "Shop> texted" and sent["+15550100"]["kind"] == "text"
    sns.set_sms_attributes(attributes={"DefaultSenderID": "Me"})
    id = sns.publish(PhoneNumber="+15550199", Message="direct")["MessageId"]
    assert outbox(fulmar)[0] | {"at": None} == {
        "id": id, "at": None, "kind": "text", "to": "+15550199", "subject": None, "from": "Me", "body": "direct",
        "platform": None, "app": None, "token": None,
    }
    assert "direct" in fulmar.cli("outbox").stdout


def test_notices_to_devices_are_in_the_outbox(sns, fulmar, topic):
    app = sns.create_platform_application(Name=name(), Platform="GCM", Attributes={"PlatformCredential": "secret"})["PlatformApplicationArn"]
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="token", CustomUserData="me")["EndpointArn"]
    assert sns.create_platform_endpoint(PlatformApplicationArn=app, Token="token")["EndpointArn"] == endpoint
    assert sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"] == {"Enabled": "true", "Token": "token", "CustomUserData": "me"}
    assert "PlatformCredential" not in sns.get_platform_application_attributes(PlatformApplicationArn=app)["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=endpoint)
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps({"default": "all", "GCM": '{"notification": {}}'}))
    sent = eventually(lambda: [one for one in outbox(fulmar) if one["kind"] == "notice"])[0]
    assert (sent["platform"], sent["token"], sent["body"]) == ("GCM", "token", '{"notification": {}}')
    sns.publish(TargetArn=endpoint, Message="direct")
    assert outbox(fulmar)[0]["body"] == "direct"
    sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})
    assert failure(sns.publish, TargetArn=endpoint, Message="x") == ("EndpointDisabled", "Endpoint is disabled")
    assert [one["EndpointArn"] for one in sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"]] == [endpoint]
    sns.delete_endpoint(EndpointArn=endpoint)
    assert failure(sns.get_endpoint_attributes, EndpointArn=endpoint) == ("NotFound", "Endpoint does not exist")
    sns.delete_platform_application(PlatformApplicationArn=app)
    assert app not in [one["PlatformApplicationArn"] for one in sns.list_platform_applications()["PlatformApplications"]]


def test_numbers_are_proven(sns, fulmar):
    sns.create_sms_sandbox_phone_number(PhoneNumber="+15550123")
    code = re.search(r"\d{6}", outbox(fulmar)[0]["body"])[0]
    assert failure(sns.verify_sms_sandbox_phone_number, PhoneNumber="+15550123", OneTimePassword="000000" if code != "000000" else "111111")
    sns.verify_sms_sandbox_phone_number(PhoneNumber="+15550123", OneTimePassword=code)
    assert {"PhoneNumber": "+15550123", "Status": "Verified"} in sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"]
    sns.delete_sms_sandbox_phone_number(PhoneNumber="+15550123")
    assert sns.get_sms_sandbox_account_status()["IsInSandbox"] is False


def test_batches_fail_as_a_whole(sns, topic, function, fulmar):
    made, arn = function
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    ordered = sns.create_topic(Name=name(".fifo"), Attributes={"FifoTopic": "true"})["TopicArn"]
    odd = {"a": {"DataType": "Odd", "StringValue": "x"}}
    for of, bad, expected in [
        (topic, {"Subject": "a\nb"}, ("InvalidParameter", "Invalid parameter: Subject")),
        (
            topic,
            {"MessageStructure": "json", "Message": "{}"},
            ("InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"),
        ),
        (topic, {"MessageAttributes": odd}, ("ParameterValueInvalid", None)),
        (ordered, {"MessageDeduplicationId": "1"}, ("InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")),
        (
            ordered,
            {"MessageGroupId": "g"},
            (
                "InvalidParameter",
                "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ),
        ),
    ]:
        good = {"MessageGroupId": "g", "MessageDeduplicationId": "2"} if of == ordered else {}
        entries = [{"Id": "a", "Message": "never", **good}, {"Id": "b", "Message": "x", **bad}]
        code, message = failure(sns.publish_batch, TopicArn=of, PublishBatchRequestEntries=entries)
        assert (code, message) == (expected[0], expected[1] or message)
    entries = [{"Id": one, "Message": one} for one in "ac"]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["a", "c"]
    assert answer["Failed"] == []
    got = eventually(lambda: [one for one in [lines(fulmar, made)] if len(one) == 2])[0]
    assert sorted(one["Records"][0]["Sns"]["Message"] for one in got) == ["a", "c"]
    entries = [{"Id": str(n), "Message": "x"} for n in range(11)]
    assert failure(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == "TooManyEntriesInBatchRequest"
    assert failure(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries[:1] * 2)[0] == "BatchEntryIdsNotDistinct"
    long = [{"Id": str(n), "Message": "x" * 200_000} for n in range(2)]
    assert failure(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=long)[0] == "BatchRequestTooLong"


def test_how_calls_ended_is_told(sns, lambda_, function, fulmar, topic):
    _, watcher = function
    told = sns.create_topic(Name=name())["TopicArn"]
    sns.subscribe(TopicArn=told, Protocol="lambda", Endpoint=watcher)
    made = {}
    for kind, code in [("good", PRINTS), ("bad", FAILS)]:
        made[kind] = name()
        lambda_.create_function(
            FunctionName=made[kind], Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Timeout=60, Code={"ZipFile": package(index_js=code)},
            DeadLetterConfig={"TargetArn": told},
        )
        lambda_.put_function_event_invoke_config(
            FunctionName=made[kind], MaximumRetryAttempts=0, DestinationConfig={"OnSuccess": {"Destination": told}, "OnFailure": {"Destination": watcher}},
        )
    assert lambda_.get_function_configuration(FunctionName=made["bad"])["DeadLetterConfig"] == {"TargetArn": told}
    config = lambda_.get_function_event_invoke_config(FunctionName=made["bad"])["DestinationConfig"]
    assert config == {"OnSuccess": {"Destination": told}, "OnFailure": {"Destination": watcher}}
    lambda_.invoke(FunctionName=made["good"], InvocationType="Event", Payload='{"n": 1}')
    lambda_.invoke(FunctionName=made["bad"], InvocationType="Event", Payload='{"n": 2}')
    watched = watcher.rsplit(":", 1)[1]
    got = eventually(lambda: [one for one in [lines(fulmar, watched)] if len(one) == 3])[0]
    direct = [one for one in got if "Records" not in one]
    assert len(direct) == 1
    failed = direct[0]
    assert failed["version"] == "1.0" and failed["requestPayload"] == {"n": 2}
    assert failed["requestContext"]["condition"] == "RetriesExhausted" and failed["requestContext"]["approximateInvokeCount"] == 1
    assert failed["requestContext"]["functionArn"].endswith(f":function:{made['bad']}:$LATEST")
    assert failed["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert failed["responsePayload"]["errorType"] == "RangeError"
    published = [one["Records"][0]["Sns"] for one in got if "Records" in one]
    letter = next(one for one in published if one["MessageAttributes"])
    assert json.loads(letter["Message"]) == {"n": 2}
    assert letter["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}
    assert letter["MessageAttributes"]["ErrorMessage"] == {"Type": "String", "Value": "no"}
    success = json.loads(next(one for one in published if not one["MessageAttributes"])["Message"])
    assert success["requestContext"]["condition"] == "Success" and success["responsePayload"] == {"seen": None}
    code, message = failure(
        lambda_.put_function_event_invoke_config, FunctionName=made["bad"],
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sns:us-east-1:000000000000:nowhere"}},
    )
    assert code == "InvalidParameterValueException" and "is invalid" in message


PUBLISHES = """
import json, os, boto3
sns = boto3.client("sns")
def handler(event, context):
    print("GOT " + json.dumps({"trace": os.environ.get("_X_AMZN_TRACE_ID")}))
    sns.publish(TopicArn=os.environ["TOPIC"], Message="round")
"""


def test_a_loop_by_way_of_a_topic_is_cut(sns, lambda_, topic, fulmar):
    made = name()
    lambda_.create_function(
        FunctionName=made, Runtime="python3.12", Handler="index.handler", Role=ROLE, Code={"ZipFile": package(index_py=PUBLISHES)},
        Environment={"Variables": {"TOPIC": topic}}, Timeout=60,
    )
    arn = lambda_.get_function(FunctionName=made)["Configuration"]["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="begin")
    ran = lambda: json.loads(fulmar.cli("invocations", made, "--json").stdout)["invocations"]
    eventually(lambda: [one for one in ran() if one["settlement"] == "looping"], timeout=300)
    assert sum(one["outcome"] == "ok" for one in ran()) in (16, 17)


TELLS = """
exports.handler = async (event) => { await fetch(`${process.env.TOLD}/${event.Records[0].Sns.Message}`); };
"""


def test_nothing_acknowledged_is_lost_in_a_crash():
    # Logs are written behind the calls, so a kill may lose what a function printed of a call that it has answered.
    told = Gate(holds=False)
    with server() as fulmar:
        sns, lambda_ = fulmar.client("sns"), fulmar.client("lambda")
        made = name()
        # Whatever waits after the crash starts an instance of its own, all at once.
        lambda_.create_function(FunctionName=made, Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Timeout=300,
                                Environment={"Variables": {"TOLD": told.url}}, Code={"ZipFile": package(index_js=TELLS)})
        arn = lambda_.get_function(FunctionName=made)["Configuration"]["FunctionArn"]
        topic = sns.create_topic(Name=name())["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
        acknowledged, stop = [], threading.Event()

        def publish(worker):
            client = fulmar.client("sns")
            for number in range(1_000):
                if stop.is_set():
                    return
                try:
                    client.publish(TopicArn=topic, Message=f"{worker}-{number}")
                    acknowledged.append(f"{worker}-{number}")
                except Exception:
                    return

        workers = [threading.Thread(target=publish, args=(worker,)) for worker in range(4)]
        [worker.start() for worker in workers]
        eventually(lambda: len(acknowledged) > 20, every=0.01)
        fulmar.kill()
        stop.set()
        [worker.join() for worker in workers]
        fulmar.restart()
        eventually(lambda: all(told.came(message) for message in acknowledged), timeout=300, every=0.5)
    told.close()
