// Topics, buses and schedules with the AWS SDK for JavaScript v2.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const AWS = require("aws-sdk");

const endpoint = process.env.AWS_ENDPOINT_URL;
const sqs = new AWS.SQS({ endpoint });

async function queue(QueueName) {
  const { QueueUrl } = await sqs.createQueue({ QueueName }).promise();
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] }).promise();
  return { QueueUrl, arn: Attributes.QueueArn };
}

async function received({ QueueUrl }) {
  const { Messages } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 20 }).promise();
  assert.equal(Messages.length, 1);
  return Messages[0].Body;
}

test("topics", async () => {
  const sns = new AWS.SNS({ endpoint });
  const there = await queue("topic-v2");
  const { TopicArn } = await sns.createTopic({ Name: "from-v2.fifo", Attributes: { FifoTopic: "true" } }).promise();
  await assert.rejects(sns.subscribe({ TopicArn, Protocol: "email", Endpoint: "a@example.com" }).promise(), { code: "InvalidParameter" });
  const plain = (await sns.createTopic({ Name: "from-v2" }).promise()).TopicArn;
  const Attributes = { FilterPolicyScope: "MessageBody", FilterPolicy: '{"kind": [{"prefix": "a"}]}', RawMessageDelivery: "true" };
  await sns.subscribe({ TopicArn: plain, Protocol: "sqs", Endpoint: there.arn, Attributes }).promise();
  for (const kind of ["b", "ab"]) {
    const { MessageId } = await sns.publish({ TopicArn: plain, Message: JSON.stringify({ kind }) }).promise();
    assert.match(MessageId, /^[0-9a-f-]{36}$/);
  }
  assert.equal(await received(there), '{"kind":"ab"}');
  await assert.rejects(sns.getTopicAttributes({ TopicArn: `${plain}-none` }).promise(), { code: "NotFound" });
});

test("buses", async () => {
  const events = new AWS.EventBridge({ endpoint });
  const there = await queue("bus-v2");
  await events.createEventBus({ Name: "from-v2" }).promise();
  const at = { EventBusName: "from-v2" };
  await events.putRule({ ...at, Name: "r", EventPattern: '{"detail-type": [{"anything-but": "quiet"}]}' }).promise();
  await events.putTargets({ ...at, Rule: "r", Targets: [{ Id: "1", Arn: there.arn, InputPath: "$.detail" }] }).promise();
  const event = (DetailType) => ({ ...at, Source: "s", DetailType, Detail: JSON.stringify({ DetailType }) });
  const put = await events.putEvents({ Entries: [event("quiet"), event("loud")] }).promise();
  assert.equal(put.FailedEntryCount, 0);
  assert.equal(await received(there), '{"DetailType":"loud"}');
  await assert.rejects(events.describeEventBus({ Name: "nowhere" }).promise(), { code: "ResourceNotFoundException" });
});

test("schedules", async () => {
  const scheduler = new AWS.Scheduler({ endpoint });
  const there = await queue("schedule-v2");
  const schedule = {
    Name: "from-v2",
    ScheduleExpression: `at(${new Date(Date.now() + 1_500).toISOString().slice(0, 19)})`,
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: { Arn: there.arn, RoleArn: "arn:aws:iam::000000000000:role/any", Input: "once" },
  };
  await scheduler.createSchedule(schedule).promise();
  assert.equal(await received(there), "once");
  assert.equal((await scheduler.getSchedule({ Name: "from-v2" }).promise()).State, "ENABLED");
  await scheduler.deleteSchedule({ Name: "from-v2" }).promise();
  await assert.rejects(scheduler.getSchedule({ Name: "from-v2" }).promise(), { code: "ResourceNotFoundException" });
});
