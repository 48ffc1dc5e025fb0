//! The matrix product over scattered elements.

use super::kept::{Factor, cuts, padded};
use super::lines::Lines;
use super::pack::{Panels, pack, together};
use super::rows::{Rows, run_of, run_within};
use super::tile::{Cut, Element, Isa, Out, RUNS, Ramps, VECTORS, tile};
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
    left: Lines<T>,
    starts: Vec<u32>,
    right: Lines<T>,
    right_starts: Vec<u32>,
    ramps: Ramps,
    block_rows: Vec<u32>,
    block: Lines<T::Acc>,
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
            left: Lines::default(),
            starts: Vec::new(),
            right: Lines::default(),
            right_starts: Vec::new(),
            ramps: Ramps::default(),
            block_rows: Vec::new(),
            block: Lines::default(),
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

/// Tiles of a block, one above the other: what is set up for a panel serves them all.
const TILES: usize = 8;

/// Words of the right operand that are packed at a time: they stay in the second-level cache.
const PACKED: usize = 96 * 1024;

/// Sums that stay in the second-level cache while the cuts of their terms pass.
const SUMS: usize = 64 * 1024;

/// Tiles of rows up to which the right operand is read where it lies: so few do not pay for a copy.
const IN_PLACE: usize = 8;

/// Multiplies `left` (M x K) by `right` (K x N) and hands the sums to `sink` in blocks.
///
/// `sink(row, columns, sums, stride)` gets the rows from `row` on of some columns; row `i` of the
/// block starts at `i * stride`, the block's length is a whole number of strides, and the first
/// `columns.len()` entries of each row count. Integer sums are exact as long as K is at most
/// [`super::safe_terms`].
///
/// # Panics
/// If an offset lies outside its slice, the K sides differ in length, or a kept operand was packed for
/// other vectors.
pub fn gemm<T: Element>(
    packs: &mut Packs<T>,
    left: (&[T], Scatter),
    right: Factor<T>,
    mut sink: impl FnMut(usize, Range<usize>, &[T::Acc], usize),
) {
    product(packs, left, right, Target::Blocks(&mut sink));
}

/// Multiplies `left` by `right` straight into `out`, where element (i, j) lies at `rows[i] + cols[j]`, or
/// adds to what is there. False, with nothing done, if the columns do not lie together by whole vectors.
///
/// # Panics
/// As [`gemm`]; or if the sides of `at` are not the product's.
pub fn gemm_into<T: Element>(
    packs: &mut Packs<T>,
    left: (&[T], Scatter),
    right: Factor<T>,
    (out, at): (&mut [T::Acc], Scatter),
    add: bool,
) -> bool {
    let together = in_vectors(at.cols, packs.isa.lanes());
    if together {
        let reach = at.rows.iter().copied().max().unwrap_or(0) as usize;
        let sides = (left.1.rows.len(), right.sides().1);
        assert_eq!(
            (at.rows.len(), at.cols.len()),
            sides,
            "a place for each sum"
        );
        let direct = Direct {
            out,
            at,
            reach,
            add,
        };
        product(packs, left, right, Target::Direct(direct));
    }
    together
}

/// Whether [`gemm_into`] can write results with these columns straight to their places.
#[must_use]
pub fn is_direct(cols: &[u32]) -> bool {
    in_vectors(cols, Isa::widest().lanes())
}

/// What [`gemm`] hands its sums to.
type Sink<'a, T> = dyn FnMut(usize, Range<usize>, &[<T as Element>::Acc], usize) + 'a;

/// Where a product's sums go.
enum Target<'a, T: Element> {
    Blocks(&'a mut Sink<'a, T>),
    Direct(Direct<'a, T::Acc>),
}

/// A result in which each sum has its place.
struct Direct<'a, S> {
    out: &'a mut [S],
    at: Scatter<'a>,
    /// The last row.
    reach: usize,
    add: bool,
}

impl<S> Direct<'_, S> {
    /// The place of rows from `row` on, in panels whose vectors begin with these columns.
    fn out(&mut self, row: usize, columns: [usize; VECTORS], more: bool) -> Out<'_, S> {
        let [first, second] = columns.map(|column| self.at.cols[column] as usize);
        Out {
            data: &mut self.out[first..],
            rows: &self.at.rows[row..],
            reach: self.reach,
            second: second - first,
            add: self.add || more,
        }
    }
}

