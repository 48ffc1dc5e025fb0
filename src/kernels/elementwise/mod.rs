//! Operations on one element after another, a vector at a time.
//!
//! In WebAssembly the vectors are written out, since the page is compiled for size; elsewhere the
//! compiler makes them of plain loops. The results are the same: no operation is fused or reordered.

mod integers;
mod reals;
mod update;

pub use integers::{add_numbers, add_wide, integers_where_positive, narrow, positive_integers};
pub use update::{Adam, Steps};

use super::vectorised;
use reals::{REALS, Reals, each, each_alone};

/// Adds `values` to `sums`.
///
/// # Panics
/// If there are fewer values than sums, as in all of these.
pub fn add(sums: &mut [f32], values: &[f32]) {
    vectorised(
        #[inline(always)]
        || each(sums, values, Reals::add),
    );
}

/// Subtracts `values` from `out`.
pub fn subtract(out: &mut [f32], values: &[f32]) {
    vectorised(
        #[inline(always)]
        || each(out, values, Reals::sub),
    );
}

/// Writes `values` times `scale`.
pub fn scaled(out: &mut [f32], values: &[f32], scale: f32) {
    vectorised(
        #[inline(always)]
        || {
            let scale = Reals::splat(scale);
            each(out, values, |_, value| value.mul(scale));
        },
    );
}

/// Writes `numbers` times `scale`.
pub fn scaled_numbers(out: &mut [f32], numbers: &[i16], scale: f32) {
    scaled_from(out, numbers, scale, Reals::of_numbers);
}

/// Writes `bytes` times `scale`.
pub fn scaled_bytes(out: &mut [f32], bytes: &[u8], scale: f32) {
    scaled_from(out, bytes, scale, Reals::of_bytes);
}

/// Writes integers, of which `reals` makes a vector, times `scale`.
fn scaled_from<T: Copy + Into<f32>>(
    out: &mut [f32],
    integers: &[T],
    scale: f32,
    reals: impl Fn([T; REALS]) -> Reals,
) {
    let integers = &integers[..out.len()];
    vectorised(
        #[inline(always)]
        || {
            let ((whole, end), (integers, integers_end)) =
                (out.as_chunks_mut(), integers.as_chunks());
            for (out, integers) in whole.iter_mut().zip(integers) {
                reals(*integers).mul(Reals::splat(scale)).store(out);
            }
            for (out, &integer) in end.iter_mut().zip(integers_end) {
                *out = integer.into() * scale;
            }
        },
    );
}

/// Adds the products of two matrices' entries, row by row, to a sum for each column.
///
/// # Panics
/// If there are no sums.
pub fn add_products(sums: &mut [f32], left: &[f32], right: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            let columns = sums.len();
            let rows = left.chunks_exact(columns).zip(right.chunks_exact(columns));
            for (left, right) in rows {
                let ((whole, end), (left, left_end), (right, right_end)) =
                    (sums.as_chunks_mut(), left.as_chunks(), right.as_chunks());
                for ((sum, left), right) in whole.iter_mut().zip(left).zip(right) {
                    let product = Reals::load(left).mul(Reals::load(right));
                    Reals::load(sum).add(product).store(sum);
                }
                for ((sum, left), right) in end.iter_mut().zip(left_end).zip(right_end) {
                    *sum += left * right;
                }
            }
        },
    );
}

/// Replaces `values` by zeros, but where the same number of `of` is positive.
pub fn where_positive(values: &mut [f32], of: &[f32]) {
    vectorised(
        #[inline(always)]
        || each(values, of, Reals::where_positive),
    );
}

/// Replaces what is not positive by zeros.
pub fn positive(values: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || each_alone(values, |value| value.where_positive(value)),
    );
}

/// Multiplies `values` by `scale`.
pub fn scale(values: &mut [f32], scale: f32) {
    vectorised(
        #[inline(always)]
        || each_alone(values, |value| value.mul(Reals::splat(scale))),
    );
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};

    pub(super) fn numbers(salt: u32, len: u32) -> Vec<f32> {
        let stream = Stream::new(Seed(5), 0, 0, salt);
        (0..len).map(|at| stream.normal(at)).collect()
    }

    /// Bits, but one of all numbers that are none.
    pub(super) fn bits(values: &[f32]) -> Vec<u32> {
        let bits = |value: &f32| if value.is_nan() { 1 } else { value.to_bits() };
        values.iter().map(bits).collect()
    }

    #[test]
    fn products_are_added_by_column() {
        for columns in 1..20 {
            let (left, right) = (numbers(2, columns * 5), numbers(3, columns * 5));
            let mut sums = numbers(4, columns);
            let mut wanted = sums.clone();
            for (at, (left, right)) in left.iter().zip(&right).enumerate() {
                wanted[at % columns as usize] += left * right;
            }
            add_products(&mut sums, &left, &right);
            assert_eq!(bits(&sums), bits(&wanted));
        }
    }

    #[test]
    fn every_length_gives_the_bits_of_plain_loops() {
        for len in 0..40 {
            let (mut a, b) = (numbers(0, len), numbers(1, len));
            if len > 20 {
                a[3] = f32::NAN;
                a[17] = -0.0;
            }
            let pairs = || a.iter().zip(&b);
            let mut out = a.clone();
            add(&mut out, &b);
            assert_eq!(
                bits(&out),
                bits(&pairs().map(|(a, b)| a + b).collect::<Vec<_>>())
            );
            let difference: Vec<f32> = out.iter().zip(&b).map(|(a, b)| a - b).collect();
            subtract(&mut out, &b);
            assert_eq!(bits(&out), bits(&difference));
            let bytes: Vec<u8> = (0..len as u8).map(|at| at.wrapping_mul(77)).collect();
            scaled_bytes(&mut out, &bytes, 0.7);
            let wanted: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) * 0.7).collect();
            assert_eq!(bits(&out), bits(&wanted));
            let integers: Vec<i16> = bytes
                .iter()
                .map(|&byte| i16::from(byte) * 128 - 9)
                .collect();
            scaled_numbers(&mut out, &integers, 0.7);
            let wanted: Vec<f32> = integers.iter().map(|&i| f32::from(i) * 0.7).collect();
            assert_eq!(bits(&out), bits(&wanted));
            out.copy_from_slice(&a);
            scale(&mut out, -0.3);
            assert_eq!(
                bits(&out),
                bits(&a.iter().map(|a| a * -0.3).collect::<Vec<_>>())
            );
            scaled(&mut out, &a, 0.3);
            assert_eq!(
                bits(&out),
                bits(&a.iter().map(|a| a * 0.3).collect::<Vec<_>>())
            );
            let kept = |(a, b): (&f32, &f32)| if *a > 0.0 { *b } else { 0.0 };
            out.copy_from_slice(&b);
            where_positive(&mut out, &a);
            assert_eq!(bits(&out), bits(&pairs().map(kept).collect::<Vec<_>>()));
            out.copy_from_slice(&a);
            positive(&mut out);
            assert_eq!(
                bits(&out),
                bits(&a.iter().map(|a| kept((a, a))).collect::<Vec<_>>())
            );
        }
    }
}
