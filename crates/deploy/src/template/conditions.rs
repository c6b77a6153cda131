//! Whether a condition holds, or what a rule asserts.

use crate::diagnostic::Finding;
use crate::template::scalar;
use crate::template::scope::Scope;
use crate::template::tree::{Call, Node, Value};

/// Where it stands: some functions are for rules only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Conditions,
    Rules,
}

/// None when it cannot be said; why has been reported.
pub(crate) fn truth(scope: &Scope<'_>, node: &Node, within: Within) -> Option<bool> {
    match &node.value {
        Value::Call(call) => function(scope, call, node, within),
        Value::Map(entries) => match entries.as_slice() {
            [only] if only.key == "Condition" => {
                let name = only.value.scalar()?;
                scope.holds(name, only.value.span)
            }
            _ => not_a_condition(scope, node),
        },
        Value::Broken => None,
        _ => not_a_condition(scope, node),
    }
}

fn function(scope: &Scope<'_>, call: &Call, node: &Node, within: Within) -> Option<bool> {
    if within == Within::Rules
        && let Some(found) = membership(scope, call)
    {
        return found;
    }
    let items = match &call.argument.value {
        Value::List(items) => items.as_slice(),
        _ => &[],
    };
    match (call.name.as_str(), items) {
        ("Condition", _) => scope.holds(call.argument.scalar()?, node.span),
        ("Fn::Not", [one]) => truth(scope, one, within).map(|holds| !holds),
        ("Fn::And", items @ [_, _, ..]) => {
            all_known(scope, items, within).map(|all| !all.contains(&false))
        }
        ("Fn::Or", items @ [_, _, ..]) => {
            all_known(scope, items, within).map(|all| all.contains(&true))
        }
        ("Fn::Equals", [a, b]) => Some(comparable(scope, a)? == comparable(scope, b)?),
        ("Fn::Not", _) => wrong(scope, call, node, "a list of one condition"),
        ("Fn::And" | "Fn::Or", _) => wrong(scope, call, node, "a list of two to ten conditions"),
        ("Fn::Equals", _) => wrong(scope, call, node, "a list of two values"),
        _ => not_a_condition(scope, node),
    }
}

/// What rules ask of lists.
fn membership(scope: &Scope<'_>, call: &Call) -> Option<Option<bool>> {
    let Value::List(items) = &call.argument.value else {
        return None;
    };
    let [a, b] = items.as_slice() else {
        return None;
    };
    let both = || Some((comparable(scope, a)?, comparable(scope, b)?));
    let all = |one: fn(&String, &[String]) -> bool| {
        let (a, b) = both()?;
        Some(a.iter().all(|item| one(item, &b)))
    };
    match call.name.as_str() {
        "Fn::Contains" => Some(both().map(|(list, one)| one.iter().all(|one| list.contains(one)))),
        "Fn::EachMemberEquals" => Some(all(|item, one| one == std::slice::from_ref(item))),
        "Fn::EachMemberIn" => Some(all(|item, list| list.contains(item))),
        _ => None,
    }
}

fn all_known(scope: &Scope<'_>, items: &[Node], within: Within) -> Option<Vec<bool>> {
    // Each is looked at, so that everything wrong is said at once.
    let one = |item| truth(scope, item, within);
    let all: Vec<Option<bool>> = items.iter().map(one).collect();
    all.into_iter().collect()
}

/// What `Fn::Equals` compares: texts as they are, lists item by item.
fn comparable(scope: &Scope<'_>, node: &Node) -> Option<Vec<String>> {
    let node = scope.eval(node);
    match &node.value {
        Value::Broken => None,
        Value::List(items) => items
            .iter()
            .map(|item| scalar::text(item, scope.report))
            .collect(),
        Value::Null => Some(vec![String::new()]),
        _ => match scalar::text(&node, scope.report) {
            Some(text) => Some(vec![text]),
            None => {
                let finding = Finding::error(node.span, "only strings can be compared")
                    .why(format!("this is {}", node.kind()));
                scope.report.add(finding);
                None
            }
        },
    }
}

fn wrong(scope: &Scope<'_>, call: &Call, node: &Node, shape: &str) -> Option<bool> {
    let finding = Finding::error(node.span, format!("`{}` takes {shape}", call.name));
    scope.report.add(finding);
    None
}

fn not_a_condition(scope: &Scope<'_>, node: &Node) -> Option<bool> {
    scope.report.add(
        Finding::error(node.span, "this is no condition")
            .why(format!("it is {}", node.kind()))
            .help(
                "conditions are made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and `!Condition Name`",
            ),
    );
    None
}
