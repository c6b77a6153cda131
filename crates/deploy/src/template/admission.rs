//! Who lets whom in. Between the cloud's services, a queue, a topic or a function takes only what its own policy allows.
//! Nothing enforces that here, so a template that forgot the policy would work here and be silent in the cloud. It is
//! said instead. What stands in another template is not known, and nothing is said of it.

use std::cell::RefCell;

use serde_json::Value as Json;

use crate::diagnostic::{Finding, Span};
use crate::template::literal;
use crate::template::scalar;
use crate::template::shape::{Fields, Findings};

pub(crate) const TOPICS: &str = "sns.amazonaws.com";
pub(crate) const LINES: &str = "logs.amazonaws.com";
pub(crate) const RULES: &str = "events.amazonaws.com";
pub(crate) const BUCKETS: &str = "s3.amazonaws.com";

/// What takes only what is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Queue,
    Topic,
    Function,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Door {
    behind: Behind,
    name: String,
}

/// That a service sends to something.
struct Sent {
    service: &'static str,
    to: Door,
    /// Where the template says it.
    at: Span,
    /// What could not be sent to where it should.
    is_dead_letter: bool,
}

/// That services may send to something.
struct LetIn {
    door: Door,
    services: Vec<String>,
}

/// Who sends what to whom in a template, and who is let in.
#[derive(Default)]
pub(crate) struct Doors {
    sent: RefCell<Vec<Sent>>,
    let_in: RefCell<Vec<LetIn>>,
}

impl Doors {
    pub(crate) fn sent(&self, service: &'static str, to: &str, at: Span) {
        self.note(service, to, at, false);
    }

    pub(crate) fn sent_dead_letters(&self, service: &'static str, to: &str, at: Span) {
        self.note(service, to, at, true);
    }

    fn note(&self, service: &'static str, to: &str, at: Span, is_dead_letter: bool) {
        let Some(to) = Door::of(to) else { return };
        self.sent.borrow_mut().push(Sent {
            service,
            to,
            at,
            is_dead_letter,
        });
    }

    /// Everybody is let in to a queue that the vendor's transform makes, for it makes the policy too.
    pub(crate) fn open_queue(&self, name: &str) {
        let door = Door {
            behind: Behind::Queue,
            name: name.to_owned(),
        };
        let services = vec!["*".to_owned()];
        self.let_in.borrow_mut().push(LetIn { door, services });
    }

    /// How much is known to be sent.
    pub(crate) fn count(&self) -> usize {
        self.sent.borrow().len()
    }

    /// What became known after `count` goes by wires that the vendor's transform makes, policies included. It makes
    /// none for dead letters.
    pub(crate) fn let_in_after(&self, count: usize) {
        let mut place = 0;
        self.sent.borrow_mut().retain(|sent| {
            place += 1;
            place <= count || sent.is_dead_letter
        });
    }

    /// `there` says whether something of a kind and a name is made by the template.
    pub(crate) fn check(&self, there: impl Fn(&str, &str) -> bool, findings: &Findings<'_>) {
        let let_in = self.let_in.borrow();
        let mut said: Vec<(&str, &Door)> = Vec::new();
        for sent in &*self.sent.borrow() {
            let (noun, policy, action) = sent.to.behind.words();
            let is_let_in = let_in.iter().any(|one| one.lets(sent));
            let known = (sent.service, &sent.to);
            if is_let_in || said.contains(&known) || !there(noun, &sent.to.name) {
                continue;
            }
            said.push(known);
            findings.report.add(
                Finding::notice(
                    sent.at,
                    format!(
                        "the {noun} `{}` does not let {} in",
                        sent.to.name, sent.service
                    ),
                )
                .why("it is delivered here, and refused in the cloud")
                .help(format!("add an `{policy}` that allows it `{action}`")),
            );
        }
    }
}

impl Behind {
    /// What it is, by what it is opened, and what is allowed then.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Queue => ("queue", "AWS::SQS::QueuePolicy", "sqs:SendMessage"),
            Self::Topic => ("topic", "AWS::SNS::TopicPolicy", "sns:Publish"),
            Self::Function => (
                "function",
                "AWS::Lambda::Permission",
                "lambda:InvokeFunction",
            ),
        }
    }
}

