//! The operations of a training step with their shapes and multiply-accumulates, and what they hold.

use serde::Serialize;

use super::{part, pass};
use crate::program::{BufferId, Counts, OpKind, Program, View};
use crate::train::config::RunConfig;
use crate::train::memory;
use crate::train::metrics::MemoryCategory;
use crate::train::{ConfigError, Model, check_program, step_program};
use crate::tt::TtShape;

/// A training step as it is planned. All numbers are counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Its operations, in order.
    pub operations: Vec<Operation>,
    /// Its layers, first to last.
    pub layers: Vec<LayerPlan>,
    /// All of it.
    pub total: Total,
}

/// An operation of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operation {
    /// Its name, such as `fc1.forward x*G12`.
    pub operation: String,
    /// What it does.
    pub kind: &'static str,
    /// When it runs: before the samples, for each sample, or after them.
    pub part: &'static str,
    /// What it is for: forward, backward or update.
    pub pass: &'static str,
    /// Its layer, from 1.
    pub layer: usize,
    /// Its tensors with the sizes of their axes.
    pub shape: String,
    /// Multiply-accumulates of one run.
    pub macs: u64,
}

/// A layer of the step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerPlan {
    /// The layer, from 1.
    pub layer: usize,
    /// The order of its contractions.
    pub tree: String,
    /// Samples per step.
    pub batch: usize,
    /// Multiply-accumulates per sample, with its share of what runs once per batch.
    pub forward_macs: f64,
    /// The same of gradients.
    pub backward_macs: f64,
    /// Multiply-accumulates per sample and per batch.
    pub forward: Counts,
    /// The same of gradients.
    pub backward: Counts,
}

/// The whole step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Total {
    /// Always true: marks the line among others.
    pub total: bool,
    /// Core entries and biases.
    pub parameters: usize,
    /// Entries of all cores.
    pub core_entries: usize,
    /// Entries of all biases.
    pub biases: usize,
    /// Parameters of the same network with dense matrices.
    pub dense_parameters: u64,
    /// Bits of the parameters at their widths.
    pub parameter_bits: u64,
    /// Bits of the dense network's in 32-bit float.
    pub dense_bits: u64,
    /// The one over the other.
    pub memory_reduction: f64,
    /// Multiply-accumulates of a forward pass per sample.
    pub forward_macs: f64,
    /// Multiply-accumulates of a training step per sample.
    pub training_macs: f64,
    /// Bytes of the training state.
    pub training_bytes: u64,
    /// The training state by category.
    pub training: Vec<MemoryCategory>,
}

/// A freshly drawn network of a configuration.
///
/// # Errors
/// If the configuration is not valid, or a method holds the network.
pub fn fresh(config: &RunConfig) -> Result<Model, ConfigError> {
    config.validate()?;
    check_program(config)?;
    let shapes = config.shapes()?;
    let outputs = shapes.last().map_or(1, TtShape::outputs);
    Ok(Model::new(config, shapes, outputs.min(10)))
}

impl Plan {
    /// The plan of a step at the model's ranks.
    #[must_use]
    pub fn of(config: &RunConfig, model: &Model) -> Self {
        let program = step_program(config, model);
        let training = memory::report(config, model, &program).training;
        let (core_entries, biases) = (model.core_entries(), model.biases());
        let dense_bits = memory::dense_bits(model);
        let parameter_bits = memory::parameter_bits(config, core_entries, biases);
        let operation = |op: &crate::program::Op| Operation {
            operation: op.name.clone(),
            kind: kind(&op.kind),
            part: part(op.part),
            pass: pass(op.pass),
            layer: op.layer + 1,
            shape: shape(&op.kind, &program),
            macs: op.macs(),
        };
        let layer = |(index, counts): (usize, crate::program::LayerCounts)| LayerPlan {
            layer: index + 1,
            tree: program.trees[index].to_string(),
            batch: program.batch,
            forward_macs: counts.forward.amortised(program.batch),
            backward_macs: counts.backward.amortised(program.batch),
            forward: counts.forward,
            backward: counts.backward,
        };
        Self {
            operations: program.ops.iter().map(operation).collect(),
            layers: program
                .counts()
                .into_iter()
                .enumerate()
                .map(layer)
                .collect(),
            total: Total {
                total: true,
                parameters: core_entries + biases,
                core_entries,
                biases,
                dense_parameters: dense_bits / 32,
                parameter_bits,
                dense_bits,
                memory_reduction: dense_bits as f64 / parameter_bits as f64,
                forward_macs: program.forward_macs(),
                training_macs: program.training_macs(),
                training_bytes: training.iter().map(|category| category.bytes).sum(),
                training,
            },
        }
    }
}

fn kind(kind: &OpKind) -> &'static str {
    match kind {
        OpKind::Contract {
            accumulate: true, ..
        } => "contract and sum over the batch",
        OpKind::Contract { .. } => "contract",
        OpKind::Bias { .. } => "bias",
        OpKind::Relu { .. } => "relu",
        OpKind::ReluGradient { .. } => "relu gradient",
        OpKind::SoftmaxCrossEntropy { .. } => "softmax cross-entropy",
        OpKind::Sum { .. } => "sum over the batch",
        OpKind::Finish { .. } => "round",
        OpKind::Update { .. } => "update",
    }
}

/// `a[..] * b[..] -> out[..]` with the sizes of the axes.
fn shape(kind: &OpKind, program: &Program) -> String {
    let sizes = |view: &View| {
        let sizes: Vec<String> = view.axes.iter().map(|axis| axis.size.to_string()).collect();
        format!("{}[{}]", program.buffer(view.buffer).name, sizes.join(","))
    };
    let name = |id: &BufferId| {
        let buffer = program.buffer(*id);
        format!("{}[{}]", buffer.name, buffer.len)
    };
    match kind {
        OpKind::Contract { a, b, out, .. } => {
            format!("{} * {} -> {}", sizes(a), sizes(b), sizes(out))
        }
        OpKind::Bias { y, bias } => format!("{} + {}", name(y), name(bias)),
        OpKind::Relu { y } => name(y),
        OpKind::ReluGradient { y, gradient } => format!("{} where {} > 0", name(gradient), name(y)),
        OpKind::SoftmaxCrossEntropy {
            logits,
            gradient,
            classes,
            ..
        } => {
            format!("{} -> {}, {classes} classes", name(logits), name(gradient))
        }
        OpKind::Sum { from, out } | OpKind::Finish { from, out } => {
            format!("{} -> {}", name(from), name(out))
        }
        OpKind::Update {
            parameter,
            gradient,
        } => format!("{} by {}", name(parameter), name(gradient)),
    }
}
