//! Seeded draws from the distributions that traces are made of.

use base::Random;

pub(crate) struct Chance(Random);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }

    /// From 0 up to, but not, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds")]
    pub(crate) fn unit(&self) -> f64 {
        (self.0.u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    pub(crate) fn exponential(&self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// By Box and Muller.
    pub(crate) fn normal(&self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(crate) fn log_normal(&self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// At least `least`; the smaller `shape`, the heavier the tail.
    pub(crate) fn pareto(&self, least: f64, shape: f64) -> f64 {
        least / (1.0 - self.unit()).powf(1.0 / shape)
    }

    /// How many of rare things happen where `mean` are expected.
    pub(crate) fn poisson(&self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    /// One of these, by weight.
    pub(crate) fn pick<T: Copy>(&self, weighted: &[(f64, T)]) -> T {
        let sum: f64 = weighted.iter().map(|(weight, _)| weight).sum();
        let mut left = self.unit() * sum;
        for (weight, value) in weighted {
            left -= weight;
            if left < 0.0 {
                return *value;
            }
        }
        weighted[weighted.len() - 1].1
    }
}
