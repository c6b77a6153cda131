//! Streams of tables.

use super::*;

const MUSIC: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/music";
const LABEL: &str = "1970-01-01T00:16:40.500";

fn stream_arn() -> String {
    format!("{MUSIC}/stream/{LABEL}")
}

fn enabled(view: &str) -> Value {
    json!({ "StreamSpecification": { "StreamEnabled": true, "StreamViewType": view } })
}

/// With the table `music`, whose stream has one shard.
async fn streaming(view: &str) -> World {
    let world = World::new();
    let provisioned = json!({
        "BillingMode": null,
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 },
    });
    let table = with(table("music", json!([["id", "S"]])), provisioned);
    world.ok("CreateTable", with(table, enabled(view))).await;
    world
}

async fn shards(world: &World) -> Vec<Value> {
    let described = world
        .ok("DescribeStream", json!({ "StreamArn": stream_arn() }))
        .await;
    let shards = &described["StreamDescription"]["Shards"];
    shards.as_array().unwrap().clone()
}

/// The input of `GetShardIterator`, for the first shard.
async fn place(world: &World, kind: &str) -> Value {
    let shard = shards(world).await[0]["ShardId"].clone();
    json!({ "StreamArn": stream_arn(), "ShardId": shard, "ShardIteratorType": kind })
}

async fn iterator(world: &World, input: Value) -> Value {
    world.ok("GetShardIterator", input).await["ShardIterator"].clone()
}

async fn read(world: &World, iterator: &Value) -> Value {
    world
        .ok("GetRecords", json!({ "ShardIterator": iterator }))
        .await
}

fn song(id: &str, title: &str) -> Value {
    json!({ "id": { "S": id }, "title": { "S": title } })
}

