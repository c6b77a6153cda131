//! What mapping templates can refer to: `$input`, `$util`, `$context` and `$stageVariables`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value as Json, json};
use velocity::{Error, Object, Value};

use super::json_path;
use crate::gateway::event;

/// As forms are written: a space becomes a plus, after the others.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b' ');

/// All of them, and what a template may say besides its text.
pub(super) struct Values {
    context: Value,
    names: BTreeMap<String, Value>,
}

impl Values {
    pub(super) fn new(request: &HttpRequest) -> Self {
        let context: Value = context(request).into();
        let variables = json!(request.route.stage_variables);
        let names = BTreeMap::from([
            ("context".to_owned(), context.clone()),
            ("stageVariables".to_owned(), variables.into()),
            ("util".to_owned(), Value::object(Util)),
        ]);
        Self { context, names }
    }

    /// With the body that a template is about.
    pub(super) fn with_input(&self, request: &HttpRequest, body: &[u8]) -> BTreeMap<String, Value> {
        let input = Input {
            body: String::from_utf8_lossy(body).into_owned(),
            parameters: parameters(request),
        };
        let mut names = self.names.clone();
        names.insert("input".to_owned(), Value::object(input));
        names
    }

    /// What was set in `$context.requestOverride.header` and its like.
    pub(super) fn overridden(&self, what: &str, place: &str) -> Vec<(String, String)> {
        let places = self.context.entry(what).and_then(|all| all.entry(place));
        let entries = places.map(|places| places.entries()).unwrap_or_default();
        let printed = entries.into_iter();
        printed
            .filter_map(|(name, value)| Some((name, value.print().ok()?)))
            .collect()
    }

    pub(super) fn overridden_status(&self) -> Option<u16> {
        let status = self.context.entry("responseOverride")?.entry("status")?;
        let status = status.print().ok()?.parse().ok()?;
        (100..600).contains(&status).then_some(status)
    }
}

/// A fact about the request, by its path behind `context.`.
pub(super) fn context_fact(request: &HttpRequest, path: &str) -> Option<String> {
    let mut steps = path.split('.');
    let context = context(request);
    let found = steps.try_fold(&context, |at, step| at.get(step))?;
    Some(text(found))
}

fn context(request: &HttpRequest) -> Json {
    let mut event = event::fields(request, functions::HttpForm::Detailed);
    let mut context = event.remove("requestContext").unwrap_or_default();
    let no_headers = json!({ "header": {}, "path": {}, "querystring": {} });
    context["requestOverride"] = no_headers;
    context["responseOverride"] = json!({ "header": {} });
    context
}

/// As it stands in text: a string as it is.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// JSON, or what is none as a string; nothing stands for an empty object.
pub(super) fn parsed(body: &str) -> Json {
    match body.trim().is_empty() {
        true => json!({}),
        false => serde_json::from_str(body).unwrap_or_else(|_| body.into()),
    }
}

/// By where they are: in the path, the query string and the headers, which is also the order in which they are looked for.
fn parameters(request: &HttpRequest) -> Json {
    let event = event::fields(request, functions::HttpForm::Detailed);
    let of = |name: &str| match event.get(name) {
        Some(found) if !found.is_null() => found.clone(),
        _ => json!({}),
    };
    json!({
        "path": of("pathParameters"),
        "querystring": of("queryStringParameters"),
        "header": of("headers"),
    })
}

#[derive(Debug)]
struct Input {
    body: String,
    parameters: Json,
}

impl Input {
    fn parameter(&self, name: &str) -> Option<Value> {
        let places = ["path", "querystring", "header"];
        let mut found = places.iter().filter_map(|place| {
            let all = self.parameters[*place].as_object()?;
            let mut all = all.iter();
            let fits = |known: &str| {
                known == name || *place == "header" && known.eq_ignore_ascii_case(name)
            };
            all.find(|(known, _)| fits(known))
                .map(|(_, value)| text(value))
        });
        found.next().map(Value::Text)
    }

    fn find(&self, path: &str) -> Result<Option<Json>, Error> {
        let found = json_path::find(&parsed(&self.body), path);
        found.map_err(|why| Error::Failed(format!("the path {path:?}: {why}")))
    }
}

