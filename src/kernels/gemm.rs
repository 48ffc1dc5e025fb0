//! The matrix product over scattered elements.

use super::tile::Element;

/// Where a matrix's elements lie: element (i, j) at `rows[i] + cols[j]`.
#[derive(Clone, Copy, Debug)]
pub struct Scatter<'a> {
    /// Offset of each row.
    pub rows: &'a [u32],
    /// Offset of each column.
    pub cols: &'a [u32],
}

/// Scratch memory of [`gemm`], kept between calls.
#[derive(Clone, Debug, Default)]
pub struct Packs<T: Element> {
    left: Vec<T>,
    right: Vec<T>,
    block: Vec<T::Acc>,
}

/// Elements of a block of sums handed to the sink: it stays in the first-level cache.
const BLOCK: usize = 12 * 1024;

/// Multiplies `left` (M x K) by `right` (K x N) and hands the sums to `sink` in blocks of rows.
///
/// `sink(row, sums, stride)` gets the rows from `row` on; row `i` of the block starts at
/// `i * stride` and its first N entries count. Rows come in order. Integer sums are exact as long as
/// K is at most [`super::safe_terms`].
///
/// # Panics
/// If an offset lies outside its slice or the K sides differ in length.
pub fn gemm<T: Element>(
    packs: &mut Packs<T>,
    (left, left_at): (&[T], Scatter),
    (right, right_at): (&[T], Scatter),
    mut sink: impl FnMut(usize, &[T::Acc], usize),
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
    let groups = k.div_ceil(T::GROUP);
    let stride = n.div_ceil(T::NR) * T::NR;
    pack_right(&mut packs.right, right, right_at, groups);
    let rows_per_block = (BLOCK / stride).max(1).div_ceil(T::MR) * T::MR;
    packs
        .block
        .resize(rows_per_block * stride, T::Acc::default());
    let mut row = 0;
    while row < m {
        let rows = rows_per_block.min(m - row);
        pack_left(
            &mut packs.left,
            left,
            &left_at.rows[row..row + rows],
            left_at.cols,
            groups,
        );
        for (p, left) in packs
            .left
            .chunks_exact((groups * T::MR * T::GROUP).max(1))
            .enumerate()
        {
            for (q, right) in packs
                .right
                .chunks_exact((groups * T::NR * T::GROUP).max(1))
                .enumerate()
            {
                let out = &mut packs.block[p * T::MR * stride + q * T::NR..];
                T::tile(groups, left, right, out, stride);
            }
        }
        if k == 0 {
            packs.block.fill(T::Acc::default());
        }
        sink(row, &packs.block[..rows * stride], stride);
        row += rows;
    }
}

/// Packs rows into panels of `MR`, laid out group by group: `[k group][row][within group]`.
fn pack_left<T: Element>(out: &mut Vec<T>, a: &[T], rows: &[u32], cols: &[u32], groups: usize) {
    let panel = groups * T::MR * T::GROUP;
    out.clear();
    out.resize(rows.len().div_ceil(T::MR) * panel, T::default());
    for (i, &row) in rows.iter().enumerate() {
        let base = (i / T::MR) * panel + (i % T::MR) * T::GROUP;
        let a = &a[row as usize..];
        for (kg, group) in cols.chunks(T::GROUP).enumerate() {
            let at = base + kg * T::MR * T::GROUP;
            for (slot, &col) in out[at..at + T::GROUP].iter_mut().zip(group) {
                *slot = a[col as usize];
            }
        }
    }
}

/// Packs columns into panels of `NR`: `[k group][column][within group]`.
fn pack_right<T: Element>(out: &mut Vec<T>, b: &[T], at: Scatter, groups: usize) {
    let panel = groups * T::NR * T::GROUP;
    out.clear();
    out.resize(at.cols.len().div_ceil(T::NR) * panel, T::default());
    for (q, cols) in at.cols.chunks(T::NR).enumerate() {
        let consecutive = cols.len() == T::NR && cols.windows(2).all(|w| w[1] == w[0] + 1);
        for (k, &row) in at.rows.iter().enumerate() {
            let base = q * panel + (k / T::GROUP) * T::NR * T::GROUP + k % T::GROUP;
            let slots = out[base..].iter_mut().step_by(T::GROUP);
            if consecutive {
                let start = (row + cols[0]) as usize;
                for (slot, &value) in slots.zip(&b[start..start + T::NR]) {
                    *slot = value;
                }
            } else {
                let b = &b[row as usize..];
                for (slot, &col) in slots.zip(cols) {
                    *slot = b[col as usize];
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::many_single_char_names,
    reason = "matrices and their sides, as every text on products names them"
)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};

    /// Offsets of a matrix of `rows x cols` stored transposed with a gap, to exercise the scatter.
    fn offsets(rows: usize, cols: usize) -> (Vec<u32>, Vec<u32>) {
        (
            (0..rows as u32).collect(),
            (0..cols as u32).map(|j| j * (rows as u32 + 3)).collect(),
        )
    }

    #[test]
    fn integer_product_equals_the_plain_loop() {
        let stream = Stream::new(Seed(1), 0, 0, 0);
        for case in 0..60_u32 {
            let dims: Vec<usize> = (0..3)
                .map(|d| 1 + stream.below(case * 3 + d, 70) as usize)
                .collect();
            let (m, n, k) = (dims[0], dims[1], dims[2]);
            let ((ar, ac), (bc, br)) = (offsets(m, k), offsets(n, k));
            let draw = |len: usize, salt: u32| -> Vec<i16> {
                (0..len as u32)
                    .map(|i| (Stream::new(Seed(2), 0, case, salt).bits(i) >> 20) as i16 - 2048)
                    .collect()
            };
            let (a, b) = (draw(k * (m + 3), 0), draw(k * (n + 3), 1));
            let mut seen = 0;
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
                |row, sums, stride| {
                    for (i, sums) in sums.chunks(stride).enumerate() {
                        for j in 0..n {
                            let want: i64 = (0..k)
                                .map(|q| {
                                    i64::from(a[(ar[row + i] + ac[q]) as usize])
                                        * i64::from(b[(br[q] + bc[j]) as usize])
                                })
                                .sum();
                            assert_eq!(i64::from(sums[j]), want);
                            seen += 1;
                        }
                    }
                },
            );
            assert_eq!(seen, m * n);
        }
    }

    #[test]
    fn float_product_is_close_to_the_f64_loop() {
        let stream = Stream::new(Seed(3), 0, 0, 0);
        let (m, n, k) = (37, 45, 61);
        let ((ar, ac), (bc, br)) = (offsets(m, k), offsets(n, k));
        let a: Vec<f32> = (0..(k * (m + 3)) as u32)
            .map(|i| stream.normal(i))
            .collect();
        let b: Vec<f32> = (0..(k * (n + 3)) as u32)
            .map(|i| stream.normal(i + 9000))
            .collect();
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
            |row, sums, stride| {
                for (i, sums) in sums.chunks(stride).enumerate() {
                    for j in 0..n {
                        let want: f64 = (0..k)
                            .map(|q| {
                                f64::from(a[(ar[row + i] + ac[q]) as usize])
                                    * f64::from(b[(br[q] + bc[j]) as usize])
                            })
                            .sum();
                        // 61 products of magnitude about 1, each rounded to 24 bits.
                        assert!((f64::from(sums[j]) - want).abs() < 2e-5);
                    }
                }
            },
        );
    }
}
