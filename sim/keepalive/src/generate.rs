//! Makes traces that look like the published ones, from a seed.
//!
//! What is known of them is in `calibrate.rs`, and each run can be held against it. An app draws its triggers, its
//! number of functions and its calls per day from the published distributions; each function then draws how its calls
//! come: by a timer, in people's sessions with day and night, steadily, in bursts, or periodically with some jitter.

use crate::chance::Chance;
use crate::trace::{App, Function, Trace, Trigger};

pub(crate) const DAY: u32 = 1_440;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) apps: u32,
    pub(crate) days: u32,
}

/// How many of all apps have which triggers, in percent. Published: 43 % have only HTTP, 13 % only timers, 15.8 %
/// timers and others, 64 % at least one HTTP.
const TRIGGERS: &[(f64, &[Trigger])] = &[
    (43.0, &[Trigger::Http]),
    (13.0, &[Trigger::Timer]),
    (12.0, &[Trigger::Http, Trigger::Timer]),
    (2.3, &[Trigger::Queue, Trigger::Timer]),
    (1.5, &[Trigger::Storage, Trigger::Timer]),
    (5.0, &[Trigger::Http, Trigger::Queue]),
    (4.0, &[Trigger::Http, Trigger::Orchestration]),
    (10.0, &[Trigger::Queue]),
    (3.0, &[Trigger::Event]),
    (3.5, &[Trigger::Storage]),
    (2.7, &[Trigger::Others]),
];

/// How many functions an app has that has several: published.
const SEVERAL_FUNCTIONS: &[(f64, (u32, u32))] = &[
    (16.0, (2, 2)),
    (10.0, (3, 3)),
    (8.0, (4, 5)),
    (7.0, (6, 10)),
    (5.0, (11, 40)),
];
/// 54 % of all apps have one function, and these are of the 75.2 % with one trigger.
const SINGLE: f64 = 54.0 / 75.2;

/// The share of apps with at most so many calls a day. The second and the third are published; the rest spans the
/// published orders of magnitude, but for those above ten million calls a day: they are never cold.
const CALLS_A_DAY: &[(f64, f64)] = &[
    (0.0, 0.3),
    (0.45, 24.0),
    (0.81, 1_440.0),
    (0.95, 30_000.0),
    (0.995, 1_000_000.0),
    (1.0, 10_000_000.0),
];

/// In minutes.
const PERIODS: &[f64] = &[
    0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0, 360.0, 720.0, 1_440.0,
];

#[derive(Clone, Copy)]
enum Habit {
    /// Sessions of people, with day and night.
    People,
    Steady,
    Bursts,
    /// Devices and monitors: about every so often.
    Beat,
}

pub(crate) fn generate(seed: u64, size: Size) -> Trace {
    let chance = Chance::seeded(seed);
    Trace {
        minutes: size.days * DAY,
        apps: (0..size.apps).map(|n| app(n, &chance, size.days)).collect(),
    }
}

fn app(number: u32, chance: &Chance, days: u32) -> App {
    let triggers = chance.pick(TRIGGERS);
    let count = functions(triggers.len(), chance);
    let a_day = calls_a_day(chance.unit());
    // Few functions get most of an app's calls.
    let shares: Vec<f64> = (1..=count)
        .map(|rank| 1.0 / f64::from(rank).powf(1.5))
        .collect();
    let sum: f64 = shares.iter().sum();
    // People who use an app sleep at the same time.
    let night =
        chance.pick(&[(0.45, 0.0), (0.35, 480.0), (0.2, 960.0)]) + chance.between(-120.0, 120.0);
    let functions = (0..count).zip(shares).map(|(at, share)| {
        let trigger = triggers[at as usize % triggers.len()];
        let place = Place {
            chance,
            days,
            night,
        };
        Function {
            name: format!("f{number}-{at}"),
            trigger,
            // Published: log-normal, in seconds.
            duration_ms: Some(
                (chance.log_normal((-0.38_f64).exp(), 2.36) * 1_000.0).clamp(1.0, 300_000.0),
            ),
            calls: counted(place.calls(trigger, a_day * share / sum), days),
        }
    });
    let functions: Vec<Function> = functions.collect();
    App {
        owner: format!("o{number}"),
        name: format!("a{number}"),
        memory_mb: Some(burr(chance.unit())),
        functions,
    }
}

