//! Finds what the sources of a function import of the SDK, without running or parsing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::build::sdk::sources::sources;

/// `require("…")`, `import("…")`, `import "…"` and `… from "…"`, also as bundlers write them. What begins as a line of a
/// comment comes first, so that it is passed over.
static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?-u)(?m:^[ \t]*(?://|\*)[^\n]*)|(?:require[ \t]*\(|import[ \t]*\(|\bimport|\bfrom)\s*["'`]((?:@aws-sdk|@smithy)/[a-z0-9._-]*[a-z0-9]|aws-sdk)(?:/[^"'`\n]*)?["'`]"#,
    )
    .expect("it is one")
});

/// A client whose name is put together when the code runs.
static COMPUTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?-u)["'`]@aws-sdk/client-(?:\$\{|["'`]\s*(?:\+|\.concat))"#).expect("it is one")
});

/// Which it may be: those of the services that are here.
const CLIENTS: [&str; 9] = [
    "@aws-sdk/client-apigatewaymanagementapi",
    "@aws-sdk/client-cloudwatch-logs",
    "@aws-sdk/client-dynamodb",
    "@aws-sdk/client-eventbridge",
    "@aws-sdk/client-lambda",
    "@aws-sdk/client-s3",
    "@aws-sdk/client-scheduler",
    "@aws-sdk/client-sns",
    "@aws-sdk/client-sqs",
];

/// The names of the SDK's packages that the code asks for and does not have.
pub(super) fn missing(code: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources(code, is_source) {
        let Ok(text) = fs::read(&file) else {
            continue;
        };
        let folder = file.parent().unwrap_or(code);
        let asked = asked(&text).into_iter();
        found.extend(asked.filter(|name| !has(code, folder, name)));
    }
    found
}

fn asked(text: &[u8]) -> BTreeSet<String> {
    let name = |found: Captures<'_>| {
        let name = found.get(1)?.as_bytes();
        Some(String::from_utf8_lossy(name).into_owned())
    };
    let mut asked: BTreeSet<String> = IMPORT.captures_iter(text).filter_map(name).collect();
    if COMPUTED.is_match(text) {
        asked.extend(CLIENTS.map(str::to_owned));
    }
    asked
}

/// Whether what is in this folder of the code finds the package in the code.
fn has(code: &Path, folder: &Path, name: &str) -> bool {
    let folders = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(code));
    let mut packages = folders.map(|folder| folder.join("node_modules").join(name));
    packages.any(|package| package.exists())
}

pub(crate) fn is_source(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("js" | "mjs" | "cjs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::sdk::sources::LARGEST_FILE;

    #[test]
    fn what_is_imported_is_found_however_it_is_written() {
        for (text, name) in [
            (
                "const {S3} = require('@aws-sdk/client-s3')",
                "@aws-sdk/client-s3",
            ),
            (
                "import { S3 } from \"@aws-sdk/client-s3\";",
                "@aws-sdk/client-s3",
            ),
            (
                "import{S3 as a}from\"@aws-sdk/client-s3\";",
                "@aws-sdk/client-s3",
            ),
            (
                "import {\n  S3,\n} from\n  '@aws-sdk/client-s3'",
                "@aws-sdk/client-s3",
            ),
            (
                "await import(`@aws-sdk/lib-dynamodb`)",
                "@aws-sdk/lib-dynamodb",
            ),
            (
                "import '@smithy/node-http-handler/dist/x.js'",
                "@smithy/node-http-handler",
            ),
            (
                "var a=__require(\"@smithy/util-utf8\")",
                "@smithy/util-utf8",
            ),
            ("const S3 = require( 'aws-sdk/clients/s3' )", "aws-sdk"),
            ("/* SDK */ const AWS = require('aws-sdk')", "aws-sdk"),
            ("// was: require('x')\nrequire('aws-sdk')", "aws-sdk"),
        ] {
            assert_eq!(Vec::from_iter(asked(text.as_bytes())), [name], "{text}");
        }
        for nothing in [
            "  // const AWS = require('aws-sdk')",
            " * import x from 'aws-sdk'",
            "console.log('aws-sdk')",
            "require('aws-sdk-mock')",
            "require('./aws-sdk')",
            "require('@aws-sdk/')",
        ] {
            assert!(asked(nothing.as_bytes()).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn a_client_whose_name_is_put_together_may_be_any() {
        for text in [
            "x = `@aws-sdk/client-${service}`",
            "require('@aws-sdk/client-' + service)",
            "\"@aws-sdk/client-\".concat(service)",
        ] {
            let asked = asked(text.as_bytes());
            assert!(asked.contains("@aws-sdk/client-sqs"), "{text}");
            assert_eq!(asked.len(), CLIENTS.len(), "{text}");
        }
        assert!(asked(b"name.replace(/^@aws-sdk\\/client-/, '')").is_empty());
        assert!(asked(b"x = '@aws-sdk/client-'").is_empty());
    }

    #[test]
    fn what_the_package_has_is_not_missing() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("index.mjs", "import '@aws-sdk/a'; import '@aws-sdk/b'");
        write(
            "lib/more.js",
            "require('@aws-sdk/c'); require('@aws-sdk/d')",
        );
        write("node_modules/other/index.js", "require('@aws-sdk/e')");
        write("node_modules/@aws-sdk/a/index.js", "");
        write("lib/node_modules/@aws-sdk/c/index.js", "");
        write(".hidden/index.js", "require('@aws-sdk/f')");
        write("notes.txt", "require('@aws-sdk/g')");
        let large = usize::try_from(LARGEST_FILE).unwrap();
        write(
            "large.js",
            &format!("require('@aws-sdk/h'){}", " ".repeat(large)),
        );
        let missing = Vec::from_iter(missing(dir.path()));
        assert_eq!(missing, ["@aws-sdk/b", "@aws-sdk/d"]);
    }
}
