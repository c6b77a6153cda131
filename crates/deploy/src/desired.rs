//! What a template asks for, in plain types: nothing of the template's format is left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base::Timestamp;
use objects::{Barriers, Lifecycle, OriginRule, Versioning, Website};
use serde::Serialize;
use triggers::edge::{Moment, Passed};
pub use triggers::{
    Asks, FixedAnswer, Forwarding, Guarded, PlannedStage, Quota, Rate, RefusalForm, Source,
    TokenGuard, Translation, Wanted,
};

use crate::build::Build;
pub use crate::custom::Custom;
use crate::diagnostic::{Diagnostics, Finding, Place, Span};
use crate::recipe::Recipe;

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

    /// Code that is run from its directory and may ask for packages, or must be made first, each once.
    pub fn builds(&self) -> BTreeSet<Build> {
        let layers = self.layers().filter_map(Layer::build);
        self.functions()
            .filter_map(Function::build)
            .chain(layers)
            .collect()
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
    /// Its name in the template, unique in the stack. A bucket's notification is `<bucket>.Notification`.
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

    /// What a person calls it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Bucket(_) => "bucket",
            Self::Table(_) => "table",
            Self::Queue(_) => "queue",
            Self::Function(_) => "function",
            Self::Notification(_) => "notification",
            Self::Gateway(_) => "gateway",
            Self::Layer(_) => "layer",
            Self::Version(_) => "version",
            Self::Alias(_) => "alias",
            Self::Mapping(_) => "mapping",
            Self::ClientKey(_) => "client key",
            Self::Plan(_) => "usage plan",
            Self::Topic(_) => "topic",
            Self::Subscription(_) => "subscription",
            Self::Balancer(_) => "load balancer",
            Self::EventBus(_) => "event bus",
            Self::EventRule(_) => "event rule",
            Self::BusPolicy(_) => "bus policy",
            Self::Archive(_) => "archive",
            Self::Connection(_) => "connection",
            Self::Address(_) => "API destination",
            Self::Edge(_) => "distribution",
            Self::Schedule(_) => "schedule",
            Self::ScheduleGroup(_) => "schedule group",
            Self::LogGroup(_) => "log group",
            Self::LineSubscription(_) => "subscription filter",
            Self::Custom(_) => "custom resource",
            Self::BucketPolicy(_) => "bucket policy",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    pub name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Which pages from elsewhere it lets in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origin_rules: Vec<OriginRule>,
    /// Whether what is replaced or deleted stays as an earlier version.
    #[serde(skip_serializing_if = "is_never")]
    pub versioning: Versioning,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<Website>,
    /// What becomes of its objects with time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// What keeps everybody out, whatever its policy says.
    #[serde(skip_serializing_if = "are_all")]
    pub barriers: Barriers,
    /// Whether objects are said to share a key of their bucket's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bucket_key: bool,
}

fn are_all(barriers: &Barriers) -> bool {
    *barriers == Barriers::ALL
}

/// Who may do what with a bucket: kept and told, not enforced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BucketPolicy {
    pub bucket: String,
    /// JSON.
    pub policy: String,
}

fn is_never(versioning: &Versioning) -> bool {
    *versioning == Versioning::Never
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    pub name: String,
    pub ordered: bool,
    pub visibility_s: u32,
    pub delay_s: u32,
    pub retention_s: u32,
    pub max_bytes: u32,
    pub wait_s: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
    /// The names of the queues that may give it their dead letters; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    pub once_by_content: bool,
    pub once_per_group: bool,
    pub throughput_per_group: bool,
    /// What is kept and shown, by its name in the cloud.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Where a queue's dead letters go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redrive {
    /// The name of the queue.
    pub to: String,
    pub max_receives: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    pub name: String,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    /// None for a table that is paid per request.
    pub provisioned: Option<Throughput>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// The attribute that says when an item ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
    /// The days for which it is to be recoverable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    pub protected: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What is not asked for is not told, so that a table that was deployed before these could be asked for is as it was.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    pub name: String,
    /// Its partitions are the table's, and it comes and goes with the table.
    pub local: bool,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    /// What follows the first attribute of either key, where it has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_partition_keys: Vec<KeyAttribute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_sort_keys: Vec<KeyAttribute>,
    pub projection: Projection,
    pub provisioned: Option<Throughput>,
}

