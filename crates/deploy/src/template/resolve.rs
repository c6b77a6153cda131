//! From a template's tree to what it asks for.

mod between;
mod nested;
mod outputs;
mod read;
mod sections;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use self::between::{needed, notification_edges, route_edges, waiting};
use self::nested::{Members, parts};
use super::{Document, Template};
use crate::Context;
use crate::desired::{
    Desired, Edge as Front, Kind as Made, OnRemoval, Output, Plan, Resource, Unanswered,
};
use crate::diagnostic::{Diagnostics, Finding, Report, Source, Span};
use crate::template::admission::Doors;
use crate::template::balancer;
use crate::template::bucket::Placed;
use crate::template::declared::{Declared, MARK};
use crate::template::gateway::url;
use crate::template::implied;
use crate::template::nested::refuse_loops;
use crate::template::order::{Order, order};
use crate::template::parameters::Given;
use crate::template::scope::{Child, Scope};
use crate::template::shape::Findings;
use crate::template::tree::{Node, Value};
use crate::template::{
    bus, declared, edge, extensions, gateway, globals, line_subscription, mapping, outcome,
    parameters, rules, schedule, topic,
};

const NOTIFICATION: &str = ".Notification";

pub(super) use nested::nested;

pub(super) fn resolve(
    template: &Template,
    document: &Document,
    context: &Context,
) -> Result<Desired, Diagnostics> {
    let report = Report::default();
    for finding in &template.noticed {
        report.add(finding.clone());
    }
    let parameters = template.overrides.parameters.iter();
    let given = |(name, value): (&String, &String)| (name.clone(), Some(value.clone()));
    let given = Given {
        values: parameters.map(given).collect(),
        by: None,
    };
    let found = Resolving {
        document,
        source: &template.source,
        given: &given,
        context,
        report: &report,
        depth: 0,
    }
    .run_all();
    let failed = report.has_errors();
    let diagnostics = Diagnostics::new(&template.source, report.into_findings());
    match found {
        Some(found) if !failed => Ok(Desired {
            stack: context.stack.clone(),
            resources: found.resources,
            outputs: found.outputs,
            exports: found.exports,
            imports: found.imports,
            unanswered: found.unanswered,
            notices: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

/// What a template asks for, and all that is nested in it.
#[derive(Default)]
pub(crate) struct Found {
    resources: Vec<Resource>,
    /// With marks for numbers of versions, if it is nested.
    pub(crate) outputs: Vec<Output>,
    exports: BTreeMap<String, String>,
    imports: BTreeSet<String>,
    unanswered: Unanswered,
    /// Something in it has no value before a custom resource has answered.
    pub(crate) is_open: bool,
    /// Places of access rules.
    access: Vec<Span>,
    /// Pieces of APIs that only a template which nests this one can have.
    pub(crate) strays: Vec<gateway::Piece>,
}

struct Resolving<'t> {
    document: &'t Document,
    /// Of the whole template.
    source: &'t Source,
    given: &'t Given,
    context: &'t Context,
    report: &'t Report,
    /// How much is being made from one another where this template is nested.
    depth: usize,
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
    /// Those whose API is not among these.
    strays: Vec<gateway::Piece>,
    /// How functions' calls are treated, where that is declared apart.
    outcomes: Vec<outcome::Apart>,
    /// What has a URL, and where that is said.
    urls: Vec<(url::Reached, Span)>,
    /// Whoever is fed with lines, by its logical id, and where that is said.
    fed: Vec<(String, Span)>,
    /// Of load balancers.
    balances: Vec<balancer::Piece>,
    edges: Vec<(String, Front, Span)>,
    /// By their logical ids.
    nested: BTreeMap<String, Rc<Child>>,
}

impl<'t> Resolving<'t> {
    /// Of the template that is nested in no other, what can be said only of the whole.
    fn run_all(&self) -> Option<Found> {
        let found = self.run()?;
        self.check_twins(&found.resources);
        self.check_reservations(&found.resources);
        self.say_access(&found.access);
        for piece in &found.strays {
            self.report.add(piece.stray());
        }
        Some(found)
    }

    fn run(&self) -> Option<Found> {
        match self.written_out() {
            Some(document) => Resolving {
                document: &document,
                ..*self
            }
            .run_plain(),
            None => self.run_plain(),
        }
    }

    /// The template as it is once the extensions of the language are written out, if it asks for them.
    fn written_out(&self) -> Option<Document> {
        let document = self.document;
        if !extensions::are_asked_for(&document.root) {
            return None;
        }
        // What is wrong with them is said when they are read for good.
        let parameters = self.report.hushed(|| {
            let parameters = document.root.get("Parameters");
            parameters::resolve(parameters, self.given, self.report)
        });
        let scope = |document: &Document, work: &dyn Fn(&Scope<'_>) -> Node| {
            let conditions = document.root.get("Conditions").and_then(Node::entries);
            let root = work(&Scope::new(
                self.report,
                self.context,
                parameters.clone(),
                document,
                self.source,
                conditions.unwrap_or_default(),
                &[],
            ));
            Document {
                root,
                ..document.clone()
            }
        };
        let looped = scope(document, &|scope| {
            extensions::without_loops(&document.root, scope)
        });
        refuse_loops(&document.root, &looped.root, self.report);
        Some(scope(&looped, &|scope| {
            extensions::with_policies(looped.root.clone(), scope)
        }))
    }

    fn run_plain(&self) -> Option<Found> {
        let root = &self.document.root;
        self.check_sections(root)?;
        let mut declared = declared::declared(root.get("Resources"), self.report);
        self.check_transform(root, &declared);
        gateway::declare_implicit(&mut declared);
        globals::merge(root.get("Globals"), &mut declared, self.report);
        mapping::declare_events(&mut declared);
        topic::declare(&mut declared);
        bus::declare_events(&mut declared);
        line_subscription::declare_events(&mut declared);
        schedule::declare_events(&mut declared);
        implied::declare_destinations(&mut declared);
        let findings = Findings {
            report: self.report,
            access: RefCell::default(),
            doors: Doors::default(),
        };
        gateway::declare_plans(&mut declared, &findings);
        let parameters = parameters::resolve(root.get("Parameters"), self.given, self.report);
        let conditions = self.section(root, "Conditions");
        self.check_mappings(root);
        self.check_names(root, conditions, &declared);
        let scope = Scope::new(
            self.report,
            self.context,
            parameters,
            self.document,
            self.source,
            conditions,
            &declared,
        )
        .at_depth(self.depth);
        for condition in conditions {
            scope.holds(&condition.key, condition.key_span);
        }
        rules::check(self.section(root, "Rules"), &scope);
        let mut found = self.resources(&scope);
        let (outputs, exports) = self.outputs(root, &scope);
        found.outputs = outputs;
        found.is_open |= scope.is_open();
        found.unanswered.missing.extend(scope.unanswered().missing);
        found.imports.extend(scope.imports());
        scope.check_depth();
        let place = root
            .get("Outputs")
            .map_or(root.span, |outputs| outputs.span);
        self.add_exports(&mut found, &exports, place);
        Some(found)
    }

    /// The resources, and what comes with them.
    fn resources(&self, scope: &Scope<'_>) -> Found {
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
        line_subscription::tell_of_rounds(&harvest.made, &harvest.fed, self.report);
        let there = |noun: &str, name: &str| {
            let mut made = harvest.made.iter();
            made.any(|(_, made)| made.noun().as_str() == noun && made.name() == name)
        };
        findings.doors.check(there, &findings);
        self.notifications(&mut harvest, scope, &findings);
        let ids: Vec<String> = ids(&wanted, &harvest);
        let borrowed: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut edges = scope.edges();
        edges.extend(notification_edges(&harvest, &wanted));
        let (routed, wishes) = route_edges(&harvest, &wanted);
        edges.extend(routed);
        let order = order(&borrowed, &edges, &wishes, self.report);
        self.say_foreign_circles(&harvest, &order, &wanted);
        let waiting = waiting(&order, &ids, &scope.unanswered().makers);
        let mut found = Found {
            unanswered: Unanswered {
                waiting,
                missing: Vec::new(),
            },
            is_open: self.given.values.values().any(Option::is_none),
            access: findings.access.into_inner(),
            strays: std::mem::take(&mut harvest.strays),
            ..Found::default()
        };
        for (one, stack) in parts(&wanted, &harvest.nested) {
            self.join(&mut found, one, stack);
        }
        found.resources = self.assemble(&ids, &order, harvest, &wanted);
        found
    }

    /// Gives each gateway the routes that functions' events ask of it, and each plan its keys.
    fn gather(&self, harvest: &mut Harvest, findings: &Findings<'_>) {
        let pieces = std::mem::take(&mut harvest.pieces);
        let mut apis = BTreeSet::new();
        for (id, mut draft) in std::mem::take(&mut harvest.drafts) {
            let assembly = gateway::Assembly {
                pieces: &pieces,
                context: self.context,
                findings,
            };
            assembly.add(&mut draft);
            apis.insert(draft.gateway.id.clone());
            let asked = harvest.routes.get(&id).map(Vec::as_slice);
            let routes = draft.routes(asked.unwrap_or_default());
            gateway::check_twins(&routes, self.report);
            let gateway = draft.finish(&routes, findings);
            harvest.made.push((id, Made::Gateway(gateway)));
        }
        let strays = pieces.into_iter();
        let strays = strays.filter(|piece| piece.api().is_some_and(|api| !apis.contains(api)));
        harvest.strays = strays.collect();
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

    fn assemble(
        &self,
        ids: &[String],
        order: &Order,
        harvest: Harvest,
        wanted: &[&Declared],
    ) -> Vec<Resource> {
        let stacks: BTreeMap<&str, _> = parts(wanted, &harvest.nested)
            .map(|(one, stack)| (one.id.as_str(), (one, stack)))
            .collect();
        let mut made: BTreeMap<String, Made> = harvest.made.into_iter().collect();
        let mut members = Members::default();
        let mut resources = Vec::new();
        for &position in &order.positions {
            let id = &ids[position];
            let needs = members.spread(needed(order, id, ids));
            if let Some((declared, stack)) = stacks.get(id.as_str()) {
                resources.extend(members.add(declared, stack, &needs));
                continue;
            }
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
            self.check_lookups(&kind, declared);
            let resource = Resource {
                logical_id: id.clone(),
                depends_on: needs,
                on_delete: keep(declared.on_delete),
                on_replace: keep(declared.on_replace),
                place: self.source.place(declared.id_span),
                span: declared.id_span,
                kind,
            };
            self.check_numbers(&resource);
            resources.push(resource);
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

    /// A value that the service would look up when it makes the resource would be taken for the value itself.
    fn check_lookups(&self, made: &Made, declared: &Declared) {
        const LOOKUP: &str = "{{resolve:";
        let text = serde_json::to_string(made).unwrap_or_default();
        let Some((_, rest)) = text.split_once(LOOKUP) else {
            return;
        };
        let what = rest.split_once("}}").map_or(rest, |(what, _)| what);
        let span = span_with(&declared.properties, LOOKUP).unwrap_or(declared.id_span);
        self.report.add(
            Finding::error(span, format!("`{LOOKUP}{what}}}}}` is not looked up"))
                .why("there is no store of parameters and secrets")
                .help("give the value by a parameter of the template"),
        );
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
}

/// Where this text stands in a value.
fn span_with(node: &Node, text: &str) -> Option<Span> {
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| span_with(item, text)),
        Value::Map(entries) => entries.iter().find_map(|one| span_with(&one.value, text)),
        Value::Call(call) => span_with(&call.argument, text),
        _ => node.scalar()?.contains(text).then_some(node.span),
    }
}

fn span_of(wanted: &[&Declared], id: &str) -> Span {
    let found = wanted.iter().find(|one| one.id == id);
    found.map(|one| one.id_span).unwrap_or_default()
}

/// Declared resources in the order of the file, then the notifications.
fn ids(wanted: &[&Declared], harvest: &Harvest) -> Vec<String> {
    let notifications = harvest.rules.keys().map(|id| format!("{id}{NOTIFICATION}"));
    let declared = wanted.iter().map(|one| one.id.clone());
    declared.chain(notifications).collect()
}
