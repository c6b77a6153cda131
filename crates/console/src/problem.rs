//! Why a request was not done, for the command line to tell and for scripts to read.

use base::ErrorKind;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use wire::Response;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// What a caller should make of it.
    pub kind: ErrorKind,
    pub message: String,
    /// What to do about it, where the message does not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// What is wrong with a template, item by item.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub diagnostics: Vec<serde_json::Value>,
    /// The same for people, as a compiler would print it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rendered: Option<String>,
}

impl Problem {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            diagnostics: Vec::new(),
            rendered: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, message)
    }

    pub(crate) fn denied() -> Self {
        let hint = "the token of a running server is in `server.json` in its data folder";
        Self {
            hint: Some(hint.to_owned()),
            ..Self::new(ErrorKind::Denied, "the admin API wants the server's token")
        }
    }

    pub(crate) fn print(&self) -> Response {
        let status = match self.kind {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Missing => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        crate::json(status, &serde_json::json!({ "error": self }))
    }
}

impl From<functions::Error> for Problem {
    fn from(error: functions::Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<topics::Error> for Problem {
    fn from(error: topics::Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<ledger::Error> for Problem {
    fn from(error: ledger::Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<deploy::Error> for Problem {
    fn from(error: deploy::Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        let kind = error.kind();
        match error {
            deploy::Error::Refused(diagnostics) => Self::from(diagnostics),
            error => Self {
                hint,
                ..Self::new(kind, error.to_string())
            },
        }
    }
}

impl From<deploy::Diagnostics> for Problem {
    fn from(diagnostics: deploy::Diagnostics) -> Self {
        Self::from(vec![diagnostics])
    }
}

/// Of several templates at once.
impl From<Vec<deploy::Diagnostics>> for Problem {
    fn from(refused: Vec<deploy::Diagnostics>) -> Self {
        let errors: usize = refused.iter().map(deploy::Diagnostics::errors).sum();
        let (have, errors) = match (refused.len(), errors) {
            (1, 1) => ("the template has".to_owned(), "an error".to_owned()),
            (1, errors) => ("the template has".to_owned(), format!("{errors} errors")),
            (templates, errors) => (
                format!("{templates} templates have"),
                format!("{errors} errors"),
            ),
        };
        let rendered = refused.iter().map(|one| one.render(false));
        let found = refused.iter().flat_map(deploy::Diagnostics::iter);
        Self {
            rendered: Some(rendered.collect::<Vec<_>>().join("\n\n")),
            diagnostics: found
                .map(|found| serde_json::to_value(found).unwrap_or_default())
                .collect(),
            ..Self::new(
                ErrorKind::Invalid,
                format!("{have} {errors}; nothing was changed"),
            )
        }
    }
}
