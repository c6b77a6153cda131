// The AWS SDK for JavaScript v3, with its own defaults: checksums in trailers, virtual hosts where it wants them.
import assert from "node:assert/strict";
import { CreateQueueCommand, DeleteMessageCommand, GetQueueUrlCommand, ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { test } from "node:test";
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import { CreateFunctionCommand, GetFunctionCommand, InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { readFileSync } from "node:fs";

const s3 = new S3Client({});

test("objects are stored with a checksum and read back", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: "from-v3" }));
  const put = await s3.send(
    new PutObjectCommand({ Bucket: "from-v3", Key: "a b/ü.txt", Body: "hello", Metadata: { from: "v3" } }),
  );
  assert.ok(put.ChecksumCRC32, "v3 sends a CRC-32 by default and wants it confirmed");
  const got = await s3.send(new GetObjectCommand({ Bucket: "from-v3", Key: "a b/ü.txt" }));
  assert.equal(await got.Body.transformToString(), "hello");
  assert.deepEqual(got.Metadata, { from: "v3" });
  const head = await s3.send(new HeadObjectCommand({ Bucket: "from-v3", Key: "a b/ü.txt" }));
  assert.equal(head.ContentLength, 5);
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: "from-v3", Prefix: "a b/" }));
  assert.deepEqual(listed.Contents.map((entry) => entry.Key), ["a b/ü.txt"]);
});

test("a stream of unknown checksum is sent in chunks with a trailer", async () => {
  const { Readable } = await import("node:stream");
  const body = Buffer.alloc(300_000, "x");
  await s3.send(
    new PutObjectCommand({ Bucket: "from-v3", Key: "stream", Body: Readable.from([body]), ContentLength: body.length }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket: "from-v3", Key: "stream" }));
  assert.ok(Buffer.from(await got.Body.transformToByteArray()).equals(body));
});

test("errors are the typed ones", async () => {
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "from-v3", Key: "none" })), NoSuchKey);
});

test("tables", async () => {
  const tables = new DynamoDBClient({});
  await tables.send(
    new CreateTableCommand({
      TableName: "from-v3",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const item = { id: { S: "1" }, n: { N: "12345678901234567890123456789012345678" }, b: { B: new Uint8Array([0, 255]) } };
  await tables.send(new PutItemCommand({ TableName: "from-v3", Item: item }));
  const got = await tables.send(new GetItemCommand({ TableName: "from-v3", Key: { id: { S: "1" } } }));
  assert.deepEqual(got.Item, item);
});

test("streams of tables", async () => {
  const tables = new DynamoDBClient({});
  const made = await tables.send(
    new CreateTableCommand({
      TableName: "streaming-v3",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    }),
  );
  const StreamArn = made.TableDescription.LatestStreamArn;
  const item = { id: { S: "1" }, b: { B: new Uint8Array([0, 255]) } };
  await tables.send(new PutItemCommand({ TableName: "streaming-v3", Item: item }));
  const streams = new DynamoDBStreamsClient({});
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const records = [];
  for (const { ShardId } of StreamDescription.Shards) {
    const { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
    );
    records.push(...(await streams.send(new GetRecordsCommand({ ShardIterator }))).Records);
  }
  assert.equal(records.length, 1);
  assert.equal(records[0].eventName, "INSERT");
  assert.deepEqual(records[0].dynamodb.NewImage, item);
  assert.ok(records[0].dynamodb.ApproximateCreationDateTime instanceof Date);
});

test("functions", async () => {
  const functions = new LambdaClient({});
  await functions.send(
    new CreateFunctionCommand({
      FunctionName: "from-v3",
      Runtime: "nodejs20.x",
      Handler: "index.handler",
      Role: "arn:aws:iam::000000000000:role/any",
      Code: { ZipFile: readFileSync(process.env.PACKAGE) },
    }),
  );
  const answer = await functions.send(new InvokeCommand({ FunctionName: "from-v3", Payload: '{"who":"v3"}', LogType: "Tail" }));
  assert.equal(answer.StatusCode, 200);
  assert.equal(answer.FunctionError, undefined, answer.Payload.transformToString());
  assert.deepEqual(JSON.parse(answer.Payload.transformToString()), { hello: "v3" });
  assert.match(Buffer.from(answer.LogResult, "base64").toString(), /START RequestId: .*\n.*asked by v3\n.*END RequestId/s);
  // The address of the package really downloads it.
  const { Code } = await functions.send(new GetFunctionCommand({ FunctionName: "from-v3" }));
  const downloaded = await fetch(Code.Location);
  assert.equal(downloaded.status, 200);
  assert.ok(Buffer.from(await downloaded.arrayBuffer()).equals(readFileSync(process.env.PACKAGE)));
});

test("queues", async () => {
  const queues = new SQSClient({});
  const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: "from-v3" }));
  // It checks the digests of what it sends and receives.
  const sent = await queues.send(
    new SendMessageBatchCommand({
      QueueUrl,
      Entries: [
        { Id: "a", MessageBody: "first", MessageAttributes: { n: { DataType: "Number", StringValue: "1" } } },
        { Id: "b", MessageBody: "late", DelaySeconds: 901 },
      ],
    }),
  );
  assert.deepEqual(sent.Successful.map(({ Id }) => Id), ["a"]);
  assert.deepEqual(sent.Failed.map(({ Id, Code }) => [Id, Code]), [["b", "InvalidParameterValue"]]);
  const { Messages } = await queues.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] }),
  );
  assert.equal(Messages[0].Body, "first");
  assert.equal(Messages[0].MessageAttributes.n.StringValue, "1");
  await queues.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  await assert.rejects(queues.send(new GetQueueUrlCommand({ QueueName: "nowhere" })), { name: "QueueDoesNotExist" });
});
