//! The board's words beside the simulator's.

use serde::{Deserialize, Serialize};

use crate::exec::fixed::Shift;
use crate::train::{StepSettings, Words};

/// A word that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The tensor, such as `fc1.G2`, `fc1.G2.first`, `fc1.bond1.variance` or `shifts`.
    pub tensor: String,
    /// Its index in the tensor, one number for each axis; of `shifts` the operation and the field.
    pub index: Vec<usize>,
    /// The board's word: of a master copy the integer.
    pub board: f64,
    /// The simulator's.
    pub simulator: f64,
}

/// The same step on board and simulator, word for word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Steps taken with it.
    pub step: u64,
    /// Words compared.
    pub words: u64,
    /// Words that differ.
    pub differences: u64,
    /// Words compared and words that differ in each tensor, in order.
    pub tensors: Vec<(String, u64, u64)>,
    /// The first of them, at most [`MOST_SHOWN`].
    pub shown: Vec<Difference>,
    /// Checksum of all parameters on the board, 16 hexadecimal digits.
    pub board: String,
    /// The simulator's.
    pub simulator: String,
}

/// Differences that are shown.
pub const MOST_SHOWN: usize = 200;

impl Comparison {
    /// Compares words of one shape.
    pub(super) fn of(step: u64, settings: &StepSettings, board: &Words, simulator: &Words) -> Self {
        let mut found = Self {
            step,
            board: board.checksum(settings),
            simulator: simulator.checksum(settings),
            ..Self::default()
        };
        for (ours, theirs) in simulator.parameters.iter().zip(&board.parameters) {
            let (name, shape) = (&ours.name, &ours.shape);
            found.tensor(name, shape, pairs(&theirs.master, &ours.master));
            let moments = [
                ("first", &theirs.first, &ours.first),
                ("second", &theirs.second, &ours.second),
            ];
            for (moment, theirs, ours) in moments {
                if !ours.is_empty() {
                    found.tensor(&format!("{name}.{moment}"), shape, pairs(theirs, ours));
                }
            }
        }
        for (ours, theirs) in simulator.bonds.iter().zip(&board.bonds) {
            let (name, rank) = (&ours.name, [ours.variances.len()]);
            let variances = pairs(&theirs.variances, &ours.variances);
            found.tensor(&format!("{name}.variance"), &rank, variances);
            let relevance = pairs(&theirs.relevance, &ours.relevance);
            found.tensor(&format!("{name}.relevance"), &rank, relevance);
        }
        let fields = |words: &Words| -> Vec<u64> {
            words
                .shifts
                .iter()
                .flat_map(|(_, shift)| shift_fields(shift))
                .collect()
        };
        let (theirs, ours) = (fields(board), fields(simulator));
        let shape = [simulator.shifts.len(), SHIFT_FIELDS];
        let shown = |word: u64| word.cast_signed() as f64;
        let words = theirs
            .iter()
            .zip(&ours)
            .map(|(a, b)| (a != b, shown(*a), shown(*b)));
        found.tensor("shifts", &shape, words);
        found
    }

    /// Counts one tensor's words: whether they differ, the board's and the simulator's.
    fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        words: impl Iterator<Item = (bool, f64, f64)>,
    ) {
        let (mut compared, mut differing) = (0, 0);
        for (at, (differs, board, simulator)) in words.enumerate() {
            compared += 1;
            if !differs {
                continue;
            }
            differing += 1;
            if self.shown.len() < MOST_SHOWN {
                self.shown.push(Difference {
                    tensor: name.to_owned(),
                    index: index(shape, at),
                    board,
                    simulator,
                });
            }
        }
        self.words += compared;
        self.differences += differing;
        self.tensors.push((name.to_owned(), compared, differing));
    }
}

/// A word that is compared bit by bit.
trait Word: Copy {
    fn bits(self) -> u32;
    fn value(self) -> f64;
}

impl Word for i16 {
    fn bits(self) -> u32 {
        u32::from(self.cast_unsigned())
    }

    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Word for f32 {
    fn bits(self) -> u32 {
        self.to_bits()
    }

    fn value(self) -> f64 {
        f64::from(self)
    }
}

fn pairs<T: Word>(board: &[T], simulator: &[T]) -> impl Iterator<Item = (bool, f64, f64)> {
    board
        .iter()
        .zip(simulator)
        .map(|(a, b)| (a.bits() != b.bits(), a.value(), b.value()))
}

const SHIFT_FIELDS: usize = 7;

/// The fields of a shift in the order on the wire.
fn shift_fields(shift: &Shift) -> [u64; SHIFT_FIELDS] {
    [
        i64::from(shift.shift).cast_unsigned(),
        shift.known.into(),
        shift.batches.into(),
        shift.high.into(),
        shift.low.into(),
        shift.peak,
        shift.saturated,
    ]
}

/// The index of a place in a tensor of row-major order.
fn index(shape: &[usize], at: usize) -> Vec<usize> {
    let mut left = at;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&len| {
            let place = left % len.max(1);
            left /= len.max(1);
            place
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_counts_the_last_axis_fastest() {
        assert_eq!(index(&[2, 3, 4], 23), [1, 2, 3]);
        assert_eq!(index(&[2, 3, 4], 5), [0, 1, 1]);
        assert_eq!(index(&[7], 6), [6]);
    }

    #[test]
    fn numbers_that_differ_in_a_bit_differ() {
        let words: Vec<_> = pairs(&[0.0_f32, f32::NAN], &[-0.0, f32::NAN]).collect();
        assert!(words[0].0 && !words[1].0);
    }
}
