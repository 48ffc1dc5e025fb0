//! Copies of operands in the order in which tiles read them: panels of some columns (of the right operand)
//! or rows (of the left one), each word by word.

#![expect(
    unsafe_code,
    reason = "vector loads and stores, of elements found inside their operand beforehand"
)]

mod vector;

use std::ops::Range;

use super::gemm::Scatter;
use super::tile::{Element, VECTORS};

/// Words copied of every panel, at most, before the next ones: however far apart terms lie, a line of each
/// stays in the first-level cache.
const AT_ONCE: usize = 16;

/// Columns turned together where it is terms that lie together.
const TURNED: usize = 4;
/// Words of each that are turned together, most first.
const TURNS: [usize; 4] = [16, 8, 4, 2];
/// Words from which a run is as good as a line: it is copied from all columns before the next one is.
const LINE: usize = 8;

/// How columns are cut into panels.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    /// Columns of a panel.
    width: usize,
    /// The last one is filled up with zeros to a multiple of so many.
    whole: usize,
}

impl Panels {
    /// Of a right operand, for vectors of `lanes`.
    pub(super) fn right(lanes: usize) -> Self {
        Self {
            width: VECTORS * lanes,
            whole: lanes,
        }
    }

    /// Of a left operand, for tiles of `rows`.
    pub(super) fn left(rows: usize) -> Self {
        Self {
            width: rows,
            whole: 1,
        }
    }

    /// Each panel's first column and its columns, those filled up among them.
    pub(super) fn of(self, columns: usize) -> impl Iterator<Item = (usize, usize)> {
        let Self { width, whole } = self;
        (0..columns)
            .step_by(width)
            .map(move |from| (from, width.min((columns - from).next_multiple_of(whole))))
    }
}

/// Whether offsets follow each other.
pub(super) fn together(offsets: &[u32]) -> bool {
    offsets.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

/// How many of the first offsets follow each other.
fn run_of(offsets: &[u32]) -> usize {
    let pairs = offsets.windows(2);
    1 + pairs.take_while(|pair| pair[1] == pair[0] + 1).count()
}

/// Copies columns into panels, which fill `out`: `[word][column][within word]`, zeros beside and below
/// the matrix.
///
/// # Panics
/// If an element lies outside `b`.
pub(super) fn pack<T: Element>(out: &mut [T], b: &[T], at: Scatter, panels: Panels) {
    let from = Source::new(b, at.rows, at.cols);
    let (terms, columns) = (at.rows.len(), at.cols.len());
    let width: usize = panels.of(columns).map(|(_, width)| width).sum();
    if width == 0 {
        return;
    }
    let words = out.len() / (width * T::GROUP);
    for (first, width) in panels.of(columns) {
        let panel = &mut out[first * words * T::GROUP..][..width * words * T::GROUP];
        panel[terms / T::GROUP * width * T::GROUP..].fill(T::default());
        if columns < first + width {
            for word in panel.chunks_exact_mut(width * T::GROUP) {
                word[(columns - first) * T::GROUP..].fill(T::default());
            }
        }
    }
    let apart = at.cols.windows(2).filter(|pair| pair[1] != pair[0] + 1);
    let zipped = columns >= TURNED * (1 + apart.count());
    let mut done = 0;
    while done < terms {
        let (next, turned) = if zipped {
            (terms.min(done + AT_ONCE * T::GROUP), 0)
        } else {
            block::<T>(at.rows, done)
        };
        match turned {
            16 => from.line::<16>(out, words, panels, done),
            8 => from.line::<8>(out, words, panels, done),
            _ => {
                for (first, width) in panels.of(columns) {
                    let step = width * T::GROUP;
                    let out = &mut out[first * words * T::GROUP + done * width..];
                    let (terms, columns) = (done..next, first..columns.min(first + width));
                    match turned {
                        _ if zipped => from.zip_runs(out, step, terms, columns),
                        4 => from.turn::<4>(out, step, terms, columns),
                        2 => from.turn::<2>(out, step, terms, columns),
                        _ => from.scatter(out, step, terms, columns),
                    }
                }
            }
        }
        done = next;
    }
}

/// Where the terms from `first` on end that are copied together, and how many words of them are turned
/// at a time, since they lie together; none if they do not.
fn block<T: Element>(terms: &[u32], first: usize) -> (usize, usize) {
    let turned = |at: usize| {
        let some = &terms[at..terms.len().min(at + TURNS[0] * T::GROUP)];
        let run = run_of(some) / T::GROUP;
        TURNS.into_iter().find(|&words| words <= run).unwrap_or(0)
    };
    let words = turned(first);
    if words >= LINE {
        return (first + words * T::GROUP, words);
    }
    let most = terms.len().min(first + AT_ONCE * T::GROUP);
    let mut end = first;
    while end < most && turned(end) == words {
        end += words.max(1) * T::GROUP;
    }
    (end.min(most), words)
}

/// An operand whose elements at all sums of a term's and a column's offset were found inside it.
#[derive(Clone, Copy)]
struct Source<'a, T> {
    data: &'a [T],
    terms: &'a [u32],
    columns: &'a [u32],
}