/// A product made cut by cut of its terms, panel by panel of its columns, tile by tile of its rows.
fn product<T: Element>(
    packs: &mut Packs<T>,
    (left, left_at): (&[T], Scatter),
    right: Factor<T>,
    mut target: Target<T>,
) {
    let (m, k) = (left_at.rows.len(), left_at.cols.len());
    let (terms, n) = right.sides();
    assert_eq!(
        k, terms,
        "both operands are contracted over the same indices"
    );
    if m == 0 || n == 0 {
        return;
    }
    let Packs {
        isa,
        left: packed_left,
        starts,
        right: packed,
        right_starts,
        ramps,
        block_rows,
        block,
    } = packs;
    let (isa, lanes) = (*isa, isa.lanes());
    let Reading {
        in_place,
        step,
        run,
    } = reading::<T>(left_at, right, isa, right_starts);
    let how = (in_place.then_some(run), step.map(|_| run));
    let mut left = Rows::new((left, left_at), isa, how, (starts, packed_left));
    let blocks = matches!(target, Target::Blocks(_));
    let packs_right = matches!(right, Factor::Scattered(..)) && step.is_none();
    let at_once = at_once::<T>(isa, (m, n, k), (blocks && step.is_none(), packs_right));
    for first in (0..n).step_by(at_once.columns) {
        let cols = first..n.min(first + at_once.columns);
        let stride = cols.len().next_multiple_of(lanes);
        if blocks {
            block.resize(at_once.rows * stride);
            block_rows.clear();
            block_rows.extend((0..at_once.rows).map(|row| (row * stride) as u32));
        }
        for words in cuts::<T>(k, isa) {
            // Starts of the words that an operand has where it lies, not filled up.
            let lain = words.start / run..words.end.min(k / T::GROUP) / run;
            let ramps = if in_place {
                ramps.of::<T>(lain.len(), run, lanes)
            } else {
                [1, 2].map(|vectors| (&[0][..], vectors * lanes * T::GROUP))
            };
            let cut = match (right, step) {
                (Factor::Scattered(right, at), Some(step)) => {
                    Cut::scattered(right, &at.cols[cols.clone()], &right_starts[lain], step)
                }
                (Factor::Scattered(right, at), None) => {
                    let at = Scatter {
                        cols: &at.cols[cols.clone()],
                        ..at.terms::<T>(&words)
                    };
                    packed.resize(words.len() * stride * T::GROUP);
                    pack(packed, right, at, Panels::right(lanes));
                    Cut::packed(packed, words.len(), ramps)
                }
                (Factor::Kept(kept), _) => {
                    let before = words.start * n.next_multiple_of(lanes) + first * words.len();
                    let words_from = &kept.words[before * T::GROUP..];
                    Cut::packed(words_from, words.len(), ramps)
                }
            };
            for row in (0..m).step_by(at_once.rows) {
                let end = m.min(row + at_once.rows);
                let some = left.at_once(words.len());
                for from in (row..end).step_by(some) {
                    let rows = from..end.min(from + some);
                    let left = left.part(rows.clone(), &words);
                    for (column, width) in Panels::right(lanes).of(cols.len()) {
                        let vectors = width / lanes;
                        let mut out = match &mut target {
                            Target::Blocks(_) => Out {
                                data: &mut block[column..],
                                rows: &block_rows[rows.start - row..],
                                reach: (end - row - 1) * stride,
                                second: lanes,
                                add: words.start > 0,
                            },
                            Target::Direct(direct) => {
                                let column = first + column;
                                let columns = [column, column + (vectors - 1) * lanes];
                                direct.out(rows.start, columns, words.start > 0)
                            }
                        };
                        let panel = cut.panel(column, vectors, lanes);
                        tile(isa, &left, rows.len(), panel, &mut out);
                    }
                }
                if words.end == padded::<T>(k)
                    && let Target::Blocks(sink) = &mut target
                {
                    sink(row, cols.clone(), &block[..(end - row) * stride], stride);
                }
            }
        }
    }
}

/// How a product's operands are read.
struct Reading {
    /// Whether the left one is read where it lies.
    in_place: bool,
    /// Words that follow each other in an operand read where it lies.
    run: usize,
    /// From one word of a run to the next in a right one that is read where it lies.
    step: Option<usize>,
}

/// How to read the operands; where a right one's runs begin is listed, if that is read where it lies.
fn reading<T: Element>(
    left: Scatter,
    right: Factor<T>,
    isa: Isa,
    right_starts: &mut Vec<u32>,
) -> Reading {
    let own = run_of::<T>(left.cols, right.sides().1, isa);
    let longest = own.or_else(|| run_within(left.cols.len() / T::GROUP));
    let found = match right {
        Factor::Scattered(_, at) if left.rows.len() <= IN_PLACE * isa.rows() => {
            longest.and_then(|longest| in_place::<T>(at, longest, isa.lanes(), right_starts))
        }
        Factor::Scattered(..) => None,
        Factor::Kept(kept) => {
            assert_eq!(kept.isa, isa, "the operand is packed for these vectors");
            None
        }
    };
    Reading {
        in_place: own.is_some(),
        run: found.map_or(longest.unwrap_or(1), |(run, _)| run),
        step: found.map(|(_, step)| step),
    }
}

