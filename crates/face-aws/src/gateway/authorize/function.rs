//! Lambda authorizers: a function looks at the token or the request, and answers with a policy or with yes or no.
//!
//! Where the answer is remembered, it is the policy that is, and each request is held against it: one answer may allow
//! one method and deny the next. Shapes and statuses are those of the developer guide's "Use API Gateway Lambda
//! authorizers" and "Control access to HTTP APIs with AWS Lambda authorizers".

use std::collections::HashMap;

use base::Timestamp;
use bytes::Bytes;
use functions::{Caller, Event, GatewayKind, HttpForm, HttpRequest, Invoke};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::time::Duration;
use triggers::{Asks, FunctionGuard, Gateway};

use super::policy::{Policy, Verdict};
use super::{Passed, arn, at};
use crate::gateway::{Gateways, Refusal, event, socket, variables};

/// How long an authorizer may take; the real one's limit.
const LONGEST: Duration = Duration::from_secs(10);
/// Answers beyond these push all others out.
const MOST_REMEMBERED: usize = 10_000;
/// What a function says that does not want to say more.
const UNAUTHORIZED: &str = "Unauthorized";

/// Answers of authorizers, by whom and what they were asked.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<HashMap<String, Memory>>);

#[derive(Debug)]
struct Memory {
    /// Whom it was that answered: a guard that has been changed is another one.
    guard: FunctionGuard,
    until: Timestamp,
    judgement: Judgement,
}

/// What an authorizer has answered.
#[derive(Clone, Debug, PartialEq)]
struct Judgement {
    rule: Rule,
    principal: Option<String>,
    /// A JSON object.
    facts: String,
    client_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Simple(bool),
    Policy(Policy),
}

impl Gateways {
    pub(super) async fn ask(
        &self,
        gateway: &Gateway,
        name: &str,
        guard: &FunctionGuard,
        request: &HttpRequest,
    ) -> Result<Passed, Refusal> {
        let found: Option<Vec<String>> = guard.sources.iter().map(|one| at(one, request)).collect();
        let identity = found.ok_or(Refusal::Unauthorized(None))?;
        if let (Some(pattern), Some(first)) = (&guard.pattern, identity.first())
            && !matches_whole(pattern, first)
        {
            return Err(Refusal::Unauthorized(None));
        }
        let key = match guard.remember.is_zero() || identity.is_empty() {
            true => None,
            false => Some(format!(
                "{}\n{}\n{name}\n{}",
                gateway.id,
                request.route.stage,
                identity.join("\n")
            )),
        };
        let known = key.as_deref().and_then(|key| self.recall(key, guard));
        let judgement = match known {
            Some(judgement) => judgement,
            None => {
                let judgement = self.judge(gateway.kind, guard, &identity, request).await?;
                if let Some(key) = key {
                    self.remember(key, guard, &judgement);
                }
                judgement
            }
        };
        judgement.apply(&arn(request))
    }

    fn recall(&self, key: &str, guard: &FunctionGuard) -> Option<Judgement> {
        let memories = self.remembered.0.lock();
        let memory = memories.get(key)?;
        let is_good = memory.until > self.clock.now() && memory.guard == *guard;
        is_good.then(|| memory.judgement.clone())
    }

    fn remember(&self, key: String, guard: &FunctionGuard, judgement: &Judgement) {
        let now = self.clock.now();
        let memory = Memory {
            guard: guard.clone(),
            until: now + guard.remember,
            judgement: judgement.clone(),
        };
        let mut memories = self.remembered.0.lock();
        if memories.len() >= MOST_REMEMBERED {
            memories.retain(|_, memory| memory.until > now);
        }
        if memories.len() >= MOST_REMEMBERED {
            memories.clear();
        }
        memories.insert(key, memory);
    }

    async fn judge(
        &self,
        kind: GatewayKind,
        guard: &FunctionGuard,
        identity: &[String],
        request: &HttpRequest,
    ) -> Result<Judgement, Refusal> {
        let target = variables::target(&guard.target, &request.route.stage_variables);
        let function = &target.function;
        let invoke = Invoke {
            space: target.space,
            function: function.clone(),
            qualifier: target.qualifier,
            event: Event::Raw(question(kind, guard.asks, identity, request)),
            request_id: self.functions.new_request_id(),
            trigger: "authorizer".into(),
            client_context: None,
            trace: None,
        };
        let outcome = tokio::select! {
            outcome = self.functions.invoke(invoke) => outcome,
            () = self.clock.host().sleep(LONGEST) => {
                tracing::warn!(function, "an authorizer took too long");
                return Err(Refusal::GuardFailed);
            }
        };
        let outcome = outcome.map_err(|error| {
            tracing::warn!(%error, function, "an authorizer could not be asked");
            Refusal::GuardFailed
        })?;
        let payload = outcome.result.map_err(|failed| {
            if failed.message == UNAUTHORIZED {
                return Refusal::Unauthorized(None);
            }
            tracing::warn!(function, message = failed.message, "an authorizer failed");
            Refusal::GuardFailed
        })?;
        read(&payload, guard.simple, kind).map_err(|why| {
            tracing::warn!(function, why, "an authorizer's answer is not one");
            Refusal::GuardBroken
        })
    }
}

