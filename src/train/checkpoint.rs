//! Checkpoints as safetensors.
//!
//! Tensors are little-endian. Layer `i` (from 1) and core `k` (from 1) give
//!
//! | tensor | type | shape |
//! | --- | --- | --- |
//! | `fc{i}.G{k}` | F32 | `(r, m, n, r')`, the master copy |
//! | `fc{i}.b` | F32 | outputs |
//! | `fc{i}.G{k}.first`, `.second`, `fc{i}.b.first`, `.second` | F32 | as the parameter; moments |
//! | `fc{i}.bond{k}.variance`, `.relevance` | F32 | alive indices |
//! | `fc{i}.bond{k}.alive` | U16 | their places at the start of the run |
//!
//! The metadata entry `railyard` is JSON: the configuration, the step, the epoch's running sums, the
//! shifts and the layers' scale exponents (`W = 2^-exponent` times the product of the cores). A run
//! resumed from a checkpoint gives the same bits as one never stopped. In fixed point a master copy
//! is a multiple of `2^-(bits - 1)`, and the core that the contractions see is that copy rounded to
//! the cores' width.

use serde::{Deserialize, Serialize};

use super::config::{OptimiserKind, RunConfig};
use super::course::{Course, Tally};
use super::error::{TrainError, check_data, check_program, check_size};
use super::model::{Bond, Layer, Model, Parameter};
use super::safetensors::{self, Dtype, Entry, SafeTensors};
use super::trainer::Trainer;
use crate::data::Dataset;
use crate::exec::fixed::Shift;
use crate::json;
use crate::tt::TtShape;

/// Largest checkpoint that is read.
const MAX_BYTES: usize = 512 << 20;

/// Most images of a run that is resumed without them.
const MAX_IMAGES: usize = 1 << 26;

/// What the metadata hold beside the tensors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    pub(super) config: RunConfig,
    pub(super) classes: usize,
    train_images: usize,
    test_images: usize,
    pub(super) step: u64,
    born: u64,
    epochs_evaluated: u32,
    tally_samples: usize,
    tally_loss: f64,
    tally_correct: usize,
    exponents: Vec<i32>,
    ranks: Vec<Vec<usize>>,
    shifts: Vec<(String, Shift)>,
}

pub(super) fn bad(message: impl Into<String>) -> TrainError {
    TrainError::Checkpoint(message.into())
}

impl Entry {
    pub(super) fn floats(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        Self {
            name,
            dtype: Dtype::F32,
            shape,
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// Names of a layer's parameters with their shapes: the cores, then the bias.
pub(super) fn parameter_names(index: usize, shape: &TtShape) -> Vec<(String, Vec<usize>)> {
    let cores = shape
        .core_shapes()
        .enumerate()
        .map(|(k, core)| (format!("fc{}.G{}", index + 1, k + 1), core.to_vec()));
    cores
        .chain([(format!("fc{}.b", index + 1), vec![shape.outputs()])])
        .collect()
}

impl Trainer {
    /// The whole state of the run.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for (index, layer) in self.model.layers.iter().enumerate() {
            for ((name, shape), parameter) in parameter_names(index, &layer.shape)
                .into_iter()
                .zip(&layer.parameters)
            {
                for (suffix, values) in [
                    ("", &parameter.master),
                    (".first", &parameter.moments.first),
                    (".second", &parameter.moments.second),
                ] {
                    if !values.is_empty() {
                        entries.push(Entry::floats(
                            format!("{name}{suffix}"),
                            shape.clone(),
                            values,
                        ));
                    }
                }
            }
            for (k, bond) in layer.bonds.iter().enumerate() {
                let (name, rank) = (
                    format!("fc{}.bond{}", index + 1, k + 1),
                    vec![bond.alive.len()],
                );
                entries.push(Entry::floats(
                    format!("{name}.variance"),
                    rank.clone(),
                    &bond.variances,
                ));
                entries.push(Entry::floats(
                    format!("{name}.relevance"),
                    rank.clone(),
                    &bond.relevance,
                ));
                let bytes = bond.alive.iter().flat_map(|v| v.to_le_bytes()).collect();
                entries.push(Entry {
                    name: format!("{name}.alive"),
                    dtype: Dtype::U16,
                    shape: rank,
                    bytes,
                });
            }
        }
        let exponents = self.model.layers.iter().map(|layer| layer.exponent);
        let header = Header {
            born: self.born,
            exponents: exponents.collect(),
            ranks: self.model.ranks(),
            shifts: self.engine.shifts(),
            ..self.course.header()
        };
        header.write(entries)
    }

    /// The configuration of a checkpoint.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn peek(bytes: &[u8]) -> Result<RunConfig, TrainError> {
        Ok(header(bytes)?.config)
    }

