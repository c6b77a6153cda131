//! What a template asks for, in plain types: nothing of the template's format is left. Here is the whole and the list of
//! kinds; what each kind may be told stands in a file of its own.

mod balancer;
mod bucket;
mod bus;
mod cloud;
mod edge;
mod function;
mod gateway;
mod guard;
mod layer;
mod log_group;
mod mapping;
mod queue;
mod schedule;
mod table;
mod topic;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
pub use triggers::{
    Asks, Conversions, FixedAnswer, Forwarding, Guarded, PlannedStage, Quota, Rate, RefusalForm,
    Source, TokenGuard, Translation, Wanted,
};

pub use balancer::{Balancer, Group};
pub use bucket::{Bucket, BucketPolicy, Notification, Rule, Told};
pub use bus::{Address, Archive, BusPolicy, Connection, EventBus, EventRule};
pub use cloud::Cloud;
pub use edge::{Edge, EdgeBehavior, EdgeFunction, EdgeVersion};
pub use function::{Architecture, Code, Function, Logging, Retry};
pub use gateway::{
    Backend, Cors, ForwardedBackend, FunctionBackend, Gateway, GatewayKind, MappedBackend, Payload,
    Route,
};
pub use guard::{ClientKey, FunctionGuard, Guard, GuardKind, Plan};
pub use layer::{Layer, LayerUse};
pub use log_group::{LineSubscription, LogGroup};
pub use mapping::{Mapping, Starting};
pub use queue::{Queue, Redrive};
pub use schedule::{Schedule, ScheduleGroup};
pub use table::{Feed, Images, Index, KeyAttribute, KeyType, Projection, Table, Throughput};
pub use topic::{Subscription, Topic};
pub use version::{Alias, Numbered, Publish, Version};

use crate::build::Builds;
use crate::context::within;
pub use crate::custom::Custom;
use crate::diagnostic::{Diagnostics, Finding, Place, Span};
use crate::schema::Noun;

/// A resolved template.
#[derive(Clone, Debug, Serialize)]
pub struct Desired {
    pub stack: String,
    /// In the order in which they can be created: whatever a resource needs comes before it.
    pub resources: Vec<Resource>,
    pub outputs: Vec<Output>,
    /// What other stacks may use, by the name that it has for them.
    pub exports: BTreeMap<String, String>,
    /// What of theirs this one uses.
    pub imports: BTreeSet<String>,
    /// What behaves differently here than one may think; no errors.
    pub notices: Diagnostics,
    #[serde(skip)]
    pub(crate) unanswered: Unanswered,
}

/// What cannot be said before custom resources have answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unanswered {
    /// Logical ids of what needs such an answer: if it is there at all, it is not as it will be.
    pub(crate) waiting: BTreeSet<String>,
    /// Attributes that a resource's last answer does not have, by its logical id.
    pub(crate) missing: Vec<(String, Finding)>,
}

impl Unanswered {
    /// Whether this, or the nested stack that it is in, is not as it will be.
    pub(crate) fn waits(&self, id: &str) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|one| one == id || within(id, one).is_some())
    }
}

impl Desired {
    /// Directories of code that functions are run or made from, each once.
    pub fn code_folders(&self) -> BTreeSet<PathBuf> {
        let folder = |function: &Function| match &function.code {
            Code::Directory(dir) => Some(dir.clone()),
            Code::Made(recipe) => Some(recipe.source.clone()),
            Code::Zip(_) | Code::Inline(_) => None,
        };
        self.functions().filter_map(folder).collect()
    }

    /// What must be made first, or may ask for packages, each once.
    pub fn builds(&self) -> Builds {
        let layers = self.layers().filter_map(Layer::build);
        let used = self.functions().flat_map(|function| &function.layers);
        Builds {
            code: self
                .functions()
                .filter_map(Function::build)
                .chain(layers)
                .collect(),
            layers: used.filter_map(LayerUse::build).collect(),
        }
    }

    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions().map(|function| function.name.as_str())
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &Function> {
        self.resources
            .iter()
            .filter_map(|resource| match &resource.kind {
                Kind::Function(function) => Some(function.as_ref()),
                _ => None,
            })
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.resources
            .iter()
            .filter_map(|resource| match &resource.kind {
                Kind::Layer(layer) => Some(layer),
                _ => None,
            })
    }

    /// What a function's code or a layer's files come from.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &Code> {
        self.resources
            .iter()
            .filter_map(|resource| match &resource.kind {
                Kind::Function(function) => Some(&function.code),
                Kind::Layer(layer) => Some(&layer.code),
                _ => None,
            })
    }
}

/// One thing to be made.
#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    /// Its name in the template, unique in the stack: behind that of the nested stack that it is in, if it is in one,
    /// `<nested stack>/<name>`. A bucket's notification is `<bucket>.Notification`.
    pub logical_id: String,
    pub kind: Kind,
    /// Logical ids of what must exist before.
    pub depends_on: Vec<String>,
    pub on_delete: OnRemoval,
    pub on_replace: OnRemoval,
    pub place: Place,
    #[serde(skip)]
    pub(crate) span: Span,
}

