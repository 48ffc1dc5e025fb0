//! Training speed as users get it: batches gathered and padded, the executor, the update.
//!
//! Images are noise of a pinned seed, so nothing has to be loaded first. Several configurations are
//! measured in turns, one stretch of time each, so that what else the machine does meets them all alike;
//! the first stretch of each warms it up and is not counted.

use serde::{Deserialize, Serialize};

use super::config::{Precision, Preset, RunConfig};
use super::error::{ConfigError, TrainError};
use super::trainer::{Advance, Trainer};
use crate::data::Dataset;
use crate::json::{self, Json, JsonError};
use crate::numeric::{Seed, Stream, median};
use crate::program::Schedule;

/// Training images of the noise, at least: more than a cache holds, as real data are.
const IMAGES: usize = 4096;
/// Most pixels of all images together.
const PIXELS: usize = 4 << 20;
/// Classes of the noise, where the network has as many outputs.
const CLASSES: usize = 10;

/// How fast one configuration trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// `float`, `bf16`, `f16` or `fixed`.
    pub executor: String,
    /// The preset's name, or the layers as `7x4>4x4 r16`.
    pub network: String,
    /// Samples per step.
    pub batch: usize,
    /// Order of the contractions.
    pub schedule: Schedule,
    /// Threads that shared each batch.
    pub threads: usize,
    /// Core entries and biases.
    pub parameters: usize,
    /// Training samples per second: the median of the counted stretches.
    pub samples_per_second: f64,
    /// Samples per second of the slowest stretch.
    pub slowest: f64,
    /// Samples per second of the fastest stretch.
    pub fastest: f64,
    /// Multiply-accumulates per training sample, counted from the Program.
    pub macs_per_sample: f64,
    /// The median's multiply-accumulates per second.
    pub macs_per_second: f64,
}

/// How to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Wall time for each configuration, over all counted stretches.
    pub milliseconds: f64,
    /// Counted stretches.
    pub repeats: usize,
    /// Threads that share each batch.
    pub threads: usize,
}

/// The preset of `overrides` (JSON: any fields of a [`RunConfig`], and `preset`) with those fields
/// changed, checked. Without `preset` it is `paper`; `precision` also chooses the recipe.
///
/// # Errors
/// If the text is not JSON, a field is unknown, or a value is not accepted.
pub fn configuration(overrides: &str) -> Result<RunConfig, ConfigError> {
    let wrong = |error: JsonError| ConfigError {
        field: "config".into(),
        message: error.to_string(),
    };
    let mut changes = json::parse(overrides.as_bytes()).map_err(wrong)?;
    let preset = match changes.get("preset") {
        Some(name) => json::from_value(name).map_err(wrong)?,
        None => Preset::Paper,
    };
    let precision = match changes.get("precision") {
        Some(name) => json::from_value(name).map_err(wrong)?,
        None => Precision::Fixed,
    };
    if let Json::Object(fields) = &mut changes {
        fields.retain(|(name, _)| name != "preset");
    }
    let preset = json::write(&RunConfig::preset(preset, precision));
    let mut config = json::parse(preset.as_bytes()).map_err(wrong)?;
    lay_over(&mut config, changes);
    let config: RunConfig = json::from_value(&config).map_err(wrong)?;
    config.validate()?;
    Ok(config)
}

/// Replaces what `changes` names; objects are entered, everything else is replaced whole.
fn lay_over(value: &mut Json, changes: Json) {
    match (value, changes) {
        (Json::Object(fields), Json::Object(changes)) => {
            for (name, change) in changes {
                match fields.iter_mut().find(|(field, _)| *field == name) {
                    Some((_, value)) => lay_over(value, change),
                    None => fields.push((name, change)),
                }
            }
        }
        (value, change) => *value = change,
    }
}

