//! The small network of the step about the prior: bars in pictures of 8 x 8, trained on the page.

use std::sync::Arc;

use crate::data::Dataset;
use crate::numeric::{Seed, Stream};
use crate::train::config::{LayerConfig, NetworkConfig, Precision, Preset, PriorKind, RunConfig};
use crate::train::metrics::BondSnapshot;
use crate::train::{Advance, Trainer};

/// Rank of its first bond when it begins.
pub const RANK: usize = 8;

/// A network in training.
#[derive(Clone, Debug)]
pub struct Lot {
    trainer: Trainer,
    accuracy: f32,
}

/// Pictures of four kinds: a bar on the left, on the right, above, below, in noise.
fn bars(count: usize, seed: u32) -> Dataset {
    let stream = Stream::new(Seed(seed), 0, 0, 0);
    let pixel = |at: usize| {
        let (image, row, column) = (at / 64, at / 8 % 8, at % 8);
        let bright = match image % 4 {
            0 => column < 4,
            1 => column >= 4,
            2 => row < 4,
            _ => row >= 4,
        };
        let noise = stream.below(at as u32, 110) as u8;
        if bright { 145 + noise } else { noise }
    };
    Dataset {
        images: (0..count * 64).map(pixel).collect::<Arc<[u8]>>(),
        labels: (0..count).map(|image| (image % 4) as u8).collect(),
        height: 8,
        width: 8,
        classes: 4,
    }
}

impl Lot {
    /// A fresh network under a prior of this strength.
    #[must_use]
    pub fn new(strength: f32) -> Option<Self> {
        let layer = |inputs: [usize; 2], outputs: [usize; 2], rank| LayerConfig {
            in_modes: inputs.into(),
            out_modes: outputs.into(),
            ranks: vec![rank],
        };
        let mut config = RunConfig::preset(Preset::Tiny, Precision::Float);
        config.network = NetworkConfig {
            pad_columns: 0,
            layers: vec![layer([8, 8], [4, 4], RANK), layer([4, 4], [2, 2], 4)],
            ..config.network
        };
        config.prior.kind = PriorKind::LogUniform;
        config.prior.strength = strength;
        config.prior.target = 0.0;
        config.prior.restart = false;
        (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.0, 2.0);
        (config.epochs, config.batch, config.seed) = (60, 16, 3);
        config.data = "bars".into();
        let trainer = Trainer::new(config, bars(64, 1), bars(32, 2)).ok()?;
        Some(Self {
            trainer,
            accuracy: 0.0,
        })
    }

    /// Trains some steps, or to the end.
    pub fn train(&mut self, steps: u64) {
        let until = self.trainer.step() + steps;
        while self.trainer.step() < until {
            match self.trainer.advance() {
                Advance::Epoch(metrics) => self.accuracy = metrics.test_accuracy,
                Advance::Finished => return,
                Advance::Step(_) | Advance::Evaluating { .. } => {}
            }
        }
    }

    /// Steps taken and in all.
    #[must_use]
    pub fn steps(&self) -> (u64, u64) {
        (self.trainer.step(), self.trainer.total_steps())
    }

    /// Accuracy on other pictures after the last epoch, 0 to 1.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.accuracy
    }

    /// The first layer's bond.
    #[must_use]
    pub fn bond(&self) -> Option<BondSnapshot> {
        let snapshot = self.trainer.snapshot();
        snapshot.layers.into_iter().next()?.bonds.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_die_and_a_stronger_prior_kills_more() {
        let alive = |strength| {
            let mut lot = Lot::new(strength).expect("a sound configuration");
            lot.train(240);
            let bond = lot.bond().expect("a bond");
            assert!(bond.variances.iter().all(|v| *v > bond.threshold) || bond.alive.len() == 1);
            (bond.alive.len(), lot.accuracy())
        };
        let (none, sure) = alive(0.0);
        let (some, still) = alive(0.1);
        let (few, _) = alive(0.4);
        assert_eq!(none, RANK);
        assert!(few < some && some < none, "{some} {few}");
        assert!(sure > 0.9 && still > 0.9, "{sure} {still}");
    }
}
