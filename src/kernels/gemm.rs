//! The matrix product over scattered elements.

use super::pack::{pack_left, pack_right, panels};
use super::tile::{Element, Isa, Left, Right, VECTORS, tile};
use std::ops::Range;

/// Where a matrix's elements lie: element (i, j) at `rows[i] + cols[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Scatter<'a> {
    /// Offset of each row.
    pub rows: &'a [u32],
    /// Offset of each column.
    pub cols: &'a [u32],
}

/// Scratch memory of [`gemm`], kept between calls, and the instructions it uses.
#[derive(Clone, Debug)]
pub struct Packs<T: Element> {
    isa: Isa,
    left: Vec<T>,
    left_rows: Vec<u32>,
    starts: Vec<u32>,
    right: Vec<T>,
    block: Vec<T::Acc>,
}

impl<T: Element> Packs<T> {
    /// Empty scratch memory for products in `isa`, which must be one of [`Isa::available`].
    ///
    /// # Panics
    /// If the machine does not have it.
    #[must_use]
    pub fn with(isa: Isa) -> Self {
        assert!(
            Isa::available().contains(&isa),
            "the machine has these vectors"
        );
        Self {
            isa,
            left: Vec::new(),
            left_rows: Vec::new(),
            starts: Vec::new(),
            right: Vec::new(),
            block: Vec::new(),
        }
    }
}

impl<T: Element> Default for Packs<T> {
    /// Empty scratch memory for the widest vectors the machine has.
    fn default() -> Self {
        Self::with(Isa::widest())
    }
}

/// Elements of a block of sums handed to the sink: it stays in the first-level cache.
const BLOCK: usize = 4 * 1024;

/// Words of the right operand that are packed at a time: they stay in the second-level cache.
const PACKED: usize = 96 * 1024;

/// Words of a panel of the right operand: it stays in the first-level cache.
const PANEL: usize = 6 * 1024;

/// Sums that stay in the second-level cache while the cuts of their terms pass.
const SUMS: usize = 64 * 1024;

/// Columns from which the left operand's words, where they lie apart, are copied together first.
const COPY_FROM: usize = 16;

/// Multiplies `left` (M x K) by `right` (K x N) and hands the sums to `sink` in blocks.
///
/// `sink(row, columns, sums, stride)` gets the rows from `row` on of some columns; row `i` of the
/// block starts at `i * stride`, the block's length is a whole number of strides, and the first
/// `columns.len()` entries of each row count. Integer sums are exact as long as K is at most
/// [`super::safe_terms`].
///
/// # Panics
/// If an offset lies outside its slice or the K sides differ in length.
pub fn gemm<T: Element>(
    packs: &mut Packs<T>,
    (left, left_at): (&[T], Scatter),
    (right, right_at): (&[T], Scatter),
    mut sink: impl FnMut(usize, Range<usize>, &[T::Acc], usize),
) {
    let (m, n, k) = (left_at.rows.len(), right_at.cols.len(), left_at.cols.len());
    assert_eq!(
        k,
        right_at.rows.len(),
        "both operands are contracted over the same indices"
    );
    if m == 0 || n == 0 {
        return;
    }
    let Packs {
        isa,
        left: copied,
        left_rows,
        starts,
        right: packed,
        block,
    } = packs;
    let isa = *isa;
    let words = starts_of::<T>(starts, left_at.cols, n);
    let left = if let Some(words) = words {
        Left::new(left, left_at.rows, starts, words)
    } else {
        // Each row's words together, filled up with zeros to whole starts.
        let length = k.div_ceil(4 * T::GROUP) * 4 * T::GROUP;
        pack_left(copied, left, left_at, length);
        starts.clear();
        starts.extend((0..length as u32).step_by(4 * T::GROUP));
        left_rows.clear();
        left_rows.extend((0..m).map(|row| (row * length) as u32));
        Left::new(copied, left_rows, starts, 4)
    };
    let groups = left.groups();
    let width = VECTORS * isa.lanes();
    // As many cuts of the terms as keep a panel in the first-level cache, of nearly equal length.
    let cuts = groups.div_ceil(PANEL / width).max(1);
    let words_at_once = groups.div_ceil(cuts).next_multiple_of(4);
    let columns_at_once = if cuts == 1 {
        (PACKED / groups.max(1) / width).max(1) * width
    } else {
        (SUMS / m / width).max(1) * width
    };
    // A left operand filled up with zeros has more words than the right one has rows.
    let in_place = in_place::<T>(right.len(), right_at, m, isa).filter(|_| groups == k);
    for first in (0..n).step_by(columns_at_once) {
        let cols = first..n.min(first + columns_at_once);
        let stride = cols.len().div_ceil(isa.lanes()) * isa.lanes();
        let rows_at_once = if cuts == 1 {
            ((BLOCK / stride).max(1).div_ceil(isa.rows()) * isa.rows()).min(m)
        } else {
            m
        };
        block.resize(rows_at_once * stride, T::Acc::default());
        for word in (0..groups.max(1)).step_by(words_at_once.max(1)) {
            let words = word..groups.min(word + words_at_once);
            let at = Scatter {
                rows: &right_at.rows[k.min(words.start * T::GROUP)..k.min(words.end * T::GROUP)],
                cols: &right_at.cols[cols.clone()],
            };
            if in_place.is_none() {
                pack_right(packed, right, at, words.len(), isa.lanes());
            }
            let left = left.part(words.clone());
            for row in (0..m).step_by(rows_at_once) {
                let rows = rows_at_once.min(m - row);
                for above in (0..rows).step_by(isa.rows()) {
                    let count = isa.rows().min(rows - above);
                    for (from, vectors) in panels(cols.len(), isa.lanes()) {
                        let panel = match in_place {
                            Some(step) => Right {
                                data: &right[(at.rows[0] + at.cols[from]) as usize..],
                                step,
                                vectors,
                            },
                            None => Right {
                                data: &packed[from * words.len() * T::GROUP..],
                                step: vectors * isa.lanes() * T::GROUP,
                                vectors,
                            },
                        };
                        let out = (&mut block[above * stride + from..], stride);
                        tile(isa, &left, (row + above, count), panel, out, word > 0);
                    }
                }
                if words.end == groups {
                    sink(row, cols.clone(), &block[..rows * stride], stride);
                }
            }
        }
    }
}

