//! Printing, for people or for programs. What a command has to say goes to standard output, how it went wrong to
//! standard error; with `--json` both are objects on standard output, one per line, each with its `event`.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    coloured: bool,
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
        if self.json {
            let mut object = serde_json::Map::new();
            object.insert("event".into(), event.into());
            if let Ok(Value::Object(facts)) = serde_json::to_value(facts) {
                object.extend(facts);
            }
            self.line(&Value::Object(object).to_string());
        } else {
            self.line(&text());
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
