//! Ours: an instance is kept while the odds that the next call comes are worth its memory.
//!
//! An avoided cold start is worth so much idle time: its *worth*. Being there from one moment of an idle time to another
//! costs the time between them, in all the idle times that last so long; it earns the worth once for each that ends in
//! between. So a stretch is worth keeping where the idle times that end in it, relative to those that reach it, are
//! dense enough. Stretches of every scale are looked at (two neighbouring idle times, four, eight, ... all): a period is
//! found as a narrow stretch far out, a burst as one at the begin, steady traffic as a wide one, and a function that
//! has all of these gets a window for each.
//!
//! How much a cold start is worth is no constant: see `WORTHS`.

use std::collections::VecDeque;
use std::time::Duration;

use super::{KeepAlive, Plan, Window};

/// How many idle times are remembered. What was longer ago may not hold any more.
const REMEMBERED: usize = 128;
/// In seconds: what a cold start is worth, from the least to the most. The least is what every function gets. Of the
/// others the first is taken with which a call would seldom be cold; where none is enough, memory does not help, and
/// the least stays.
const WORTHS: [f64; 5] = [300.0, 900.0, 2_700.0, 14_400.0, 64_800.0];
/// The share of cold calls that is seldom.
const SELDOM: f64 = 0.08;
/// On either side of what was seen: clocks and queues jitter.
const MARGIN: f64 = 0.01;
const MARGIN_SECS: f64 = 2.0;
/// Ending an instance for less than this is not worth starting another.
const APART: Duration = Duration::from_secs(30);
/// Idle times up to this, in seconds, are always kept through.
const SHORT: f64 = 30.0;
/// What is kept before anything is known, in seconds.
const UNKNOWN: f64 = 7_200.0;
/// The plan is made anew when one in so many of what is remembered is new.
const REPLANNED: usize = 8;
/// From how many idle times on a single one proves nothing.
const KNOWN: usize = 4;

pub(super) struct Odds {
    /// In seconds, the newest last.
    idle: VecDeque<f32>,
    plan: Plan,
    /// How many idle times the plan does not know yet.
    new: usize,
}

impl Default for Odds {
    fn default() -> Self {
        Self {
            idle: VecDeque::new(),
            plan: best(&[]),
            new: 0,
        }
    }
}

impl KeepAlive for Odds {
    fn called_after(&mut self, idle: Duration) {
        if self.idle.len() == REMEMBERED {
            self.idle.pop_front();
        }
        self.idle.push_back(idle.as_secs_f32());
        self.new += 1;
        // A plan costs more than a call should pay.
        if self.new * REPLANNED >= self.idle.len() {
            self.new = 0;
            let mut sorted: Vec<f64> = self.idle.iter().map(|secs| f64::from(*secs)).collect();
            sorted.sort_by(f64::total_cmp);
            self.plan = best(&sorted);
        }
    }

    fn plan(&self) -> Plan {
        self.plan.clone()
    }
}

fn best(sorted: &[f64]) -> Plan {
    // Of a busy function there is nothing to weigh.
    if sorted.len() >= KNOWN && sorted.last().is_some_and(|longest| *longest <= SHORT) {
        return Plan::new(vec![window(0.0, 2.0 * SHORT)], APART);
    }
    let mut least = None;
    for worth in WORTHS {
        let plan = worthwhile(sorted, worth);
        if cold_share(&plan, sorted) <= SELDOM {
            return plan;
        }
        least.get_or_insert(plan);
    }
    least.unwrap_or_default()
}

fn worthwhile(sorted: &[f64], worth: f64) -> Plan {
    let all = sorted.len();
    let mut windows = Vec::new();
    let unknown = (KNOWN.saturating_sub(all)) as f64 / KNOWN as f64;
    windows.push(window(0.0, UNKNOWN * unknown));
    let mut step = usize::from(all >= KNOWN);
    while step < all {
        for first in 0..all - step {
            let from = sorted[first] - margin(sorted[first]);
            let until = sorted[first + step] + margin(sorted[first + step]);
            let reach = (all - first) as f64;
            if (until - from.max(0.0)) * reach <= worth * (step + 1) as f64 {
                windows.push(window(from, until));
            }
        }
        step = (step * 2).max(1);
    }
    Plan::new(windows, APART)
}

fn cold_share(plan: &Plan, sorted: &[f64]) -> f64 {
    let cold = sorted
        .iter()
        .filter(|secs| !plan.covers(Duration::from_secs_f64(**secs)));
    cold.count() as f64 / sorted.len().max(1) as f64
}

fn margin(secs: f64) -> f64 {
    secs * MARGIN + MARGIN_SECS
}

fn window(from: f64, until: f64) -> Window {
    // What is there from almost the begin is there from the begin.
    let from = if from <= APART.as_secs_f64() {
        0.0
    } else {
        from
    };
    let secs = |secs: f64| Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or_default();
    Window {
        from: secs(from),
        until: secs(until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(idle_secs: impl IntoIterator<Item = u64>) -> Plan {
        let mut odds = Odds::default();
        for secs in idle_secs {
            odds.called_after(Duration::from_secs(secs));
        }
        odds.plan()
    }

    fn is_there(plan: &Plan, secs: u64) -> bool {
        plan.covers(Duration::from_secs(secs))
    }

    /// What a plan keeps of an idle time that never ends, in seconds.
    fn in_vain(plan: &Plan) -> u64 {
        plan.kept_within(Duration::MAX).as_secs()
    }

    #[test]
    fn what_is_not_known_is_kept_for_two_hours_and_less_with_each_idle_time() {
        assert_eq!(after([]).keep(), Duration::from_secs(7_200));
        assert!(after([50_000]).keep() < Duration::from_secs(7_200));
    }

    #[test]
    fn a_period_is_met_by_a_narrow_window() {
        let plan = after([86_390, 86_400, 86_410, 86_395, 86_405]);
        assert!(is_there(&plan, 86_400) && !is_there(&plan, 80_000));
        assert!(in_vain(&plan) < 3_000, "{plan:?}");
    }

    #[test]
    fn bursts_that_come_periodically_get_a_window_for_each() {
        let idle = (0..60).map(|n| if n % 6 == 5 { 3_600 } else { 4 });
        let plan = after(idle);
        assert!(is_there(&plan, 4) && is_there(&plan, 3_600), "{plan:?}");
        assert!(!is_there(&plan, 1_800), "{plan:?}");
        assert_eq!(plan.ahead().len(), 1);
    }

    #[test]
    fn a_busy_function_is_kept_for_a_minute() {
        assert_eq!(in_vain(&after([1; 300])), 60);
    }

    #[test]
    fn what_has_no_pattern_is_kept_while_calls_are_frequent() {
        // Evenly from a minute to twenty: one wide window.
        let plan = after((1..=60).map(|n| n * 20));
        assert_eq!(plan.windows().len(), 1, "{plan:?}");
        assert!(is_there(&plan, 600));
        // The same from days to weeks: memory would be kept for nothing.
        let rare = after((1..=60).map(|n| n * 40_000));
        assert!(in_vain(&rare) < 64_800, "{rare:?}");
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let old = std::iter::repeat_n(7_200, 100);
        let plan = after(old.chain(std::iter::repeat_n(60, 2 * REMEMBERED)));
        assert!(!is_there(&plan, 7_200), "{plan:?}");
    }
}
