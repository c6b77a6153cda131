//! Patterns of paths: `items/{id:int?}`, `files/{name}.{ending}`, `{*rest}`.
//!
//! A parameter may have constraints, a default, be optional, or take all that is left. Of several patterns that a path
//! fits, the one goes first whose segments are more precise, from the left: [`PathPattern::precedence`]. The rules are those
//! of the published "Routing in ASP.NET Core".

mod constraint;
mod parse;

#[cfg(test)]
mod tests;

use percent_encoding::percent_decode_str;
use regex::Regex;

use constraint::Constraint;

/// A pattern that has been read.
#[derive(Clone, Debug)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
enum Segment {
    /// Compared without regard to case.
    Literal(String),
    Parameter(Parameter),
    /// Several parts between two slashes.
    Mixed {
        expression: Regex,
        parameters: Vec<Parameter>,
    },
    /// All that is left.
    Rest(Parameter),
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    constraints: Vec<Constraint>,
    default: Option<String>,
    optional: bool,
}

/// Names and decoded values.
pub type Parameters = Vec<(String, String)>;

impl PathPattern {
    /// Reads a pattern, or says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        parse::pattern(text)
    }

    /// The parameters of a path that is still encoded, if it fits.
    pub fn fits(&self, path: &str) -> Option<Parameters> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut parts = match path.is_empty() {
            true => Vec::new(),
            false => path.split('/').map(decoded).collect(),
        };
        parts.reverse();
        let mut parameters = Parameters::new();
        for segment in &self.segments {
            if let Segment::Rest(parameter) = segment {
                let rest: Vec<String> = parts.drain(..).rev().collect();
                let rest = Some(rest.join("/")).filter(|rest| !rest.is_empty());
                parameter.take(rest, &mut parameters)?;
            } else {
                segment.take(parts.pop(), &mut parameters)?;
            }
        }
        parts.is_empty().then_some(parameters)
    }

    /// The smaller goes first.
    pub fn precedence(&self) -> Vec<u8> {
        self.segments.iter().map(Segment::rank).collect()
    }

    /// Equal for patterns that every path fits alike, whatever their parameters are called.
    pub fn shape(&self) -> String {
        let shapes: Vec<String> = self.segments.iter().map(Segment::shape).collect();
        shapes.join("/")
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

impl Segment {
    fn take(&self, part: Option<String>, parameters: &mut Parameters) -> Option<()> {
        match self {
            Self::Literal(literal) => {
                let part = part?;
                (part.to_lowercase() == *literal).then_some(())
            }
            Self::Parameter(parameter) | Self::Rest(parameter) => parameter.take(part, parameters),
            Self::Mixed {
                expression,
                parameters: wanted,
            } => {
                let part = part?;
                let found = expression.captures(&part)?;
                let groups = found.iter().skip(1);
                for (parameter, group) in wanted.iter().zip(groups) {
                    let value = group.map(|group| group.as_str().to_owned());
                    parameter.take(value, parameters)?;
                }
                Some(())
            }
        }
    }

    fn rank(&self) -> u8 {
        let constrained = |parameter: &Parameter| u8::from(!parameter.constraints.is_empty());
        match self {
            Self::Literal(_) => 1,
            Self::Mixed { .. } => 2,
            Self::Parameter(parameter) => 3 - constrained(parameter),
            Self::Rest(parameter) => 5 - constrained(parameter),
        }
    }

    fn shape(&self) -> String {
        match self {
            Self::Literal(literal) => literal.clone(),
            Self::Mixed { expression, .. } => expression.as_str().to_owned(),
            Self::Parameter(parameter) => format!("{{{:?}}}", parameter.constraints),
            Self::Rest(parameter) => format!("{{*{:?}}}", parameter.constraints),
        }
    }
}

impl Parameter {
    fn take(&self, value: Option<String>, parameters: &mut Parameters) -> Option<()> {
        match value {
            Some(value) => {
                let fits = |constraint: &Constraint| constraint.fits(&value);
                let is_one = !value.is_empty() && self.constraints.iter().all(fits);
                is_one.then(|| parameters.push((self.name.clone(), value)))
            }
            None => {
                if let Some(default) = &self.default {
                    parameters.push((self.name.clone(), default.clone()));
                    return Some(());
                }
                self.optional.then_some(())
            }
        }
    }
}
