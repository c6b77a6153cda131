//! What an answer says, and what is kept of it.

use serde::Deserialize;
use serde_json::{Map, Value};
use store::Tx;

use super::record::{ASKED, Asked, CUSTOMS, Kept, Made, Tried, Verb, asked_key, custom_key};
use crate::desired::OnRemoval;
use crate::engines::Failure;
use crate::schema::{Leftover, Noun};
use crate::state;

/// What CloudFormation reads of an answer.
pub(super) const LONGEST_ANSWER: usize = 4_096;
const LONGEST_NAME: usize = 1_024;

/// A request that is over.
pub(super) struct Settled {
    pub(super) verb: Verb,
    pub(super) properties: String,
    /// Why it was not done, if it was not.
    pub(super) refused: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Said {
    status: String,
    reason: Option<String>,
    physical_resource_id: Option<String>,
    stack_id: Option<String>,
    request_id: Option<String>,
    logical_resource_id: Option<String>,
    data: Option<Map<String, Value>>,
}

/// Keeps what came of a request, and that it is over. None if it was over before.
pub(super) fn settle(
    tx: &mut Tx,
    id: &str,
    answer: Option<&[u8]>,
) -> Result<Option<Settled>, Failure> {
    let Some(asked) = ASKED.get(tx, &asked_key(id))? else {
        return Ok(None);
    };
    ASKED.delete(tx, asked_key(id));
    let Some(mut kept) = CUSTOMS.get(tx, &custom_key(&asked.name))? else {
        return Ok(None);
    };
    kept.asked = None;
    let said = answer.map(read).transpose();
    let physical = said.as_ref().ok().and_then(|said| {
        let name = said.as_ref()?.physical_resource_id.clone()?;
        (!name.is_empty()).then_some(name)
    });
    let done = match said {
        Ok(Some(said)) => check(said, &kept, &asked, id),
        Ok(None) => Err(no_answer(id)),
        Err(why) => Err(why),
    };
    let refused = done.as_ref().err().cloned();
    match (done, asked.verb) {
        (Ok(_), Verb::Delete) => CUSTOMS.delete(tx, custom_key(&asked.name)),
        (Ok(said), Verb::Create | Verb::Update) => keep(tx, &asked, kept, said),
        (Err(_), Verb::Delete) => CUSTOMS.put(tx, custom_key(&asked.name), &kept),
        (Err(_), Verb::Create | Verb::Update) => {
            kept.tried = Some(Tried {
                physical,
                properties: asked.properties.clone(),
            });
            CUSTOMS.put(tx, custom_key(&asked.name), &kept);
        }
    }
    Ok(Some(Settled {
        verb: asked.verb,
        properties: asked.properties,
        refused,
    }))
}

fn read(answer: &[u8]) -> Result<Said, String> {
    if answer.len() > LONGEST_ANSWER {
        return Err("Response object is too long.".to_owned());
    }
    let invalid = |error| format!("the answer is not the JSON that it should be: {error}");
    serde_json::from_slice(answer).map_err(invalid)
}

/// What is wrong is said in the real service's words, where they are known.
fn check(said: Said, kept: &Kept, asked: &Asked, id: &str) -> Result<Said, String> {
    let meant = [
        ("StackId", &said.stack_id, kept.stack_id.as_str()),
        ("RequestId", &said.request_id, id),
        (
            "LogicalResourceId",
            &said.logical_resource_id,
            &kept.logical_id,
        ),
    ];
    for (name, given, wanted) in meant {
        if given.as_deref().is_some_and(|given| given != wanted) {
            return Err(format!("Invalid {name}: the answer is to another request"));
        }
    }
    if said.status != "SUCCESS" {
        let (status, reason) = (&said.status, said.reason.as_deref().unwrap_or_default());
        return Err(format!(
            "Received response status [{status}] from custom resource. Message returned: {reason} (RequestId: {id})"
        ));
    }
    let name = said.physical_resource_id.as_deref().unwrap_or_default();
    if asked.verb != Verb::Delete && (name.is_empty() || name.len() > LONGEST_NAME) {
        return Err("Invalid PhysicalResourceId".to_owned());
    }
    Ok(said)
}

fn no_answer(id: &str) -> String {
    format!(
        "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{id}]."
    )
}

fn keep(tx: &mut Tx, asked: &Asked, mut kept: Kept, said: Said) {
    let physical = said.physical_resource_id.unwrap_or_default();
    let data = Value::Object(said.data.unwrap_or_default()).to_string();
    // It may be what was replaced before, and not yet taken away.
    let again = replaced_name(&asked.name, &physical);
    CUSTOMS.delete(tx, custom_key(&again));
    state::drop_leftover(tx, &kept.stack, Noun::Custom, &again);
    let made = Made {
        physical,
        properties: asked.properties.clone(),
        data,
    };
    let before = kept.made.replace(made);
    kept.tried = None;
    CUSTOMS.put(tx, custom_key(&asked.name), &kept);
    let now = kept.made.as_ref().map(|made| &made.physical);
    let replaced = before.filter(|before| Some(&before.physical) != now);
    if let Some(replaced) = replaced.filter(|_| !kept.keeps_replaced) {
        leave(tx, &asked.name, kept, replaced);
    }
}

/// Keeps what was replaced as something of the stack's that is to go.
fn leave(tx: &mut Tx, name: &str, kept: Kept, replaced: Made) {
    let name = replaced_name(name, &replaced.physical);
    let old = Kept {
        made: Some(replaced),
        ..kept
    };
    CUSTOMS.put(tx, custom_key(&name), &old);
    let leftover = Leftover {
        noun: Noun::Custom,
        name,
        identity: String::new(),
        on_removal: OnRemoval::Delete,
        position: 0,
    };
    state::put_leftover(tx, &old.stack, &leftover);
}

fn replaced_name(name: &str, physical: &str) -> String {
    format!("{name}/{physical}")
}