/// Lists where the left operand's words start, if they can be read where they lie: by fours (4) or
/// one by one (1).
fn starts_of<T: Element>(starts: &mut Vec<u32>, terms: &[u32], columns: usize) -> Option<usize> {
    let together = |terms: &[u32]| terms.windows(2).all(|pair| pair[1] == pair[0] + 1);
    starts.clear();
    for length in [4, 1] {
        let numbers = length * T::GROUP;
        let apart = length == 1 && columns >= COPY_FROM;
        if !apart && terms.len().is_multiple_of(numbers) && terms.chunks(numbers).all(together) {
            starts.extend(terms.iter().step_by(numbers));
            return Some(length);
        }
    }
    None
}

/// The step between rows of a right operand that can be read where it lies: few rows of the left
/// would not pay for packing it.
fn in_place<T: Element>(length: usize, at: Scatter, rows: usize, isa: Isa) -> Option<usize> {
    let even = |offsets: &[u32], step: u32| {
        offsets
            .windows(2)
            .all(|pair| pair[1].checked_sub(pair[0]) == Some(step))
    };
    let step = match at.rows {
        [first, second, ..] => second.checked_sub(*first)?,
        [_] => 1,
        [] => return None,
    };
    let last = at.rows.last()? + at.cols.last()?;
    (T::GROUP == 1
        && rows <= 8 * isa.rows()
        && at.cols.len().is_multiple_of(isa.lanes())
        && even(at.cols, 1)
        && even(at.rows, step)
        && (last as usize) < length)
        .then_some(step as usize)
}