/// How many: apps with several triggers have several, and of all apps 54 % have one.
fn functions(triggers: usize, chance: &Chance) -> u32 {
    if triggers == 1 && chance.unit() < SINGLE {
        return 1;
    }
    let (least, most) = chance.pick(SEVERAL_FUNCTIONS);
    least + whole(chance.unit() * f64::from(most - least + 1))
}

/// Published: the Burr distribution that fits the average memory of apps, in MB.
fn burr(share: f64) -> f64 {
    let (c, k, lambda) = (11.652, 0.221, 107.083);
    let value: f64 = lambda * ((1.0 - share).powf(-1.0 / k) - 1.0).powf(1.0 / c);
    value.clamp(20.0, 1_536.0)
}

/// Straight lines between the known shares, on a logarithmic scale.
fn calls_a_day(share: f64) -> f64 {
    let pairs = CALLS_A_DAY.windows(2);
    let mut around = pairs.filter(|pair| share <= pair[1].0);
    let Some([(low, from), (high, to)]) = around.next() else {
        return 0.0;
    };
    let part = (share - low) / (high - low);
    from * (to / from).powf(part)
}

struct Place<'a> {
    chance: &'a Chance,
    days: u32,
    /// When its people sleep deepest, in minutes of the day.
    night: f64,
}

/// Moments in minutes, in any order, or counts where there are too many for that.
enum Calls {
    Moments(Vec<f64>),
    Counts(Vec<f64>),
}

