// Topics, buses and schedules with the AWS SDK for JavaScript v3. What they send arrives in queues.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand, ResourceNotFoundException, TestEventPatternCommand, DescribeRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  ConflictException,
  CreateScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import {
  CreateTopicCommand,
  NotFoundException,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SNSClient,
  SubscribeCommand,
  paginateListSubscriptionsByTopic,
} from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const queues = new SQSClient({});

async function queue(name) {
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await queues.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  return { url: QueueUrl, arn: Attributes.QueueArn };
}

/** As many messages as are expected, in the order of their bodies. */
async function received({ url }, count = 1) {
  const got = [];
  while (got.length < count) {
    const { Messages } = await queues.send(
      new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
    );
    assert.ok(Messages, `${got.length} of ${count} messages came`);
    got.push(...Messages);
  }
  return got.sort((a, b) => (a.Body < b.Body ? -1 : 1));
}

test("topics", async () => {
  const topics = new SNSClient({});
  const [all, some] = [await queue("topic-v3"), await queue("topic-v3-some")];
  const { TopicArn } = await topics.send(new CreateTopicCommand({ Name: "from-v3", Tags: [{ Key: "a", Value: "b" }] }));
  await topics.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: all.arn }));
  const { SubscriptionArn } = await topics.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: some.arn, Attributes: { RawMessageDelivery: "true" }, ReturnSubscriptionArn: true }),
  );
  const filter = { AttributeName: "FilterPolicy", AttributeValue: JSON.stringify({ n: [{ numeric: [">", 1] }] }) };
  await topics.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, ...filter }));
  const n = (value) => ({ n: { DataType: "Number", StringValue: value } });
  const { MessageId } = await topics.send(new PublishCommand({ TopicArn, Message: "a & <b>", Subject: "S", MessageAttributes: n("1") }));
  const batch = await topics.send(
    new PublishBatchCommand({
      TopicArn,
      PublishBatchRequestEntries: [{ Id: "1", Message: "two", MessageAttributes: n("2") }],
    }),
  );
  assert.deepEqual(batch.Successful.map(({ Id }) => Id), ["1"]);
  const broken = [{ Id: "1", Message: "never" }, { Id: "2", Message: "" }];
  await assert.rejects(
    topics.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: broken })),
    { name: "InvalidParameterException", message: "Invalid parameter: Empty message" },
  );
  const envelopes = (await received(all, 2)).map(({ Body }) => JSON.parse(Body));
  const first = envelopes.find((envelope) => envelope.MessageId === MessageId);
  assert.deepEqual([first.Message, first.Subject, first.TopicArn], ["a & <b>", "S", TopicArn]);
  const [raw] = await received(some);
  assert.deepEqual([raw.Body, raw.MessageAttributes.n.StringValue], ["two", "2"]);
  const listed = [];
  for await (const page of paginateListSubscriptionsByTopic({ client: topics }, { TopicArn })) listed.push(...page.Subscriptions);
  assert.deepEqual(new Set(listed.map(({ Endpoint }) => Endpoint)), new Set([all.arn, some.arn]));
  await assert.rejects(topics.send(new PublishCommand({ TopicArn: `${TopicArn}-none`, Message: "m" })), NotFoundException);
});

test("buses", async () => {
  const events = new EventBridgeClient({});
  const there = await queue("bus-v3");
  const pattern = JSON.stringify({ source: ["from-v3"], detail: { n: [{ numeric: [">=", 5, "<", 10] }] } });
  await events.send(new PutRuleCommand({ Name: "from-v3", EventPattern: pattern }));
  const transformer = { InputPathsMap: { n: "$.detail.n" }, InputTemplate: '{"number": <n>}' };
  const put = await events.send(
    new PutTargetsCommand({ Rule: "from-v3", Targets: [{ Id: "1", Arn: there.arn, InputTransformer: transformer }] }),
  );
  assert.equal(put.FailedEntryCount, 0);
  const event = (n) => ({ Source: "from-v3", DetailType: "counted", Detail: JSON.stringify({ n }), Time: new Date() });
  const { Entries, FailedEntryCount } = await events.send(
    new PutEventsCommand({ Entries: [event(4), event(5), { Source: "from-v3", DetailType: "none", Detail: "no JSON" }] }),
  );
  assert.equal(FailedEntryCount, 1);
  assert.equal(Entries[2].ErrorCode, "MalformedDetail");
  const [{ Body }] = await received(there);
  assert.deepEqual(JSON.parse(Body), { number: 5 });
  const whole = { id: "1", "detail-type": "d", source: "from-v3", account: "0", time: "2026-01-01T00:00:00Z", region: "r", resources: [], detail: { n: 7 } };
  const { Result } = await events.send(new TestEventPatternCommand({ EventPattern: pattern, Event: JSON.stringify(whole) }));
  assert.equal(Result, true);
  await assert.rejects(events.send(new DescribeRuleCommand({ Name: "nowhere" })), ResourceNotFoundException);
});

test("schedules", async () => {
  const scheduler = new SchedulerClient({});
  const there = await queue("schedule-v3");
  const soon = new Date(Date.now() + 1_500).toISOString().slice(0, 19);
  const once = {
    Name: "from-v3",
    ScheduleExpression: `at(${soon})`,
    FlexibleTimeWindow: { Mode: "OFF" },
    ActionAfterCompletion: "DELETE",
    Target: { Arn: there.arn, RoleArn: "arn:aws:iam::000000000000:role/any", Input: "it is time" },
  };
  const { ScheduleArn } = await scheduler.send(new CreateScheduleCommand(once));
  const monthly = { ...once, Name: "monthly", ScheduleExpression: "cron(0 9 L * ? *)", ScheduleExpressionTimezone: "Europe/Berlin" };
  await scheduler.send(new CreateScheduleCommand({ ...monthly, EndDate: new Date("2090-01-01") }));
  const shown = await scheduler.send(new GetScheduleCommand({ Name: "monthly" }));
  assert.equal(shown.Arn, ScheduleArn.replace("from-v3", "monthly"));
  assert.deepEqual(shown.EndDate, new Date("2090-01-01"));
  assert.ok(shown.CreationDate instanceof Date);
  await assert.rejects(scheduler.send(new CreateScheduleCommand(monthly)), ConflictException);
  const wrong = { ...once, Name: "wrong", ScheduleExpression: "cron(0 9 * * * *)" };
  await assert.rejects(scheduler.send(new CreateScheduleCommand(wrong)), ValidationException);
  const [{ Body }] = await received(there);
  assert.equal(Body, "it is time");
  // It went with its only occasion.
  const { Schedules } = await scheduler.send(new ListSchedulesCommand({ GroupName: "default" }));
  const names = Schedules.map(({ Name }) => Name);
  assert.ok(names.includes("monthly") && !names.includes("from-v3"), names.join());
});
