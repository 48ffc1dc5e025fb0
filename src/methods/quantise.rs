//! Fixed-point grids for weights and activations in the forward pass.

use crate::numeric::exact;

/// A grid of `bits` bits, both signs, whose largest magnitude covers the values put on it: the step is
/// a power of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Width in bits, 2 to 16.
    pub bits: u8,
    /// The step is `2^exponent`.
    pub exponent: i32,
}

impl Grid {
    /// The finest grid of `bits` bits on which nothing of magnitude up to `peak` saturates.
    #[must_use]
    pub fn covering(bits: u8, peak: f32) -> Self {
        let most = Self { bits, exponent: 0 }.most();
        let mut exponent = -40;
        while exponent < 40 && most as f32 * exact::pow2(exponent) < peak {
            exponent += 1;
        }
        Self { bits, exponent }
    }

    /// The largest integer.
    #[must_use]
    pub fn most(self) -> i32 {
        (1 << (self.bits - 1)) - 1
    }

    /// The step between neighbours.
    #[must_use]
    pub fn step(self) -> f32 {
        exact::pow2(self.exponent)
    }

    /// The nearest integer of a value; saturates.
    #[must_use]
    pub fn integer(self, value: f32) -> i32 {
        let most = self.most() as f32;
        ((value / self.step() + 0.5).floor().clamp(-most, most)) as i32
    }

    /// Puts values on their nearest points.
    pub fn round(self, values: &mut [f32]) {
        let (step, most) = (self.step(), self.most() as f32);
        let scale = 1.0 / step;
        crate::kernels::vectorised(
            #[inline(always)]
            || {
                for value in values.iter_mut() {
                    *value = (*value * scale + 0.5).floor().clamp(-most, most) * step;
                }
            },
        );
    }
}

/// The largest magnitude of some values.
#[must_use]
pub fn peak(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |peak, value| peak.max(value.abs()))
}

/// Copies values to `out`, rounded to the grid of `bits` bits that covers them, or as they are.
pub fn seen(values: &[f32], bits: Option<u8>, out: &mut Vec<f32>) {
    out.clear();
    out.extend_from_slice(values);
    if let Some(bits) = bits {
        Grid::covering(bits, peak(values)).round(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_covers_its_peak_with_the_finest_step() {
        for bits in 2..=16 {
            for peak in [1e-6, 0.1, 0.5, 0.9999, 1.0, 3.7, 1000.0] {
                let grid = Grid::covering(bits, peak);
                assert!(grid.most() as f32 * grid.step() >= peak);
                assert!(
                    (grid.most() as f32) * grid.step() * 0.5 < peak,
                    "{bits} {peak}"
                );
                let mut value = [peak * 0.77, -peak];
                grid.round(&mut value);
                for (rounded, exact) in value.into_iter().zip([peak * 0.77, -peak]) {
                    assert!((rounded - exact).abs() <= grid.step() / 2.0);
                    assert_eq!(grid.integer(exact), (rounded / grid.step()) as i32);
                }
            }
        }
    }
}
