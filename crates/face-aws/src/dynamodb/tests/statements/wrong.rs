//! What is said of wrong statements.

use super::*;

#[tokio::test]
async fn wrong_statements_are_refused() {
    const MALFORMED: &str = "Statement wasn't well formed, can't be processed: ";
    let world = World::with_tables().await;
    for (text, message) in [
        ("FLY", format!("{MALFORMED}Expected data manipulation")),
        ("SELECT * FROM", format!("{MALFORMED}Unexpected term")),
        ("SELECT * FROM music WHERE id = 'a", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 'a' # a note", MALFORMED.into()),
        ("SELECT * FROM music /* a note", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 1e2147483648", MALFORMED.into()),
        (
            "SELECT * FROM music WHERE id = 1.5e-2147483647",
            MALFORMED.into(),
        ),
        ("SELECT * FROM music WHERE id = 1e", MALFORMED.into()),
        ("SELECT * FROM music WHERE id = 1a", MALFORMED.into()),
        (
            "SELECT * FROM music WHERE id = 1 e5",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "SELECT * FROM music ORDER BY id WHERE id = 'a'",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "INSERT INTO music VALUE {'id': 'a'} foo",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "FROM music SET c = 1 WHERE id = 'a'",
            format!("{MALFORMED}Unexpected token after expression"),
        ),
        (
            "SELECT * FROM music music",
            "Aliasing is not supported".into(),
        ),
        (
            "DELETE FROM music AS m WHERE id = 'a'",
            "Aliasing is not supported".into(),
        ),
        (
            "INSERT INTO music VALUE 'a'",
            "Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.".into(),
        ),
        (
            "DELETE FROM WHERE id = 'a'",
            format!("{MALFORMED}Expected identifier for simple path"),
        ),
        (
            "SELECT * FROM music WHERE;",
            format!("{MALFORMED}Unexpected term"),
        ),
        (
            "SELECT * FROM music WHERE id = 'a' AND",
            format!("{MALFORMED}Missing right-hand side expression of infix operator"),
        ),
        (
            "SELECT * FROM music WHERE ORDER BY id",
            format!("{MALFORMED}Unexpected keyword"),
        ),
        (
            "SELECT * FROM music WHERE id = LIKE",
            format!("{MALFORMED}Unexpected operator"),
        ),
        (
            "SELECT * FROM music WHERE id IS FOO",
            format!("{MALFORMED}Expected type name"),
        ),
        (
            "SELECT * FROM \"\" WHERE id = 'a'",
            "Path component cannot be an empty string".into(),
        ),
        (
            "SELECT * FROM music.\"\"",
            "Path component cannot be an empty string".into(),
        ),
        (
            "SELECT * FROM music.a.b",
            "A path may contain at most 2 components in the FROM clause".into(),
        ),
        (
            "UPDATE music SET n = 1e-131 WHERE id = 'a'",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range under root".into(),
        ),
        (
            "INSERT INTO music VALUE {'id': 'a', 'm': {'x': [1, 1e126]}}",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root.x[1]".into(),
        ),
        (
            "FROM music SET c = 1",
            "Where clause does not contain a mandatory equality on all key attributes".into(),
        ),
        (
            "SELECT id FROM absent WHERE id = 'a' AND s < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL".into(),
        ),
        (
            "SELECT id FROM music WHERE s BETWEEN <<1>> AND 2",
            "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: NS".into(),
        ),
        (
            "SELECT * FROM music WHERE id = ?",
            "Number of parameters in request and statement don't match.".into(),
        ),
        (
            "DELETE FROM log WHERE id = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes".into(),
        ),
    ] {
        world
            .invalid("ExecuteStatement", statement(text), &message)
            .await;
    }
    let absent = world
        .refused("ExecuteStatement", statement("SELECT * FROM absent"))
        .await;
    assert_eq!(absent.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn what_no_set_or_function_can_be_is_refused() {
    let world = ordered().await;
    let set = |set: &str| format!("INSERT INTO log VALUE {{'id': 'a', 'at': 1, 's': {set}}}");
    for (text, message) in [
        (set("<<>>"), "Empty bags are not supported"),
        (
            set("<<1, 'a'>>"),
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        ),
        (
            set("<<'a', 'a'>>"),
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            "UPDATE log SET other = set_add(s, <<'x'>>) WHERE id = 'o' AND at = 1".into(),
            "The first argument to SET_ADD must equal the assignment value at 1:24:7",
        ),
        (
            "UPDATE log\nSET s = set_add(s, 'x') WHERE id = 'o' AND at = 1".into(),
            "The second argument to SET_ADD must be a value with type SET at 2:17:1",
        ),
        (
            "UPDATE log SET s = set_delete(s) WHERE id = 'o' AND at = 1".into(),
            "SET_DELETE must have exactly two arguments at 1:20:10",
        ),
        (
            "SELECT * FROM log WHERE EXISTS(s)".into(),
            "Unrecognized function: exists at 1:25:6",
        ),
        (
            "SELECT attribute_exists(s) FROM log".into(),
            "Unexpected path component at 1:8:16",
        ),
        (
            "SELECT * FROM log WHERE attribute_exists('s')".into(),
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "SELECT * FROM log WHERE attribute_not_exists()".into(),
            "Incorrect number of operands for operator or function; operator or function: attribute_not_exists, number of operands: 0",
        ),
        (
            "SELECT * FROM log WHERE s IS INT4".into(),
            "Unsupported data type for IS operator: INT4. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]",
        ),
        (
            set("set_add(<<'a'>>, <<'b'>>)"),
            "Unsupported data type: set_add under key root at 1:49:7",
        ),
        (
            "INSERT INTO log VALUE {'id': 'a', 'at': 1} RETURNING ALL OLD *".into(),
            "RETURNING is not supported in INSERT",
        ),
        (
            "UPDATE log SET l = list_append(l, [1]) WHERE id = 'o' AND at = 1".into(),
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SELECT * FROM log WHERE id = 'o' AND attribute_type(total, 'X')".into(),
            "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
        ),
        (
            "DELETE FROM log WHERE id = 'o' AND at = 1 RETURNING MODIFIED OLD *".into(),
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
    ] {
        world
            .invalid("ExecuteStatement", statement(&text), message)
            .await;
    }
    let made = "UPDATE log SET s = set_add(s, <<'x'>>) WHERE id = 'o' AND at = 1";
    run(&world, made, json!(null)).await;
    let gone = "UPDATE log SET s = set_delete(s, <<'x'>>) WHERE id = 'o' AND at = 1";
    run(&world, gone, json!(null)).await;
    let found = run(
        &world,
        "SELECT * FROM log WHERE id = 'o' AND at = 1",
        json!(null),
    )
    .await;
    assert_eq!(found, json!([entry("o", 1)]));
}
