//! A network whose layers are held in a method's form, trained batch by batch.

use super::admm::{Admm, AdmmConfig};
use super::cell::{Cell, Recurrence};
use super::dense::Dense;
use super::knob::Knobs;
use super::operator::{LayerSpec, Method, Moment, Operator, Tensor};
use super::quantise::{self, Grid};
use super::work::{Storage, Work};
use crate::exec::{Batch, SampleOutcome, softmax_cross_entropy};
use crate::kernels;
use crate::numeric::{Seed, Stream};
use crate::tt::TtShape;

/// What a network is built from.
#[derive(Clone)]
pub struct NetworkSpec<'a> {
    /// How the layers' matrices are held.
    pub method: &'static dyn Method,
    /// The method's numbers.
    pub knobs: &'a Knobs,
    /// Whether matrices are trained toward their form first.
    pub admm: Option<AdmmConfig>,
    /// The layers, first to last; of a recurrent network the cell's, then the one that gives the logits.
    pub shapes: &'a [TtShape],
    /// The recurrent cell, of a network that reads images row by row.
    pub cell: Option<Cell>,
    /// Logits in use.
    pub classes: usize,
    /// Widths of weights and of activations in the forward pass; none for `f32`.
    pub bits: Option<(u8, u8)>,
    /// Share of the target, of 256, that is spread over all classes.
    pub smoothing: u8,
    /// Seed of the parameters.
    pub seed: Seed,
}

/// A layer: `y = W x + b`.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub operator: Box<dyn Operator>,
    bias: Tensor,
    bits: Option<u8>,
    seen: Vec<f32>,
}

impl Stage {
    fn new(operator: Box<dyn Operator>, bits: Option<u8>) -> Self {
        let outputs = operator.sides().1;
        let mut stage = Self {
            operator,
            bias: Tensor::new("b", vec![outputs], vec![0.0; outputs]),
            bits,
            seen: Vec::new(),
        };
        stage.see_bias();
        stage
    }

    fn see_bias(&mut self) {
        quantise::seen(&self.bias.values, self.bits, &mut self.seen);
    }

    pub fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        self.operator.forward(x, y);
        for row in y.chunks_exact_mut(self.seen.len()) {
            kernels::add(row, &self.seen);
        }
    }

    pub fn backward(&mut self, x: &[f32], dy: &[f32], dx: Option<&mut [f32]>) {
        self.operator.backward(x, dy, dx);
        for row in dy.chunks_exact(self.seen.len()) {
            kernels::add(&mut self.bias.gradient, row);
        }
    }
}

/// Activations on a grid that covers what was seen in training.
#[derive(Clone, Copy, Debug)]
struct Rounded {
    bits: u8,
    peak: f32,
}

/// A network in training.
#[derive(Clone, Debug)]
pub struct Network {
    stages: Vec<Stage>,
    recurrence: Option<Recurrence>,
    rounded: Vec<Option<Rounded>>,
    classes: usize,
    smoothing: u8,
    /// The input, then what each stage gives, samples x width.
    activations: Vec<Vec<f32>>,
    slopes: [Vec<f32>; 2],
    outcomes: Vec<SampleOutcome>,
}

/// Share of an activation's peak that is kept from one batch to the next.
const PEAK_KEPT: f32 = 0.999;

impl Network {
    /// A freshly drawn network: weights with a standard deviation of `sqrt(2 / inputs)` before a `ReLU`
    /// (He et al., 2015) and `sqrt(1 / inputs)` elsewhere, biases 0 (1 for an LSTM's forget gate).
    #[must_use]
    pub fn new(spec: &NetworkSpec) -> Self {
        let last = spec.shapes.len() - 1;
        let stage = |(index, shape): (usize, &TtShape)| {
            let hidden = index < last && spec.cell.is_none();
            let gain = if hidden { 2.0 } else { 1.0 };
            let layer = LayerSpec {
                shape: shape.clone(),
                deviation: (gain / shape.inputs() as f64).sqrt(),
                bits: spec.bits.map(|(weights, _)| weights),
            };
            let stream = Stream::new(spec.seed, 0, u32::MAX, index as u32);
            // A recurrent network's logits are a small dense layer, whatever holds its gates.
            let operator = if spec.cell.is_some() && index == last {
                Dense.layer(&layer, &Knobs::default(), stream)
            } else if let Some(admm) = spec.admm {
                Box::new(Admm::new(admm, spec.method, &layer, spec.knobs, stream))
            } else {
                spec.method.layer(&layer, spec.knobs, stream)
            };
            Stage::new(operator, spec.bits.map(|(_, activations)| activations))
        };
        let mut stages: Vec<_> = spec.shapes.iter().enumerate().map(stage).collect();
        let rounded = spec.bits.map(|(_, bits)| Rounded { bits, peak: 0.0 });
        let recurrence = spec.cell.map(|cell| {
            let hidden = stages[last].operator.sides().0;
            cell.begin(hidden, &mut stages[0].bias.values);
            stages[0].see_bias();
            Recurrence::new(cell, hidden, spec.bits.map(|(_, bits)| bits))
        });
        Self {
            rounded: vec![rounded; stages.len()],
            activations: vec![Vec::new(); stages.len() + 1],
            recurrence,
            stages,
            classes: spec.classes,
            smoothing: spec.smoothing,
            slopes: [Vec::new(), Vec::new()],
            outcomes: Vec::new(),
        }
    }

