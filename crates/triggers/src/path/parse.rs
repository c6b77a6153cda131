//! From a pattern's text to its segments.

use std::collections::HashSet;

use regex::Regex;

use super::constraint::Constraint;
use super::{Parameter, PathPattern, Segment};

enum Part {
    Literal(String),
    Parameter { parameter: Parameter, rest: bool },
}

pub(super) fn pattern(text: &str) -> Result<PathPattern, String> {
    let trimmed = text.strip_prefix("~/").unwrap_or(text);
    let trimmed = trimmed.trim_matches('/');
    let mut segments = Vec::new();
    let mut names = HashSet::new();
    if !trimmed.is_empty() {
        for part in split(trimmed)? {
            segments.push(segment(&part, &mut names)?);
        }
    }
    let rests = |segment: &Segment| matches!(segment, Segment::Rest(_));
    let ends = segments.len().saturating_sub(1);
    if segments.iter().take(ends).any(rests) {
        return Err("a parameter that takes the rest must be the last".into());
    }
    Ok(PathPattern { segments })
}

/// At slashes that are not in braces.
fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut segments, mut current, mut depth) = (Vec::new(), String::new(), 0_u32);
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                let less = depth.checked_sub(1);
                depth = less.ok_or("a `}` has no `{` before it")?;
            }
            '/' if depth == 0 => {
                segments.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(letter);
    }
    segments.push(current);
    match depth {
        _ if segments.iter().any(String::is_empty) => Err("two slashes follow each other".into()),
        0 => Ok(segments),
        _ => Err("a `{` has no `}` behind it".into()),
    }
}

fn segment(text: &str, names: &mut HashSet<String>) -> Result<Segment, String> {
    let mut parts = parts(text)?;
    for part in &parts {
        if let Part::Parameter { parameter, .. } = part
            && !names.insert(parameter.name.to_lowercase())
        {
            return Err(format!("the parameter `{}` is there twice", parameter.name));
        }
    }
    if parts.len() > 1 {
        return mixed(parts);
    }
    Ok(match parts.pop() {
        Some(Part::Literal(literal)) => Segment::Literal(literal.to_lowercase()),
        Some(Part::Parameter { parameter, rest }) if rest => Segment::Rest(Parameter {
            // As there may be nothing left.
            optional: true,
            ..parameter
        }),
        Some(Part::Parameter { parameter, .. }) => Segment::Parameter(parameter),
        None => return Err("two slashes follow each other".into()),
    })
}

/// Literals are found from the right, so that all but the first parameter are as short as possible.
fn mixed(parts: Vec<Part>) -> Result<Segment, String> {
    let mut expression = String::from("(?is)^");
    let mut parameters = Vec::new();
    let last = parts.len() - 1;
    for (at, part) in parts.into_iter().enumerate() {
        match part {
            Part::Literal(literal) => {
                expression.push_str(&regex::escape(&literal));
            }
            Part::Parameter { rest: true, .. } => {
                return Err("a parameter that takes the rest must be alone in its segment".into());
            }
            Part::Parameter { parameter, .. } => {
                // `{name}.{ending?}`: without the ending there is no dot either.
                match parameter.optional && at == last && expression.ends_with(r"\.") {
                    true => {
                        expression.truncate(expression.len() - 2);
                        expression.push_str(r"(?:\.([^.]+))?");
                        // The others must not take what belongs to it.
                        expression = expression.replace("(.+)", "(.+?)");
                    }
                    false => expression.push_str("(.+)"),
                }
                parameters.push(parameter);
            }
        }
    }
    expression.push('$');
    Ok(Segment::Mixed {
        expression: Regex::new(&expression).map_err(|why| why.to_string())?,
        parameters,
    })
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(open) = rest.find('{') else {
            parts.push(Part::Literal(rest.to_owned()));
            break;
        };
        if open > 0 {
            parts.push(Part::Literal(rest[..open].to_owned()));
        }
        let close = closing(&rest[open..]).ok_or("a `{` has no `}` behind it")?;
        parts.push(parameter(&rest[open + 1..open + close])?);
        rest = &rest[open + close + 1..];
        if rest.starts_with('{') {
            return Err("two parameters must have something between them".into());
        }
    }
    Ok(parts)
}

/// Braces in an expression are doubled, so they come in pairs.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    text.char_indices().find_map(|(at, letter)| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// What is between the braces.
fn parameter(text: &str) -> Result<Part, String> {
    let name = text.trim_start_matches('*');
    let rest = name.len() < text.len();
    let (text, optional) = match name.strip_suffix('?') {
        Some(text) => (text, true),
        None => (name, false),
    };
    let end = text.find([':', '=']).unwrap_or(text.len());
    let (name, mut text) = text.split_at(end);
    if name.is_empty() || name.contains(['/', '{', '}', '*', '?']) {
        return Err(format!("`{name}` cannot be the name of a parameter"));
    }
    let mut constraints = Vec::new();
    while let Some(more) = text.strip_prefix(':') {
        let end = end_of_constraint(more);
        constraints.push(Constraint::read(
            &more[..end].replace("{{", "{").replace("}}", "}"),
        )?);
        text = &more[end..];
    }
    let default = text.strip_prefix('=').map(str::to_owned);
    if optional && default.is_some() {
        return Err(format!("`{name}` is optional and has a default"));
    }
    let parameter = Parameter {
        name: name.to_owned(),
        constraints,
        default,
        optional,
    };
    Ok(Part::Parameter { parameter, rest })
}

/// At the next colon or equals sign that is not in parentheses.
fn end_of_constraint(text: &str) -> usize {
    let mut depth = 0_i32;
    let end = text.char_indices().find(|(_, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth <= 0 && matches!(letter, ':' | '=')
    });
    end.map_or(text.len(), |(at, _)| at)
}
