//! The rank prior: each bond's variances, the penalty they put on the cores, and their update.
//!
//! Bond k has a variance `lambda[r]` per rank index; the slice `G_k[:, :, :, r]` is normal with that
//! variance. The penalty `strength * |slice|^2 / lambda` is added to the loss summed over the
//! training set, and once per batch the variances move toward the maximum a posteriori given the
//! slice: with `M` the slice's squared norm and `D` its number of entries,
//!
//! - log-uniform on the standard deviation: `M / (D + 1)`
//! - inverse-gamma(a, b) on the variance: `(M + 2b) / (D + 2 + 2a)`
//! - half-Cauchy(eta) on the standard deviation: the positive root of
//!   `(D + 2) z^2 + (D eta^2 - M) z - M eta^2 = 0`.

use super::config::{PriorConfig, PriorKind};
use super::model::{Bond, Parameter};

impl PriorConfig {
    /// The variance that a slice of squared norm `m` with `d` entries asks for.
    #[must_use]
    pub fn target_variance(&self, m: f32, d: usize) -> f32 {
        let d = d as f32;
        match self.kind {
            PriorKind::None => 1.0,
            PriorKind::LogUniform => m / (d + 1.0),
            PriorKind::InverseGamma => (m + 2.0 * self.scale) / (d + 2.0 + 2.0 * self.shape),
            PriorKind::HalfCauchy => {
                let eta2 = self.eta * self.eta;
                let linear = m - eta2 * d;
                // The discriminant written as in the paper; never negative for m >= 0.
                let root = (m * m + (2.0 * d + 8.0) * m * eta2 + d * d * (eta2 * eta2)).sqrt();
                (linear + root) / (2.0 * d + 4.0)
            }
        }
    }

    /// Share of the full strength at this epoch: 0 through the warm-up, then a linear ramp to 1.
    #[must_use]
    pub fn ramp(&self, epochs_done: f32) -> f32 {
        if epochs_done < self.warmup_epochs {
            return 0.0;
        }
        if self.ramp_epochs <= 0.0 {
            return 1.0;
        }
        ((epochs_done - self.warmup_epochs) / self.ramp_epochs).clamp(0.0, 1.0)
    }
}

/// Adds the gradient of the penalty to a core's gradient: `2 weight w / lambda` for each entry of
/// the slices left of the bond.
pub(super) fn add_penalty(bond: &Bond, weight: f32, master: &[f32], gradient: &mut [f32]) {
    let factors: Vec<f32> = bond
        .variances
        .iter()
        .map(|lambda| 2.0 * weight / lambda.max(1e-12))
        .collect();
    for (row, values) in gradient
        .chunks_exact_mut(factors.len())
        .zip(master.chunks_exact(factors.len()))
    {
        for ((slot, value), factor) in row.iter_mut().zip(values).zip(&factors) {
            *slot += factor * value;
        }
    }
}

/// Moves a layer's variances one step toward their targets.
pub(super) fn update_variances(parameters: &[Parameter], bonds: &mut [Bond], prior: &PriorConfig) {
    for (bond, core) in bonds.iter_mut().zip(parameters) {
        let rank = bond.variances.len();
        let norms = left_norms(core, rank);
        for (lambda, norm) in bond.variances.iter_mut().zip(norms) {
            let target = prior.target_variance(norm, core.master.len() / rank);
            *lambda = (1.0 - prior.smoothing) * *lambda + prior.smoothing * target;
        }
    }
}

/// Squared norm of each slice `G_k[:, :, :, r]` of the core left of a bond.
fn left_norms(core: &Parameter, rank: usize) -> Vec<f32> {
    let mut norms = vec![0.0_f32; rank];
    for row in core.master.chunks_exact(rank) {
        for (norm, value) in norms.iter_mut().zip(row) {
            *norm += value * value;
        }
    }
    norms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_cauchy_target_is_the_positive_root() {
        for (m, d, eta) in [(0.5_f32, 64_usize, 0.1_f32), (3.0, 28, 1.0), (0.0, 10, 0.5)] {
            let prior = PriorConfig {
                kind: PriorKind::HalfCauchy,
                eta,
                ..PriorConfig::default()
            };
            let z = f64::from(prior.target_variance(m, d));
            let (m, d, eta2) = (f64::from(m), d as f64, f64::from(eta) * f64::from(eta));
            let residue = (d + 2.0) * z * z + (d * eta2 - m) * z - m * eta2;
            assert!(
                z >= 0.0 && residue.abs() < 1e-5 * (1.0 + m),
                "{z} {residue}"
            );
        }
    }

    #[test]
    fn the_other_targets_follow_their_formulas() {
        let prior = |kind| PriorConfig {
            kind,
            shape: 2.0,
            scale: 0.5,
            ..PriorConfig::default()
        };
        assert!((prior(PriorKind::LogUniform).target_variance(6.0, 11) - 0.5).abs() < 1e-6);
        assert!((prior(PriorKind::InverseGamma).target_variance(5.0, 6) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn strength_waits_and_then_rises() {
        let prior = PriorConfig {
            warmup_epochs: 2.0,
            ramp_epochs: 4.0,
            ..PriorConfig::default()
        };
        assert!(
            prior.ramp(1.9) == 0.0
                && (prior.ramp(4.0) - 0.5).abs() < 1e-6
                && prior.ramp(9.0) >= 1.0
        );
    }
}
