//! How a function's log looks, and where it goes.

use super::Reading;
use crate::desired::Logging;
use crate::diagnostic::Finding;
use crate::template::shape::{Schema, Support::Obeyed};

const LOGGING: Schema = &[
    ("ApplicationLogLevel", Obeyed),
    ("LogFormat", Obeyed),
    ("LogGroup", Obeyed),
    ("SystemLogLevel", Obeyed),
];

const APPLICATION_LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

const SYSTEM_LEVELS: &[&str] = &["DEBUG", "INFO", "WARN"];

impl Reading<'_> {
    pub(super) fn logging(&self) -> Logging {
        let Some(fields) = self.fields.nested("LoggingConfig", LOGGING, self.findings) else {
            return Logging::default();
        };
        let json = fields.choice("LogFormat", &["Text", "JSON"]) == Some("JSON");
        let level = |name: &str, levels: &[&'static str]| {
            let level = fields.choice(name, levels)?;
            if !json {
                self.say(
                    Finding::error(fields.place(name), format!("`{name}` needs JSON"))
                        .why("lines of text have no level that is looked at")
                        .help("set `LogFormat: JSON`"),
                );
            }
            Some(level.to_owned())
        };
        Logging {
            json,
            application_level: level("ApplicationLogLevel", APPLICATION_LEVELS),
            system_level: level("SystemLogLevel", SYSTEM_LEVELS),
            group: fields.text("LogGroup"),
        }
    }
}
