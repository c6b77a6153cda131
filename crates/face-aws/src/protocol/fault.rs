//! A refusal, before it is known how the protocol writes it.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::model::Model;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Option<String>,
    /// Told when the model does not say what the code's status is.
    pub(crate) unmodelled: StatusCode,
    /// Members of the error besides its message.
    pub(crate) fields: Vec<(&'static str, Value)>,
}

impl Fault {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: Some(message.into()),
            unmodelled: StatusCode::BAD_REQUEST,
            fields: Vec::new(),
        }
    }

    /// The status of a code that the model does not list.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.unmodelled = status;
        self
    }

    #[must_use]
    pub(crate) fn with_field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// What is found to be wrong with a request's parameters, counted as the services' checks count it.
    pub(crate) fn detected(found: &[String]) -> Self {
        let errors = match found {
            [_] => "error",
            _ => "errors",
        };
        let count = found.len();
        Self::validation(format!(
            "{count} validation {errors} detected: {}",
            found.join("; ")
        ))
    }

    /// The same of one thing that was found, if it is that.
    #[must_use]
    pub(crate) fn counted(self) -> Self {
        match (&*self.code, self.message) {
            ("ValidationException", Some(message)) => Self::detected(&[message]),
            (_, message) => Self { message, ..self },
        }
    }

    /// The body does not parse, or something in it has a wrong type. A body that is no JSON at all gets no message.
    pub(crate) fn serialization(message: Option<String>) -> Self {
        Self {
            message,
            ..Self::new("SerializationException", "")
        }
    }

    pub(crate) fn unknown_operation() -> Self {
        Self {
            message: None,
            ..Self::new("UnknownOperationException", "")
        }
    }

    pub(crate) fn not_implemented(what: &str) -> Self {
        Self::new(
            "NotImplementedException",
            format!("Fulmar does not implement {what} yet"),
        )
        .with_status(StatusCode::NOT_IMPLEMENTED)
    }

    /// Whether it says that what is asked for is right and not built.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.unmodelled == StatusCode::NOT_IMPLEMENTED
    }

    /// Something is wrong on our side. What it is belongs in the log, not in the answer.
    pub(crate) fn internal(code: &'static str) -> Self {
        Self::new(
            code,
            "The request processing has failed because of an unknown error, exception or failure.",
        )
        .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn status(&self, model: &Model) -> StatusCode {
        model
            .error(&self.code)
            .map_or(self.unmodelled, |(_, status)| status)
    }

    /// The body of both JSON protocols. awsJson (`package` is `Some`) also names the code in it, after the Java package
    /// of whoever raised it.
    pub(super) fn json(&self, model: &Model, package: Option<Option<&str>>) -> String {
        let modelled = model.error(&self.code);
        let mut body = Map::new();
        if let Some(package) = package {
            let package = match (&*self.code, package) {
                (_, Some(package)) if modelled.is_some() => package,
                ("ValidationException", _) => "com.amazon.coral.validate",
                _ => "com.amazon.coral.service",
            };
            body.insert("__type".into(), json!(format!("{package}#{}", self.code)));
        }
        let has = |name: &str| {
            modelled.is_some_and(|(error, _)| error.members.iter().any(|m| m.wire == name))
        };
        if has("Type") {
            let ours = self.status(model).is_server_error();
            body.insert("Type".into(), json!(if ours { "Service" } else { "User" }));
        }
        if let Some(message) = &self.message {
            let capital = has("Message") || &*self.code == "SerializationException";
            let name = if capital { "Message" } else { "message" };
            body.insert(name.into(), json!(message));
        }
        for (name, value) in &self.fields {
            body.insert((*name).into(), value.clone());
        }
        Value::Object(body).to_string()
    }
}
