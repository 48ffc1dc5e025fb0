//! The Program of a training step: buffers, operations, schedules, planner and cost counts.
//!
//! A training step is a list of operations on named buffers in three parts: once per batch before
//! the samples (merging cores), once per sample (forward and backward), once per batch after
//! (core gradients, updates). [`compile`] writes it for a network, a schedule and a batch size; the
//! executors run it, and every count shown anywhere is read off it. Removing a rank means compiling
//! a smaller Program.
//!
//! Each layer is a network of tensors: its input, its cores and its output share mode and bond
//! indices. A binary [`Tree`] over input and cores says in which order they are contracted;
//! gradients follow by differentiating the tree, node by node.

mod check;
pub mod code;
mod compile;
mod cost;
mod planner;
mod tree;

pub use compile::{NetworkShape, compile, compile_with_input_gradient};
pub use cost::{Counts, LayerCounts, Liveness};
pub use planner::plan;
pub use tree::Tree;

use serde::{Deserialize, Serialize};

/// Order of the contractions of a training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The published order: right-to-left sweeps, dense `dW` contracted into core gradients.
    Paper,
    /// Right-to-left sweeps, core gradients from stored partials, no dense `dW`.
    Chain,
    /// The order with the fewest multiply-accumulates that a search finds for this batch.
    Planned,
}

/// A buffer of a Program, by its place in [`Program::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// An index of a layer's tensors. Modes and bonds are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Input mode `n_k`.
    In(u8),
    /// Output mode `m_k`.
    Out(u8),
    /// Bond `r_k` between cores k and k + 1.
    Bond(u8),
}

/// One axis of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Which index runs along it.
    pub label: Label,
    /// How many values it takes.
    pub size: usize,
}

/// The class of a tensor, which decides its number format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Cores as the contractions see them.
    Core,
    /// Biases.
    Bias,
    /// Inputs, activations, partial results, merged cores and logits.
    Activation,
    /// Gradients.
    Gradient,
    /// Exact sums over a batch, before they are rounded to a gradient.
    Accumulator,
}

/// How long a buffer's contents last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One copy for the batch.
    Batch,
    /// One copy for each sample in flight.
    Sample,
}

/// A named tensor in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its name, such as `fc1.G2` or `fc1.x*G1G2`.
    pub name: String,
    /// Number of elements (per sample, if it is a sample's).
    pub len: usize,
    /// Class of its numbers.
    pub class: Class,
    /// How long its contents last.
    pub scope: Scope,
}

/// A buffer read or written as a tensor; axes are row-major, slowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// Its axes in memory order; the product of their sizes is the buffer's length.
    pub axes: Vec<Axis>,
}

/// A part of a Program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Once per batch, before the samples.
    Before,
    /// Once per sample.
    Sample,
    /// Once per batch, after the samples.
    After,
}

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// Computes the network's answer.
    Forward,
    /// Computes gradients.
    Backward,
    /// Changes parameters.
    Update,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// `out = 2^-exponent * sum a b` over the indices that `a` and `b` share and `out` lacks; adds
    /// to `out` over the samples of the batch if `accumulate`.
    Contract {
        /// First operand.
        a: View,
        /// Second operand.
        b: View,
        /// Result.
        out: View,
        /// Whether `out` gathers the sum over the batch.
        accumulate: bool,
        /// Constant power-of-two scale of the layer.
        exponent: i32,
    },
    /// `y += bias`, in place.
    Bias {
        /// Activations of a layer.
        y: BufferId,
        /// Its bias.
        bias: BufferId,
    },
    /// `y = max(y, 0)`, in place.
    Relu {
        /// Activations of a layer.
        y: BufferId,
    },
    /// `gradient = 0` where `y <= 0`, in place.
    ReluGradient {
        /// Activations after their `ReLU`.
        y: BufferId,
        /// Their gradient.
        gradient: BufferId,
    },
    /// Softmax over the first `classes` logits, cross-entropy with the label, and the gradient `p - t`
    /// for the target `t = (1 - s) 1[label] + s / classes`; further logits get gradient 0.
    SoftmaxCrossEntropy {
        /// The logits.
        logits: BufferId,
        /// Their gradient.
        gradient: BufferId,
        /// Logits in use.
        classes: usize,
        /// Share of the target that is spread over all classes (label smoothing), of 256.
        smoothing: u8,
    },
    /// Adds a sample's gradient to the sum over the batch (the bias gradient).
    Sum {
        /// A sample's gradient.
        from: BufferId,
        /// The sum.
        out: BufferId,
    },
    /// Rounds the exact sum over the batch to a gradient.
    Finish {
        /// The sum.
        from: BufferId,
        /// The gradient.
        out: BufferId,
    },
    /// Optimiser, prior and pruning of one parameter.
    Update {
        /// Core or bias.
        parameter: BufferId,
        /// Its gradient.
        gradient: BufferId,
    },
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Its name, unique within the Program.
    pub name: String,
    /// What it does.
    pub kind: OpKind,
    /// When it runs.
    pub part: Part,
    /// What it is for.
    pub pass: Pass,
    /// The layer it belongs to, from 0.
    pub layer: usize,
}

