//! What makes a function run, before any cloud has put it into its own words.

use std::collections::BTreeMap;

use base::{Space, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wire::HeldFile;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Handed to the function as it came.
    Raw(Bytes),
    /// Objects changed in a bucket.
    Objects(Vec<ObjectEvent>),
    /// A request that the function answers.
    Http(Box<HttpRequest>),
}

impl Event {
    /// What belongs behind the event as its cloud renders it.
    pub(crate) fn held(&self) -> Option<&HeldFile> {
        match self {
            Self::Http(request) => request.held.as_ref(),
            Self::Raw(_) | Self::Objects(_) => None,
        }
    }
}

/// A request over HTTP, as a gateway hands it to a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    pub request_id: String,
    pub space: Space,
    pub at: Timestamp,
    pub method: String,
    /// As it was sent, still encoded, without what names the stage.
    pub path: String,
    /// As it was sent, still encoded; empty for none.
    pub query: String,
    /// In the order in which they came; names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The body, where it is too large to be kept in memory; then the other is empty. Only what is called at once has one.
    #[serde(skip)]
    pub held: Option<HeldFile>,
    /// Whether the gateway takes the body for text.
    pub is_text: bool,
    /// As in `HTTP/1.1`.
    pub version: String,
    pub source_ip: String,
    pub route: HttpRoute,
    /// Who sent it, where the gateway found that out.
    pub caller: Option<Caller>,
    /// By which the caller's use is counted.
    pub client_key: Option<CallerKey>,
    /// The connection that it begins, where it is one for messages.
    pub connection: Option<String>,
}

/// Who sent a request, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A function let him pass.
    Vouched {
        principal: Option<String>,
        /// What it says about him: a JSON object.
        facts: String,
    },
    /// An issuer's token.
    Token {
        /// What it says: a JSON object.
        claims: String,
        scopes: Vec<String>,
    },
    /// A key of an account that the request is signed with.
    Signed {
        key: String,
        account: String,
        /// The full name of whom the key stands for, and the short one.
        name: String,
        id: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerKey {
    pub id: String,
    pub value: String,
}

/// Which of a gateway's routes a request took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRoute {
    /// The gateway's id.
    pub gateway: String,
    pub kind: GatewayKind,
    pub form: HttpForm,
    pub stage: String,
    pub stage_variables: BTreeMap<String, String>,
    /// The method that the route is for; none for any.
    pub method: Option<String>,
    /// The path that the route is for, with its parameters' names; none for the route that takes what no other does.
    pub template: Option<String>,
    /// Decoded values of the path's parameters.
    pub parameters: Vec<(String, String)>,
}

/// What a gateway can do and how it speaks; a face knows by it what it stands for in its cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayKind {
    /// Stages always in the path, and every feature.
    Classic,
    /// The usual features, and a stage that needs no name.
    Simple,
    /// One function at the root of a host.
    Direct,
    /// Messages on a connection that stays, both ways.
    Socket,
}

/// How much an event tells about its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpForm {
    /// All of it, each header and parameter also as a list.
    Detailed,
    /// What most programs use.
    Compact,
}

/// One change of one object, and the binding for whose sake it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEvent {
    pub kind: ObjectEventKind,
    pub space: Space,
    pub bucket: String,
    pub key: String,
    /// Which version it is of, where there may be several.
    pub version: Option<String>,
    /// Zero for a removal.
    pub size: u64,
    /// Empty for a removal.
    pub etag: String,
    /// Hexadecimal; of two changes of one key, the later one's is greater.
    pub sequencer: String,
    pub at: Timestamp,
    /// The request that made the change.
    pub request_id: String,
    /// Who made it.
    pub principal: String,
    /// From where, if it came over the network.
    pub source_ip: Option<String>,
    /// The binding's id.
    pub binding: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObjectEventKind {
    CreatedByPut,
    CreatedByPost,
    CreatedByCopy,
    /// An upload in parts was completed.
    CreatedByMultipart,
    RemovedByDelete,
    /// The object is as it was, but for its tags.
    Tagged,
    Untagged,
    /// It was deleted, and what there was is an earlier version.
    RemovedByMarker,
    /// Its bucket's rules ended it.
    Expired,
    /// As [`Self::RemovedByMarker`], by its bucket's rules.
    ExpiredByMarker,
}
