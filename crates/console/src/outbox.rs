//! What would have gone to people: mail, text messages, notices to devices.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use topics::{Parcel, Sent};
use wire::Response;

use crate::query::Query;
use crate::{Parts, Problem, shown};

const USUAL: usize = 100;
const MOST: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outbox {
    /// Newest first.
    pub sent: Vec<Posted>,
}

/// Something in the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Posted {
    pub id: String,
    pub at: String,
    /// `mail`, `text` or `notice`.
    pub kind: String,
    /// An address, a number, or a device's id.
    pub to: String,
    pub subject: Option<String>,
    /// Whom a text says that it is from.
    pub from: Option<String>,
    pub body: String,
    /// Of a notice: the platform, the app, and the device's token.
    pub platform: Option<String>,
    pub app: Option<String>,
    pub token: Option<String>,
}

pub(crate) fn get(parts: &Parts, query: &Query<'_>) -> Result<Response, Problem> {
    let limit = query.parse("limit")?.unwrap_or(USUAL).min(MOST);
    let sent = parts.topics.outbox(limit)?;
    let sent = sent.into_iter().map(Posted::from).collect();
    Ok(crate::json(StatusCode::OK, &Outbox { sent }))
}

impl From<Sent> for Posted {
    fn from(sent: Sent) -> Self {
        let posted = |kind: &str, to: String, body: String| Self {
            id: sent.id.clone(),
            at: shown(sent.at),
            kind: kind.to_owned(),
            to,
            subject: None,
            from: None,
            body,
            platform: None,
            app: None,
            token: None,
        };
        match sent.parcel.clone() {
            Parcel::Mail { to, subject, body } => Self {
                subject: Some(subject),
                ..posted("mail", to, body)
            },
            Parcel::Text { to, sender, body } => Self {
                from: sender,
                ..posted("text", to, body)
            },
            Parcel::Notice {
                platform,
                app,
                device,
                token,
                body,
            } => Self {
                platform: Some(platform),
                app: Some(app),
                token: Some(token),
                ..posted("notice", device, body)
            },
        }
    }
}
