//! From a template's tree to what it asks for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::Template;
use crate::Context;
use crate::desired::{
    Desired, Edge as Front, Kind as Made, Notification, OnRemoval, Output, Plan, Resource, Told,
};
use crate::diagnostic::{Diagnostics, Finding, Report, Span};
use crate::template::admission::{self, Doors};
use crate::template::balancer;
use crate::template::bucket::{self, Placed};
use crate::template::declared::{Declared, Kind, MARK};
use crate::template::gateway::url;
use crate::template::implied;
use crate::template::nearest::did_you_mean;
use crate::template::network;
use crate::template::order::{Order, order};
use crate::template::references::Names;
use crate::template::scope::{Edge, Scope};
use crate::template::shape::{Fields, Findings};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{
    bus, declared, edge, events, function, function_arn, gateway, globals, layer, log_group,
    mapping, outcome, parameters, permission, policies, queue, role, scalar, schedule, table,
    topic, version,
};

/// The sections of a template that are read.
const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Transform",
];

const REFUSED_SECTIONS: &[(&str, &str)] = &[
    ("Hooks", "nothing is called on the way"),
    ("Rules", "assertions about parameters are not checked"),
];

const SERVERLESS: &str = "AWS::Serverless-2016-10-31";
/// Of the 1,000 invocations that run at once, 100 are kept for functions that reserve none.
const MAX_RESERVED: u32 = 900;
const NOTIFICATION: &str = ".Notification";

