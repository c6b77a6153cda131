//! Each resource as its type is read.

use super::{Harvest, NOTIFICATION, Resolving};
use crate::desired::{Kind as Made, Told};
use crate::template::declared::{Declared, Kind};
use crate::template::gateway::url;
use crate::template::scope::Scope;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use crate::template::{
    admission, balancer, bucket, build_method, bus, custom, edge, events, function, function_arn,
    gateway, layer, line_subscription, log_group, mapping, network, outcome, permission, policies,
    queue, role, schedule, table, topic, version,
};

const INVENTORY: Schema = &[("Analytics", Support::Obeyed)];

impl Resolving<'_> {
    pub(super) fn read(
        &self,
        one: &Declared,
        scope: &Scope<'_>,
        findings: &Findings<'_>,
        harvest: &mut Harvest,
    ) {
        if one.kind == Kind::Other {
            return;
        }
        // These two are read apart from the rest: what they refer to must not come before this resource.
        let apart = match one.kind {
            Kind::Function => "Events",
            Kind::Bucket => "NotificationConfiguration",
            _ => "",
        };
        let rest = hollow(&one.properties, apart);
        let properties = scope.on_behalf(&one.id, || scope.eval(&rest));
        let owner = one.kind.type_name();
        let open = |schema| {
            let fields = Fields::open(&properties, one.id_span, owner, schema, findings)?;
            if let Some(name) = one.kind.name_property() {
                // Says it when the name is no string; used is the one that references see.
                fields.text(name);
            }
            Some(fields)
        };
        let name = scope.physical(one);
        match one.kind {
            Kind::Bucket => {
                let fields = open(bucket::PROPERTIES);
                if let (Some(fields), Some(name)) = (fields, name)
                    && let Some(bucket) = bucket::read(&fields, name, findings)
                {
                    harvest.made.push((one.id.clone(), Made::Bucket(bucket)));
                }
                self.own_notification(one, scope, findings, harvest);
            }
            Kind::Table | Kind::SimpleTable => {
                let schema = match one.kind {
                    Kind::Table => table::PROPERTIES,
                    _ => table::SIMPLE_PROPERTIES,
                };
                let fields = open(schema);
                let read = |fields, name| match one.kind {
                    Kind::Table => table::read(fields, name, &self.context.feeds, findings),
                    _ => table::read_simple(fields, name, findings),
                };
                if let (Some(fields), Some(name)) = (fields, name)
                    && let Some(table) = read(&fields, name)
                {
                    harvest.made.push((one.id.clone(), Made::Table(table)));
                }
            }
            Kind::GlobalTable => {
                let whole = open(table::GLOBAL_PROPERTIES);
                let table = whole.and_then(|fields| {
                    table::as_table(&fields, &properties, self.context, findings)
                });
                let fields = table.as_ref().and_then(|table| {
                    Fields::open(table, one.id_span, owner, table::PROPERTIES, findings)
                });
                if let (Some(fields), Some(name)) = (fields, name)
                    && let Some(table) = table::read(&fields, name, &self.context.feeds, findings)
                {
                    harvest.made.push((one.id.clone(), Made::Table(table)));
                }
            }
            Kind::Queue => {
                if let (Some(fields), Some(name)) = (open(queue::PROPERTIES), name)
                    && let Some(queue) = queue::read(&fields, name, findings)
                {
                    if one.by_transform {
                        findings.doors.open_queue(&queue.name);
                    }
                    harvest.made.push((one.id.clone(), Made::Queue(queue)));
                }
            }
            Kind::QueuePolicy => {
                if let Some(fields) = open(queue::POLICY) {
                    admission::read_policy(&fields, "Queues", findings);
                }
            }
            Kind::Function | Kind::PlainFunction => {
                let fields = open(match one.kind {
                    Kind::Function => function::PROPERTIES,
                    _ => function::PLAIN_PROPERTIES,
                });
                if let (Some(fields), Some(name)) = (fields, name) {
                    self.function(one, &fields, name, scope, findings, harvest);
                }
            }
            Kind::Layer | Kind::PlainLayer => {
                let (schema, content) = match one.kind {
                    Kind::Layer => (layer::PROPERTIES, "ContentUri"),
                    _ => (layer::PLAIN_PROPERTIES, "Content"),
                };
                let place = self.template.place();
                if let (Some(fields), Some(name)) = (open(schema), name)
                    && let Some(mut layer) = layer::read(&fields, content, name, place, findings)
                {
                    if let Some(metadata) = build_method::of(one, scope) {
                        build_method::of_layer(&metadata, &one.id, &mut layer, self.report);
                    }
                    harvest.made.push((one.id.clone(), Made::Layer(layer)));
                }
            }
            Kind::Version => {
                let function = scope.function_of(one);
                if let Some(fields) = open(version::VERSION)
                    && let Some(made) = version::read_version(&fields, &one.id, function, findings)
                {
                    harvest.made.push((one.id.clone(), Made::Version(made)));
                }
            }
            Kind::Alias => {
                let function = scope.function_of(one);
                if let Some(fields) = open(version::ALIAS)
                    && let Some(made) = version::read_alias(&fields, function, findings)
                {
                    harvest.made.push((one.id.clone(), Made::Alias(made)));
                }
            }
            Kind::Mapping => {
                if let Some(fields) = open(mapping::PROPERTIES)
                    && let Some(made) = mapping::read(&fields, findings)
                {
                    let made = Made::Mapping(Box::new(made));
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::Topic => {
                let fields = open(topic::TOPIC);
                if let (Some(fields), Some(name)) = (fields, name)
                    && let Some(topic) = topic::read(&fields, name, findings)
                {
                    harvest.made.push((one.id.clone(), Made::Topic(topic)));
                }
            }
            Kind::Subscription => {
                if let Some(fields) = open(topic::SUBSCRIPTION)
                    && let Some(made) = topic::read_subscription(&fields, findings)
                {
                    let made = Made::Subscription(Box::new(made));
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::TopicPolicy => {
                if let Some(fields) = open(topic::POLICY) {
                    topic::check_policy(&fields, findings);
                }
            }
            Kind::InvokeConfig => {
                if let Some(fields) = open(outcome::PROPERTIES) {
                    let read = outcome::read(&fields, scope.function_of(one), findings);
                    harvest.outcomes.extend(read);
                }
            }
            Kind::Permission => {
                if let Some(fields) = open(permission::PROPERTIES) {
                    permission::check(&fields, findings);
                }
            }
            Kind::RestApi | Kind::HttpApi => {
                let dir = self.template.dir();
                let draft = match (one.kind, name) {
                    (_, None) => None,
                    (Kind::RestApi, Some(name)) => open(gateway::REST).and_then(|fields| {
                        gateway::rest(&fields, name, self.context, dir, findings)
                    }),
                    (_, Some(name)) => open(gateway::HTTP).and_then(|fields| {
                        gateway::http(&fields, name, self.context, dir, findings)
                    }),
                };
                harvest
                    .drafts
                    .extend(draft.map(|draft| (one.id.clone(), draft)));
            }
            Kind::PlainRest | Kind::PlainApi | Kind::SocketApi => {
                let (schema, read): (_, fn(&_, _, &_, &_) -> _) = match one.kind {
                    Kind::PlainRest => (gateway::PLAIN_REST, gateway::plain_rest),
                    _ => (gateway::PLAIN_API, gateway::plain_api),
                };
                if let (Some(fields), Some(name)) = (open(schema), name) {
                    let draft = read(&fields, name, self.context, findings);
                    harvest.drafts.insert(one.id.clone(), draft);
                }
            }
            Kind::Part(part) => {
                if open(part.schema()).is_some()
                    && let Some(id) = name
                {
                    harvest.pieces.push(gateway::Piece {
                        part,
                        id,
                        span: one.id_span,
                        properties: properties.clone(),
                    });
                }
            }
            Kind::Balance(part) => {
                let arn = scope.balance_arn(one, part);
                // A piece whose parent is none has no ARN, and its parent is asked for when all are put together.
                if open(part.schema()).is_some() {
                    harvest.balances.push(balancer::Piece {
                        part,
                        logical_id: one.id.clone(),
                        name: name.unwrap_or_default(),
                        arn: arn.unwrap_or_default(),
                        span: one.id_span,
                        properties: properties.clone(),
                    });
                }
            }
            Kind::EventBus
            | Kind::EventRule
            | Kind::Archive
            | Kind::Connection
            | Kind::Address
            | Kind::BusPolicy => {
                let schema = match one.kind {
                    Kind::EventBus => bus::BUS,
                    Kind::EventRule => bus::RULE,
                    Kind::Archive => bus::ARCHIVE,
                    Kind::Connection => bus::CONNECTION,
                    Kind::Address => bus::ADDRESS,
                    _ => bus::POLICY,
                };
                if let (Some(fields), Some(name)) = (open(schema), name) {
                    let made = self.of_bus(one.kind, &fields, name, findings);
                    harvest.made.extend(made.map(|made| (one.id.clone(), made)));
                }
            }
            Kind::Schedule => {
                if let (Some(fields), Some(name)) = (open(schedule::SCHEDULE), name)
                    && let Some(made) = schedule::read(&fields, name, findings)
                {
                    let made = Made::Schedule(Box::new(made));
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::ScheduleGroup => {
                if let (Some(fields), Some(name)) = (open(schedule::GROUP), name)
                    && let Some(group) = schedule::group(&fields, name, findings)
                {
                    let made = Made::ScheduleGroup(group);
                    harvest.made.push((one.id.clone(), made));
                }
            }
            // It says which constructs there are; the cloud makes nothing of it either.
            Kind::Inventory => drop(open(INVENTORY)),
            Kind::Edge => {
                let reading = edge::Reading {
                    context: self.context,
                    findings,
                };
                if let (Some(fields), Some(name)) = (open(edge::DISTRIBUTION), name)
                    && let Some(made) = reading.read(&fields, name)
                {
                    harvest.edges.push((one.id.clone(), made, one.id_span));
                }
            }
            // Read for what they say about access; nothing is made of them.
            Kind::Net(part) => {
                network::note(&one.id, one.id_span, findings);
                open(part.schema());
            }
            Kind::Aside(part) => {
                part.note(&one.id, one.id_span, findings);
                open(part.schema());
            }
            Kind::OriginControl => drop(open(edge::CONTROL)),
            Kind::OriginIdentity => drop(open(edge::IDENTITY)),
            Kind::BucketPolicy => {
                if let Some(fields) = open(bucket::POLICY)
                    && let Some(policy) = bucket::policy(&fields, findings)
                {
                    let made = Made::BucketPolicy(policy);
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::LogPolicy => drop(open(log_group::POLICY)),
            Kind::Role => {
                if let Some(fields) = open(role::ROLE) {
                    fields.required("AssumeRolePolicyDocument");
                }
            }
            Kind::RolePolicy => drop(open(role::ROLE_POLICY)),
            Kind::PlainPolicy => drop(open(role::POLICY)),
            Kind::ManagedPolicy => drop(open(role::MANAGED_POLICY)),
            Kind::LogGroup => {
                if let (Some(fields), Some(name)) = (open(log_group::GROUP), name)
                    && let Some(group) = log_group::read(&fields, name, findings)
                {
                    let made = Made::LogGroup(group);
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::LineSubscription => {
                if let (Some(fields), Some(name)) = (open(line_subscription::PROPERTIES), name)
                    && let Some(made) = line_subscription::read(&fields, &name, findings)
                {
                    let place = fields.place("LogGroupName");
                    harvest.fed.push((one.id.clone(), place));
                    let made = Made::LineSubscription(made);
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::Custom => {
                let reading = custom::Reading {
                    context: self.context,
                    report: self.report,
                };
                let resources = self.root.get("Resources");
                let declared = resources.and_then(|all| all.get(&one.id)?.get("Type")?.scalar());
                if let (Some(resource_type), Some(name)) = (declared, name)
                    && let Some(made) = reading.read(one, resource_type, name, &properties)
                {
                    let made = Made::Custom(Box::new(made));
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::ClientKey => {
                if let (Some(fields), Some(name)) = (open(gateway::KEY), name) {
                    let made = Made::ClientKey(gateway::key(&fields, name));
                    harvest.made.push((one.id.clone(), made));
                }
            }
            Kind::Plan => {
                if let (Some(fields), Some(name)) = (open(gateway::PLAN), name) {
                    let plan = gateway::plan(&fields, name, findings);
                    harvest.plans.insert(one.id.clone(), plan);
                }
            }
            Kind::PlanKey => {
                let fields = open(gateway::PLAN_KEY);
                if let Some(member) = fields.and_then(|fields| gateway::member(&fields)) {
                    harvest.plan_keys.push((member, one.id_span));
                }
            }
            Kind::FunctionUrl => {
                let function = scope.declared(gateway::owner(one));
                let reached = function.and_then(|function| {
                    scope.on_behalf(&one.id, || scope.depend(&function.id, one.id_span));
                    Some(url::Reached {
                        function: scope.physical(function)?,
                        alias: scope.property(function, "AutoPublishAlias"),
                    })
                });
                if let (Some(fields), Some(name), Some(reached)) =
                    (open(url::CONFIG), name, reached)
                {
                    harvest.urls.push((reached.clone(), one.id_span));
                    let gateway = url::read(&fields, name, reached, findings);
                    let gateway = gateway.map(|gateway| (one.id.clone(), Made::Gateway(gateway)));
                    harvest.made.extend(gateway);
                }
            }
            Kind::PlainUrl => {
                let named = scope.function_of(one);
                if let (Some(fields), Some(name)) = (open(url::APART), name)
                    && let Some(reached) = url::reached(&fields, named, findings)
                {
                    let place = fields.place("TargetFunctionArn");
                    harvest.urls.push((reached.clone(), place));
                    let gateway = url::read(&fields, name, reached, findings);
                    let gateway = gateway.map(|gateway| (one.id.clone(), Made::Gateway(gateway)));
                    harvest.made.extend(gateway);
                }
            }
            Kind::Other => {}
        }
    }

    fn of_bus(
        &self,
        kind: Kind,
        fields: &Fields<'_>,
        name: String,
        findings: &Findings<'_>,
    ) -> Option<Made> {
        let context = self.context;
        match kind {
            Kind::EventBus => bus::bus(fields, name, findings).map(Made::EventBus),
            Kind::EventRule => {
                bus::rule(fields, name, findings).map(|rule| Made::EventRule(Box::new(rule)))
            }
            Kind::Archive => bus::archive(fields, name, findings).map(Made::Archive),
            Kind::Connection => bus::connection(fields, name, context, findings)
                .map(|connection| Made::Connection(Box::new(connection))),
            Kind::Address => bus::address(fields, name, context, findings).map(Made::Address),
            _ => bus::policy(fields, context, findings).map(Made::BusPolicy),
        }
    }

    fn function(
        &self,
        one: &Declared,
        fields: &Fields<'_>,
        name: String,
        scope: &Scope<'_>,
        findings: &Findings<'_>,
        harvest: &mut Harvest,
    ) {
        if let Some(policies) = fields.node("Policies") {
            policies::check(policies, self.report);
        }
        // What is published is called by its alias, as the vendor's transform has it.
        let alias = fields.text("AutoPublishAlias");
        if let Some(events) = one.properties.get("Events") {
            for (source, asked) in events::read(events, one, &name, scope, findings) {
                match asked {
                    events::Asked::Rule(mut rule) => {
                        if let Told::Function { qualifier, .. } = &mut rule.rule.told {
                            qualifier.clone_from(&alias);
                        }
                        harvest.rules.entry(source).or_default().push(rule);
                    }
                    events::Asked::Route(mut route) => {
                        route.qualify(alias.as_deref());
                        harvest.routes.entry(source).or_default().push(*route);
                    }
                }
            }
        }
        let metadata = build_method::of(one, scope);
        let reading = function::Reading {
            id: &one.id,
            metadata: metadata.as_ref(),
            fields,
            findings,
            context: self.context,
            place: self.template.place(),
            is_plain: one.kind == Kind::PlainFunction,
        };
        if let Some(function) = reading.read(name, &one.role_name(self.context)) {
            let made = Made::Function(Box::new(function));
            harvest.made.push((one.id.clone(), made));
        }
    }

    fn own_notification(
        &self,
        one: &Declared,
        scope: &Scope<'_>,
        findings: &Findings<'_>,
        harvest: &mut Harvest,
    ) {
        let entries = one.properties.entries().unwrap_or_default();
        let Some(entry) = entries
            .iter()
            .find(|entry| entry.key == "NotificationConfiguration")
        else {
            return;
        };
        let owner = format!("{}{NOTIFICATION}", one.id);
        let node = scope.on_behalf(&owner, || scope.eval(&entry.value));
        if matches!(node.value, Value::Null | Value::Broken | Value::Absent) {
            return;
        }
        let function =
            |node: &Node| function_arn::read("Function", node, self.context, self.report);
        let rules = bucket::notification(&node, entry.key_span, &one.id, findings, function);
        harvest
            .rules
            .entry(one.id.clone())
            .or_default()
            .extend(rules);
        if bucket::is_on_bus(&node, findings) {
            harvest.on_bus.insert(one.id.clone());
        }
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
