//! A run whose steps are taken elsewhere, such as on a board: the orders for it, the words of its state
//! that a step changes, and how steps taken elsewhere are taken over. In fixed point only.

use super::adapt;
use super::checkpoint::parameter_names;
use super::config::{OptimiserKind, PriorKind};
use super::course::Tally;
use super::error::TrainError;
use super::metrics::StepMetrics;
use super::model::{Grid, Model, Parameter, checksum};
use super::step::{Order, StepSettings};
use super::trainer::Trainer;
use crate::exec::fixed::Shift;
use crate::numeric::crc::Crc32;

/// A step to be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOrder {
    /// The order.
    pub order: Order,
    /// Its images by their places in the training set.
    pub images: Vec<u32>,
}

/// A step that was taken elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TakenStep {
    /// Sum of the samples' losses in nats.
    pub loss: f64,
    /// Samples answered rightly.
    pub correct: u32,
    /// Samples.
    pub samples: u32,
}

/// The words of one trained tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParameterWords {
    /// Its name, such as `fc1.G2` or `fc1.b`.
    pub name: String,
    /// Its shape: `(r, m, n, r')` of a core, outputs of a bias.
    pub shape: Vec<usize>,
    /// Integers of the master copy.
    pub master: Vec<i16>,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments; empty for gradient descent.
    pub second: Vec<f32>,
}

/// The words of one bond.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BondWords {
    /// Its name, such as `fc1.bond1`.
    pub name: String,
    /// Variance of each index alive.
    pub variances: Vec<f32>,
    /// Relevance of each index alive.
    pub relevance: Vec<f32>,
}

/// Every word of a run's state that a step changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// The parameters: cores and bias, layer after layer.
    pub parameters: Vec<ParameterWords>,
    /// The bonds, layer after layer.
    pub bonds: Vec<BondWords>,
    /// The shift of every operation with its name, in the Program's order.
    pub shifts: Vec<(String, Shift)>,
}

/// Shifts that adapting can reach.
pub const SHIFTS: std::ops::RangeInclusive<i32> = -16..=64;
/// Batches in a row that are counted at most.
pub const MOST_IN_A_ROW: u32 = 8;

/// CRC-32 of master copies: the `i16` words of one parameter after another, little-endian.
#[must_use]
pub fn digest<'a>(parameters: impl IntoIterator<Item = &'a Parameter>) -> u32 {
    let mut sum = Crc32::new();
    for parameter in parameters {
        let bytes: Vec<u8> = parameter
            .integers()
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        sum.update(&bytes);
    }
    sum.sum()
}

/// Whether a shift record is one that adapting can leave.
#[must_use]
pub fn shift_is_sound(shift: &Shift) -> bool {
    SHIFTS.contains(&shift.shift) && shift.high <= MOST_IN_A_ROW && shift.low <= MOST_IN_A_ROW
}

impl Words {
    /// CRC-32 of all master copies, as [`Model::digest`].
    #[must_use]
    pub fn digest(&self) -> u32 {
        let mut sum = Crc32::new();
        for parameter in &self.parameters {
            let words = parameter.master.iter();
            sum.update(
                &words
                    .flat_map(|word| word.to_le_bytes())
                    .collect::<Vec<_>>(),
            );
        }
        sum.sum()
    }
}

impl Words {
    /// Checksum of all parameters, as [`Trainer::checksum`] of a run that holds these words.
    #[must_use]
    pub fn checksum(&self, settings: &StepSettings) -> String {
        let values = self.parameters.iter().flat_map(|parameter| {
            let grid = settings.grid(parameter.shape.len() == 1);
            parameter.master.iter().map(move |&word| grid.value(word))
        });
        format!("{:016x}", checksum(values))
    }
}

impl Parameter {
    /// Integers of the master copy; none in floating point.
    #[must_use]
    pub fn integers(&self) -> Vec<i16> {
        let Some(grid) = self.grid else {
            return Vec::new();
        };
        self.master
            .iter()
            .map(|&value| grid.integer(value))
            .collect()
    }
}

impl Model {
    /// CRC-32 of all master copies: `i16` words, little-endian, parameter after parameter.
    #[must_use]
    pub fn digest(&self) -> u32 {
        digest(self.layers.iter().flat_map(|layer| &layer.parameters))
    }
}

fn bad(message: impl Into<String>) -> TrainError {
    TrainError::Words(message.into())
}

fn finite(name: &str, what: &str, values: &[f32]) -> Result<(), TrainError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(bad(format!(
            "{what} {at} of {name} is not a finite number; the words were not taken over"
        ))),
        None => Ok(()),
    }
}

fn length(name: &str, what: &str, found: usize, wanted: usize) -> Result<(), TrainError> {
    if found == wanted {
        return Ok(());
    }
    Err(bad(format!(
        "{name} has {found} words of {what} where {wanted} are accepted"
    )))
}

