//! Paths into JSON, as `$input` takes them: `$.a.b`, `$['a'][0]`, `$.a[*].b`, `$..b`, `$.a[?(@.b > 1)]`.
//!
//! What can be in one place only is that value, or nothing; all other paths find a list.

mod filter;
mod parse;

use serde_json::Value;

use filter::Filter;

#[derive(Debug, PartialEq)]
enum Step {
    Names(Vec<String>),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Any,
    /// The step that follows, anywhere below.
    Below,
    Filter(Filter),
    Length,
}

impl Step {
    fn is_definite(&self) -> bool {
        match self {
            Self::Names(names) => names.len() == 1,
            Self::Indexes(indexes) => indexes.len() == 1,
            Self::Length => true,
            Self::Slice(..) | Self::Any | Self::Below | Self::Filter(_) => false,
        }
    }
}

/// What the path finds, or why it is none.
pub(super) fn find(root: &Value, path: &str) -> Result<Option<Value>, String> {
    let steps = parse::path(path)?;
    let mut found = vec![root.clone()];
    for step in &steps {
        found = found.iter().flat_map(|at| take(at, step)).collect();
    }
    Ok(match steps.iter().all(Step::is_definite) {
        true => found.into_iter().next(),
        false => Some(Value::Array(found)),
    })
}

fn take(at: &Value, step: &Step) -> Vec<Value> {
    match (step, at) {
        (Step::Names(names), Value::Object(members)) => {
            let found = names.iter().filter_map(|name| members.get(name));
            found.cloned().collect()
        }
        (Step::Indexes(indexes), Value::Array(items)) => {
            let found = indexes
                .iter()
                .filter_map(|index| items.get(place(*index, items.len())?));
            found.cloned().collect()
        }
        (Step::Slice(from, to), Value::Array(items)) => {
            let end = |index: &Option<i64>, usual: usize| match index {
                None => usual,
                Some(index) if *index < 0 => place(*index, items.len()).unwrap_or(0),
                Some(index) => usize::try_from(*index).map_or(usual, |at| at.min(items.len())),
            };
            let (from, to) = (end(from, 0), end(to, items.len()));
            items.get(from..to).unwrap_or_default().to_vec()
        }
        (Step::Any, _) => children(at).cloned().collect(),
        (Step::Below, _) => {
            let mut all = Vec::new();
            below(at, &mut all);
            all
        }
        (Step::Filter(filter), Value::Array(items)) => {
            let fits = items.iter().filter(|item| filter.fits(item));
            fits.cloned().collect()
        }
        (Step::Filter(filter), Value::Object(_)) if filter.fits(at) => vec![at.clone()],
        (Step::Length, Value::Array(items)) => vec![items.len().into()],
        (Step::Length, Value::Object(members)) => vec![members.len().into()],
        _ => Vec::new(),
    }
}

/// Where a number counts to; from the end if it is below zero.
fn place(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if index < 0 { index + length } else { index };
    usize::try_from(at).ok()
}

fn children(at: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match at {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn below(at: &Value, all: &mut Vec<Value>) {
    all.push(at.clone());
    for child in children(at) {
        below(child, all);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_find_values() {
        let order = json!({
            "id": 7,
            "it's": "quoted",
            "a-b": true,
            "items": [{"n": "tea", "p": 3}, {"n": "milk", "p": 1, "tags": ["x"]}],
            "none": null,
        });
        for (path, expected) in [
            ("$", Some(order.clone())),
            ("$.id", Some(json!(7))),
            ("id", Some(json!(7))),
            ("$.a-b", Some(json!(true))),
            ("$['a-b']", Some(json!(true))),
            ("$[\"it's\"]", Some(json!("quoted"))),
            ("$['it\\'s']", Some(json!("quoted"))),
            ("$.none", Some(json!(null))),
            ("$.missing", None),
            ("$.missing.deeper", None),
            ("$.items[1].n", Some(json!("milk"))),
            ("$.items[-1].n", Some(json!("milk"))),
            ("$.items[5]", None),
            ("$.items[*].n", Some(json!(["tea", "milk"]))),
            ("$.items.*.p", Some(json!([3, 1]))),
            ("$.items[0,1].n", Some(json!(["tea", "milk"]))),
            ("$.items[0:1].n", Some(json!(["tea"]))),
            ("$.items[-1:].n", Some(json!(["milk"]))),
            ("$..n", Some(json!(["tea", "milk"]))),
            ("$..tags[0]", Some(json!(["x"]))),
            ("$['id','a-b']", Some(json!([7, true]))),
            ("$.items.length()", Some(json!(2))),
            ("$.items[?(@.p > 1)].n", Some(json!(["tea"]))),
            (
                "$.items[?(@.n == 'milk' || @.p >= 3)].p",
                Some(json!([3, 1])),
            ),
            ("$.items[?(@.tags && @.p != 2)].n", Some(json!(["milk"]))),
            ("$.items[?(!@.tags)].n", Some(json!(["tea"]))),
        ] {
            assert_eq!(find(&order, path), Ok(expected), "{path}");
        }
        for path in [
            "$.",
            "$[",
            "$['a'",
            "$.a[",
            "$[?(@.a =~ /x/)]",
            "$.a.sum()",
            "$[?(@.a",
        ] {
            assert!(find(&order, path).is_err(), "{path}");
        }
    }
}
