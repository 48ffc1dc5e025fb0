//! Copies of operands in the order in which tiles read them.

use super::gemm::Scatter;
use super::lines::Lines;
use super::tile::{Element, VECTORS};

/// The panels of `columns` columns in vectors of `lanes`: each one's first column and vectors.
pub(super) fn panels(columns: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..columns)
        .step_by(VECTORS * lanes)
        .map(move |from| (from, (columns - from).div_ceil(lanes).min(VECTORS)))
}

/// Whether offsets follow each other.
fn together(offsets: &[u32]) -> bool {
    offsets.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

/// Copies rows one after another, `length` apart, zeros after their last term.
pub(super) fn pack_left<T: Element>(out: &mut Lines<T>, a: &[T], at: Scatter, length: usize) {
    let terms = at.cols.len();
    out.resize(at.rows.len() * length);
    for row in out.chunks_exact_mut(length.max(1)) {
        row[terms..].fill(T::default());
    }
    let run = 1 + at.cols.windows(2).take_while(|w| w[1] == w[0] + 1).count();
    if run >= 4 && terms.is_multiple_of(run) && at.cols.chunks(run).all(together) {
        for (out, &row) in out.chunks_exact_mut(length).zip(at.rows) {
            for (out, cols) in out.chunks_exact_mut(run).zip(at.cols.chunks(run)) {
                let start = (row + cols[0]) as usize;
                out.copy_from_slice(&a[start..start + run]);
            }
        }
        return;
    }
    let (squares, last) = at.cols.as_chunks::<SQUARE>();
    let lasts = squares.len() * SQUARE;
    for (out, rows) in out.chunks_mut(SQUARE * length).zip(at.rows.chunks(SQUARE)) {
        for (square, cols) in squares.iter().enumerate() {
            for (out, &row) in out.chunks_exact_mut(length).zip(rows) {
                let from = &a[row as usize..];
                for (slot, &col) in out[square * SQUARE..][..SQUARE].iter_mut().zip(cols) {
                    *slot = from[col as usize];
                }
            }
        }
        for (out, &row) in out.chunks_exact_mut(length).zip(rows) {
            for (slot, &col) in out[lasts..].iter_mut().zip(last) {
                *slot = a[(row + col) as usize];
            }
        }
    }
}

/// Rows and terms copied together: however far apart they lie, a line of each stays in the first-level cache.
const SQUARE: usize = 8;

/// Copies columns into panels, which fill `out`: `[word][column][within word]`, zeros beside and below
/// the matrix.
pub(super) fn pack_right<T: Element>(out: &mut [T], b: &[T], at: Scatter, lanes: usize) {
    let width = at.cols.len().next_multiple_of(lanes);
    if width == 0 {
        return;
    }
    let groups = out.len() / (width * T::GROUP);
    for (from, vectors) in panels(at.cols.len(), lanes) {
        let cols = &at.cols[from..at.cols.len().min(from + vectors * lanes)];
        let step = vectors * lanes * T::GROUP;
        let panel = &mut out[from * groups * T::GROUP..][..groups * step];
        let run = 1 + cols.windows(2).take_while(|w| w[1] == w[0] + 1).count();
        let runs = run >= 4 && cols.chunks(run).all(together);
        let words = at.rows.chunks(T::GROUP);
        let filled = words.len();
        if cols.len() < vectors * lanes {
            for word in panel.chunks_exact_mut(step) {
                word[cols.len() * T::GROUP..].fill(T::default());
            }
        }
        let mut done = 0;
        if runs {
            done = at.rows.len() / T::GROUP;
            for (part, cols) in cols.chunks(run).enumerate() {
                let out = &mut panel[part * run * T::GROUP..];
                T::interleave(out, step, &b[cols[0] as usize..], at.rows, cols.len());
            }
        }
        for (word, rows) in panel.chunks_exact_mut(step).zip(words).skip(done) {
            let word = &mut word[..cols.len() * T::GROUP];
            if rows.len() == T::GROUP && together(rows) {
                let b = &b[rows[0] as usize..];
                for (pair, &col) in word.chunks_exact_mut(T::GROUP).zip(cols) {
                    pair.copy_from_slice(&b[col as usize..col as usize + T::GROUP]);
                }
            } else {
                for (pair, &col) in word.chunks_exact_mut(T::GROUP).zip(cols) {
                    pair.fill(T::default());
                    for (slot, &row) in pair.iter_mut().zip(rows) {
                        *slot = b[(row + col) as usize];
                    }
                }
            }
        }
        panel[filled * step..].fill(T::default());
    }
}
