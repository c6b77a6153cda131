//! How long an idle instance is kept, and when one is started ahead of a call.
//!
//! A [`KeepAlive`] learns from one function's *idle times*: from the moment when nothing of it runs any more until the
//! next call. It answers with a [`Plan`]: the stretches of an idle time, counted from its begin, during which an
//! instance is to be there. What it must not know is the clock or the server: `sim/keepalive` replays traces through
//! the very objects that the pools ask.

mod fixed;
mod histogram;
mod odds;
mod series;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base::Timestamp;

/// Which rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// Kept for so long, whatever was seen.
    Fixed(Duration),
    /// The hybrid histogram of "Serverless in the Wild" (USENIX ATC 2020).
    Histogram,
    /// Kept while the odds that a call comes are worth the memory.
    #[default]
    Odds,
}

/// Learns from one function's idle times.
pub trait KeepAlive: Send {
    /// A call came after its function had been idle for so long.
    fn called_after(&mut self, idle: Duration);

    /// What to do in an idle time that begins.
    fn plan(&self) -> Plan;
}

const UNBROKEN: Duration = Duration::from_secs(3_600);

/// When an instance is to be there. Windows are in order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    windows: Vec<Window>,
}

/// Counted from the begin of the idle time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: Duration,
    pub until: Duration,
}

impl Policy {
    pub fn begin(self) -> Box<dyn KeepAlive> {
        match self {
            Self::Fixed(keep) => Box::new(fixed::Fixed(keep)),
            Self::Histogram => Box::new(histogram::Histogram::default()),
            Self::Odds => Box::new(odds::Odds::default()),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(keep) => write!(f, "fixed:{}", keep.as_secs()),
            Self::Histogram => f.write_str("histogram"),
            Self::Odds => f.write_str("odds"),
        }
    }
}

/// `odds`, `histogram`, `fixed` (ten minutes) or `fixed:<seconds>`.
impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "odds" => Ok(Self::Odds),
            "histogram" => Ok(Self::Histogram),
            "fixed" => Ok(Self::Fixed(fixed::USUAL)),
            _ => {
                let seconds = text.strip_prefix("fixed:").and_then(|n| n.parse().ok());
                let seconds = seconds.ok_or_else(|| {
                    format!("{text:?} is none of odds, histogram, fixed and fixed:<seconds>")
                })?;
                Ok(Self::Fixed(Duration::from_secs(seconds)))
            }
        }
    }
}

impl Plan {
    /// Puts windows in order and joins those that touch, or that are closer together than `apart`: ending an instance
    /// only to start another at once saves nothing.
    fn new(mut windows: Vec<Window>, apart: Duration) -> Self {
        windows.retain(|window| window.from < window.until);
        windows.sort_by_key(|window| window.from);
        let mut joined: Vec<Window> = Vec::new();
        for window in windows {
            match joined.last_mut() {
                Some(last) if window.from <= last.until + apart => {
                    last.until = last.until.max(window.until);
                }
                _ => joined.push(window),
            }
        }
        Self { windows: joined }
    }

    fn one(from: Duration, until: Duration) -> Self {
        Self::new(vec![Window { from, until }], Duration::ZERO)
    }

    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// How long the instance that falls idle is kept.
    pub fn keep(&self) -> Duration {
        match self.windows.first() {
            Some(first) if first.from.is_zero() => first.until,
            _ => Duration::ZERO,
        }
    }

    /// How long to keep the instance that falls idle where none is started ahead: through every window that ends within
    /// an hour. To wait longer in vain takes more than it gives.
    pub fn unbroken(&self) -> Duration {
        let ends = self.windows.iter().map(|window| window.until);
        let through = ends.take_while(|end| *end <= UNBROKEN).last();
        through.unwrap_or_else(|| self.keep().min(UNBROKEN))
    }

    /// The windows for which an instance would have to be started ahead.
    pub fn ahead(&self) -> &[Window] {
        match self.windows.first() {
            Some(first) if first.from.is_zero() => &self.windows[1..],
            _ => &self.windows,
        }
    }