    /// Steps that a checkpoint's run had taken.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn peek_step(bytes: &[u8]) -> Result<u64, TrainError> {
        Ok(header(bytes)?.step)
    }

    /// Training and test images that a checkpoint's run was made with.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn peek_images(bytes: &[u8]) -> Result<(usize, usize), TrainError> {
        let header = header(bytes)?;
        Ok((header.train_images, header.test_images))
    }

    /// The configuration and the network of a checkpoint at its ranks, without its data.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn peek_model(bytes: &[u8]) -> Result<(RunConfig, Model), TrainError> {
        let header = header(bytes)?;
        header.config.validate()?;
        check_program(&header.config)?;
        check_classes(&header, &header.config.shapes()?)?;
        let model = read_model(bytes, &header)?;
        Ok((header.config, model))
    }

    /// The run that a checkpoint holds, on the data it was made with.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or the data are of another size.
    pub fn resume(bytes: &[u8], train: Dataset, test: Dataset) -> Result<Self, TrainError> {
        let header = header(bytes)?;
        let config = header.config.clone();
        check_program(&config)?;
        header.check(&train, &test)?;
        let model = read_model(bytes, &header)?;
        let mut trainer = Self::with_model(config, train, test, model);
        trainer.course.stand_at(&header)?;
        trainer.born = header.born;
        trainer.engine.adopt_shifts(&header.shifts);
        Ok(trainer)
    }

    /// The run that a checkpoint holds, its images unseen: whoever has them can tell it the samples of a step.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or images of this size do not fit its network.
    pub(super) fn without_images(
        bytes: &[u8],
        [height, width]: [usize; 2],
    ) -> Result<Self, TrainError> {
        let header = header(bytes)?;
        let set = |images: usize| Dataset {
            labels: vec![0; images.min(MAX_IMAGES)].into(),
            ..no_data(&header, height, width)
        };
        Self::resume(bytes, set(header.train_images), set(header.test_images))
    }

    /// The network that a checkpoint holds, without its data: it answers images of this size by
    /// [`Trainer::predict`] and has nothing left to train.
    ///
    /// # Errors
    /// If the bytes are no checkpoint, or images of this size do not fit its network.
    pub fn answering(bytes: &[u8], height: usize, width: usize) -> Result<Self, TrainError> {
        let header = header(bytes)?;
        let config = header.config.clone();
        config.validate()?;
        check_program(&config)?;
        let shapes = config.shapes()?;
        check_size(&config, &shapes, height, width)?;
        check_classes(&header, &shapes)?;
        let model = read_model(bytes, &header)?;
        let none = no_data(&header, height, width);
        let mut trainer = Self::with_model(config, none.clone(), none, model);
        trainer.course.step = header.step;
        trainer.born = header.born.min(header.step);
        trainer.course.epochs_evaluated = trainer.course.config.epochs;
        trainer.engine.adopt_shifts(&header.shifts);
        Ok(trainer)
    }
}

/// Data without a single image.
pub(super) fn no_data(header: &Header, height: usize, width: usize) -> Dataset {
    Dataset {
        images: [].into(),
        labels: [].into(),
        height,
        width,
        classes: header.classes,
    }
}

impl Header {
    /// The file of these tensors.
    pub(super) fn write(&self, entries: Vec<Entry>) -> Vec<u8> {
        safetensors::write(entries, ("railyard", json::write(self)))
    }

    /// Whether the configuration is valid and the data are those it was made on.
    pub(super) fn check(&self, train: &Dataset, test: &Dataset) -> Result<(), TrainError> {
        let config = &self.config;
        config.validate()?;
        check_data(config, &config.shapes()?, train, test)?;
        if (train.len(), test.len(), train.classes)
            != (self.train_images, self.test_images, self.classes)
        {
            return Err(bad(format!(
                "the checkpoint was made on {} training and {} test images of {} classes, these are {}, {} and {}",
                self.train_images,
                self.test_images,
                self.classes,
                train.len(),
                test.len(),
                train.classes
            )));
        }
        Ok(())
    }
}

impl Course {
    /// Where the run stands.
    pub(super) fn header(&self) -> Header {
        Header {
            version: 1,
            config: self.config.clone(),
            classes: self.train.classes,
            train_images: self.train.len(),
            test_images: self.test.len(),
            step: self.step,
            born: 0,
            epochs_evaluated: self.epochs_evaluated,
            tally_samples: self.tally.samples,
            tally_loss: self.tally.loss,
            tally_correct: self.tally.correct,
            exponents: Vec::new(),
            ranks: Vec::new(),
            shifts: Vec::new(),
        }
    }

    /// Stands where a checkpoint's run stood.
    pub(super) fn stand_at(&mut self, header: &Header) -> Result<(), TrainError> {
        let steps = self.total_steps();
        let evaluated = u64::from(header.epochs_evaluated) * self.steps_per_epoch();
        if header.born > header.step
            || header.step > steps
            || evaluated > header.step
            || header.step - evaluated > self.steps_per_epoch()
        {
            return Err(bad(format!(
                "step {} does not lie in a run of {steps} steps",
                header.step
            )));
        }
        self.step = header.step;
        self.epochs_evaluated = header.epochs_evaluated;
        self.tally = Tally {
            samples: header.tally_samples,
            loss: header.tally_loss,
            correct: header.tally_correct,
        };
        Ok(())
    }
}

