//! Whether a policy lets everybody in, as the real service's settings against that see it: unless a statement names who is
//! let in, or where from, it is for all.

use serde_json::Value;

use crate::policy::{Document, Statement};

/// What tells strangers from others, when it is compared with something fixed.
const TELLING: [&str; 14] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];
const COMPARING: [&str; 6] = [
    "arnequals",
    "arnlike",
    "ipaddress",
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
];

pub(super) fn is_public(document: &Document) -> bool {
    let lets_all_in = |statement: &Statement| {
        let everyone = statement.not_principal.is_some() || statement.names_everyone();
        statement.allows() && everyone && !is_limited(statement)
    };
    document.statement.iter().any(lets_all_in)
}

fn is_limited(statement: &Statement) -> bool {
    let operators = statement.condition.iter().flatten();
    let mut comparing = operators.filter(|(operator, _)| {
        let operator = operator.to_ascii_lowercase();
        let plain = operator.rsplit(':').next().unwrap_or_default();
        COMPARING.contains(&plain)
    });
    comparing.any(|(_, keys)| {
        let keys = keys.as_object();
        let mut keys = keys.into_iter().flatten();
        keys.any(|(key, values)| {
            let key = key.to_ascii_lowercase();
            TELLING.contains(&&*key) && all(values, |value| is_fixed(&key, value))
        })
    })
}

fn all(values: &Value, holds: impl Fn(&str) -> bool) -> bool {
    match values {
        Value::Array(values) => values
            .iter()
            .all(|value| value.as_str().is_some_and(&holds)),
        value => value.as_str().is_some_and(holds),
    }
}

/// Addresses may be a network if it is no large part of all; an ARN may have wild cards behind its account.
fn is_fixed(key: &str, value: &str) -> bool {
    match key {
        "aws:sourceip" => is_narrow(value),
        "aws:sourcearn" | "aws:principalarn" => {
            let account = value.split(':').nth(4).unwrap_or_default();
            !value.contains(['*', '?']) || account.bytes().any(|byte| byte.is_ascii_digit())
        }
        _ => !value.contains(['*', '?']) && !value.contains("${"),
    }
}

fn is_narrow(network: &str) -> bool {
    let Some((address, bits)) = network.split_once('/') else {
        return true;
    };
    let least = if address.contains(':') { 32 } else { 8 };
    bits.parse::<u8>().is_ok_and(|bits| bits >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_in_by_name_or_from_somewhere_is_not_everybody() {
        let anyone = r#""Principal": "*""#;
        for (who, condition, public) in [
            (anyone, "", true),
            (r#""Principal": {"AWS": ["*"]}"#, "", true),
            (r#""NotPrincipal": {"AWS": "000000000000"}"#, "", true),
            (r#""Principal": {"AWS": "000000000000"}"#, "", false),
            (
                r#""Principal": {"Service": "cloudfront.amazonaws.com"}"#,
                "",
                false,
            ),
            (
                anyone,
                r#""IpAddress": {"aws:SourceIp": "10.1.0.0/16"}"#,
                false,
            ),
            (
                anyone,
                r#""IpAddress": {"aws:SourceIp": ["10.1.0.1", "0.0.0.0/0"]}"#,
                true,
            ),
            (
                anyone,
                r#""NotIpAddress": {"aws:SourceIp": "10.1.0.1"}"#,
                true,
            ),
            (
                anyone,
                r#""StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::1:distribution/E"}"#,
                false,
            ),
            (
                anyone,
                r#""StringLike": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/*"}"#,
                false,
            ),
            (
                anyone,
                r#""StringLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/*"}"#,
                true,
            ),
            (
                anyone,
                r#""StringLike": {"aws:Referer": "https://shop.example/*"}"#,
                true,
            ),
            (
                anyone,
                r#""StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}"#,
                true,
            ),
            (
                anyone,
                r#""StringEquals": {"aws:SourceVpc": "vpc-1"}"#,
                false,
            ),
        ] {
            let policy = format!(
                r#"{{"Statement": {{"Effect": "Allow", {who}, "Condition": {{{condition}}}}}}}"#
            );
            let document = Document::read(&policy).unwrap();
            assert_eq!(is_public(&document), public, "{policy}");
        }
        let denied = r#"{"Statement": {"Effect": "Deny", "Principal": "*"}}"#;
        assert!(!is_public(&Document::read(denied).unwrap()));
    }
}
