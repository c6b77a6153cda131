//! A trace through a policy.
//!
//! As in the published evaluation, each app has one instance, and a call that comes while it is busy is warm: what
//! starts for concurrent calls is the same under every policy.

use std::time::Duration;

use base::Timestamp;
use functions::{Policy, Watched};

use crate::chance::Chance;
use crate::trace::{App, Function, Trace, Trigger};

/// What a start costs, and an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) cold_start: Duration,
    pub(crate) instance_mb: f64,
    /// Whether instances are started ahead of calls, where the policy wants it.
    pub(crate) ahead: bool,
}

/// What came of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// The share of cold calls of each app that was called, in the trace's order.
    pub(crate) cold_rates: Vec<f64>,
    pub(crate) calls: u64,
    pub(crate) cold: u64,
    pub(crate) started_ahead: u64,
    /// How long instances were there in vain.
    pub(crate) wasted: Duration,
    /// The same in MB·s, with each app's own memory where the trace tells it.
    pub(crate) wasted_mb_s: f64,
}

/// Of a minute with more calls than this, so many are replayed; the others are warm, as they must be.
const REPLAYED: u32 = 10;

pub(crate) fn replay(trace: &Trace, policy: Policy, costs: Costs) -> Outcome {
    let end = Timestamp::from_secs(u64::from(trace.minutes) * 60);
    let mut outcome = Outcome::default();
    for (number, app) in (0..).zip(&trace.apps) {
        let calls = moments(app, number);
        if calls.is_empty() {
            continue;
        }
        let one = replay_app(&calls, policy, costs, end);
        let all = app.calls();
        outcome.cold_rates.push(ratio(one.cold, all));
        outcome.calls += all;
        outcome.cold += one.cold;
        outcome.started_ahead += one.started_ahead;
        outcome.wasted += one.wasted;
        outcome.wasted_mb_s +=
            one.wasted.as_secs_f64() * app.memory_mb.unwrap_or(costs.instance_mb);
    }
    outcome
}

fn replay_app(
    calls: &[(Timestamp, Duration)],
    policy: Policy,
    costs: Costs,
    end: Timestamp,
) -> Outcome {
    let mut watched = Watched::new(policy);
    let mut outcome = Outcome::default();
    let mut idle = None;
    let mut calls = calls.iter().peekable();
    while let Some(&(begin, duration)) = calls.next() {
        watched.began(begin);
        let cold = match idle.take() {
            Some((since, plan)) => !outcome.waited(&plan, begin.since(since), costs),
            None => true,
        };
        outcome.cold += u64::from(cold);
        let mut busy = begin
            + duration
            + if cold {
                costs.cold_start
            } else {
                Duration::ZERO
            };
        while let Some(&(begin, duration)) = calls.next_if(|(begin, _)| *begin <= busy) {
            busy = busy.max(begin + duration);
        }
        idle = watched.ended(busy).map(|plan| (busy, plan));
    }
    if let Some((since, plan)) = idle {
        outcome.waited(&plan, end.since(since), costs);
    }
    outcome
}

impl Outcome {
    /// An idle time has ended: whether an instance is there.
    fn waited(&mut self, plan: &functions::Plan, idle: Duration, costs: Costs) -> bool {
        if !costs.ahead {
            self.wasted += idle.min(plan.unbroken());
            return idle <= plan.unbroken();
        }
        let ahead = plan.ahead().iter().filter(|window| window.from <= idle);
        self.started_ahead += ahead.count() as u64;
        self.wasted += plan.kept_within(idle);
        plan.covers(idle)
    }

    /// Of the apps' shares of cold calls.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.cold_rates.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of calls are far below 2⁵²"
)]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// When an app's calls begin and how long they take. The trace tells the minute: timers tick at its begin, the others
/// come at any time within it.
pub(crate) fn moments(app: &App, number: u64) -> Vec<(Timestamp, Duration)> {
    let chance = Chance::seeded(number);
    let mut moments = Vec::new();
    for function in &app.functions {
        place(function, &chance, &mut moments);
    }
    moments.sort_unstable();
    moments
}

fn place(function: &Function, chance: &Chance, moments: &mut Vec<(Timestamp, Duration)>) {
    let duration = Duration::from_secs_f64(function.duration_ms.unwrap_or(0.0) / 1_000.0);
    for &(minute, count) in &function.calls {
        let count = count.min(REPLAYED);
        for n in 0..count {
            let within = match function.trigger {
                Trigger::Timer => f64::from(n) / f64::from(count),
                _ => chance.unit(),
            };
            let begin = Timestamp::from_secs(u64::from(minute) * 60)
                + Duration::from_secs_f64(within * 60.0);
            moments.push((begin, duration));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs {
        cold_start: Duration::from_millis(3),
        instance_mb: 2.0,
        ahead: true,
    };

    /// One timer that ticks every so many minutes for a day.
    fn ticking(period: u32) -> Trace {
        let calls = (0..1_440 / period).map(|n| (n * period, 1)).collect();
        let function = Function {
            name: "f".into(),
            trigger: Trigger::Timer,
            duration_ms: None,
            calls,
        };
        let app = App {
            owner: "o".into(),
            name: "a".into(),
            memory_mb: None,
            functions: vec![function],
        };
        Trace {
            minutes: 1_440,
            apps: vec![app],
        }
    }

    #[test]
    fn a_fixed_time_is_cold_beyond_it_and_wastes_it() {
        let fixed = Policy::Fixed(Duration::from_secs(600));
        let outcome = replay(&ticking(60), fixed, COSTS);
        assert_eq!((outcome.calls, outcome.cold), (24, 24));
        assert_eq!(outcome.wasted, Duration::from_secs(24 * 600));
        let outcome = replay(&ticking(5), fixed, COSTS);
        assert_eq!((outcome.calls, outcome.cold), (288, 1));
        // All the day, but for the first start.
        assert_eq!(
            outcome.wasted,
            Duration::from_secs(86_400) - COSTS.cold_start
        );
    }

    #[test]
    fn a_period_that_was_found_is_met_ahead_of_time() {
        for policy in [Policy::Histogram, Policy::Odds] {
            let outcome = replay(&ticking(60), policy, COSTS);
            assert!(outcome.cold <= 3, "{policy}: {outcome:?}");
            assert!(outcome.started_ahead >= 20, "{policy}: {outcome:?}");
            let blind = Costs {
                ahead: false,
                ..COSTS
            };
            assert_eq!(replay(&ticking(60), policy, blind).started_ahead, 0);
        }
    }

    #[test]
    fn a_trace_replays_the_same_again() {
        let trace = crate::generate::generate(3, crate::generate::Size { apps: 20, days: 1 });
        for policy in [Policy::Histogram, Policy::Odds] {
            assert_eq!(replay(&trace, policy, COSTS), replay(&trace, policy, COSTS));
        }
    }
}
