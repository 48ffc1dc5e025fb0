//! What is said of a kept run without reading the whole of it.

use serde::{Deserialize, Serialize};

use crate::train::config::{Precision, PriorKind, RunConfig};
use crate::train::metrics::EpochMetrics;
use crate::ui::draft::Draft;
use crate::ui::format;
use crate::ui::model::Overlay;

/// Most letters of a name.
pub const MOST_LETTERS: usize = 80;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is kept under: its time, so that the list is in order.
    pub key: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was kept, in milliseconds since 1970.
    pub when: f64,
    /// Steps taken.
    pub step: u64,
    /// Its configuration.
    #[serde(with = "crate::json::text")]
    pub config: RunConfig,
    /// Its epochs; the confusion matrices are left out.
    pub epochs: Vec<EpochMetrics>,
    /// Bytes it takes, own data and all.
    pub bytes: f64,
    /// Whether it was trained on the visitor's own data, and whether they are kept with it.
    pub own: Option<bool>,
}

impl Kept {
    /// The key of a run kept at this time.
    #[must_use]
    pub fn key(when: f64) -> String {
        format!("{when:015.0}")
    }

    /// The name made sound: one line of at most 80 letters, not empty.
    #[must_use]
    pub fn sound_name(name: &str, config: &RunConfig) -> String {
        let words: Vec<&str> = name.split_whitespace().collect();
        let name: String = words.join(" ").chars().take(MOST_LETTERS).collect();
        if name.is_empty() { title(config) } else { name }
    }

    /// Its curves.
    #[must_use]
    pub fn overlay(&self) -> Overlay {
        let point = |epoch: &EpochMetrics| (epoch.epoch, epoch.test_accuracy, epoch.test_loss);
        Overlay {
            key: self.key.clone(),
            name: self.name.clone(),
            points: self.epochs.iter().map(point).collect(),
        }
    }

    /// Accuracy after its last epoch, if it had one.
    #[must_use]
    pub fn accuracy(&self) -> String {
        self.epochs.last().map_or("–".into(), |epoch| {
            format!("{} %", format::percent(epoch.test_accuracy))
        })
    }

    /// Its memory reduction after its last epoch, if it had one.
    #[must_use]
    pub fn memory(&self) -> String {
        self.epochs
            .last()
            .map_or("–".into(), |epoch| format::factor(epoch.memory_reduction))
    }
}

/// What a configuration is called where nobody named it.
#[must_use]
pub fn title(config: &RunConfig) -> String {
    let network = match Draft::new(config.clone()).preset() {
        Some(preset) => format!("{preset:?}").to_lowercase(),
        None => "own network".into(),
    };
    let bits = &config.bits;
    let precision = match config.precision {
        Precision::Float => "float".into(),
        Precision::Bf16 => "bf16".into(),
        Precision::F16 => "f16".into(),
        Precision::Fixed => format!("{}/{}/{} bits", bits.core, bits.activation, bits.gradient),
    };
    let ranks = match config.prior.kind {
        PriorKind::None => String::new(),
        _ if config.prior.target > 0.0 => format!(", ranks to {}×", config.prior.target),
        _ => ", ranks shrink".into(),
    };
    format!("{network}, {precision}{ranks}, seed {}", config.seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::config::Preset;

    #[test]
    fn a_run_is_called_by_what_sets_it_apart() {
        let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
        config.seed = 7;
        assert_eq!(title(&config), "tiny, 4/8/16 bits, seed 7");
        assert_eq!(
            title(&RunConfig::default()),
            "paper, 4/8/16 bits, ranks to 292×, seed 1"
        );
        config.network.layers[0].ranks = vec![5];
        config.precision = Precision::Bf16;
        assert_eq!(title(&config), "own network, bf16, seed 7");
    }

    #[test]
    fn names_are_made_sound() {
        let config = RunConfig::default();
        assert_eq!(Kept::sound_name("  a\n b ", &config), "a b");
        assert_eq!(Kept::sound_name(" \t", &config), title(&config));
        let long = "ü".repeat(500);
        let name = Kept::sound_name(&long, &config);
        assert_eq!(name.chars().count(), MOST_LETTERS);
    }

    #[test]
    fn keys_are_in_order_of_time() {
        assert!(Kept::key(9.0) < Kept::key(10.0));
        assert!(Kept::key(1.7e12) < Kept::key(1.8e12));
    }
}
