//! Whether a run fits a board.

use crate::link::answer::Capabilities;
use crate::program::code;
use crate::train::config::Precision;
use crate::train::{Trainer, memory};

/// What a run needs of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardNeeds {
    /// Bytes it needs for parameters, activations and the optimiser's state, and bytes there are.
    pub memory: (u64, u64),
    /// Bytes of all its images, and bytes there are; images that do not fit are sent again when needed.
    pub images: (u64, u64),
    /// What does not fit, in a sentence.
    pub reason: Option<String>,
}

/// Bytes of an image slot: a label and the pixels.
pub(super) fn slot_bytes(trainer: &Trainer) -> usize {
    1 + trainer.image_size().iter().product::<usize>()
}

impl BoardNeeds {
    /// What a run as it stands needs of a board.
    #[must_use]
    pub fn of(trainer: &Trainer, board: &Capabilities) -> Self {
        let report = memory::report(trainer.config(), trainer.model(), trainer.program());
        let needed: u64 = report.training.iter().map(|category| category.bytes).sum();
        let slot = slot_bytes(trainer) as u64;
        let mut needs = Self {
            memory: (needed, board.memory.into()),
            images: (slot * trainer.train_images() as u64, board.images.into()),
            reason: None,
        };
        needs.reason = needs.refusal(trainer, board, slot);
        needs
    }

    fn refusal(&self, trainer: &Trainer, board: &Capabilities, slot: u64) -> Option<String> {
        let config = trainer.config();
        if config.precision != Precision::Fixed {
            return Some(super::RunFault::Float.to_string());
        }
        let bits = config.bits;
        let widths = [bits.core, bits.activation, bits.gradient, bits.master];
        let names = ["cores", "activations", "gradients", "master copies"];
        for ((width, name), [least, most]) in widths.into_iter().zip(names).zip(board.widths) {
            if !(least..=most).contains(&width) {
                return Some(format!(
                    "the run has {name} of {width} bits, the board takes {least} to {most}: choose one of these \
                     widths"
                ));
            }
        }
        let [rows, columns] = trainer.image_size();
        if rows.max(columns) > usize::from(u16::MAX) {
            return Some(format!(
                "images are {rows} x {columns}, a board takes at most {0} x {0}: choose smaller images",
                u16::MAX
            ));
        }
        let (needed, there) = self.memory;
        if needed > there {
            return Some(format!(
                "the run needs {needed} bytes for its training state, the board has {there}: choose lower ranks, a \
                 smaller network or a board with more memory"
            ));
        }
        let batch = config.batch.min(trainer.train_images()) as u64;
        if batch * slot > board.images.into() || board.orders == 0 {
            return Some(format!(
                "a batch of {batch} images takes {} bytes, the board has {} for images: choose a smaller batch",
                batch * slot,
                board.images
            ));
        }
        let program = code::encode(trainer.program()).len();
        (program > board.program as usize).then(|| {
            format!(
                "the run's Program takes {program} bytes, the board has {} for one: choose a network of fewer layers \
                 or cores",
                board.program
            )
        })
    }
}