/// Buffers of a layer that others need to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerBuffers {
    /// The cores.
    pub cores: Vec<BufferId>,
    /// Gradients of the cores.
    pub core_gradients: Vec<BufferId>,
    /// The bias.
    pub bias: BufferId,
    /// Gradient of the bias.
    pub bias_gradient: BufferId,
    /// Input of the layer.
    pub input: BufferId,
    /// Output of the layer, after `ReLU` if it has one.
    pub output: BufferId,
}

/// A compiled training step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// All operations: before, sample, after, in this order.
    pub ops: Vec<Op>,
    /// Samples per batch.
    pub batch: usize,
    /// Logits in use.
    pub classes: usize,
    /// Where each layer's tensors are.
    pub layers: Vec<LayerBuffers>,
    /// The contraction tree of each layer.
    pub trees: Vec<Tree>,
}

impl Program {
    /// The same step with smoothed labels: `smoothing` of 256 of each target is spread over all classes
    /// (Szegedy et al., 2016). The loss reported stays that of the label.
    #[must_use]
    pub fn with_label_smoothing(mut self, share: u8) -> Self {
        for op in &mut self.ops {
            if let OpKind::SoftmaxCrossEntropy { smoothing, .. } = &mut op.kind {
                *smoothing = share;
            }
        }
        self
    }

    /// A buffer by its id.
    #[must_use]
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0]
    }

    /// Input of the network.
    #[must_use]
    pub fn input(&self) -> BufferId {
        self.layers[0].input
    }

    /// The logits.
    #[must_use]
    pub fn logits(&self) -> BufferId {
        self.layers[self.layers.len() - 1].output
    }

    /// Ranks of each layer's bonds, from the axes of its cores.
    #[must_use]
    pub fn bond_ranks(&self) -> Vec<Vec<usize>> {
        let views = |layer: usize| {
            let ops = self.ops.iter().filter(move |op| op.layer == layer);
            ops.filter_map(|op| match &op.kind {
                OpKind::Contract { a, b, .. } => Some([a, b]),
                _ => None,
            })
            .flatten()
        };
        let rank = |layer: usize, core: BufferId, bond: usize| {
            let view = views(layer).find(|view| view.buffer == core)?;
            let label = Label::Bond(bond as u8);
            let axis = view.axes.iter().find(|axis| axis.label == label)?;
            Some(axis.size)
        };
        let layers = self.layers.iter().enumerate();
        layers
            .map(|(index, layer)| {
                let bonds = 0..layer.cores.len().saturating_sub(1);
                bonds
                    .filter_map(|bond| rank(index, layer.cores[bond], bond))
                    .collect()
            })
            .collect()
    }
}
