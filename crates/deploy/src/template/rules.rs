//! The section Rules: what must be true of the parameters before anything is made.

use crate::diagnostic::Finding;
use crate::template::conditions::{self, Within};
use crate::template::nearest::did_you_mean;
use crate::template::scope::Scope;
use crate::template::tree::{Entry, Node, Value};

const FIELDS: [&str; 2] = ["Assertions", "RuleCondition"];

/// Says which of them are broken.
pub(crate) fn check(rules: &[Entry], scope: &Scope<'_>) {
    for rule in rules {
        check_rule(rule, scope);
    }
}

fn check_rule(rule: &Entry, scope: &Scope<'_>) {
    for field in rule.value.entries().unwrap_or_default() {
        if !FIELDS.contains(&field.key.as_str()) {
            let message = format!("a rule has no `{}`", field.key);
            let finding = Finding::error(field.key_span, message);
            scope
                .report
                .add(finding.maybe_help(did_you_mean(&field.key, FIELDS)));
        }
    }
    let applies = rule.value.get("RuleCondition");
    if applies.is_some_and(|when| conditions::truth(scope, when, Within::Rules) != Some(true)) {
        return;
    }
    let assertions = rule.value.get("Assertions");
    let Some(Value::List(assertions)) = assertions.map(|node| &node.value) else {
        let message = format!("the rule `{}` has no list `Assertions`", rule.key);
        scope.report.add(Finding::error(rule.key_span, message));
        return;
    };
    for assertion in assertions {
        check_assertion(rule, assertion, scope);
    }
}

fn check_assertion(rule: &Entry, assertion: &Node, scope: &Scope<'_>) {
    let Some(assert) = assertion.get("Assert") else {
        let message = format!("an assertion of `{}` has no `Assert`", rule.key);
        scope.report.add(Finding::error(assertion.span, message));
        return;
    };
    if conditions::truth(scope, assert, Within::Rules) != Some(false) {
        return;
    }
    let message = format!("the parameters break the rule `{}`", rule.key);
    let described = assertion.get("AssertDescription").and_then(Node::scalar);
    scope
        .report
        .add(Finding::error(assert.span, message).maybe_help(described.map(str::to_owned)));
}
