//! Names of topics, subscriptions, apps and endpoints.

use base::Space;
use triggers::Named;

use super::error::invalid;
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

/// The space, and what is behind the account.
fn parts(arn: &str) -> Option<(Space, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "sns", region, account, rest] => Some((Context::space(account, region), rest)),
        _ => None,
    }
}

/// `parameter` is told if it is none.
pub(super) fn topic(arn: &str, parameter: &str) -> Result<Named, Fault> {
    let named = parts(arn).filter(|(_, name)| !name.is_empty() && !name.contains([':', '/']));
    let (space, name) = named.ok_or_else(|| match arn.split(':').count() {
        elements @ ..6 => invalid(format!(
            "{parameter} Reason: An ARN must have at least 6 elements, not {elements}"
        )),
        _ => invalid(parameter),
    })?;
    Ok(Named {
        space,
        name: name.to_owned(),
    })
}

/// The topic, and the subscription's id.
pub(super) fn subscription(arn: &str) -> Result<(Named, &str), Fault> {
    let parts = parts(arn).and_then(|(space, rest)| {
        let (name, id) = rest.split_once(':')?;
        let name = name.to_owned();
        Some((Named { space, name }, id))
    });
    parts.ok_or_else(|| {
        invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1")
    })
}

pub(crate) fn of_subscription(topic: &Named, id: &str) -> String {
    let topic = Place::of(&topic.space).topic_arn(&topic.name);
    format!("{topic}:{id}")
}

/// The space, the platform and the name.
pub(super) fn app(arn: &str) -> Result<(Space, &str, &str), Fault> {
    let parts = parts(arn).and_then(|(space, rest)| {
        let (platform, name) = rest.strip_prefix("app/")?.split_once('/')?;
        Some((space, platform, name))
    });
    parts.ok_or_else(|| invalid("PlatformApplicationArn"))
}

/// An app on one device.
pub(super) struct Endpoint<'a> {
    pub(super) space: Space,
    pub(super) platform: &'a str,
    pub(super) app: &'a str,
    pub(super) id: &'a str,
}

pub(super) fn endpoint<'a>(arn: &'a str, parameter: &str) -> Result<Endpoint<'a>, Fault> {
    let read = || {
        let (space, rest) = parts(arn)?;
        let (platform, rest) = rest.strip_prefix("endpoint/")?.split_once('/')?;
        let (app, id) = rest.split_once('/')?;
        Some(Endpoint {
            space,
            platform,
            app,
            id,
        })
    };
    read().ok_or_else(|| invalid(parameter))
}

pub(super) fn of_app(app: &topics::App) -> String {
    let Place { account, region } = Place::of(&app.space);
    let (platform, name) = (&app.platform, &app.name);
    format!("arn:aws:sns:{region}:{account}:app/{platform}/{name}")
}

pub(super) fn of_endpoint(app: &topics::App, id: &str) -> String {
    let Place { account, region } = Place::of(&app.space);
    let (platform, name) = (&app.platform, &app.name);
    format!("arn:aws:sns:{region}:{account}:endpoint/{platform}/{name}/{id}")
}
