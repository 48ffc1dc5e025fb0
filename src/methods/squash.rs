//! The functions of a recurrent cell's gates, over slices, with their slopes.
#![expect(
    clippy::inline_always,
    reason = "a loop must be compiled with its caller's target features"
)]

use serde::{Deserialize, Serialize};

use crate::kernels::vectorised;

/// The functions of the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Squash {
    /// Sigmoid and tanh.
    Smooth,
    /// The four straight lines on each side of Amin, Curtis and Hayes-Gill (1997), whose slopes are powers
    /// of two, each up to where it meets the next: within 0.019 of the sigmoid; tanh as `2 s(2x) - 1`.
    Pieces,
}

/// `e^x` for `x <= 0` within a millionth of itself: a power of two times the series' first terms.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.max(-87.0);
    let whole = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let rest = (x - whole * 0.693_359_4) + whole * 2.121_944e-4;
    let tail = 0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0 + rest / 720.0)));
    let part = 1.0 + rest + rest * rest * tail;
    part * f32::from_bits(((whole as i32 + 127) << 23) as u32)
}

#[inline(always)]
fn smooth(x: f32) -> f32 {
    let small = exp(-x.abs());
    let high = 1.0 / (1.0 + small);
    if x < 0.0 { small * high } else { high }
}

#[inline(always)]
fn pieces(x: f32) -> f32 {
    let size = x.abs();
    let high = (0.25 * size + 0.5)
        .min(0.125 * size + 0.625)
        .min(0.031_25 * size + 0.843_75)
        .min(1.0);
    if x < 0.0 { 1.0 - high } else { high }
}

impl Squash {
    /// The sigmoid of each value.
    pub(super) fn sigmoid(self, values: &mut [f32]) {
        vectorised(
            #[inline(always)]
            || match self {
                Self::Smooth => values.iter_mut().for_each(|x| *x = smooth(*x)),
                Self::Pieces => values.iter_mut().for_each(|x| *x = pieces(*x)),
            },
        );
    }

    /// The hyperbolic tangent of each value.
    pub(super) fn tanh(self, values: &mut [f32]) {
        vectorised(
            #[inline(always)]
            || match self {
                Self::Smooth => values
                    .iter_mut()
                    .for_each(|x| *x = 2.0 * smooth(2.0 * *x) - 1.0),
                Self::Pieces => values
                    .iter_mut()
                    .for_each(|x| *x = 2.0 * pieces(2.0 * *x) - 1.0),
            },
        );
    }

    /// The sigmoid's slope where its value is `y`.
    #[inline(always)]
    pub(super) fn sigmoid_slope(self, y: f32) -> f32 {
        match self {
            Self::Smooth => y * (1.0 - y),
            Self::Pieces => {
                let high = y.max(1.0 - y);
                if high < 0.75 {
                    0.25
                } else if high < 11.0 / 12.0 {
                    0.125
                } else if high < 1.0 {
                    0.031_25
                } else {
                    0.0
                }
            }
        }
    }

    /// The slope of tanh where its value is `y`: 4 times the sigmoid's.
    #[inline(always)]
    pub(super) fn tanh_slope(self, y: f32) -> f32 {
        4.0 * self.sigmoid_slope(f32::midpoint(y, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From -10 to 10.
    fn points() -> Vec<f32> {
        (-1000..=1000).map(|at| at as f32 / 100.0).collect()
    }

    #[test]
    fn smooth_functions_are_those_of_f64() {
        let (mut sigmoid, mut tanh) = (points(), points());
        Squash::Smooth.sigmoid(&mut sigmoid);
        Squash::Smooth.tanh(&mut tanh);
        for ((x, s), t) in points().into_iter().zip(sigmoid).zip(tanh) {
            let x = f64::from(x);
            let wanted = 1.0 / (1.0 + (-x).exp());
            assert!(
                (f64::from(s) - wanted).abs() < 1e-6 * wanted.max(1e-3),
                "{x}"
            );
            assert!((f64::from(t) - x.tanh()).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn pieces_are_within_their_published_error() {
        let mut sigmoid = points();
        Squash::Pieces.sigmoid(&mut sigmoid);
        for (x, s) in points().into_iter().zip(sigmoid) {
            let error = f64::from(s) - 1.0 / (1.0 + (-f64::from(x)).exp());
            // 1.89 % at most (Amin, Curtis and Hayes-Gill, 1997).
            assert!(error.abs() < 0.0190, "{x}: {error}");
        }
    }

    #[test]
    fn slopes_are_differences() {
        for squash in [Squash::Smooth, Squash::Pieces] {
            for x in points() {
                let near = [-5.0, -7.0 / 3.0, -1.0, 0.0, 1.0, 7.0 / 3.0, 5.0]
                    .into_iter()
                    .any(|joint: f32| (x - joint).abs() < 0.02 || (2.0 * x - joint).abs() < 0.02);
                if squash == Squash::Pieces && near {
                    continue;
                }
                let mut around = [x - 0.004, x, x + 0.004];
                squash.sigmoid(&mut around);
                let slope = (around[2] - around[0]) / 0.008;
                assert!(
                    (squash.sigmoid_slope(around[1]) - slope).abs() < 1e-3,
                    "{squash:?} {x}"
                );
                let mut around = [x - 0.004, x, x + 0.004];
                squash.tanh(&mut around);
                let slope = (around[2] - around[0]) / 0.008;
                assert!(
                    (squash.tanh_slope(around[1]) - slope).abs() < 2e-3,
                    "{squash:?} {x}"
                );
            }
        }
    }
}
