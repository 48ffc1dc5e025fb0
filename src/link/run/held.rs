//! What a host knows of a board's memory.

use super::fit::slot_bytes;
use super::images::Images;
use crate::link::answer::Capabilities;
use crate::link::command::Settings;
use crate::numeric::crc::Crc32;
use crate::train::Trainer;

/// What a host knows of a board's memory. It holds over sessions, as long as the board's memory was not
/// lost in between.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The board's [`Capabilities::boot`].
    boot: Option<u32>,
    /// What it was configured with; step 0.
    pub settings: Option<Settings>,
    /// Steps and checksum of the trainer when the board's words were known to equal the trainer's.
    pub stands: Option<(u64, String)>,
    images: Option<Images>,
}

impl Held {
    /// Forgets everything if this is another board or it lost its memory.
    pub fn meet(&mut self, board: &Capabilities) {
        if self.boot != Some(board.boot) {
            *self = Self {
                boot: Some(board.boot),
                ..Self::default()
            };
        }
    }

    /// Forgets everything: the board holds nothing.
    pub fn forget(&mut self) {
        *self = Self {
            boot: self.boot,
            ..Self::default()
        };
    }

    /// The image slots for a run. A board keeps its images when it is configured for images of the same
    /// size.
    pub fn images(&mut self, trainer: &Trainer, board: &Capabilities) -> &mut Images {
        self.images.get_or_insert_with(|| {
            let (bytes, set) = (slot_bytes(trainer), fingerprint(trainer));
            Images::new(board.images, bytes, trainer.train_images(), set)
        })
    }

    /// The board is about to be configured for a run: no order waits, and slots for other images are
    /// forgotten.
    pub fn configure(&mut self, trainer: &Trainer) {
        let (bytes, set) = (slot_bytes(trainer), fingerprint(trainer));
        (self.settings, self.stands) = (None, None);
        if let Some(images) = &mut self.images {
            images.settle();
        }
        if self
            .images
            .as_ref()
            .is_some_and(|images| (images.bytes, images.set) != (bytes, set))
        {
            self.images = None;
        }
    }
}

/// How many images of a training set are looked at to tell it from others.
const LOOKED_AT: usize = 64;

/// What tells a training set from others: CRC-32 of all labels and of images all over it.
fn fingerprint(trainer: &Trainer) -> u32 {
    let mut sum = Crc32::new();
    let count = trainer.train_images();
    for index in 0..count {
        let (image, label) = trainer.train_image(index as u32);
        sum.update(&[label]);
        if index % count.div_ceil(LOOKED_AT) == 0 {
            sum.update(image);
        }
    }
    sum.sum()
}
