// The AWS SDK for JavaScript v2, which reads no endpoint from the environment.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const assert = require("node:assert/strict");
const { test } = require("node:test");
const AWS = require("aws-sdk");

const endpoint = process.env.AWS_ENDPOINT_URL;
const s3 = new AWS.S3({ endpoint, s3ForcePathStyle: true });

test("objects, with the older signature options too", async () => {
  await s3.createBucket({ Bucket: "from-v2" }).promise();
  await s3.putObject({ Bucket: "from-v2", Key: "a+b c.txt", Body: "hello", ContentType: "text/plain" }).promise();
  const got = await s3.getObject({ Bucket: "from-v2", Key: "a+b c.txt", Range: "bytes=1-3" }).promise();
  assert.equal(got.Body.toString(), "ell");
  assert.equal(got.ContentRange, "bytes 1-3/5");
  const url = s3.getSignedUrl("getObject", { Bucket: "from-v2", Key: "a+b c.txt", Expires: 60 });
  assert.equal(await (await fetch(url)).text(), "hello");
});

test("a managed upload in parts", async () => {
  const body = Buffer.alloc(12 << 20, "y");
  await s3.upload({ Bucket: "from-v2", Key: "large", Body: body }, { partSize: 5 << 20 }).promise();
  const head = await s3.headObject({ Bucket: "from-v2", Key: "large" }).promise();
  assert.equal(head.ContentLength, body.length);
  assert.match(head.ETag, /-3"$/);
});

test("the document client", async () => {
  const dynamodb = new AWS.DynamoDB({ endpoint });
  await dynamodb
    .createTable({
      TableName: "from-v2",
      KeySchema: [
        { AttributeName: "who", KeyType: "HASH" },
        { AttributeName: "when", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "who", AttributeType: "S" },
        { AttributeName: "when", AttributeType: "N" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    })
    .promise();
  const documents = new AWS.DynamoDB.DocumentClient({ service: dynamodb });
  for (const when of [3, 1, 2, -10, 10]) {
    await documents.put({ TableName: "from-v2", Item: { who: "me", when, what: { list: [1, "two", null, true] } } }).promise();
  }
  const got = await documents
    .query({
      TableName: "from-v2",
      KeyConditionExpression: "who = :who AND #w BETWEEN :from AND :to",
      ExpressionAttributeNames: { "#w": "when" },
      ExpressionAttributeValues: { ":who": "me", ":from": -10, ":to": 2 },
    })
    .promise();
  assert.deepEqual(got.Items.map((item) => item.when), [-10, 1, 2]);
  assert.deepEqual(got.Items[0].what, { list: [1, "two", null, true] });
});

test("streams of tables", async () => {
  const dynamodb = new AWS.DynamoDB({ endpoint });
  const made = await dynamodb
    .createTable({
      TableName: "streaming-v2",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "KEYS_ONLY" },
    })
    .promise();
  const StreamArn = made.TableDescription.LatestStreamArn;
  await dynamodb.putItem({ TableName: "streaming-v2", Item: { id: { S: "1" } } }).promise();
  const streams = new AWS.DynamoDBStreams({ endpoint });
  const { StreamDescription } = await streams.describeStream({ StreamArn }).promise();
  const keys = [];
  for (const { ShardId } of StreamDescription.Shards) {
    const { ShardIterator } = await streams
      .getShardIterator({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" })
      .promise();
    const { Records } = await streams.getRecords({ ShardIterator }).promise();
    keys.push(...Records.map((record) => record.dynamodb.Keys));
  }
  assert.deepEqual(keys, [{ id: { S: "1" } }]);
});

test("the document client reads and writes many at once", async () => {
  const documents = new AWS.DynamoDB.DocumentClient({ service: new AWS.DynamoDB({ endpoint }) });
  const TableName = "from-v2";
  const puts = [...Array(25).keys()].map((when) => ({ PutRequest: { Item: { who: "many", when, set: documents.createSet(["a"]) } } }));
  const written = await documents.batchWrite({ RequestItems: { [TableName]: puts } }).promise();
  assert.deepEqual(written.UnprocessedItems, {});
  const keys = [0, 24].map((when) => ({ who: "many", when }));
  const read = await documents.batchGet({ RequestItems: { [TableName]: { Keys: keys } } }).promise();
  assert.deepEqual(read.Responses[TableName].map((item) => [...item.set.values]), [["a"], ["a"]]);
  await documents
    .transactWrite({
      TransactItems: [
        { Put: { TableName, Item: { who: "both", when: 1 } } },
        { Delete: { TableName, Key: keys[0] } },
        { ConditionCheck: { TableName, Key: keys[1], ConditionExpression: "attribute_exists(who)" } },
      ],
    })
    .promise();
  const both = await documents
    .transactGet({ TransactItems: [{ who: "both", when: 1 }, keys[0]].map((Key) => ({ Get: { TableName, Key } })) })
    .promise();
  assert.deepEqual(both.Responses, [{ Item: { who: "both", when: 1 } }, {}]);
  let pages = 0;
  let found = 0;
  let ExclusiveStartKey;
  do {
    const page = await documents
      .query({ TableName, KeyConditionExpression: "who = :who", ExpressionAttributeValues: { ":who": "many" }, Limit: 10, ExclusiveStartKey })
      .promise();
    pages += 1;
    found += page.Count;
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  assert.deepEqual([pages, found], [3, 24]);
});

test("queues, as forms", async () => {
  const sqs = new AWS.SQS({ endpoint });
  const { QueueUrl } = await sqs.createQueue({ QueueName: "from-v2", Attributes: { VisibilityTimeout: "40" } }).promise();
  // It checks the digests of what it sends and receives.
  const MessageAttributes = { n: { DataType: "Number", StringValue: "1" }, b: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) } };
  await sqs.sendMessage({ QueueUrl, MessageBody: "a & <b>\r\n", MessageAttributes }).promise();
  const got = await sqs.receiveMessage({ QueueUrl, AttributeNames: ["All"], MessageAttributeNames: ["All"] }).promise();
  assert.equal(got.Messages[0].Body, "a & <b>\r\n");
  assert.equal(got.Messages[0].Attributes.ApproximateReceiveCount, "1");
  assert.deepEqual([...got.Messages[0].MessageAttributes.b.BinaryValue], [0, 255]);
  const deleted = await sqs
    .deleteMessageBatch({ QueueUrl, Entries: [{ Id: "1", ReceiptHandle: got.Messages[0].ReceiptHandle }] })
    .promise();
  assert.deepEqual(deleted.Successful.map(({ Id }) => Id), ["1"]);
  const told = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["VisibilityTimeout"] }).promise();
  assert.deepEqual(told.Attributes, { VisibilityTimeout: "40" });
  await assert.rejects(sqs.getQueueUrl({ QueueName: "nowhere" }).promise(), { code: "AWS.SimpleQueueService.NonExistentQueue" });
});
