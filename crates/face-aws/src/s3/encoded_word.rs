//! Metadata that is not plain text, made fit for a header (RFC 2047), as the service does with what it was sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What an encoded word may hold: 75 characters with the marks around it.
const MOST: usize = 63;

pub(super) fn encode(text: &str) -> String {
    let plain = text.chars().filter(|each| is_plain(*each)).count();
    let other = text.chars().count() - plain;
    if other == 0 {
        return text.to_owned();
    }
    let mut words = Vec::new();
    divide(text, plain > other, &mut words);
    words.join(" ")
}

fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~' | '\r' | '\n' | '\t')
}

/// Halves what is too long for one word.
fn divide(text: &str, quoted: bool, words: &mut Vec<String>) {
    let content = if quoted {
        quote(text)
    } else {
        STANDARD.encode(text)
    };
    let count = text.chars().count();
    if content.len() > MOST && count > 1 {
        let middle = text.char_indices().nth(count / 2).map_or(0, |(at, _)| at);
        let (first, second) = text.split_at(middle);
        divide(first, quoted, words);
        divide(second, quoted, words);
    } else {
        let kind = if quoted { 'Q' } else { 'B' };
        words.push(format!("=?UTF-8?{kind}?{content}?="));
    }
}

fn quote(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "_".to_owned(),
            b'=' | b'?' | b'_' => format!("={byte:02X}"),
            b'!'..=b'~' => char::from(byte).to_string(),
            _ => format!("={byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn as_the_service_answers() {
        for (text, expected) in [
            ("plain: a=b_c?", "plain: a=b_c?"),
            ("=?UTF-8?B?w4TDhMOE?=", "=?UTF-8?B?w4TDhMOE?="),
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("\0\u{1}\u{2}\u{3}\u{4}", "=?UTF-8?B?AAECAwQ=?="),
            ("äöü", "=?UTF-8?B?w6TDtsO8?="),
        ] {
            assert_eq!(encode(text), expected);
        }
    }

    #[test]
    fn no_word_is_too_long() {
        for text in ["ä".repeat(200), format!("{}ä", "a".repeat(300))] {
            let words = encode(&text);
            assert!(words.split(' ').all(|word| word.len() <= 75), "{words}");
        }
    }
}
