//! The sequencer: one operation after another, sample after sample.

use super::super::event::{best, describe, input_name};
use super::super::job::{Job, check, load_sample};
use super::super::machine::{Machine, MachineError};
use super::super::timing::{OpTiming, StepTiming};
use super::memory::{Memory, StoreRule};
use super::plan::Plan;
use super::{Function, Work, run_contract, run_job};
use crate::exec::Batch;
use crate::exec::fixed::{
    Exponentials, FixedExecutor, FixedFormats, StepKey, binary_points, pixel_activation,
};
use crate::kernels::Requantise;
use crate::numeric::Seed;
use crate::program::{BufferId, Class, OpKind, Part, Program};

/// Runs training steps of a Program on a machine, cycle by cycle.
///
/// It computes what the fixed-point executor computes, bit for bit, with shifts that do not change
/// within a step. Parameters stay as they are: an update's reads and writes are timed, its new values
/// come from the trainer between two steps.
#[derive(Clone, Debug)]
pub struct TickEngine {
    program: Program,
    machine: Machine,
    formats: FixedFormats,
    /// What each operation runs as, with a contraction's plan.
    jobs: Vec<(Job, Option<Plan>)>,
    input: Job,
    /// Weight memories, by operation, of what runs once per sample; written by the first sample.
    packed: Vec<Option<Vec<i16>>>,
    /// Activation of each pixel value.
    pixels: Vec<i16>,
    shifts: Vec<i32>,
    frac: Vec<i32>,
    table: Exponentials,
    key: StepKey,
    memory: Memory,
}

impl TickEngine {
    /// An engine whose parameters and shifts are 0. Every operation runs in the way in which the event
    /// engine runs it.
    ///
    /// # Errors
    /// If the machine is none.
    pub fn new(
        program: &Program,
        machine: &Machine,
        formats: FixedFormats,
    ) -> Result<Self, MachineError> {
        check(program, machine)?;
        let jobs = (0..program.ops.len()).map(|op| {
            let job = best(program, op, machine, formats).1;
            let plan = match &job {
                Job::Contract(job) => Some(Plan::new(job, machine)),
                _ => None,
            };
            (job, plan)
        });
        let mut engine = Self {
            jobs: jobs.collect(),
            input: load_sample(program, formats),
            packed: vec![None; program.ops.len()],
            pixels: (0..=255)
                .map(|pixel| pixel_activation(formats.activation, pixel))
                .collect(),
            shifts: vec![],
            frac: vec![],
            table: Exponentials::new(formats.activation, 0),
            key: StepKey {
                seed: Seed(0),
                step: 0,
            },
            memory: Memory::new(program),
            program: program.clone(),
            machine: machine.clone(),
            formats,
        };
        engine.set_shifts(&vec![0; program.ops.len()]);
        Ok(engine)
    }

    /// The Program it runs.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What the memories hold.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Sets a parameter's integers.
    ///
    /// # Panics
    /// If the length differs from the buffer's.
    pub fn set_parameter(&mut self, id: BufferId, values: &[i16]) {
        self.memory.values[id.0].copy_from_slice(values);
    }

    /// Sets the shift of every operation, in the Program's order; binary points follow.
    ///
    /// # Panics
    /// If there are not as many as operations.
    pub fn set_shifts(&mut self, shifts: &[i32]) {
        assert_eq!(shifts.len(), self.program.ops.len());
        self.shifts = shifts.to_vec();
        self.frac = binary_points(&self.program, self.formats, shifts);
        let logits = self.frac[self.program.logits().0];
        self.table = Exponentials::new(self.formats.activation, logits);
    }

    /// Takes over the parameters and shifts of an executor of the same Program as they stand. Training
    /// adapts shifts after its batch: to repeat a batch, take over what was there before it, when every
    /// shift was known, or while [`FixedExecutor::train_watched`] runs.
    ///
    /// # Panics
    /// If the executor runs another Program.
    pub fn adopt(&mut self, executor: &FixedExecutor) {
        for (id, buffer) in self.program.buffers.iter().enumerate() {
            if matches!(buffer.class, Class::Core | Class::Bias) {
                let values = executor.integers(BufferId(id), 0);
                self.memory.values[id].copy_from_slice(values);
            }
        }
        let shifts: Vec<i32> = executor.shifts().iter().map(|shift| shift.shift).collect();
        self.set_shifts(&shifts);
    }

    /// Begins a training step: sums start at 0, random bits come from `key`.
    pub fn begin(&mut self, key: StepKey) {
        self.key = key;
        for sums in &mut self.memory.sums {
            sums.fill(0);
        }
        self.packed.fill(None);
    }

    /// Loads a sample's pixels as activations.
    ///
    /// # Panics
    /// If there are not as many as the network has inputs.
    pub fn load(&mut self, pixels: &[u8]) -> OpTiming {
        let Job::Stream(job) = &self.input else {
            unreachable!("a sample is loaded by a stream");
        };
        assert_eq!(pixels.len(), job.len);
        let values: Vec<i16> = pixels
            .iter()
            .map(|&pixel| self.pixels[usize::from(pixel)])
            .collect();
        let function = Function::Load {
            into: self.program.input(),
            values: &values,
        };
        let work = Work::Stream(job, function);
        let mut timing = run_job(&work, &self.machine, &mut self.memory);
        timing.name = input_name(&self.program);
        timing
    }

