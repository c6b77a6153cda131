//! How paths are written.

use super::Step;
use super::filter::Filter;

/// What is left of a path.
pub(super) struct Rest<'a>(pub(super) &'a str);

impl<'a> Rest<'a> {
    pub(super) fn take(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn want(&mut self, token: &str) -> Result<(), String> {
        match self.take(token) {
            true => Ok(()),
            false => Err(format!("`{token}` is missing before `{}`", self.0)),
        }
    }

    pub(super) fn spaces(&mut self) {
        self.0 = self.0.trim_start();
    }

    pub(super) fn while_is(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|letter| !fits(letter)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// A string in quotes of either kind.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, String> {
        let Some(quote) = self
            .0
            .chars()
            .next()
            .filter(|first| matches!(first, '\'' | '"'))
        else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut letters = self.0.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
                _ if letter == quote => {
                    self.0 = &self.0[at + 1..];
                    return Ok(Some(text));
                }
                _ => text.push(letter),
            }
        }
        Err(format!("the string does not end: {}", self.0))
    }
}

pub(super) fn path(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = Rest(text.trim());
    if !rest.take("$") && !rest.0.starts_with(['.', '[']) {
        // A path may do without its beginning.
        let mut steps = vec![name(&mut rest)?];
        steps.extend(self::steps(&mut rest)?);
        return ended(&rest, steps);
    }
    let steps = self::steps(&mut rest)?;
    ended(&rest, steps)
}

fn ended(rest: &Rest<'_>, steps: Vec<Step>) -> Result<Vec<Step>, String> {
    match rest.0.is_empty() {
        true => Ok(steps),
        false => Err(format!("`{}` is not understood", rest.0)),
    }
}

/// As far as they go.
pub(super) fn steps(rest: &mut Rest<'_>) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    loop {
        if rest.take("..") {
            steps.push(Step::Below);
            steps.push(match rest.take("[") {
                true => bracket(rest)?,
                false => name(rest)?,
            });
        } else if rest.take(".") {
            steps.push(name(rest)?);
        } else if rest.take("[") {
            steps.push(bracket(rest)?);
        } else {
            return Ok(steps);
        }
    }
}

fn name(rest: &mut Rest<'_>) -> Result<Step, String> {
    if rest.take("*") {
        return Ok(Step::Any);
    }
    let ends = [
        '.', '[', ']', '(', ')', ' ', '=', '!', '<', '>', '&', '|', ',',
    ];
    let name = rest.while_is(|letter| !ends.contains(&letter));
    if name.is_empty() {
        return Err(format!("a name is missing before `{}`", rest.0));
    }
    if rest.take("()") {
        return match name {
            "length" | "size" => Ok(Step::Length),
            other => Err(format!("the function `{other}` of paths is not built")),
        };
    }
    Ok(Step::Names(vec![name.to_owned()]))
}

fn bracket(rest: &mut Rest<'_>) -> Result<Step, String> {
    rest.spaces();
    let step = if rest.take("*") {
        Step::Any
    } else if rest.take("?(") {
        let filter = Filter::read(rest)?;
        rest.spaces();
        rest.want(")")?;
        Step::Filter(filter)
    } else if rest.0.starts_with(['\'', '"']) {
        Step::Names(names(rest)?)
    } else {
        indexes(rest)?
    };
    rest.spaces();
    rest.want("]")?;
    Ok(step)
}

fn names(rest: &mut Rest<'_>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    loop {
        rest.spaces();
        let name = rest.quoted()?;
        names.push(name.ok_or_else(|| format!("a name is missing before `{}`", rest.0))?);
        rest.spaces();
        if !rest.take(",") {
            return Ok(names);
        }
    }
}

fn indexes(rest: &mut Rest<'_>) -> Result<Step, String> {
    let first = index(rest)?;
    if rest.take(":") {
        return Ok(Step::Slice(first, index(rest)?));
    }
    let missing = || "a number is missing in brackets".to_owned();
    let mut all = vec![first.ok_or_else(missing)?];
    while rest.take(",") {
        all.push(index(rest)?.ok_or_else(missing)?);
    }
    Ok(Step::Indexes(all))
}

fn index(rest: &mut Rest<'_>) -> Result<Option<i64>, String> {
    rest.spaces();
    let digits = rest.while_is(|letter| letter.is_ascii_digit() || letter == '-');
    rest.spaces();
    if digits.is_empty() {
        return Ok(None);
    }
    let number = digits.parse();
    number
        .map(Some)
        .map_err(|_| format!("`{digits}` is no number"))
}
