//! `AWS::Events::*`, and the events of functions that the vendor's transform makes a rule of.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Space;
use triggers::pattern::{Language, Pattern};
use triggers::{
    Destination, Extra, Input, Named, Parameter, Place, Proof, RequestParts, RetryLimits,
    RuleTarget, Target,
};

use crate::Context;
use crate::desired::{Address, Archive, BusPolicy, Connection, EventBus, EventRule};
use crate::diagnostic::Finding;
use crate::template::admission;
use crate::template::declared::{Declared, Kind, MARK};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Entry, Node, Value};
use crate::template::{events, implied};
use Support::{Access, Notice, Obeyed, Refused};

pub(super) const KEYS: Support = Notice("what is stored is not encrypted; encrypt the disk");

pub(crate) const BUS: Schema = &[
    ("DeadLetterConfig", Obeyed),
    ("Description", Obeyed),
    ("EventSourceName", Refused("there are no partners")),
    ("KmsKeyIdentifier", KEYS),
    ("LogConfig", Notice("buses write no logs")),
    ("Name", Obeyed),
    ("Policy", Access),
    ("Tags", Obeyed),
];
pub(crate) const RULE: Schema = &[
    ("Description", Obeyed),
    ("EventBusName", Obeyed),
    ("EventPattern", Obeyed),
    ("Name", Obeyed),
    ("RoleArn", Access),
    ("ScheduleExpression", Obeyed),
    ("State", Obeyed),
    ("Tags", Obeyed),
    ("Targets", Obeyed),
];
const LATER: Support =
    Refused("rules send to functions, queues, topics, buses and API destinations");
