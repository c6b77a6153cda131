//! Scans.

use super::*;

#[tokio::test]
async fn a_scan_goes_by_pages_and_segments() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let whole = world
        .ok(
            "Scan",
            json!({ "TableName": "log", "Select": "ALL_ATTRIBUTES" }),
        )
        .await;
    assert_eq!(
        (&whole["Count"], &whole["ScannedCount"]),
        (&json!(11), &json!(11))
    );
    let count = world
        .ok("Scan", json!({ "TableName": "log", "Select": "COUNT" }))
        .await;
    assert_eq!(count, json!({ "Count": 11, "ScannedCount": 11 }));
    let mut paged = Vec::new();
    let mut input = json!({ "TableName": "log", "Limit": 4 });
    loop {
        let page = world.ok("Scan", input.clone()).await;
        paged.extend(page["Items"].as_array().unwrap().clone());
        match page.get("LastEvaluatedKey") {
            Some(last) => input["ExclusiveStartKey"] = last.clone(),
            None => break,
        }
    }
    assert_eq!(json!(paged), whole["Items"]);
    let mut counted = 0;
    for segment in 0..3 {
        let part = json!({ "TableName": "log", "Segment": segment, "TotalSegments": 3 });
        counted += world.ok("Scan", part).await["Count"].as_u64().unwrap();
    }
    assert_eq!(counted, 11);
}

#[tokio::test]
async fn bad_scans_are_refused() {
    let world = World::with_tables().await;
    world.fill_log().await;
    let scan = |more| with(json!({ "TableName": "log" }), more);
    for (more, message) in [
        (
            json!({ "Segment": 1 }),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        ),
        (
            json!({ "TotalSegments": 1 }),
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        ),
        (
            json!({ "Segment": 1, "TotalSegments": 1 }),
            "The Segment parameter is zero-based and must be less than parameter TotalSegments",
        ),
        (
            json!({ "ExclusiveStartKey": { "id": { "S": "a" } } }),
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            json!({ "Limit": 0 }),
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            json!({ "Select": "count" }),
            "1 validation error detected: Value 'count' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
        ),
        (
            json!({ "Select": "SPECIFIC_ATTRIBUTES" }),
            "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            json!({ "Select": "ALL_PROJECTED_ATTRIBUTES" }),
            "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            json!({ "ExpressionAttributeNames": { "#a": "a" } }),
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            json!({ "ExpressionAttributeValues": { ":a": { "S": "a" } } }),
            "ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            json!({ "FilterExpression": "" }),
            "Invalid FilterExpression: The expression can not be empty;",
        ),
    ] {
        world.invalid("Scan", scan(more), message).await;
    }
    // One of the two segments does not hold this key.
    let mut outside = Vec::new();
    for segment in [0, 1] {
        let start =
            json!({ "Segment": segment, "TotalSegments": 2, "ExclusiveStartKey": entry("a", 1) });
        let (_, output) = world.send("Scan", &scan(start)).await;
        outside.extend(output["message"].as_str().map(str::to_owned));
    }
    assert_eq!(outside.len(), 1);
    assert!(outside[0].starts_with("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: "));
}
