//! Operations on one element after another, a vector at a time.
//!
//! In WebAssembly the vectors are written out, since the page is compiled for size; elsewhere the
//! compiler makes them of plain loops. The results are the same: no operation is fused or reordered.
#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "vector loads and stores of arrays")
)]
#![expect(
    clippy::inline_always,
    reason = "operations must be compiled with their caller's target features"
)]

use super::vectorised;
use crate::numeric::Stream;

#[cfg(target_arch = "wasm32")]
use wasm::Reals;

/// Real numbers of a vector.
#[cfg(target_arch = "wasm32")]
const REALS: usize = 4;
#[cfg(not(target_arch = "wasm32"))]
const REALS: usize = 8;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use crate::numeric::Stream;
    use std::arch::wasm32::{
        f32x4_add, f32x4_convert_i32x4, f32x4_convert_u32x4, f32x4_div, f32x4_gt, f32x4_mul,
        f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sqrt, f32x4_sub, i16x8_gt, i16x8_max,
        i16x8_narrow_i32x4, i16x8_splat, i32x4_add, i32x4_shr, i32x4_shuffle, i32x4_splat,
        i32x4_trunc_sat_f32x4, i64x2_add, i64x2_extend_high_i32x4, i64x2_extend_low_i32x4,
        u16x8_extend_low_u8x16, u32x4, u32x4_extend_low_u16x8, u32x4_shr, u32x4_splat, v128,
        v128_and, v128_any_true, v128_load, v128_or, v128_store, v128_store64_lane, v128_xor,
    };

    #[inline(always)]
    fn load<T, const N: usize>(from: &[T; N]) -> v128 {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: an array of a vector's size; the load is unaligned.
        unsafe { v128_load(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store<T, const N: usize>(to: &mut [T; N], vector: v128) {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: an array of a vector's size; the store is unaligned.
        unsafe { v128_store(to.as_mut_ptr().cast(), vector) }
    }

    /// Adds whole vectors; returns what is left to be added.
    pub(super) fn add_wide<'a, 'b>(
        out: &'a mut [i64],
        sums: &'b [i32],
    ) -> (&'a mut [i64], &'b [i32]) {
        let rest = sums.len() / 4 * 4;
        let (whole, end) = out.split_at_mut(rest);
        let (pairs, (sums, sums_end)) = (whole.as_chunks_mut::<2>().0, sums.as_chunks::<4>());
        for (pairs, sums) in pairs.chunks_exact_mut(2).zip(sums) {
            let sums = load(sums);
            let low = i64x2_add(load(&pairs[0]), i64x2_extend_low_i32x4(sums));
            store(&mut pairs[0], low);
            let high = i64x2_add(load(&pairs[1]), i64x2_extend_high_i32x4(sums));
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

    /// A vector of real numbers.
    #[derive(Clone, Copy)]
    pub(super) struct Reals(v128);

    impl Reals {
        #[inline(always)]
        pub fn load(from: &[f32; super::REALS]) -> Self {
            Self(load(from))
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; super::REALS]) {
            store(to, self.0);
        }

        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        pub fn of_bytes(bytes: &[u8; super::REALS]) -> Self {
            let bytes = u32x4_splat(u32::from_le_bytes(*bytes));
            let words = u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(bytes));
            Self(f32x4_convert_u32x4(words))
        }

        #[inline(always)]
        pub fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        #[inline(always)]
        pub fn div(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }

        #[inline(always)]
        pub fn sqrt(self) -> Self {
            Self(f32x4_sqrt(self.0))
        }

        /// Draws of a stream from number `index` on, uniform in [0, 1).
        #[inline(always)]
        pub fn units(stream: Stream, index: u32) -> Self {
            let bits = stream.bits_of_four(u32x4(index, index + 1, index + 2, index + 3));
            let units = f32x4_convert_i32x4(u32x4_shr(bits, 8));
            Self(f32x4_mul(units, f32x4_splat(1.0 / 16_777_216.0)))
        }

        /// Whole numbers of at most 16 bits; not a number becomes zero.
        #[inline(always)]
        pub fn integers(self, to: &mut [i16; super::REALS]) {
            let whole = i32x4_trunc_sat_f32x4(self.0);
            let narrow = i16x8_narrow_i32x4(whole, whole);
            // SAFETY: four numbers of two bytes; the store is unaligned.
            unsafe { v128_store64_lane::<0>(narrow, to.as_mut_ptr().cast()) };
        }

        /// As [`f32::clamp`].
        #[inline(always)]
        pub fn clamp(self, low: Self, high: Self) -> Self {
            Self(f32x4_pmin(f32x4_pmax(self.0, low.0), high.0))
        }

        /// Ones where it is above `other`, else zeros.
        #[inline(always)]
        pub fn above(self, other: Self) -> Self {
            Self(v128_and(f32x4_gt(self.0, other.0), f32x4_splat(1.0)))
        }

        /// Zeros, but where `other` is positive.
        #[inline(always)]
        pub fn where_positive(self, other: Self) -> Self {
            Self(v128_and(self.0, f32x4_gt(other.0, f32x4_splat(0.0))))
        }
    }
}

/// A vector of real numbers.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
struct Reals([f32; REALS]);

#[cfg(not(target_arch = "wasm32"))]
impl Reals {
    #[inline(always)]
    fn load(from: &[f32; REALS]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; REALS]) {
        *to = self.0;
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; REALS])
    }

    #[inline(always)]
    fn of_bytes(bytes: &[u8; REALS]) -> Self {
        Self(bytes.map(f32::from))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    /// Draws of a stream from number `index` on, uniform in [0, 1).
    #[inline(always)]
    fn units(stream: Stream, index: u32) -> Self {
        Self(std::array::from_fn(|lane| stream.unit(index + lane as u32)))
    }

    /// Whole numbers of at most 16 bits; not a number becomes zero.
    #[inline(always)]
    fn integers(self, to: &mut [i16; REALS]) {
        *to = self.0.map(|value| value as i16);
    }

    /// As [`f32::clamp`].
    #[inline(always)]
    fn clamp(self, low: Self, high: Self) -> Self {
        let least = self.with(low, |a, b| if a < b { b } else { a });
        least.with(high, |a, b| if b < a { b } else { a })
    }

    /// Ones where it is above `other`, else zeros.
    #[inline(always)]
    fn above(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { 1.0 } else { 0.0 })
    }

    /// Zeros, but where `other` is positive.
    #[inline(always)]
    fn where_positive(self, other: Self) -> Self {
        self.with(other, |a, b| if b > 0.0 { a } else { 0.0 })
    }
}

