//! The hybrid histogram policy, as published by Shahrad and others (USENIX ATC 2020, section 4).
//!
//! Idle times are counted in bins of a minute over four hours. If the histogram is representative, an instance is
//! ended at once, started again before the 5th percentile and kept until after the 99th, with a margin of 10 %. If its
//! counts are too even, an instance is kept for the whole range. If most idle times are beyond the range, the next one
//! is forecast from the series of those before, with a margin of 15 %.

use std::collections::VecDeque;
use std::time::Duration;

use super::{KeepAlive, Plan, series};

const BIN: Duration = Duration::from_secs(60);
const BINS: usize = 240;
const RANGE: Duration = Duration::from_secs(60 * BINS as u64);
const HEAD: f64 = 0.05;
const TAIL: f64 = 0.99;
const MARGIN: f64 = 0.10;
/// Of the bins' counts: the standard deviation over the mean. Below it, the histogram says nothing.
const LEAST_VARIATION: f64 = 2.0;
/// More beyond the range than this share, and the histogram is not asked.
const MOST_BEYOND: f64 = 0.5;
const FORECAST_MARGIN: f64 = 0.15;
/// How many idle times a forecast looks back upon.
const SERIES: usize = 64;

pub(super) struct Histogram {
    counts: [u32; BINS],
    within: u32,
    /// For the variation: the sum of the counts' squares.
    squares: u64,
    beyond: u32,
    /// In seconds, the newest last.
    series: VecDeque<f64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [0; BINS],
            within: 0,
            squares: 0,
            beyond: 0,
            series: VecDeque::new(),
        }
    }
}

impl KeepAlive for Histogram {
    fn called_after(&mut self, idle: Duration) {
        let bin = usize::try_from(idle.as_secs() / BIN.as_secs()).unwrap_or(BINS);
        match self.counts.get_mut(bin) {
            Some(count) => {
                self.squares += 2 * u64::from(*count) + 1;
                *count += 1;
                self.within += 1;
            }
            None => self.beyond += 1,
        }
        if self.series.len() == SERIES {
            self.series.pop_front();
        }
        self.series.push_back(idle.as_secs_f64());
    }

    fn plan(&self) -> Plan {
        let all = f64::from(self.within) + f64::from(self.beyond);
        if f64::from(self.beyond) > MOST_BEYOND * all {
            return self.forecast().unwrap_or_else(whole_range);
        }
        if self.within == 0 || self.variation() <= LEAST_VARIATION {
            return whole_range();
        }
        let head = BIN * self.bin_of(HEAD);
        let tail = BIN * (self.bin_of(TAIL) + 1);
        Plan::one(head.mul_f64(1.0 - MARGIN), tail.mul_f64(1.0 + MARGIN))
    }
}

impl Histogram {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of calls are far below 2⁵²"
    )]
    fn variation(&self) -> f64 {
        let (bins, sum) = (BINS as f64, f64::from(self.within));
        let mean = sum / bins;
        let variance = (self.squares as f64 / bins - mean * mean).max(0.0);
        variance.sqrt() / mean
    }

    /// The bin in which this share of those within the range is reached.
    fn bin_of(&self, share: f64) -> u32 {
        let wanted = share * f64::from(self.within);
        let mut sum = 0;
        for (bin, count) in (0..).zip(&self.counts) {
            sum += count;
            if *count > 0 && f64::from(sum) >= wanted {
                return bin;
            }
        }
        0
    }

    fn forecast(&self) -> Option<Plan> {
        let series: Vec<f64> = self.series.iter().copied().collect();
        let next = Duration::try_from_secs_f64(series::next(&series)?).ok()?;
        Some(Plan::one(
            next.mul_f64(1.0 - FORECAST_MARGIN),
            next.mul_f64(1.0 + FORECAST_MARGIN),
        ))
    }
}

fn whole_range() -> Plan {
    Plan::one(Duration::ZERO, RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(idle_secs: impl IntoIterator<Item = u64>) -> Plan {
        let mut histogram = Histogram::default();
        for secs in idle_secs {
            histogram.called_after(Duration::from_secs(secs));
        }
        histogram.plan()
    }

    fn secs(from: f64, until: f64) -> Plan {
        Plan::one(
            Duration::from_secs_f64(from),
            Duration::from_secs_f64(until),
        )
    }

    #[test]
    fn nothing_is_known_at_first_so_all_is_kept() {
        assert_eq!(after([]), secs(0.0, 14_400.0));
    }

    #[test]
    fn a_period_of_half_an_hour_is_met_by_starting_ahead() {
        // Bin 30 begins after 1800 s and ends after 1860.
        assert_eq!(after([1_805; 20]), secs(1_620.0, 2_046.0));
    }

    #[test]
    fn idle_times_within_the_first_minute_keep_the_instance() {
        assert_eq!(after([2; 50]), secs(0.0, 66.0));
    }

    #[test]
    fn even_counts_say_nothing() {
        assert_eq!(after((0..240).map(|bin| bin * 60 + 5)), secs(0.0, 14_400.0));
    }

    #[test]
    fn what_is_beyond_the_range_is_forecast() {
        let day = 86_400.0;
        assert_eq!(after([86_400; 5]), secs(day * 0.85, day * 1.15));
        // A single one does not make a series, and nothing better is known.
        assert_eq!(after([86_400]), secs(0.0, 14_400.0));
        // Half of them within: the histogram is asked.
        assert_eq!(after([86_400, 1_805]), secs(1_620.0, 2_046.0));
    }
}