fn names(output: &Value) -> Vec<&str> {
    let records = output["Records"].as_array().unwrap();
    let names = records.iter().map(|record| &record["eventName"]);
    names.map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_is_switched_on_and_off_as_the_service_does() {
    const WRONG: &str = "One or more parameter values were invalid: ";
    let world = World::new();
    let base = || table("music", json!([["id", "S"]]));
    let spec = |spec: Value| json!({ "StreamSpecification": spec });
    for (stream, message) in [
        (
            json!({ "StreamEnabled": true }),
            "Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            json!({ "StreamEnabled": false, "StreamViewType": "KEYS_ONLY" }),
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
    ] {
        let message = format!("{WRONG}{message}");
        world
            .invalid("CreateTable", with(base(), spec(stream)), &message)
            .await;
    }
    let null = "1 validation error detected: Value null at 'streamSpecification.streamEnabled' failed to satisfy constraint: Member must not be null";
    world
        .invalid("CreateTable", with(base(), spec(json!({}))), null)
        .await;
    let off = || spec(json!({ "StreamEnabled": false }));
    let created = world.ok("CreateTable", with(base(), off())).await;
    let told = &created["TableDescription"];
    assert_eq!(told.get("StreamSpecification"), None);
    assert_eq!(told.get("LatestStreamArn"), None);

    let update = |more: Value| with(json!({ "TableName": "music" }), more);
    let none = "Table has no stream to disable: TableName: music";
    world.invalid("UpdateTable", update(off()), none).await;
    let units = json!({ "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 });
    for (more, message) in [
        (
            spec(json!({ "StreamEnabled": true })),
            "If stream is being enabled then UpdateViewType is required",
        ),
        (
            spec(json!({ "StreamEnabled": false, "StreamViewType": "NEW_IMAGE" })),
            "If stream is being disabled, then UpdateViewType must not be specified",
        ),
        (
            with(
                enabled("NEW_IMAGE"),
                json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units }),
            ),
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            with(
                enabled("NEW_IMAGE"),
                json!({ "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "index" } }] }),
            ),
            "You cannot create or delete index while changing stream status",
        ),
    ] {
        let message = format!("{WRONG}{message}");
        world.invalid("UpdateTable", update(more), &message).await;
    }
    let altered = world.ok("UpdateTable", update(enabled("OLD_IMAGE"))).await;
    let told = &altered["TableDescription"];
    assert_eq!(
        told["StreamSpecification"],
        json!({ "StreamEnabled": true, "StreamViewType": "OLD_IMAGE" })
    );
    assert_eq!(told["LatestStreamArn"], stream_arn());
    assert_eq!(told["LatestStreamLabel"], LABEL);
    for view in ["OLD_IMAGE", "NEW_IMAGE"] {
        let already = "Table already has an enabled stream: TableName: music";
        world
            .invalid("UpdateTable", update(enabled(view)), already)
            .await;
    }
    let altered = world.ok("UpdateTable", update(off())).await;
    let told = &altered["TableDescription"];
    assert_eq!(told.get("StreamSpecification"), None);
    assert_eq!(told["LatestStreamArn"], stream_arn(), "its name stays");
    let described = world
        .ok("DescribeStream", json!({ "StreamArn": stream_arn() }))
        .await;
    let told = &described["StreamDescription"];
    assert_eq!(told["StreamStatus"], "DISABLED");
    let again = world.ok("UpdateTable", update(enabled("NEW_IMAGE"))).await;
    let told = &again["TableDescription"];
    assert_ne!(told["LatestStreamArn"], stream_arn());
    world
        .not_built_operation("EnableKinesisStreamingDestination")
        .await;
}

impl World {
    async fn not_built_operation(&self, operation: &str) {
        let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/music";
        let input = json!({ "TableName": "music", "StreamArn": stream });
        let (code, message) = self.refused(operation, input).await;
        assert_eq!(code, "NotImplementedException");
        let expected = format!("Fulmar does not implement DynamoDB.{operation} yet");
        assert_eq!(message, expected);
    }
}

#[tokio::test]
async fn a_record_says_what_the_services_does() {
    let world = streaming("NEW_AND_OLD_IMAGES").await;
    world.put("music", song("a", "one")).await;
    world.put("music", song("a", "two")).await;
    world.put("music", song("a", "two")).await;
    let key = json!({ "TableName": "music", "Key": { "id": { "S": "a" } } });
    world.ok("DeleteItem", key).await;
    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    let output = read(&world, &start).await;
    assert_eq!(names(&output), ["INSERT", "MODIFY", "REMOVE"]);
    let mut modified = output["Records"][1].clone();
    let sequence = modified["dynamodb"]["SequenceNumber"].take();
    let sequence = sequence.as_str().unwrap();
    assert!((21..=40).contains(&sequence.len()));
    assert!(sequence.bytes().all(|byte| byte.is_ascii_digit()));
    let id = modified["eventID"].take();
    assert_eq!(id.as_str().unwrap().len(), 32);
    assert_eq!(
        modified,
        json!({
            "eventID": null,
            "eventName": "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1000,
                "Keys": { "id": { "S": "a" } },
                "NewImage": song("a", "two"),
                "OldImage": song("a", "one"),
                "SequenceNumber": null,
                // `id`, `a`; twice that and `title` and its three letters.
                "SizeBytes": 3 + 2 * (3 + 8),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    );
    let ids: Vec<&Value> = output["Records"].as_array().unwrap().iter().collect();
    assert_ne!(ids[0]["eventID"], ids[1]["eventID"]);
    assert_eq!(ids[0]["dynamodb"].get("OldImage"), None);
    assert_eq!(ids[2]["dynamodb"].get("NewImage"), None);
}

#[tokio::test]
async fn each_view_shows_what_it_says() {
    for (view, new, old) in [
        ("KEYS_ONLY", false, false),
        ("NEW_IMAGE", true, false),
        ("OLD_IMAGE", false, true),
        ("NEW_AND_OLD_IMAGES", true, true),
    ] {
        let world = streaming(view).await;
        world.put("music", song("a", "one")).await;
        world.put("music", song("a", "two")).await;
        let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
        let output = read(&world, &start).await;
        let told = &output["Records"][1]["dynamodb"];
        assert_eq!(told["StreamViewType"], view);
        assert_eq!(told["Keys"], json!({ "id": { "S": "a" } }));
        assert_eq!(told.get("NewImage").is_some(), new, "{view}");
        assert_eq!(told.get("OldImage").is_some(), old, "{view}");
    }
}

#[tokio::test]
async fn all_ways_of_writing_make_records() {
    let world = streaming("KEYS_ONLY").await;
    let key = |id: &str| json!({ "id": { "S": id } });
    let request = |id: &str| json!({ "PutRequest": { "Item": song(id, "t") } });
    let batch = json!({ "RequestItems": { "music": [request("a"), request("b")] } });
    world.ok("BatchWriteItem", batch).await;
    let update = json!({
        "TableName": "music",
        "Key": key("a"),
        "UpdateExpression": "SET title = :t",
        "ExpressionAttributeValues": { ":t": { "S": "u" } },
    });
    world.ok("UpdateItem", update.clone()).await;
    world.ok("UpdateItem", update).await;
    let transaction = json!({ "TransactItems": [
        { "Put": { "TableName": "music", "Item": song("c", "t") } },
        { "Delete": { "TableName": "music", "Key": key("b") } },
        { "ConditionCheck": {
            "TableName": "music", "Key": key("a"), "ConditionExpression": "attribute_exists(id)",
        } },
    ] });
    world.ok("TransactWriteItems", transaction).await;
    let statement = "INSERT INTO music VALUE {'id': 'd'}";
    world
        .ok("ExecuteStatement", json!({ "Statement": statement }))
        .await;
    let failing = json!({
        "TableName": "music", "Item": song("a", "v"), "ConditionExpression": "attribute_not_exists(id)",
    });
    world.refused("PutItem", failing).await;

    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    let output = read(&world, &start).await;
    let told = output["Records"].as_array().unwrap().iter().map(|record| {
        let id = &record["dynamodb"]["Keys"]["id"]["S"];
        let name = &record["eventName"];
        (id.as_str().unwrap(), name.as_str().unwrap())
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("a", "INSERT"),
            ("b", "INSERT"),
            ("a", "MODIFY"),
            ("c", "INSERT"),
            ("b", "REMOVE"),
            ("d", "INSERT"),
        ]
    );
}

#[tokio::test]
async fn an_item_whose_time_has_come_is_removed_by_the_service() {
    let world = streaming("OLD_IMAGE").await;
    let expiry = json!({ "Enabled": true, "AttributeName": "ends" });
    let set = json!({ "TableName": "music", "TimeToLiveSpecification": expiry });
    world.ok("UpdateTimeToLive", set).await;
    while world.tables.build().await.unwrap() {}
    let mortal = json!({ "id": { "S": "a" }, "ends": { "N": "1001" } });
    world.put("music", mortal).await;
    world.clock.advance(Duration::from_secs(10));
    while world.tables.expire(&mut Vec::new()).await.unwrap() {}
    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    let output = read(&world, &start).await;
    assert_eq!(names(&output), ["INSERT", "REMOVE"]);
    let [inserted, removed] = output["Records"].as_array().unwrap().as_slice() else {
        panic!("there are two");
    };
    assert_eq!(inserted.get("userIdentity"), None);
    assert_eq!(
        removed["userIdentity"],
        json!({ "Type": "Service", "PrincipalId": "dynamodb.amazonaws.com" })
    );
}

#[tokio::test]
async fn iterators_begin_where_they_are_told_to() {
    let world = streaming("KEYS_ONLY").await;
    let first = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    let latest = iterator(&world, place(&world, "LATEST").await).await;
    for id in ["a", "b", "c"] {
        world.put("music", song(id, "t")).await;
    }
    let all = read(&world, &first).await;
    assert_eq!(names(&all).len(), 3);
    assert_eq!(read(&world, &latest).await["Records"], all["Records"]);
    let end = iterator(&world, place(&world, "LATEST").await).await;
    let none = read(&world, &end).await;
    assert_eq!(none["Records"], json!([]));
    let second = &all["Records"][1]["dynamodb"]["SequenceNumber"];
    for (kind, count) in [("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 1)] {
        let input = with(
            place(&world, kind).await,
            json!({ "SequenceNumber": second }),
        );
        let at = iterator(&world, input).await;
        assert_eq!(names(&read(&world, &at).await).len(), count, "{kind}");
        let missing = place(&world, kind).await;
        world
            .invalid(
                "GetShardIterator",
                missing,
                "SequenceNumber must be specified with this ShardIteratorType",
            )
            .await;
        let wrong = "9".repeat(30);
        let input = with(
            place(&world, kind).await,
            json!({ "SequenceNumber": wrong }),
        );
        let (code, _) = world.refused("GetShardIterator", input).await;
        assert_eq!(code, "ValidationException");
    }
    let limited = world
        .ok("GetRecords", json!({ "ShardIterator": first, "Limit": 2 }))
        .await;
    assert_eq!(names(&limited).len(), 2);
    let rest = read(&world, &limited["NextShardIterator"]).await;
    assert_eq!(rest["Records"][0], all["Records"][2]);
    let start = &shards(&world).await[0]["SequenceNumberRange"]["StartingSequenceNumber"];
    let input = with(
        place(&world, "AT_SEQUENCE_NUMBER").await,
        json!({ "SequenceNumber": start }),
    );
    let from_start = iterator(&world, input).await;
    assert_eq!(read(&world, &from_start).await["Records"], all["Records"]);
    let too_many = json!({ "ShardIterator": first, "Limit": 1_001 });
    let message = "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000";
    world.invalid("GetRecords", too_many, message).await;
    let timed = with(
        place(&world, "AT_TIMESTAMP").await,
        json!({ "Timestamp": 1000 }),
    );
    let (code, _) = world.refused("GetShardIterator", timed).await;
    assert_eq!(code, "NotImplementedException");
}

#[tokio::test]
async fn an_iterator_expires_and_what_is_none_is_refused() {
    let world = streaming("KEYS_ONLY").await;
    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    world.clock.advance(Duration::from_secs(15 * 60));
    read(&world, &start).await;
    world.clock.advance(Duration::from_secs(1));
    let (code, _) = world
        .refused("GetRecords", json!({ "ShardIterator": start }))
        .await;
    assert_eq!(code, "ExpiredIteratorException");
    for wrong in ["x", "a|1|b", &format!("{}|1|eA==", stream_arn())] {
        let input = json!({ "ShardIterator": wrong });
        world
            .invalid("GetRecords", input, "Invalid ShardIterator")
            .await;
    }
    let elsewhere = stream_arn().replace("33", "44").replace("500", "501");
    let absent = json!({ "StreamArn": elsewhere });
    let (code, message) = world.refused("DescribeStream", absent).await;
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(
        message,
        format!("Requested resource not found: Stream: {elsewhere} not found")
    );
    let shapeless = json!({ "StreamArn": format!("{MUSIC}/stream/yesterday") });
    let (code, _) = world.refused("DescribeStream", shapeless).await;
    assert_eq!(code, "ValidationException");
    let shard = "shardId-00000000000000000000-00000009";
    let input = with(place(&world, "LATEST").await, json!({ "ShardId": shard }));
    let (code, _) = world.refused("GetShardIterator", input).await;
    assert_eq!(code, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_closed_shard_ends_and_its_child_goes_on() {
    let world = streaming("KEYS_ONLY").await;
    world.put("music", song("a", "t")).await;
    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    world.clock.advance(Duration::from_secs(4 * 60 * 60));
    world.tables.tend_feeds().await.unwrap();
    world.put("music", song("b", "t")).await;
    let found = shards(&world).await;
    let [old, new] = found.as_slice() else {
        panic!("there are two: {found:?}");
    };
    assert_eq!(new["ParentShardId"], old["ShardId"]);
    assert_eq!(old.get("ParentShardId"), None);
    assert!(old["SequenceNumberRange"]["EndingSequenceNumber"].is_string());
    assert_eq!(new["SequenceNumberRange"].get("EndingSequenceNumber"), None);
    let (code, _) = world
        .refused("GetRecords", json!({ "ShardIterator": start }))
        .await;
    assert_eq!(code, "ExpiredIteratorException", "it took four hours");
    let start = iterator(&world, place(&world, "TRIM_HORIZON").await).await;
    let closed = read(&world, &start).await;
    assert_eq!(names(&closed), ["INSERT"]);
    assert_eq!(closed.get("NextShardIterator"), None);
    let of_child = with(
        place(&world, "TRIM_HORIZON").await,
        json!({ "ShardId": new["ShardId"] }),
    );
    let open = read(&world, &iterator(&world, of_child).await).await;
    assert_eq!(open["Records"][0]["dynamodb"]["Keys"]["id"]["S"], "b");
    assert!(open["NextShardIterator"].is_string());

    let describe = |more: Value| with(json!({ "StreamArn": stream_arn() }), more);
    let page = world
        .ok("DescribeStream", describe(json!({ "Limit": 1 })))
        .await;
    let page = &page["StreamDescription"];
    assert_eq!(page["Shards"], json!([old]));
    assert_eq!(page["LastEvaluatedShardId"], old["ShardId"]);
    let after = json!({ "ExclusiveStartShardId": old["ShardId"] });
    let page = world.ok("DescribeStream", describe(after)).await;
    let page = &page["StreamDescription"];
    assert_eq!(page["Shards"][0]["ShardId"], new["ShardId"]);
    assert_eq!(page.get("LastEvaluatedShardId"), None);
    let filter = json!({ "Type": "CHILD_SHARDS", "ShardId": old["ShardId"] });
    let page = world
        .ok("DescribeStream", describe(json!({ "ShardFilter": filter })))
        .await;
    assert_eq!(page["StreamDescription"]["Shards"], json!([new]));

    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let late = place(&world, "TRIM_HORIZON").await;
    let early = iterator(&world, late).await;
    world.tables.tend_feeds().await.unwrap();
    let (code, _) = world
        .refused("GetRecords", json!({ "ShardIterator": early }))
        .await;
    assert_eq!(code, "TrimmedDataAccessException");
}

#[tokio::test]
async fn streams_are_listed_page_by_page_and_outlive_their_tables() {
    let world = World::new();
    for name in ["music", "books", "films"] {
        let table = with(table(name, json!([["id", "S"]])), enabled("NEW_IMAGE"));
        world.ok("CreateTable", table).await;
    }
    world
        .ok("DeleteTable", json!({ "TableName": "films" }))
        .await;
    let mut found = Vec::new();
    let mut input = json!({ "Limit": 1 });
    loop {
        let page = world.ok("ListStreams", input.clone()).await;
        let [stream] = page["Streams"].as_array().unwrap().as_slice() else {
            panic!("one at a time");
        };
        assert_eq!(stream["StreamLabel"], LABEL);
        found.push(stream["TableName"].as_str().unwrap().to_owned());
        match page.get("LastEvaluatedStreamArn") {
            Some(last) => input["ExclusiveStartStreamArn"] = last.clone(),
            None => break,
        }
    }
    assert_eq!(found, ["books", "films", "music"]);
    let of_one = json!({ "TableName": "music" });
    let listed = world.ok("ListStreams", of_one).await;
    assert_eq!(
        listed,
        json!({ "Streams": [{
            "StreamArn": stream_arn(), "StreamLabel": LABEL, "TableName": "music",
        }] })
    );
    let none = json!({ "TableName": "nothing" });
    let listed = world.ok("ListStreams", none).await;
    assert_eq!(listed, json!({ "Streams": [] }));
    let described = world
        .ok("DescribeStream", json!({ "StreamArn": stream_arn() }))
        .await;
    let mut told = described["StreamDescription"].clone();
    let shards = told["Shards"].take();
    assert_eq!(shards.as_array().unwrap().len(), 4, "paid per request");
    assert_eq!(
        told,
        json!({
            "StreamArn": stream_arn(),
            "StreamLabel": LABEL,
            "StreamStatus": "ENABLED",
            "StreamViewType": "NEW_IMAGE",
            "CreationRequestDateTime": 1000.5,
            "TableName": "music",
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "Shards": null,
        })
    );
}