/// Which attributes an index has, besides keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Projection {
    All,
    Keys,
    Only(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyAttribute {
    pub name: String,
    pub r#type: KeyType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    String,
    Number,
    Binary,
}

/// A feed of a table's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feed {
    pub images: Images,
    /// By which it is known: see [`crate::Feeds`].
    pub began: Timestamp,
}

/// What a feed tells of a changed item besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    Neither,
    New,
    Old,
    Both,
}

/// Capacity units per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Throughput {
    pub read: u64,
    pub write: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Physical: what the cloud calls it, behind the cloud's own prefix.
    pub name: String,
    #[serde(skip_serializing_if = "Cloud::is_usual")]
    pub cloud: Cloud,
    pub description: String,
    pub runtime: String,
    pub handler: String,
    pub code: Code,
    pub timeout_s: u32,
    pub memory_mb: u32,
    /// Size of the scratch directory.
    pub scratch_mb: u32,
    pub environment: BTreeMap<String, String>,
    pub architecture: Architecture,
    /// The most invocations that run at once; none for no limit of its own.
    pub reserved_concurrency: Option<u32>,
    /// The ARN of its role; none for the one that the stack makes for it.
    pub role: String,
    pub retry: Retry,
    pub tags: BTreeMap<String, String>,
    /// In the order in which they are laid over one another.
    pub layers: Vec<LayerUse>,
    pub logging: Logging,
    /// Whether published versions are told of snapshots.
    pub snapshots: bool,
    /// The ARN of where events go whose asynchronous calls failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    /// Whether each deployment publishes what has changed.
    pub publish: Option<Publish>,
}

/// Whose functions' words a function speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    #[default]
    Aws,
    Google,
    Azure,
}

impl Cloud {
    /// The clouds' functions have spaces of their own, so that names may be used in each. Here they are one list.
    pub(crate) fn physical(self, name: &str) -> String {
        match self {
            Self::Aws => name.to_owned(),
            Self::Google => format!("{GOOGLE}{name}"),
            Self::Azure => format!("{AZURE}{name}"),
        }
    }

    /// The cloud, and the name in its space.
    pub(crate) fn of(physical: &str) -> (Self, &str) {
        let others = [(Self::Google, GOOGLE), (Self::Azure, AZURE)];
        let other = others
            .iter()
            .find_map(|(cloud, prefix)| Some((*cloud, physical.strip_prefix(prefix)?)));
        other.unwrap_or((Self::Aws, physical))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
    fn is_usual(&self) -> bool {
        *self == Self::Aws
    }
}

/// No function of the other clouds has a slash in its name.
const GOOGLE: &str = "google/";
const AZURE: &str = "azure/";

/// How a function's log looks, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// Lines of JSON rather than of text.
    pub json: bool,
    /// The least level of the function's own lines that is kept.
    pub application_level: Option<String>,
    /// The least level of the platform's lines that is kept.
    pub system_level: Option<String>,
    /// None for its own.
    pub group: Option<String>,
}

/// A layer that a function uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerUse {
    pub name: String,
    /// None for the newest, which is what a layer of the same template is.
    pub version: Option<u64>,
}

/// Publishing with each deployment, and moving an alias along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Publish {
    pub alias: String,
    pub description: Option<String>,
    /// How many instances are kept initialised for the alias.
    pub provisioned: Option<u32>,
}

/// Files that functions share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub name: String,
    pub description: String,
    pub license: Option<String>,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub code: Code,
}

/// Records of a stream that a function gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// What it is from and to.
    pub name: String,
    pub function: String,
    pub qualifier: Option<String>,
    /// The stream's ARN.
    pub source: String,
    pub starting: Starting,
    pub enabled: bool,
    pub batch: u32,
    pub wait_s: u32,
    pub lanes: u32,
    /// None for as often as there is time for.
    pub retries: Option<u32>,
    /// None for as old as the stream keeps them.
    pub age_s: Option<u32>,
    pub bisect: bool,
    pub partial: bool,
    pub tumbling_s: Option<u32>,
    pub filters: Vec<String>,
    /// A bucket's name, or the ARN of a queue or a topic.
    pub failures_to: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Starting {
    Oldest,
    Newest,
}

