//! Paths into events: `$`, names with points between them or in brackets, and places in arrays.

use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    At(usize),
    /// Each element, or each member's value.
    Every,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// None if the text is no path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, left) = match rest.strip_prefix('[') {
                Some(bracket) => in_brackets(bracket)?,
                None => name(rest.strip_prefix('.')?)?,
            };
            steps.push(step);
            rest = left;
        }
        Some(Self(steps))
    }

    /// What is there; with stars, all of it as an array.
    pub(crate) fn find(&self, value: &Value) -> Option<Value> {
        let mut found = vec![value];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| go(step, value))
                .collect();
        }
        if self.0.contains(&Step::Every) {
            return Some(found.into_iter().cloned().collect());
        }
        found.first().map(|value| (*value).clone())
    }
}

fn go<'v>(step: &Step, value: &'v Value) -> Vec<&'v Value> {
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => members.get(name).into_iter().collect(),
        (Step::At(at), Value::Array(elements)) => elements.get(*at).into_iter().collect(),
        (Step::Every, Value::Array(elements)) => elements.iter().collect(),
        (Step::Every, Value::Object(members)) => members.values().collect(),
        _ => Vec::new(),
    }
}

fn name(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "" => None,
        "*" => Some((Step::Every, rest)),
        name => Some((Step::Name(name.to_owned()), rest)),
    }
}

fn in_brackets(text: &str) -> Option<(Step, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        let (name, rest) = text[1..].split_once(quote)?;
        return Some((Step::Name(name.to_owned()), rest.strip_prefix(']')?));
    }
    let (inside, rest) = text.split_once(']')?;
    match inside {
        "*" => Some((Step::Every, rest)),
        at => Some((Step::At(at.parse().ok()?), rest)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_what_they_name() {
        let event = json!({"a": {"b-c": [1, {"d": "e"}]}, "x.y": true});
        for (path, found) in [
            ("$", Some(event.clone())),
            ("$.a.b-c[0]", Some(json!(1))),
            ("$.a.b-c[1].d", Some(json!("e"))),
            ("$['x.y']", Some(json!(true))),
            ("$[\"a\"]['b-c'][0]", Some(json!(1))),
            ("$.a.b-c[*].d", Some(json!(["e"]))),
            ("$.a.nothing", None),
            ("$.a.b-c[2]", None),
        ] {
            assert_eq!(Path::parse(path).unwrap().find(&event), found, "{path}");
        }
        for path in ["", "a", "$a", "$.", "$.a[", "$.a[x]", "$['a'", "$..a"] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }
}
