//! What imports and exports are asked for by, and what is told of them that nobody said.

use super::*;

#[tokio::test]
async fn exports_are_of_tables_of_this_account_and_region() {
    let world = World::with_bucket().await;
    world.recoverable(true).await;
    let index = format!("{ARN}/index/by-at");
    let elsewhere = ARN.replace("us-east-1", "us-west-2");
    let foreign = ARN.replace("000000000000", "999999999999");
    let missing = format!("Table not found: {elsewhere}");
    for (arn, code, message) in [
        (
            "log",
            "ValidationException",
            "One or more parameter values were invalid: tableArn is not a valid ARN",
        ),
        (
            &index,
            "ValidationException",
            "Invalid Request: Table ARN is invalid.",
        ),
        (&foreign, "AccessDeniedException", "Access is denied"),
        (&elsewhere, "TableNotFoundException", &missing),
    ] {
        let input = json!({ "TableArn": arn, "S3Bucket": "copies" });
        let refused = world.refused("ExportTableToPointInTime", input).await;
        assert_eq!(refused, (code.to_owned(), message.to_owned()));
    }
    let id = "01489628383860-b1dfd4a6";
    let export = json!({ "ExportArn": format!("{foreign}/export/{id}") });
    let import = json!({ "ImportArn": format!("{foreign}/import/{id}") });
    for (operation, input) in [("DescribeExport", export), ("DescribeImport", import)] {
        let refused = world.refused(operation, input).await;
        let expected = ("AccessDeniedException", "Access is denied");
        assert_eq!((&*refused.0, &*refused.1), expected, "{operation}");
    }
    let arn = format!("{ARN}/export/{id}");
    let refused = world.refused("DescribeExport", json!({ "ExportArn": arn }));
    let message = format!("Export not found: Export not found: {arn}");
    assert_eq!(
        refused.await,
        ("ExportNotFoundException".to_owned(), message)
    );
}

#[tokio::test]
async fn exports_of_a_table_that_is_gone_are_told_and_not_listed_of_another() {
    let world = World::with_bucket().await;
    world.recoverable(true).await;
    let export = world.export(json!({})).await;
    world.make().await;
    let of_table = json!({ "TableArn": ARN });
    let listed = async || {
        let listed = world.ok("ListExports", of_table.clone()).await;
        listed["ExportSummaries"].as_array().unwrap().len()
    };
    assert_eq!(listed().await, 1);
    world.ok("DeleteTable", json!({ "TableName": "log" })).await;
    assert_eq!(listed().await, 0);
    let again = super::super::table("log", json!([["id", "S"]]));
    world.ok("CreateTable", again).await;
    assert_eq!(listed().await, 0);
    assert_eq!(world.exported(&export).await["ExportStatus"], "COMPLETED");
}

#[tokio::test]
async fn a_page_has_ten_unless_more_are_asked_for() {
    let world = World::with_bucket().await;
    world.recoverable(true).await;
    for _ in 0..11 {
        world.export(json!({})).await;
        world.clock.advance(Duration::from_secs(1));
    }
    for (asked, told) in [(json!({}), 10), (json!({ "MaxResults": 25 }), 11)] {
        let page = world.ok("ListExports", asked).await;
        assert_eq!(page["ExportSummaries"].as_array().unwrap().len(), told);
        assert_eq!(page.get("NextToken").is_some(), told == 10);
    }
}

#[tokio::test]
async fn an_import_tells_whose_bucket_it_reads_and_how_it_is_compressed() {
    let world = World::with_bucket().await;
    let begun = world.import(json!({})).await;
    let told = world.imported(&begun).await;
    assert_eq!(told["S3BucketSource"]["S3BucketOwner"], "000000000000");
    assert_eq!(told["InputCompressionType"], "NONE");
    let options = import(json!({ "InputFormatOptions": { "Csv": {} }, "ClientToken": "u" }));
    let message = "Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON.";
    world.invalid("ImportTable", options, message).await;
}
