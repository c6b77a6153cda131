//! What a function really runs on. The real service names versions of its own; here it is the host's program, so the host's
//! is the version that is told.

use functions::Function;

use crate::place::Place;

pub(super) struct Runtime {
    /// As `python:3.11.7`.
    pub(super) version: String,
    /// None if the package brings the program: nothing is known of that.
    pub(super) arn: Option<String>,
}

impl Runtime {
    pub(super) fn of(function: &Function, runs_on: Option<&str>) -> Self {
        let id = &function.configuration.runtime;
        let (family, own) = split(id);
        Self {
            version: format!("{family}:{}", runs_on.unwrap_or(own)),
            arn: runs_on.map(|version| Place::of(&function.space).runtime_arn(id, version)),
        }
    }

    /// The first line of an instance's log.
    pub(super) fn line(&self) -> String {
        let line = format!("INIT_START Runtime Version: {}", self.version);
        match &self.arn {
            Some(arn) => format!("{line}\tRuntime Version ARN: {arn}"),
            None => line,
        }
    }
}

/// The language of a runtime's id, and the version in it.
fn split(id: &str) -> (&str, &str) {
    if let Some(version) = id.strip_prefix("provided") {
        return ("provided", version.trim_start_matches('.'));
    }
    let version = id.find(|letter: char| letter.is_ascii_digit());
    id.split_at(version.unwrap_or(id.len()))
}

#[cfg(test)]
mod tests {
    use functions::LogFormat;

    use super::*;
    use crate::dialect::tests::function;

    #[test]
    fn the_first_line_tells_the_hosts_program_or_none() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:runtime";
        for (id, runs_on, expected) in [
            (
                "python3.11",
                Some("3.12.3"),
                format!("python:3.12.3\tRuntime Version ARN: {arn}/python3.11/version/3.12.3"),
            ),
            (
                "nodejs20.x",
                Some("20.1.0"),
                format!("nodejs:20.1.0\tRuntime Version ARN: {arn}/nodejs20.x/version/20.1.0"),
            ),
            ("provided.al2023", None, "provided:al2023".to_owned()),
        ] {
            let mut function = function(LogFormat::Text);
            function.configuration.runtime = id.into();
            let line = Runtime::of(&function, runs_on).line();
            assert_eq!(line, format!("INIT_START Runtime Version: {expected}"));
        }
    }
}