/// A version that is published once. Its number is known when that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// `<function>:<logical id>`.
    pub name: String,
    pub function: String,
    pub description: Option<String>,
    pub provisioned: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// `<function>:<alias>`.
    pub name: String,
    pub function: String,
    pub alias: String,
    pub description: String,
    pub version: Numbered,
    /// The other version, and its share of the calls in thousandths of a percent.
    pub other: Option<(Numbered, u32)>,
    pub provisioned: Option<u32>,
}

/// Which version an alias names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbered {
    Latest,
    Number(u64),
    /// The one that a resource of the template publishes, by its name.
    Published(String),
}

impl Function {
    /// What must be installed for it is decided by its directory; none if its code is whole.
    pub(crate) fn build(&self) -> Option<Build> {
        match &self.code {
            Code::Directory(folder) => Some(Build {
                folder: folder.clone(),
                runtime: self.runtime.clone(),
                cloud: self.cloud,
                how: None,
            }),
            Code::Made(recipe) => Some(Build {
                folder: recipe.source.clone(),
                runtime: self.runtime.clone(),
                cloud: self.cloud,
                how: Some(recipe.how.clone()),
            }),
            Code::Zip(_) | Code::Inline(_) => None,
        }
    }
}

impl Layer {
    /// Its content is used as it is, unless it must be made first.
    pub(crate) fn build(&self) -> Option<Build> {
        let Code::Made(recipe) = &self.code else {
            return None;
        };
        Some(Build {
            folder: recipe.source.clone(),
            runtime: String::new(),
            cloud: Cloud::Aws,
            how: Some(recipe.how.clone()),
        })
    }
}

/// What is published once and goes to whoever has subscribed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic {
    pub name: String,
    /// Whether it keeps messages in their order.
    pub ordered: bool,
    pub by_content: bool,
    pub per_group: bool,
    /// As the topics' own API names them.
    pub settings: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

/// Sends on what is published to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// `<topic> to <protocol> <endpoint>`.
    pub name: String,
    /// The topic's ARN.
    pub topic: String,
    pub protocol: String,
    pub endpoint: String,
    pub raw: bool,
    pub filter: Option<String>,
    /// Whether the filter looks at the body, and not at the attributes.
    pub by_body: bool,
    /// The ARN of the queue that gets what is not taken.
    pub dead_letters: Option<String>,
    pub delivery: Option<String>,
}

/// Where a function's code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", content = "path", rename_all = "lowercase")]
pub enum Code {
    /// A directory, absolute: it is used where it is, so a change in it counts from the next start of an instance on.
    Directory(PathBuf),
    /// A zip file, absolute; its content is read when it is deployed.
    Zip(PathBuf),
    /// The text of the only source file.
    Inline(String),
    /// A directory that is made before it is used.
    Made(Recipe),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86,
    #[serde(rename = "arm64")]
    Arm,
}

/// How asynchronous invocations are tried again, and who is told how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Further attempts after the first, 0 to 2; none for the engine's default.
    pub attempts: Option<u32>,
    /// 60 to 21,600; none for the engine's default.
    pub max_age_s: Option<u32>,
    /// The ARN of the place that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
}

/// What happens on changes in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    pub bucket: String,
    pub rules: Vec<Rule>,
    /// Whether the bucket's changes are put on the default bus.
    #[serde(skip_serializing_if = "is_false")]
    pub on_bus: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Unique in the notification, and the same in every deployment.
    pub id: String,
    #[serde(flatten)]
    pub told: Told,
    /// As the notification's configuration spells it: `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
}

/// Who is told of a change in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    Function {
        /// The name of the function that is to run.
        function: String,
        /// The function's alias or version; none for its newest code.
        qualifier: Option<String>,
    },
    /// The ARN of a queue or a topic.
    Place { place: String },
}