/// Rows and columns of a product that are made together.
struct AtOnce {
    rows: usize,
    columns: usize,
}

/// The rows and columns made together in a product of M x N sums of K terms, given whether they go by
/// blocks of some tiles' rows, and whether the right operand is packed on the way.
fn at_once<T: Element>(
    isa: Isa,
    (m, n, k): (usize, usize, usize),
    (blocks, packs_right): (bool, bool),
) -> AtOnce {
    let cut = cuts::<T>(k, isa).nth(1).is_some();
    let columns = match (blocks, packs_right) {
        _ if cut => SUMS / m,
        (true, _) => BLOCK / (TILES * isa.rows()),
        (false, true) => PACKED / padded::<T>(k),
        (false, false) => n,
    };
    let width = VECTORS * isa.lanes();
    let columns = (columns / width).max(1) * width;
    let stride = n.min(columns).next_multiple_of(isa.lanes());
    let rows = if blocks && !cut {
        // A narrow block has more rows.
        (BLOCK / stride).next_multiple_of(isa.rows()).min(m)
    } else {
        m
    };
    AtOnce { rows, columns }
}

/// Whether columns lie together by whole vectors, in ascending order.
fn in_vectors(cols: &[u32], lanes: usize) -> bool {
    cols.len().is_multiple_of(lanes) && cols.is_sorted() && cols.chunks(lanes).all(together)
}

/// Lists where runs of words, the longest possible and at most `longest`, begin in a right operand that can
/// be read where it lies: whole vectors of columns, and an even step between a run's words. Gives the words
/// of a run and the step.
fn in_place<T: Element>(
    at: Scatter,
    longest: usize,
    lanes: usize,
    starts: &mut Vec<u32>,
) -> Option<(usize, usize)> {
    if T::GROUP > 1 || !in_vectors(at.cols, lanes) {
        return None;
    }
    let step = match at.rows {
        [first, second, ..] if longest > 1 => second.checked_sub(*first)?,
        _ => 0,
    };
    let even = |rows: &[u32]| {
        rows.windows(2)
            .all(|pair| pair[0].checked_add(step) == Some(pair[1]))
    };
    // Of runs of single words there are too many, but where the left operand has no others.
    let mut runs = RUNS
        .into_iter()
        .filter(|&run| run <= longest && (run > 1) == (longest > 1));
    let words = runs.find(|&run| at.rows.chunks(run).all(even))?;
    starts.clear();
    starts.extend(at.rows.iter().step_by(words));
    Some((words, step as usize))
}

#[cfg(test)]
#[expect(
    clippy::many_single_char_names,
    reason = "matrices and their sides, as every text on products names them"
)]
mod tests {
    use super::super::Kept;
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
            let left = Scatter {
                rows: &ar,
                cols: &ac,
            };
            let right = Scatter {
                rows: &br,
                cols: &bc,
            };
            let check = |found: &[T::Acc], how: &str| {
                for (i, row) in found.chunks(n).enumerate() {
                    for (j, &sum) in row.iter().enumerate() {
                        let a = |q: usize| a[(ar[i] + ac[q]) as usize];
                        let b = |q: usize| b[(br[q] + bc[j]) as usize];
                        let mut terms = (0..k).map(|q| (a(q), b(q)));
                        assert!(agree(sum, &mut terms), "{isa:?}, case {number}, {how}");
                    }
                }
            };
            let mut kept = Kept::with(isa);
            kept.pack(&b, right);
            for right in [Factor::Scattered(&b, right), Factor::Kept(&kept)] {
                let mut found = vec![T::Acc::default(); m * n];
                let mut seen = vec![0; m * n];
                gemm(
                    &mut packs,
                    (&a, left),
                    right,
                    |row, columns, sums, stride| {
                        for (i, sums) in sums.chunks(stride).enumerate() {
                            for (j, &sum) in columns.clone().zip(sums) {
                                found[(row + i) * n + j] = sum;
                                seen[(row + i) * n + j] += 1;
                            }
                        }
                    },
                );
                assert!(seen.iter().all(|&times| times == 1));
                check(&found, "in blocks");
                let rows: Vec<u32> = (0..m).rev().map(|row| (row * n) as u32).collect();
                let cols: Vec<u32> = (0..n as u32).collect();
                let at = Scatter {
                    rows: &rows,
                    cols: &cols,
                };
                for add in [false, true] {
                    let mut out = vec![T::Acc::default(); m * n];
                    let direct = gemm_into(&mut packs, (&a, left), right, (&mut out, at), add);
                    assert_eq!(direct, n.is_multiple_of(isa.lanes()));
                    if direct {
                        let rows = out.chunks(n).rev();
                        check(&rows.flatten().copied().collect::<Vec<_>>(), "in place");
                    }
                }
            }
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
            Factor::Scattered(
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
