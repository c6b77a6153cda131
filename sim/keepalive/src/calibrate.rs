//! What is published of the real workload, beside what a generated one shows.

use crate::generate::DAY;
use crate::replay::{moments, ratio};
use crate::trace::{App, Trace, Trigger};

struct Fact {
    what: &'static str,
    published: f64,
    /// How far off is near enough.
    within: f64,
    measure: fn(&Trace) -> f64,
}

/// Shahrad and others, USENIX ATC 2020, section 3.
const FACTS: [Fact; 11] = [
    Fact {
        what: "apps with one function",
        published: 0.54,
        within: 0.05,
        measure: |trace| share(trace, |app| app.functions.len() == 1),
    },
    Fact {
        what: "apps with at most 10 functions",
        published: 0.95,
        within: 0.03,
        measure: |trace| share(trace, |app| app.functions.len() <= 10),
    },
    Fact {
        what: "apps with HTTP triggers only",
        published: 0.43,
        within: 0.05,
        measure: |trace| share(trace, |app| all(app, Trigger::Http)),
    },
    Fact {
        what: "apps with timers only",
        published: 0.13,
        within: 0.04,
        measure: |trace| share(trace, |app| all(app, Trigger::Timer)),
    },
    Fact {
        what: "apps with at least one timer",
        published: 0.29,
        within: 0.05,
        measure: |trace| share(trace, |app| any(app, Trigger::Timer)),
    },
    Fact {
        what: "apps with at least one HTTP trigger",
        published: 0.64,
        within: 0.05,
        measure: |trace| share(trace, |app| any(app, Trigger::Http)),
    },
    Fact {
        what: "apps called at most once an hour",
        published: 0.45,
        within: 0.06,
        measure: |trace| share(trace, |app| a_day(app, trace) <= 24.0),
    },
    Fact {
        what: "apps called at most once a minute",
        published: 0.81,
        within: 0.06,
        measure: |trace| share(trace, |app| a_day(app, trace) <= 1_440.0),
    },
    Fact {
        what: "calls of apps called more often than that",
        published: 0.996,
        within: 0.01,
        measure: of_the_popular,
    },
    Fact {
        what: "apps whose times between calls vary more than a Poisson process's",
        published: 0.40,
        within: 0.10,
        measure: varied,
    },
    Fact {
        what: "calls in the quietest hour, of those in the busiest",
        published: 0.50,
        within: 0.20,
        measure: quietest_hour,
    },
];

pub(crate) fn print(traces: &[Trace]) {
    println!("| fact | published | near enough | generated |");
    println!("|---|---|---|---|");
    for fact in &FACTS {
        let shown: Vec<String> = traces
            .iter()
            .map(|trace| format!("{:.1} %", (fact.measure)(trace) * 100.0))
            .collect();
        println!(
            "| {} | {:.1} % | ± {:.0} | {} |",
            fact.what,
            fact.published * 100.0,
            fact.within * 100.0,
            shown.join(", ")
        );
    }
}

fn called(trace: &Trace) -> impl Iterator<Item = &App> {
    trace.apps.iter().filter(|app| app.calls() > 0)
}

fn share(trace: &Trace, is: impl Fn(&App) -> bool) -> f64 {
    let those = called(trace).filter(|app| is(app)).count();
    ratio(those as u64, called(trace).count() as u64)
}

fn all(app: &App, trigger: Trigger) -> bool {
    app.functions
        .iter()
        .all(|function| function.trigger == trigger)
}

fn any(app: &App, trigger: Trigger) -> bool {
    app.functions
        .iter()
        .any(|function| function.trigger == trigger)
}

fn a_day(app: &App, trace: &Trace) -> f64 {
    ratio(app.calls() * u64::from(DAY), u64::from(trace.minutes))
}

fn of_the_popular(trace: &Trace) -> f64 {
    let popular = called(trace).filter(|app| a_day(app, trace) > 1_440.0);
    ratio(
        popular.map(App::calls).sum(),
        called(trace).map(App::calls).sum(),
    )
}

/// The share of apps with a coefficient of variation above one, of those with at least three calls.
fn varied(trace: &Trace) -> f64 {
    let variations = (0..)
        .zip(&trace.apps)
        .filter_map(|(number, app)| variation(app, number));
    let (mut above, mut all) = (0, 0);
    for variation in variations {
        all += 1;
        above += u64::from(variation > 1.0);
    }
    ratio(above, all)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of calls are far below 2⁵²"
)]
fn variation(app: &App, number: u64) -> Option<f64> {
    let moments = moments(app, number);
    let gaps: Vec<f64> = moments
        .windows(2)
        .map(|pair| pair[1].0.since(pair[0].0).as_secs_f64())
        .collect();
    if gaps.len() < 2 {
        return None;
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps
        .iter()
        .map(|gap| (gap - mean) * (gap - mean))
        .sum::<f64>()
        / gaps.len() as f64;
    Some(variance.sqrt() / mean)
}

fn quietest_hour(trace: &Trace) -> f64 {
    let mut hours = vec![0_u64; (trace.minutes / 60) as usize];
    for function in trace.apps.iter().flat_map(|app| &app.functions) {
        for &(minute, count) in &function.calls {
            if let Some(hour) = hours.get_mut((minute / 60) as usize) {
                *hour += u64::from(count);
            }
        }
    }
    let (least, most) = (hours.iter().min(), hours.iter().max());
    ratio(least.copied().unwrap_or(0), most.copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Size, generate};

    #[test]
    fn a_generated_trace_has_what_is_published_of_the_real_one() {
        let trace = generate(41, Size { apps: 600, days: 7 });
        for fact in &FACTS {
            let found = (fact.measure)(&trace);
            assert!(
                (found - fact.published).abs() <= fact.within,
                "{}: {found:.3}, published is {:.3}",
                fact.what,
                fact.published
            );
        }
    }
}
