//! Each resource as its type is read.

mod data;
mod functions;
mod messages;
mod nested;
mod requests;

use super::{Harvest, Resolving};
use crate::desired::Kind as Made;
use crate::template::declared::{Declared, Kind};
use crate::template::scope::Scope;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use crate::template::{custom, edge, log_group, network, permission, role};

const INVENTORY: Schema = &[("Analytics", Support::Obeyed)];

/// A resource that is being read.
struct One<'r> {
    resolving: &'r Resolving<'r>,
    declared: &'r Declared,
    scope: &'r Scope<'r>,
    findings: &'r Findings<'r>,
    /// Evaluated, but for what is read apart.
    properties: &'r Node,
    /// Its physical name, where that can be said.
    name: Option<String>,
}

impl Resolving<'_> {
    pub(super) fn read(
        &self,
        declared: &Declared,
        scope: &Scope<'_>,
        findings: &Findings<'_>,
        harvest: &mut Harvest,
    ) {
        if declared.kind == Kind::Other {
            return;
        }
        // These two are read apart from the rest: what they refer to must not come before this resource.
        let apart = match declared.kind {
            Kind::Function => "Events",
            Kind::Bucket => "NotificationConfiguration",
            _ => "",
        };
        let rest = hollow(&declared.properties, apart);
        let properties = scope.on_behalf(&declared.id, || scope.eval(&rest));
        let one = One {
            resolving: self,
            declared,
            scope,
            findings,
            properties: &properties,
            name: scope.physical(declared),
        };
        let made = one.read(harvest);
        let made = made.map(|made| (declared.id.clone(), made));
        harvest.made.extend(made);
    }
}

impl<'r> One<'r> {
    /// What is made of it. What is a piece of something else is only put into the harvest.
    fn read(&self, harvest: &mut Harvest) -> Option<Made> {
        let id = || self.declared.id.clone();
        match self.declared.kind {
            Kind::Bucket => return self.bucket(harvest),
            Kind::BucketPolicy => return self.bucket_policy(),
            Kind::Table => return self.table(),
            Kind::SimpleTable => return self.simple_table(),
            Kind::GlobalTable => return self.global_table(),
            Kind::Queue => return self.queue(),
            Kind::Function | Kind::PlainFunction => return self.function(harvest),
            Kind::Layer | Kind::PlainLayer => return self.layer(),
            Kind::Version => return self.version(),
            Kind::Alias => return self.alias(),
            Kind::Mapping => return self.mapping(),
            Kind::Topic => return self.topic(),
            Kind::Subscription => return self.subscription(),
            Kind::EventBus
            | Kind::EventRule
            | Kind::Archive
            | Kind::Connection
            | Kind::Address
            | Kind::BusPolicy => return self.of_bus(),
            Kind::Schedule => return self.schedule(),
            Kind::ScheduleGroup => return self.schedule_group(),
            Kind::LogGroup => return self.log_group(),
            Kind::LineSubscription => return self.line_subscription(harvest),
            Kind::Custom => return self.custom(),
            Kind::ClientKey => return self.client_key(),
            Kind::FunctionUrl => return self.function_url(harvest),
            Kind::PlainUrl => return self.plain_url(harvest),
            Kind::RestApi | Kind::HttpApi => {
                let draft = self.api().map(|draft| (id(), draft));
                harvest.drafts.extend(draft);
            }
            Kind::PlainRest | Kind::PlainApi | Kind::SocketApi => {
                let draft = self.plain_api().map(|draft| (id(), draft));
                harvest.drafts.extend(draft);
            }
            Kind::Part(part) => harvest.pieces.extend(self.part(part)),
            Kind::Balance(part) => harvest.balances.extend(self.balance(part)),
            Kind::Edge => drop(self.edge(harvest)),
            Kind::Plan => self.plan(harvest),
            Kind::PlanKey => self.plan_key(harvest),
            Kind::InvokeConfig => self.invoke_config(harvest),
            Kind::QueuePolicy => self.queue_policy(),
            Kind::Nested | Kind::Application => self.nested_stack(harvest),
            Kind::TopicPolicy => self.topic_policy(),
            Kind::Permission
            | Kind::Role
            | Kind::RolePolicy
            | Kind::PlainPolicy
            | Kind::ManagedPolicy
            | Kind::LogPolicy
            | Kind::OriginControl
            | Kind::OriginIdentity
            | Kind::Net(_)
            | Kind::Aside(_)
            | Kind::Inventory
            | Kind::Other => self.check(),
        }
        None
    }

    /// What is read for what it says about access, or not to be taken silently: nothing is made of it.
    fn check(&self) {
        let (one, findings) = (self.declared, self.findings);
        let schema = match one.kind {
            Kind::Permission => {
                if let Some(fields) = self.open(permission::PROPERTIES) {
                    permission::check(&fields, findings);
                }
                return;
            }
            Kind::Role => {
                if let Some(fields) = self.open(role::ROLE) {
                    fields.required("AssumeRolePolicyDocument");
                }
                return;
            }
            Kind::Net(part) => {
                network::note(&one.id, one.id_span, findings);
                part.schema()
            }
            Kind::Aside(aside) => {
                aside.note(&one.id, one.id_span, findings);
                aside.properties
            }
            Kind::RolePolicy => role::ROLE_POLICY,
            Kind::PlainPolicy => role::POLICY,
            Kind::ManagedPolicy => role::MANAGED_POLICY,
            Kind::LogPolicy => log_group::POLICY,
            Kind::OriginControl => edge::CONTROL,
            Kind::OriginIdentity => edge::IDENTITY,
            // It says which constructs there are; the cloud makes nothing of it either.
            Kind::Inventory => INVENTORY,
            _ => return,
        };
        self.open(schema);
    }

    fn custom(&self) -> Option<Made> {
        let (one, resolving) = (self.declared, self.resolving);
        let reading = custom::Reading {
            context: resolving.context,
            report: resolving.report,
        };
        let resources = resolving.document.root.get("Resources")?;
        let resource_type = resources.get(&one.id)?.get("Type")?.scalar()?;
        let name = self.name.clone()?;
        let made = reading.read(one, resource_type, name, self.properties)?;
        Some(Made::Custom(Box::new(made)))
    }

    fn open(&self, schema: Schema) -> Option<Fields<'r>> {
        let (one, owner) = (self.declared, self.declared.kind.type_name());
        let fields = Fields::open(self.properties, one.id_span, owner, schema, self.findings)?;
        if let Some(name) = one.kind.name_property() {
            // Says it when the name is no string; used is the one that references see.
            fields.text(name);
        }
        Some(fields)
    }

    /// As [`Self::open`], with the name; none where there is none.
    fn named(&self, schema: Schema) -> Option<(Fields<'r>, String)> {
        let fields = self.open(schema);
        Some((fields?, self.name.clone()?))
    }
}

/// The mapping, with one key's value left out of evaluation but the key still there.
fn hollow(properties: &Node, name: &str) -> Node {
    let entries = properties
        .entries()
        .unwrap_or_default()
        .iter()
        .map(|entry| {
            let mut entry = entry.clone();
            if entry.key == name {
                entry.value = Node::broken(entry.value.span);
            }
            entry
        });
    Node::new(properties.span, Value::Map(entries.collect()))
}