    /// Whether an instance is there when a call comes after so long.
    pub fn covers(&self, idle: Duration) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|window| (window.from..=window.until).contains(&idle))
    }

    /// How long an instance is there in vain, if the idle time lasts so long.
    pub fn kept_within(&self, idle: Duration) -> Duration {
        let windows = self.windows.iter();
        windows
            .map(|window| idle.min(window.until).saturating_sub(window.from))
            .sum()
    }
}

/// What is seen of one function: calls that begin and end, told apart into busy and idle times.
pub struct Watched {
    keeper: Box<dyn KeepAlive>,
    running: u32,
    idle_since: Option<Timestamp>,
}

impl Watched {
    pub fn new(policy: Policy) -> Self {
        Self {
            keeper: policy.begin(),
            running: 0,
            idle_since: None,
        }
    }

    /// A call begins.
    pub fn began(&mut self, now: Timestamp) {
        self.running += 1;
        if let Some(since) = self.idle_since.take() {
            self.keeper.called_after(now.since(since));
        }
    }

    /// A call has ended. A plan, if it was the last one.
    pub fn ended(&mut self, now: Timestamp) -> Option<Plan> {
        self.running = self.running.saturating_sub(1);
        if self.running > 0 {
            return None;
        }
        self.idle_since = Some(now);
        Some(self.keeper.plan())
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("running", &self.running)
            .field("idle_since", &self.idle_since)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: u64, until: u64) -> Window {
        Window {
            from: Duration::from_secs(from),
            until: Duration::from_secs(until),
        }
    }

    #[test]
    fn a_plan_knows_what_it_keeps_and_what_it_starts_ahead() {
        let windows = vec![
            window(3_000, 4_000),
            window(0, 60),
            window(65, 100),
            window(7, 7),
        ];
        let plan = Plan::new(windows, Duration::from_secs(10));
        assert_eq!(plan.windows(), [window(0, 100), window(3_000, 4_000)]);
        assert_eq!(plan.keep(), Duration::from_secs(100));
        assert_eq!(plan.ahead(), [window(3_000, 4_000)]);
        assert_eq!(plan.unbroken(), Duration::from_secs(100));
        let soon = Plan::new(vec![window(0, 9), window(600, 700)], Duration::ZERO);
        assert_eq!(soon.unbroken(), Duration::from_secs(700));
        let long = Plan::new(vec![window(0, 9_000)], Duration::ZERO);
        assert_eq!(long.unbroken(), UNBROKEN);
        let covers = |secs| plan.covers(Duration::from_secs(secs));
        assert!(covers(0) && covers(100) && covers(3_000) && covers(4_000));
        assert!(!covers(101) && !covers(2_999) && !covers(4_001));
        let kept = |secs| plan.kept_within(Duration::from_secs(secs)).as_secs();
        assert_eq!(
            [kept(50), kept(200), kept(3_500), kept(9_000)],
            [50, 100, 600, 1_100]
        );
    }

    #[test]
    fn only_the_time_when_nothing_runs_is_idle() {
        struct Told(std::sync::mpsc::Sender<Duration>);
        impl KeepAlive for Told {
            fn called_after(&mut self, idle: Duration) {
                self.0.send(idle).unwrap();
            }
            fn plan(&self) -> Plan {
                Plan::default()
            }
        }
        let (told, heard) = std::sync::mpsc::channel();
        let mut watched = Watched {
            keeper: Box::new(Told(told)),
            ..Watched::new(Policy::Odds)
        };
        let at = Timestamp::from_secs;
        watched.began(at(10));
        watched.began(at(11));
        assert_eq!(watched.ended(at(12)), None);
        assert!(watched.ended(at(20)).is_some());
        watched.began(at(25));
        assert_eq!(
            heard.try_iter().collect::<Vec<_>>(),
            [Duration::from_secs(5)]
        );
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for policy in [
            Policy::Fixed(Duration::from_secs(42)),
            Policy::Histogram,
            Policy::Odds,
        ] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!("fixed".parse(), Ok(Policy::Fixed(Duration::from_secs(600))));
        for wrong in ["", "fixed:", "fixed:x", "fixed:-1", "Odds"] {
            assert!(wrong.parse::<Policy>().is_err(), "{wrong}");
        }
    }
}