impl Object for Input {
    fn property(&self, name: &str) -> Option<Value> {
        (name == "body").then(|| Value::text(&self.body))
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
        Ok(Some(match (name, arguments) {
            ("body", []) | ("getBody", []) => Value::text(&self.body),
            ("json", [path]) => match self.find(&path.print()?)? {
                Some(found) => Value::Text(found.to_string()),
                None => Value::text("\"\""),
            },
            ("path", [path]) => self.find(&path.print()?)?.map_or(Value::Null, Value::from),
            ("params", []) => self.parameters.clone().into(),
            ("params", [name]) => {
                let name = name.print()?;
                let found = self.parameter(&name);
                // A place's name stands for all that is there.
                let place = self.parameters.get(&name).cloned().map(Value::from);
                found.or(place).unwrap_or_else(|| Value::text(""))
            }
            _ => return Ok(None),
        }))
    }
}

#[derive(Debug)]
struct Util;

impl Object for Util {
    fn property(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
        let [argument] = arguments else {
            return Ok(None);
        };
        let text = argument.print()?;
        Ok(Some(match name {
            "escapeJavaScript" => Value::Text(escaped(&text)),
            "parseJson" => {
                let parsed = serde_json::from_str::<Json>(&text);
                let wrong = |cause| Error::Failed(format!("parseJson: {cause}"));
                parsed.map_err(wrong)?.into()
            }
            "urlEncode" => {
                let encoded = utf8_percent_encode(&text, FORM).to_string();
                Value::Text(encoded.replace(' ', "+"))
            }
            "urlDecode" => {
                let spaced = text.replace('+', " ");
                Value::text(percent_decode_str(&spaced).decode_utf8_lossy())
            }
            "base64Encode" => Value::Text(STANDARD.encode(text)),
            "base64Decode" => {
                let decoded = STANDARD.decode(text.trim());
                let wrong = |cause| Error::Failed(format!("base64Decode: {cause}"));
                Value::text(String::from_utf8_lossy(&decoded.map_err(wrong)?))
            }
            _ => return Ok(None),
        }))
    }
}

/// By the rules for strings of JavaScript, single quotes and slashes too.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '"' | '\'' | '\\' | '/' => out.extend(['\\', letter]),
            ' '..='~' => out.push(letter),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use velocity::Template;

    use super::*;

    #[test]
    fn templates_speak_about_the_request() {
        let input = Input {
            body: r#"{"a": {"b": [1, "x"]}, "s": "it's \"é\" a/b"}"#.into(),
            parameters: json!({
                "path": {"id": "7"},
                "querystring": {"q": "a b"},
                "header": {"X-Own": "yes"},
            }),
        };
        let names = BTreeMap::from([
            ("input".to_owned(), Value::object(input)),
            ("util".to_owned(), Value::object(Util)),
        ]);
        for (template, expected) in [
            ("$input.json('$.a')", r#"{"b":[1,"x"]}"#),
            ("$input.json('$.a.b[1]') $input.json('$.none')", r#""x" """#),
            ("$input.path('$.a.b[1]')$input.path('$.none')", "x"),
            ("$input.path('$.a').b.size()", "2"),
            (
                "$input.params('id')$input.params('q')$input.params('x-own')$input.params('z')",
                "7a byes",
            ),
            (
                "#foreach($p in $input.params().keySet())$p #end",
                "path querystring header ",
            ),
            ("$input.params().get('header').get('X-Own')", "yes"),
            (
                "$util.escapeJavaScript($input.path('$.s'))",
                r#"it\'s \"\u00E9\" a\/b"#,
            ),
            (
                r#"$util.escapeJavaScript("it's").replaceAll("\\'", "'")"#,
                "it's",
            ),
            ("$util.urlEncode('a b&c*é')", "a+b%26c*%C3%A9"),
            ("$util.urlDecode('a+b%26c')", "a b&c"),
            ("$util.base64Decode($util.base64Encode('abc'))", "abc"),
            (
                "#set($o = $util.parseJson('{\"k\": [true]}'))$o.k[0]",
                "true",
            ),
        ] {
            let rendered = Template::read(template).unwrap().render(names.clone());
            assert_eq!(rendered.as_deref(), Ok(expected), "{template}");
        }
        for template in [
            "$util.parseJson('{')",
            "$input.path('$[')",
            "$util.none('x')",
        ] {
            let rendered = Template::read(template).unwrap().render(names.clone());
            assert!(rendered.is_err(), "{template}");
        }
    }
}
