//! Rules.

use buses::DEFAULT;
use serde::Deserialize;
use serde_json::{Value, json};
use triggers::{NewRule, Page, Rule, RuleState};

use super::error::{invalid, of, of_bus};
use super::{Asked, managed, name, page, without_nulls};
use crate::protocol::Fault;
use crate::tags::{self, Tag};

const ALL: &str = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    name: String,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    event_bus_name: Option<String>,
}

pub(super) async fn put(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: Input = asked.call.read()?;
    let bus = name::bus(&asked, input.event_bus_name.as_deref())?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let pattern = text(input.event_pattern);
    let schedule = text(input.schedule_expression);
    if pattern.is_none() && schedule.is_none() {
        return Err(invalid(
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ));
    }
    if schedule.is_some() && bus != DEFAULT {
        return Err(invalid(
            "ScheduleExpression is supported only on the default event bus.",
        ));
    }
    managed::refuse(&asked, &bus, &input.name, false)?;
    let new = NewRule {
        space: asked.space().clone(),
        bus,
        name: input.name,
        pattern,
        schedule,
        state: match input.state.as_deref() {
            Some("DISABLED") => RuleState::Disabled,
            Some(ALL) => RuleState::EnabledForAll,
            _ => RuleState::Enabled,
        },
        description: input.description,
        role: input.role_arn,
        tags: tags::map(input.tags),
    };
    let rule = asked.triggers.put_rule(&new).await.map_err(of)?;
    Ok(json!({ "RuleArn": name::rule_arn(&rule) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
    event_bus_name: Option<String>,
    #[serde(default)]
    force: bool,
}

fn named(asked: &mut Asked<'_>) -> Result<(String, Named), Fault> {
    let input: Named = asked.call.read()?;
    let bus = name::bus(asked, input.event_bus_name.as_deref())?;
    asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    Ok((bus, input))
}

/// A rule that may be changed.
fn changeable(asked: &mut Asked<'_>) -> Result<(String, String), Fault> {
    let (bus, Named { name, force, .. }) = named(asked)?;
    managed::refuse(asked, &bus, &name, force)?;
    Ok((bus, name))
}

pub(super) fn describe(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let (bus, Named { name, .. }) = named(&mut asked)?;
    let mut printed = match managed::find(&asked, &bus, &name)? {
        Some(archive) => managed::print(&archive),
        None => {
            let rule = asked.triggers.rule(asked.space(), &bus, &name);
            print(&rule.map_err(of)?)
        }
    };
    printed["CreatedBy"] = asked.place().account.into();
    Ok(without_nulls(printed))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let (bus, name) = changeable(&mut asked)?;
    let deleted = asked.triggers.delete_rule(asked.space(), &bus, &name).await;
    deleted.map_err(of)?;
    Ok(json!({}))
}

pub(super) async fn enable(asked: Asked<'_>) -> Result<Value, Fault> {
    set(asked, RuleState::Enabled).await
}

pub(super) async fn disable(asked: Asked<'_>) -> Result<Value, Fault> {
    set(asked, RuleState::Disabled).await
}

async fn set(mut asked: Asked<'_>, state: RuleState) -> Result<Value, Fault> {
    let (bus, name) = changeable(&mut asked)?;
    let set = asked
        .triggers
        .set_rule_state(asked.space(), &bus, &name, state);
    set.await.map_err(of)?;
    Ok(json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    name_prefix: String,
    event_bus_name: Option<String>,
    #[serde(flatten)]
    page: page::Asked,
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Value, Fault> {
    let input: List = asked.call.read()?;
    let bus = name::bus(&asked, input.event_bus_name.as_deref())?;
    asked.buses.bus(asked.space(), &bus).map_err(of_bus)?;
    let after = input.page.after()?;
    let wanted = Page {
        prefix: &input.name_prefix,
        after: after.as_deref(),
        limit: input.page.limit() + 1,
    };
    let rules = asked.triggers.rules(asked.space(), &bus, wanted);
    let rules = rules.map_err(of)?.into_iter();
    let mut shown = managed::all(&asked, &bus, &input.name_prefix)?;
    shown.extend(rules.map(|rule| (rule.name.clone(), without_nulls(print(&rule)))));
    let shown = shown.into_iter().collect();
    let (rules, next) = input.page.page(shown, |(name, _): &(String, Value)| name)?;
    let rules: Vec<Value> = rules.into_iter().map(|(_, rule)| rule).collect();
    Ok(without_nulls(json!({ "Rules": rules, "NextToken": next })))
}

fn print(rule: &Rule) -> Value {
    json!({
        "Name": rule.name,
        "Arn": name::rule_arn(rule),
        "EventPattern": rule.pattern,
        "ScheduleExpression": rule.schedule,
        "State": match rule.state {
            RuleState::Enabled => "ENABLED",
            RuleState::EnabledForAll => ALL,
            RuleState::Disabled => "DISABLED",
        },
        "Description": rule.description,
        "RoleArn": rule.role,
        "EventBusName": rule.bus,
    })
}
