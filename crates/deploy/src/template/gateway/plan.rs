//! `AWS::ApiGateway::ApiKey`, `UsagePlan` and `UsagePlanKey`, and those that `Auth.UsagePlan` of an API stands for.

use std::collections::BTreeMap;

use triggers::Period;

use crate::desired::{ClientKey, Plan, PlannedStage, Quota, Rate};
use crate::diagnostic::{Finding, Span};
use crate::template::declared::{Declared, Kind};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Call, Entry, Node, Value};
use Support::{Notice, Obeyed, Refused};

const TAGS: &str = "tags of gateways are not kept";

pub(crate) const KEY: Schema = &[
    ("CustomerId", Refused("there is no marketplace")),
    ("Description", Obeyed),
    ("Enabled", Obeyed),
    ("GenerateDistinctId", Obeyed),
    ("Name", Obeyed),
    (
        "StageKeys",
        Notice("a key is good where a usage plan says so"),
    ),
    ("Tags", Notice(TAGS)),
    ("Value", Obeyed),
];
pub(crate) const PLAN: Schema = &[
    ("ApiStages", Obeyed),
    ("Description", Obeyed),
    ("Quota", Obeyed),
    ("Tags", Notice(TAGS)),
    ("Throttle", Obeyed),
    ("UsagePlanName", Obeyed),
];
pub(crate) const PLAN_KEY: Schema = &[
    ("KeyId", Obeyed),
    ("KeyType", Obeyed),
    ("UsagePlanId", Obeyed),
];
const API_STAGE: Schema = &[("ApiId", Obeyed), ("Stage", Obeyed), ("Throttle", Obeyed)];
const THROTTLE: Schema = &[("BurstLimit", Obeyed), ("RateLimit", Obeyed)];
const QUOTA: Schema = &[("Limit", Obeyed), ("Offset", Obeyed), ("Period", Obeyed)];

const USAGE_PLAN: Schema = &[
    ("CreateUsagePlan", Obeyed),
    ("Description", Obeyed),
    ("Quota", Obeyed),
    ("Tags", Notice(TAGS)),
    ("Throttle", Obeyed),
    ("UsagePlanName", Obeyed),
];

pub(crate) fn key(fields: &Fields<'_>, id: String) -> ClientKey {
    ClientKey {
        title: fields.text("Name").unwrap_or_else(|| id.clone()),
        value: fields.text("Value").filter(|value| {
            let fine = (20..=128).contains(&value.len());
            if let (false, Some(node)) = (fine, fields.node("Value")) {
                fields.wrong::<()>("Value", node, "20 to 128 letters long");
            }
            fine
        }),
        // As the service has it: a key must be switched on.
        enabled: fields.boolean("Enabled").unwrap_or(false),
        id,
    }
}

pub(crate) fn plan<'f>(fields: &Fields<'f>, id: String, findings: &Findings<'f>) -> Plan {
    let stages = fields.list("ApiStages").unwrap_or_default().iter();
    let stage = |node: &'f Node| {
        let fields = Fields::open(node, node.span, "ApiStages", API_STAGE, findings)?;
        let throttle = fields
            .node("Throttle")
            .and_then(Node::entries)
            .unwrap_or_default();
        let own = |entry: &'f Entry| {
            let fields =
                Fields::open(&entry.value, entry.key_span, "Throttle", THROTTLE, findings)?;
            // `/path/METHOD`, which is `METHOD /path` here.
            let (path, method) = entry.key.rsplit_once('/')?;
            let path = if path.is_empty() { "/" } else { path };
            Some((format!("{method} {path}"), rate(&fields)?))
        };
        Some(PlannedStage {
            gateway: fields.required_text("ApiId")?,
            stage: fields.required_text("Stage")?,
            rates: throttle.iter().filter_map(own).collect(),
        })
    };
    let stages = stages.filter_map(stage).collect();
    let throttle = fields.nested("Throttle", THROTTLE, findings);
    let quota = fields.nested("Quota", QUOTA, findings);
    Plan {
        title: fields.text("UsagePlanName").unwrap_or_else(|| id.clone()),
        stages,
        keys: Vec::new(),
        rate: throttle.and_then(|fields| rate(&fields)),
        quota: quota.and_then(|fields| self::quota(&fields)),
        id,
    }
}

fn rate(fields: &Fields<'_>) -> Option<Rate> {
    let text = fields.text("RateLimit");
    let rate = match text {
        None => None,
        Some(text) => {
            let number = text
                .parse::<f64>()
                .ok()
                .filter(|rate| (0.0..1e9).contains(rate));
            number.or_else(|| fields.wrong("RateLimit", fields.node("RateLimit")?, "a number"))
        }
    };
    let burst = fields.integer("BurstLimit", 0..=u32::MAX).map(u64::from);
    if rate.is_none() && burst.is_none() {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 and 1e12"
    )]
    let per_second_milli = rate.map(|rate| (rate * 1_000.0).round() as u64);
    // One without the other limits nothing in its own way.
    Some(Rate {
        per_second_milli: per_second_milli.unwrap_or(u64::MAX / 1_000_000),
        burst: burst.unwrap_or_else(|| per_second_milli.unwrap_or_default().div_ceil(1_000).max(1)),
    })
}

