//! The language again, as simply as it can be said: every alternative with every choice of values, and no pruning.

use std::collections::BTreeMap;

use serde_json::Value;

type Fields<'p> = BTreeMap<Vec<String>, &'p [Value]>;
type Leaf<'e> = (&'e Value, BTreeMap<Vec<String>, usize>);

pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    let mut alternatives = vec![Fields::new()];
    expand(pattern, &[], &mut alternatives);
    alternatives.iter().any(|fields| {
        let fields: Vec<_> = fields.iter().collect();
        choose(&fields, event, &BTreeMap::new())
    })
}

fn expand<'p>(object: &'p Value, path: &[String], alternatives: &mut Vec<Fields<'p>>) {
    for (name, value) in object.as_object().unwrap() {
        if name == "$or" {
            let before = std::mem::take(alternatives);
            for choice in value.as_array().unwrap() {
                let mut these = before.clone();
                expand(choice, path, &mut these);
                alternatives.extend(these);
            }
            continue;
        }
        let path = [path, &parts(name)].concat();
        match value {
            Value::Array(tests) => {
                for fields in alternatives.iter_mut() {
                    fields.insert(path.clone(), tests);
                }
            }
            below => expand(below, &path, alternatives),
        }
    }
}

fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

fn choose(
    fields: &[(&Vec<String>, &&[Value])],
    event: &Value,
    chosen: &BTreeMap<Vec<String>, usize>,
) -> bool {
    let Some(((path, tests), rest)) = fields.split_first() else {
        return true;
    };
    let mut leaves = Vec::new();
    leaves_at(event, path, &mut Vec::new(), &BTreeMap::new(), &mut leaves);
    leaves.retain(|(_, place)| {
        place
            .iter()
            .all(|(array, at)| chosen.get(array).is_none_or(|there| there == at))
    });
    if leaves.is_empty() {
        return tests.iter().any(|test| test["exists"] == false) && choose(rest, event, chosen);
    }
    leaves.iter().any(|(value, place)| {
        let mut beside = chosen.clone();
        beside.extend(place.clone());
        tests.iter().any(|test| accepts(test, value)) && choose(rest, event, &beside)
    })
}

/// Arrays are known by the way to them: names, and indices of the arrays before.
fn leaves_at<'e>(
    value: &'e Value,
    path: &[String],
    way: &mut Vec<String>,
    place: &BTreeMap<Vec<String>, usize>,
    leaves: &mut Vec<Leaf<'e>>,
) {
    match value {
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                let mut inside = place.clone();
                inside.insert(way.clone(), at);
                way.push(at.to_string());
                leaves_at(element, path, way, &inside, leaves);
                way.pop();
            }
        }
        Value::Object(members) => {
            for (name, below) in members {
                if let Some(rest) = path.strip_prefix(parts(name).as_slice()) {
                    way.push(name.clone());
                    leaves_at(below, rest, way, place, leaves);
                    way.pop();
                }
            }
        }
        leaf if path.is_empty() => leaves.push((leaf, place.clone())),
        _ => {}
    }
}

fn accepts(test: &Value, value: &Value) -> bool {
    let Value::Object(test) = test else {
        return test == value || test.is_number() && test.as_f64() == value.as_f64();
    };
    let (operator, operand) = test.iter().next().unwrap();
    let text = value.as_str();
    match (operator.as_str(), operand) {
        ("exists", wanted) => wanted == true,
        ("prefix", Value::String(prefix)) => text.is_some_and(|text| text.starts_with(prefix)),
        ("suffix", Value::String(suffix)) => text.is_some_and(|text| text.ends_with(suffix)),
        ("equals-ignore-case", Value::String(wanted)) => {
            text.is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        }
        ("wildcard", Value::String(wildcard)) => {
            text.is_some_and(|text| like(wildcard.as_bytes(), text.as_bytes()))
        }
        ("numeric", Value::Array(terms)) => terms.chunks(2).all(|term| {
            let bound = term[1].as_f64().unwrap();
            value
                .as_f64()
                .is_some_and(|number| match term[0].as_str().unwrap() {
                    "<" => number < bound,
                    "<=" => number <= bound,
                    ">" => number > bound,
                    ">=" => number >= bound,
                    _ => number == bound,
                })
        }),
        ("cidr", Value::String(cidr)) => {
            let (network, bits) = cidr.split_once('/').unwrap();
            let (network, bits) = (binary(network).unwrap(), bits.parse().unwrap());
            text.and_then(binary).is_some_and(|address| {
                address.len() == network.len() && address[..bits] == network[..bits]
            })
        }
        ("anything-but", Value::Array(values)) => !values.iter().any(|test| accepts(test, value)),
        ("anything-but", test) => !accepts(test, value),
        other => panic!("{other:?}"),
    }
}

fn binary(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        std::net::IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        std::net::IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    })
}

fn like(wildcard: &[u8], text: &[u8]) -> bool {
    match (wildcard, text) {
        ([], []) => true,
        ([b'*', rest @ ..], text) => {
            like(rest, text) || !text.is_empty() && like(wildcard, &text[1..])
        }
        ([a, rest @ ..], [b, text @ ..]) => a == b && like(rest, text),
        _ => false,
    }
}
