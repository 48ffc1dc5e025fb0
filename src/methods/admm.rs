//! Training toward a constraint by the alternating direction method of multipliers (Boyd et al., 2011), as
//! E-RNN (HPCA 2019) does: usable with whatever form has a nearest matrix.
//!
//! At first `W` is dense and the loss is `f(W) + rho/2 |W - Z + U|^2`, where `Z` has the method's form.
//! Once an epoch `Z` becomes the matrix of that form nearest to `W + U`, `U` grows by `W - Z`, and `rho` by a
//! factor. After a share of the run `W` is replaced by the nearest matrix in the method's form, which is
//! then trained as such.

use serde::{Deserialize, Serialize};

use super::dense::Dense;
use super::knob::{Accepted, Knobs};
use super::operator::{LayerSpec, Method, Moment, Operator, Tensor};
use super::work::{Storage, Unit, Work};
use crate::numeric::Stream;

/// Settings of the procedure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmmConfig {
    /// Share of the run after which `W` takes the method's form, 0.1 to 0.9.
    pub share: f32,
    /// Weight of the penalty at the start, 1e-6 to 1.
    pub rho: f32,
    /// What the weight is multiplied by at each update of `Z`, 1 to 10.
    pub growth: f32,
    /// Share of the run's rate at which the dense matrix learns, 0.01 to 1: where many entries share a
    /// value, as in circulant blocks, a rate that suits the form is too high for a dense matrix.
    pub rate: f32,
}

impl Default for AdmmConfig {
    fn default() -> Self {
        Self {
            share: 0.6,
            rho: 1e-3,
            growth: 1.5,
            rate: 0.4,
        }
    }
}

impl AdmmConfig {
    /// The first field that is not accepted, with what is.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let fields = [
            ("share", self.share, Accepted::Between(0.1, 0.9)),
            ("rho", self.rho, Accepted::Between(1e-6, 1.0)),
            ("growth", self.growth, Accepted::Between(1.0, 10.0)),
            ("rate", self.rate, Accepted::Between(0.01, 1.0)),
        ];
        let wrong = |(_, value, accepted): &(_, f32, Accepted)| !accepted.holds(*value);
        let (name, value, accepted) = fields.into_iter().find(wrong)?;
        Some((name, format!("{value} is not accepted; choose {accepted}")))
    }
}

/// A layer under the procedure.
#[derive(Clone)]
pub(super) struct Admm {
    config: AdmmConfig,
    method: &'static dyn Method,
    spec: LayerSpec,
    knobs: Knobs,
    /// The dense matrix, or after the share of the run the method's.
    inner: Box<dyn Operator>,
    constrained: bool,
    /// `Z`, `U` and `rho`; the first two empty once the matrix has its form.
    target: Tensor,
    dual: Tensor,
    rho: f32,
}

impl std::fmt::Debug for Admm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admm")
            .field("method", &self.method.name())
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl Admm {
    /// A fresh layer, dense at first, and at first a matrix of the form: a dense one drawn at random would
    /// lose most of itself when it takes the form (of circulant blocks of k, all but a k-th of its squared
    /// norm).
    pub fn new(
        config: AdmmConfig,
        method: &'static dyn Method,
        spec: &LayerSpec,
        knobs: &Knobs,
        stream: Stream,
    ) -> Self {
        let free = LayerSpec {
            bits: None,
            ..spec.clone()
        };
        let mut inner = Dense.layer(&free, &Knobs::default(), stream);
        inner.tensors_mut()[0].values = method.layer(&free, knobs, stream).weights();
        inner.refresh();
        let shape = inner.tensors()[0].shape.clone();
        let mut layer = Self {
            config,
            method,
            spec: spec.clone(),
            knobs: knobs.clone(),
            constrained: false,
            target: Tensor::new("Z", shape.clone(), inner.weights()),
            dual: Tensor::new("U", shape, vec![0.0; inner.tensors()[0].values.len()]),
            rho: config.rho,
            inner,
        };
        layer.project();
        layer
    }

    fn nearest(&self, weights: &[f32]) -> Box<dyn Operator> {
        self.method.nearest(&self.spec, &self.knobs, weights)
    }

    /// `Z` = the nearest to `W + U`; `U += W - Z`.
    fn project(&mut self) {
        let weights = &self.inner.tensors()[0].values;
        for (dual, weight) in self.dual.values.iter_mut().zip(weights) {
            *dual += weight;
        }
        self.target.values = self.nearest(&self.dual.values).weights();
        crate::kernels::subtract(&mut self.dual.values, &self.target.values);
    }
}

impl Operator for Admm {
    fn sides(&self) -> (usize, usize) {
        self.inner.sides()
    }

    fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        self.inner.forward(x, y);
    }

    fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>) {
        self.inner.backward(x, dy, dx);
    }

    fn gather(&mut self) {
        self.inner.gather();
    }

    fn tensors(&self) -> &[Tensor] {
        self.inner.tensors()
    }

    fn tensors_mut(&mut self) -> &mut [Tensor] {
        self.inner.tensors_mut()
    }

    fn change(&mut self, tensor: usize, change: &[f32]) {
        if self.constrained {
            self.inner.change(tensor, change);
        } else {
            let slower: Vec<f32> = change
                .iter()
                .map(|value| value * self.config.rate)
                .collect();
            self.inner.change(tensor, &slower);
        }
    }

    fn regularise(&mut self) {
        if self.constrained {
            self.inner.regularise();
            return;
        }
        let rho = self.rho;
        let Tensor {
            values, gradient, ..
        } = &mut self.inner.tensors_mut()[0];
        let pulls = self.target.values.iter().zip(&self.dual.values);
        for ((slope, weight), (z, u)) in gradient.iter_mut().zip(values).zip(pulls) {
            *slope += rho * (*weight - z + u);
        }
    }

    fn constrain(&mut self, moment: Moment) {
        if self.constrained {
            self.inner.constrain(moment);
        } else if moment.reaches(self.config.share) {
            self.inner = self.nearest(&self.inner.tensors()[0].values);
            self.constrained = true;
        } else if moment.step.is_multiple_of(moment.steps_per_epoch) {
            self.project();
            self.rho *= self.config.growth;
        }
    }

    fn refresh(&mut self) {
        self.inner.refresh();
    }

    fn phase(&self) -> u32 {
        if self.constrained {
            1 + self.inner.phase()
        } else {
            0
        }
    }

    fn enter(&mut self, phase: u32) {
        if phase > 0 && !self.constrained {
            self.inner = self.nearest(&self.inner.tensors()[0].values);
            self.constrained = true;
        }
        if self.constrained {
            self.inner.enter(phase.saturating_sub(1));
        }
    }

    fn state(&self) -> Vec<Tensor> {
        if self.constrained {
            return self.inner.state();
        }
        let rho = Tensor::new("rho", vec![1], vec![self.rho]);
        vec![self.target.clone(), self.dual.clone(), rho]
    }

    fn restore(&mut self, state: &[Tensor]) -> bool {
        if self.constrained {
            return self.inner.restore(state);
        }
        let [target, dual, rho] = state else {
            return false;
        };
        self.target.values.clone_from(&target.values);
        self.dual.values.clone_from(&dual.values);
        self.rho = rho.values[0];
        true
    }

    fn weights(&self) -> Vec<f32> {
        self.inner.weights()
    }

    fn storage(&self) -> Storage {
        self.inner.storage()
    }

    fn work(&self) -> Work {
        self.inner.work()
    }

    fn units(&self) -> Vec<Unit> {
        self.inner.units()
    }

    fn ranks(&self) -> Vec<usize> {
        self.inner.ranks()
    }

    fn boxed(&self) -> Box<dyn Operator> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tensor_train::TensorTrain;
    use super::*;
    use crate::numeric::Seed;
    use crate::tt::TtShape;

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f32>()
            .sqrt()
    }

    /// With the loss `|W - A|^2 / 2` the procedure draws `W` to the form while it stays near `A`.
    #[test]
    fn the_dense_matrix_is_drawn_to_its_form_and_then_takes_it() {
        let spec = LayerSpec {
            shape: TtShape::new([4, 4], [4, 4], [2]).expect("a shape"),
            deviation: 0.5,
            bits: None,
        };
        let knobs = Knobs::new(TensorTrain.knobs(), []).expect("defaults");
        let config = AdmmConfig {
            share: 0.8,
            rho: 0.05,
            growth: 1.25,
            rate: 1.0,
        };
        let stream = Stream::new(Seed(4), 0, 0, 0);
        let mut layer = Admm::new(config, &TensorTrain, &spec, &knobs, stream);
        let aim = Tensor::normal("A", vec![16, 16], 0.5, Stream::new(Seed(9), 0, 0, 0)).values;
        let away = |layer: &Admm| {
            let weights = layer.weights();
            distance(&weights, &layer.nearest(&weights).weights())
        };
        let mut before = f32::INFINITY;
        for step in 1..=79 {
            let weights = layer.weights();
            for ((slot, weight), aim) in layer.tensors_mut()[0]
                .gradient
                .iter_mut()
                .zip(weights)
                .zip(&aim)
            {
                *slot = weight - aim;
            }
            layer.regularise();
            let change: Vec<f32> = layer.tensors()[0]
                .gradient
                .iter()
                .map(|slope| 0.3 * slope)
                .collect();
            layer.change(0, &change);
            layer.constrain(Moment {
                step,
                steps_per_epoch: 4,
                total_steps: 100,
            });
            layer.refresh();
            if step == 20 {
                before = away(&layer);
            }
        }
        let after = away(&layer);
        assert!(after < 0.2 * before, "{before} to {after}");
        assert_eq!(layer.phase(), 0);
        layer.constrain(Moment {
            step: 80,
            steps_per_epoch: 4,
            total_steps: 100,
        });
        assert_eq!((layer.phase(), layer.ranks()), (1, vec![2]));
        // No other matrix of the form is much nearer to the aim: its own nearest is the best there is.
        let best = distance(&layer.nearest(&aim).weights(), &aim);
        assert!(distance(&layer.weights(), &aim) < 1.25 * best);
    }
}
