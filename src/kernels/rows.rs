//! The left operand of a product: its rows read where they lie, or packed in the order in which tiles read
//! them.

use std::ops::Range;

use super::gemm::Scatter;
use super::lines::Lines;
use super::pack::{Panels, pack, together};
use super::tile::{Element, Isa, Left, RUNS};

/// Words that are packed at a time, where not all rows are packed at once: they leave room for others in the
/// second-level cache.
const PART: usize = 16 * 1024;

/// Words up to which all rows are packed at once: however many blocks of columns pass, it is done once.
const WHOLE: usize = 128 * 1024;

/// Columns from which rows are packed where their words lie apart.
const COPY_FROM: usize = 16;

/// The longest run that so many words are made of.
pub(super) fn run_within(words: usize) -> Option<usize> {
    RUNS.into_iter().find(|run| words.is_multiple_of(*run))
}

/// The longest runs in which the words of `terms` follow each other, if rows can and should be read where they
/// lie, given the columns that they are multiplied by.
pub(super) fn run_of<T: Element>(terms: &[u32], columns: usize, isa: Isa) -> Option<usize> {
    let lie = |words: &usize| {
        let numbers = words * T::GROUP;
        terms.len().is_multiple_of(numbers) && terms.chunks(numbers).all(together)
    };
    RUNS.into_iter().find(lie).filter(|&words| {
        columns
            < if words > 1 {
                isa.pack_from()
            } else {
                COPY_FROM
            }
    })
}

/// The rows of a left operand.
pub(super) struct Rows<'a, T: Element> {
    operand: (&'a [T], Scatter<'a>),
    lying: Option<Left<'a, T>>,
    /// Words of a run, where the right operand is read where it lies in such runs.
    run: Option<usize>,
    isa: Isa,
    packed: &'a mut Lines<T>,
    /// Rows and words that are packed.
    held: (Range<usize>, Range<usize>),
}

impl<'a, T: Element> Rows<'a, T> {
    /// Rows read where they lie, in runs of so many words; or else packed, for a right operand in panels or in
    /// runs of so many words where it lies. `starts` and `packed` are memory to work in.
    pub(super) fn new(
        operand: (&'a [T], Scatter<'a>),
        isa: Isa,
        (lying, run): (Option<usize>, Option<usize>),
        (starts, packed): (&'a mut Vec<u32>, &'a mut Lines<T>),
    ) -> Self {
        let (data, at) = operand;
        starts.clear();
        if let Some(run) = lying {
            starts.extend(at.cols.iter().step_by(run * T::GROUP));
        }
        let starts = &starts[..];
        Self {
            operand,
            lying: lying.map(|run| Left::new(data, at.rows, starts, run)),
            run,
            isa,
            packed,
            held: (0..0, 0..0),
        }
    }

    /// Rows to ask for at a time, given the words of a cut.
    pub(super) fn at_once(&self, words: usize) -> usize {
        let rows = self.operand.1.rows.len();
        if self.lying.is_some() || rows * words <= WHOLE {
            rows
        } else {
            (PART / words).next_multiple_of(self.isa.rows())
        }
    }

    /// Some rows, from a whole tile on, and some of their words.
    pub(super) fn part(&mut self, rows: Range<usize>, words: &Range<usize>) -> Left<'_, T> {
        let (data, at) = self.operand;
        // Where it is not filled up, the last cut is shorter.
        let lain = words.start..words.end.min(at.cols.len() / T::GROUP);
        if let Some(left) = &self.lying {
            return left.part(rows, lain);
        }
        let (run, count) = match self.run {
            Some(run) => (run, lain.len()),
            None => (words.len(), words.len()),
        };
        let (held, held_words) = &self.held;
        if held_words != words || rows.start < held.start || held.end < rows.end {
            let all = 0..at.rows.len();
            let packed = if self.at_once(words.len()) == all.end {
                all
            } else {
                rows.clone()
            };
            let terms = words.start * T::GROUP..at.cols.len().min(words.end * T::GROUP);
            let at = Scatter {
                rows: &at.cols[terms],
                cols: &at.rows[packed.clone()],
            };
            self.packed.resize(packed.len() * count * T::GROUP);
            pack(self.packed, data, at, Panels::left(self.isa.rows()));
            self.held = (packed, words.clone());
        }
        let before = (rows.start - self.held.0.start) * count * T::GROUP;
        Left::packed(&self.packed[before..], count / run, run)
    }
}
