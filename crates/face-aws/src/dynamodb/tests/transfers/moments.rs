use super::*;

fn recover(more: Value) -> Value {
    let input = json!({ "SourceTableName": "log", "TargetTableName": "again", "UseLatestRestorableTime": true });
    with(input, more)
}

#[tokio::test]
async fn a_table_is_restored_as_it_was_when_that_was_asked_for() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    let off = world.refused("RestoreTableToPointInTime", recover(json!({})));
    assert_eq!(
        off.await,
        (
            "PointInTimeRecoveryUnavailableException".to_owned(),
            "Point in time recovery is not enabled for table 'log'".to_owned()
        )
    );
    world.recoverable(true).await;
    let before = world.items("log").await;
    let by_arn = json!({ "SourceTableName": null, "SourceTableArn": ARN });
    let begun = world.ok("RestoreTableToPointInTime", recover(by_arn)).await;
    let summary = &begun["TableDescription"]["RestoreSummary"];
    assert_eq!(
        (&summary["SourceTableArn"], &summary["RestoreInProgress"]),
        (&json!(ARN), &json!(true))
    );
    assert!(summary.get("SourceBackupArn").is_none());
    world.put("log", entry("later", 1)).await;
    let twice = world.refused("RestoreTableToPointInTime", recover(json!({})));
    assert_eq!(twice.await.0, "TableAlreadyExistsException");
    world.make().await;

    assert_eq!(world.status("again").await, "ACTIVE");
    assert_eq!(world.items("again").await, before);
    let of = json!({ "TableName": "again" });
    let kept = world.ok("DescribeContinuousBackups", of).await;
    let kept = &kept["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(kept["PointInTimeRecoveryStatus"], "DISABLED");
}

#[tokio::test]
async fn no_other_moment_is_restored_and_no_table_that_is_not_there() {
    let world = World::with_bucket().await;
    world.recoverable(true).await;
    for (more, code) in [
        (
            json!({ "SourceTableName": "none" }),
            "TableNotFoundException",
        ),
        (
            json!({ "UseLatestRestorableTime": false }),
            "ValidationException",
        ),
        (json!({ "SourceTableArn": ARN }), "ValidationException"),
        (json!({ "RestoreDateTime": 1.0 }), "NotImplementedException"),
    ] {
        let refused = world.refused("RestoreTableToPointInTime", recover(more));
        assert_eq!(refused.await.0, code);
    }
}

#[tokio::test]
async fn a_table_whose_moment_is_lost_is_gone() {
    let world = World::with_bucket().await;
    world.fill_log().await;
    world.recoverable(true).await;
    world
        .ok("RestoreTableToPointInTime", recover(json!({})))
        .await;
    world.dynamodb.transfers().lose();
    world.make().await;
    let of = json!({ "TableName": "again" });
    let gone = world.refused("DescribeTable", of).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
}
