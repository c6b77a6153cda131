//! Strings. Places in them count letters.

use regex::Regex;

use crate::Error;
use crate::value::Value;

pub(super) fn call(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let printed: Result<Vec<String>, Error> = arguments.iter().map(Value::print).collect();
    let printed = printed?;
    let words: Vec<&str> = printed.iter().map(String::as_str).collect();
    match by_words(text, name, &words)? {
        Some(found) => Ok(Some(found)),
        None => by_places(text, name, arguments),
    }
}

fn by_words(text: &str, name: &str, words: &[&str]) -> Result<Option<Value>, Error> {
    Ok(Some(match (name, words) {
        ("length", []) => Value::count(text.chars().count()),
        ("isEmpty", []) => Value::Bool(text.is_empty()),
        ("trim", []) => Value::text(text.trim_matches(|letter| letter <= ' ')),
        ("toLowerCase", []) => Value::text(text.to_lowercase()),
        ("toUpperCase", []) => Value::text(text.to_uppercase()),
        ("contains", [part]) => Value::Bool(text.contains(part)),
        ("startsWith", [part]) => Value::Bool(text.starts_with(part)),
        ("endsWith", [part]) => Value::Bool(text.ends_with(part)),
        ("concat", [other]) => Value::Text(format!("{text}{other}")),
        ("equalsIgnoreCase", [other]) => Value::Bool(text.to_lowercase() == other.to_lowercase()),
        ("compareTo", [other]) => Value::Int(text.cmp(other) as i128),
        ("indexOf", [part]) => found(text, text.find(part)),
        ("lastIndexOf", [part]) => found(text, text.rfind(part)),
        ("replace", [old, new]) => Value::Text(text.replace(old, new)),
        ("replaceAll", [pattern, new]) => {
            let new = replacement(new);
            Value::text(regex(pattern)?.replace_all(text, new.as_str()))
        }
        ("replaceFirst", [pattern, new]) => {
            let new = replacement(new);
            Value::text(regex(pattern)?.replace(text, new.as_str()))
        }
        ("matches", [pattern]) => Value::Bool(regex(&format!("^(?:{pattern})$"))?.is_match(text)),
        ("split", [pattern]) => split(text, &regex(pattern)?, 0)?,
        _ => return Ok(None),
    }))
}

fn by_places(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match (name, arguments) {
        ("charAt", [Value::Int(at)]) => Value::Text(part(text, *at, at.saturating_add(1))?),
        ("substring", [Value::Int(from)]) => {
            let end = text.chars().count() as i128;
            Value::Text(part(text, *from, end)?)
        }
        ("substring", [Value::Int(from), Value::Int(to)]) => Value::Text(part(text, *from, *to)?),
        ("split", [pattern, Value::Int(limit)]) => split(text, &regex(&pattern.print()?)?, *limit)?,
        _ => return Ok(None),
    }))
}

fn regex(pattern: &str) -> Result<Regex, Error> {
    let read = Regex::new(pattern);
    read.map_err(|_| Error::Failed(format!("the pattern {pattern:?} is not understood")))
}

/// Where a byte's place is, in letters.
fn found(text: &str, at: Option<usize>) -> Value {
    match at {
        Some(at) => Value::count(text[..at].chars().count()),
        None => Value::Int(-1),
    }
}

fn part(text: &str, from: i128, to: i128) -> Result<String, Error> {
    let length = text.chars().count() as i128;
    let is_inside = 0 <= from && from <= to && to <= length;
    let ends = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let Some((from, to)) = ends.filter(|_| is_inside) else {
        let why = format!("{from} to {to} is outside of the string");
        return Err(Error::Failed(why));
    };
    Ok(text.chars().skip(from).take(to - from).collect())
}

/// `$1` is a group, and `\` takes the next letter as it is. Names of groups go on as long as they can, so they are put in
/// braces.
fn replacement(written: &str) -> String {
    let mut out = String::new();
    let mut letters = written.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => {}
            },
            '$' => match letters.next_if(char::is_ascii_digit) {
                Some(group) => out.extend(["${", group.encode_utf8(&mut [0; 4]), "}"]),
                None => out.push_str("$$"),
            },
            other => out.push(other),
        }
    }
    out
}

/// Without a limit, nothing is kept of what is empty at the end; and nothing before a match of nothing at the beginning.
fn split(text: &str, pattern: &Regex, limit: i128) -> Result<Value, Error> {
    let most = usize::try_from(limit).ok().filter(|most| *most > 0);
    let mut parts = Vec::new();
    let mut start = 0;
    for found in pattern.find_iter(text) {
        let is_nothing = found.end() == 0 || found.is_empty() && found.start() == text.len();
        if is_nothing || most.is_some_and(|most| parts.len() + 1 >= most) {
            continue;
        }
        parts.push(&text[start..found.start()]);
        start = found.end();
    }
    let is_whole = parts.is_empty();
    parts.push(&text[start..]);
    if limit == 0 && !is_whole {
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    Value::list(parts.into_iter().map(Value::text).collect())
}