    /// Spreads this share of the target, of 256, over all classes from now on.
    pub fn set_smoothing(&mut self, smoothing: u8) {
        self.smoothing = smoothing;
    }

    /// Runs a batch forward and backward: an outcome per sample; the gradients' sums are left in the
    /// tensors.
    pub fn train(&mut self, batch: Batch) -> &[SampleOutcome] {
        self.run(batch, true);
        self.backward();
        &self.outcomes
    }

    /// Runs a batch forward: an outcome per sample, of loss 0 where there are no labels.
    pub fn evaluate(&mut self, batch: Batch) -> &[SampleOutcome] {
        self.run(batch, false);
        &self.outcomes
    }

    /// The logits in use of the last batch's first sample.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        let last = self.activations.last().map_or(&[][..], Vec::as_slice);
        &last[..self.classes.min(last.len())]
    }

    /// Values that one sample of the batch brings in.
    fn inputs(batch: &Batch) -> usize {
        match batch.labels.len() {
            // Without labels a batch is one image.
            0 => batch.pixels.len(),
            samples => batch.pixels.len() / samples,
        }
    }

    fn run(&mut self, batch: Batch, train: bool) {
        let samples = batch.pixels.len() / Self::inputs(&batch).max(1);
        self.activations[0].resize(batch.pixels.len(), 0.0);
        kernels::scaled_bytes(&mut self.activations[0], batch.pixels, 1.0 / 255.0);
        let first = match &mut self.recurrence {
            None => 0,
            Some(recurrence) => {
                let first = recurrence.stages();
                let cell = &mut self.stages[..first];
                let (inputs, later) = self.activations.split_at_mut(first);
                let state = recurrence.forward(cell, &inputs[0], samples);
                later[0].clear();
                later[0].extend_from_slice(state);
                first
            }
        };
        let last = self.stages.len() - 1;
        for (index, stage) in self.stages.iter_mut().enumerate().skip(first) {
            let (before, after) = self.activations.split_at_mut(index + 1);
            let y = &mut after[0];
            y.resize(samples * stage.operator.sides().1, 0.0);
            stage.forward(&before[index], y);
            if index < last {
                kernels::positive(y);
            }
            if let Some(rounded) = &mut self.rounded[index] {
                if train {
                    rounded.peak = (rounded.peak * PEAK_KEPT).max(quantise::peak(y));
                }
                // Before the first step nothing is known of what the grid must cover.
                if rounded.peak > 0.0 {
                    Grid::covering(rounded.bits, rounded.peak).round(y);
                }
            }
        }
        let outputs = self.stages[last].operator.sides().1;
        let gradient = &mut self.slopes[0];
        gradient.clear();
        gradient.resize(samples * outputs, 0.0);
        self.outcomes.clear();
        let rows = self.activations[last + 1].chunks_exact(outputs);
        for (sample, (logits, slots)) in rows.zip(gradient.chunks_exact_mut(outputs)).enumerate() {
            let target = batch
                .labels
                .get(sample)
                .map(|&label| (label, self.smoothing));
            let (logits, slots) = (&logits[..self.classes], &mut slots[..self.classes]);
            self.outcomes
                .push(softmax_cross_entropy(logits, target, slots));
        }
    }

    fn backward(&mut self) {
        let first = self.recurrence.as_ref().map_or(0, Recurrence::stages);
        let [dy, dx] = &mut self.slopes;
        for (index, stage) in self.stages.iter_mut().enumerate().skip(first).rev() {
            let x = &self.activations[index];
            dx.resize(x.len(), 0.0);
            let wanted = index > 0;
            stage.backward(x, dy, wanted.then_some(&mut dx[..]));
            if index > first {
                kernels::where_positive(dx, x);
            }
            std::mem::swap(dx, dy);
        }
        if let Some(recurrence) = &mut self.recurrence {
            let cell = &mut self.stages[..first];
            recurrence.backward(cell, &self.activations[0], dy);
        }
    }

    /// Takes a step by the gradients of a batch of `samples`. `change` turns the mean gradient of tensor
    /// number so-and-so (in the order of [`Self::tensors`]) into what is to be subtracted from it.
    pub fn step(
        &mut self,
        samples: usize,
        moment: Moment,
        mut change: impl FnMut(usize, &mut [f32]),
    ) {
        let scale = 1.0 / samples as f32;
        let mut number = 0;
        for stage in &mut self.stages {
            let operator = &mut stage.operator;
            operator.gather();
            for tensor in operator.tensors_mut() {
                kernels::scale(&mut tensor.gradient, scale);
            }
            operator.regularise();
            for at in 0..operator.tensors().len() {
                let mut gradient = std::mem::take(&mut operator.tensors_mut()[at].gradient);
                change(number, &mut gradient);
                operator.change(at, &gradient);
                gradient.fill(0.0);
                operator.tensors_mut()[at].gradient = gradient;
                number += 1;
            }
            operator.constrain(moment);
            operator.refresh();
            learn(&mut stage.bias, scale, |gradient| change(number, gradient));
            stage.see_bias();
            number += 1;
        }
        if let Some(peepholes) = self.recurrence.as_mut().and_then(Recurrence::peepholes_mut) {
            learn(peepholes, scale, |gradient| change(number, gradient));
        }
    }

    /// All trained tensors with the number of their layer (from 0): layer by layer those of the matrix and
    /// the bias, then the peepholes of a cell that has them.
    pub fn tensors(&self) -> impl Iterator<Item = (usize, &Tensor)> {
        let stages = self.stages.iter().enumerate();
        let tensors = stages.flat_map(|(index, stage)| {
            let tensors = stage.operator.tensors().iter().chain([&stage.bias]);
            tensors.map(move |tensor| (index, tensor))
        });
        tensors.chain(self.peepholes().map(|peepholes| (0, peepholes)))
    }

    /// Those of a cell that has them.
    fn peepholes(&self) -> impl Iterator<Item = &Tensor> {
        let cell = self.recurrence.as_ref();
        cell.and_then(Recurrence::peepholes).into_iter()
    }

    /// What a checkpoint must hold beside the tensors, by layer: masks, peaks of activations.
    #[must_use]
    pub fn state(&self) -> Vec<(usize, Tensor)> {
        let stages = self.stages.iter().zip(&self.rounded).enumerate();
        let state = stages.flat_map(|(index, (stage, rounded))| {
            let peak = rounded.map(|rounded| Tensor::new("peak", vec![1], vec![rounded.peak]));
            let phase = match stage.operator.phase() {
                0 => None,
                phase => Some(Tensor::new("phase", vec![1], vec![phase as f32])),
            };
            let state = stage.operator.state().into_iter().chain(peak).chain(phase);
            state.map(move |tensor| (index, tensor))
        });
        state.collect()
    }

    /// Takes over the values of tensors and state of another network of this kind; `find` gives them by
    /// layer and name, in a given shape, or says what is wrong.
    ///
    /// # Errors
    /// The first that `find` gives, or that a layer's state is not its own.
    pub fn restore<E>(
        &mut self,
        mut find: impl FnMut(usize, &Tensor) -> Result<Vec<f32>, E>,
        foreign: impl Fn(usize) -> E,
    ) -> Result<(), E> {
        for (index, (stage, rounded)) in self.stages.iter_mut().zip(&mut self.rounded).enumerate() {
            // A layer in its first form has no phase on record.
            let phase = find(index, &Tensor::new("phase", vec![1], vec![0.0]));
            stage
                .operator
                .enter(phase.map_or(0, |phase| phase[0] as u32));
            let mut state = stage.operator.state();
            for tensor in &mut state {
                tensor.values = find(index, tensor)?;
            }
            if !stage.operator.restore(&state) {
                return Err(foreign(index));
            }
            if let Some(rounded) = rounded {
                rounded.peak = find(index, &Tensor::new("peak", vec![1], vec![0.0]))?[0];
            }
            for tensor in stage.operator.tensors_mut() {
                tensor.values = find(index, tensor)?;
            }
            stage.operator.refresh();
            stage.bias.values = find(index, &stage.bias)?;
            stage.see_bias();
        }
        if let Some(peepholes) = self.recurrence.as_mut().and_then(Recurrence::peepholes_mut) {
            peepholes.values = find(0, peepholes)?;
        }
        Ok(())
    }

    /// Which of its forms each layer is in.
    #[must_use]
    pub fn phases(&self) -> Vec<u32> {
        self.operators().map(Operator::phase).collect()
    }

    /// The layers' matrices.
    pub fn operators(&self) -> impl Iterator<Item = &dyn Operator> {
        self.stages.iter().map(|stage| &*stage.operator)
    }

    /// The network in the form that it has at the end of its run.
    #[must_use]
    pub fn deployed(mut self) -> Self {
        // The whole run in one step reaches everything that is due in it.
        let end = Moment {
            step: 1,
            steps_per_epoch: 1,
            total_steps: 1,
        };
        for stage in &mut self.stages {
            stage.operator.constrain(end);
            stage.operator.refresh();
        }
        self
    }

    /// How many weights are which power of two, of methods that store exponents: exponent and count, from
    /// the largest down.
    #[must_use]
    pub fn exponents(&self) -> Vec<(i32, u64)> {
        let mut sums = std::collections::BTreeMap::new();
        for (exponent, count) in self.operators().flat_map(Operator::exponents) {
            *sums.entry(exponent).or_insert(0) += count;
        }
        sums.into_iter().rev().collect()
    }

    /// Bits of the deployed network: matrices, biases and peepholes.
    #[must_use]
    pub fn storage(&self) -> Storage {
        let matrices = self.operators().map(Operator::storage);
        let vectors = self.stages.iter().map(|stage| Storage {
            values: 0,
            value_bits: stage.bias.values.len() as u64 * u64::from(stage.bits.unwrap_or(32)),
            side_bits: 0,
        });
        let bits = self.stages[0].bits.unwrap_or(32);
        let peepholes = self.peepholes().map(|peepholes| Storage {
            values: 0,
            value_bits: peepholes.values.len() as u64 * u64::from(bits),
            side_bits: 0,
        });
        let all = matrices.chain(vectors).chain(peepholes);
        all.fold(Storage::default(), |sum, one| sum + one)
    }

    /// Numbers kept of one sample between its forward and its backward pass, beside parameters: the input
    /// and what each layer gives; of a cell, over `time_steps`, its input, gates and two vectors more.
    #[must_use]
    pub fn activations(&self, time_steps: u64) -> u64 {
        let recurrent = self.recurrence.as_ref().map_or(0, Recurrence::stages);
        let kept = self.operators().enumerate().map(|(index, operator)| {
            let (inputs, outputs) = operator.sides();
            let (inputs, outputs) = (inputs as u64, outputs as u64);
            if index < recurrent {
                time_steps * (inputs + 2 * outputs)
            } else if index == 0 {
                inputs + outputs
            } else {
                outputs
            }
        });
        kept.sum()
    }

    /// Bits of the same network, dense and in 32-bit float.
    #[must_use]
    pub fn dense_bits(&self) -> u64 {
        let tensors = self.stages.iter().map(|stage| {
            let (inputs, outputs) = stage.operator.sides();
            (inputs + 1) * outputs
        });
        let peepholes = self.peepholes().map(|peepholes| peepholes.values.len());
        32 * tensors.chain(peepholes).sum::<usize>() as u64
    }

    /// The layers' matrices, each with how often it is used in a sample's forward pass: those of a cell in
    /// each of `time_steps`.
    pub fn timed(&self, time_steps: u64) -> impl Iterator<Item = (u64, &dyn Operator)> {
        let recurrent = self.recurrence.as_ref().map_or(0, Recurrence::stages);
        let times = move |index: usize| if index < recurrent { time_steps } else { 1 };
        let operators = self.operators().enumerate();
        operators.map(move |(index, operator)| (times(index), operator))
    }

    /// Operations of the matrices in a sample's forward pass; of a cell, over `time_steps`.
    #[must_use]
    pub fn work(&self, time_steps: u64) -> Work {
        let work = self.timed(time_steps);
        let work = work.map(|(times, operator)| operator.work().times(times));
        work.fold(Work::default(), |sum, one| sum + one)
    }
}

/// Takes a step on a tensor that is its own view.
fn learn(tensor: &mut Tensor, scale: f32, change: impl FnOnce(&mut [f32])) {
    kernels::scale(&mut tensor.gradient, scale);
    change(&mut tensor.gradient);
    kernels::subtract(&mut tensor.values, &tensor.gradient);
    tensor.gradient.fill(0.0);
}
