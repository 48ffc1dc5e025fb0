//! A run in progress.

use serde::Serialize;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use super::checkpoint::Checkpoint;
use super::data::Data;
use super::object::{self, ProgressObject, RanksObject, RunObject, SnapshotObject, error};
use super::plan::Plan;
use crate::train;
use crate::train::config::RunConfig;
use crate::train::metrics::{EpochMetrics, StepMetrics};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, in a page, a worker and Node alike.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// A clock in seconds.
pub fn clock() -> f64 {
    now() / 1e3
}

/// A run in progress. The same configuration, data and seed give the same bits in fixed point on every machine.
///
/// Training keeps the thread busy: a page gives it a worker, or lets the browser draw between steps.
#[wasm_bindgen]
pub struct Trainer {
    run: train::Trainer,
}

/// What `advance` did.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Progress<'a> {
    Step(&'a StepMetrics),
    Evaluating { done: usize, total: usize },
    Epoch(&'a EpochMetrics),
    Finished,
}

impl Trainer {
    /// The run of a checkpoint.
    pub(super) fn resume(checkpoint: &[u8], data: &Data) -> Result<Self, JsError> {
        let (train, test) = data.sets();
        Ok(Self::of(
            train::Trainer::resume(checkpoint, train, test).map_err(error)?,
        ))
    }

    fn of(mut run: train::Trainer) -> Self {
        run.set_clock(clock);
        Self { run }
    }
}

#[wasm_bindgen]
impl Trainer {
    /// A run about to begin.
    ///
    /// # Errors
    /// If the configuration is not valid or does not fit the data; the field is named.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &RunObject, data: &Data) -> Result<Self, JsError> {
        let config: RunConfig = object::read(config)?;
        config.validate().map_err(error)?;
        let (train, test) = data.sets();
        Ok(Self::of(
            train::Trainer::new(config, train, test).map_err(error)?,
        ))
    }

    /// Does the next small piece of work: one training step, or one batch of the evaluation that follows each epoch.
    pub fn advance(&mut self) -> ProgressObject {
        let done = self.run.advance();
        object::write(&match &done {
            train::Advance::Step(metrics) => Progress::Step(metrics),
            train::Advance::Evaluating { done, total } => Progress::Evaluating {
                done: *done,
                total: *total,
            },
            train::Advance::Epoch(metrics) => Progress::Epoch(metrics),
            train::Advance::Finished => Progress::Finished,
        })
    }

    /// Class probabilities for an image of the data's size.
    ///
    /// # Errors
    /// If the image is of another size.
    pub fn predict(&mut self, image: &[u8]) -> Result<Vec<f32>, JsError> {
        answer(&mut self.run, image)
    }

    /// The state of cores, bonds, memory and operations, for drawing.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotObject {
        object::write(&self.run.snapshot())
    }

    /// The whole state of the run.
    ///
    /// # Errors
    /// Never, but that reading is checked.
    pub fn checkpoint(&self) -> Result<Checkpoint, JsError> {
        Checkpoint::new(self.run.checkpoint())
    }

    /// The plan of a step at the present ranks.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::of(self.run.config().clone(), self.run.model().clone())
    }

    /// The configuration.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn config(&self) -> RunObject {
        object::write(self.run.config())
    }

    /// Steps taken.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn step(&self) -> f64 {
        self.run.step() as f64
    }

    /// Steps of the whole run.
    #[wasm_bindgen(getter, js_name = "totalSteps")]
    #[must_use]
    pub fn total_steps(&self) -> f64 {
        self.run.total_steps() as f64
    }

    /// Epoch in progress, from 1; the last one when the run is over.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.run.epoch()
    }

    /// Ranks of every layer's bonds.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn ranks(&self) -> RanksObject {
        object::write(&self.run.model().ranks())
    }

    /// Checksum of all parameters, 16 hexadecimal digits.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn checksum(&self) -> String {
        self.run.checksum()
    }
}

/// A network's answer to an image.
pub fn answer(run: &mut train::Trainer, image: &[u8]) -> Result<Vec<f32>, JsError> {
    let answer = run.predict(image);
    if answer.is_empty() {
        return Err(JsError::new(&format!(
            "an image of {} pixels; one of the data's height x width is accepted",
            image.len()
        )));
    }
    Ok(answer)
}
