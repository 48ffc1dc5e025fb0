//! Integers, one after another.

use super::super::vectorised;

/// Adds exact sums to wider ones, or writes them in their place.
///
/// # Panics
/// If there are fewer sums than `out`.
pub fn add_wide(out: &mut [i64], sums: &[i32], add: bool) {
    let sums = &sums[..out.len()];
    let keep = if add { -1 } else { 0 };
    #[cfg(target_arch = "wasm32")]
    let (out, sums) = wasm::add_wide(out, sums, keep);
    vectorised(
        #[inline(always)]
        || {
            for (slot, &sum) in out.iter_mut().zip(sums) {
                *slot = (*slot & keep) + i64::from(sum);
            }
        },
    );
}

/// Adds numbers to exact sums.
///
/// # Panics
/// If there are fewer values than `out`.
pub fn add_numbers(out: &mut [i64], values: &[i16]) {
    vectorised(
        #[inline(always)]
        || {
            for (slot, &value) in out.iter_mut().zip(values) {
                *slot += i64::from(value);
            }
        },
    );
}

/// Replaces `values` by zeros, but where the same number of `of` is positive.
///
/// # Panics
/// If there are fewer of the latter.
pub fn integers_where_positive(values: &mut [i16], of: &[i16]) {
    let of = &of[..values.len()];
    #[cfg(target_arch = "wasm32")]
    let (values, of) = wasm::where_positive(values, of);
    vectorised(
        #[inline(always)]
        || {
            for (value, &of) in values.iter_mut().zip(of) {
                *value = if of > 0 { *value } else { 0 };
            }
        },
    );
}

/// Replaces what is not positive by zeros.
pub fn positive_integers(values: &mut [i16]) {
    #[cfg(target_arch = "wasm32")]
    let values = wasm::positive(values);
    vectorised(
        #[inline(always)]
        || {
            for value in values {
                *value = (*value).max(0);
            }
        },
    );
}

