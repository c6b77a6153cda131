//! The services here as other services call them: by requests as clients make them, in their owner's name.

mod objects;

use access::{Access, Principal};
use base::{Random, Space};
use bytes::Bytes;
use http::request::Parts as Head;

pub(crate) use objects::{Asking, Objects};

use crate::context::Context;
use crate::dynamodb::{self, DynamoDb};
use crate::events::{self, Events};
use crate::lambda::{self, Lambda};
use crate::logs::{self, Logs};
use crate::place::Place;
use crate::protocol::Service;
use crate::scheduler::{self, Scheduler};
use crate::sns::{self, Sns};
use crate::sqs::{self, Sqs};

/// Those that a model describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    Tables,
    Queues,
    Topics,
    Buses,
    Schedules,
    Lines,
    Functions,
}

impl Callee {
    pub(crate) fn service(self) -> &'static Service {
        match self {
            Self::Tables => &dynamodb::SERVICE,
            Self::Queues => &sqs::SERVICE,
            Self::Topics => &sns::SERVICE,
            Self::Buses => &events::SERVICE,
            Self::Schedules => &scheduler::SERVICE,
            Self::Lines => &logs::SERVICE,
            Self::Functions => &lambda::SERVICE,
        }
    }
}

/// Their handles.
#[derive(Clone)]
pub(crate) struct Callees {
    pub(crate) tables: DynamoDb,
    pub(crate) queues: Sqs,
    pub(crate) topics: Sns,
    pub(crate) buses: Events,
    pub(crate) schedules: Scheduler,
    pub(crate) lines: Logs,
    pub(crate) functions: Lambda,
    pub(crate) objects: Objects,
}

impl Callees {
    pub(crate) async fn ask(
        &self,
        context: &Context,
        callee: Callee,
        head: &Head,
        body: Bytes,
    ) -> wire::Response {
        match callee {
            Callee::Tables => self.tables.call(context, head, body).await,
            Callee::Queues => self.queues.call(context, head, body).await,
            Callee::Topics => Box::pin(self.topics.call(context, head, body)).await,
            Callee::Buses => Box::pin(self.buses.call(context, head, body)).await,
            Callee::Schedules => Box::pin(self.schedules.call(context, head, body)).await,
            Callee::Lines => Box::pin(self.lines.call(context, head, body)).await,
            Callee::Functions => Box::pin(self.functions.call(context, head, body)).await,
        }
    }
}

/// Of a call by the owner of what is in a space.
pub(crate) fn owner(access: &Access, space: &Space, random: &Random) -> Context {
    let account = access.account().to_owned();
    Context {
        region: Place::of(space).region.to_owned(),
        space: space.clone(),
        principal: Principal::Owner {
            account: account.clone(),
        },
        account,
        request_id: random.uuid().to_string(),
    }
}