/// Numbers of the end that do not fill a vector, with zeros after them.
#[inline(always)]
fn rest(of: &[f32]) -> [f32; REALS] {
    let mut filled = [0.0; REALS];
    filled[..of.len()].copy_from_slice(of);
    filled
}

/// Replaces each of `out` by what `work` makes of it and of the same number of `with`.
#[inline(always)]
fn each(out: &mut [f32], with: &[f32], mut work: impl FnMut(Reals, Reals) -> Reals) {
    let with = &with[..out.len()];
    let ((whole, end), (with, with_end)) = (out.as_chunks_mut(), with.as_chunks());
    for (out, with) in whole.iter_mut().zip(with) {
        work(Reals::load(out), Reals::load(with)).store(out);
    }
    let mut last = rest(end);
    work(Reals::load(&last), Reals::load(&rest(with_end))).store(&mut last);
    end.copy_from_slice(&last[..end.len()]);
}

/// Replaces each of `out` by what `work` makes of it.
#[inline(always)]
fn each_alone(out: &mut [f32], work: impl Fn(Reals) -> Reals) {
    let (whole, end) = out.as_chunks_mut();
    for out in whole {
        work(Reals::load(out)).store(out);
    }
    let mut last = rest(end);
    work(Reals::load(&last)).store(&mut last);
    end.copy_from_slice(&last[..end.len()]);
}