pub(super) fn resolve(
    template: &Template,
    root: &Node,
    context: &Context,
) -> Result<Desired, Diagnostics> {
    let report = Report::default();
    let found = Resolving {
        template,
        root,
        context,
        report: &report,
    }
    .run();
    let failed = report.has_errors();
    let diagnostics = Diagnostics::new(&template.source, report.into_findings());
    match found {
        Some((resources, outputs)) if !failed => Ok(Desired {
            stack: context.stack.clone(),
            resources,
            outputs,
            notices: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

struct Resolving<'t> {
    template: &'t Template,
    root: &'t Node,
    context: &'t Context,
    report: &'t Report,
}

/// What the readers of the single resources have made.
#[derive(Default)]
struct Harvest {
    made: Vec<(String, Made)>,
    /// By the logical id of the bucket.
    rules: BTreeMap<String, Vec<Placed>>,
    /// Logical ids of buckets whose changes are put on the default bus. Each is among those with rules.
    on_bus: BTreeSet<String>,
    /// By the logical id of the gateway.
    routes: BTreeMap<String, Vec<gateway::Placed>>,
    drafts: BTreeMap<String, gateway::Draft>,
    /// By the logical id of the usage plan.
    plans: BTreeMap<String, Plan>,
    /// Ids of plans and of keys that are in them.
    plan_keys: Vec<((String, String), Span)>,
    /// Of APIs that are declared piece by piece.
    pieces: Vec<gateway::Piece>,
    /// How functions' calls are treated, where that is declared apart.
    outcomes: Vec<outcome::Apart>,
    /// What has a URL, and where that is said.
    urls: Vec<(url::Reached, Span)>,
    /// Of load balancers.
    balances: Vec<balancer::Piece>,
    edges: Vec<(String, Front, Span)>,
}

impl<'t> Resolving<'t> {
    fn run(&self) -> Option<(Vec<Resource>, Vec<Output>)> {
        let root = self.root;
        self.check_sections(root)?;
        let mut declared = declared::declared(root.get("Resources"), self.report);
        self.check_transform(root, &declared);
        gateway::declare_implicit(&mut declared);
        globals::merge(root.get("Globals"), &mut declared, self.report);
        mapping::declare_events(&mut declared);
        topic::declare(&mut declared);
        bus::declare_events(&mut declared);
        schedule::declare_events(&mut declared);
        implied::declare_destinations(&mut declared);
        let findings = Findings {
            report: self.report,
            access: RefCell::default(),
            doors: Doors::default(),
        };
        gateway::declare_plans(&mut declared, &findings);
        let parameters = parameters::resolve(
            root.get("Parameters"),
            &self.template.overrides.parameters,
            self.report,
        );
        let conditions = self.section(root, "Conditions");
        let mappings = root.get("Mappings");
        self.check_mappings(root);
        self.check_names(root, conditions, &declared);
        let scope = Scope::new(
            self.report,
            self.context,
            parameters,
            mappings,
            conditions,
            &declared,
        );
        for condition in conditions {
            scope.holds(&condition.key, condition.key_span);
        }
        let resources = self.resources(&scope);
        let outputs = self.outputs(root, &scope);
        Some((resources, outputs))
    }

    fn section(&self, root: &'t Node, name: &str) -> &'t [Entry] {
        let Some(section) = root.get(name) else {
            return &[];
        };
        match &section.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Broken => &[],
            _ => {
                self.report.add(
                    Finding::error(section.span, format!("`{name}` must be a mapping"))
                        .why(format!("it is {}", section.kind())),
                );
                &[]
            }
        }
    }

    fn check_sections(&self, root: &Node) -> Option<()> {
        let Some(sections) = root.entries() else {
            self.report.add(
                Finding::error(root.span, "this is no template")
                    .why(format!("it is {}, not a mapping of sections", root.kind()))
                    .help("a template has at least the section `Resources`"),
            );
            return None;
        };
        for section in sections {
            let name = section.key.as_str();
            if SECTIONS.contains(&name) {
                continue;
            }
            let refused = REFUSED_SECTIONS.iter().find(|(known, _)| *known == name);
            self.report.add(match refused {
                Some((_, why)) => {
                    let message = format!("the section `{name}` is not supported");
                    Finding::error(section.key_span, message).why(*why)
                }
                None => {
                    let message = format!("a template has no section `{name}`");
                    let suggestion = did_you_mean(name, SECTIONS.iter().copied());
                    Finding::error(section.key_span, message).maybe_help(suggestion)
                }
            });
        }
        if let Some(version) = root.get("AWSTemplateFormatVersion")
            && version.scalar() != Some("2010-09-09")
        {
            self.report.add(
                Finding::error(version.span, "this version of the format is not known")
                    .help("write AWSTemplateFormatVersion: '2010-09-09'"),
            );
        }
        Some(())
    }

    fn check_transform(&self, root: &Node, declared: &[Declared]) {
        let transforms = match root.get("Transform") {
            None => [].as_slice(),
            Some(node) => match &node.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            },
        };
        let mut serverless = false;
        for transform in transforms {
            match transform.scalar() {
                Some(SERVERLESS) => serverless = true,
                _ => self.report.add(
                    Finding::error(transform.span, "this transform is not supported")
                        .why("transforms and macros run in the cloud")
                        .help(format!("supported is {SERVERLESS}")),
                ),
            }
        }
        let needs = |one: &&Declared| one.kind.type_name().starts_with("AWS::Serverless::");
        if let (false, Some(first)) = (serverless, declared.iter().find(needs)) {
            self.report.add(
                Finding::error(
                    first.id_span,
                    format!("`{}` needs a transform", first.kind.type_name()),
                )
                .why("the type is not CloudFormation's own")
                .help(format!("add `Transform: {SERVERLESS}` to the template")),
            );
        }
    }

    /// Mappings are two levels of keys over literal values.
    fn check_mappings(&self, root: &'t Node) {
        let must_be_map = |entry: &Entry, what: &str| {
            if entry.value.entries().is_none() && !entry.value.is_broken() {
                self.report.add(
                    Finding::error(
                        entry.key_span,
                        format!("{what} `{}` must be a mapping", entry.key),
                    )
                    .why(format!("it is {}", entry.value.kind())),
                );
            }
        };
        for map in self.section(root, "Mappings") {
            must_be_map(map, "the mapping");
            for first in map.value.entries().unwrap_or_default() {
                must_be_map(first, "the first key");
                for second in first.value.entries().unwrap_or_default() {
                    let literal = match &second.value.value {
                        Value::List(items) => items.iter().all(|item| item.scalar().is_some()),
                        _ => second.value.scalar().is_some(),
                    };
                    if !literal && !second.value.is_broken() {
                        self.report.add(
                            Finding::error(
                                second.key_span,
                                format!("`{}` must be a string or a list of strings", second.key),
                            )
                            .why(format!(
                                "it is {}; mappings hold nothing else",
                                second.value.kind()
                            )),
                        );
                    }
                }
            }
        }
    }

    fn check_names(&self, root: &'t Node, conditions: &'t [Entry], declared: &[Declared]) {
        let parameters = root.get("Parameters").and_then(Node::entries);
        let parameters = parameters.unwrap_or_default().iter();
        let names = Names {
            report: self.report,
            parameters: parameters.map(|entry| entry.key.as_str()).collect(),
            conditions,
            mappings: root.get("Mappings"),
            declared,
        };
        for condition in conditions {
            names.check_condition(&condition.value);
        }
        for one in declared {
            names.check_declared(one);
        }
        for output in self.section(root, "Outputs") {
            names.check(&output.value);
            if let Some(condition) = output.value.get("Condition") {
                names.condition_node(condition);
            }
        }
    }

    fn resources(&self, scope: &Scope<'_>) -> Vec<Resource> {
        let findings = Findings {
            report: self.report,
            access: RefCell::default(),
            doors: Doors::default(),
        };
        let mut harvest = Harvest::default();
        // A condition that cannot be decided has been reported; its resource is read all the same.
        let wanted: Vec<&Declared> = scope
            .declared
            .iter()
            .filter(|one| one.truth(scope) != Some(false))
            .collect();
        for one in &wanted {
            for (target, span) in &one.depends_on {
                scope.on_behalf(&one.id, || scope.depend(target, *span));
            }
            let sent = findings.doors.count();
            self.read(one, scope, &findings, &mut harvest);
            if one.by_transform {
                findings.doors.let_in_after(sent);
            }
        }
        self.gather(&mut harvest, &findings);
        let outcomes = std::mem::take(&mut harvest.outcomes);
        outcome::join(&mut harvest.made, outcomes, self.report);
        url::check(&harvest.made, &harvest.urls, self.report);
        self.say_access(&findings);
        let there = |noun: &str, name: &str| {
            let mut made = harvest.made.iter();
            made.any(|(_, made)| made.noun() == noun && made.name() == name)
        };
        findings.doors.check(there, &findings);
        self.check_twins(&harvest, &wanted);
        self.check_reservations(&harvest, &wanted);
        self.notifications(&mut harvest, scope, &findings);
        let ids: Vec<String> = ids(&wanted, &harvest);
        let borrowed: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut edges = scope.edges();
        edges.extend(notification_edges(&harvest, &wanted));
        edges.extend(route_edges(&harvest, &wanted));
        let order = order(&borrowed, &edges, self.report);
        self.say_foreign_circles(&harvest, &order, &wanted);
        self.assemble(&ids, &order, harvest, &wanted)
    }

    fn read(
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
            Kind::Function => {
                let fields = open(function::PROPERTIES);
                if let (Some(fields), Some(name)) = (fields, name) {
                    self.function(one, &fields, name, scope, findings, harvest);
                }
            }
            Kind::Layer | Kind::PlainLayer => {
                let (schema, content) = match one.kind {
                    Kind::Layer => (layer::PROPERTIES, "ContentUri"),
                    _ => (layer::PLAIN_PROPERTIES, "Content"),
                };
                let dir = self.template.dir();
                if let (Some(fields), Some(name)) = (open(schema), name)
                    && let Some(layer) = layer::read(&fields, content, name, dir, findings)
                {
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
            Kind::OriginControl => drop(open(edge::CONTROL)),
            Kind::OriginIdentity => drop(open(edge::IDENTITY)),
            Kind::BucketPolicy => drop(open(edge::BUCKET_POLICY)),
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

    /// Gives each gateway the routes that functions' events ask of it, and each plan its keys.
    fn gather(&self, harvest: &mut Harvest, findings: &Findings<'_>) {
        let pieces = std::mem::take(&mut harvest.pieces);
        for (id, mut draft) in std::mem::take(&mut harvest.drafts) {
            let assembly = gateway::Assembly {
                pieces: &pieces,
                context: self.context,
                findings,
            };
            assembly.add(&mut draft);
            let asked = harvest.routes.get(&id).map(Vec::as_slice);
            let routes = draft.routes(asked.unwrap_or_default());
            gateway::check_twins(&routes, self.report);
            let gateway = draft.finish(&routes, findings);
            harvest.made.push((id, Made::Gateway(gateway)));
        }
        let balances = std::mem::take(&mut harvest.balances);
        let assembly = balancer::Assembly {
            pieces: &balances,
            context: self.context,
            findings,
        };
        let balancers = assembly.balancers().into_iter();
        harvest
            .made
            .extend(balancers.map(|(id, balancer)| (id, Made::Balancer(balancer))));
        edge::check_functions(&harvest.edges, &harvest.made, findings);
        let edges = std::mem::take(&mut harvest.edges).into_iter();
        let edges = edges.map(|(id, made, _)| (id, Made::Edge(made)));
        harvest.made.extend(edges);
        let members = std::mem::take(&mut harvest.plan_keys);
        gateway::join(&mut harvest.plans, members, findings);
        let plans = std::mem::take(&mut harvest.plans).into_iter();
        let plans = plans.map(|(id, plan)| (id, Made::Plan(plan)));
        harvest.made.extend(plans);
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
        let reading = function::Reading {
            fields,
            findings,
            context: self.context,
            dir: self.template.dir(),
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

    fn say_access(&self, findings: &Findings<'_>) {
        let places = findings.access.borrow();
        let Some(first) = places.iter().min() else {
            return;
        };
        let others = match places.len() {
            1 => String::new(),
            2 => ", here and in one other place".to_owned(),
            count => format!(", here and in {} other places", count - 1),
        };
        self.report.add(
            Finding::notice(*first, format!("access rules are not enforced yet{others}"))
                .why("every function may do everything")
                .help("keep them: they count as soon as they are enforced, and in the cloud"),
        );
    }

    /// Two resources of one kind with the same name.
    fn check_twins(&self, harvest: &Harvest, wanted: &[&Declared]) {
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for (id, made) in &harvest.made {
            let Some(other) = seen.insert((made.noun(), made.name()), id) else {
                continue;
            };
            let span = span_of(wanted, id);
            self.report.add(
                Finding::error(
                    span,
                    format!("`{id}` and `{other}` have the same name `{}`", made.name()),
                )
                .help("give one of them another name, or none"),
            );
        }
    }

    /// What functions reserve must leave some concurrency to those that reserve none.
    fn check_reservations(&self, harvest: &Harvest, wanted: &[&Declared]) {
        let mut sum: u32 = 0;
        for (id, made) in &harvest.made {
            let Made::Function(function) = made else {
                continue;
            };
            let Some(reserved) = function.reserved_concurrency else {
                continue;
            };
            sum = sum.saturating_add(reserved);
            if sum > MAX_RESERVED {
                self.report.add(
                    Finding::error(
                        span_of(wanted, id),
                        format!("the functions reserve more than {MAX_RESERVED} together"),
                    )
                    .why(format!("{sum} with this one"))
                    .help("lower `ReservedConcurrentExecutions`: 100 of 1,000 stay unreserved"),
                );
                return;
            }
        }
    }

    fn notifications(&self, harvest: &mut Harvest, scope: &Scope<'_>, findings: &Findings<'_>) {
        for (id, rules) in &harvest.rules {
            bucket::check_overlaps(rules, findings);
            let Some(bucket) = scope.declared(id).and_then(|one| scope.physical(one)) else {
                continue;
            };
            let rules: Vec<_> = rules.iter().map(|placed| placed.rule.clone()).collect();
            let on_bus = harvest.on_bus.contains(id);
            if on_bus || !rules.is_empty() {
                let made = Made::Notification(Notification {
                    bucket,
                    rules,
                    on_bus,
                });
                harvest.made.push((format!("{id}{NOTIFICATION}"), made));
            }
        }
    }

    /// The service makes a bucket with its notification, and so after the functions it notifies. Here the notification
    /// comes last, which breaks circles that the service would refuse: worth saying to whoever goes there next.
    fn say_foreign_circles(&self, harvest: &Harvest, order: &Order, wanted: &[&Declared]) {
        for (bucket, rules) in &harvest.rules {
            let functions = rules.iter().filter_map(|placed| {
                let name = placed.rule.told.function()?;
                let made = harvest.made.iter().find(
                    |(_, made)| matches!(made, Made::Function(function) if function.name == name),
                )?;
                Some(made.0.as_str())
            });
            let functions: BTreeSet<&str> = functions.collect();
            for function in functions {
                if !reaches(order, function, bucket) {
                    continue;
                }
                self.report.add(
                    Finding::notice(
                        span_of(wanted, bucket),
                        format!("AWS itself refuses the circle {bucket} → {function} → {bucket}"),
                    )
                    .why("there, a bucket is made after the functions that it notifies")
                    .help(format!(
                        "to deploy it there too, give `{bucket}` a BucketName and use that name in `{function}` in place of the reference"
                    )),
                );
            }
        }
    }

    fn assemble(
        &self,
        ids: &[String],
        order: &Order,
        harvest: Harvest,
        wanted: &[&Declared],
    ) -> Vec<Resource> {
        let mut made: BTreeMap<String, Made> = harvest.made.into_iter().collect();
        let mut resources = Vec::new();
        for &position in &order.positions {
            let id = &ids[position];
            let Some(kind) = made.remove(id) else {
                continue;
            };
            let owner = id.strip_suffix(NOTIFICATION).unwrap_or(id);
            let Some(declared) = wanted.iter().find(|one| one.id == owner) else {
                continue;
            };
            let is_notification = matches!(kind, Made::Notification(_));
            let keep = |policy| match is_notification {
                // A rule for a function that is gone helps nobody.
                true => OnRemoval::Delete,
                false => policy,
            };
            resources.push(Resource {
                logical_id: id.clone(),
                depends_on: needed(order, id, ids),
                on_delete: keep(declared.on_delete),
                on_replace: keep(declared.on_replace),
                place: self.template.source.place(declared.id_span),
                span: declared.id_span,
                kind,
            });
        }
        for resource in &resources {
            self.check_numbers(resource);
        }
        let existing: BTreeSet<String> = resources
            .iter()
            .map(|resource| resource.logical_id.clone())
            .collect();
        for resource in &mut resources {
            resource.depends_on.retain(|id| existing.contains(id));
        }
        resources
    }

    /// Versions get their numbers when they are made, which is too late for whatever is made by the same plan.
    fn check_numbers(&self, resource: &Resource) {
        let text = serde_json::to_string(&resource.kind).unwrap_or_default();
        if text.contains(MARK) {
            self.report.add(
                Finding::error(
                    resource.span,
                    format!("`{}` uses the number of a version", resource.logical_id),
                )
                .why("it is known only when the version is made")
                .help("refer to an alias; of a layer, only `Layers` can take it"),
            );
        }
    }

    fn outputs(&self, root: &'t Node, scope: &Scope<'_>) -> Vec<Output> {
        let section = self.section(root, "Outputs").iter();
        section
            .filter_map(|entry| self.output(entry, scope))
            .collect()
    }

    fn output(&self, entry: &Entry, scope: &Scope<'_>) -> Option<Output> {
        let known = ["Condition", "Description", "Export", "Value"];
        let Some(fields) = entry.value.entries() else {
            self.report.add(
                Finding::error(
                    entry.key_span,
                    format!("the output `{}` must be a mapping", entry.key),
                )
                .help("give it a `Value`"),
            );
            return None;
        };
        for field in fields {
            if !known.contains(&field.key.as_str()) {
                self.report.add(
                    Finding::error(field.key_span, format!("an output has no `{}`", field.key))
                        .maybe_help(did_you_mean(&field.key, known)),
                );
            }
            if field.key == "Export" {
                self.report.add(
                    Finding::notice(field.key_span, "`Export` has no effect here")
                        .why("stacks cannot import from one another yet"),
                );
            }
        }
        if let Some(condition) = entry.value.get("Condition").and_then(Node::scalar)
            && !scope.holds(condition, entry.key_span)?
        {
            return None;
        }
        let Some(value) = entry.value.get("Value") else {
            self.report.add(Finding::error(
                entry.key_span,
                format!("the output `{}` has no `Value`", entry.key),
            ));
            return None;
        };
        let evaluated = scope.eval(value);
        let text = match &evaluated.value {
            Value::Broken => return None,
            _ => scalar::text(&evaluated, self.report),
        };
        let Some(text) = text else {
            self.report.add(
                Finding::error(value.span, "an output's `Value` must be a string")
                    .why(format!("this is {}", evaluated.kind()))
                    .help("make one text of a list with `!Join`"),
            );
            return None;
        };
        let text = match text.contains(MARK) {
            false => text,
            true => {
                self.report.add(
                    Finding::notice(value.span, "the number of a version is not shown")
                        .why("it is known only when the version is made"),
                );
                text.split(MARK).step_by(2).collect()
            }
        };
        let description = entry.value.get("Description").and_then(Node::scalar);
        Some(Output {
            name: entry.key.clone(),
            description: description.map(str::to_owned),
            value: text,
        })
    }
}

fn span_of(wanted: &[&Declared], id: &str) -> Span {
    let found = wanted.iter().find(|one| one.id == id);
    found.map(|one| one.id_span).unwrap_or_default()
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

/// Declared resources in the order of the file, then the notifications.
fn ids(wanted: &[&Declared], harvest: &Harvest) -> Vec<String> {
    let notifications = harvest.rules.keys().map(|id| format!("{id}{NOTIFICATION}"));
    let declared = wanted.iter().map(|one| one.id.clone());
    declared.chain(notifications).collect()
}

/// A notification comes after its bucket and its functions.
fn notification_edges(harvest: &Harvest, wanted: &[&Declared]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (bucket, rules) in &harvest.rules {
        let from = format!("{bucket}{NOTIFICATION}");
        let mut add = |to: &str, span| {
            let (from, to) = (from.clone(), to.to_owned());
            edges.push(Edge { from, to, span });
        };
        add(bucket, span_of(wanted, bucket));
        for placed in rules {
            let function = harvest.made.iter().find(|(_, made)| {
                matches!(made, Made::Function(function) if placed.rule.told.function() == Some(&function.name))
            });
            if let Some((id, _)) = function {
                add(id, placed.span);
            }
        }
    }
    edges
}

/// A gateway comes after the functions that it calls.
fn route_edges(harvest: &Harvest, wanted: &[&Declared]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, made) in &harvest.made {
        let called: BTreeSet<&str> = match made {
            Made::Gateway(gateway) => gateway.functions().collect(),
            Made::Balancer(balancer) => balancer.functions().collect(),
            Made::Edge(edge) => edge.functions().collect(),
            _ => continue,
        };
        for (to, made) in &harvest.made {
            if matches!(made, Made::Function(function) if called.contains(function.name.as_str())) {
                edges.push(Edge {
                    from: from.clone(),
                    to: to.clone(),
                    span: span_of(wanted, from),
                });
            }
        }
    }
    edges
}

/// What `id` needs, also by way of declarations of which nothing is made.
fn needed(order: &Order, id: &str, ids: &[String]) -> Vec<String> {
    let all = ids.iter().filter(|other| *other != id);
    let direct = order.needs.get(id);
    all.filter(|other| direct.is_some_and(|needs| needs.contains(*other)))
        .cloned()
        .collect()
}

/// Whether `from` needs `to`, directly or not.
fn reaches(order: &Order, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let needs = order.needs.get(at).into_iter().flatten();
        for need in needs {
            if need == to {
                return true;
            }
            open.push(need);
        }
    }
    false
}