impl<'a, T: Element> Source<'a, T> {
    fn new(data: &'a [T], terms: &'a [u32], columns: &'a [u32]) -> Self {
        let last = |offsets: &[u32]| offsets.iter().copied().max().map(|last| last as usize);
        if let (Some(term), Some(column)) = (last(terms), last(columns)) {
            assert!(
                term + column < data.len(),
                "an element lies outside its operand"
            );
        }
        Self {
            data,
            terms,
            columns,
        }
    }

    /// Copies columns of which several each lie together.
    fn zip_runs(&self, out: &mut [T], step: usize, terms: Range<usize>, columns: Range<usize>) {
        let whole = terms.len() / T::GROUP;
        let mut from = columns.start;
        while from < columns.end {
            let to = from + run_of(&self.columns[from..columns.end]);
            let out = &mut out[(from - columns.start) * T::GROUP..];
            let terms = terms.start..terms.start + whole * T::GROUP;
            self.zip(out, step, terms, from..to);
            from = to;
        }
        let part = terms.start + whole * T::GROUP..terms.end;
        self.scatter(&mut out[whole * step..], step, part, columns);
    }

    /// Copies whole words of columns that lie together, `step` apart.
    fn zip(&self, out: &mut [T], step: usize, terms: Range<usize>, columns: Range<usize>) {
        let (terms, count) = (&self.terms[terms], columns.len());
        let columns = &self.columns[columns];
        let ([first, ..], [.., last]) = (columns, columns) else {
            return;
        };
        let words = terms.len() / T::GROUP;
        assert!(last - first + 1 == count as u32, "columns lie together");
        assert!(words == 0 || out.len() >= (words - 1) * step + count * T::GROUP);
        // SAFETY: `new` found every element of these columns inside `data`, and those between the first and
        // the last column are these; all of `words` words fit in `out`.
        unsafe {
            let from = self.data.as_ptr().add(*first as usize);
            for word in 0..words {
                let out = out.as_mut_ptr().add(word * step);
                let term =
                    |at: usize| from.add(*terms.get_unchecked(word * T::GROUP + at) as usize);
                let a = term(0);
                let mut at = 0;
                if T::GROUP == 1 {
                    while at + 4 <= count {
                        vector::store(out.add(at), vector::load(a.add(at)));
                        at += 4;
                    }
                    while at < count {
                        *out.add(at) = *a.add(at);
                        at += 1;
                    }
                    continue;
                }
                let b = term(1);
                while at + 8 <= count {
                    let zipped = vector::zip(vector::load(a.add(at)), vector::load(b.add(at)));
                    vector::store(out.add(2 * at), zipped[0]);
                    vector::store(out.add(2 * at + 8), zipped[1]);
                    at += 8;
                }
                if at + 4 <= count {
                    let zipped =
                        vector::zip(vector::load_half(a.add(at)), vector::load_half(b.add(at)));
                    vector::store(out.add(2 * at), zipped[0]);
                    at += 4;
                }
                while at < count {
                    *out.add(2 * at) = *a.add(at);
                    *out.add(2 * at + 1) = *b.add(at);
                    at += 1;
                }
            }
        }
    }