/// Whether a master copy's integers lie in its width.
fn in_width(name: &str, grid: Grid, words: &[i16]) -> Result<(), TrainError> {
    let full = 1_i32 << (grid.bits - 1);
    match words
        .iter()
        .find(|&&word| !(-full..full).contains(&i32::from(word)))
    {
        Some(word) => Err(bad(format!(
            "{name} holds {word}, which does not lie in {} bits",
            grid.bits
        ))),
        None => Ok(()),
    }
}

impl Trainer {
    /// What a step needs to know of the run.
    #[must_use]
    pub fn settings(&self) -> StepSettings {
        StepSettings::of(&self.course.config)
    }

    /// Whether [`Self::advance`] evaluates next: an epoch's steps are taken.
    #[must_use]
    pub fn evaluation_due(&self) -> bool {
        !self.course.is_over() && self.course.step >= self.course.epoch_end()
    }

    /// An image of the training set, unpadded, with its label.
    ///
    /// # Panics
    /// If there is no such image.
    #[must_use]
    pub fn train_image(&self, index: u32) -> (&[u8], u8) {
        let index = index as usize;
        (
            self.course.train.image(index),
            self.course.train.labels[index],
        )
    }

    /// Images of the training set.
    #[must_use]
    pub fn train_images(&self) -> usize {
        self.course.train.len()
    }

    /// Rows and columns of an unpadded image.
    #[must_use]
    pub fn image_size(&self) -> [usize; 2] {
        [self.course.train.height, self.course.train.width]
    }

    /// The coming step, taken on a copy up to the decision about ranks, and the words then. The run stays
    /// where it is; [`Self::adopt`] takes the step over. None when an evaluation is due or the run is over.
    #[must_use]
    pub fn rehearse(&self) -> Option<(TakenStep, Words)> {
        if self.course.is_over() || self.evaluation_due() {
            return None;
        }
        let mut copy = self.clone();
        let (batch, _) = copy.take();
        let taken = TakenStep {
            loss: batch.loss,
            correct: batch.correct as u32,
            samples: batch.samples as u32,
        };
        Some((taken, copy.words()))
    }

    /// The coming steps, at most `most`: to the end of the epoch, or to the next step after which the
    /// network changes by the schedule of a target, whichever comes first. None when an evaluation is due
    /// or the run is over. An order that watches may change the network too; whoever takes the steps
    /// stops there.
    #[must_use]
    pub fn orders(&self, most: usize) -> Vec<StepOrder> {
        if self.course.is_over() {
            return Vec::new();
        }
        let last = self
            .course
            .epoch_end()
            .min(self.course.step.saturating_add(most as u64));
        let drawn;
        let epoch = self.course.step / self.steps_per_epoch();
        let images = match &self.course.order {
            (known, images) if *known == epoch => images,
            _ => {
                drawn = self.course.shuffled(epoch);
                &drawn
            }
        };
        let mut orders = Vec::new();
        for step in self.course.step..last {
            orders.push(StepOrder {
                order: self.order_of(step),
                images: images[self.course.places(step)].to_vec(),
            });
            if self.shrinks_after(step) {
                break;
            }
        }
        orders
    }

    /// Whether the network changes after a step by the schedule of a target, at the present ranks.
    fn shrinks_after(&self, step: u64) -> bool {
        self.course.config.prior.kind != PriorKind::None
            && self.born == 0
            && adapt::shrinks(
                &self.course.config,
                &self.model,
                step,
                self.course.epochs_after(step),
            )
    }

    /// Every word of the state that a step changes. In floating point master copies have no words.
    #[must_use]
    pub fn words(&self) -> Words {
        let mut words = Words {
            shifts: self.engine.shifts(),
            ..Words::default()
        };
        for (index, layer) in self.model.layers.iter().enumerate() {
            let names = parameter_names(index, &layer.shape).into_iter();
            for ((name, shape), parameter) in names.zip(&layer.parameters) {
                words.parameters.push(ParameterWords {
                    name,
                    shape,
                    master: parameter.integers(),
                    first: parameter.moments.first.clone(),
                    second: parameter.moments.second.clone(),
                });
            }
            for (k, bond) in layer.bonds.iter().enumerate() {
                words.bonds.push(BondWords {
                    name: format!("fc{}.bond{}", index + 1, k + 1),
                    variances: bond.variances.clone(),
                    relevance: bond.relevance.clone(),
                });
            }
        }
        words
    }

