// The document client of the AWS SDK for JavaScript v3.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConditionalCheckFailedException, CreateTableCommand, DynamoDBClient, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  ExecuteStatementCommand,
  ExecuteTransactionCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
  paginateQuery,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const TableName = "documents";
const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}), { marshallOptions: { removeUndefinedValues: true } });
const key = (at) => ({ id: "a", at });

test.before(() =>
  documents.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [
        { AttributeName: "id", KeyType: "HASH" },
        { AttributeName: "at", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "id", AttributeType: "S" },
        { AttributeName: "at", AttributeType: "N" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    }),
  ),
);

test("values of every kind come back", async () => {
  const Item = {
    id: "kinds",
    at: 1,
    deep: { list: [1, "two", null, true, { three: [] }] },
    strings: new Set(["a", "b"]),
    numbers: new Set([1, 2.5]),
    bytes: new Uint8Array([0, 255]),
    absent: undefined,
  };
  await documents.send(new PutCommand({ TableName, Item }));
  const got = await documents.send(new GetCommand({ TableName, Key: { id: "kinds", at: 1 }, ConsistentRead: true }));
  delete Item.absent;
  assert.deepEqual(got.Item, Item);
});

test("batches write, read and delete", async () => {
  const puts = [...Array(25).keys()].map((at) => ({ PutRequest: { Item: { ...key(at), n: at % 2 } } }));
  const written = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  assert.deepEqual(written.UnprocessedItems, {});
  const keys = [0, 7, 24, 99].map(key);
  const read = await documents.send(
    new BatchGetCommand({ RequestItems: { [TableName]: { Keys: keys, ProjectionExpression: "#at", ExpressionAttributeNames: { "#at": "at" } } } }),
  );
  assert.deepEqual(read.Responses[TableName].map((item) => item.at).sort((a, b) => a - b), [0, 7, 24]);
  assert.deepEqual(read.UnprocessedKeys, {});
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: [{ DeleteRequest: { Key: key(24) } }] } }));
  assert.equal((await documents.send(new GetCommand({ TableName, Key: key(24) }))).Item, undefined);
});

test("queries and scans go by pages", async () => {
  const query = {
    TableName,
    KeyConditionExpression: "id = :id AND #at BETWEEN :low AND :high",
    FilterExpression: "n = :one",
    ExpressionAttributeNames: { "#at": "at" },
    ExpressionAttributeValues: { ":id": "a", ":low": 3, ":high": 20, ":one": 1 },
    ScanIndexForward: false,
  };
  const found = [];
  for await (const page of paginateQuery({ client: documents, pageSize: 4 }, { ...query })) {
    found.push(...page.Items.map((item) => item.at));
  }
  assert.deepEqual(found, [19, 17, 15, 13, 11, 9, 7, 5, 3]);
  const counted = await documents.send(new QueryCommand({ ...query, Select: "COUNT", ReturnConsumedCapacity: "TOTAL" }));
  assert.deepEqual([counted.Count, counted.ScannedCount, counted.ConsumedCapacity.CapacityUnits], [9, 18, 0.5]);
  const segments = await Promise.all(
    [0, 1, 2].map(async (Segment) => {
      let count = 0;
      for await (const page of paginateScan({ client: documents, pageSize: 5 }, { TableName, Segment, TotalSegments: 3 })) {
        count += page.Items.length;
      }
      return count;
    }),
  );
  const all = await documents.send(new ScanCommand({ TableName }));
  assert.equal(segments.reduce((a, b) => a + b), all.Count);
});

test("updates return what they made, and conditions are told", async () => {
  const updated = await documents.send(
    new UpdateCommand({
      TableName,
      Key: key(1),
      UpdateExpression: "SET n = n + :one, tags = list_append(if_not_exists(tags, :none), :tags) ADD seen :seen",
      ExpressionAttributeValues: { ":one": 1, ":none": [], ":tags": ["x"], ":seen": new Set(["me"]) },
      ReturnValues: "UPDATED_NEW",
    }),
  );
  assert.deepEqual(updated.Attributes, { n: 2, tags: ["x"], seen: new Set(["me"]) });
  const refused = new DeleteCommand({
    TableName,
    Key: key(1),
    ConditionExpression: "n = :n",
    ExpressionAttributeValues: { ":n": 1 },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  await assert.rejects(documents.send(refused), (error) => {
    assert.ok(error instanceof ConditionalCheckFailedException);
    assert.deepEqual(error.Item.n, { N: "2" });
    return true;
  });
});

test("transactions are done whole or not at all", async () => {
  const ClientRequestToken = "once";
  const transfer = {
    TransactItems: [
      { Put: { TableName, Item: { id: "t", at: 1, v: 1 } } },
      { Update: { TableName, Key: { id: "t", at: 2 }, UpdateExpression: "ADD v :one", ExpressionAttributeValues: { ":one": 1 } } },
      { ConditionCheck: { TableName, Key: key(1), ConditionExpression: "attribute_exists(id)" } },
      { Delete: { TableName, Key: key(2) } },
    ],
    ClientRequestToken,
  };
  await documents.send(new TransactWriteCommand(transfer));
  await documents.send(new TransactWriteCommand(transfer));
  const read = await documents.send(
    new TransactGetCommand({ TransactItems: [1, 2].map((at) => ({ Get: { TableName, Key: { id: "t", at } } })) }),
  );
  assert.deepEqual(read.Responses.map((response) => response.Item.v), [1, 1]);
  const impossible = {
    TransactItems: [
      { Put: { TableName, Item: { id: "t", at: 3 } } },
      { ConditionCheck: { TableName, Key: key(1), ConditionExpression: "attribute_not_exists(id)" } },
    ],
  };
  await assert.rejects(documents.send(new TransactWriteCommand(impossible)), (error) => {
    assert.ok(error instanceof TransactionCanceledException);
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ["None", "ConditionalCheckFailed"]);
    return true;
  });
  assert.equal((await documents.send(new GetCommand({ TableName, Key: { id: "t", at: 3 } }))).Item, undefined);
});

test("statements take and give documents", async () => {
  const found = await documents.send(
    new ExecuteStatementCommand({ Statement: `SELECT at FROM ${TableName} WHERE id IN [?, ?] AND at < 3 ORDER BY id, at`, Parameters: ["a", "t"] }),
  );
  assert.deepEqual(found.Items, [{ at: 0 }, { at: 1 }, { at: 1 }, { at: 2 }]);
  await documents.send(
    new ExecuteTransactionCommand({
      TransactStatements: [
        { Statement: `EXISTS(SELECT * FROM ${TableName} WHERE id = 'a' AND at = 0 AND n = ?)`, Parameters: [0] },
        { Statement: `INSERT INTO ${TableName} VALUE {'id': ?, 'at': ?}`, Parameters: ["s", 1] },
      ],
    }),
  );
  assert.deepEqual((await documents.send(new GetCommand({ TableName, Key: { id: "s", at: 1 } }))).Item, { id: "s", at: 1 });
});
