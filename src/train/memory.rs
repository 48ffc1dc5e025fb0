//! Memory of parameters and of the whole training state, counted from the Program's buffers.

use super::config::{MomentStorage, OptimiserKind, Precision, PriorKind, RunConfig};
use super::metrics::{MemoryCategory, MemoryReport, MemoryStage};
use super::model::Model;
use crate::exec::fixed::sum_bits;
use crate::program::{BufferId, Class, Program, Scope};

/// Widths of the tensor classes in bits under a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Cores as the contractions see them.
    pub core: u64,
    /// Activations and biases.
    pub activation: u64,
    /// Gradients.
    pub gradient: u64,
    /// Master copies beside the cores; 0 where the cores are their own.
    pub master: u64,
}

impl Widths {
    /// The widths of a run.
    #[must_use]
    pub fn of(config: &RunConfig) -> Self {
        let bits = config.bits;
        match config.precision {
            Precision::Float => Self {
                core: 32,
                activation: 32,
                gradient: 32,
                master: 0,
            },
            Precision::Bf16 | Precision::F16 => Self {
                core: 16,
                activation: 16,
                gradient: 16,
                master: 32,
            },
            Precision::Fixed => Self {
                core: bits.core.into(),
                activation: bits.activation.into(),
                gradient: bits.gradient.into(),
                master: bits.master.into(),
            },
        }
    }
}

/// Bits of the deployed parameters: cores and biases at their widths.
#[must_use]
pub fn parameter_bits(config: &RunConfig, core_entries: usize, biases: usize) -> u64 {
    let widths = Widths::of(config);
    widths.core * core_entries as u64 + widths.activation * biases as u64
}

/// Bits of the same network with dense weights and biases in 32-bit float.
#[must_use]
pub fn dense_bits(model: &Model) -> u64 {
    let weights: usize = model
        .layers
        .iter()
        .map(|layer| layer.shape.dense_entries())
        .sum();
    32 * (weights + model.biases()) as u64
}

/// Parameter memory from dense float to what is deployed, and the training state by category.
///
/// The batch is streamed sample by sample: one sample's input, stored partials and scratch count,
/// not the batch's. A sum over the batch counts at the width that its exact value needs; the gradient
/// that it is rounded to takes its place.
#[must_use]
pub fn report(config: &RunConfig, model: &Model, program: &Program) -> MemoryReport {
    let widths = Widths::of(config);
    let (entries, biases) = (model.core_entries() as u64, model.biases() as u64);
    let full = model.initial_entries() as u64;
    let stage = |name: &str, bits: u64| MemoryStage {
        name: name.into(),
        bits,
    };
    let low = |entries: u64| widths.core * entries + widths.activation * biases;
    let stages = vec![
        stage("dense, 32-bit float", dense_bits(model)),
        stage("tensor train, 32-bit float", 32 * (full + biases)),
        stage("tensor train, low precision", low(full)),
        stage("after pruning", low(entries)),
    ];
    let masters = match config.precision {
        Precision::Fixed => widths.master * entries,
        _ => widths.master * (entries + biases),
    };
    let moment_bits = match config.optimiser.moments {
        MomentStorage::F32 => 32,
        MomentStorage::Bf16 => 16,
    };
    let moments = if config.optimiser.kind == OptimiserKind::Adam {
        2
    } else {
        1
    };
    let bonds: u64 = model
        .layers
        .iter()
        .flat_map(|layer| layer.shape.ranks())
        .map(|&rank| rank as u64)
        .sum();
    let prior = if config.prior.kind == PriorKind::None {
        0
    } else {
        2 * 32 * bonds
    };
    let live = program.liveness();
    let is_input = |id: BufferId| id == program.input();
    let width = |id: BufferId| width(program, widths, config.precision, id);
    let bits = |id: BufferId| program.buffer(id).len as u64 * width(id);
    let scope = |id: BufferId| program.buffer(id).scope;
    let parameter = |id: BufferId| matches!(program.buffer(id).class, Class::Core | Class::Bias);
    let kept =
        |span: &&crate::program::Liveness| scope(span.buffer) == Scope::Sample && span.stored;
    let partials = live
        .iter()
        .filter(kept)
        .filter(|span| !is_input(span.buffer))
        .map(|span| bits(span.buffer))
        .sum();
    let gradients = program.peak_bits(
        |span| scope(span.buffer) == Scope::Batch && gradient_class(program, span.buffer),
        width,
    );
    let scratch = program.peak_bits(
        |span| {
            let id = span.buffer;
            let elsewhere = match scope(id) {
                Scope::Batch => parameter(id) || gradient_class(program, id),
                Scope::Sample => is_input(id) || span.stored,
            };
            !elsewhere
        },
        width,
    );
    let category = |name: &str, bits: u64| MemoryCategory {
        name: name.into(),
        bytes: bits.div_ceil(8),
    };
    let training = vec![
        category("parameters", low(entries)),
        category("master copy", masters),
        category("gradients", gradients),
        category("moments", moments * moment_bits * (entries + biases)),
        category("prior", prior),
        category("partials", partials),
        category("batch input", bits(program.input())),
        category("scratch", scratch),
    ];
    MemoryReport { stages, training }
}

fn gradient_class(program: &Program, id: BufferId) -> bool {
    matches!(
        program.buffer(id).class,
        Class::Gradient | Class::Accumulator
    )
}

/// Width of a buffer's elements in bits.
fn width(program: &Program, widths: Widths, precision: Precision, id: BufferId) -> u64 {
    match program.buffer(id).class {
        Class::Core => widths.core,
        Class::Bias | Class::Activation => widths.activation,
        Class::Gradient => widths.gradient,
        Class::Accumulator if precision != Precision::Fixed => 32,
        Class::Accumulator => sum_bits(program, [widths.activation, widths.gradient], id),
    }
}