/// Narrows exact sums. False, with `out` left open, if one has more than 30 bits.
///
/// # Panics
/// If there are fewer sums than `out`.
pub fn narrow(out: &mut [i32], sums: &[i64]) -> bool {
    let sums = &sums[..out.len()];
    #[cfg(target_arch = "wasm32")]
    let (fit, out, sums) = wasm::narrow(out, sums);
    #[cfg(not(target_arch = "wasm32"))]
    let fit = true;
    let mut beyond = 0;
    vectorised(
        #[inline(always)]
        || {
            for (slot, &sum) in out.iter_mut().zip(sums) {
                *slot = sum as i32;
                beyond |= (sum + (1 << 30)) >> 31;
            }
        },
    );
    fit && beyond == 0
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::super::reals::{load, store};
    use std::arch::wasm32::{
        i16x8_gt, i16x8_max, i16x8_splat, i32x4_add, i32x4_shr, i32x4_shuffle, i32x4_splat,
        i64x2_add, i64x2_extend_high_i32x4, i64x2_extend_low_i32x4, i64x2_splat, u32x4_shr,
        v128_and, v128_any_true, v128_or, v128_xor,
    };

    /// Adds whole vectors to the bits of `keep`; returns what is left to be added.
    pub(super) fn add_wide<'a, 'b>(
        out: &'a mut [i64],
        sums: &'b [i32],
        keep: i64,
    ) -> (&'a mut [i64], &'b [i32]) {
        let keep = i64x2_splat(keep);
        let rest = sums.len() / 4 * 4;
        let (whole, end) = out.split_at_mut(rest);
        let (pairs, (sums, sums_end)) = (whole.as_chunks_mut::<2>().0, sums.as_chunks::<4>());
        for (pairs, sums) in pairs.chunks_exact_mut(2).zip(sums) {
            let sums = load(sums);
            let kept = [
                v128_and(load(&pairs[0]), keep),
                v128_and(load(&pairs[1]), keep),
            ];
            let low = i64x2_add(kept[0], i64x2_extend_low_i32x4(sums));
            store(&mut pairs[0], low);
            let high = i64x2_add(kept[1], i64x2_extend_high_i32x4(sums));
            store(&mut pairs[1], high);
        }
        (end, sums_end)
    }

    /// Narrows whole vectors; returns whether they fit 30 bits and a sign, and what is left.
    pub(super) fn narrow<'a, 'b>(
        out: &'a mut [i32],
        sums: &'b [i64],
    ) -> (bool, &'a mut [i32], &'b [i64]) {
        let ((whole, end), (sums, sums_end)) = (out.as_chunks_mut::<4>(), sums.as_chunks::<4>());
        let mut beyond = i32x4_splat(0);
        for (out, sums) in whole.iter_mut().zip(sums) {
            let [a, b, c, d] = *sums;
            let (a, b) = (load(&[a, b]), load(&[c, d]));
            let low = i32x4_shuffle::<0, 2, 4, 6>(a, b);
            let high = i32x4_shuffle::<1, 3, 5, 7>(a, b);
            let sign = v128_xor(high, i32x4_shr(low, 31));
            let top = u32x4_shr(i32x4_add(low, i32x4_splat(1 << 30)), 31);
            beyond = v128_or(beyond, v128_or(sign, top));
            store(out, low);
        }
        (!v128_any_true(beyond), end, sums_end)
    }

    /// Clears whole vectors; returns what is left.
    pub(super) fn where_positive<'a, 'b>(
        values: &'a mut [i16],
        of: &'b [i16],
    ) -> (&'a mut [i16], &'b [i16]) {
        let ((whole, end), (of, of_end)) = (values.as_chunks_mut::<8>(), of.as_chunks::<8>());
        for (values, of) in whole.iter_mut().zip(of) {
            let positive = i16x8_gt(load(of), i16x8_splat(0));
            store(values, v128_and(load(values), positive));
        }
        (end, of_end)
    }

    /// Clears whole vectors; returns what is left.
    pub(super) fn positive(values: &mut [i16]) -> &mut [i16] {
        let (whole, end) = values.as_chunks_mut::<8>();
        for values in whole {
            store(values, i16x8_max(load(values), i16x8_splat(0)));
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{Seed, Stream};

    #[test]
    fn every_length_gives_the_integers_of_plain_loops() {
        let stream = Stream::new(Seed(6), 0, 0, 0);
        for len in 0..40_u32 {
            let of = |salt: u32| (0..len).map(move |at| stream.bits(at * 4 + salt) as i32);
            let sums: Vec<i32> = of(0).collect();
            let wide: Vec<i64> = of(1).map(|value| i64::from(value) << 20).collect();
            let (a, b): (Vec<i16>, Vec<i16>) = of(2).map(|v| (v as i16, (v >> 16) as i16)).unzip();
            let mut out = wide.clone();
            add_wide(&mut out, &sums, false);
            assert!(
                out.iter()
                    .zip(&sums)
                    .all(|(out, sum)| *out == i64::from(*sum))
            );
            out.copy_from_slice(&wide);
            add_wide(&mut out, &sums, true);
            add_numbers(&mut out, &a);
            for at in 0..len as usize {
                assert_eq!(out[at], wide[at] + i64::from(sums[at]) + i64::from(a[at]));
            }
            let mut narrowed = vec![0; len as usize];
            let quarters: Vec<i64> = sums.iter().map(|&sum| i64::from(sum >> 1)).collect();
            assert!(narrow(&mut narrowed, &quarters));
            assert!(
                narrowed
                    .iter()
                    .zip(&quarters)
                    .all(|(a, b)| i64::from(*a) == *b)
            );
            for (at, wide) in [1 << 30, -(1 << 30) - 1, 1 << 40, i64::MIN / 2]
                .iter()
                .enumerate()
            {
                let mut beyond = quarters.clone();
                if let Some(slot) = beyond.get_mut(at * 9) {
                    *slot = *wide;
                    assert!(!narrow(&mut narrowed, &beyond));
                }
            }
            let mut out = a.clone();
            integers_where_positive(&mut out, &b);
            let kept = |(a, b): (&i16, &i16)| if *b > 0 { *a } else { 0 };
            assert!(out.iter().copied().eq(a.iter().zip(&b).map(kept)));
            out.copy_from_slice(&b);
            positive_integers(&mut out);
            assert!(out.iter().zip(&b).all(|(out, b)| *out == (*b).max(0)));
        }
    }
}
