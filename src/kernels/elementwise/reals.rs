//! A vector of real numbers, and loops over slices of them.
#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "vector loads and stores of arrays")
)]
#![expect(
    clippy::inline_always,
    reason = "operations must be compiled with their caller's target features"
)]

#[cfg(not(target_arch = "wasm32"))]
use crate::numeric::Stream;

#[cfg(target_arch = "wasm32")]
pub(super) use wasm::Reals;
#[cfg(target_arch = "wasm32")]
pub(super) use wasm::{load, store};

/// Real numbers of a vector.
#[cfg(target_arch = "wasm32")]
pub(super) const REALS: usize = 4;
#[cfg(not(target_arch = "wasm32"))]
pub(super) const REALS: usize = 8;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use crate::numeric::Stream;
    use std::arch::wasm32::{
        f32x4_add, f32x4_convert_i32x4, f32x4_convert_u32x4, f32x4_div, f32x4_gt, f32x4_mul,
        f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sqrt, f32x4_sub, i16x8_narrow_i32x4, i32x4_add,
        i32x4_extend_low_i16x8, i32x4_trunc_sat_f32x4, u16x8_extend_low_u8x16, u32x4,
        u32x4_extend_low_u16x8, u32x4_shr, u32x4_splat, v128, v128_and, v128_load,
        v128_load64_zero, v128_store, v128_store64_lane,
    };

    #[inline(always)]
    pub fn load<T, const N: usize>(from: &[T; N]) -> v128 {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: an array of a vector's size; the load is unaligned.
        unsafe { v128_load(from.as_ptr().cast()) }
    }

    #[inline(always)]
    pub fn store<T, const N: usize>(to: &mut [T; N], vector: v128) {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: an array of a vector's size; the store is unaligned.
        unsafe { v128_store(to.as_mut_ptr().cast(), vector) }
    }

    /// A vector of real numbers.
    #[derive(Clone, Copy)]
    pub struct Reals(v128);

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
        pub fn of_bytes(bytes: [u8; super::REALS]) -> Self {
            let bytes = u32x4_splat(u32::from_le_bytes(bytes));
            let words = u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(bytes));
            Self(f32x4_convert_u32x4(words))
        }

        #[inline(always)]
        pub fn of_numbers(numbers: [i16; super::REALS]) -> Self {
            // SAFETY: four numbers of two bytes; the load is unaligned.
            let numbers = unsafe { v128_load64_zero(numbers.as_ptr().cast()) };
            Self(f32x4_convert_i32x4(i32x4_extend_low_i16x8(numbers)))
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
            let places = i32x4_add(u32x4_splat(index), u32x4(0, 1, 2, 3));
            let bits = stream.bits_of_four(places);
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
pub(super) struct Reals([f32; REALS]);

#[cfg(not(target_arch = "wasm32"))]
impl Reals {
    #[inline(always)]
    pub fn load(from: &[f32; REALS]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    pub fn store(self, to: &mut [f32; REALS]) {
        *to = self.0;
    }

    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; REALS])
    }

    #[inline(always)]
    pub fn of_bytes(bytes: [u8; REALS]) -> Self {
        Self(bytes.map(f32::from))
    }

    #[inline(always)]
    pub fn of_numbers(numbers: [i16; REALS]) -> Self {
        Self(numbers.map(f32::from))
    }

    #[inline(always)]
    pub fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    pub fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    pub fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    /// Draws of a stream from number `index` on, uniform in [0, 1).
    #[inline(always)]
    pub fn units(stream: Stream, index: u32) -> Self {
        Self(std::array::from_fn(|lane| stream.unit(index + lane as u32)))
    }

    /// Whole numbers of at most 16 bits; not a number becomes zero.
    #[inline(always)]
    pub fn integers(self, to: &mut [i16; REALS]) {
        *to = self.0.map(|value| value as i16);
    }

    /// As [`f32::clamp`].
    #[inline(always)]
    pub fn clamp(self, low: Self, high: Self) -> Self {
        let least = self.with(low, |a, b| if a < b { b } else { a });
        least.with(high, |a, b| if b < a { b } else { a })
    }

    /// Ones where it is above `other`, else zeros.
    #[inline(always)]
    pub fn above(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { 1.0 } else { 0.0 })
    }

    /// Zeros, but where `other` is positive.
    #[inline(always)]
    pub fn where_positive(self, other: Self) -> Self {
        self.with(other, |a, b| if b > 0.0 { a } else { 0.0 })
    }
}

/// Numbers of the end that do not fill a vector, with zeros after them.
#[inline(always)]
pub(super) fn rest(of: &[f32]) -> [f32; REALS] {
    let mut filled = [0.0; REALS];
    filled[..of.len()].copy_from_slice(of);
    filled
}

/// Replaces each of `out` by what `work` makes of it and of the same number of `with`.
#[inline(always)]
pub(super) fn each(out: &mut [f32], with: &[f32], mut work: impl FnMut(Reals, Reals) -> Reals) {
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
pub(super) fn each_alone(out: &mut [f32], work: impl Fn(Reals) -> Reals) {
    let (whole, end) = out.as_chunks_mut();
    for out in whole {
        work(Reals::load(out)).store(out);
    }
    let mut last = rest(end);
    work(Reals::load(&last)).store(&mut last);
    end.copy_from_slice(&last[..end.len()]);
}
