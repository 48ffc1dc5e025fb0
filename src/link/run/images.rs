//! Which training image lies in which of a board's image slots.

use std::collections::HashMap;

/// No image.
const NONE: u32 = u32::MAX;

/// Where an image is, or where it is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is in this slot.
    There(u32),
    /// It is to be written to this slot.
    Write(u32),
    /// Every slot holds an image that a waiting order needs.
    Full,
}

/// A board's image slots. If all training images fit, an image's slot is its number; otherwise the
/// slot that was written longest ago is taken, unless an order that waits needs its image.
#[derive(Clone, Debug)]
pub(super) struct Images {
    /// Bytes of a slot: a label and the pixels.
    pub bytes: usize,
    /// What the training set is, so that another one is not taken for it.
    pub set: u32,
    /// Image of each slot.
    holds: Vec<u32>,
    /// Whether the board has answered the slot's writing.
    sure: Vec<bool>,
    /// Steps that must be taken before the slot may be written again.
    needed: Vec<u64>,
    /// Slot of each image; none where an image's slot is its number.
    slots: Option<HashMap<u32, u32>>,
    /// Where to look for a slot next.
    hand: usize,
}

impl Images {
    /// Empty slots: as many as fit `memory` bytes, at most one for each of `images`.
    pub fn new(memory: u32, bytes: usize, images: usize, set: u32) -> Self {
        let fit = memory as usize / bytes.max(1);
        let slots = fit.min(images);
        Self {
            bytes,
            set,
            holds: vec![NONE; slots],
            sure: vec![false; slots],
            needed: vec![0; slots],
            slots: (fit < images).then(HashMap::new),
            hand: 0,
        }
    }

    /// Place of an image for the step that is the `step`th (from 1), when `taken` steps are taken.
    pub fn place(&mut self, image: u32, step: u64, taken: u64) -> Place {
        let Some(slots) = &mut self.slots else {
            let Some(holds) = self.holds.get_mut(image as usize) else {
                return Place::Full;
            };
            return if std::mem::replace(holds, image) == image {
                Place::There(image)
            } else {
                Place::Write(image)
            };
        };
        if let Some(&slot) = slots.get(&image) {
            let needed = &mut self.needed[slot as usize];
            *needed = step.max(*needed);
            return Place::There(slot);
        }
        let count = self.holds.len();
        let free = (0..count)
            .map(|past| (self.hand + past) % count)
            .find(|&slot| self.needed[slot] <= taken);
        let Some(slot) = free else {
            return Place::Full;
        };
        self.hand = slot + 1;
        slots.remove(&self.holds[slot]);
        slots.insert(image, slot as u32);
        (self.holds[slot], self.sure[slot], self.needed[slot]) = (image, false, step);
        Place::Write(slot as u32)
    }

    /// The board has taken what was written to a slot.
    pub fn written(&mut self, slot: u32) {
        if let Some(sure) = self.sure.get_mut(slot as usize) {
            *sure = true;
        }
    }

    /// No order waits any more, and what was written without an answer is not counted on.
    pub fn settle(&mut self) {
        self.needed.fill(0);
        for (holds, _) in self
            .holds
            .iter_mut()
            .zip(&self.sure)
            .filter(|(_, sure)| !**sure)
        {
            if let Some(slots) = &mut self.slots {
                slots.remove(holds);
            }
            *holds = NONE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_is_written_once_where_all_fit() {
        let mut images = Images::new(1000, 10, 100, 0);
        assert_eq!(images.place(99, 1, 0), Place::Write(99));
        assert_eq!(images.place(99, 2, 0), Place::There(99));
        images.settle();
        assert_eq!(images.place(99, 2, 0), Place::Write(99));
        images.written(99);
        images.settle();
        assert_eq!(images.place(99, 3, 0), Place::There(99));
        assert_eq!(images.place(100, 3, 0), Place::Full);
    }

    #[test]
    fn the_oldest_slot_that_no_order_needs_is_written_again() {
        let mut images = Images::new(30, 10, 100, 0);
        for image in 0..3 {
            assert_eq!(images.place(40 + image, 1, 0), Place::Write(image));
        }
        // Image 40 is needed for step 2 as well.
        assert_eq!(images.place(40, 2, 0), Place::There(0));
        assert_eq!(images.place(50, 2, 0), Place::Full);
        assert_eq!(images.place(50, 2, 1), Place::Write(1));
        assert_eq!(images.place(51, 3, 1), Place::Write(2));
        assert_eq!(images.place(52, 3, 1), Place::Full);
        assert_eq!(images.place(52, 3, 2), Place::Write(0));
        assert_eq!(images.place(41, 3, 2), Place::Write(1));
    }

    #[test]
    fn a_board_without_room_for_an_image_has_no_slot() {
        let mut images = Images::new(9, 10, 100, 0);
        assert_eq!(images.place(0, 1, 0), Place::Full);
    }
}
