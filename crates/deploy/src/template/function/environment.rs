//! The variables of a function's environment.

use std::collections::BTreeMap;

use super::Reading;
use crate::diagnostic::Finding;
use crate::template::shape::{Schema, Support::Obeyed};

const ENVIRONMENT: Schema = &[("Variables", Obeyed)];

/// Set by the service in every instance; a function cannot have its own.
pub const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// All variables together, names and values.
const MAX_ENVIRONMENT: usize = 4_096;

impl Reading<'_> {
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let fields = self
            .fields
            .nested("Environment", ENVIRONMENT, self.findings);
        let Some(fields) = fields else {
            return BTreeMap::new();
        };
        let variables = fields.texts("Variables");
        let place = |name: &str| {
            let entries = fields.node("Variables").and_then(|node| node.entries());
            let mut entries = entries.unwrap_or_default().iter();
            entries
                .find(|entry| entry.key == name)
                .map_or(fields.place("Variables"), |entry| entry.key_span)
        };
        for name in variables.keys() {
            if RESERVED.contains(&name.as_str()) {
                self.say(
                    Finding::error(place(name), format!("the variable `{name}` is reserved"))
                        .why("every instance gets its own value of it"),
                );
            } else if !is_variable(name) {
                self.say(
                    Finding::error(place(name), format!("`{name}` cannot name a variable"))
                        .why("a letter, then letters, digits and underscores, two or more in all"),
                );
            }
        }
        let size: usize = variables
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MAX_ENVIRONMENT {
            self.say(
                Finding::error(fields.place("Variables"), "the environment is too large").why(
                    format!("{size} bytes; at most {MAX_ENVIRONMENT} are allowed"),
                ),
            );
        }
        variables
    }
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() > 1
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
