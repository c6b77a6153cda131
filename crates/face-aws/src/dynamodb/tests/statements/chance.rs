//! What is so of whatever chance writes.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn no_statement_makes_the_reader_fall_over(text in statement_soup(), noise in ".{0,60}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::with_tables().await;
            for text in [text, noise] {
                if !text.is_empty() {
                    let (status, _) = world.send("ExecuteStatement", &statement(&text)).await;
                    assert!(status < 500);
                }
            }
        });
    }
}

fn statement_soup() -> impl Strategy<Value = String> {
    let words = [
        "SELECT",
        "*",
        "FROM",
        "music",
        "WHERE",
        "id",
        "=",
        "'a'",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<<",
        ">>",
        ",",
        ".",
        ":",
        "?",
        "1",
        "-",
        "+",
        "IN",
        "BETWEEN",
        "IS",
        "MISSING",
        "NULL",
        "INSERT INTO",
        "VALUE",
        "UPDATE",
        "SET",
        "REMOVE",
        "DELETE FROM",
        "RETURNING ALL OLD *",
        "size(",
        "contains(",
        "list_append(",
        "set_add(",
        "attribute_exists(",
        "-- note\n",
        "/* note */",
        "/*",
        ".5",
        "1e",
        ";",
        "é",
        "\"x\"",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 1..20)
        .prop_map(|words| words.join(" "))
}