    /// Copies columns whose terms lie together by so many words into a panel, a run at a time.
    fn turn<const WORDS: usize>(
        &self,
        out: &mut [T],
        step: usize,
        terms: Range<usize>,
        columns: Range<usize>,
    ) {
        let runs = terms.clone().step_by(WORDS * T::GROUP);
        for (run, at) in runs.enumerate() {
            let out = &mut out[run * WORDS * step..];
            self.turn_run::<WORDS>(out, (step, TURNED * T::GROUP), at, columns.clone());
        }
    }

    /// Copies so many words, which lie together from the term `at` on, of all columns.
    fn line<const WORDS: usize>(&self, out: &mut [T], words: usize, panels: Panels, at: usize) {
        let columns = self.columns.len();
        let mut done = 0;
        if panels.width == TURNED && columns >= TURNED {
            // Panel after panel, without a look at each.
            let (step, apart) = (TURNED * T::GROUP, words * TURNED * T::GROUP);
            done = columns - columns % TURNED;
            self.turn_run::<WORDS>(&mut out[at * TURNED..], (step, apart), at, 0..done);
        }
        for (first, width) in panels.of(columns - done) {
            let first = done + first;
            let out = &mut out[first * words * T::GROUP + at * width..];
            let columns = first..columns.min(first + width);
            let (step, apart) = (width * T::GROUP, TURNED * T::GROUP);
            self.turn_run::<WORDS>(out, (step, apart), at, columns);
        }
    }

    /// Copies so many words, which lie together from the term `at` on, of some columns: words go `step` apart,
    /// and so do every four columns `apart`.
    #[expect(
        clippy::inline_always,
        reason = "for so few words, calls would cost as much as the copy"
    )]
    #[inline(always)]
    fn turn_run<const WORDS: usize>(
        &self,
        out: &mut [T],
        (step, apart): (usize, usize),
        at: usize,
        columns: Range<usize>,
    ) {
        const { assert!(size_of::<T>() * T::GROUP == 4 && WORDS <= 16) };
        let numbers = WORDS * T::GROUP;
        let terms = &self.terms[at..at + numbers];
        let term = terms[0] as usize;
        assert!(terms[numbers - 1] as usize == term + numbers - 1);
        let own = &self.columns[columns.clone()];
        let (fours, rest) = own.as_chunks::<TURNED>();
        let last = (WORDS - 1) * step + TURNED * T::GROUP;
        assert!(fours.is_empty() || out.len() >= (fours.len() - 1) * apart + last);
        for (four, &[a, b, c, d]) in fours.iter().enumerate() {
            // SAFETY: `new` found every element of these columns inside `data`; those between the first and
            // the last of these terms are the others. All words fit in `out`.
            unsafe {
                let data = self.data.as_ptr().add(term);
                let columns = (
                    data.add(a as usize),
                    data.add(b as usize),
                    data.add(c as usize),
                    data.add(d as usize),
                );
                let to = out.as_mut_ptr().add(four * apart);
                // Written out, so that all stays in registers however small the code is to be.
                let to = turn_some::<T, WORDS>(columns, 0, to, step);
                if WORDS >= 8 {
                    let to = turn_some::<T, WORDS>(columns, 4 * T::GROUP, to, step);
                    if WORDS == 16 {
                        let to = turn_some::<T, WORDS>(columns, 8 * T::GROUP, to, step);
                        turn_some::<T, WORDS>(columns, 12 * T::GROUP, to, step);
                    }
                }
            }
        }
        if !rest.is_empty() {
            let done = own.len() - rest.len();
            let rest = columns.start + done..columns.end;
            let out = &mut out[fours.len() * apart..];
            self.scatter(out, step, at..at + numbers, rest);
        }
    }

    /// Copies columns that lie anyhow.
    fn scatter(&self, out: &mut [T], step: usize, terms: Range<usize>, columns: Range<usize>) {
        if terms.is_empty() || columns.is_empty() {
            return;
        }
        let (terms, columns) = (&self.terms[terms], &self.columns[columns]);
        let words = terms.len().div_ceil(T::GROUP);
        assert!(out.len() >= (words - 1) * step + columns.len() * T::GROUP);
        for (at, &term) in terms.iter().enumerate() {
            // SAFETY: `new` found every element inside `data`; every number of a word fits in `out`.
            unsafe {
                let from = self.data.as_ptr().add(term as usize);
                let mut to = out.as_mut_ptr().add(at / T::GROUP * step + at % T::GROUP);
                for &column in columns {
                    *to = *from.add(column as usize);
                    // Beyond the last column nothing is written.
                    to = to.wrapping_add(T::GROUP);
                }
            }
        }
    }
}

