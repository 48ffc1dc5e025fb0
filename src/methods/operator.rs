//! A method, and a layer's matrix in its form.

use std::fmt::Debug;

use super::knob::{Knob, Knobs};
use super::work::{Storage, Unit, Work};
use crate::numeric::Stream;
use crate::tt::TtShape;

/// A trained tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name within the layer, such as `W` or `G1`.
    pub name: String,
    /// Its sides, slowest first.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
    /// The loss's derivative, summed over the samples of the batch; as long as `values`.
    pub gradient: Vec<f32>,
}

impl Tensor {
    /// A tensor with these values and no gradient yet.
    ///
    /// # Panics
    /// If there are more or fewer values than the shape says.
    #[must_use]
    pub fn new(name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) -> Self {
        let len: usize = shape.iter().product();
        assert_eq!(values.len(), len, "values of the shape");
        Self {
            name: name.into(),
            shape,
            gradient: vec![0.0; values.len()],
            values,
        }
    }

    /// A tensor of independent normal values, mean 0.
    #[must_use]
    pub fn normal(
        name: impl Into<String>,
        shape: Vec<usize>,
        deviation: f64,
        stream: Stream,
    ) -> Self {
        let len: usize = shape.iter().product();
        let draw = |at| stream.normal(at) * deviation as f32;
        Self::new(name, shape, (0..len as u32).map(draw).collect())
    }
}

/// A layer to be held in a method's form.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Inputs and outputs as modes, and ranks for methods that have them.
    pub shape: TtShape,
    /// Standard deviation of the entries of `W` at the start.
    pub deviation: f64,
    /// Width of weights in the forward pass; none for `f32`.
    pub bits: Option<u8>,
}

impl LayerSpec {
    /// Columns of `W`.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.shape.inputs()
    }

    /// Rows of `W`.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.shape.outputs()
    }

    /// Bits of a stored weight.
    #[must_use]
    pub fn weight_bits(&self) -> u64 {
        self.bits.unwrap_or(32).into()
    }
}

/// Where in a run a step was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Steps taken, this one included.
    pub step: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
}

impl Moment {
    /// Share of the run that is over, 0 to 1.
    #[must_use]
    pub fn share(self) -> f32 {
        (self.step as f64 / self.total_steps.max(1) as f64) as f32
    }

    /// Whether this step is the first with at least this share of the run over.
    #[must_use]
    pub fn reaches(self, share: f32) -> bool {
        let before = Self {
            step: self.step - 1,
            ..self
        };
        self.share() >= share && before.share() < share
    }
}

/// How a form is trained well, beside what the presets say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Highest rate of Adam.
    pub rate: f32,
    /// Whether the rate falls along half a cosine, instead of a line.
    pub cosine: bool,
    /// Samples of a step.
    pub batch: usize,
}

impl Recipe {
    /// Steps of 64 samples at a rate that falls linearly.
    #[must_use]
    pub const fn plain(rate: f32) -> Self {
        Self {
            rate,
            cosine: false,
            batch: 64,
        }
    }
}

/// A figure that a paper states, for its own models, data and machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// What is stated.
    pub claim: &'static str,
    /// For which models, on which data, on what, against what; as far as it is known here.
    pub holds_for: &'static str,
    /// Where.
    pub source: &'static str,
}

/// A way of holding a layer's matrix.
pub trait Method: Debug + Sync {
    /// Its name in configurations, such as `circulant`.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// What can be chosen.
    fn knobs(&self) -> &'static [Knob];

    /// Values of the first knob that stand side by side in a comparison, the first being the one to begin
    /// with; empty where the width of the weights is chosen instead.
    fn settings(&self) -> &'static [f32];

    /// How the form is trained well with Adam, in networks of 784-512-10 and in recurrent ones of 128.
    fn recipe(&self, recurrent: bool) -> Recipe;

    /// What its authors state.
    fn published(&self) -> &'static [Published];

    /// A fresh layer.
    fn layer(&self, spec: &LayerSpec, knobs: &Knobs, stream: Stream) -> Box<dyn Operator>;

    /// The layer of this form nearest to a matrix `weights` (outputs x inputs, row-major) in the
    /// Euclidean norm, or near to it where the nearest is not known.
    fn nearest(&self, spec: &LayerSpec, knobs: &Knobs, weights: &[f32]) -> Box<dyn Operator>;
}

/// A layer's matrix `W` in a method's form.
///
/// Samples lie one after the other: `x` is samples x inputs, `y` samples x outputs, row-major. An operator
/// keeps nothing of a sample from one call to the next, so a recurrent cell may call it for each time step.
pub trait Operator: Debug + Send {
    /// Inputs and outputs.
    fn sides(&self) -> (usize, usize);

    /// `y = W x` for each sample, with the weights as last refreshed.
    fn forward(&mut self, x: &[f32], y: &mut [f32]);

    /// Adds the gradients of the tensors, for the loss's derivative `dy` with respect to `y`, and writes
    /// that with respect to `x` to `dx`, where it is wanted.
    fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>);

    /// Turns what backward passes gathered into gradients of the tensors; called once a batch before the
    /// gradients are read. Operators that add to the gradients at once have nothing to do.
    fn gather(&mut self) {}

    /// The trained tensors.
    fn tensors(&self) -> &[Tensor];

    /// The trained tensors, to be changed. [`Self::refresh`] must follow.
    fn tensors_mut(&mut self) -> &mut [Tensor];

    /// Takes an optimiser's change from tensor number `tensor`.
    fn change(&mut self, tensor: usize, change: &[f32]) {
        crate::kernels::subtract(&mut self.tensors_mut()[tensor].values, change);
    }

    /// What a constraint adds to the mean loss's gradient, once a step after the batch's mean is taken.
    fn regularise(&mut self) {}

    /// Meets the method's constraint after a step: masks, projections, decisions that are due.
    fn constrain(&mut self, _moment: Moment) {}

    /// Computes anew what the forward pass reads, after tensors or state changed.
    fn refresh(&mut self);

    /// Which of its forms the layer is in, from 0, for methods that change it in the middle of a run:
    /// tensors and state are of this form.
    fn phase(&self) -> u32 {
        0
    }

    /// Takes a form, with any values: a checkpoint's tensors and state follow.
    fn enter(&mut self, _phase: u32) {}

    /// What a checkpoint must hold beside the tensors, such as masks.
    fn state(&self) -> Vec<Tensor> {
        Vec::new()
    }

    /// Takes back what [`Self::state`] gave; false if it is not of this layer.
    fn restore(&mut self, _state: &[Tensor]) -> bool {
        true
    }

    /// `W` as the forward pass sees it, outputs x inputs, row-major.
    fn weights(&self) -> Vec<f32>;

    /// Bits of the deployed matrix as it stands.
    fn storage(&self) -> Storage;

    /// Operations of a sample's forward pass as the matrix stands.
    fn work(&self) -> Work;

    /// The units of its hardware, which do this work one after another. One multiplies whole columns of
    /// `W`, where a method does not say otherwise.
    fn units(&self) -> Vec<Unit> {
        vec![Unit {
            name: "products",
            work: self.work(),
            together: self.sides().1 as u64,
        }]
    }

    /// Ranks, for a method that has them.
    fn ranks(&self) -> Vec<usize> {
        Vec::new()
    }

    /// How many weights are which power of two, of a method that stores exponents: exponent and count,
    /// from the largest down.
    fn exponents(&self) -> Vec<(i32, u64)> {
        Vec::new()
    }

    /// A copy.
    fn boxed(&self) -> Box<dyn Operator>;
}

impl Clone for Box<dyn Operator> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}
