//! The table.

use std::time::Duration;

use functions::Policy;

use crate::replay::{Costs, Outcome, ratio, replay};
use crate::trace::Trace;

struct Row {
    name: &'static str,
    policy: Policy,
    ahead: bool,
}

const FIXED: Policy = Policy::Fixed(Duration::from_secs(600));

const ROWS: [Row; 6] = [
    Row {
        name: "fixed, 10 min",
        policy: FIXED,
        ahead: false,
    },
    Row {
        name: "fixed, 1 h",
        policy: Policy::Fixed(Duration::from_secs(3_600)),
        ahead: false,
    },
    Row {
        name: "hybrid histogram, 4 h",
        policy: Policy::Histogram,
        ahead: true,
    },
    Row {
        name: "ours",
        policy: Policy::Odds,
        ahead: true,
    },
    Row {
        name: "hybrid histogram, nothing started ahead",
        policy: Policy::Histogram,
        ahead: false,
    },
    Row {
        name: "ours, nothing started ahead",
        policy: Policy::Odds,
        ahead: false,
    },
];

pub(crate) fn compare(traces: impl IntoIterator<Item = (String, Trace)>, costs: Costs) {
    println!(
        "| trace | policy | cold, 75th percentile of apps | cold, median app | cold, of all calls | wasted memory time | the same by apps' memory | started ahead | waiting for cold starts |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, trace) in traces {
        let mut base = None;
        for row in &ROWS {
            let costs = Costs {
                ahead: row.ahead,
                ..costs
            };
            let outcome = replay(&trace, row.policy, costs);
            let base = base.get_or_insert_with(|| outcome.clone());
            println!(
                "| {name} | {} | {} |",
                row.name,
                cells(&outcome, base, costs)
            );
        }
    }
}

fn cells(outcome: &Outcome, base: &Outcome, costs: Costs) -> String {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let wasted = outcome.wasted.as_secs_f64() / base.wasted.as_secs_f64();
    let by_memory = outcome.wasted_mb_s / base.wasted_mb_s;
    let cold = u32::try_from(outcome.cold).unwrap_or(u32::MAX);
    [
        percent(outcome.percentile(75)),
        percent(outcome.percentile(50)),
        format!("{:.3} %", ratio(outcome.cold, outcome.calls) * 100.0),
        percent(wasted),
        percent(by_memory),
        outcome.started_ahead.to_string(),
        format!("{:.0} s", (costs.cold_start * cold).as_secs_f64()),
    ]
    .join(" | ")
}