    /// Runs one operation on one sample of the batch (0 for what runs once per batch) with its label.
    ///
    /// # Panics
    /// If there is no such operation, or the label is not below the Program's classes.
    pub fn run(&mut self, op: usize, sample: usize, label: Option<u8>) -> OpTiming {
        let (job, plan) = &self.jobs[op];
        let rule = self.rule(op, sample);
        let mut timing = match (job, plan) {
            (Job::Contract(job), Some(plan)) => {
                let weights = &self.memory.values[job.weights.0];
                let fresh = self.packed[op].is_none() && plan.packed;
                if fresh {
                    self.packed[op] = Some(plan.pack(weights));
                }
                let packed = self.packed[op].as_deref();
                run_contract((job, plan), packed, rule, &self.machine, &mut self.memory)
            }
            (Job::Outer(job), _) => {
                run_job(&Work::Outer(job, rule), &self.machine, &mut self.memory)
            }
            (Job::Stream(job), _) => {
                let mut memory = std::mem::take(&mut self.memory);
                let work = Work::Stream(job, self.function(op, rule, label));
                let timing = run_job(&work, &self.machine, &mut memory);
                self.memory = memory;
                timing
            }
            (Job::Contract(_), None) => unreachable!("a contraction has a plan"),
        };
        describe(&mut timing, &self.program, op);
        timing
    }

    /// How an operation's results are stored.
    fn rule(&self, op: usize, sample: usize) -> StoreRule {
        let out = self.program.buffer(self.program.ops[op].writes());
        if out.class == Class::Accumulator {
            return StoreRule::Accumulate;
        }
        StoreRule::Requantise {
            how: Requantise {
                shift: self.shifts[op],
                bits: self.formats.bits(out.class),
                rounding: self.formats.rounding,
            },
            stream: self.key.stream(sample as u32, op),
        }
    }

    /// What the elementwise lanes do in an operation.
    fn function(&self, op: usize, rule: StoreRule, label: Option<u8>) -> Function<'_> {
        match (&self.program.ops[op].kind, rule) {
            (&OpKind::Bias { y, bias }, _) => Function::Bias {
                y,
                bias,
                shift: self.frac[bias.0] - self.frac[y.0],
                bits: self.formats.activation,
            },
            (&OpKind::Relu { y }, _) => Function::Relu { y },
            (&OpKind::ReluGradient { y, gradient }, _) => Function::ReluGradient { y, gradient },
            (
                &OpKind::SoftmaxCrossEntropy {
                    logits,
                    gradient,
                    classes,
                    smoothing,
                },
                _,
            ) => Function::Softmax {
                logits,
                gradient,
                classes,
                target: label.map(|label| (label, smoothing)),
                bits: self.formats.gradient,
                table: &self.table,
            },
            (&OpKind::Sum { from, out }, _) => Function::Sum { from, out },
            (&OpKind::Finish { from, out }, StoreRule::Requantise { how, stream }) => {
                Function::Finish {
                    from,
                    out,
                    how,
                    stream,
                }
            }
            (
                &OpKind::Update {
                    parameter,
                    gradient,
                },
                _,
            ) => Function::Update {
                parameter,
                gradient,
            },
            (OpKind::Finish { .. } | OpKind::Contract { .. }, _) => {
                unreachable!("neither a sum of a sum nor a contraction is a stream")
            }
        }
    }

    /// Runs a whole training step on a batch. After every operation `watch` is given its place in the
    /// Program, the sample (0 for what runs once per batch) and the memories.
    ///
    /// All samples take the same cycles; the timing of the first stands for all.
    ///
    /// # Panics
    /// If there is no whole sample, or a label is not below the Program's classes.
    pub fn train(
        &mut self,
        batch: Batch,
        key: StepKey,
        mut watch: impl FnMut(usize, usize, &Memory),
    ) -> StepTiming {
        self.begin(key);
        let inputs = self.program.buffer(self.program.input()).len;
        let samples = batch.pixels.len() / inputs;
        assert!(samples > 0, "a batch has a sample");
        let before = self.once(Part::Before, &mut watch);
        let own = self.ops(Part::Sample);
        let mut sample_part = Vec::new();
        for (sample, pixels) in batch.pixels.chunks_exact(inputs).enumerate() {
            let label = batch.labels.get(sample).copied();
            let mut timings = vec![self.load(pixels)];
            for &op in &own {
                timings.push(self.run(op, sample, label));
                watch(op, sample, &self.memory);
            }
            if sample == 0 {
                sample_part = timings;
            } else {
                debug_assert_eq!(sample_part, timings, "all samples take the same cycles");
            }
        }
        let after = self.once(Part::After, &mut watch);
        StepTiming {
            machine: self.machine.clone(),
            batch: samples,
            before,
            sample: sample_part,
            after,
        }
    }

    /// The operations of a part.
    fn ops(&self, part: Part) -> Vec<usize> {
        let ops = 0..self.program.ops.len();
        ops.filter(|&op| self.program.ops[op].part == part)
            .collect()
    }

    /// Runs a part that runs once per batch.
    fn once(&mut self, part: Part, watch: &mut impl FnMut(usize, usize, &Memory)) -> Vec<OpTiming> {
        let ops = self.ops(part).into_iter();
        ops.map(|op| {
            let timing = self.run(op, 0, None);
            watch(op, 0, &self.memory);
            timing
        })
        .collect()
    }
}
