//! What invokes a function, as the function declares it.

use crate::desired::{Rule, Told};
use crate::diagnostic::{Finding, Span};
use crate::template::bucket::{self, Placed};
use crate::template::declared::{Declared, Kind};
use crate::template::scope::Scope;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{bus, gateway, line_subscription, mapping, schedule, topic};
use Support::Obeyed;

const EVENT: Schema = &[("Properties", Obeyed), ("Type", Obeyed)];
const S3: Schema = &[("Bucket", Obeyed), ("Events", Obeyed), ("Filter", Obeyed)];

/// Kinds of events that exist but have no source here yet.
const LATER: &[&str] = &[
    "AlexaSkill",
    "Cognito",
    "DocumentDB",
    "IoTRule",
    "Kinesis",
    "MQ",
    "MSK",
    "SelfManagedKafka",
];

/// Those that are supported, but rules.
const OTHERS: &[&str] = &[
    "Api",
    "DynamoDB",
    "HttpApi",
    "S3",
    "SNS",
    "SQS",
    bus::SCHEDULE,
    line_subscription::TYPE,
    schedule::TYPE,
];

/// What an event asks of the resource that it comes from.
pub(crate) enum Asked {
    Rule(Placed),
    Route(Box<gateway::Placed>),
}

/// By the logical id of the bucket or the gateway.
pub(crate) type Rules = Vec<(String, Asked)>;

const SUPPORTED: &str = "supported are Api, CloudWatchEvent, CloudWatchLogs, DynamoDB, EventBridgeRule, HttpApi, S3, Schedule, ScheduleV2, SNS and SQS";

/// Declares what `made` makes of each event of each function, but not over what is declared already.
pub(crate) fn declare(
    declared: &mut Vec<Declared>,
    made: impl Fn(&Declared, &Entry) -> Vec<Declared>,
) {
    let functions = declared.iter().filter(|one| one.kind == Kind::Function);
    let made: Vec<Declared> = functions
        .flat_map(|function| {
            let events = function.properties.get("Events").and_then(Node::entries);
            let events = events.unwrap_or_default().iter();
            events.flat_map(|event| made(function, event))
        })
        .collect();
    for one in made {
        if !declared.iter().any(|known| known.id == one.id) {
            declared.push(one);
        }
    }
}

/// A function as its events call it, by its ARN: what is published is called by its alias, as the vendor's transform has
/// it.
pub(crate) fn called(function: &Declared, span: Span) -> Node {
    match function.properties.get("AutoPublishAlias") {
        Some(_) => Node::call(span, "Ref", format!("{}.Alias", function.id)),
        None => Node::call(span, "Fn::GetAtt", format!("{}.Arn", function.id)),
    }
}

/// `events` is the property as it is written: a bucket is named by its logical id, which evaluating would lose.
pub(crate) fn read(
    events: &Node,
    owner: &Declared,
    function: &str,
    scope: &Scope<'_>,
    findings: &Findings<'_>,
) -> Rules {
    let entries = match &events.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null | Value::Broken => &[],
        _ => {
            findings.report.add(
                Finding::error(events.span, "`Events` must be a mapping")
                    .why(format!("this is {}", events.kind()))
                    .help("give each event a name, and under it `Type` and `Properties`"),
            );
            &[]
        }
    };
    let one = |entry: &Entry| {
        let reading = Reading {
            owner,
            function,
            scope,
            findings,
        };
        reading.event(entry)
    };
    entries.iter().filter_map(one).collect()
}

struct Reading<'a> {
    owner: &'a Declared,
    function: &'a str,
    scope: &'a Scope<'a>,
    findings: &'a Findings<'a>,
}