/// Adds `values` to `sums`.
///
/// # Panics
/// If there are fewer values than sums, as in all of these.
pub fn add(sums: &mut [f32], values: &[f32]) {
    vectorised(
        #[inline(always)]
        || each(sums, values, |sum, value| sum.add(value)),
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

/// Writes `bytes` times `scale`.
pub fn scaled_bytes(out: &mut [f32], bytes: &[u8], scale: f32) {
    let bytes = &bytes[..out.len()];
    vectorised(
        #[inline(always)]
        || {
            let ((whole, end), (bytes, bytes_end)) = (out.as_chunks_mut(), bytes.as_chunks());
            for (out, bytes) in whole.iter_mut().zip(bytes) {
                let values = Reals::of_bytes(bytes);
                values.mul(Reals::splat(scale)).store(out);
            }
            for (out, &byte) in end.iter_mut().zip(bytes_end) {
                *out = f32::from(byte) * scale;
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

/// Adds exact sums to wider ones.
///
/// # Panics
/// If there are fewer sums than `out`.
pub fn add_wide(out: &mut [i64], sums: &[i32]) {
    let sums = &sums[..out.len()];
    #[cfg(target_arch = "wasm32")]
    let (out, sums) = wasm::add_wide(out, sums);
    vectorised(
        #[inline(always)]
        || {
            for (slot, &sum) in out.iter_mut().zip(sums) {
                *slot += i64::from(sum);
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

/// A grid of `2 full` points on [-1, 1), and how values between two of them are rounded.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Points above zero and zero.
    pub full: f32,
    /// What is added before the fraction of a step is dropped, unless a stream draws it.
    pub addend: f32,
    /// Draws of what is added, by an element's place.
    pub random: Option<Stream>,
}

impl Steps {
    /// Whole steps of `values` from `first` on, at least `least`; not a number stays so.
    #[inline(always)]
    fn whole(&self, values: Reals, least: f32, first: u32) -> Reals {
        // Adding 1.5 * 2^23 leaves no bit after the point, so that this rounds to the nearest integer with
        // the exactly rounded sum alone: baseline x86-64 has no vectors of `floor`.
        let point = Reals::splat(12_582_912.0);
        let addend = match self.random {
            Some(stream) => Reals::units(stream, first),
            None => Reals::splat(self.addend),
        };
        let steps = values.mul(Reals::splat(self.full)).add(addend);
        let steps = steps.clamp(Reals::splat(least), Reals::splat(self.full - 1.0));
        let nearest = steps.add(point).sub(point);
        nearest.sub(nearest.above(steps))
    }

    /// Writes the whole steps of `values`, clipped to the symmetric range, without draws.
    ///
    /// # Panics
    /// If there are fewer values than `out`.
    pub fn integers(&self, out: &mut [i16], values: &[f32]) {
        let values = &values[..out.len()];
        vectorised(
            #[inline(always)]
            || {
                let ((whole, end), (values, values_end)) =
                    (out.as_chunks_mut(), values.as_chunks());
                let integers = |values: &[f32; REALS], out: &mut [i16; REALS]| {
                    self.whole(Reals::load(values), 1.0 - self.full, 0)
                        .integers(out);
                };
                for (out, values) in whole.iter_mut().zip(values) {
                    integers(values, out);
                }
                let mut last = [0; REALS];
                integers(&rest(values_end), &mut last);
                end.copy_from_slice(&last[..end.len()]);
            },
        );
    }

    /// Subtracts `changes` from values and puts them on the grid.
    ///
    /// # Panics
    /// If there are fewer changes than values.
    pub fn subtract(&self, values: &mut [f32], changes: &[f32]) {
        // Multiplying by the inverse of a power of two is exact.
        let unit = 1.0 / self.full;
        vectorised(
            #[inline(always)]
            || {
                let mut first = 0;
                each(values, changes, |value, change| {
                    let steps = self.whole(value.sub(change), -self.full, first);
                    first += REALS as u32;
                    steps.mul(Reals::splat(unit))
                });
            },
        );
    }
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

/// Adam's constants at one step (Kingma and Ba, 2015).
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// Decay of both moments.
    pub betas: [f32; 2],
    /// Bias corrections `1 - beta^t` of both.
    pub corrections: [f32; 2],
    /// Learning rate.
    pub rate: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
}

impl Adam {
    /// Turns a gradient into the change to be subtracted, and updates both moments.
    pub fn change(&self, gradient: &mut [f32], first: &mut [f32], second: &mut [f32]) {
        let one = |gradient: &mut _, first: &mut _, second: &mut _| {
            let splat = Reals::splat;
            let g = Reals::load(gradient);
            let decayed = |moment: &mut [f32; REALS], beta: f32, value: Reals| {
                let old = splat(beta).mul(Reals::load(moment));
                let new = old.add(splat(1.0 - beta).mul(value));
                new.store(moment);
                new
            };
            let mean = decayed(first, self.betas[0], g);
            let square = decayed(second, self.betas[1], g.mul(g));
            let mean = mean.div(splat(self.corrections[0]));
            let root = square.div(splat(self.corrections[1])).sqrt();
            let change = splat(self.rate).mul(mean);
            change.div(root.add(splat(self.epsilon))).store(gradient);
        };
        vectorised(
            #[inline(always)]
            || {
                let (gradients, gradient_end) = gradient.as_chunks_mut();
                let (firsts, first_end) = first.as_chunks_mut();
                let (seconds, second_end) = second.as_chunks_mut();
                for ((gradient, first), second) in gradients.iter_mut().zip(firsts).zip(seconds) {
                    one(gradient, first, second);
                }
                let ends = [gradient_end, first_end, second_end];
                let mut filled = ends.each_ref().map(|end| rest(end));
                let [gradient, first, second] = &mut filled;
                one(gradient, first, second);
                for (end, filled) in ends.into_iter().zip(filled) {
                    end.copy_from_slice(&filled[..end.len()]);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::Seed;

    fn numbers(salt: u32, len: u32) -> Vec<f32> {
        let stream = Stream::new(Seed(5), 0, 0, salt);
        (0..len).map(|at| stream.normal(at)).collect()
    }

    /// Bits, but one of all numbers that are none.
    fn bits(values: &[f32]) -> Vec<u32> {
        let bits = |value: &f32| if value.is_nan() { 1 } else { value.to_bits() };
        values.iter().map(bits).collect()
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
            assert!(
                out.iter()
                    .zip(&bytes)
                    .all(|(out, &byte)| *out == f32::from(byte) * 0.7)
            );
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

    #[test]
    fn every_length_gives_the_integers_of_plain_loops() {
        let stream = Stream::new(Seed(6), 0, 0, 0);
        for len in 0..40_u32 {
            let of = |salt: u32| (0..len).map(move |at| stream.bits(at * 4 + salt) as i32);
            let sums: Vec<i32> = of(0).collect();
            let wide: Vec<i64> = of(1).map(|value| i64::from(value) << 20).collect();
            let (a, b): (Vec<i16>, Vec<i16>) = of(2).map(|v| (v as i16, (v >> 16) as i16)).unzip();
            let mut out = wide.clone();
            add_wide(&mut out, &sums);
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

    #[test]
    fn adam_gives_the_bits_of_its_definition() {
        let adam = Adam {
            betas: [0.9, 0.999],
            corrections: [0.271, 0.002_997],
            rate: 3e-3,
            epsilon: 1e-8,
        };
        for len in [0, 1, 7, 8, 9, 31, 64] {
            let (mut gradient, mut first) = (numbers(2, len), numbers(3, len));
            let mut second: Vec<f32> = numbers(4, len).iter().map(|v| v * v).collect();
            let mut wanted = Vec::new();
            for ((g, m), v) in gradient.iter().zip(&first).zip(&second) {
                let m = 0.9 * m + (1.0 - 0.9) * g;
                let v = 0.999 * v + (1.0 - 0.999) * (g * g);
                wanted.push([3e-3 * (m / 0.271) / ((v / 0.002_997).sqrt() + 1e-8), m, v]);
            }
            adam.change(&mut gradient, &mut first, &mut second);
            for (at, wanted) in wanted.iter().enumerate() {
                let found = [gradient[at], first[at], second[at]];
                assert_eq!(bits(&found), bits(wanted), "element {at} of {len}");
            }
        }
    }
}
