//! The connections that are open, and how others reach them.

use std::collections::HashMap;

use base::{Random, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use functions::HttpRequest;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use wire::Message;

pub(super) enum Order {
    Send(Message),
    Close,
}

pub(super) type Orders = mpsc::Receiver<Order>;

#[derive(Default)]
pub(crate) struct Connections(Mutex<HashMap<String, Connection>>);

/// What is known of a connection.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) gateway: String,
    pub(super) stage: String,
    pub(super) since: Timestamp,
    pub(super) last_active: Timestamp,
    pub(super) source_ip: String,
    pub(super) user_agent: Option<String>,
    pub(super) orders: mpsc::Sender<Order>,
}

impl Connections {
    pub(super) fn open(&self, id: &str, request: &HttpRequest) -> Orders {
        let (orders, waiting) = super::line_up();
        let mut headers = request.headers.iter();
        let agent = headers.find(|(name, _)| name == "user-agent");
        let connection = Connection {
            gateway: request.route.gateway.clone(),
            stage: request.route.stage.clone(),
            since: request.at,
            last_active: request.at,
            source_ip: request.source_ip.clone(),
            user_agent: agent.map(|(_, agent)| agent.clone()),
            orders,
        };
        self.0.lock().insert(id.to_owned(), connection);
        waiting
    }

    pub(super) fn close(&self, id: &str) {
        self.0.lock().remove(id);
    }

    pub(super) fn touch(&self, id: &str, now: Timestamp) {
        if let Some(connection) = self.0.lock().get_mut(id) {
            connection.last_active = now;
        }
    }

    pub(super) fn find(&self, gateway: &str, stage: &str, id: &str) -> Option<Connection> {
        let found = self.0.lock().get(id).cloned();
        found.filter(|found| found.gateway == gateway && found.stage == stage)
    }
}

/// Sixteen letters, the last of which pads.
pub(super) fn new_id(random: &Random) -> String {
    const BYTES: usize = 11;
    URL_SAFE.encode(random.bytes::<BYTES>())
}
