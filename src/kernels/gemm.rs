//! The matrix product over scattered elements.

use super::lines::Lines;
use super::pack::{pack_left, pack_right, panels};
use super::tile::{Cut, Element, Isa, Left, Out, Ramps, VECTORS, tile};
use std::ops::Range;

/// Where a matrix's elements lie: element (i, j) at `rows[i] + cols[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Scatter<'a> {
    /// Offset of each row.
    pub rows: &'a [u32],
    /// Offset of each column.
    pub cols: &'a [u32],
}

/// The right operand of a product.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a, T: Element> {
    /// Elements where they lie.
    Scattered(&'a [T], Scatter<'a>),
    /// Elements that were packed before, since many products share them.
    Kept(&'a Kept<T>),
}

/// A right operand in the order in which tiles read it.
#[derive(Clone, Debug)]
pub struct Kept<T: Element> {
    isa: Isa,
    words: Lines<T>,
    terms: usize,
    columns: usize,
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
            pack_right(out, right, at.terms::<T>(&words), lanes);
        }
    }
}

impl<T: Element> Default for Kept<T> {
    /// No operand yet; for the widest vectors the machine has.
    fn default() -> Self {
        Self::with(Isa::widest())
    }
}

/// Scratch memory of [`gemm`], kept between calls, and the instructions it uses.
#[derive(Clone, Debug)]
pub struct Packs<T: Element> {
    isa: Isa,
    left: Lines<T>,
    left_rows: Vec<u32>,
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
            left_rows: Vec::new(),
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

/// Words of a panel of the right operand: it stays in the first-level cache.
const PANEL: usize = 6 * 1024;

/// Sums that stay in the second-level cache while the cuts of their terms pass.
const SUMS: usize = 64 * 1024;

/// Columns from which the left operand's words, where they lie apart, are copied together first.
const COPY_FROM: usize = 16;

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
    sink: impl FnMut(usize, Range<usize>, &[T::Acc], usize),
) {
    product(packs, left, right, Target::Blocks(sink));
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
        let direct = Target::Direct {
            out,
            at,
            reach,
            add,
        };
        product::<T, fn(usize, Range<usize>, &[T::Acc], usize)>(packs, left, right, direct);
    }
    together
}

/// Where a product's sums go.
enum Target<'a, T: Element, F> {
    Blocks(F),
    Direct {
        out: &'a mut [T::Acc],
        at: Scatter<'a>,
        reach: usize,
        add: bool,
    },
}

fn product<T: Element, F: FnMut(usize, Range<usize>, &[T::Acc], usize)>(
    packs: &mut Packs<T>,
    (left, left_at): (&[T], Scatter),
    right: Factor<T>,
    mut target: Target<T, F>,
) {
    let (m, k) = (left_at.rows.len(), left_at.cols.len());
    let (terms, n) = match right {
        Factor::Scattered(_, at) => (at.rows.len(), at.cols.len()),
        Factor::Kept(kept) => (kept.terms, kept.columns),
    };
    assert_eq!(
        k, terms,
        "both operands are contracted over the same indices"
    );
    if let Target::Direct { at, .. } = &target {
        assert_eq!(
            (at.rows.len(), at.cols.len()),
            (m, n),
            "a place for each sum"
        );
    }
    if m == 0 || n == 0 {
        return;
    }
    let Packs {
        isa,
        left: copied,
        left_rows,
        starts,
        right: packed,
        right_starts,
        ramps,
        block_rows,
        block,
    } = packs;
    let (isa, lanes) = (*isa, isa.lanes());
    let left = if let Some(words) = starts_of::<T>(starts, left_at.cols, n) {
        Left::new(left, left_at.rows, starts, words)
    } else {
        // Each row's words together, filled up with zeros to whole starts.
        let length = padded::<T>(k) * T::GROUP;
        pack_left(copied, left, left_at, length);
        starts.clear();
        starts.extend((0..length as u32).step_by(4 * T::GROUP));
        left_rows.clear();
        left_rows.extend((0..m).map(|row| (row * length) as u32));
        Left::new(copied, left_rows, starts, 4)
    };
    let in_place = match right {
        Factor::Scattered(_, at) if left.groups() == k && m <= IN_PLACE * isa.rows() => {
            in_place::<T>(at, left.words(), lanes, right_starts)
        }
        Factor::Scattered(..) => None,
        Factor::Kept(kept) => {
            assert_eq!(kept.isa, isa, "the operand is packed for these vectors");
            None
        }
    };
    let one_cut = cuts::<T>(k, isa).nth(1).is_none();
    let width = VECTORS * lanes;
    // Blocks of some tiles' rows; without them, all rows and what the caches hold of the right operand.
    let rows_in_block = if one_cut && in_place.is_none() && matches!(target, Target::Blocks(_)) {
        m.min(TILES * isa.rows())
    } else {
        m
    };
    let columns_at_once = match (&target, right) {
        _ if !one_cut => SUMS / m,
        (Target::Blocks(_), _) if in_place.is_none() => BLOCK / (TILES * isa.rows()),
        (_, Factor::Scattered(..)) if in_place.is_none() => PACKED / padded::<T>(k),
        _ => n,
    };
    let columns_at_once = (columns_at_once / width).max(1) * width;
    for first in (0..n).step_by(columns_at_once) {
        let cols = first..n.min(first + columns_at_once);
        let stride = cols.len().next_multiple_of(lanes);
        let rows_at_once = match &target {
            // A narrow block has more rows.
            Target::Blocks(_) if rows_in_block < m => {
                (BLOCK / stride).next_multiple_of(isa.rows()).min(m)
            }
            _ => m,
        };
        if let Target::Blocks(_) = target {
            block.resize(rows_at_once * stride);
            block_rows.clear();
            block_rows.extend((0..rows_at_once).map(|row| (row * stride) as u32));
        }
        for words in cuts::<T>(k, isa) {
            let left = left.part(words.start..left.groups().min(words.end));
            let starts = words.start / left.words()..words.end.div_ceil(left.words());
            let cut = match (right, in_place) {
                (Factor::Scattered(right, at), Some(step)) => {
                    let starts = &right_starts[starts.start..right_starts.len().min(starts.end)];
                    Cut::scattered(right, &at.cols[cols.clone()], starts, step)
                }
                (Factor::Scattered(right, at), None) => {
                    let at = Scatter {
                        cols: &at.cols[cols.clone()],
                        ..at.terms::<T>(&words)
                    };
                    packed.resize(words.len() * stride * T::GROUP);
                    pack_right(packed, right, at, lanes);
                    Cut::packed(packed, words.len(), ramps.of::<T>(&left, lanes))
                }
                (Factor::Kept(kept), _) => {
                    let before = words.start * n.next_multiple_of(lanes) + first * words.len();
                    let words_from = &kept.words[before * T::GROUP..];
                    Cut::packed(words_from, words.len(), ramps.of::<T>(&left, lanes))
                }
            };
            let last = words.end == padded::<T>(k);
            for row in (0..m).step_by(rows_at_once) {
                let rows = rows_at_once.min(m - row);
                for (from, vectors) in panels(cols.len(), lanes) {
                    let panel = cut.panel(from, vectors, lanes);
                    let out = match &mut target {
                        Target::Blocks(_) => Out {
                            data: &mut block[from..],
                            rows: &block_rows,
                            reach: (rows - 1) * stride,
                            second: lanes,
                            add: words.start > 0,
                        },
                        Target::Direct {
                            out,
                            at,
                            reach,
                            add,
                        } => {
                            let place = |from: usize| at.cols[first + from] as usize;
                            let second = place(from + (vectors - 1) * lanes);
                            Out {
                                data: &mut out[place(from)..],
                                rows: &at.rows[row..],
                                reach: *reach,
                                second: second - place(from),
                                add: *add || words.start > 0,
                            }
                        }
                    };
                    tile(isa, &left, (row, rows), panel, out);
                }
                if let (true, Target::Blocks(sink)) = (last, &mut target) {
                    sink(row, cols.clone(), &block[..rows * stride], stride);
                }
            }
        }
    }
}

