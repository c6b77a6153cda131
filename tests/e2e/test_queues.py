"""Queues as boto3, the AWS command line and older clients see them."""

import hashlib
import json
import threading
import time
import urllib.parse
import uuid

import botocore
import botocore.httpsession
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import eventually, server


def name(suffix=""):
    return f"test-{uuid.uuid4().hex[:12]}{suffix}"


@pytest.fixture(scope="module")
def sqs(fulmar):
    return fulmar.client("sqs")


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName=name())["QueueUrl"]


@pytest.fixture
def fifo(sqs):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=name(".fifo"), Attributes=attributes)["QueueUrl"]


def arn(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(sqs, url, **options):
    return sqs.receive_message(QueueUrl=url, **options).get("Messages", [])


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_message_with_all_that_it_can_have(sqs, queue):
    attributes = {
        "text": {"DataType": "String.own", "StringValue": "ünï"},
        "number": {"DataType": "Number", "StringValue": "-1.5e3"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    body = "日本 <&>\r\n\t 🎉"
    sent = sqs.send_message(
        QueueUrl=queue, MessageBody=body, MessageAttributes=attributes, MessageSystemAttributes=trace, MessageGroupId="fair"
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert "MD5OfMessageAttributes" in sent and "MD5OfMessageSystemAttributes" in sent
    # boto3 checks the digests of what it receives.
    [got] = receive(sqs, queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert got["MessageId"] == sent["MessageId"]
    assert got["Body"] == body
    assert got["MessageAttributes"] == attributes
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    told = got["Attributes"]
    assert told["ApproximateReceiveCount"] == "1"
    assert told["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert told["MessageGroupId"] == "fair"
    assert abs(int(told["SentTimestamp"]) / 1000 - time.time()) < 60
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
    [again] = receive(sqs, queue, MessageAttributeNames=["*"], VisibilityTimeout=0)
    assert again["MessageAttributes"] == attributes
    [again] = receive(sqs, queue, MessageAttributeNames=["num.*"], AttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "3"}
    assert list(again["MessageAttributes"]) == ["number"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    assert receive(sqs, queue) == []


def test_a_message_may_have_a_mebibyte(sqs, queue):
    body = "x" * (1 << 20)
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    [got] = receive(sqs, queue)
    assert got["Body"] == body
    code, message = refused(sqs.send_message, QueueUrl=queue, MessageBody=body + "x")
    assert code == "InvalidParameterValue"
    assert message == "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."


def test_batches(sqs, queue):
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)]
    entries[3]["MessageBody"] = "\x01"
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [one["Id"] for one in sent["Successful"]] == [str(n) for n in range(10) if n != 3]
    [failed] = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("3", "InvalidMessageContents", True)
    got = receive(sqs, queue, MaxNumberOfMessages=10)
    assert len(got) == 9
    handles = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(got)]
    held = sqs.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{**handle, "VisibilityTimeout": 5} for handle in handles]
    )
    assert len(held["Successful"]) == 9
    handles.append({"Id": "bad", "ReceiptHandle": "nonsense"})
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert len(deleted["Successful"]) == 9
    assert [(one["Id"], one["Code"]) for one in deleted["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]
    for entries, expected in [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ]:
        assert refused(sqs.send_message_batch, QueueUrl=queue, Entries=entries)[0] == expected


def test_a_batch_that_cannot_be_ordered_is_refused_as_a_whole(sqs):
    fifo = sqs.create_queue(QueueName=name(".fifo"), Attributes={"FifoQueue": "true"})["QueueUrl"]
    good = {"Id": "a", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1"}
    for lacking, message in [
        ("MessageGroupId", "The request must contain the parameter MessageGroupId."),
        (
            "MessageDeduplicationId",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
    ]:
        bad = {key: value for key, value in good.items() if key != lacking} | {"Id": "b"}
        assert refused(sqs.send_message_batch, QueueUrl=fifo, Entries=[good, bad]) == ("InvalidParameterValue", message)
    assert receive(sqs, fifo) == []


def test_a_message_that_is_late_is_hidden_again(sqs, queue, fifo):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    [got] = receive(sqs, queue, VisibilityTimeout=0)
    hold = {"QueueUrl": queue, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 600}
    sqs.change_message_visibility(**hold)
    assert receive(sqs, queue) == []
    sqs.change_message_visibility(**hold | {"VisibilityTimeout": 0})
    assert len(receive(sqs, queue)) == 1
    # By now it is another's.
    code, message = refused(sqs.change_message_visibility, **hold)
    assert code == "InvalidParameterValue" and "not available for visibility timeout change" in message
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
    [got] = receive(sqs, fifo, VisibilityTimeout=0)
    hold = {"QueueUrl": fifo, "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 600}
    assert "has expired" in refused(sqs.change_message_visibility, **hold)[1]


def test_what_is_wrong_is_told(sqs, queue, fifo):
    gone = queue + "-gone"
    for call, arguments, code in [
        (sqs.send_message, {"QueueUrl": gone, "MessageBody": "x"}, "AWS.SimpleQueueService.NonExistentQueue"),
        (sqs.get_queue_url, {"QueueName": "gone"}, "AWS.SimpleQueueService.NonExistentQueue"),
        (sqs.get_queue_attributes, {"QueueUrl": "http://nowhere"}, "AWS.SimpleQueueService.NonExistentQueue"),
        (sqs.get_queue_attributes, {"QueueUrl": "http://nowhere/a/b/c"}, "AWS.SimpleQueueService.NonExistentQueue"),
        (sqs.send_message, {"QueueUrl": queue, "MessageBody": ""}, "MissingParameter"),
        (sqs.send_message, {"QueueUrl": queue, "MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        (sqs.send_message, {"QueueUrl": fifo, "MessageBody": "x"}, "MissingParameter"),
        (sqs.receive_message, {"QueueUrl": queue, "MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        (sqs.receive_message, {"QueueUrl": queue, "WaitTimeSeconds": 21}, "InvalidParameterValue"),
        (sqs.receive_message, {"QueueUrl": queue, "VisibilityTimeout": 43201}, "InvalidParameterValue"),
        (sqs.delete_message, {"QueueUrl": queue, "ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
        (sqs.create_queue, {"QueueName": "a b"}, "InvalidParameterValue"),
        (sqs.create_queue, {"QueueName": "x.fifo"}, "InvalidParameterValue"),
        (sqs.create_queue, {"QueueName": name(), "Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue"),
        (sqs.create_queue, {"QueueName": name(), "Attributes": {"Nothing": "1"}}, "InvalidAttributeName"),
        (
            sqs.send_message,
            {"QueueUrl": queue, "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Date", "StringValue": "x"}}},
            "InvalidParameterValue",
        ),
    ]:
        assert refused(call, **arguments)[0] == code, arguments
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.purge_queue(QueueUrl=gone)


def test_what_a_queue_cannot_become(sqs, queue, fifo):
    both = {"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
    message = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    assert refused(sqs.create_queue, QueueName=name(), Attributes=both) == ("InvalidAttributeName", message)
    assert refused(sqs.set_queue_attributes, QueueUrl=queue, Attributes=both) == ("InvalidAttributeName", message)

    def told():
        asked = ["KmsMasterKeyId", "SqsManagedSseEnabled"]
        return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=asked)["Attributes"]

    own = {"SqsManagedSseEnabled": "true"}
    for one, seen in [
        (own, own),
        ({"KmsMasterKeyId": "k"}, {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "false"}),
        (own, own),
        ({"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "false"}, {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "false"}),
    ]:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=one)
        assert told() == seen
    assert refused(sqs.set_queue_attributes, QueueUrl=fifo, Attributes={"FifoQueue": "false"}) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    )
    many = ["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"]
    many += ["GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue"]
    tags = {f"k{number}": "v" for number in range(51)}
    one, send = ["123456789012"], ["SendMessage"]
    for call, arguments, code, message in [
        (sqs.add_permission, {"AWSAccountIds": [], "Actions": []}, "MissingParameter", "The request must contain the parameter Actions."),
        (sqs.add_permission, {"AWSAccountIds": [], "Actions": send}, "InvalidParameterValue", "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."),
        (sqs.add_permission, {"AWSAccountIds": one, "Actions": many}, "OverLimit", "8 Actions were found, maximum allowed is 7."),
        (
            sqs.send_message,
            {"MessageBody": "x", "MessageAttributes": {"ErrorDetails": {"DataType": "String", "StringValue": ""}}},
            "InvalidParameterValue",
            "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
        ),
        (sqs.tag_queue, {"Tags": {}}, "MissingParameter", "The request must contain the parameter Tags."),
        (sqs.tag_queue, {"Tags": {"k" * 129: "v"}}, "InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length."),
        (sqs.tag_queue, {"Tags": tags}, "InvalidParameterValue", f"Too many tags added for queue {queue.rsplit('/', 1)[1]}."),
        (sqs.untag_queue, {"TagKeys": []}, "InvalidParameterValue", "Tag keys must be between 1 and 128 characters in length."),
    ]:
        label = {"Label": "l"} if call == sqs.add_permission else {}
        assert refused(call, QueueUrl=queue, **arguments, **label) == (code, message)
    assert refused(sqs.remove_permission, QueueUrl=queue, Label="none") == (
        "InvalidParameterValue",
        "Value none for parameter Label is invalid. Reason: can't find label.",
    )
    sqs.add_permission(QueueUrl=queue, Label="one", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    assert refused(sqs.remove_permission, QueueUrl=queue, Label="none")[1].endswith("can't find label on existing policy.")


def test_settings_of_a_queue(sqs):
    called = name()
    url = sqs.create_queue(QueueName=called, Attributes={"VisibilityTimeout": "5"}, tags={"a": "1"})["QueueUrl"]
    assert url.endswith(f"/000000000000/{called}")
    assert sqs.get_queue_url(QueueName=called)["QueueUrl"] == url
    assert sqs.create_queue(QueueName=called, Attributes={"VisibilityTimeout": "5"})["QueueUrl"] == url
    code, message = refused(sqs.create_queue, QueueName=called, Attributes={"VisibilityTimeout": "6"})
    assert code == "QueueAlreadyExists"
    assert message.endswith("a different value for attribute VisibilityTimeout")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1", "Policy": policy})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (told["VisibilityTimeout"], told["DelaySeconds"], told["Policy"]) == ("5", "1", policy)
    assert told["SqsManagedSseEnabled"] == "true"
    assert told["ApproximateNumberOfMessages"] == "0"
    sqs.add_permission(QueueUrl=url, Label="all", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    [statement] = json.loads(told["Policy"])["Statement"]
    assert statement["Action"] == "SQS:SendMessage"
    sqs.remove_permission(QueueUrl=url, Label="all")
    sqs.tag_queue(QueueUrl=url, Tags={"b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    assert url in sqs.list_queues(QueueNamePrefix=called)["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.create_queue, QueueName=called)[0] == "AWS.SimpleQueueService.QueueDeletedRecently"


def test_pages_of_queues(sqs):
    prefix = name()
    made = [sqs.create_queue(QueueName=f"{prefix}-{n}")["QueueUrl"] for n in range(5)]
    found = [
        url
        for page in sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}
        )
        for url in page.get("QueueUrls", [])
    ]
    assert found == made


def test_order_within_groups_and_repetitions(sqs, fifo):
    sent = [
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId=group)
        for group, body in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a1")]
    ]
    numbers = [one["SequenceNumber"] for one in sent]
    assert numbers[:3] == sorted(numbers[:3])
    assert (sent[3]["MessageId"], numbers[3]) == (sent[0]["MessageId"], numbers[0])
    first = receive(sqs, fifo, AttributeNames=["All"])
    assert [one["Body"] for one in first] == ["a1"]
    assert first[0]["Attributes"]["SequenceNumber"] == numbers[0]
    assert first[0]["Attributes"]["MessageGroupId"] == "a"
    assert first[0]["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"a1").hexdigest()
    assert [one["Body"] for one in receive(sqs, fifo, MaxNumberOfMessages=10)] == ["b1"]
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first[0]["ReceiptHandle"])
    assert [one["Body"] for one in receive(sqs, fifo, MaxNumberOfMessages=10)] == ["a2"]


def test_a_receive_waits_for_a_message(sqs, queue, fulmar):
    other = fulmar.client("sqs")
    timer = threading.Timer(0.5, lambda: other.send_message(QueueUrl=queue, MessageBody="late"))
    timer.start()
    began = time.monotonic()
    [got] = receive(sqs, queue, WaitTimeSeconds=20)
    assert got["Body"] == "late"
    # Told when it came, and not when the wait was over.
    assert time.monotonic() - began < 18


def test_dead_letters_and_their_way_back(sqs):
    dead = sqs.create_queue(QueueName=name())["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})
    work = sqs.create_queue(QueueName=name(), Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [work]
    sqs.send_message(QueueUrl=work, MessageBody="bad")
    [got] = receive(sqs, work, VisibilityTimeout=0)
    assert receive(sqs, work) == []
    [buried] = receive(sqs, dead, AttributeNames=["All"], VisibilityTimeout=0)
    assert buried["MessageId"] == got["MessageId"]
    assert buried["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, work)
    handle = sqs.start_message_move_task(SourceArn=arn(sqs, dead))["TaskHandle"]
    [back] = receive(sqs, work, WaitTimeSeconds=10)
    assert back["Body"] == "bad"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        [task] = sqs.list_message_move_tasks(SourceArn=arn(sqs, dead))["Results"]
        if task["Status"] == "COMPLETED":
            break
        time.sleep(0.05)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert refused(sqs.cancel_message_move_task, TaskHandle=handle)[0] == "AWS.SimpleQueueService.UnsupportedOperation"
    source = arn(sqs, dead)
    for call, arguments, status, expected in [
        (
            sqs.start_message_move_task,
            {"SourceArn": source, "DestinationArn": source},
            400,
            ("InvalidParameterValue", "Source queue arn and destination queue arn cannot be the same."),
        ),
        (
            sqs.start_message_move_task,
            {"SourceArn": source, "DestinationArn": source + "-gone"},
            404,
            ("ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist."),
        ),
        (
            sqs.start_message_move_task,
            {"SourceArn": source + "-gone", "DestinationArn": source},
            404,
            ("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."),
        ),
        (
            sqs.cancel_message_move_task,
            {"TaskHandle": "nonsense"},
            400,
            ("InvalidParameterValue", "Value for parameter TaskHandle is invalid."),
        ),
    ]:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        error = caught.value.response
        assert (error["Error"]["Code"], error["Error"]["Message"]) == expected
        assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    for n in range(3):
        sqs.send_message(QueueUrl=dead, MessageBody=str(n))
    slowly = {"SourceArn": source, "DestinationArn": arn(sqs, work), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**slowly)["TaskHandle"]
    code, message = refused(sqs.start_message_move_task, **slowly)
    assert code == "InvalidParameterValue" and message.startswith("There is already a task running.")
    sqs.cancel_message_move_task(TaskHandle=handle)
    absent = json.dumps({"deadLetterTargetArn": arn(sqs, dead) + "-gone", "maxReceiveCount": 1})
    code, message = refused(sqs.set_queue_attributes, QueueUrl=work, Attributes={"RedrivePolicy": absent})
    assert code == "InvalidParameterValue"
    assert message.endswith("Reason: Dead letter target does not exist.")


def test_a_purge_takes_everything(sqs, queue):
    for n in range(5):
        sqs.send_message(QueueUrl=queue, MessageBody=str(n))
    sqs.purge_queue(QueueUrl=queue)
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
    assert receive(sqs, queue) == []
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress) as caught:
        sqs.purge_queue(QueueUrl=queue)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def form(fulmar, url, **fields):
    """A request as older clients make it."""
    body = urllib.parse.urlencode({"Version": "2012-11-05", **fields})
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", url, headers, body)
    credentials = fulmar.environment
    keys = Credentials(credentials["AWS_ACCESS_KEY_ID"], credentials["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "sqs", "us-east-1").add_auth(request)
    prepared = request.prepare()
    return botocore.httpsession.URLLib3Session().send(prepared)


def test_the_older_protocol(fulmar, sqs):
    called = name()
    made = form(
        fulmar,
        fulmar.endpoint + "/",
        **{
            "Action": "CreateQueue",
            "QueueName": called,
            "Attribute.1.Name": "VisibilityTimeout",
            "Attribute.1.Value": "40",
            "Tag.1.Key": "a",
            "Tag.1.Value": "b",
        },
    )
    assert made.status_code == 200, made.text
    assert made.headers["content-type"] == "text/xml"
    url = f"{fulmar.endpoint}/000000000000/{called}"
    assert f"<CreateQueueResult><QueueUrl>{url}</QueueUrl></CreateQueueResult>" in made.text
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    sent = form(
        fulmar,
        url,
        **{
            "Action": "SendMessage",
            "MessageBody": "a & b\r\n",
            "MessageAttribute.1.Name": "n",
            "MessageAttribute.1.Value.DataType": "Number",
            "MessageAttribute.1.Value.StringValue": "1",
        },
    )
    assert sent.status_code == 200, sent.text
    got = form(
        fulmar,
        url,
        **{
            "Action": "ReceiveMessage",
            "MaxNumberOfMessages": "10",
            "AttributeName.1": "All",
            "MessageAttributeName.1": "All",
        },
    )
    assert "<Message><MessageId>" in got.text
    assert "<Body>a &amp; b&#xD;\n</Body>" in got.text
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in got.text
    assert "<MessageAttribute><Name>n</Name><Value>" in got.text and "<DataType>Number</DataType>" in got.text
    told = form(fulmar, url, **{"Action": "GetQueueAttributes", "AttributeName.1": "VisibilityTimeout"})
    assert "<Attribute><Name>VisibilityTimeout</Name><Value>40</Value></Attribute>" in told.text
    batch = form(
        fulmar,
        url,
        **{
            "Action": "SendMessageBatch",
            "SendMessageBatchRequestEntry.1.Id": "one",
            "SendMessageBatchRequestEntry.1.MessageBody": "x",
            "SendMessageBatchRequestEntry.2.Id": "two",
            "SendMessageBatchRequestEntry.2.MessageBody": "y",
            "SendMessageBatchRequestEntry.2.DelaySeconds": "901",
        },
    )
    assert "<SendMessageBatchResultEntry>" in batch.text and "<Id>one</Id>" in batch.text
    assert "<BatchResultErrorEntry><Id>two</Id>" in batch.text
    gone = form(fulmar, url + "-gone", Action="SendMessage", MessageBody="x")
    assert gone.status_code == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in gone.text
    assert "The specified queue does not exist for this wsdl version." in gone.text


def test_the_command_line(fulmar):
    def aws(*arguments):
        # Its first version goes to the cloud's oldest endpoint of queues, whatever the environment says.
        said = fulmar.aws("--endpoint-url", fulmar.endpoint, "sqs", *arguments).stdout
        return json.loads(said) if said.strip() else {}

    url = aws("create-queue", "--queue-name", name())["QueueUrl"]
    aws("send-message", "--queue-url", url, "--message-body", "hello")
    [got] = aws("receive-message", "--queue-url", url)["Messages"]
    assert got["Body"] == "hello"
    aws("delete-message", "--queue-url", url, "--receipt-handle", got["ReceiptHandle"])


@pytest.fixture
def own_fulmar():
    with server() as running:
        yield running


def test_nothing_told_is_lost_when_the_server_is_killed(own_fulmar):
    server = own_fulmar
    url = server.client("sqs").create_queue(QueueName="crash", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    sent, deleting, deleted, lock = set(), set(), set(), threading.Lock()
    stop = threading.Event()

    def produce(worker):
        client = server.client("sqs")
        for n in range(10_000):
            if stop.is_set():
                return
            body = f"{worker}-{n}"
            try:
                client.send_message(QueueUrl=url, MessageBody=body)
            except Exception:
                return
            with lock:
                sent.add(body)

    def consume():
        client = server.client("sqs")
        while not stop.is_set():
            try:
                for got in receive(client, url, MaxNumberOfMessages=5):
                    deleting.add(got["Body"])
                    client.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
                    with lock:
                        deleted.add(got["Body"])
            except Exception:
                return

    workers = [threading.Thread(target=produce, args=(n,)) for n in range(4)] + [threading.Thread(target=consume)]
    for worker in workers:
        worker.start()
    eventually(lambda: len(sent) > 300 and len(deleted) > 20, timeout=60, every=0.01)
    server.kill()
    stop.set()
    for worker in workers:
        worker.join()
    server.restart()
    client = server.client("sqs")
    left = set()
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def emptied():
        for got in receive(client, url, MaxNumberOfMessages=10, WaitTimeSeconds=2):
            left.add(got["Body"])
            client.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
        told = client.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
        return set(told.values()) == {"0"}

    eventually(emptied, timeout=180, every=0)
    # The one whose deletion was asked for and not answered may be either way.
    assert len(deleting - deleted) <= 1
    assert sent - deleting <= left
    assert not deleted & left, "what was deleted has come back"


def test_groups_keep_their_order_and_repeat_nothing_when_the_server_is_killed(own_fulmar):
    server = own_fulmar
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "10"}
    url = server.client("sqs").create_queue(QueueName="crash.fifo", Attributes=attributes)["QueueUrl"]
    killed, done = threading.Event(), threading.Event()
    most, groups = 60, ["a", "b", "c"]
    sent, seen, unsure = dict.fromkeys(groups, 0), {group: [] for group in groups}, set()

    own = threading.local()

    def until_it_works(call, **arguments):
        while True:
            own.client = getattr(own, "client", None) or server.client("sqs")
            try:
                return call(own.client, **arguments)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                assert killed.is_set(), "only a crash may break a call"
                time.sleep(0.05)

    def produce(group):
        for n in range(most):
            # What was sent twice, for nobody had said that it was taken, counts once.
            until_it_works(
                lambda client, **message: client.send_message(QueueUrl=url, **message),
                MessageBody=str(n),
                MessageGroupId=group,
                MessageDeduplicationId=f"{group}-{n}",
            )
            sent[group] = n + 1

    def consume():
        while not done.is_set():
            how = dict(QueueUrl=url, MaxNumberOfMessages=3, WaitTimeSeconds=1, AttributeNames=["MessageGroupId"])
            for got in until_it_works(lambda client: client.receive_message(**how)).get("Messages", []):
                place = (got["Attributes"]["MessageGroupId"], int(got["Body"]))
                try:
                    own.client.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    assert killed.is_set(), "only a crash may break a call"
                    unsure.add(place)
                    break
                seen[place[0]].append(place[1])

    producers = [threading.Thread(target=produce, args=(group,)) for group in groups]
    consumer = threading.Thread(target=consume)
    for worker in [*producers, consumer]:
        worker.start()
    while sum(sent.values()) < 30:
        time.sleep(0.01)
    killed.set()
    server.kill()
    server.restart()
    for producer in producers:
        producer.join()
    deadline = time.monotonic() + 180
    whole = lambda group: set(range(most)) <= {*seen[group], *(n for of, n in unsure if of == group)}
    while not all(whole(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    done.set()
    consumer.join()
    for group in groups:
        # One whose deletion nobody answered may be gone, or have come once more.
        assert seen[group] == sorted(set(seen[group])), group
        missing = set(range(most)) - set(seen[group])
        assert missing <= {n for of, n in unsure if of == group} and len(missing) <= 1
