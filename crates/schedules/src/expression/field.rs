//! One field of a cron expression: lists of numbers, names, ranges and steps.

use super::Malformed;

pub(super) struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// What the numbers from `first` on are called.
    names: &'static [&'static str],
}

/// From `first` to `last`, in steps.
pub(super) struct Step {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) by: usize,
}

/// Each part of a list.
pub(super) fn list<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    text.split(',')
        .map(|part| read(&part.to_ascii_uppercase()))
        .collect()
}

impl Field {
    pub(super) const fn numbers(name: &'static str, first: u32, last: u32) -> Self {
        Self {
            name,
            first,
            last,
            names: &[],
        }
    }

    pub(super) const fn named(
        name: &'static str,
        first: u32,
        names: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            first,
            last: first + names.len() as u32 - 1,
            names,
        }
    }

    /// All that a field of small numbers means, as bits.
    pub(super) fn set(&self, text: &str) -> Result<u64, Malformed> {
        let parts = list(text, |part| self.part(part))?;
        Ok(parts.into_iter().fold(0, |set, part| set | part))
    }

    pub(super) fn part(&self, text: &str) -> Result<u64, Malformed> {
        let Step { first, last, by } = self.step(text)?;
        // `FRI-MON` goes over the end of the week.
        let length = self.last - self.first + 1;
        let last = if last < first { last + length } else { last };
        let wrap = |at: u32| if at > self.last { at - length } else { at };
        Ok((first..=last)
            .step_by(by)
            .fold(0, |set, at| set | 1 << wrap(at)))
    }

    pub(super) fn step(&self, text: &str) -> Result<Step, Malformed> {
        let refuse = || self.refuse(text);
        let (range, by) = match text.split_once('/') {
            None => (text, None),
            Some((range, by)) => (
                range,
                Some(by.parse().ok().filter(|by| *by > 0).ok_or_else(refuse)?),
            ),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range.is_empty() && by.is_some() => (self.first, self.last),
            Some((first, last)) => (
                self.number(first).ok_or_else(refuse)?,
                self.number(last).ok_or_else(refuse)?,
            ),
            None => {
                let first = self.number(range).ok_or_else(refuse)?;
                (first, if by.is_some() { self.last } else { first })
            }
        };
        Ok(Step {
            first,
            last,
            by: by.unwrap_or(1),
        })
    }

    pub(super) fn number(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| *name == text);
        let named = named
            .and_then(|at| u32::try_from(at).ok())
            .map(|at| self.first + at);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = named.or_else(|| is_plain.then(|| text.parse().ok())?)?;
        (self.first..=self.last).contains(&number).then_some(number)
    }

    pub(super) fn refuse(&self, text: &str) -> Malformed {
        Malformed::new(format!("{text:?} cannot be the {}", self.name))
    }
}
