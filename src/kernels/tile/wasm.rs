//! Tiles in WebAssembly's 128-bit vectors, a target feature of the whole build.

use super::four;
use std::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_splat, i32x4_add, i32x4_dot_i16x8, i32x4_splat, v128, v128_load,
    v128_load32_splat, v128_store,
};

#[inline(always)]
fn zero_f32() -> v128 {
    f32x4_splat(0.0)
}

#[inline(always)]
fn zero_i16() -> v128 {
    i32x4_splat(0)
}

/// # Safety
/// Sixteen bytes must lie at `at`.
#[inline(always)]
unsafe fn load<T>(at: *const T) -> v128 {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { v128_load(at.cast()) }
}

/// # Safety
/// Four bytes must lie at `at`.
#[inline(always)]
unsafe fn splat<T>(at: *const T) -> v128 {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { v128_load32_splat(at.cast()) }
}

/// # Safety
/// Sixteen bytes must fit at `at`.
#[inline(always)]
unsafe fn store<T>(at: *mut T, sum: v128) {
    // SAFETY: as the caller says; the store is unaligned.
    unsafe { v128_store(at.cast(), sum) }
}

#[inline(always)]
fn add_f32(sum: v128, value: v128, column: v128) -> v128 {
    f32x4_add(sum, f32x4_mul(value, column))
}

#[inline(always)]
fn add_i16(sum: v128, value: v128, column: v128) -> v128 {
    i32x4_add(sum, i32x4_dot_i16x8(value, column))
}

four!(
    f32_128, f32, 1, 4, "", zero_f32, load, splat, add_f32, store
);
four!(
    i16_128, i16, 2, 4, "", zero_i16, load, splat, add_i16, store
);