/// Trains each configuration on noise and tells how fast; `now` is a clock in milliseconds.
///
/// # Errors
/// If a configuration is not valid or its network cannot take an image.
pub fn measure(
    configs: &[RunConfig],
    how: Measurement,
    now: impl Fn() -> f64,
) -> Result<Vec<Speed>, TrainError> {
    let mut runs = configs
        .iter()
        .map(|config| Contender::new(config, how.threads))
        .collect::<Result<Vec<_>, _>>()?;
    let repeats = how.repeats.max(1);
    let stretch = how.milliseconds / repeats as f64;
    for repeat in 0..=repeats {
        for run in &mut runs {
            let rate = run.stretch(stretch, &now)?;
            if repeat > 0 {
                run.rates.push(rate);
            }
        }
    }
    Ok(runs.into_iter().map(Contender::speed).collect())
}

/// One configuration in the measurement.
struct Contender {
    trainer: Trainer,
    threads: usize,
    rates: Vec<f64>,
}

impl Contender {
    fn new(config: &RunConfig, threads: usize) -> Result<Self, TrainError> {
        config.validate()?;
        let (train, test) = noise(config)?;
        // As long as a run can be: evaluations, which are not counted, are few.
        let config = RunConfig {
            epochs: 1000,
            ..config.clone()
        };
        let mut trainer = Trainer::new(config, train, test)?;
        if threads > 1 {
            trainer.set_threads(threads);
        }
        Ok(Self {
            trainer,
            threads: threads.max(1),
            rates: Vec::new(),
        })
    }

    /// Trains for so long and gives the samples per second.
    fn stretch(&mut self, milliseconds: f64, now: &impl Fn() -> f64) -> Result<f64, TrainError> {
        let (mut last, mut busy, mut steps) = (now(), 0.0, 0_u64);
        while busy < milliseconds || steps == 0 {
            let advance = self.trainer.advance();
            // One reading a step, so that the clock's grain does not add up.
            let time = now();
            match advance {
                Advance::Step(_) => {
                    busy += time - last;
                    steps += 1;
                }
                Advance::Finished => {
                    *self = Self {
                        rates: std::mem::take(&mut self.rates),
                        ..Self::new(self.trainer.config(), self.threads)?
                    };
                }
                Advance::Evaluating { .. } | Advance::Epoch(_) => {}
            }
            last = time;
        }
        let samples = steps as f64 * self.trainer.config().batch as f64;
        Ok(samples * 1000.0 / busy.max(1e-3))
    }

    fn speed(self) -> Speed {
        let median = median(&self.rates);
        let rates = self.rates.iter().copied();
        let (config, model) = (self.trainer.config(), self.trainer.model());
        let macs_per_sample = self.trainer.snapshot().macs_per_sample();
        Speed {
            executor: name(&config.precision),
            network: network(config),
            batch: config.batch,
            schedule: config.schedule,
            threads: self.threads,
            parameters: model.core_entries() + model.biases(),
            samples_per_second: median,
            slowest: rates.clone().reduce(f64::min).unwrap_or(0.0),
            fastest: rates.reduce(f64::max).unwrap_or(0.0),
            macs_per_sample,
            macs_per_second: median * macs_per_sample,
        }
    }
}

/// A value's name as the configuration spells it.
fn name<T: Serialize>(value: &T) -> String {
    json::write(value).trim_matches('"').into()
}

/// The preset of this network, or its layers.
fn network(config: &RunConfig) -> String {
    for preset in [Preset::Paper, Preset::Tiny, Preset::Dense] {
        if config.network == preset.network() {
            return name(&preset);
        }
    }
    let list = |numbers: &[usize], between: &str| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        numbers.join(between)
    };
    let layers: Vec<String> = config
        .network
        .layers
        .iter()
        .map(|layer| {
            let (inputs, outputs) = (list(&layer.in_modes, "x"), list(&layer.out_modes, "x"));
            format!("{inputs}>{outputs} r{}", list(&layer.ranks, ","))
        })
        .collect();
    layers.join(" / ")
}

