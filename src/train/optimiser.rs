//! Adam (Kingma and Ba, 2015) and gradient descent with momentum, on one parameter at a time.
//!
//! Only `+ - * / sqrt` in `f32`, in a fixed order: in fixed point the updates decide bits.

use super::config::{MomentStorage, OptimiserConfig, OptimiserKind};
use crate::kernels::{Adam, vectorised};
use crate::numeric::{Storage, Stream};

/// The moments of one parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean gradient (Adam), or velocity (momentum).
    pub first: Vec<f32>,
    /// Mean squared gradient (Adam); empty for momentum.
    pub second: Vec<f32>,
}

impl Moments {
    /// Zero moments for a parameter of `len` elements.
    #[must_use]
    pub fn new(kind: OptimiserKind, len: usize) -> Self {
        let second = if kind == OptimiserKind::Adam { len } else { 0 };
        Self {
            first: vec![0.0; len],
            second: vec![0.0; second],
        }
    }
}

/// One step of an optimiser: what is the same for every parameter.
#[derive(Clone, Copy, Debug)]
pub struct OptimiserStep {
    config: OptimiserConfig,
    rate: f32,
    first_correction: f32,
    second_correction: f32,
}

impl OptimiserStep {
    /// A step at this rate with these bias corrections.
    #[must_use]
    pub fn new(config: OptimiserConfig, rate: f32, [first, second]: [f32; 2]) -> Self {
        Self {
            config,
            rate,
            first_correction: first,
            second_correction: second,
        }
    }

    /// Turns the gradient of one parameter into the change to be subtracted from it, in place.
    pub fn apply(&self, moments: &mut Moments, gradient: &mut [f32], stream: Stream) {
        self.change(moments, gradient);
        if self.config.moments == MomentStorage::Bf16 {
            let firsts = moments.first.len() as u32;
            vectorised(
                #[inline(always)]
                || {
                    for (values, from) in [(&mut moments.first, 0), (&mut moments.second, firsts)] {
                        for (value, index) in values.iter_mut().zip(from..) {
                            *value = Storage::bf16_stochastic(*value, stream.bits(index));
                        }
                    }
                },
            );
        }
    }

    fn change(&self, moments: &mut Moments, gradient: &mut [f32]) {
        let OptimiserConfig {
            momentum,
            beta2,
            epsilon,
            ..
        } = self.config;
        let Moments { first, second } = moments;
        if self.config.kind == OptimiserKind::Sgd {
            vectorised(
                #[inline(always)]
                || {
                    for (g, m) in gradient.iter_mut().zip(first.iter_mut()) {
                        *m = momentum * *m + *g;
                        *g = self.rate * *m;
                    }
                },
            );
            return;
        }
        let adam = Adam {
            betas: [momentum, beta2],
            corrections: [self.first_correction, self.second_correction],
            rate: self.rate,
            epsilon,
        };
        adam.change(gradient, first, second);
    }
}

#[cfg(test)]
mod tests {
    use super::super::update::corrections;
    use super::*;

    fn run(kind: OptimiserKind, gradients: &[f32], rate: f32) -> f32 {
        let config = OptimiserConfig {
            kind,
            ..OptimiserConfig::default()
        };
        let mut moments = Moments::new(kind, 1);
        let mut weight = 1.0;
        for (step, &gradient) in gradients.iter().enumerate() {
            let mut change = [gradient];
            let corrections = corrections(&config, step as u64);
            OptimiserStep::new(config, rate, corrections).apply(
                &mut moments,
                &mut change,
                Stream::default(),
            );
            weight -= change[0];
        }
        weight
    }

    #[test]
    fn adam_follows_its_definition() {
        // The definition in f64, step by step.
        let gradients = [0.5_f32, -0.25, 1.0, 0.125];
        let (mut m, mut v, mut weight) = (0.0_f64, 0.0_f64, 1.0_f64);
        for (t, &g) in gradients.iter().enumerate() {
            let g = f64::from(g);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (mean, var) = (
                m / (1.0 - 0.9_f64.powi(t as i32 + 1)),
                v / (1.0 - 0.999_f64.powi(t as i32 + 1)),
            );
            weight -= 0.01 * mean / (var.sqrt() + 1e-8);
        }
        assert!((f64::from(run(OptimiserKind::Adam, &gradients, 0.01)) - weight).abs() < 1e-5);
    }

    #[test]
    fn momentum_gathers_velocity() {
        // v: 1, 1.9; weight 1 - 0.1 - 0.19.
        assert!((run(OptimiserKind::Sgd, &[1.0, 1.0], 0.1) - 0.71).abs() < 1e-6);
    }
}