const TARGET: Schema = &[
    ("AppSyncParameters", LATER),
    ("Arn", Obeyed),
    ("BatchParameters", LATER),
    ("DeadLetterConfig", Obeyed),
    ("EcsParameters", LATER),
    ("HttpParameters", Obeyed),
    ("Id", Obeyed),
    ("Input", Obeyed),
    ("InputPath", Obeyed),
    ("InputTransformer", Obeyed),
    ("KinesisParameters", LATER),
    ("RedshiftDataParameters", LATER),
    ("RetryPolicy", Obeyed),
    ("RoleArn", Access),
    ("RunCommandParameters", LATER),
    ("SageMakerPipelineParameters", LATER),
    ("SqsParameters", Obeyed),
];
pub(super) const ARN: Schema = &[("Arn", Obeyed)];
const TRANSFORMER: Schema = &[("InputPathsMap", Obeyed), ("InputTemplate", Obeyed)];
pub(super) const RETRIES: Schema = &[
    ("MaximumEventAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
];
const QUEUE: Schema = &[("MessageGroupId", Obeyed)];
const HTTP: Schema = &[
    ("HeaderParameters", Obeyed),
    ("PathParameterValues", Obeyed),
    ("QueryStringParameters", Obeyed),
];
pub(crate) const ARCHIVE: Schema = &[
    ("ArchiveName", Obeyed),
    ("Description", Obeyed),
    ("EventPattern", Obeyed),
    ("KmsKeyIdentifier", KEYS),
    ("RetentionDays", Obeyed),
    ("SourceArn", Obeyed),
];
pub(crate) const CONNECTION: Schema = &[
    ("AuthParameters", Obeyed),
    ("AuthorizationType", Obeyed),
    ("Description", Obeyed),
    (
        "InvocationConnectivityParameters",
        Refused("there are no private networks"),
    ),
    ("KmsKeyIdentifier", KEYS),
    ("Name", Obeyed),
];
const AUTH: Schema = &[
    ("ApiKeyAuthParameters", Obeyed),
    ("BasicAuthParameters", Obeyed),
    (
        "ConnectivityParameters",
        Refused("there are no private networks"),
    ),
    ("InvocationHttpParameters", Obeyed),
    ("OAuthParameters", Obeyed),
];
const API_KEY: Schema = &[("ApiKeyName", Obeyed), ("ApiKeyValue", Obeyed)];
const BASIC: Schema = &[("Password", Obeyed), ("Username", Obeyed)];
const OAUTH: Schema = &[
    ("AuthorizationEndpoint", Obeyed),
    ("ClientParameters", Obeyed),
    ("HttpMethod", Obeyed),
    ("OAuthHttpParameters", Obeyed),
];
const CLIENT: Schema = &[("ClientID", Obeyed), ("ClientSecret", Obeyed)];
const EXTRA: Schema = &[
    ("BodyParameters", Obeyed),
    ("HeaderParameters", Obeyed),
    ("QueryStringParameters", Obeyed),
];
const PARAMETER: Schema = &[
    ("IsValueSecret", Obeyed),
    ("Key", Obeyed),
    ("Value", Obeyed),
];
pub(crate) const ADDRESS: Schema = &[
    ("ConnectionArn", Obeyed),
    ("Description", Obeyed),
    ("HttpMethod", Obeyed),
    ("InvocationEndpoint", Obeyed),
    ("InvocationRateLimitPerSecond", Obeyed),
    ("Name", Obeyed),
];
pub(crate) const POLICY: Schema = &[
    ("Action", Obeyed),
    ("Condition", Obeyed),
    ("EventBusName", Obeyed),
    ("Principal", Obeyed),
    ("Statement", Obeyed),
    ("StatementId", Obeyed),
];
const TAG: Schema = &[("Key", Obeyed), ("Value", Obeyed)];

/// What an event of the types `EventBridgeRule` and `CloudWatchEvent` may say.
pub(crate) const EVENT: Schema = &[
    ("DeadLetterConfig", Obeyed),
    ("Enabled", Obeyed),
    ("EventBusName", Obeyed),
    ("Input", Obeyed),
    ("InputPath", Obeyed),
    ("InputTransformer", Obeyed),
    ("Pattern", Obeyed),
    ("RetryPolicy", Obeyed),
    ("RuleName", Obeyed),
    ("State", Obeyed),
    ("Target", Obeyed),
];
/// What an event of the type `Schedule` may say.
pub(crate) const SCHEDULE_EVENT: Schema = &[
    ("DeadLetterConfig", Obeyed),
    ("Description", Obeyed),
    ("Enabled", Obeyed),
    ("Input", Obeyed),
    ("Name", Obeyed),
    ("RetryPolicy", Obeyed),
    ("Schedule", Obeyed),
    ("State", Obeyed),
];
pub(crate) const EVENTS: [&str; 2] = ["EventBridgeRule", "CloudWatchEvent"];
pub(crate) const SCHEDULE: &str = "Schedule";

/// Requests a second, if nobody says.
const RATE: u32 = 300;
/// Targets that a rule can have.
const MOST_TARGETS: usize = 5;

/// Declares the rules that functions' events are short for: `<function><event>`.
pub(crate) fn declare_events(declared: &mut Vec<Declared>) {
    events::declare(declared, rule_of);
}

fn rule_of(function: &Declared, event: &Entry) -> Vec<Declared> {
    let kind = event.value.get("Type").and_then(Node::scalar);
    let is_one = kind.is_some_and(|kind| kind == SCHEDULE || EVENTS.contains(&kind));
    let properties = event.value.get("Properties").and_then(Node::entries);
    let (true, Some(properties)) = (is_one, properties) else {
        return Vec::new();
    };
    let span = event.key_span;
    let entry = |key: &str, value: Value| Entry {
        key: key.into(),
        key_span: span,
        value: Node::new(span, value),
    };
    let id = format!("{}{}", function.id, event.key);
    let own_id = event.value.get("Properties");
    let own_id = own_id.and_then(|properties| properties.get("Target"));
    let own_id = own_id.and_then(|target| target.get("Id")).cloned();
    let target_id = own_id.unwrap_or_else(|| Node::text(span, format!("{id}LambdaTarget")));
    let mut target = vec![
        entry("Arn", events::called(function, span).value),
        Entry {
            value: target_id,
            ..entry("Id", Value::Null)
        },
    ];
    let (mut made, mut rule) = (Vec::new(), Vec::new());
    for given in properties {
        let mut given = given.clone();
        match given.key.as_str() {
            "Pattern" => given.key = "EventPattern".into(),
            "RuleName" => given.key = "Name".into(),
            "Schedule" => given.key = "ScheduleExpression".into(),
            "Description" | "EventBusName" | "Name" | "State" => {}
            "Enabled" => {
                given.key = "State".into();
                // What is no literal is refused as a state.
                if let Some(is_on) = crate::template::scalar::boolean(&given.value) {
                    let state = if is_on { "ENABLED" } else { "DISABLED" };
                    given.value = Node::text(given.value.span, state);
                }
            }
            "DeadLetterConfig" => {
                let (letters, queue) = letters(function, &given, &id);
                target.push(letters);
                made.extend(queue);
                continue;
            }
            "Input" | "InputPath" | "InputTransformer" | "RetryPolicy" => {
                target.push(given);
                continue;
            }
            _ => continue,
        }
        rule.push(given);
    }
    let targets = Value::List(vec![Node::new(span, Value::Map(target))]);
    rule.push(entry("Targets", targets));
    made.push(Declared {
        id,
        id_span: span,
        kind: Kind::EventRule,
        properties: Node::new(span, Value::Map(rule)),
        depends_on: Vec::new(),
        by_transform: true,
        metadata: None,
        ..function.clone()
    });
    made
}

/// Where an event's dead letters go. The transform makes the queue if the event says nothing but its type.
pub(super) fn letters(function: &Declared, given: &Entry, id: &str) -> (Entry, Option<Declared>) {
    let is_made = given.value.get("Type").and_then(Node::scalar) == Some("SQS");
    if !is_made || given.value.get("Arn").is_some() {
        return (given.clone(), None);
    }
    let span = given.key_span;
    let named = given.value.get("QueueLogicalId").and_then(Node::scalar);
    let queue_id = named.map_or_else(|| format!("{id}Queue"), str::to_owned);
    let made = Entry {
        key: "Arn".into(),
        key_span: span,
        value: implied::queue_arn(&queue_id, span),
    };
    let others = given.value.entries().unwrap_or_default().iter();
    let others = others.filter(|entry| !["QueueLogicalId", "Type"].contains(&entry.key.as_str()));
    let letters = others.cloned().chain([made]).collect();
    let queue = implied::queue(function, queue_id, span);
    let letters = Entry {
        value: Node::new(given.value.span, Value::Map(letters)),
        ..given.clone()
    };
    (letters, Some(queue))
}

/// A bus' name, which may be given as its ARN; the default one if it is not given.
fn bus_name(given: Option<String>) -> String {
    let name = given.unwrap_or_else(|| buses::DEFAULT.to_owned());
    match name.split_once(":event-bus/") {
        Some((_, name)) => name.to_owned(),
        None => name,
    }
}

pub(crate) fn bus(fields: &Fields<'_>, name: String, findings: &Findings<'_>) -> Option<EventBus> {
    let letters = fields.nested("DeadLetterConfig", ARN, findings);
    if name == buses::DEFAULT || name.contains('/') {
        findings.report.add(
            Finding::error(
                fields.place("Name"),
                format!("`{name}` cannot be the name of a bus"),
            )
            .why("there is a bus `default` already, and names hold no slash"),
        );
        return None;
    }
    Some(EventBus {
        name,
        description: fields.text("Description"),
        dead_letters: letters.and_then(|letters| letters.text("Arn")),
        tags: tags(fields, findings),
    })
}

pub(super) fn tags(fields: &Fields<'_>, findings: &Findings<'_>) -> BTreeMap<String, String> {
    let tags = fields.list("Tags").unwrap_or_default().iter();
    tags.filter_map(|node| {
        let tag = Fields::open(node, node.span, "tag", TAG, findings)?;
        Some((
            tag.required_text("Key")?,
            tag.text("Value").unwrap_or_default(),
        ))
    })
    .collect()
}

/// JSON, or a text that holds it, as patterns are given.
fn pattern(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<String> {
    let node = fields.node("EventPattern")?;
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        _ => json(node)?.to_string(),
    };
    if let Err(error) = Pattern::parse_cheap(&text, Language::Whole) {
        findings.report.add(
            Finding::error(fields.place("EventPattern"), "this is no pattern of events")
                .why(error.to_string()),
        );
        return None;
    }
    Some(text)
}

/// What a tree is in JSON. Plain words become what YAML makes of them.
fn json(node: &Node) -> Option<serde_json::Value> {
    Some(match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Text(text) => text.clone().into(),
        Value::Plain(plain) => match crate::template::scalar::boolean(node) {
            Some(truth) => truth.into(),
            None => serde_json::from_str::<serde_json::Number>(plain)
                .map_or_else(|_| plain.clone().into(), serde_json::Value::Number),
        },
        Value::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(json).collect();
            items?.into()
        }
        Value::Map(entries) => {
            let members = entries
                .iter()
                .map(|entry| Some((entry.key.clone(), json(&entry.value)?)));
            serde_json::Value::Object(members.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

pub(crate) fn rule(
    fields: &Fields<'_>,
    name: String,
    findings: &Findings<'_>,
) -> Option<EventRule> {
    let bus = bus_name(fields.text("EventBusName"));
    let pattern = pattern(fields, findings);
    let schedule = fields.text("ScheduleExpression");
    if let Some(expression) = &schedule {
        check_schedule(fields, expression, &bus, findings)?;
    }
    if !fields.has("EventPattern") && schedule.is_none() {
        findings.report.add(Finding::error(
            fields.place("EventPattern"),
            "a rule needs `EventPattern` or `ScheduleExpression`",
        ));
        return None;
    }
    let targets = fields.list("Targets").unwrap_or_default();
    if targets.len() > MOST_TARGETS {
        findings.report.add(Finding::error(
            fields.place("Targets"),
            format!("a rule has at most {MOST_TARGETS} targets"),
        ));
        return None;
    }
    let targets: Option<Vec<RuleTarget>> =
        targets.iter().map(|node| target(node, findings)).collect();
    let state = fields.choice("State", &["ENABLED", "DISABLED"]);
    Some(EventRule {
        name: format!("{bus}|{name}"),
        bus,
        rule: name,
        pattern,
        schedule,
        enabled: state != Some("DISABLED"),
        description: fields.text("Description"),
        tags: tags(fields, findings),
        targets: targets?,
    })
}

fn check_schedule(
    fields: &Fields<'_>,
    expression: &str,
    bus: &str,
    findings: &Findings<'_>,
) -> Option<()> {
    let place = fields.place("ScheduleExpression");
    if bus != buses::DEFAULT {
        let message = "only rules of the default bus have a schedule";
        findings.report.add(Finding::error(place, message));
        return None;
    }
    if let Err(malformed) = schedules::Schedules::check_rule(expression) {
        let message = format!("`{expression}` is no schedule");
        findings
            .report
            .add(Finding::error(place, message).why(malformed.to_string()));
        return None;
    }
    Some(())
}

fn target(node: &Node, findings: &Findings<'_>) -> Option<RuleTarget> {
    let fields = Fields::open(node, node.span, "target", TARGET, findings)?;
    let (id, arn) = (fields.required_text("Id"), fields.required_text("Arn"));
    let (id, arn) = (id?, arn?);
    let to = place(&arn).or_else(|| {
        findings.report.add(
            Finding::error(fields.place("Arn"), "rules do not send to this yet")
                .why(format!("it is {:?}", arn.replace(MARK, "…")))
                .help("supported are functions, queues, topics, buses, log groups and API destinations"),
        );
        None
    })?;
    // Who acts in a role of his own needs not be let in.
    if !fields.has("RoleArn") {
        let at = fields.place("Arn");
        findings.doors.sent(admission::RULES, &arn, at);
    }
    let group = fields.nested("SqsParameters", QUEUE, findings);
    let retries = fields.nested("RetryPolicy", RETRIES, findings);
    Some(RuleTarget {
        id,
        to,
        named: arn,
        role: None,
        input: input(&fields, findings)?,
        retries: retries.map(|retries| RetryLimits {
            most: retries.integer("MaximumRetryAttempts", 0..=185),
            age: retries
                .integer("MaximumEventAgeInSeconds", 60..=86_400)
                .map(|seconds| Duration::from_secs(seconds.into())),
        }),
        dead_letters: dead_letters(&fields, Some(admission::RULES), findings)?,
        group: group.and_then(|group| group.text("MessageGroupId")),
        request: request(&fields, findings),
    })
}

pub(super) fn place(arn: &str) -> Option<Place> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, service, region, account, rest @ ..] = parts.as_slice() else {
        return None;
    };
    let space = Space::new(&format!("{account}/{region}"));
    let named = |name: &str| Named {
        space: space.clone(),
        name: name.to_owned(),
    };
    let ours = match (*service, rest) {
        ("lambda", ["function", name]) => Destination::Function(function(&space, name, None)),
        ("lambda", ["function", name, qualifier]) => {
            Destination::Function(function(&space, name, Some(*qualifier)))
        }
        ("sqs", [name]) => Destination::Queue(named(name)),
        ("sns", [name]) => Destination::Topic(named(name)),
        ("events", [what]) => match what.split('/').collect::<Vec<_>>().as_slice() {
            ["event-bus", name] => Destination::Bus(named(name)),
            ["api-destination", name, ..] => return Some(Place::Address((*name).to_owned())),
            _ => return None,
        },
        ("logs", ["log-group", name] | ["log-group", name, "*"]) => {
            return Some(Place::Log(named(name)));
        }
        _ => return None,
    };
    Some(Place::Ours(ours))
}

fn function(space: &Space, name: &str, qualifier: Option<&str>) -> Target {
    Target {
        space: space.clone(),
        function: name.to_owned(),
        qualifier: qualifier.map(str::to_owned),
    }
}

/// The queue, if one is given. None if what is given is none. `service` sends to it, if it has no role to do so.
pub(super) fn dead_letters(
    fields: &Fields<'_>,
    service: Option<&'static str>,
    findings: &Findings<'_>,
) -> Option<Option<Destination>> {
    let Some(letters) = fields.nested("DeadLetterConfig", ARN, findings) else {
        return Some(None);
    };
    let arn = letters.required_text("Arn")?;
    if let Some(service) = service {
        let at = letters.place("Arn");
        findings.doors.sent_dead_letters(service, &arn, at);
    }
    match place(&arn) {
        Some(Place::Ours(queue @ Destination::Queue(_))) => Some(Some(queue)),
        _ => {
            findings.report.add(
                Finding::error(letters.place("Arn"), "dead letters go to a queue")
                    .why(format!("this is {arn:?}")),
            );
            None
        }
    }
}

fn input(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<Input> {
    let transformer = fields.nested("InputTransformer", TRANSFORMER, findings);
    match (fields.text("Input"), fields.text("InputPath"), transformer) {
        (None, None, None) => Some(Input::Whole),
        (Some(text), None, None) => Some(Input::Fixed(text)),
        (None, Some(path), None) => Some(Input::Part(path)),
        (None, None, Some(transformer)) => Some(Input::Template {
            paths: transformer.texts("InputPathsMap"),
            template: transformer.required_text("InputTemplate")?,
        }),
        _ => {
            findings.report.add(Finding::error(
                fields.place("Input"),
                "only one of `Input`, `InputPath` and `InputTransformer` can be given",
            ));
            None
        }
    }
}

fn request(fields: &Fields<'_>, findings: &Findings<'_>) -> RequestParts {
    let Some(http) = fields.nested("HttpParameters", HTTP, findings) else {
        return RequestParts::default();
    };
    let fill = http.list("PathParameterValues").unwrap_or_default().iter();
    RequestParts {
        fill: fill
            .filter_map(|node| crate::template::scalar::text(node, findings.report))
            .collect(),
        headers: http.texts("HeaderParameters"),
        query: http.texts("QueryStringParameters"),
    }
}

pub(crate) fn archive(
    fields: &Fields<'_>,
    name: String,
    findings: &Findings<'_>,
) -> Option<Archive> {
    let source = fields.required_text("SourceArn");
    let pattern = pattern(fields, findings);
    if fields.has("EventPattern") && pattern.is_none() {
        return None;
    }
    Some(Archive {
        name,
        bus: bus_name(Some(source?)),
        description: fields.text("Description"),
        pattern,
        days: fields
            .integer("RetentionDays", 0..=36_500)
            .filter(|days| *days > 0),
    })
}

pub(crate) fn connection(
    fields: &Fields<'_>,
    name: String,
    context: &Context,
    findings: &Findings<'_>,
) -> Option<Connection> {
    let kinds = ["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"];
    fields.required("AuthorizationType");
    fields.required("AuthParameters");
    let kind = fields.choice("AuthorizationType", &kinds)?;
    let auth = fields.nested("AuthParameters", AUTH, findings)?;
    let proof = proof(&auth, kind, findings)?;
    Some(Connection {
        name,
        id: context.suffix.clone(),
        description: fields.text("Description"),
        proof,
        extra: extra(&auth, "InvocationHttpParameters", findings),
    })
}

fn proof(auth: &Fields<'_>, kind: &str, findings: &Findings<'_>) -> Option<Proof> {
    match kind {
        "API_KEY" => {
            auth.required("ApiKeyAuthParameters")?;
            let key = auth.nested("ApiKeyAuthParameters", API_KEY, findings)?;
            Some(Proof::Key {
                header: key.required_text("ApiKeyName")?,
                value: key.required_text("ApiKeyValue")?,
            })
        }
        "BASIC" => {
            auth.required("BasicAuthParameters")?;
            let basic = auth.nested("BasicAuthParameters", BASIC, findings)?;
            Some(Proof::Password {
                user: basic.required_text("Username")?,
                password: basic.required_text("Password")?,
            })
        }
        _ => {
            auth.required("OAuthParameters")?;
            let oauth = auth.nested("OAuthParameters", OAUTH, findings)?;
            oauth.required("ClientParameters")?;
            let client = oauth.nested("ClientParameters", CLIENT, findings)?;
            Some(Proof::Token {
                url: oauth.required_text("AuthorizationEndpoint")?,
                method: oauth
                    .choice("HttpMethod", &["GET", "POST", "PUT"])?
                    .to_owned(),
                client: client.required_text("ClientID")?,
                secret: client.required_text("ClientSecret")?,
                extra: extra(&oauth, "OAuthHttpParameters", findings),
            })
        }
    }
}

fn extra(fields: &Fields<'_>, name: &'static str, findings: &Findings<'_>) -> Extra {
    let Some(fields) = fields.nested(name, EXTRA, findings) else {
        return Extra::default();
    };
    let parameters = |name| {
        let given = fields.list(name).unwrap_or_default().iter();
        given
            .filter_map(|node| {
                let given = Fields::open(node, node.span, "parameter", PARAMETER, findings)?;
                Some(Parameter {
                    name: given.required_text("Key")?,
                    value: given.required_text("Value")?,
                    is_secret: given.boolean("IsValueSecret").unwrap_or(false),
                })
            })
            .collect()
    };
    Extra {
        headers: parameters("HeaderParameters"),
        query: parameters("QueryStringParameters"),
        body: parameters("BodyParameters"),
    }
}

pub(crate) fn address(
    fields: &Fields<'_>,
    name: String,
    context: &Context,
    findings: &Findings<'_>,
) -> Option<Address> {
    let methods = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    fields.required("HttpMethod");
    let method = fields.choice("HttpMethod", &methods);
    let (arn, url) = (
        fields.required_text("ConnectionArn"),
        fields.required_text("InvocationEndpoint"),
    );
    let (arn, url) = (arn?, url?);
    let connection = arn.split_once(":connection/");
    let connection = connection.and_then(|(_, rest)| rest.split('/').next());
    let Some(connection) = connection else {
        findings.report.add(
            Finding::error(
                fields.place("ConnectionArn"),
                "this must be the ARN of a connection",
            )
            .help("write `!GetAtt TheConnection.Arn`"),
        );
        return None;
    };
    Some(Address {
        name,
        id: context.suffix.clone(),
        description: fields.text("Description"),
        connection: connection.to_owned(),
        url,
        method: method?.to_owned(),
        rate: fields
            .integer("InvocationRateLimitPerSecond", 1..=300)
            .unwrap_or(RATE),
    })
}

pub(crate) fn policy(
    fields: &Fields<'_>,
    context: &Context,
    findings: &Findings<'_>,
) -> Option<BusPolicy> {
    let id = fields.required_text("StatementId")?;
    let bus = bus_name(fields.text("EventBusName"));
    let statement = match fields.node("Statement") {
        Some(node) => json(node)?,
        None => {
            let who = fields.required_text("Principal")?;
            let partition = context.partition();
            let who = match who.as_str() {
                "*" => serde_json::json!("*"),
                account => {
                    serde_json::json!({ "AWS": format!("arn:{partition}:iam::{account}:root") })
                }
            };
            let mut statement = serde_json::json!({
                "Effect": "Allow",
                "Principal": who,
                "Action": fields.text("Action").unwrap_or_else(|| "events:PutEvents".to_owned()),
            });
            if let Some(given) = fields.node("Condition") {
                const CONDITION: Schema = &[("Key", Obeyed), ("Type", Obeyed), ("Value", Obeyed)];
                let given = Fields::open(given, given.span, "Condition", CONDITION, findings)?;
                let text = |name| given.required_text(name);
                let (kind, key, value) = (text("Type")?, text("Key")?, text("Value")?);
                statement["Condition"] = serde_json::json!({ kind: { key: value } });
            }
            statement
        }
    };
    let mut statement = statement;
    statement["Sid"] = id.clone().into();
    if statement.get("Resource").is_none() {
        let resource = context.arn("events", &format!("event-bus/{bus}"));
        statement["Resource"] = resource.into();
    }
    Some(BusPolicy {
        name: format!("{bus}|{id}"),
        bus,
        id,
        statement: statement.to_string(),
    })
}