impl Place<'_> {
    fn calls(&self, trigger: Trigger, a_day: f64) -> Calls {
        use Habit::{Beat, Bursts, People, Steady};
        let habits: &[(f64, Habit)] = match trigger {
            Trigger::Timer => return Calls::Moments(self.timer(a_day)),
            Trigger::Http => &[(38.0, People), (17.0, Steady), (33.0, Beat), (12.0, Bursts)],
            Trigger::Queue | Trigger::Storage | Trigger::Orchestration => {
                &[(32.0, Bursts), (18.0, Steady), (18.0, People), (32.0, Beat)]
            }
            Trigger::Event | Trigger::Others => {
                &[(20.0, Steady), (28.0, Bursts), (37.0, Beat), (15.0, People)]
            }
        };
        let habit = self.chance.pick(habits);
        if a_day > 20_000.0 {
            return Calls::Counts(self.torrent(a_day));
        }
        Calls::Moments(match habit {
            People => self.people(a_day),
            Steady => self.steady(a_day),
            Bursts => self.bursts(a_day),
            Beat => self.beat(a_day),
        })
    }

    fn end(&self) -> f64 {
        f64::from(self.days * DAY)
    }

    /// Of the periods that people write into timers, the one that comes nearest.
    fn timer(&self, a_day: f64) -> Vec<f64> {
        let wanted = f64::from(DAY) / a_day;
        let off = |period: &f64| (period / wanted).ln().abs();
        let nearest = PERIODS
            .iter()
            .copied()
            .min_by(|a, b| off(a).total_cmp(&off(b)));
        let period = nearest.unwrap_or(60.0);
        // Some are stopped or redeployed for a while.
        let pause = (self.chance.unit() < 0.2).then(|| {
            let from = self.chance.between(0.0, self.end());
            from..from + self.chance.exponential(600.0)
        });
        let phase = (self.chance.unit() * period).floor();
        let ticks = std::iter::successors(Some(phase), |at| Some(at + period));
        let ticks = ticks.take_while(|at| *at < self.end());
        ticks
            .filter(|at| pause.as_ref().is_none_or(|pause| !pause.contains(at)))
            .collect()
    }

    /// How much of the average there is at a moment; averages to about one.
    fn daylight(&self, minute: f64) -> f64 {
        let angle = (minute - self.night) / f64::from(DAY) * std::f64::consts::TAU;
        let of_day = (1.0 - angle.cos()).powf(1.5) / 1.2;
        // The published trace begins on a Monday.
        let weekend = whole(minute / f64::from(DAY)) % 7 >= 5;
        of_day * if weekend { 0.45 } else { 1.2 }
    }

    fn people(&self, a_day: f64) -> Vec<f64> {
        // Those who call often come in longer sessions.
        let size = (1.0 + a_day.powf(0.4)).min(30.0);
        let pace = self.chance.log_normal(0.4, 0.8);
        let mut moments = Vec::new();
        let mut at = 0.0;
        loop {
            // Thinned: as many as at the busiest moment, of which some do not come.
            at += self.chance.exponential(f64::from(DAY) * size / a_day / 2.9);
            if at >= self.end() {
                return moments;
            }
            if self.chance.unit() * 2.9 > self.daylight(at) {
                continue;
            }
            let mut moment = at;
            for _ in 0..whole(self.chance.exponential(size)).max(1) {
                moments.push(moment);
                moment += self.chance.log_normal(pace, 1.2);
            }
        }
    }

    fn steady(&self, a_day: f64) -> Vec<f64> {
        let mut moments = Vec::new();
        let mut at = 0.0;
        loop {
            at += self.chance.exponential(f64::from(DAY) / a_day);
            if at >= self.end() {
                return moments;
            }
            moments.push(at);
        }
    }

    fn bursts(&self, a_day: f64) -> Vec<f64> {
        let shape = self.chance.between(1.1, 1.8);
        // The mean of a Pareto, had it no end.
        let size = (shape / (shape - 1.0)).min(20.0);
        let gap = f64::from(DAY) * size / a_day;
        let pace = self.chance.log_normal(0.05, 1.0);
        let mut moments = Vec::new();
        // The mean of this log-normal is the gap.
        let mut at = self.chance.unit() * gap;
        while at < self.end() {
            let calls = self.chance.pareto(1.0, shape).min(2_000.0);
            let mut moment = at;
            for _ in 0..whole(calls) {
                moments.push(moment);
                moment += self.chance.exponential(pace);
            }
            at += self.chance.log_normal(gap * (-0.5_f64).exp(), 1.0);
        }
        moments
    }

    fn beat(&self, a_day: f64) -> Vec<f64> {
        let period = f64::from(DAY) / a_day;
        let jitter = self.chance.pick(&[(0.3, 0.02), (0.3, 0.2), (0.4, 0.5)]);
        let mut moments = Vec::new();
        let mut at = self.chance.unit() * period;
        while at < self.end() {
            moments.push(at);
            at += period * (1.0 + jitter * self.chance.normal()).max(0.05);
        }
        moments
    }

    /// Too many to tell apart: how many there are in each minute.
    fn torrent(&self, a_day: f64) -> Vec<f64> {
        let mean = a_day / f64::from(DAY);
        let minutes = (0..self.days * DAY).map(f64::from);
        let counts = minutes.map(|minute| {
            // Published: half of the busiest hour's calls come in any hour.
            let level = 0.74 + 0.26 * self.daylight(minute);
            self.chance.poisson(mean * level)
        });
        counts.collect()
    }
}

fn counted(calls: Calls, days: u32) -> Vec<(u32, u32)> {
    let mut counts = vec![0_u32; (days * DAY) as usize];
    match calls {
        Calls::Counts(numbers) => {
            for (count, number) in counts.iter_mut().zip(numbers) {
                *count = whole(number);
            }
        }
        Calls::Moments(moments) => {
            for moment in moments {
                // Sessions may go on after the end.
                if let Some(count) = counts.get_mut(whole(moment) as usize) {
                    *count += 1;
                }
            }
        }
    }
    let minutes = (0..).zip(counts);
    minutes.filter(|(_, count)| *count > 0).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large or negative is cut off, as `as` does"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_trace_again_and_another_does_not() {
        let size = Size { apps: 20, days: 2 };
        assert_eq!(generate(7, size), generate(7, size));
        assert_ne!(generate(7, size), generate(8, size));
    }

    #[test]
    fn calls_a_day_go_through_the_published_points() {
        assert!((calls_a_day(0.45) - 24.0).abs() < 1e-9);
        assert!((calls_a_day(0.81) - 1_440.0).abs() < 1e-9);
        assert!(calls_a_day(0.2) < 24.0 && calls_a_day(0.9) > 1_440.0);
    }
}