pub(super) fn check_classes(header: &Header, shapes: &[TtShape]) -> Result<(), TrainError> {
    let most = shapes.last().map_or(0, TtShape::outputs).min(256);
    if header.classes == 0 || header.classes > most {
        return Err(bad(format!(
            "the checkpoint has {} classes; 1 to {most} are accepted",
            header.classes
        )));
    }
    Ok(())
}

fn read_model(bytes: &[u8], header: &Header) -> Result<Model, TrainError> {
    let tensors = open(bytes)?;
    let full = header.config.shapes()?;
    if header.ranks.len() != full.len() || header.exponents.len() != full.len() {
        return Err(bad(
            "the checkpoint's ranks and scales do not fit its layers",
        ));
    }
    let fresh = Model::new(&header.config, full, header.classes);
    let mut layers = Vec::new();
    for (index, layer) in fresh.layers.into_iter().enumerate() {
        layers.push(read_layer(
            &tensors,
            index,
            &layer,
            &header.ranks[index],
            header.exponents[index],
            &header.config,
        )?);
    }
    Ok(Model {
        layers,
        classes: header.classes,
    })
}

pub(super) fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, TrainError> {
    if bytes.len() > MAX_BYTES {
        return Err(bad(
            "the file is larger than 512 MiB; a railyard checkpoint is a safetensors file below that",
        ));
    }
    SafeTensors::read(bytes).map_err(|error| {
        bad(format!(
            "this is not a safetensors file ({error}); a checkpoint saved by railyard is accepted"
        ))
    })
}

pub(super) fn header(bytes: &[u8]) -> Result<Header, TrainError> {
    let file = open(bytes)?;
    let text = file.metadata("railyard").ok_or_else(|| {
        bad("this safetensors file has no `railyard` metadata; a checkpoint saved by railyard is accepted")
    })?;
    let header: Header = json::read(text.as_bytes()).map_err(|error| {
        bad(format!(
            "the checkpoint's `railyard` metadata cannot be read: {error}"
        ))
    })?;
    if header.version != 1 {
        return Err(bad(format!(
            "the checkpoint is of version {}; version 1 is accepted",
            header.version
        )));
    }
    Ok(header)
}

pub(super) fn floats(
    tensors: &SafeTensors,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, TrainError> {
    let bytes = tensors.tensor(name, Dtype::F32, shape).map_err(bad)?;
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(bad(format!(
            "tensor {name} holds a value that is not a finite number"
        )));
    }
    Ok(values)
}

fn read_layer(
    tensors: &SafeTensors,
    index: usize,
    fresh: &Layer,
    ranks: &[usize],
    exponent: i32,
    config: &RunConfig,
) -> Result<Layer, TrainError> {
    let full = fresh.shape.ranks();
    if ranks.len() != full.len() || ranks.iter().zip(full).any(|(now, start)| now > start) {
        return Err(bad(format!(
            "layer {} has ranks {ranks:?}, more than its configuration's {full:?}",
            index + 1
        )));
    }
    if !(-64..=64).contains(&exponent) {
        return Err(bad(format!(
            "layer {} has scale exponent {exponent}; -64 to 64 is accepted",
            index + 1
        )));
    }
    let shape = fresh
        .shape
        .with_ranks(ranks.to_vec())
        .map_err(|error| bad(error.to_string()))?;
    let mut parameters = Vec::new();
    for ((name, dims), fresh) in parameter_names(index, &shape)
        .into_iter()
        .zip(&fresh.parameters)
    {
        let mut master = floats(tensors, &name, &dims)?;
        if let Some(grid) = fresh.grid {
            // A file made elsewhere may lie off the grid; one of ours is not changed by this.
            grid.place(&mut master);
        }
        let first = floats(tensors, &format!("{name}.first"), &dims)?;
        let second = match config.optimiser.kind {
            OptimiserKind::Adam => floats(tensors, &format!("{name}.second"), &dims)?,
            OptimiserKind::Sgd => Vec::new(),
        };
        parameters.push(Parameter {
            master,
            moments: super::optimiser::Moments { first, second },
            grid: fresh.grid,
        });
    }
    let mut bonds = Vec::new();
    for (k, (&rank, &start)) in ranks.iter().zip(full).enumerate() {
        let name = format!("fc{}.bond{}", index + 1, k + 1);
        let bytes = tensors
            .tensor(&format!("{name}.alive"), Dtype::U16, &[rank])
            .map_err(bad)?;
        let alive: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .collect();
        if alive.iter().any(|&place| usize::from(place) >= start)
            || alive.windows(2).any(|pair| pair[0] >= pair[1])
        {
            return Err(bad(format!(
                "{name} lists alive indices that are not ascending below {start}"
            )));
        }
        bonds.push(Bond {
            initial_rank: start,
            alive,
            variances: floats(tensors, &format!("{name}.variance"), &[rank])?,
            relevance: floats(tensors, &format!("{name}.relevance"), &[rank])?,
        });
    }
    Ok(Layer {
        shape,
        exponent,
        parameters,
        bonds,
    })
}
