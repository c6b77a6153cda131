//! Printing, for people or for programs. What a command has to say goes to standard output, how it went wrong to
//! standard error; with `--json` both are objects on standard output, one per line, each with its `event`.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    coloured: bool,
}

#[derive(Serialize)]
struct Told<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    facts: &'a T,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            json,
            coloured: !json && wanted && std::io::stdout().is_terminal(),
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    /// Something happened: for programs an object with this `event`, for people the text.
    pub(crate) fn event(self, event: &str, facts: &impl Serialize, text: impl FnOnce() -> String) {
        self.line(&self.told(event, facts, text));
    }

    /// The same of many things, written at once: what is written line by line costs more than what is in the lines.
    pub(crate) fn events<T: Serialize>(self, event: &str, all: &[T], text: impl Fn(&T) -> String) {
        let mut lines = String::new();
        for facts in all {
            lines += &self.told(event, facts, || text(facts));
            lines.push('\n');
        }
        self.line(lines.trim_end_matches('\n'));
    }

    fn told(self, event: &str, facts: &impl Serialize, text: impl FnOnce() -> String) -> String {
        if self.json {
            let told = Told { event, facts };
            serde_json::to_string(&told).unwrap_or_else(|_| json!({ "event": event }).to_string())
        } else {
            text()
        }
    }

    /// An answer: for programs the object as it is.
    pub(crate) fn answer(self, facts: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            let facts = serde_json::to_string(facts).unwrap_or_default();
            self.line(&facts);
        } else {
            self.line(&text());
        }
    }

    /// Only for people.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    pub(crate) fn failure(self, failure: &Failure) {
        let problem = &failure.problem;
        if self.json {
            self.line(&json!({ "event": "error", "error": problem }).to_string());
            return;
        }
        let mut text = String::new();
        if let Some(rendered) = &problem.rendered {
            text += rendered.trim_end();
            text += "\n\n";
        }
        text += &format!("{} {}", self.paint("1;31", "error:"), problem.message);
        if let Some(hint) = &problem.hint {
            text += &format!("\n  {} {hint}", self.paint("1;36", "help:"));
        }
        text.push('\n');
        // Nobody may be reading any more; there is nowhere else to say it.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// The text in a colour, where colours show.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn line(self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        if written.is_err_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe) {
            // As other programs do when whoever reads them has seen enough.
            std::process::exit(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_an_object_that_begins_with_its_name() {
        let output = Output {
            json: true,
            coloured: false,
        };
        let told = output.told("log", &json!({ "text": "a\nb", "at": 1 }), String::new);
        assert_eq!(told, r#"{"event":"log","text":"a\nb","at":1}"#);
        // What is no object has nothing that could stand beside the name.
        assert_eq!(output.told("log", &1, String::new), r#"{"event":"log"}"#);
    }
}
