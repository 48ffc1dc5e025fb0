//! The right operand of a product: where it lies, or packed in the order in which tiles read it.

use std::ops::Range;

use super::gemm::Scatter;
use super::lines::Lines;
use super::pack::{Panels, pack};
use super::tile::{Element, Isa, RUNS, VECTORS};

/// Words of a panel of the right operand: it stays in the first-level cache.
const PANEL: usize = 6 * 1024;

/// The right operand of a product.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a, T: Element> {
    /// Elements where they lie.
    Scattered(&'a [T], Scatter<'a>),
    /// Elements that were packed before, since many products share them.
    Kept(&'a Kept<T>),
}

impl<T: Element> Factor<'_, T> {
    /// Terms and columns.
    pub(super) fn sides(&self) -> (usize, usize) {
        match self {
            Self::Scattered(_, at) => (at.rows.len(), at.cols.len()),
            Self::Kept(kept) => (kept.terms, kept.columns),
        }
    }
}

/// A right operand in the order in which tiles read it.
#[derive(Clone, Debug)]
pub struct Kept<T: Element> {
    pub(super) isa: Isa,
    pub(super) words: Lines<T>,
    pub(super) terms: usize,
    pub(super) columns: usize,
}

impl<T: Element> Kept<T> {
    /// No operand yet, for products in `isa`.
    #[must_use]
    pub fn with(isa: Isa) -> Self {
        Self {
            isa,
            words: Lines::default(),
            terms: 0,
            columns: 0,
        }
    }

    /// Whether nothing was packed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Packs an operand in place of the last one.
    ///
    /// # Panics
    /// If an offset lies outside the slice.
    pub fn pack(&mut self, right: &[T], at: Scatter) {
        (self.terms, self.columns) = (at.rows.len(), at.cols.len());
        let lanes = self.isa.lanes();
        let width = self.columns.next_multiple_of(lanes) * T::GROUP;
        self.words.resize(padded::<T>(self.terms) * width);
        for words in cuts::<T>(self.terms, self.isa) {
            let out = &mut self.words[words.start * width..words.end * width];
            let at = at.terms::<T>(&words);
            pack(out, right, at, Panels::right(lanes));
        }
    }
}

impl<T: Element> Default for Kept<T> {
    /// No operand yet; for the widest vectors the machine has.
    fn default() -> Self {
        Self::with(Isa::widest())
    }
}

impl<'a> Scatter<'a> {
    /// The rows that make some words of a right operand.
    pub(super) fn terms<T: Element>(self, words: &Range<usize>) -> Scatter<'a> {
        let end = self.rows.len();
        let rows = end.min(words.start * T::GROUP)..end.min(words.end * T::GROUP);
        Scatter {
            rows: &self.rows[rows],
            cols: self.cols,
        }
    }
}

/// Words of so many terms, filled up to whole starts; those of one start at least.
pub(super) fn padded<T: Element>(terms: usize) -> usize {
    terms.div_ceil(4 * T::GROUP).max(1) * 4
}

/// As many cuts of the terms' words as keep a panel in the first-level cache, of nearly equal length, at
/// whole runs.
pub(super) fn cuts<T: Element>(terms: usize, isa: Isa) -> impl Iterator<Item = Range<usize>> {
    let words = padded::<T>(terms);
    let count = words.div_ceil(PANEL / (VECTORS * isa.lanes()));
    let at_once = words.div_ceil(count).next_multiple_of(RUNS[0]);
    (0..words)
        .step_by(at_once)
        .map(move |word| word..words.min(word + at_once))
}