impl Reading<'_> {
    fn event(&self, entry: &Entry) -> Option<(String, Asked)> {
        let report = self.findings.report;
        let fields = Fields::open(&entry.value, entry.key_span, "event", EVENT, self.findings)?;
        let kind = fields.required_text("Type")?;
        let place = fields.node("Type")?.span;
        if LATER.contains(&kind.as_str()) {
            report.add(
                Finding::error(
                    place,
                    format!("events of type `{kind}` are not supported yet"),
                )
                .help(SUPPORTED),
            );
            return None;
        }
        let is_rule = bus::EVENTS.contains(&kind.as_str());
        if !is_rule && !OTHERS.contains(&kind.as_str()) {
            report.add(
                Finding::error(place, format!("there is no type of event `{kind}`"))
                    .help(SUPPORTED),
            );
            return None;
        }
        let properties = fields.get("Properties");
        if kind == "HttpApi" && !fields.has("Properties") {
            // It takes what no other event does.
            let none = Node::new(entry.key_span, Value::Map(Vec::new()));
            return self.http(Kind::HttpApi, &none, entry.key_span);
        }
        fields.required("Properties")?;
        let Entry {
            value, key_span, ..
        } = properties?;
        match kind.as_str() {
            "S3" => {
                let (bucket, rule) = self.s3(entry, value, *key_span)?;
                Some((bucket, Asked::Rule(rule)))
            }
            "DynamoDB" => {
                // The mapping that it is short for is declared, and is read by itself.
                let keys = keys_of(value);
                let fields = Fields::open(
                    &keys,
                    *key_span,
                    "DynamoDB event",
                    mapping::EVENT,
                    self.findings,
                )?;
                if !fields.has("Stream") {
                    fields.required("Stream");
                }
                None
            }
            "SNS" => {
                // As above, of the subscription.
                let keys = keys_of(value);
                let fields =
                    Fields::open(&keys, *key_span, "SNS event", topic::EVENT, self.findings)?;
                if !fields.has("Topic") {
                    fields.required("Topic");
                }
                if let Some(asked) = value.get("SqsSubscription") {
                    topic::check_between(asked, &keys_of(asked), self.findings);
                }
                None
            }
            _ if is_rule => {
                // The rule that it is short for is declared, and is read by itself.
                let keys = keys_of(value);
                let owner = "EventBridgeRule event";
                let fields = Fields::open(&keys, *key_span, owner, bus::EVENT, self.findings)?;
                if !fields.has("Pattern") {
                    fields.required("Pattern");
                }
                None
            }
            bus::SCHEDULE => self.short(
                "Schedule event",
                value,
                *key_span,
                bus::SCHEDULE_EVENT,
                "Schedule",
            ),
            schedule::TYPE => self.short(
                "ScheduleV2 event",
                value,
                *key_span,
                schedule::EVENT,
                "ScheduleExpression",
            ),
            line_subscription::TYPE => {
                // The filter that it is short for is declared, and is read by itself.
                let keys = keys_of(value);
                let (owner, schema) = ("CloudWatchLogs event", line_subscription::EVENT);
                let fields = Fields::open(&keys, *key_span, owner, schema, self.findings)?;
                for needed in ["FilterPattern", "LogGroupName"] {
                    if !fields.has(needed) {
                        fields.required(needed);
                    }
                }
                None
            }
            "SQS" => {
                let keys = keys_of(value);
                let fields = Fields::open(
                    &keys,
                    *key_span,
                    "SQS event",
                    mapping::QUEUE_EVENT,
                    self.findings,
                )?;
                if !fields.has("Queue") {
                    fields.required("Queue");
                }
                None
            }
            "Api" => self.http(Kind::RestApi, value, *key_span),
            _ => self.http(Kind::HttpApi, value, *key_span),
        }
    }

    /// Reads the keys of an event that is short for a resource, which is declared and is read by itself.
    fn short(
        &self,
        owner: &'static str,
        node: &Node,
        at: Span,
        schema: Schema,
        needed: &str,
    ) -> Option<(String, Asked)> {
        let keys = keys_of(node);
        let fields = Fields::open(&keys, at, owner, schema, self.findings)?;
        if !fields.has(needed) {
            fields.required(needed);
        }
        if fields.has("Enabled") && fields.has("State") {
            let message = "only one of `Enabled` and `State` can be given";
            self.findings.report.add(Finding::error(at, message));
        }
        None
    }

    fn http(&self, kind: Kind, node: &Node, at: Span) -> Option<(String, Asked)> {
        let (owner, schema, id, implicit) = match kind {
            Kind::RestApi => (
                "Api event",
                gateway::REST_EVENT,
                gateway::REST_ID,
                gateway::IMPLICIT_REST,
            ),
            _ => (
                "HttpApi event",
                gateway::HTTP_EVENT,
                gateway::HTTP_ID,
                gateway::IMPLICIT_HTTP,
            ),
        };
        let api = match node.get(id) {
            Some(named) => self.api(named, kind),
            None => Some(implicit.to_owned()),
        };
        // Without the API, which comes after the function.
        let evaluated = self.scope.eval(&without(node, id));
        let fields = Fields::open(&evaluated, at, owner, schema, self.findings)?;
        let (context, findings) = (self.scope.context, self.findings);
        let placed = gateway::event(&fields, kind, self.function, context, findings, at)?;
        Some((api?, Asked::Route(Box::new(placed))))
    }

    /// The transform writes the route into the API's own declaration, so the API must be in the same template.
    fn api(&self, node: &Node, kind: Kind) -> Option<String> {
        let id = match &node.value {
            Value::Call(call) if call.name == "Ref" => call.argument.scalar(),
            Value::Broken => return None,
            _ => None,
        };
        let declared = id.and_then(|id| self.scope.declared(id));
        match declared {
            Some(declared) if declared.kind == kind => Some(declared.id.clone()),
            Some(declared) if declared.kind == Kind::Other => None,
            None if id.is_some_and(|id| !self.scope.parameters.contains_key(id)) => None,
            _ => {
                let kind = kind.type_name();
                self.findings.report.add(
                    Finding::error(
                        node.span,
                        format!("this must be an `{kind}` of the same template"),
                    )
                    .why(format!("this is {}", node.kind()))
                    .help("declare the API as a resource and write `!Ref TheApi`"),
                );
                None
            }
        }
    }

    fn s3(&self, entry: &Entry, node: &Node, at: Span) -> Option<(String, Placed)> {
        let owner = "S3 event";
        let bucket = node.get("Bucket").and_then(|node| self.bucket(node));
        // Without the bucket: only its name would be left of it.
        let evaluated = self.scope.eval(&without(node, "Bucket"));
        let fields = Fields::open(&evaluated, at, owner, S3, self.findings)?;
        if node.get("Bucket").is_none() {
            fields.required("Bucket");
        }
        let place = fields.place("Events");
        let events = fields.required("Events");
        let events = events.and_then(|node| bucket::events(node, self.findings));
        let (prefix, suffix) = bucket::filter(&fields, self.findings);
        let rule = Rule {
            id: format!("{}-{}", self.owner.id, entry.key),
            told: Told::Function {
                function: self.function.to_owned(),
                qualifier: None,
            },
            events: events?,
            prefix,
            suffix,
        };
        Some((bucket?, Placed { rule, span: place }))
    }

    /// The transform adds the event to the bucket's own declaration, so the bucket must be in the same template.
    fn bucket(&self, node: &Node) -> Option<String> {
        let report = self.findings.report;
        let id = match &node.value {
            Value::Call(call) if call.name == "Ref" => call.argument.scalar(),
            Value::Broken => return None,
            _ => None,
        };
        let declared = id.and_then(|id| self.scope.declared(id));
        match declared {
            Some(declared) if declared.kind == Kind::Bucket => {}
            // A name that is declared nowhere, or a resource of a type that is not supported, has been reported.
            Some(declared) if declared.kind == Kind::Other => return None,
            None if id.is_some_and(|id| !self.scope.parameters.contains_key(id)) => return None,
            _ => {
                report.add(
                    Finding::error(node.span, "an S3 event needs a bucket of the same template")
                        .why(format!("this is {}", node.kind()))
                        .help(
                            "declare the bucket as a resource and write `Bucket: !Ref TheBucket`",
                        ),
                );
                return None;
            }
        }
        let declared = declared?;
        if declared.truth(self.scope) == Some(false) {
            report.add(
                Finding::error(node.span, format!("`{}` is not created", declared.id))
                    .why("its condition is false"),
            );
            return None;
        }
        Some(declared.id.clone())
    }
}

/// The keys alone.
fn keys_of(node: &Node) -> Node {
    match &node.value {
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| Entry {
                value: Node::broken(entry.value.span),
                ..entry.clone()
            });
            Node::new(node.span, Value::Map(entries.collect()))
        }
        _ => node.clone(),
    }
}

fn without(node: &Node, name: &str) -> Node {
    match &node.value {
        Value::Map(entries) => {
            let kept = entries.iter().map(|entry| {
                let mut entry = entry.clone();
                if entry.key == name {
                    entry.value = Node::broken(entry.value.span);
                }
                entry
            });
            Node::new(node.span, Value::Map(kept.collect()))
        }
        _ => node.clone(),
    }
}
