//! `LifecycleConfiguration`: what becomes of objects with time.

use std::collections::BTreeMap;

use base::Timestamp;
use objects::{EarlierExpiry, Expiry, Lifecycle, LifecycleRule, Scope};

use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support};
use Support::{Notice, Obeyed};

const ONE_CLASS: &str = "objects stay in the one storage class that there is";

const CONFIGURATION: Schema = &[
    ("Rules", Obeyed),
    ("TransitionDefaultMinimumObjectSize", Notice(ONE_CLASS)),
];
const RULE: Schema = &[
    ("AbortIncompleteMultipartUpload", Obeyed),
    ("ExpirationDate", Obeyed),
    ("ExpirationInDays", Obeyed),
    ("ExpiredObjectDeleteMarker", Obeyed),
    ("Id", Obeyed),
    ("NoncurrentVersionExpiration", Obeyed),
    ("NoncurrentVersionExpirationInDays", Obeyed),
    ("NoncurrentVersionTransition", Notice(ONE_CLASS)),
    ("NoncurrentVersionTransitions", Notice(ONE_CLASS)),
    ("ObjectSizeGreaterThan", Obeyed),
    ("ObjectSizeLessThan", Obeyed),
    ("Prefix", Obeyed),
    ("Status", Obeyed),
    ("TagFilters", Obeyed),
    ("Transition", Notice(ONE_CLASS)),
    ("Transitions", Notice(ONE_CLASS)),
];
const ACTIONS: [&str; 10] = [
    "AbortIncompleteMultipartUpload",
    "ExpirationDate",
    "ExpirationInDays",
    "ExpiredObjectDeleteMarker",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionExpirationInDays",
    "NoncurrentVersionTransition",
    "NoncurrentVersionTransitions",
    "Transition",
    "Transitions",
];
const ABORT: Schema = &[("DaysAfterInitiation", Obeyed)];
const EARLIER: Schema = &[
    ("NewerNoncurrentVersions", Obeyed),
    ("NoncurrentDays", Obeyed),
];
const TAG: Schema = &[("Key", Obeyed), ("Value", Obeyed)];

/// What the service takes for one bucket.
const MAX_RULES: usize = 1_000;
const MOST_DAYS: u32 = i32::MAX as u32;
const MOST_KEPT: u32 = 100;
const DAY_S: u64 = 24 * 60 * 60;

pub(super) fn read<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Lifecycle> {
    let configuration = fields.nested("LifecycleConfiguration", CONFIGURATION, findings)?;
    configuration.required("Rules");
    let nodes = configuration.list("Rules").unwrap_or_default();
    if nodes.len() > MAX_RULES {
        let message = format!("a bucket has at most {MAX_RULES} rules for its objects' lives");
        let place = configuration.place("Rules");
        findings.report.add(Finding::error(place, message));
    }
    let rules = nodes.iter().enumerate().filter_map(|(index, node)| {
        let fields = Fields::open(node, node.span, "rule", RULE, findings)?;
        rule(&fields, index, findings)
    });
    let rules: Vec<LifecycleRule> = rules.collect();
    (!rules.is_empty()).then_some(Lifecycle { rules })
}

/// None if all that it says has no effect here.
fn rule<'a>(fields: &Fields<'a>, index: usize, findings: &Findings<'a>) -> Option<LifecycleRule> {
    fields.required("Status");
    let status = fields.choice("Status", &["Enabled", "Disabled"]);
    let abort = fields.nested("AbortIncompleteMultipartUpload", ABORT, findings);
    let abort_days = abort.and_then(|abort| {
        abort.required("DaysAfterInitiation");
        abort.integer("DaysAfterInitiation", 1..=MOST_DAYS)
    });
    let rule = LifecycleRule {
        id: fields.text("Id").unwrap_or_else(|| format!("rule-{index}")),
        enabled: status == Some("Enabled"),
        scope: scope(fields, findings),
        expiry: expiry(fields, findings),
        earlier: earlier(fields, findings),
        abort_days,
    };
    let acts = rule.expiry.is_some() || rule.earlier.is_some() || rule.abort_days.is_some();
    if !ACTIONS.iter().any(|name| fields.has(name)) {
        let place = fields.place("Status");
        let finding = Finding::error(place, "a rule needs something to do");
        findings
            .report
            .add(finding.help("for example `ExpirationInDays: 30`"));
    }
    acts.then_some(rule)
}

fn scope<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Scope {
    let nodes = fields.list("TagFilters").unwrap_or_default().iter();
    let tags: BTreeMap<String, String> = nodes
        .filter_map(|node| {
            let tag = Fields::open(node, node.span, "tag", TAG, findings)?;
            Some((tag.required_text("Key")?, tag.required_text("Value")?))
        })
        .collect();
    let size = |name: &str| -> Option<u64> {
        let text = fields.text(name)?;
        let size = text.parse().ok();
        size.or_else(|| fields.wrong(name, fields.node(name)?, "a number of bytes"))
    };
    Scope {
        prefix: fields.text("Prefix"),
        tags,
        larger_than: size("ObjectSizeGreaterThan"),
        smaller_than: size("ObjectSizeLessThan"),
        bare: false,
    }
}

fn expiry<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<Expiry> {
    let days = fields
        .integer("ExpirationInDays", 1..=MOST_DAYS)
        .map(Expiry::Days);
    let date = fields.text("ExpirationDate").and_then(|text| {
        let date = midnight(&text).map(Expiry::On);
        let wrong = || {
            fields.wrong(
                "ExpirationDate",
                fields.node("ExpirationDate")?,
                "a midnight, in UTC",
            )
        };
        date.or_else(wrong)
    });
    let markers = fields
        .boolean("ExpiredObjectDeleteMarker")
        .filter(|is_so| *is_so);
    let all = [days, date, markers.map(|_| Expiry::LoneMarkers)];
    let mut said = all.into_iter().flatten();
    let first = said.next();
    if said.next().is_some() {
        let message = "a rule has one of `ExpirationInDays`, `ExpirationDate` and `ExpiredObjectDeleteMarker`";
        let place = fields.place("ExpirationDate");
        findings.report.add(Finding::error(place, message));
    }
    first
}

/// As a date, or as a moment that is one.
fn midnight(text: &str) -> Option<Timestamp> {
    let moment = match text.parse::<jiff::civil::Date>() {
        Ok(date) if !text.contains('T') => date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse::<jiff::Timestamp>().ok()?,
    };
    let seconds = u64::try_from(moment.as_second()).ok()?;
    let is_midnight = seconds.is_multiple_of(DAY_S) && moment.subsec_nanosecond() == 0;
    is_midnight.then(|| Timestamp::from_secs(seconds))
}

fn earlier<'a>(fields: &Fields<'a>, findings: &Findings<'a>) -> Option<EarlierExpiry> {
    let of_old = fields.integer("NoncurrentVersionExpirationInDays", 1..=MOST_DAYS);
    let of_old = of_old.map(|days| EarlierExpiry { days, kept: None });
    let Some(said) = fields.nested("NoncurrentVersionExpiration", EARLIER, findings) else {
        return of_old;
    };
    said.required("NoncurrentDays");
    Some(EarlierExpiry {
        days: said.integer("NoncurrentDays", 1..=MOST_DAYS)?,
        kept: said.integer("NewerNoncurrentVersions", 1..=MOST_KEPT),
    })
}
