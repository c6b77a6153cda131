//! What resources are to each other: names that two have, reservations, notifications, and who must come first.

use std::collections::{BTreeMap, BTreeSet};

use super::{Harvest, NOTIFICATION, Resolving, span_of};
use crate::desired::{Kind as Made, Notification, Resource};
use crate::diagnostic::{Finding, Span};
use crate::schema::Noun;
use crate::template::bucket;
use crate::template::declared::{Declared, Kind};
use crate::template::order::Order;
use crate::template::scope::{Edge, Scope};
use crate::template::shape::Findings;

/// Of the 1,000 invocations that run at once, 100 are kept for functions that reserve none.
const MAX_RESERVED: u32 = 900;

impl Resolving<'_> {
    pub(super) fn say_access(&self, places: &[Span]) {
        // What is nested twice has its rules twice in one place.
        let places: BTreeSet<Span> = places.iter().copied().collect();
        let Some(first) = places.first() else {
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
    pub(super) fn check_twins(&self, resources: &[Resource]) {
        let mut seen: BTreeMap<(Noun, &str), &str> = BTreeMap::new();
        for resource in resources {
            let (id, made) = (&resource.logical_id, &resource.kind);
            let Some(other) = seen.insert((made.noun(), made.name()), id) else {
                continue;
            };
            self.report.add(
                Finding::error(
                    resource.span,
                    format!("`{id}` and `{other}` have the same name `{}`", made.name()),
                )
                .help("give one of them another name, or none"),
            );
        }
    }

    /// What functions reserve must leave some concurrency to those that reserve none.
    pub(super) fn check_reservations(&self, resources: &[Resource]) {
        let mut sum: u32 = 0;
        for resource in resources {
            let Made::Function(function) = &resource.kind else {
                continue;
            };
            let Some(reserved) = function.reserved_concurrency else {
                continue;
            };
            sum = sum.saturating_add(reserved);
            if sum > MAX_RESERVED {
                self.report.add(
                    Finding::error(
                        resource.span,
                        format!("the functions reserve more than {MAX_RESERVED} together"),
                    )
                    .why(format!("{sum} with this one"))
                    .help("lower `ReservedConcurrentExecutions`: 100 of 1,000 stay unreserved"),
                );
                return;
            }
        }
    }

    pub(super) fn notifications(
        &self,
        harvest: &mut Harvest,
        scope: &Scope<'_>,
        findings: &Findings<'_>,
    ) {
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
    pub(super) fn say_foreign_circles(
        &self,
        harvest: &Harvest,
        order: &Order,
        wanted: &[&Declared],
    ) {
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
}

/// A notification comes after its bucket and its functions.
pub(super) fn notification_edges(harvest: &Harvest, wanted: &[&Declared]) -> Vec<Edge> {
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

/// A gateway comes after the functions that it calls: those that must be so, and those that should. An API whose routes are
/// declared apart needs nothing itself, and a function may well name it; one that is declared with its routes needs them.
pub(super) fn route_edges(harvest: &Harvest, wanted: &[&Declared]) -> (Vec<Edge>, Vec<Edge>) {
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
    edges.into_iter().partition(|edge| {
        let apart = |one: &&&Declared| {
            one.id == edge.from
                && matches!(
                    one.kind,
                    Kind::PlainRest | Kind::PlainApi | Kind::SocketApi | Kind::Balance(_)
                )
        };
        !wanted.iter().any(|one| apart(&one))
    })
}

/// What `id` needs, also by way of declarations of which nothing is made.
pub(super) fn needed(order: &Order, id: &str, ids: &[String]) -> Vec<String> {
    let all = ids.iter().filter(|other| *other != id);
    let direct = order.needs.get(id);
    all.filter(|other| direct.is_some_and(|needs| needs.contains(*other)))
        .cloned()
        .collect()
}

/// What needs one of the makers, directly or not.
pub(super) fn waiting(
    order: &Order,
    ids: &[String],
    makers: &BTreeSet<String>,
) -> BTreeSet<String> {
    let ids = ids.iter().filter(|id| {
        let mut makers = makers.iter().filter(|maker| maker != id);
        makers.any(|maker| reaches(order, id, maker))
    });
    ids.cloned().collect()
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