fn quota(fields: &Fields<'_>) -> Option<Quota> {
    let limit = fields.integer("Limit", 1..=u32::MAX);
    fields.required("Limit")?;
    let period = match fields.choice("Period", &["DAY", "WEEK", "MONTH"])? {
        "DAY" => Period::Day,
        "WEEK" => Period::Week,
        _ => Period::Month,
    };
    let latest = match period {
        Period::Day => 0,
        Period::Week => 6,
        Period::Month => 27,
    };
    Some(Quota {
        limit: limit?.into(),
        period,
        offset: fields
            .integer("Offset", 0..=latest)
            .and_then(|offset| u8::try_from(offset).ok())
            .unwrap_or(0),
    })
}

/// Which key a `UsagePlanKey` puts into which plan.
pub(crate) fn member(fields: &Fields<'_>) -> Option<(String, String)> {
    fields.choice("KeyType", &["API_KEY"]);
    Some((
        fields.required_text("UsagePlanId")?,
        fields.required_text("KeyId")?,
    ))
}

/// Declares the plans and keys that APIs ask for in their `Auth`, under the names that the transform gives them.
pub(crate) fn declare(declared: &mut Vec<Declared>, findings: &Findings<'_>) {
    let mut shared: Vec<(Node, &Declared)> = Vec::new();
    let mut made = Vec::new();
    for api in declared.iter().filter(|one| one.kind == Kind::RestApi) {
        let plan = api
            .properties
            .get("Auth")
            .and_then(|auth| auth.get("UsagePlan"));
        let Some(plan) = plan else {
            continue;
        };
        let span = plan.span;
        let owner = "UsagePlan";
        let Some(fields) = Fields::open(plan, span, owner, USAGE_PLAN, findings) else {
            continue;
        };
        if fields.required("CreateUsagePlan").is_none() {
            continue;
        }
        match fields.choice("CreateUsagePlan", &["PER_API", "SHARED", "NONE"]) {
            Some("PER_API") => made.extend(members(&api.id, plan, &[api], span)),
            Some("SHARED") => shared.push((plan.clone(), api)),
            _ => {}
        }
    }
    if let Some((plan, _)) = shared.last().cloned() {
        let apis: Vec<&Declared> = shared.iter().map(|(_, api)| *api).collect();
        made.extend(members("Serverless", &plan, &apis, plan.span));
    }
    for one in made {
        match declared.iter().find(|known| known.id == one.id) {
            Some(known) => findings.report.add(
                Finding::error(known.id_span, format!("`{}` is declared already", one.id))
                    .why("the usage plan of an API has this name"),
            ),
            None => declared.push(one),
        }
    }
}

fn members(front: &str, plan: &Node, apis: &[&Declared], span: Span) -> Vec<Declared> {
    let (plan_id, key_id) = (format!("{front}UsagePlan"), format!("{front}ApiKey"));
    let entry = |key: &str, value: Node| Entry {
        key: key.into(),
        key_span: span,
        value,
    };
    let reference = |id: &str| {
        Node::new(
            span,
            Value::Call(Box::new(Call {
                name: "Ref".into(),
                name_span: span,
                argument: Node::text(span, id),
            })),
        )
    };
    let stage = |api: &&Declared| {
        let name = api.properties.get("StageName").cloned();
        Node::new(
            span,
            Value::Map(vec![
                entry("ApiId", reference(&api.id)),
                entry("Stage", name.unwrap_or_else(|| Node::broken(span))),
            ]),
        )
    };
    let kept = ["Description", "Quota", "Tags", "Throttle", "UsagePlanName"];
    let own = plan.entries().unwrap_or_default().iter();
    let mut properties: Vec<Entry> = own
        .filter(|entry| kept.contains(&entry.key.as_str()))
        .cloned()
        .collect();
    let stages = apis.iter().map(stage).collect();
    properties.push(entry("ApiStages", Node::new(span, Value::List(stages))));
    let one = |id: String, kind, properties| Declared {
        id,
        kind,
        properties: Node::new(span, Value::Map(properties)),
        depends_on: Vec::new(),
        ..apis[0].clone()
    };
    let enabled = Node::new(span, Value::Plain("true".into()));
    vec![
        one(
            key_id.clone(),
            Kind::ClientKey,
            vec![entry("Enabled", enabled)],
        ),
        one(plan_id.clone(), Kind::Plan, properties),
        one(
            format!("{front}UsagePlanKey"),
            Kind::PlanKey,
            vec![
                entry("KeyId", reference(&key_id)),
                entry("KeyType", Node::text(span, "API_KEY")),
                entry("UsagePlanId", reference(&plan_id)),
            ],
        ),
    ]
}

/// Puts the keys into their plans.
pub(crate) fn join(
    plans: &mut BTreeMap<String, Plan>,
    members: Vec<((String, String), Span)>,
    findings: &Findings<'_>,
) {
    for ((plan, key), span) in members {
        match plans.values_mut().find(|known| known.id == plan) {
            Some(plan) => plan.keys.push(key),
            None => findings.report.add(
                Finding::error(span, "this must be a usage plan of the same template")
                    .help("write `UsagePlanId: !Ref ThePlan`"),
            ),
        }
    }
}