/// What the function is asked.
fn question(kind: GatewayKind, asks: Asks, identity: &[String], request: &HttpRequest) -> Bytes {
    let arn = arn(request);
    let question = match asks {
        Asks::Token => json!({
            "type": "TOKEN",
            "methodArn": arn,
            "authorizationToken": identity.first(),
        }),
        Asks::Request(form) => {
            let mut question = Map::new();
            let mut put = |name: &str, value: Value| question.insert(name.into(), value);
            match (kind, form) {
                (GatewayKind::Simple, HttpForm::Compact) => {
                    put("version", json!("2.0"));
                    put("type", json!("REQUEST"));
                    put("routeArn", json!(arn));
                    put("identitySource", json!(identity));
                }
                (GatewayKind::Simple, HttpForm::Detailed) => {
                    put("version", json!("1.0"));
                    put("type", json!("REQUEST"));
                    put("methodArn", json!(arn));
                    put("identitySource", json!(identity.join(",")));
                    put("authorizationToken", json!(identity.join(",")));
                }
                _ => {
                    put("type", json!("REQUEST"));
                    put("methodArn", json!(arn));
                }
            }
            let fields = match kind {
                GatewayKind::Socket => socket::connect_fields(request),
                _ => event::fields(request, form),
            };
            for (name, value) in fields {
                let is_body = ["body", "isBase64Encoded"].contains(&name.as_str());
                if !is_body && !question.contains_key(&name) {
                    question.insert(name, value);
                }
            }
            Value::Object(question)
        }
    };
    question.to_string().into()
}

fn read(payload: &[u8], simple: bool, kind: GatewayKind) -> Result<Judgement, String> {
    let answer: Value =
        serde_json::from_slice(payload).map_err(|cause| format!("not JSON: {cause}"))?;
    let rule = match simple {
        true => Rule::Simple(
            answer["isAuthorized"]
                .as_bool()
                .ok_or("isAuthorized must be true or false")?,
        ),
        false => Rule::Policy(Policy::read(&answer["policyDocument"])?),
    };
    let principal = answer["principalId"].as_str().map(str::to_owned);
    if !simple && principal.is_none() {
        return Err("principalId must be a string".into());
    }
    Ok(Judgement {
        rule,
        principal,
        facts: facts(&answer["context"], kind)?,
        client_key: answer["usageIdentifierKey"].as_str().map(str::to_owned),
    })
}

/// REST APIs take plain values only, and hand all of them on as strings.
fn facts(context: &Value, kind: GatewayKind) -> Result<String, String> {
    let given = match context {
        Value::Null => return Ok("{}".into()),
        Value::Object(given) => given,
        _ => return Err("context must be an object".into()),
    };
    if kind == GatewayKind::Simple {
        return Ok(context.to_string());
    }
    let mut facts = Map::new();
    for (name, value) in given {
        let text = match value {
            Value::String(text) => Value::String(text.clone()),
            Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => {
                return Err(format!(
                    "context.{name} must be a string, a number or a boolean"
                ));
            }
        };
        facts.insert(name.clone(), text);
    }
    Ok(Value::Object(facts).to_string())
}

impl Judgement {
    fn apply(self, arn: &str) -> Result<Passed, Refusal> {
        let denied = |explicit| Err(Refusal::Denied { explicit });
        match &self.rule {
            Rule::Simple(true) => {}
            Rule::Simple(false) => return denied(false),
            Rule::Policy(policy) => match policy.verdict(arn) {
                Verdict::Allowed => {}
                Verdict::Denied => return denied(true),
                Verdict::Unmentioned => return denied(false),
            },
        }
        Ok(Passed {
            caller: Caller::Vouched {
                principal: self.principal,
                facts: self.facts,
            },
            client_key: self.client_key,
        })
    }
}

fn matches_whole(pattern: &str, text: &str) -> bool {
    match regex::Regex::new(&format!("^(?:{pattern})$")) {
        Ok(pattern) => pattern.is_match(text),
        Err(cause) => {
            // Templates with such a pattern are refused.
            tracing::warn!(%cause, pattern, "an authorizer's pattern is none");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "literals are handed over")]
    fn policy(effect: &str, context: Value) -> Vec<u8> {
        let document = json!({ "Statement": [{ "Effect": effect, "Action": "execute-api:Invoke", "Resource": "arn:*" }] });
        json!({ "principalId": "ann", "policyDocument": document, "context": context })
            .to_string()
            .into_bytes()
    }

    #[test]
    fn answers_are_policies_or_plain() {
        let read = |payload: &[u8], simple| super::read(payload, simple, GatewayKind::Classic);
        let facts = json!({ "a": "b", "n": 1, "t": true });
        let passed = read(&policy("Allow", facts), false).unwrap().apply("arn:x");
        assert_eq!(
            passed.unwrap().caller,
            Caller::Vouched {
                principal: Some("ann".into()),
                facts: r#"{"a":"b","n":"1","t":"true"}"#.into(),
            }
        );
        let denied = read(&policy("Deny", Value::Null), false)
            .unwrap()
            .apply("arn:x");
        assert_eq!(denied, Err(Refusal::Denied { explicit: true }));
        let other = read(&policy("Allow", Value::Null), false)
            .unwrap()
            .apply("x");
        assert_eq!(other, Err(Refusal::Denied { explicit: false }));
        let simple = read(br#"{"isAuthorized":false}"#, true).unwrap().apply("x");
        assert_eq!(simple, Err(Refusal::Denied { explicit: false }));
        for (payload, simple) in [
            (&b"null"[..], false),
            (br#"{"principalId":"a"}"#, false),
            (br#"{"isAuthorized":"yes"}"#, true),
            (&policy("Allow", json!({ "a": {} })), false),
            (&policy("Allow", json!([])), false),
        ] {
            assert!(
                read(payload, simple).is_err(),
                "{}",
                String::from_utf8_lossy(payload)
            );
        }
    }

    #[test]
    fn tokens_must_match_as_a_whole() {
        assert!(matches_whole("Bearer .+", "Bearer x"));
        assert!(!matches_whole("Bearer", "Bearer x"));
        assert!(!matches_whole("a|b", "ab"));
    }
}
