//! Softmax cross-entropy in integers, from a table of exponentials.

use crate::exec::{SampleOutcome, arg_max};
use crate::numeric::exact;

/// Bits after the binary point of the table's weights.
const WEIGHT_BITS: i32 = 15;

/// `exp(-d * 2^-frac)` in 16-bit weights for the distances `d` that logits can have.
#[derive(Clone, Debug)]
pub struct Exponentials {
    frac: i32,
    weights: Vec<u32>,
}

impl Exponentials {
    /// The table for logits of `bits` bits (at most 16) with `frac` bits after the point.
    #[must_use]
    pub fn new(bits: u8, frac: i32) -> Self {
        let unit = exact::pow2_f64(-frac);
        // The largest logit's own weight does not depend on the unit, which may be beyond all numbers.
        let weight = |d: usize| match d {
            0 => 1 << WEIGHT_BITS,
            _ => (exact::exp(-(d as f64) * unit) * exact::pow2_f64(WEIGHT_BITS) + 0.5) as u32,
        };
        Self {
            frac,
            weights: (0..1 << bits).map(weight).collect(),
        }
    }

    /// Whether the table is for this binary point.
    pub(super) fn fits(&self, frac: i32) -> bool {
        self.frac == frac
    }

    /// The weight of a logit whose distance to the largest is `distance`: 2^15 for the largest itself.
    ///
    /// # Panics
    /// If the distance is none that logits of the table's width have.
    #[must_use]
    pub fn weight(&self, distance: u32) -> u64 {
        u64::from(self.weights[distance as usize])
    }

    /// A weight's share of the total (not 0) with `bits - 2` bits after the point, rounded to nearest.
    #[must_use]
    pub fn probability(weight: u64, total: u64, bits: u8) -> i16 {
        let one = 1_u64 << (bits - 2);
        ((weight * one * 2 + total) / (total * 2)) as i16
    }

    /// The target for every class but the label's, and for the label's, with `bits - 2` bits after the
    /// point: `smoothing` of 256 is spread over all classes, each class's part rounded to nearest.
    #[must_use]
    pub fn targets(classes: usize, smoothing: u8, bits: u8) -> (i16, i16) {
        let (one, classes) = (1_u64 << (bits - 2), classes as u64);
        let part = ((one * u64::from(smoothing) * 2 + 256 * classes) / (512 * classes)) as i16;
        (part, part + (one as i16 - part * classes as i16))
    }

    /// Probabilities minus the target as gradients with `bits - 2` bits after the point, and the
    /// sample's loss and answer. The target is a label with the share, of 256, of it that is spread
    /// over all classes; each class's part of that share is rounded to nearest.
    pub(super) fn gradient(
        &self,
        logits: &[i16],
        target: Option<(u8, u8)>,
        bits: u8,
        out: &mut [i16],
    ) -> SampleOutcome {
        let answer = arg_max(logits);
        let top = i32::from(logits[answer]);
        let weight = |logit: i16| self.weight((top - i32::from(logit)) as u32);
        let total: u64 = logits.iter().map(|&logit| weight(logit)).sum();
        for (slot, &logit) in out.iter_mut().zip(logits) {
            // The top logit's weight is 2^15, so `total` is not 0.
            *slot = Self::probability(weight(logit), total, bits);
        }
        let mut loss = 0.0;
        if let Some((label, smoothing)) = target {
            let label = usize::from(label);
            let (other, own) = Self::targets(logits.len(), smoothing, bits);
            for (class, slot) in out.iter_mut().enumerate() {
                *slot -= if class == label { own } else { other };
            }
            let distance = f64::from(top - i32::from(logits[label])) * exact::pow2_f64(-self.frac);
            loss = exact::ln(total as f64 * exact::pow2_f64(-WEIGHT_BITS)) + distance;
        }
        SampleOutcome {
            loss,
            answer: answer as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_close_to_the_real_softmax() {
        let table = Exponentials::new(8, 4);
        let logits = [17_i16, -30, 64, 60, 0];
        let mut gradient = [0; 5];
        let outcome = table.gradient(&logits, Some((3, 26)), 16, &mut gradient);
        let real: Vec<f64> = logits
            .iter()
            .map(|&l| (f64::from(l) / 16.0).exp())
            .collect();
        let total: f64 = real.iter().sum();
        for (i, &value) in gradient.iter().enumerate() {
            let target = 26.0 / 256.0 / 5.0 + (1.0 - 26.0 / 256.0) * f64::from(u8::from(i == 3));
            let want = real[i] / total - target;
            // The weights carry 15 bits, the gradient 14.
            assert!((f64::from(value) / 16384.0 - want).abs() < 1e-4, "{i}");
        }
        assert_eq!(outcome.answer, 2);
        assert!((outcome.loss + (real[3] / total).ln()).abs() < 1e-4);
    }
}
