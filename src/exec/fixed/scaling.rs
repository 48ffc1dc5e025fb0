//! Power-of-two shifts, one per operation that stores sums, adapted from what a batch held.
//!
//! A result is divided by `2^shift` before it is stored. The shift rises by one when the largest
//! magnitude of the batch was above 0.9 of full scale for `patience` batches in a row, and falls by
//! one when it was below 0.3. Patience is 1 for an operation's first 20 batches, then 5. An operation's
//! very first shift is the smallest that keeps the first 64 samples of its first batch within 0.9 of
//! full scale. A batch whose results are all zero counts for nothing, and as no first one.

use serde::{Deserialize, Serialize};

/// Batches after which an operation's patience grows from 1 to [`PATIENCE`].
const SETTLING: u32 = 20;
/// Batches in a row that must ask for a change once an operation has settled.
const PATIENCE: u32 = 5;

/// The shift of one operation with the counters that adapt it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Power of two that sums are divided by; negative multiplies.
    pub shift: i32,
    /// Whether a first batch has set it.
    pub known: bool,
    /// Batches since it was set.
    pub batches: u32,
    /// Batches in a row above 0.9 of full scale.
    pub high: u32,
    /// Batches in a row below 0.3 of full scale.
    pub low: u32,
    /// Largest magnitude before the shift in the last batch.
    pub peak: u64,
    /// Values that saturated in the last batch.
    pub saturated: u64,
}

impl Shift {
    /// Whether `peak` divided by `2^shift` is above `tenths` tenths of the `bits` wide full scale.
    fn above(peak: u64, shift: i32, bits: u8, tenths: u64) -> bool {
        let full = u128::from(tenths) << (bits - 1);
        let peak = u128::from(peak) * 10;
        if shift >= 0 {
            peak > full << shift.min(80)
        } else {
            peak << (-shift).min(60) > full
        }
    }

    /// Sets the first shift from the first batch's largest magnitude.
    pub fn calibrate(&mut self, peak: u64, bits: u8) {
        if peak == 0 {
            return;
        }
        let mut shift = -16;
        while Self::above(peak, shift, bits, 9) {
            shift += 1;
        }
        *self = Self {
            shift,
            known: true,
            ..Self::default()
        };
    }

    /// Adapts to a batch whose largest magnitude before the shift was `peak`.
    pub fn adapt(&mut self, peak: u64, saturated: u64, bits: u8) {
        (self.peak, self.saturated) = (peak, saturated);
        if peak == 0 {
            return;
        }
        self.batches = self.batches.saturating_add(1);
        let patience = if self.batches <= SETTLING {
            1
        } else {
            PATIENCE
        };
        self.high = if Self::above(peak, self.shift, bits, 9) {
            self.high + 1
        } else {
            0
        };
        self.low = if Self::above(peak, self.shift, bits, 3) {
            0
        } else {
            self.low + 1
        };
        if self.high >= patience {
            self.shift = (self.shift + 1).min(60);
            self.high = 0;
        } else if self.low >= patience {
            self.shift = (self.shift - 1).max(-16);
            self.low = 0;
        }
    }

    /// Largest magnitude of the last batch as a share of full scale.
    #[must_use]
    pub fn share(&self, bits: u8) -> f32 {
        (self.peak as f64 * crate::numeric::exact::pow2_f64(-self.shift - i32::from(bits) + 1))
            as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_batch_sets_the_shift() {
        let mut shift = Shift::default();
        shift.calibrate(1000, 8);
        // 1000 / 2^4 = 62.5 is below 0.9 * 128 = 115.2; 1000 / 2^3 = 125 is not.
        assert_eq!((shift.shift, shift.known), (4, true));
    }

    #[test]
    fn five_batches_in_a_row_move_a_settled_shift() {
        let mut shift = Shift {
            shift: 4,
            known: true,
            batches: 100,
            ..Shift::default()
        };
        for _ in 0..4 {
            shift.adapt(2000, 3, 8);
        }
        assert_eq!(shift.shift, 4);
        shift.adapt(1000, 0, 8);
        for _ in 0..5 {
            shift.adapt(2000, 3, 8);
        }
        assert_eq!(shift.shift, 5);
        for _ in 0..5 {
            shift.adapt(100, 0, 8);
        }
        assert_eq!(shift.shift, 4);
    }
}