impl Told {
    pub fn function(&self) -> Option<&str> {
        match self {
            Self::Function { function, .. } => Some(function),
            Self::Place { .. } => None,
        }
    }
}

/// What takes requests over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// Ten letters and digits; it stands in the gateway's address.
    pub id: String,
    pub title: String,
    #[serde(rename = "api")]
    pub kind: GatewayKind,
    /// Their variables, by their names.
    pub stages: BTreeMap<String, BTreeMap<String, String>>,
    pub routes: Vec<Route>,
    pub cors: Option<Cors>,
    /// Who must let what browsers ask before they send pass, where somebody must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight_guard: Option<Guarded>,
    #[serde(skip_serializing_if = "is_false")]
    pub preflight_needs_key: bool,
    pub binary: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, RefusalForm>,
    /// Whether callers' keys are what a guard says, and not in a header.
    #[serde(skip_serializing_if = "is_false")]
    pub guard_says_keys: bool,
    /// What names a message's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
}

impl Gateway {
    /// The names of those that it calls, for answers or to be let pass.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let guards = self.guards.iter().filter_map(|guard| match &guard.kind {
            GuardKind::Function(guard) => Some(guard.function.as_str()),
            GuardKind::Signature | GuardKind::Token(_) => None,
        });
        self.routes.iter().filter_map(Route::function).chain(guards)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    Rest,
    Http,
    /// The URL of one function.
    Url,
    /// Messages on connections.
    Socket,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// In capitals; none for any.
    pub method: Option<String>,
    /// None for what no other route takes.
    pub path: Option<String>,
    pub backend: Backend,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarded>,
    #[serde(skip_serializing_if = "is_false")]
    pub needs_key: bool,
    #[serde(skip_serializing_if = "wants_nothing")]
    pub wanted: Wanted,
}

impl Route {
    /// The name of the function that is to run, if one is.
    pub(crate) fn function(&self) -> Option<&str> {
        match &self.backend {
            Backend::Function(backend) => Some(&backend.function),
            Backend::Fixed(_) | Backend::Forwarded(_) => None,
            Backend::Mapped(backend) => backend.function.as_deref(),
        }
    }
}

fn wants_nothing(wanted: &Wanted) -> bool {
    *wanted == Wanted::default()
}

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Function(FunctionBackend),
    /// The same for every request.
    Fixed(FixedAnswer),
    /// What another service answers, or what a template says.
    Mapped(MappedBackend),
    /// Another's server.
    Forwarded(ForwardedBackend),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForwardedBackend {
    pub forwarding: Forwarding,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappedBackend {
    pub translation: Translation,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
    /// The name of the function that is called, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionBackend {
    /// The name of the function that is to run.
    pub function: String,
    /// An alias of it; none for its newest code.
    pub qualifier: Option<String>,
    pub payload: Payload,
    /// How long a caller waits; none for as long as the kind of gateway lets him.
    pub timeout_ms: Option<u32>,
    /// Whether the answer is passed on while it is made.
    #[serde(skip_serializing_if = "is_false")]
    pub streams: bool,
    /// Whether what it answers to a message is sent back.
    #[serde(skip_serializing_if = "is_false")]
    pub replies: bool,
}

/// Decides whether a caller may pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guard {
    pub name: String,
    pub kind: GuardKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardKind {
    /// The request must be signed.
    Signature,
    Token(TokenGuard),
    Function(FunctionGuard),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionGuard {
    pub function: String,
    pub qualifier: Option<String>,
    pub asks: Asks,
    /// Whether it answers yes or no, and no policy.
    pub simple: bool,
    pub sources: Vec<Source>,
    pub pattern: Option<String>,
    pub remember_s: u32,
}

/// Shares out requests over HTTP by rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balancer {
    pub name: String,
    pub listeners: Vec<triggers::balancer::Listener>,
    pub groups: Vec<Group>,
    pub forwarded: triggers::balancer::Forwarded,
}

impl Balancer {
    /// The names of those that answer for its groups.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.iter();
        groups.filter_map(|group| group.function.as_deref())
    }
}

