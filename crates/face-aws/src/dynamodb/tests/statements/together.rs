//! Statements in batches and transactions.

use super::*;

#[tokio::test]
async fn statements_come_in_batches_and_transactions() {
    let world = World::with_tables().await;
    let batch = |statements: Value| json!({ "Statements": statements });
    let writes = batch(json!([
        statement("INSERT INTO music VALUE {'id': 'a', 'n': 1}"),
        statement("INSERT INTO music VALUE {'id': 'a'}"),
        statement("UPDATE absent SET n = 1 WHERE id = 'a'"),
        statement("no statement"),
    ]));
    let responses = world.ok("BatchExecuteStatement", writes).await["Responses"].clone();
    assert_eq!(responses[0], json!({ "TableName": "music" }));
    assert_eq!(responses[1]["Error"]["Code"], "DuplicateItem");
    assert_eq!(responses[1]["TableName"], "music");
    assert_eq!(responses[2]["Error"]["Code"], "ResourceNotFound");
    assert_eq!(responses[2].get("TableName"), None);
    assert_eq!(responses[3]["Error"]["Code"], "ValidationError");
    let reads = batch(json!([
        statement("SELECT n FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music"),
    ]));
    let responses = world.ok("BatchExecuteStatement", reads).await["Responses"].clone();
    assert_eq!(
        responses[0],
        json!({ "TableName": "music", "Item": { "n": { "N": "1" } } })
    );
    assert_eq!(responses[1]["Error"]["Code"], "ValidationError");
    let both = batch(json!([
        statement("DELETE FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music WHERE id = 'a'"),
    ]));
    let message = "Read and write requests together in the same batch is not supported.";
    world.invalid("BatchExecuteStatement", both, message).await;
    let transact = |statements: Value| json!({ "TransactStatements": statements });
    let writes = transact(json!([
        statement("UPDATE music SET n = n + 1 WHERE id = 'a'"),
        statement("INSERT INTO music VALUE {'id': 'b', 'n': 5}"),
    ]));
    let done = world.ok("ExecuteTransaction", writes.clone()).await;
    assert_eq!(done, json!({ "Responses": [] }));
    let (code, _) = world.refused("ExecuteTransaction", writes).await;
    assert_eq!(code, "TransactionCanceledException");
    let reads = transact(json!([
        statement("SELECT n FROM music WHERE id = 'a'"),
        statement("SELECT n FROM music WHERE id = 'b'"),
        statement("SELECT n FROM music WHERE id = 'c'"),
    ]));
    let read = world.ok("ExecuteTransaction", reads).await;
    assert_eq!(
        read["Responses"],
        json!([{ "Item": { "n": { "N": "2" } } }, { "Item": { "n": { "N": "5" } } }, {}])
    );
}

#[tokio::test]
async fn a_transaction_of_statements_checks_that_something_is_so() {
    let world = ordered().await;
    let exists = "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 1 AND won IS MISSING)";
    let update = "UPDATE log SET won = 1 WHERE id = 'o' AND at = 2";
    let (status, done) = transact(&world, &[exists, update]).await;
    assert_eq!((status, done), (200, json!({ "Responses": [] })));

    let won = "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 2 AND won IS MISSING)";
    let (status, done) =
        transact(&world, &[won, "DELETE FROM log WHERE id = 'o' AND at = 1"]).await;
    assert_eq!(status, 400);
    assert_eq!(
        done["CancellationReasons"],
        json!([
            { "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" },
            { "Code": "None" },
        ])
    );
    // Of what is not there nothing is so.
    let absent = "EXISTS(SELECT * FROM log WHERE id = 'x' AND at = 2 AND won IS MISSING)";
    assert_eq!(transact(&world, &[absent, update]).await.0, 400);

    for (texts, message) in [
        (
            &[
                "EXISTS(SELECT * FROM log WHERE id = 'o' AND at = 1)",
                update,
            ][..],
            "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition",
        ),
        (
            &["SELECT * FROM log WHERE id = 'o' AND at = 1", update],
            "ExecuteTransaction API does not support both read and write operations in the same request.",
        ),
    ] {
        let (status, refused) = transact(&world, texts).await;
        assert_eq!((status, &refused["message"]), (400, &json!(message)));
    }
    let message = "EXISTS can only be used in ExecuteTransaction write requests.";
    world
        .invalid("ExecuteStatement", statement(exists), message)
        .await;
    let insert = "INSERT INTO log VALUE {'id': 'o', 'at': 1}";
    let (_, refused) = transact(&world, &[insert]).await;
    assert_eq!(
        refused["CancellationReasons"],
        json!([{ "Code": "DuplicateItem", "Message": "Duplicate primary key exists in table" }])
    );
}

#[tokio::test]
async fn a_transaction_tells_which_statement_is_wrong() {
    let world = indexed().await;
    let read = "SELECT * FROM songs WHERE id = 'a' AND at = 1";
    for (texts, wrong, message) in [
        (
            ["SLECT", read],
            0,
            "Statement wasn't well formed, can't be processed: Expected data manipulation",
        ),
        (
            [read, "SELECT * FROM songs.gkept WHERE \"by\" = 'x'"],
            1,
            "Reads on indices are not supported within transactions.",
        ),
        (
            [read, "SELECT * FROM songs WHERE id = 'a'"],
            1,
            "Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        ),
        (
            [
                "SELECT * FROM songs WHERE id = 'a' AND at = 1 AND attribute_exists(kept)",
                read,
            ],
            0,
            "Select statements within ExecuteTransaction must specify the primary key in the where clause.",
        ),
        (
            [
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 2",
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 1 RETURNING ALL NEW *",
            ],
            1,
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            [
                "UPDATE songs SET kept = 'new' WHERE id = 'a' AND at = 2",
                "DELETE FROM songs WHERE id = 'a'",
            ],
            1,
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
    ] {
        let (status, refused) = transact(&world, &texts).await;
        let message = format!("Validation failed in TransactStatements[{wrong}]: {message}");
        assert_eq!((status, &refused["message"]), (400, &json!(message)));
    }
    // A parameter is read before its statement is.
    let input =
        json!({ "TransactStatements": [{ "Statement": "SLECT", "Parameters": [{ "N": "abc" }] }] });
    let message = "The parameter cannot be converted to a numeric value: abc";
    world.invalid("ExecuteTransaction", input, message).await;
    let kept = "SELECT kept FROM songs WHERE at = 2 AND id = 'a' AND at = 2";
    let (_, found) = transact(&world, &[kept]).await;
    assert_eq!(
        found["Responses"],
        json!([{ "Item": { "kept": { "S": "k" } } }])
    );
}
