//! What an unquoted scalar is depends on what is wanted.
//!
//! CloudFormation reads YAML 1.1, in which `yes` is true, `010` is eight and `1.10` is 1.1. The words become booleans here
//! too, because that is what they become in the cloud. Numbers keep the text in which they are written wherever text is
//! wanted, since every reader that rewrites them loses something; both are said by a notice.

use crate::diagnostic::{Finding, Report};
use crate::template::tree::{Node, Value};

/// The text of a scalar, as a property that wants a string gets it. None for what is no scalar.
pub(crate) fn text(node: &Node, report: &Report) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Plain(plain) => {
            if let Some(truth) = boolean_word(plain) {
                let text = truth.to_string();
                if text != *plain {
                    report.add(
                        Finding::notice(node.span, format!("`{plain}` is read as `{truth}`"))
                            .why("a boolean in YAML 1.1")
                            .help(format!("write '{plain}' in quotes to keep the word")),
                    );
                }
                return Some(text);
            }
            if let Some(elsewhere) = rewritten_elsewhere(plain) {
                report.add(
                    Finding::notice(node.span, format!("`{plain}` is kept as it is written"))
                        .why(format!("a number in YAML; other tools make it {elsewhere}"))
                        .help(format!(
                            "write '{plain}' in quotes to be sure of it everywhere"
                        )),
                );
            }
            Some(plain.clone())
        }
        _ => None,
    }
}

pub(crate) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Plain(plain) => boolean_word(plain),
        Value::Text(text) => match text.as_str() {
            "true" | "True" => Some(true),
            "false" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number; `Timeout: '30'` counts, `010` does not, because it is eight to some readers and ten to others.
pub(crate) fn integer(node: &Node) -> Option<i64> {
    let text = node.scalar()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let ambiguous = digits.len() > 1 && digits.starts_with('0');
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && !ambiguous).then(|| text.parse().ok()).flatten()
}

fn boolean_word(plain: &str) -> Option<bool> {
    match plain {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// What a reader of YAML 1.1 makes of a number whose text it does not keep.
fn rewritten_elsewhere(plain: &str) -> Option<String> {
    let octal = plain.len() > 1
        && plain.starts_with('0')
        && plain.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if octal {
        return u64::from_str_radix(plain, 8)
            .ok()
            .map(|value| value.to_string());
    }
    let (whole, fraction) = plain.split_once('.')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || !fraction.ends_with('0') {
        return None;
    }
    let trimmed = fraction.trim_end_matches('0');
    let trimmed = if trimmed.is_empty() { "0" } else { trimmed };
    let shorter = format!("{whole}.{trimmed}");
    (shorter != plain).then_some(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn plain(text: &str) -> Node {
        Node::new(Span::default(), Value::Plain(text.into()))
    }

    #[test]
    fn text_keeps_numbers_and_reads_boolean_words() {
        let read = |written: &str| {
            let report = Report::default();
            let text = text(&plain(written), &report).unwrap();
            (text, report.into_findings().len())
        };
        for (written, want, notices) in [
            ("010", "010", 1),
            ("1.10", "1.10", 1),
            ("1.1", "1.1", 0),
            ("1.0", "1.0", 0),
            ("089", "089", 0),
            ("0", "0", 0),
            ("2010-09-09", "2010-09-09", 0),
            ("yes", "true", 1),
            ("Off", "false", 1),
            ("true", "true", 0),
            ("y", "y", 0),
            ("12:30", "12:30", 0),
        ] {
            assert_eq!(read(written), (want.to_owned(), notices), "{written}");
        }
    }

    #[test]
    fn whole_numbers_are_unambiguous() {
        for (written, want) in [
            ("30", Some(30)),
            ("-1", Some(-1)),
            ("0", Some(0)),
            ("010", None),
            ("1.5", None),
            ("ten", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(&plain(written)), want, "{written}");
        }
    }
}
