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

/// Words turned together where it is terms that lie together.
const TURNED: usize = 4;

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
fn together(offsets: &[u32]) -> bool {
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
            (terms.min(done + AT_ONCE * T::GROUP), false)
        } else {
            block::<T>(at.rows, done)
        };
        let terms = done..next;
        for (first, width) in panels.of(columns) {
            let step = width * T::GROUP;
            let out = &mut out[first * words * T::GROUP + done * width..];
            let columns = first..columns.min(first + width);
            if turned {
                from.turn(out, step, terms.clone(), columns);
                continue;
            }
            let mut apart = terms.clone();
            if zipped {
                apart.start += terms.len() / T::GROUP * T::GROUP;
                let mut start = columns.start;
                while start < columns.end {
                    let end = start + run_of(&at.cols[start..columns.end]);
                    let out = &mut out[(start - first) * T::GROUP..];
                    from.zip(out, step, terms.clone(), start..end);
                    start = end;
                }
            }
            let out = &mut out[(apart.start - done) * width..];
            from.scatter(out, step, apart, columns);
        }
        done = next;
    }
}

/// Where the terms from `first` on end that are copied together, and whether they are turned: they lie
/// together by as many words as that takes.
fn block<T: Element>(terms: &[u32], first: usize) -> (usize, bool) {
    let numbers = TURNED * T::GROUP;
    let most = &terms[first..terms.len().min(first + AT_ONCE * T::GROUP)];
    let turned = |terms: &[u32]| terms.len() == numbers && together(terms);
    let mut fours = most.chunks(numbers);
    let how = fours.next().is_some_and(turned);
    let alike = 1 + fours.take_while(|terms| turned(terms) == how).count();
    (first + most.len().min(alike * numbers), how)
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

    /// Copies columns whose terms lie together by as many words as are turned.
    fn turn(&self, out: &mut [T], step: usize, terms: Range<usize>, columns: Range<usize>) {
        let numbers = TURNED * T::GROUP;
        let fours = columns.len() / TURNED;
        let list = &self.terms[terms.clone()];
        assert!(
            list.chunks(numbers)
                .all(|list| list.len() == numbers
                    && list[numbers - 1] == list[0] + numbers as u32 - 1)
        );
        let words = list.len() / T::GROUP;
        assert!(words == 0 || out.len() >= (words - 1) * step + columns.len() * T::GROUP);
        for four in 0..fours {
            let first = columns.start + four * TURNED;
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| self.columns[first + at] as usize);
            // SAFETY: `new` found every element of these columns inside `data`; of terms, those between the
            // first and the last of some words are these. All words fit in `out`.
            unsafe {
                let out = out.as_mut_ptr().add(four * TURNED * T::GROUP);
                for words in 0..list.len() / numbers {
                    let from = self
                        .data
                        .as_ptr()
                        .add(*list.get_unchecked(words * numbers) as usize);
                    let out = out.add(words * TURNED * step);
                    let [a, b, c, d] = vector::turn(
                        vector::load(from.add(a)),
                        vector::load(from.add(b)),
                        vector::load(from.add(c)),
                        vector::load(from.add(d)),
                    );
                    vector::store(out, a);
                    vector::store(out.add(step), b);
                    vector::store(out.add(2 * step), c);
                    vector::store(out.add(3 * step), d);
                }
            }
        }
        let done = fours * TURNED;
        self.scatter(
            &mut out[done * T::GROUP..],
            step,
            terms,
            columns.start + done..columns.end,
        );
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
