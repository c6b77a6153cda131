//! What a target gets of an event.
//!
//! A template is JSON in which `<names>` stand for parts of the event. Inside of quotes a text is put without quotes of
//! its own, and anything else as its JSON; outside of quotes everything is put as JSON. What is not there is an empty text.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::path::Path;
use crate::schema::rule::Input;

/// Placeholders that mean something without a path, as the face calls them.
pub(super) struct Reserved<'a>(pub(super) &'a dyn Fn(&str) -> Option<Value>);

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    #[error("{0:?} is no path")]
    Path(String),
    #[error("the template names {0:?}, which is no placeholder")]
    Placeholder(String),
    #[error("the input is not JSON")]
    Json,
}

impl Input {
    pub(super) fn check(&self, reserved: &dyn Fn(&str) -> bool) -> Result<(), BadInput> {
        let is_path = |path: &str| match Path::parse(path) {
            Some(_) => Ok(()),
            None => Err(BadInput::Path(path.to_owned())),
        };
        match self {
            Self::Whole => Ok(()),
            Self::Fixed(text) => {
                let read: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
                read.map(drop).map_err(|_| BadInput::Json)
            }
            Self::Part(path) => is_path(path),
            Self::Template { paths, template } => {
                paths.values().try_for_each(|path| is_path(path))?;
                for piece in pieces(template) {
                    if let Piece::Placeholder { name, .. } = piece
                        && !paths.contains_key(name)
                        && !reserved(name)
                    {
                        return Err(BadInput::Placeholder(name.to_owned()));
                    }
                }
                Ok(())
            }
        }
    }

    /// `whole` is the event as it is sent, `event` the same as a value.
    pub(super) fn render(&self, whole: &Bytes, event: &Value, reserved: &Reserved<'_>) -> Bytes {
        match self {
            Self::Whole => whole.clone(),
            Self::Fixed(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Part(path) => {
                let found = Path::parse(path).and_then(|path| path.find(event));
                found.unwrap_or_default().to_string().into()
            }
            Self::Template { paths, template } => fill(template, paths, event, reserved).into(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Placeholder { name: &'t str, is_quoted: bool },
}

fn fill(
    template: &str,
    paths: &BTreeMap<String, String>,
    event: &Value,
    reserved: &Reserved<'_>,
) -> String {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template) {
        let (name, is_quoted) = match piece {
            Piece::Text(text) => {
                filled.push_str(text);
                continue;
            }
            Piece::Placeholder { name, is_quoted } => (name, is_quoted),
        };
        let value = match paths.get(name) {
            Some(path) => Path::parse(path).and_then(|path| path.find(event)),
            None => (reserved.0)(name),
        };
        let value = value.unwrap_or_else(|| Value::from(""));
        if is_quoted {
            filled.push_str(&within_quotes(&value));
        } else {
            filled.push_str(&value.to_string());
        }
    }
    filled
}

fn within_quotes(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut is_quoted = false;
    let mut is_escaped = false;
    let mut from = 0;
    let mut skip_to = 0;
    for (at, letter) in template.char_indices() {
        if at < skip_to {
            continue;
        }
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '<' => {
                let Some(name) = placeholder(&template[at + 1..]) else {
                    continue;
                };
                pieces.push(Piece::Text(&template[from..at]));
                pieces.push(Piece::Placeholder { name, is_quoted });
                skip_to = at + name.len() + 2;
                from = skip_to;
            }
            _ => {}
        }
    }
    pieces.push(Piece::Text(&template[from..]));
    pieces
}

/// A `<` that is not the beginning of a name is only a `<`.
fn placeholder(rest: &str) -> Option<&str> {
    let (name, _) = rest.split_once('>')?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(paths: &[(&str, &str)], template: &str, event: &Value) -> String {
        let paths = paths
            .iter()
            .map(|(name, path)| ((*name).into(), (*path).into()));
        let input = Input::Template {
            paths: paths.collect(),
            template: template.into(),
        };
        let reserved = |name: &str| (name == "the.rule").then(|| json!("r"));
        assert_eq!(input.check(&|name| name == "the.rule"), Ok(()));
        let bytes = input.render(&Bytes::new(), event, &Reserved(&reserved));
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_template_is_filled_in_as_its_quotes_say() {
        let event = json!({
            "time": "now",
            "resources": ["arn:x"],
            "detail": {"instance": "i-0", "state": "RUN\"NING", "n": 3, "o": {"a": "b"}},
        });
        let paths = [
            ("instance", "$.detail.instance"),
            ("state", "$.detail.state"),
            ("n", "$.detail.n"),
            ("o", "$.detail.o"),
            ("r", "$.resources[0]"),
            ("none", "$.detail.none"),
        ];
        for (template, wanted) in [
            ("\"instance <instance> is\"", "\"instance i-0 is\""),
            (
                "{\"i\": <instance>, \"n\": <n>}",
                "{\"i\": \"i-0\", \"n\": 3}",
            ),
            ("{\"s\": \"<state>\"}", "{\"s\": \"RUN\\\"NING\"}"),
            (
                "{\"s\": \"\\\"<instance>\\\" <n>\"}",
                "{\"s\": \"\\\"i-0\\\" 3\"}",
            ),
            (
                "{\"o\": <o>, \"t\": \"<o>\"}",
                "{\"o\": {\"a\":\"b\"}, \"t\": \"{\\\"a\\\":\\\"b\\\"}\"}",
            ),
            (
                "{\"x\": <none>, \"y\": \"<none>\"}",
                "{\"x\": \"\", \"y\": \"\"}",
            ),
            (
                "{\"rule\": <the.rule>, \"r\": \"<r>\"}",
                "{\"rule\": \"r\", \"r\": \"arn:x\"}",
            ),
            ("\"1 < 2 and <instance>\"", "\"1 < 2 and i-0\""),
        ] {
            assert_eq!(filled(&paths, template, &event), wanted);
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        let template = |template: &str| Input::Template {
            paths: BTreeMap::from([("a".into(), "$.a".into())]),
            template: template.into(),
        };
        let none = |_: &str| false;
        assert_eq!(
            template("\"<b>\"").check(&none),
            Err(BadInput::Placeholder("b".into()))
        );
        assert_eq!(template("\"<a>\"").check(&none), Ok(()));
        assert_eq!(Input::Fixed("{".into()).check(&none), Err(BadInput::Json));
        assert_eq!(
            Input::Part("a".into()).check(&none),
            Err(BadInput::Path("a".into()))
        );
    }
}