/// A group of a balancer, of which one function answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its ARN.
    pub id: String,
    pub function: Option<String>,
    pub qualifier: Option<String>,
    /// Whether headers and parameters are told as lists.
    pub lists: bool,
}

/// Stands in front of origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub id: String,
    pub enabled: bool,
    pub root: Option<String>,
    pub origins: Vec<triggers::edge::Origin>,
    /// In the order in which they are tried; the last is for every path.
    pub behaviors: Vec<EdgeBehavior>,
    pub pages: Vec<triggers::edge::ErrorPage>,
}

impl Edge {
    /// The names of those that run at it.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        let functions = self.behaviors.iter().flat_map(|one| &one.functions);
        functions.map(|one| one.function.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeBehavior {
    pub pattern: Option<String>,
    pub origin: String,
    pub methods: Vec<String>,
    pub query: Passed,
    pub headers: Passed,
    pub cookies: Passed,
    pub functions: Vec<EdgeFunction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeFunction {
    pub moment: Moment,
    pub function: String,
    pub version: EdgeVersion,
    pub with_body: bool,
}

/// Which version runs at an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeVersion {
    Number(u64),
    /// The one that a resource of the template publishes, by its name.
    Published(String),
    /// The one that the alias names when the edge is made.
    Alias(String),
}

/// By it a caller is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientKey {
    pub id: String,
    pub title: String,
    /// None for one that nobody can guess.
    pub value: Option<String>,
    pub enabled: bool,
}

/// What the holders of some keys may use of some gateways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub id: String,
    pub title: String,
    pub stages: Vec<PlannedStage>,
    /// Ids.
    pub keys: Vec<String>,
    pub rate: Option<Rate>,
    pub quota: Option<Quota>,
}

/// The version of the payload format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Payload {
    #[serde(rename = "1.0")]
    V1,
    #[serde(rename = "2.0")]
    V2,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cors {
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub exposed: Vec<String>,
    pub max_age_s: Option<u32>,
    pub credentials: bool,
}

/// A value that the template shows to whoever deploys it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    pub name: String,
    pub description: Option<String>,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventBus {
    pub name: String,
    pub description: Option<String>,
    pub dead_letters: Option<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRule {
    /// The bus and the rule, with a bar between them.
    pub name: String,
    pub bus: String,
    pub rule: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub enabled: bool,
    pub description: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub targets: Vec<triggers::RuleTarget>,
}

/// A sentence of a bus' policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BusPolicy {
    /// The bus and the sentence, with a bar between them.
    pub name: String,
    pub bus: String,
    pub id: String,
    /// JSON.
    pub statement: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archive {
    pub name: String,
    pub bus: String,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub days: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    pub name: String,
    /// A part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub proof: triggers::Proof,
    pub extra: triggers::Extra,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub name: String,
    /// A part of its ARN.
    pub id: String,
    pub description: Option<String>,
    pub connection: String,
    pub url: String,
    pub method: String,
    pub rate: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// The group and the schedule, with a bar between them.
    pub name: String,
    pub group: String,
    pub schedule: String,
    pub expression: String,
    pub zone: String,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub window_min: Option<u32>,
    pub enabled: bool,
    pub description: Option<String>,
    /// The target, in JSON.
    pub order: String,
    pub retries: schedules::Retries,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleGroup {
    pub name: String,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogGroup {
    pub name: String,
    /// How long its lines are kept.
    pub days: Option<u32>,
    pub class: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// Feeds a function with the lines of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineSubscription {
    /// `<name> of <group>`.
    pub name: String,
    pub pattern: String,
    /// Its ARN.
    pub function: String,
}

impl LineSubscription {
    /// What the name says: how it is called, and of which group it is. Names of groups hold no spaces.
    pub(crate) fn parts(name: &str) -> (&str, &str) {
        name.rsplit_once(" of ").unwrap_or_default()
    }

    pub(crate) fn group(&self) -> &str {
        Self::parts(&self.name).1
    }
}
