//! The next value of a short series, by the best of a few small ARIMA models.
//!
//! Each is fitted by conditional least squares to the errors of its forecasts of one step; Akaike's criterion chooses.
//! They are (0,0,0), (1,0,0), (0,1,0), (1,1,0) and (0,1,1): what an automatic search settles on for a few dozen values.

/// None for fewer than two values.
pub(super) fn next(series: &[f64]) -> Option<f64> {
    let &last = series.last().filter(|_| series.len() >= 2)?;
    let steps: Vec<f64> = series.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = mean(series);
    let mut best = Model::new(steps.iter().copied(), 0, last);
    best.or(Model::new(
        series[1..].iter().map(|value| value - mean),
        1,
        mean,
    ));
    if series.len() >= 4 {
        let (slope, base) = line(series);
        let errors = series
            .windows(2)
            .map(|pair| pair[1] - slope * pair[0] - base);
        best.or(Model::new(errors, 2, slope * last + base));
        let slope = through_zero(&steps);
        // The first step has none before it.
        let errors = steps[..1].iter().copied();
        let errors = errors.chain(steps.windows(2).map(|pair| pair[1] - slope * pair[0]));
        best.or(Model::new(errors, 1, last + slope * steps[steps.len() - 1]));
        for tenths in 1..10 {
            best.or(smoothed(series, f64::from(tenths) / 10.0));
        }
    }
    Some(best.next.max(0.0))
}

struct Model {
    criterion: f64,
    next: f64,
}

impl Model {
    #[expect(clippy::cast_precision_loss, reason = "series are short")]
    fn new(errors: impl Iterator<Item = f64>, parameters: u32, next: f64) -> Self {
        let (mut count, mut sum) = (0_usize, 0.0);
        for error in errors {
            count += 1;
            sum += error * error;
        }
        // Below a millisecond, one fit is as perfect as another.
        let mean = (sum / count as f64).max(1e-6);
        Self {
            criterion: count as f64 * mean.ln() + 2.0 * f64::from(parameters),
            next,
        }
    }

    fn or(&mut self, other: Self) {
        if other.criterion < self.criterion {
            *self = other;
        }
    }
}

/// (0,1,1): exponential smoothing.
fn smoothed(series: &[f64], weight: f64) -> Model {
    let mut level = series[0];
    let mut errors = Vec::with_capacity(series.len());
    for value in &series[1..] {
        errors.push(value - level);
        level += weight * (value - level);
    }
    Model::new(errors.into_iter(), 1, level)
}

#[expect(clippy::cast_precision_loss, reason = "series are short")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Each value as a line of the one before.
fn line(series: &[f64]) -> (f64, f64) {
    let (before, after) = (&series[..series.len() - 1], &series[1..]);
    let (mean_before, mean_after) = (mean(before), mean(after));
    let pairs = before.iter().zip(after);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in pairs {
        above += (x - mean_before) * (y - mean_after);
        below += (x - mean_before) * (x - mean_before);
    }
    // More would explode.
    let slope = if below > 0.0 {
        (above / below).clamp(-0.99, 0.99)
    } else {
        0.0
    };
    (slope, mean_after - slope * mean_before)
}

fn through_zero(steps: &[f64]) -> f64 {
    let above: f64 = steps.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let below: f64 = steps.windows(2).map(|pair| pair[0] * pair[0]).sum();
    if below > 0.0 {
        (above / below).clamp(-0.99, 0.99)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(series: &[f64], wanted: f64) {
        let next = next(series).unwrap();
        assert!(
            (next - wanted).abs() < wanted * 0.05,
            "{next}, not {wanted}"
        );
    }

    #[test]
    fn one_value_is_no_series() {
        assert_eq!(next(&[]), None);
        assert_eq!(next(&[5.0]), None);
    }

    #[test]
    fn what_repeats_goes_on() {
        near(&[100.0; 12], 100.0);
    }

    #[test]
    fn noise_around_a_mean_is_forecast_by_it() {
        near(&[90.0, 110.0, 105.0, 95.0, 98.0, 102.0, 92.0, 108.0], 100.0);
    }

    #[test]
    fn what_alternates_alternates() {
        let series: Vec<f64> = (0..20)
            .map(|n| if n % 2 == 0 { 10.0 } else { 100.0 })
            .collect();
        near(&series, 10.0);
    }

    #[test]
    fn what_moved_is_followed() {
        let series = [[100.0; 6], [300.0; 6]].concat();
        near(&series, 300.0);
    }
}
