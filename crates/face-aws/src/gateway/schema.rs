//! JSON schema, draft 4, as models of REST APIs use it.
//!
//! The whole of the draft's section 5 ("Validation keywords by instance type") but `format`, which may be ignored by the
//! draft itself. References stay within the document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Deeper than any body that makes sense, and than references that go in circles.
const DEEPEST: usize = 64;

/// Says what is wrong with `value`, if something is.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    let root = Root(schema);
    root.check(schema, value, 0)
}

struct Root<'a>(&'a Value);

type Checked = Result<(), String>;

impl Root<'_> {
    fn check(&self, schema: &Value, value: &Value, depth: usize) -> Checked {
        if depth > DEEPEST {
            return Err("nested too deeply".into());
        }
        let Some(rules) = schema.as_object() else {
            return Ok(());
        };
        if let Some(at) = rules.get("$ref").and_then(Value::as_str) {
            let target = at.strip_prefix('#').and_then(|path| self.0.pointer(path));
            let target =
                target.ok_or_else(|| format!("the model refers to {at}, which is nowhere"))?;
            return self.check(target, value, depth + 1);
        }
        check_kind(rules, value)?;
        self.check_all(rules, value, depth)?;
        match value {
            Value::Object(fields) => self.check_object(rules, fields, depth),
            Value::Array(items) => self.check_array(rules, items, depth),
            Value::String(text) => check_text(rules, text),
            Value::Number(number) => check_number(rules, number.as_f64().unwrap_or_default()),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn check_all(&self, rules: &Map<String, Value>, value: &Value, depth: usize) -> Checked {
        let fits = |schema: &Value| self.check(schema, value, depth + 1);
        for schema in list(rules, "allOf") {
            fits(schema)?;
        }
        let any = list(rules, "anyOf");
        if !any.is_empty() && !any.iter().any(|schema| fits(schema).is_ok()) {
            return Err("instance failed to match at least one required schema".into());
        }
        let one = list(rules, "oneOf");
        let fitting = one.iter().filter(|schema| fits(schema).is_ok()).count();
        if !one.is_empty() && fitting != 1 {
            return Err("instance failed to match exactly one schema".into());
        }
        match rules.get("not") {
            Some(schema) if fits(schema).is_ok() => {
                Err("instance matched a schema which it should not have".into())
            }
            _ => Ok(()),
        }
    }

    fn check_object(
        &self,
        rules: &Map<String, Value>,
        fields: &Map<String, Value>,
        depth: usize,
    ) -> Checked {
        let required = list(rules, "required").iter().filter_map(Value::as_str);
        let lacking: Vec<&str> = required
            .filter(|name| !fields.contains_key(*name))
            .collect();
        if !lacking.is_empty() {
            return Err(format!(
                "object has missing required properties ({lacking:?})"
            ));
        }
        check_size(rules, "Properties", fields.len())?;
        let properties = rules.get("properties").and_then(Value::as_object);
        let patterns = rules.get("patternProperties").and_then(Value::as_object);
        let rest = rules.get("additionalProperties");
        for (name, value) in fields {
            let mut is_known = false;
            if let Some(schema) = properties.and_then(|known| known.get(name)) {
                is_known = true;
                self.check(schema, value, depth + 1)
                    .map_err(|why| format!("/{name}: {why}"))?;
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if matches(pattern, name)? {
                    is_known = true;
                    self.check(schema, value, depth + 1)?;
                }
            }
            match rest {
                Some(Value::Bool(false)) if !is_known => {
                    return Err(format!(
                        "object instance has properties which are not allowed by the schema: [\"{name}\"]"
                    ));
                }
                Some(schema) if !is_known => self.check(schema, value, depth + 1)?,
                _ => {}
            }
        }
        self.check_dependencies(rules, fields, depth)
    }

    fn check_dependencies(
        &self,
        rules: &Map<String, Value>,
        fields: &Map<String, Value>,
        depth: usize,
    ) -> Checked {
        let all = rules.get("dependencies").and_then(Value::as_object);
        for (name, wants) in all.into_iter().flatten() {
            if !fields.contains_key(name) {
                continue;
            }
            match wants {
                Value::Array(names) => {
                    let mut names = names.iter().filter_map(Value::as_str);
                    if let Some(lacking) = names.find(|name| !fields.contains_key(*name)) {
                        return Err(format!("property {name} needs property {lacking}"));
                    }
                }
                schema => self.check(schema, &Value::Object(fields.clone()), depth + 1)?,
            }
        }
        Ok(())
    }

    fn check_array(&self, rules: &Map<String, Value>, items: &[Value], depth: usize) -> Checked {
        check_size(rules, "Items", items.len())?;
        if rules.get("uniqueItems") == Some(&Value::Bool(true)) {
            let distinct: BTreeSet<String> = items.iter().map(ToString::to_string).collect();
            if distinct.len() < items.len() {
                return Err("array must not contain duplicate elements".into());
            }
        }
        match rules.get("items") {
            Some(Value::Array(schemas)) => {
                for (schema, item) in schemas.iter().zip(items) {
                    self.check(schema, item, depth + 1)?;
                }
                let rest = items.get(schemas.len()..).unwrap_or_default();
                match rules.get("additionalItems") {
                    Some(Value::Bool(false)) if !rest.is_empty() => {
                        Err("array is too long for its schema".into())
                    }
                    Some(schema) => rest
                        .iter()
                        .try_for_each(|item| self.check(schema, item, depth + 1)),
                    None => Ok(()),
                }
            }
            Some(schema) => items.iter().enumerate().try_for_each(|(at, item)| {
                self.check(schema, item, depth + 1)
                    .map_err(|why| format!("/{at}: {why}"))
            }),
            None => Ok(()),
        }
    }
}

fn check_kind(rules: &Map<String, Value>, value: &Value) -> Checked {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    };
    let fits = match rules.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !fits {
        return Err(format!(
            "instance type does not match any allowed primitive type (allowed: {})",
            rules["type"]
        ));
    }
    match rules.get("enum").and_then(Value::as_array) {
        Some(values) if !values.contains(value) => {
            Err("instance value not found in enum".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_text(rules: &Map<String, Value>, text: &str) -> Checked {
    check_size(rules, "Length", text.chars().count())?;
    match rules.get("pattern").and_then(Value::as_str) {
        Some(pattern) if !matches(pattern, text)? => Err(format!(
            "ECMA 262 regex \"{pattern}\" does not match input string"
        )),
        _ => Ok(()),
    }
}

fn check_number(rules: &Map<String, Value>, number: f64) -> Checked {
    let limit = |name: &str| rules.get(name).and_then(Value::as_f64);
    let excludes = |name: &str| rules.get(name) == Some(&Value::Bool(true));
    if let Some(least) = limit("minimum")
        && (number < least || number <= least && excludes("exclusiveMinimum"))
    {
        return Err(format!(
            "numeric instance is lower than the required minimum ({least})"
        ));
    }
    if let Some(most) = limit("maximum")
        && (number > most || number >= most && excludes("exclusiveMaximum"))
    {
        return Err(format!(
            "numeric instance is greater than the required maximum ({most})"
        ));
    }
    match limit("multipleOf") {
        Some(step) if step > 0.0 && (number / step).fract() != 0.0 => {
            Err(format!("numeric instance is not a multiple of {step}"))
        }
        _ => Ok(()),
    }
}

/// `minItems` and `maxItems`, and their like.
fn check_size(rules: &Map<String, Value>, of: &str, size: usize) -> Checked {
    let limit = |end: &str| rules.get(&format!("{end}{of}")).and_then(Value::as_u64);
    let size = size as u64;
    if limit("min").is_some_and(|least| size < least) {
        return Err(format!(
            "min{of} is {}, not {size}",
            limit("min").unwrap_or_default()
        ));
    }
    if limit("max").is_some_and(|most| size > most) {
        return Err(format!(
            "max{of} is {}, not {size}",
            limit("max").unwrap_or_default()
        ));
    }
    Ok(())
}

fn list<'a>(rules: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    rules
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    let compiled = regex::Regex::new(pattern);
    let compiled = compiled.map_err(|_| format!("the model's pattern {pattern:?} is none"))?;
    Ok(compiled.is_match(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_tells_right_from_wrong() {
        for (schema, right, wrong) in [
            (json!({ "type": "object" }), json!({}), json!([])),
            (json!({ "type": ["string", "null"] }), json!(null), json!(1)),
            (json!({ "type": "integer" }), json!(1), json!(1.5)),
            (json!({ "type": "number" }), json!(1), json!("1")),
            (json!({ "enum": ["a", 1] }), json!(1), json!("b")),
            (
                json!({ "required": ["a"] }),
                json!({ "a": null }),
                json!({ "b": 1 }),
            ),
            (
                json!({ "properties": { "a": { "type": "string" } } }),
                json!({ "a": "x" }),
                json!({ "a": 1 }),
            ),
            (
                json!({ "properties": { "a": {} }, "additionalProperties": false }),
                json!({ "a": 1 }),
                json!({ "b": 1 }),
            ),
            (
                json!({ "additionalProperties": { "type": "string" } }),
                json!({ "b": "x" }),
                json!({ "b": 1 }),
            ),
            (
                json!({ "patternProperties": { "^x": { "type": "integer" } } }),
                json!({ "x1": 1 }),
                json!({ "x1": "" }),
            ),
            (json!({ "minProperties": 1 }), json!({ "a": 1 }), json!({})),
            (
                json!({ "dependencies": { "a": ["b"] } }),
                json!({ "a": 1, "b": 1 }),
                json!({ "a": 1 }),
            ),
            (
                json!({ "items": { "type": "integer" } }),
                json!([1, 2]),
                json!([1, "2"]),
            ),
            (
                json!({ "items": [{ "type": "integer" }], "additionalItems": false }),
                json!([1]),
                json!([1, 2]),
            ),
            (
                json!({ "minItems": 1, "maxItems": 2 }),
                json!([1]),
                json!([]),
            ),
            (json!({ "uniqueItems": true }), json!([1, 2]), json!([1, 1])),
            (
                json!({ "minLength": 2, "maxLength": 3 }),
                json!("äö"),
                json!("a"),
            ),
            (json!({ "pattern": "^a+$" }), json!("aa"), json!("ab")),
            (
                json!({ "minimum": 1, "exclusiveMinimum": true }),
                json!(2),
                json!(1),
            ),
            (json!({ "maximum": 2 }), json!(2), json!(2.5)),
            (json!({ "multipleOf": 3 }), json!(9), json!(10)),
            (
                json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }),
                json!(1),
                json!(3),
            ),
            (
                json!({ "anyOf": [{ "type": "string" }, { "minimum": 5 }] }),
                json!(5),
                json!(4),
            ),
            (
                json!({ "oneOf": [{ "minimum": 5 }, { "maximum": 7 }] }),
                json!(8),
                json!(6),
            ),
            (json!({ "not": { "type": "string" } }), json!(1), json!("")),
            (
                json!({ "$ref": "#/definitions/a", "definitions": { "a": { "type": "string" } } }),
                json!("x"),
                json!(1),
            ),
        ] {
            assert_eq!(check(&schema, &right), Ok(()), "{schema} {right}");
            assert!(check(&schema, &wrong).is_err(), "{schema} {wrong}");
        }
    }

    #[test]
    fn circles_and_bad_models_end() {
        assert!(check(&json!({ "$ref": "#" }), &json!(1)).is_err());
        assert!(check(&json!({ "$ref": "#/nowhere" }), &json!(1)).is_err());
        assert!(check(&json!({ "pattern": "(" }), &json!("")).is_err());
    }
}