/// Whether columns lie together by whole vectors, in ascending order.
fn in_vectors(cols: &[u32], lanes: usize) -> bool {
    let together = |cols: &[u32]| cols.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    cols.len().is_multiple_of(lanes) && cols.is_sorted() && cols.chunks(lanes).all(together)
}

impl<'a> Scatter<'a> {
    /// The rows that make some words of a right operand.
    fn terms<T: Element>(self, words: &Range<usize>) -> Scatter<'a> {
        let end = self.rows.len();
        let rows = end.min(words.start * T::GROUP)..end.min(words.end * T::GROUP);
        Scatter {
            rows: &self.rows[rows],
            cols: self.cols,
        }
    }
}

/// Words of so many terms, filled up to whole starts; those of one start at least.
fn padded<T: Element>(terms: usize) -> usize {
    terms.div_ceil(4 * T::GROUP).max(1) * 4
}

/// As many cuts of the terms' words as keep a panel in the first-level cache, of nearly equal length.
fn cuts<T: Element>(terms: usize, isa: Isa) -> impl Iterator<Item = Range<usize>> {
    let words = padded::<T>(terms);
    let count = words.div_ceil(PANEL / (VECTORS * isa.lanes()));
    let at_once = words.div_ceil(count).next_multiple_of(4);
    (0..words)
        .step_by(at_once)
        .map(move |word| word..words.min(word + at_once))
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

/// Lists where the words at each of the left operand's starts begin in a right one that can be read
/// where it lies: whole vectors of columns, and an even step between a start's words, which is returned.
fn in_place<T: Element>(
    at: Scatter,
    words: usize,
    lanes: usize,
    starts: &mut Vec<u32>,
) -> Option<usize> {
    let step = match at.rows {
        [first, second, ..] if words > 1 => second.checked_sub(*first)?,
        _ => 0,
    };
    let even = |rows: &[u32]| {
        rows.windows(2)
            .all(|pair| pair[0].checked_add(step) == Some(pair[1]))
    };
    let there = T::GROUP == 1 && in_vectors(at.cols, lanes) && at.rows.chunks(words).all(even);
    if there {
        starts.clear();
        starts.extend(at.rows.iter().step_by(words));
    }
    there.then_some(step as usize)
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
            let at = Scatter {
                rows: &br,
                cols: &bc,
            };
            let mut kept = Kept::with(isa);
            kept.pack(&b, at);
            for right in [Factor::Scattered(&b, at), Factor::Kept(&kept)] {
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
                    Factor::Scattered(
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