impl Door {
    /// By an ARN, or by the address of a queue.
    fn of(text: &str) -> Option<Self> {
        let door = |behind, name: &str| {
            let name = name.to_owned();
            Some(Self { behind, name })
        };
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "sqs", _, _, name] => door(Behind::Queue, name),
            ["arn", _, "sns", _, _, name] => door(Behind::Topic, name),
            ["arn", _, "lambda", _, _, "function", name, ..] => door(Behind::Function, name),
            ["http" | "https", ..] => door(Behind::Queue, text.rsplit('/').next()?),
            _ => None,
        }
    }
}

impl LetIn {
    fn lets(&self, sent: &Sent) -> bool {
        let mut services = self.services.iter();
        let is_it = |one: &str| one == "*" || one == sent.service || is_there(one, sent.service);
        self.door == sent.to && services.any(|one| is_it(one))
    }
}

/// Whether `one` is what a service is called in some region, as `logs.us-east-1.amazonaws.com`.
fn is_there(one: &str, service: &str) -> bool {
    let (name, rest) = service.split_once('.').unwrap_or_default();
    let region = one
        .strip_prefix(name)
        .and_then(|one| one.strip_suffix(rest));
    region
        .is_some_and(|region| region.len() > 2 && region.starts_with('.') && region.ends_with('.'))
}

/// A policy of queues or topics, which are listed under `doors`.
pub(crate) fn read_policy(fields: &Fields<'_>, doors: &str, findings: &Findings<'_>) {
    let document = fields.required("PolicyDocument").map(literal::json);
    let Some(document) = document else { return };
    fields.required(doors);
    for node in fields.list(doors).unwrap_or_default() {
        let Some(door) = scalar::text(node, findings.report).and_then(|text| Door::of(&text))
        else {
            continue;
        };
        let (_, _, action) = door.behind.words();
        let services = services(&document, action, &door.name);
        let mut let_in = findings.doors.let_in.borrow_mut();
        let_in.push(LetIn { door, services });
    }
}

/// A permission of a function.
pub(crate) fn read_permission(function: &str, principal: String, findings: &Findings<'_>) {
    let door = Door::of(function).unwrap_or_else(|| Door {
        behind: Behind::Function,
        name: function.split(':').next().unwrap_or_default().to_owned(),
    });
    let services = vec![principal];
    let mut let_in = findings.doors.let_in.borrow_mut();
    let_in.push(LetIn { door, services });
}

/// Which services may do `action` to what is called `name`. Conditions are taken to be met.
fn services(document: &Json, action: &str, name: &str) -> Vec<String> {
    let statements = several(&document["Statement"]);
    let allows = |statement: &&&Json| {
        let actions = several(&statement["Action"]);
        let resources = several(&statement["Resource"]);
        let of_it = |text: &Json| {
            let called = text.as_str().unwrap_or("*").rsplit(':').next();
            covers(called.unwrap_or_default(), name)
        };
        statement["Effect"] == "Allow"
            && actions
                .iter()
                .any(|one| covers(one.as_str().unwrap_or_default(), action))
            && (resources.is_empty() || resources.iter().any(|one| of_it(one)))
    };
    let allowed = statements.iter().filter(allows);
    allowed
        .flat_map(|statement| principals(&statement["Principal"]))
        .collect()
}

fn principals(principal: &Json) -> Vec<String> {
    let everybody = || vec!["*".to_owned()];
    match principal {
        Json::String(text) if text == "*" => everybody(),
        Json::Object(by_kind) if by_kind.get("AWS").is_some_and(|one| one == "*") => everybody(),
        Json::Object(by_kind) => {
            let services = by_kind.get("Service").map(several).unwrap_or_default();
            let services = services.into_iter().filter_map(Json::as_str);
            services.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// One, or a list of them.
fn several(json: &Json) -> Vec<&Json> {
    match json {
        Json::Array(items) => items.iter().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

/// Whether a word of a policy, which may end in a star, means `one`.
fn covers(word: &str, one: &str) -> bool {
    let (word, one) = (word.to_ascii_lowercase(), one.to_ascii_lowercase());
    match word.strip_suffix('*') {
        Some(start) => one.starts_with(start),
        None => word == one,
    }
}