/// Images of noise that fit the network: a whole number of batches to train on, and one to test on.
fn noise(config: &RunConfig) -> Result<(Dataset, Dataset), TrainError> {
    let shapes = config.shapes()?;
    let inputs = shapes.first().map_or(1, crate::tt::TtShape::inputs);
    let outputs = shapes.last().map_or(1, crate::tt::TtShape::outputs);
    let padding = 2 * config.network.pad_columns;
    // As many rows as the canonical images have, or one.
    let height = if inputs.is_multiple_of(28) && inputs / 28 > padding {
        28
    } else {
        1
    };
    let width = (inputs / height).saturating_sub(padding).max(1);
    let classes = outputs.min(CLASSES);
    let images = IMAGES.min(PIXELS / inputs).div_ceil(config.batch).max(1) * config.batch;
    let set = |count: usize, salt: u32| {
        let byte = |index: usize, bound: usize, purpose: u32| {
            let stream = Stream::new(Seed(1), 0, salt, purpose);
            stream.below(index as u32, bound as u32) as u8
        };
        Dataset {
            images: (0..count * height * width)
                .map(|index| byte(index, 256, 0))
                .collect(),
            labels: (0..count).map(|index| byte(index, classes, 1)).collect(),
            height,
            width,
            classes,
        }
    };
    Ok((set(images, 0), set(1, 1)))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A clock that moves by 10 ms at each reading.
    fn ticking() -> impl Fn() -> f64 {
        let time = Cell::new(0.0);
        move || time.replace(time.get() + 10.0)
    }

    #[test]
    fn a_step_of_ten_milliseconds_gives_a_hundred_batches_a_second() {
        let config = configuration(r#"{"preset": "tiny", "batch": 8}"#).unwrap();
        let how = Measurement {
            milliseconds: 60.0,
            repeats: 3,
            threads: 1,
        };
        let speeds = measure(&[config], how, ticking()).unwrap();
        let speed = &speeds[0];
        assert_eq!(
            (speed.executor.as_str(), speed.network.as_str()),
            ("fixed", "tiny")
        );
        for rate in [speed.samples_per_second, speed.slowest, speed.fastest] {
            assert!((rate - 800.0).abs() < 1e-9, "{rate}");
        }
        assert!(speed.macs_per_sample > 1000.0);
    }

    #[test]
    fn any_field_of_a_run_can_be_changed_and_wrong_ones_are_refused() {
        let config = configuration(
            r#"{"preset": "dense", "precision": "float", "batch": 3, "optimiser": {"kind": "sgd"}}"#,
        )
        .unwrap();
        assert_eq!(config.network, Preset::Dense.network());
        assert_eq!((config.batch, config.precision), (3, Precision::Float));
        // What is not named stays.
        assert!((config.optimiser.beta2 - 0.999).abs() < 1e-6);
        for wrong in [
            "",
            "7",
            r#"{"preset": "none"}"#,
            r#"{"batch": 0}"#,
            r#"{"bach": 64}"#,
            r#"{"network": null}"#,
        ] {
            assert!(configuration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_of_other_sizes_get_images_that_fit() {
        let own = r#"{"precision": "float", "batch": 5, "network": {"pad_columns": 0,
            "layers": [{"in_modes": [3, 11], "out_modes": [2, 2], "ranks": [2]}]}}"#;
        let config = configuration(own).unwrap();
        let how = Measurement {
            milliseconds: 10.0,
            repeats: 1,
            threads: 2,
        };
        let speeds = measure(&[config], how, ticking()).unwrap();
        assert_eq!(speeds[0].network, "3x11>2x2 r2");
        // Cores (1, 2, 3, 2) and (2, 2, 11, 1), and four biases.
        assert_eq!(speeds[0].parameters, 12 + 44 + 4);
        assert_eq!((speeds[0].threads, speeds[0].batch), (2, 5));
    }
}