#[cfg(test)]
#[expect(
    clippy::many_single_char_names,
    reason = "matrices and their sides, as every text on products names them"
)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};

    /// Offsets of a `rows x cols` matrix in one of the ways operands lie, and the length it needs.
    fn offsets(way: u32, rows: usize, cols: usize) -> (Vec<u32>, Vec<u32>, usize) {
        let (r, c) = (rows as u32, cols as u32);
        let run = |run: u32, gap: u32| move |j: u32| j / run * (run + gap) + j % run;
        let (row_at, col_at): (Vec<u32>, Vec<u32>) = match way {
            // By rows, with a gap; transposed, with a gap; by rows in runs of 5, 8 and 2 columns.
            0 => ((0..r).map(|i| i * (c + 3)).collect(), (0..c).collect()),
            1 => ((0..r).collect(), (0..c).map(|j| j * (r + 3)).collect()),
            2 => (
                (0..r).map(|i| i * (3 * c + 9)).collect(),
                (0..c).map(run(5, 2)).collect(),
            ),
            3 => (
                (0..r).map(|i| i * (3 * c + 9)).collect(),
                (0..c).map(run(8, 4)).collect(),
            ),
            4 => (
                (0..r).map(run(2, 3)).collect(),
                (0..c).map(|j| j * (3 * r + 7)).collect(),
            ),
            // Backwards.
            _ => (
                (0..r).map(|i| (r - 1 - i) * (c + 1)).collect(),
                (0..c).map(|j| c - 1 - j).collect(),
            ),
        };
        let last = |at: &[u32]| at.iter().max().map_or(0, |&at| at as usize);
        let length = last(&row_at) + last(&col_at) + 1;
        (row_at, col_at, length)
    }

    /// Sides and ways of case `case`: small ones, some of them on a tile's edge.
    fn case(case: u32) -> ([usize; 3], [u32; 2]) {
        let stream = Stream::new(Seed(1), 0, 0, 0);
        let side = |d: u32, most: u32| 1 + stream.below(case * 8 + d, most) as usize;
        let sides = match case % 5 {
            0 => [side(0, 70), side(1, 70), side(2, 70)],
            1 => [side(0, 20), side(1, 40) * 8, side(2, 9) * 8],
            3 => [side(0, 9), side(1, 3) * 16, side(2, 40)],
            2 => [side(0, 9), side(1, 12), side(2, 300)],
            _ => [side(0, 4) * 24, side(1, 4) * 32, side(2, 20) * 4],
        };
        (
            sides,
            [stream.below(case * 8 + 3, 6), stream.below(case * 8 + 4, 6)],
        )
    }

    /// All products of one kind, each checked against the loop `want(a, b, term pairs)`.
    fn check<T: Element>(
        isa: Isa,
        cases: u32,
        draw: impl Fn(Stream, u32) -> T,
        agree: impl Fn(T::Acc, &mut dyn Iterator<Item = (T, T)>) -> bool,
    ) {
        let mut packs = Packs::with(isa);
        for number in 0..cases {
            let ([m, n, k], [left_way, right_way]) = case(number);
            let (ar, ac, a_length) = offsets(left_way, m, k);
            let (br, bc, b_length) = offsets(right_way, k, n);
            let draw = |length: usize, salt: u32| -> Vec<T> {
                let stream = Stream::new(Seed(2), 0, number, salt);
                (0..length as u32).map(|i| draw(stream, i)).collect()
            };
            let (a, b) = (draw(a_length, 0), draw(b_length, 1));
            let mut seen = vec![0; m * n];
            gemm(
                &mut packs,
                (
                    &a,
                    Scatter {
                        rows: &ar,
                        cols: &ac,
                    },
                ),
                (
                    &b,
                    Scatter {
                        rows: &br,
                        cols: &bc,
                    },
                ),
                |row, columns, sums, stride| {
                    for (i, sums) in sums.chunks(stride).enumerate() {
                        for (j, &sum) in columns.clone().zip(sums) {
                            let mut terms = (0..k).map(|q| {
                                (
                                    a[(ar[row + i] + ac[q]) as usize],
                                    b[(br[q] + bc[j]) as usize],
                                )
                            });
                            assert!(agree(sum, &mut terms), "{isa:?}, case {number}");
                            seen[(row + i) * n + j] += 1;
                        }
                    }
                },
            );
            assert!(seen.iter().all(|&times| times == 1));
        }
    }

    #[test]
    fn integer_products_equal_the_plain_loop_in_every_instruction_set() {
        for isa in Isa::available() {
            check::<i16>(
                isa,
                240,
                |stream, i| (stream.bits(i) >> 20) as i16 - 2048,
                |sum, terms| {
                    let want: i64 = terms.map(|(a, b)| i64::from(a) * i64::from(b)).sum();
                    i64::from(sum) == want
                },
            );
        }
    }

    #[test]
    fn float_products_are_close_to_the_f64_loop_in_every_instruction_set() {
        for isa in Isa::available() {
            check::<f32>(isa, 240, Stream::normal, |sum, terms| {
                let (mut want, mut size) = (0.0_f64, 0.0_f64);
                for (a, b) in terms {
                    let product = f64::from(a) * f64::from(b);
                    want += product;
                    size += product.abs();
                }
                // Each of at most 300 additions rounds to 24 bits.
                (f64::from(sum) - want).abs() <= 2e-5 * size + 1e-30
            });
        }
    }

    #[test]
    fn wide_products_are_handed_over_in_blocks_of_columns() {
        let (m, n, k) = (300, 700, 600);
        let (ar, ac, a_length) = offsets(0, m, k);
        let (br, bc, b_length) = offsets(0, k, n);
        let (a, b) = (vec![1_i16; a_length], vec![2_i16; b_length]);
        let (mut blocks, mut entries) = (0, 0);
        gemm(
            &mut Packs::default(),
            (
                &a,
                Scatter {
                    rows: &ar,
                    cols: &ac,
                },
            ),
            (
                &b,
                Scatter {
                    rows: &br,
                    cols: &bc,
                },
            ),
            |_, columns, sums, stride| {
                blocks += 1;
                for row in sums.chunks(stride) {
                    assert!(row[..columns.len()].iter().all(|&sum| sum == 1200));
                    entries += columns.len();
                }
            },
        );
        assert_eq!(entries, m * n);
        assert!(blocks > 1);
    }
}