/// Exchanges rows and columns of four words, or two if there are no more, that lie `from` numbers after each of
/// four places; gives where the word after them goes.
///
/// # Safety
/// The words must lie there, and fit at `to`, `step` apart.
#[expect(clippy::inline_always, reason = "what it exchanges stays in registers")]
#[inline(always)]
unsafe fn turn_some<T: Element, const WORDS: usize>(
    (a, b, c, d): (*const T, *const T, *const T, *const T),
    from: usize,
    to: *mut T,
    step: usize,
) -> *mut T {
    // SAFETY: as the caller says; beyond the last word nothing is written.
    unsafe {
        let load = |column: *const T| {
            if WORDS == 2 {
                vector::load_half(column.add(from))
            } else {
                vector::load(column.add(from))
            }
        };
        let [first, second, third, fourth] = vector::turn(load(a), load(b), load(c), load(d));
        vector::store(to, first);
        let to = to.wrapping_add(step);
        vector::store(to, second);
        let to = to.wrapping_add(step);
        if WORDS == 2 {
            return to;
        }
        vector::store(to, third);
        let to = to.wrapping_add(step);
        vector::store(to, fourth);
        to.wrapping_add(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The panels of columns, one number at a time.
    fn plain<T: Element>(b: &[T], at: Scatter, panels: Panels, words: usize) -> Vec<T> {
        let mut out = vec![];
        for (first, width) in panels.of(at.cols.len()) {
            for number in 0..words * width * T::GROUP {
                let (word, rest) = (number / (width * T::GROUP), number % (width * T::GROUP));
                let term = at.rows.get(word * T::GROUP + rest % T::GROUP);
                let column = at.cols.get(first + rest / T::GROUP);
                let offset = term.zip(column).map(|(term, column)| term + column);
                out.push(offset.map_or(T::default(), |offset| b[offset as usize]));
            }
        }
        out
    }

    fn check<T: Element + PartialEq + std::fmt::Debug>(
        number: fn(u16) -> T,
        (run, runs, columns, apart): (usize, usize, usize, u32),
        panels: Panels,
    ) {
        let stride = run as u32 + apart;
        let terms: Vec<u32> = (0..runs as u32)
            .flat_map(|r| (0..run as u32).map(move |k| r * stride + k))
            .collect();
        let pitch = runs as u32 * stride + 1;
        let cols: Vec<u32> = (0..columns as u32).map(|column| column * pitch).collect();
        let b: Vec<T> = (0..columns * pitch as usize)
            .map(|k| number(k as u16 % 8191))
            .collect();
        let at = Scatter {
            rows: &terms,
            cols: &cols,
        };
        let words = terms.len().div_ceil(T::GROUP).next_multiple_of(4);
        let width: usize = panels.of(columns).map(|(_, width)| width).sum();
        let mut out = vec![number(7); words * width * T::GROUP];
        pack(&mut out, &b, at, panels);
        assert_eq!(out, plain(&b, at, panels, words));
    }

    proptest! {
        #[test]
        fn panels_hold_every_number_in_its_place(
            run in 1_usize..70, runs in 1_usize..5, columns in 1_usize..30, apart in 0_u32..3, rows in 1_usize..9,
        ) {
            let shape = (run, runs, columns, apart);
            for panels in [Panels::right(4), Panels::right(8), Panels::left(rows)] {
                check::<f32>(f32::from, shape, panels);
                check::<i16>(u16::cast_signed, shape, panels);
            }
        }
    }
}
