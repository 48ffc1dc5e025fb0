//! Checkpoints of networks held by a method, as safetensors.
//!
//! Layer `i` (from 1) gives each of its trained tensors as `fc{i}.{name}` with its moments `.first` and
//! `.second` and the step `.born` at which they began, and whatever its method must keep beside them (masks, peaks of activations) under its own
//! name, all F32. The metadata are those of every checkpoint.

use super::checkpoint::{bad, check_classes, floats, header, no_data, open};
use super::config::OptimiserKind;
use super::error::{TrainError, check_size};
use super::method::{Memory, MethodTrainer};
use super::optimiser::Moments;
use super::safetensors::Entry;
use crate::data::Dataset;
use crate::methods::Tensor;

fn name(layer: usize, tensor: &Tensor) -> String {
    format!("fc{}.{}", layer + 1, tensor.name)
}

impl MethodTrainer {
    /// The whole state of the run.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for (number, (layer, tensor)) in self.network.tensors().enumerate() {
            let name = name(layer, tensor);
            let mut keep = |suffix: &str, shape: &[usize], values: &[f32]| {
                entries.push(Entry::floats(
                    format!("{name}{suffix}"),
                    shape.to_vec(),
                    values,
                ));
            };
            keep("", &tensor.shape, &tensor.values);
            // Moments of another length belong to a tensor that has been replaced.
            let own = |memory: &&Memory| memory.moments.first.len() == tensor.values.len();
            if let Some(memory) = self.memories.get(number).filter(own) {
                keep(".first", &tensor.shape, &memory.moments.first);
                if !memory.moments.second.is_empty() {
                    keep(".second", &tensor.shape, &memory.moments.second);
                }
                keep(".born", &[1], &[memory.born as f32]);
            }
        }
        for (layer, tensor) in self.network.state() {
            let name = name(layer, &tensor);
            entries.push(Entry::floats(name, tensor.shape, &tensor.values));
        }
        self.course.header().write(entries)
    }

    /// Takes parameters, moments and state out of a checkpoint.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TrainError> {
        let file = open(bytes)?;
        let find =
            |layer: usize, tensor: &Tensor| floats(&file, &name(layer, tensor), &tensor.shape);
        let foreign = |layer| {
            bad(format!(
                "the state of layer {} is not its method's",
                layer + 1
            ))
        };
        self.network.restore(find, foreign)?;
        let kind = self.course.config.optimiser.kind;
        let memories = self.network.tensors().map(|(layer, tensor)| {
            let own = |suffix: &str| {
                floats(
                    &file,
                    &format!("{}{suffix}", name(layer, tensor)),
                    &tensor.shape,
                )
            };
            // Before the first step there are none.
            let Ok(first) = own(".first") else {
                return Ok(Memory::default());
            };
            let second = match kind {
                OptimiserKind::Adam => own(".second")?,
                OptimiserKind::Sgd => Vec::new(),
            };
            let born = floats(&file, &format!("{}.born", name(layer, tensor)), &[1])?;
            Ok(Memory {
                moments: Moments { first, second },
                born: born[0] as u64,
            })
        });
        self.memories = memories.collect::<Result<_, TrainError>>()?;
        Ok(())
    }

    /// The run that a checkpoint holds, on the data it was made with.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or the data are of another size.
    pub fn resume(bytes: &[u8], train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        let header = header(bytes)?;
        header.check(&train, &test)?;
        let mut trainer = Self::fresh(header.config.clone(), train, test)?;
        trainer.take(bytes)?;
        trainer.course.stand_at(&header)?;
        Ok(trainer)
    }

    /// The network that a checkpoint holds, without its data: it answers images of this size by
    /// [`MethodTrainer::predict`] and has nothing left to train.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or images of this size do not fit its network.
    pub fn answering(bytes: &[u8], height: usize, width: usize) -> Result<Self, TrainError> {
        let header = header(bytes)?;
        let config = header.config.clone();
        config.validate()?;
        let shapes = config.shapes()?;
        check_size(&config, &shapes, height, width)?;
        check_classes(&header, &shapes)?;
        let none = no_data(&header, height, width);
        let mut trainer = Self::fresh(config, none.clone(), none)?;
        trainer.take(bytes)?;
        trainer.course.step = header.step;
        trainer.course.epochs_evaluated = trainer.course.config.epochs;
        Ok(trainer)
    }
}
