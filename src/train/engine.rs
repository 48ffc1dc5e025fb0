//! One face for the two executors.

use super::config::{Precision, RunConfig};
use super::model::Model;
use crate::exec::fixed::{FixedExecutor, FixedFormats, Shift, StepKey};
use crate::exec::float::FloatExecutor;
use crate::exec::{Batch, Margin, SampleOutcome};
use crate::numeric::Storage;
use crate::program::{BufferId, Program};

/// The executor of a run.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    Float(FloatExecutor),
    Fixed(FixedExecutor),
}

/// A fixed-point executor of a model's Program, with its parameters.
#[must_use]
pub fn fixed_executor(formats: FixedFormats, program: Program, model: &Model) -> FixedExecutor {
    let mut executor = FixedExecutor::new(program, formats, 1);
    load_integers(&mut executor, model);
    executor
}

/// Sets all parameters from the master copies, as the contractions see them.
fn load_integers(executor: &mut FixedExecutor, model: &Model) {
    let formats = executor.formats();
    for (index, layer) in model.layers.iter().enumerate() {
        let biases = layer.parameters.len() - 1;
        for (place, parameter) in layer.parameters.iter().enumerate() {
            let id = parameter_buffer(executor.program(), index, place);
            let bias = place == biases;
            parameter.see(bias, formats, executor.parameter_mut(id));
        }
    }
}

/// Buffer of a layer's parameter: its cores, then its bias.
fn parameter_buffer(program: &Program, layer: usize, place: usize) -> BufferId {
    let buffers = &program.layers[layer];
    *buffers.cores.get(place).unwrap_or(&buffers.bias)
}

impl Engine {
    pub fn new(config: &RunConfig, program: Program, threads: usize, margin: Margin) -> Self {
        let storage = match config.precision {
            Precision::Fixed => {
                let formats = config.fixed_formats();
                return Self::Fixed(FixedExecutor::with_margin(
                    program, formats, threads, margin,
                ));
            }
            Precision::Float => Storage::F32,
            Precision::Bf16 => Storage::Bf16,
            Precision::F16 => Storage::F16,
        };
        Self::Float(FloatExecutor::with_margin(
            program, storage, threads, margin,
        ))
    }

    pub fn program(&self) -> &Program {
        match self {
            Self::Float(executor) => executor.program(),
            Self::Fixed(executor) => executor.program(),
        }
    }

    /// Copies all parameters from the master copies, as the contractions see them.
    pub fn load(&mut self, model: &Model) {
        match self {
            Self::Float(executor) => {
                for (index, layer) in model.layers.iter().enumerate() {
                    for (place, parameter) in layer.parameters.iter().enumerate() {
                        let id = parameter_buffer(executor.program(), index, place);
                        executor.set_parameter(id, &parameter.master);
                    }
                }
            }
            Self::Fixed(executor) => load_integers(executor, model),
        }
    }

    pub fn train(&mut self, batch: Batch, key: StepKey) -> Vec<SampleOutcome> {
        match self {
            Self::Float(executor) => executor.train(batch),
            Self::Fixed(executor) => executor.train(batch, key),
        }
    }

    pub fn evaluate(&mut self, batch: Batch) -> Vec<SampleOutcome> {
        match self {
            Self::Float(executor) => executor.evaluate(batch),
            Self::Fixed(executor) => executor.evaluate(batch),
        }
    }

    pub fn gradient(&self, id: BufferId, out: &mut [f32]) {
        match self {
            Self::Float(executor) => executor.gradient(id, out),
            Self::Fixed(executor) => executor.gradient(id, out),
        }
    }

    pub fn logits(&self) -> Vec<f32> {
        match self {
            Self::Float(executor) => executor.logits().to_vec(),
            Self::Fixed(executor) => executor.logits(0),
        }
    }

    /// Shifts by operation name; none in floating point.
    pub fn shifts(&self) -> Vec<(String, Shift)> {
        match self {
            Self::Float(_) => Vec::new(),
            Self::Fixed(executor) => {
                let names = executor.program().ops.iter().map(|op| op.name.clone());
                names.zip(executor.shifts().iter().copied()).collect()
            }
        }
    }

    pub fn adopt_shifts(&mut self, shifts: &[(String, Shift)]) {
        if let Self::Fixed(executor) = self {
            executor.adopt_shifts(|name| {
                shifts
                    .iter()
                    .find(|(other, _)| other == name)
                    .map(|(_, shift)| *shift)
            });
        }
    }
}