/// What becomes of the thing when the template no longer asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRemoval {
    Delete,
    Retain,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Kind {
    Bucket(Bucket),
    Table(Table),
    Queue(Queue),
    Function(Box<Function>),
    Notification(Notification),
    Gateway(Gateway),
    Layer(Layer),
    Version(Version),
    Alias(Alias),
    Mapping(Box<Mapping>),
    #[serde(rename = "client key")]
    ClientKey(ClientKey),
    Plan(Plan),
    Topic(Topic),
    Subscription(Box<Subscription>),
    Balancer(Balancer),
    #[serde(rename = "event bus")]
    EventBus(EventBus),
    #[serde(rename = "event rule")]
    EventRule(Box<EventRule>),
    #[serde(rename = "bus policy")]
    BusPolicy(BusPolicy),
    Archive(Archive),
    Connection(Box<Connection>),
    #[serde(rename = "API destination")]
    Address(Address),
    Edge(Edge),
    Schedule(Box<Schedule>),
    #[serde(rename = "schedule group")]
    ScheduleGroup(ScheduleGroup),
    #[serde(rename = "log group")]
    LogGroup(LogGroup),
    LineSubscription(LineSubscription),
    #[serde(rename = "custom resource")]
    Custom(Box<Custom>),
    #[serde(rename = "bucket policy")]
    BucketPolicy(BucketPolicy),
}

impl Kind {
    /// The name in the engine.
    pub fn name(&self) -> &str {
        match self {
            Self::Bucket(bucket) => &bucket.name,
            Self::Table(table) => &table.name,
            Self::Queue(queue) => &queue.name,
            Self::Function(function) => &function.name,
            Self::Notification(notification) => &notification.bucket,
            Self::Gateway(gateway) => &gateway.id,
            Self::Layer(layer) => &layer.name,
            Self::Version(version) => &version.name,
            Self::Alias(alias) => &alias.name,
            Self::Mapping(mapping) => &mapping.name,
            Self::ClientKey(key) => &key.id,
            Self::Plan(plan) => &plan.id,
            Self::Topic(topic) => &topic.name,
            Self::Subscription(subscription) => &subscription.name,
            Self::Balancer(balancer) => &balancer.name,
            Self::EventBus(bus) => &bus.name,
            Self::EventRule(rule) => &rule.name,
            Self::BusPolicy(policy) => &policy.name,
            Self::Archive(archive) => &archive.name,
            Self::Connection(connection) => &connection.name,
            Self::Address(address) => &address.name,
            Self::Edge(edge) => &edge.id,
            Self::Schedule(schedule) => &schedule.name,
            Self::ScheduleGroup(group) => &group.name,
            Self::LogGroup(group) => &group.name,
            Self::LineSubscription(one) => &one.name,
            Self::Custom(custom) => &custom.name,
            Self::BucketPolicy(policy) => &policy.bucket,
        }
    }

    pub fn noun(&self) -> Noun {
        match self {
            Self::Bucket(_) => Noun::Bucket,
            Self::Table(_) => Noun::Table,
            Self::Queue(_) => Noun::Queue,
            Self::Function(_) => Noun::Function,
            Self::Notification(_) => Noun::Notification,
            Self::Gateway(_) => Noun::Gateway,
            Self::Layer(_) => Noun::Layer,
            Self::Version(_) => Noun::Version,
            Self::Alias(_) => Noun::Alias,
            Self::Mapping(_) => Noun::Mapping,
            Self::ClientKey(_) => Noun::ClientKey,
            Self::Plan(_) => Noun::Plan,
            Self::Topic(_) => Noun::Topic,
            Self::Subscription(_) => Noun::Subscription,
            Self::Balancer(_) => Noun::Balancer,
            Self::EventBus(_) => Noun::EventBus,
            Self::EventRule(_) => Noun::EventRule,
            Self::BusPolicy(_) => Noun::BusPolicy,
            Self::Archive(_) => Noun::Archive,
            Self::Connection(_) => Noun::Connection,
            Self::Address(_) => Noun::Address,
            Self::Edge(_) => Noun::Edge,
            Self::Schedule(_) => Noun::Schedule,
            Self::ScheduleGroup(_) => Noun::ScheduleGroup,
            Self::LogGroup(_) => Noun::LogGroup,
            Self::LineSubscription(_) => Noun::LineSubscription,
            Self::Custom(_) => Noun::Custom,
            Self::BucketPolicy(_) => Noun::BucketPolicy,
        }
    }
}

/// A value that the template shows to whoever deploys it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    pub name: String,
    pub description: Option<String>,
    pub value: String,
}

/// What is not asked for is not told, so that a table that was deployed before these could be asked for is as it was.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
fn is_false(value: &bool) -> bool {
    !value
}
