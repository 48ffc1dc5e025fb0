//! Keeping a run for showing: `railyard train --record FILE`.

use std::path::Path;

use crate::data::Dataset;
use crate::train::Learner;
use crate::train::metrics::{EpochMetrics, StepMetrics};
use crate::train::record::{RecordedSample, RecordedSnapshot, RunRecord};

/// Steps kept of a whole run: enough for a curve.
const STEPS: u64 = 400;
/// Test images kept.
const SAMPLES: usize = 40;

/// Gathers a record while a run goes on.
pub struct Recorder {
    record: RunRecord,
    every: u64,
}

impl Recorder {
    /// A record of a run about to begin.
    pub fn new(trainer: &Learner, classes: Vec<String>, train: &Dataset, test: &Dataset) -> Self {
        let record = RunRecord {
            config: trainer.config().clone(),
            classes,
            train_images: train.len(),
            test_images: test.len(),
            height: test.height,
            width: test.width,
            steps_per_epoch: trainer.steps_per_epoch(),
            steps: Vec::new(),
            epochs: Vec::new(),
            snapshots: Vec::new(),
            samples: Vec::new(),
            checkpoint: None,
        };
        Self {
            record,
            every: trainer.total_steps().div_ceil(STEPS).max(1),
        }
    }

    /// Keeps a step if it is one of those kept, or if something died in it.
    pub fn step(&mut self, step: &StepMetrics) {
        if step.step == 1 || step.step.is_multiple_of(self.every) || !step.pruned.is_empty() {
            self.record.steps.push(step.clone());
        }
    }

    /// Keeps an epoch with the state after it.
    pub fn epoch(&mut self, epoch: &EpochMetrics, trainer: &Learner) {
        self.record.epochs.push(epoch.clone());
        self.record.snapshots.push(RecordedSnapshot {
            epoch: epoch.epoch,
            snapshot: trainer.snapshot(),
        });
    }

    /// Adds the answers to some test images and writes the record; names the checkpoint if it lies in
    /// the same folder.
    pub fn finish(
        mut self,
        trainer: &mut Learner,
        test: &Dataset,
        path: &Path,
        checkpoint: Option<&Path>,
    ) -> Result<(), String> {
        self.record.checkpoint = checkpoint
            .filter(|file| file.parent() == path.parent())
            .and_then(|file| Some(file.file_name()?.to_str()?.to_owned()));
        let spread = (test.len() / SAMPLES).max(1);
        for index in (0..test.len()).step_by(spread).take(SAMPLES) {
            self.record.samples.push(RecordedSample {
                index: index as u32,
                label: test.labels[index],
                pixels: test.image(index).to_vec(),
                probabilities: trainer.predict(test.image(index)),
            });
        }
        let bytes = self.record.write().map_err(|error| error.to_string())?;
        std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    }
}