    /// Takes over steps that were taken elsewhere and the state after the last of them, and decides about
    /// ranks as if they had been taken here. On an error nothing has changed.
    ///
    /// # Errors
    /// If the steps are none of those that come next, or a word is none that the run can have.
    pub fn adopt(
        &mut self,
        steps: &[TakenStep],
        words: Words,
    ) -> Result<Vec<StepMetrics>, TrainError> {
        self.check_steps(steps)?;
        self.check_words(&words)?;
        self.set_words(words);
        let mut metrics = Vec::new();
        for taken in steps {
            let batch = Tally {
                samples: taken.samples as usize,
                loss: taken.loss,
                correct: taken.correct as usize,
            };
            let rate = self.order_of(self.course.step).rate;
            metrics.push(self.course.count(&batch, rate));
            self.course.elsewhere += batch.samples;
            self.course.step += 1;
        }
        if let Some(last) = metrics.last_mut() {
            // Ranks are decided within the last step.
            self.course.step -= 1;
            last.pruned = self.adapt_ranks();
            self.course.step += 1;
        }
        self.engine.load(&self.model);
        self.course.epoch_order();
        Ok(metrics)
    }

    fn check_steps(&self, steps: &[TakenStep]) -> Result<(), TrainError> {
        let left = if self.course.is_over() {
            0
        } else {
            self.course.epoch_end().saturating_sub(self.course.step)
        };
        if steps.len() as u64 > left {
            return Err(bad(format!(
                "{} steps were taken where {left} are left of the epoch",
                steps.len()
            )));
        }
        for (step, taken) in (self.course.step..).zip(steps) {
            let wanted = self.course.places(step).len();
            if taken.samples as usize != wanted
                || taken.correct > taken.samples
                || !taken.loss.is_finite()
            {
                return Err(bad(format!(
                    "step {} is reported on {} samples, {} of them right, with a loss of {}; it has {wanted}",
                    step + 1,
                    taken.samples,
                    taken.correct,
                    taken.loss
                )));
            }
            let last = self.course.step + steps.len() as u64 - 1;
            if step < last && self.shrinks_after(step) {
                return Err(bad(format!(
                    "the network changes after step {}, but steps up to {} were taken without that",
                    step + 1,
                    last + 1
                )));
            }
        }
        Ok(())
    }

    fn check_words(&self, words: &Words) -> Result<(), TrainError> {
        let layers = &self.model.layers;
        let adam = self.course.config.optimiser.kind == OptimiserKind::Adam;
        let own = layers.iter().enumerate().flat_map(|(index, layer)| {
            let names = parameter_names(index, &layer.shape).into_iter();
            names.zip(&layer.parameters)
        });
        let bonds: Vec<_> = layers.iter().flat_map(|layer| &layer.bonds).collect();
        let count: usize = layers.iter().map(|layer| layer.parameters.len()).sum();
        length("the network", "parameters", words.parameters.len(), count)?;
        length("the network", "bonds", words.bonds.len(), bonds.len())?;
        for (words, ((name, _), parameter)) in words.parameters.iter().zip(own) {
            let Some(grid) = parameter.grid else {
                return Err(bad(
                    "a run in floating point has no words; choose fixed point",
                ));
            };
            let len = parameter.master.len();
            length(&name, "its master copy", words.master.len(), len)?;
            length(&name, "first moments", words.first.len(), len)?;
            let second = if adam { len } else { 0 };
            length(&name, "second moments", words.second.len(), second)?;
            finite(&name, "first moment", &words.first)?;
            finite(&name, "second moment", &words.second)?;
            in_width(&name, grid, &words.master)?;
        }
        for (words, bond) in words.bonds.iter().zip(bonds) {
            let rank = bond.alive.len();
            length(&words.name, "variances", words.variances.len(), rank)?;
            length(&words.name, "relevance", words.relevance.len(), rank)?;
            finite(&words.name, "variance", &words.variances)?;
            finite(&words.name, "relevance", &words.relevance)?;
        }
        let ops = &self.program().ops;
        length("the Program", "shifts", words.shifts.len(), ops.len())?;
        for (op, (name, shift)) in ops.iter().zip(&words.shifts) {
            if *name != op.name || !shift_is_sound(shift) {
                return Err(bad(format!(
                    "the shift of {} is given as {} of {name}; {} to {} is accepted, in the Program's order",
                    op.name,
                    shift.shift,
                    SHIFTS.start(),
                    SHIFTS.end()
                )));
            }
        }
        Ok(())
    }

    /// Sets the words once they are checked.
    fn set_words(&mut self, words: Words) {
        let mut parameters = words.parameters.into_iter();
        let mut bonds = words.bonds.into_iter();
        for layer in &mut self.model.layers {
            for (parameter, words) in layer.parameters.iter_mut().zip(&mut parameters) {
                if let Some(grid) = parameter.grid {
                    parameter.master = words.master.iter().map(|&word| grid.value(word)).collect();
                }
                parameter.moments.first = words.first;
                parameter.moments.second = words.second;
            }
            for (bond, words) in layer.bonds.iter_mut().zip(&mut bonds) {
                bond.variances = words.variances;
                bond.relevance = words.relevance;
            }
        }
        self.engine.adopt_shifts(&words.shifts);
    }
}
