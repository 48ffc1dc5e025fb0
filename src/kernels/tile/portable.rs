//! Tiles without vector instructions: fixed arrays in place of vectors.

use super::{Checked, choose, kernel};

fn zero_f32() -> [f32; 4] {
    [0.0; 4]
}

/// # Safety
/// Four numbers must lie at `at`.
unsafe fn load_f32(at: *const f32) -> [f32; 4] {
    // SAFETY: as the caller says.
    unsafe { at.cast::<[f32; 4]>().read_unaligned() }
}

/// # Safety
/// A number must lie at `at`.
unsafe fn splat_f32(at: *const f32) -> f32 {
    // SAFETY: as the caller says.
    unsafe { *at }
}

fn add_f32(sum: [f32; 4], value: f32, column: [f32; 4]) -> [f32; 4] {
    std::array::from_fn(|lane| sum[lane] + value * column[lane])
}

/// # Safety
/// Four numbers must fit at `at`.
unsafe fn store_f32(at: *mut f32, sum: [f32; 4]) {
    // SAFETY: as the caller says.
    unsafe { at.cast::<[f32; 4]>().write_unaligned(sum) }
}

fn zero_i16() -> [i32; 4] {
    [0; 4]
}

/// Four words, each a pair; lanes of sums carry the low half first.
///
/// # Safety
/// Four pairs must lie at `at`.
unsafe fn load_i16(at: *const i16) -> [i32; 4] {
    // SAFETY: as the caller says.
    unsafe { at.cast::<[i32; 4]>().read_unaligned() }
}

/// # Safety
/// A pair must lie at `at`.
unsafe fn splat_i16(at: *const i16) -> [i16; 2] {
    // SAFETY: as the caller says.
    unsafe { at.cast::<[i16; 2]>().read_unaligned() }
}

fn add_i16(sum: [i32; 4], value: [i16; 2], column: [i32; 4]) -> [i32; 4] {
    std::array::from_fn(|lane| {
        let bytes = column[lane].to_ne_bytes();
        let pair = [
            i16::from_ne_bytes([bytes[0], bytes[1]]),
            i16::from_ne_bytes([bytes[2], bytes[3]]),
        ];
        sum[lane]
            + i32::from(value[0]) * i32::from(pair[0])
            + i32::from(value[1]) * i32::from(pair[1])
    })
}

/// # Safety
/// Four sums must fit at `at`.
unsafe fn store_i16(at: *mut i32, sum: [i32; 4]) {
    // SAFETY: as the caller says.
    unsafe { at.cast::<[i32; 4]>().write_unaligned(sum) }
}

kernel!(tile_f32, f32, f32, 1, 4, [f32; 4], , zero_f32, load_f32, splat_f32, add_f32, store_f32);
kernel!(tile_i16, i16, i32, 2, 4, [i32; 4], , zero_i16, load_i16, splat_i16, add_i16, store_i16);

/// # Safety
/// The tile must be checked.
pub(super) unsafe fn f32_plain(tile: &Checked<f32>) {
    // SAFETY: passed on; the kernel is chosen by the tile's counts.
    unsafe { choose!(tile_f32, tile, 1 2 3 4) }
}

/// # Safety
/// The tile must be checked.
pub(super) unsafe fn i16_plain(tile: &Checked<i16>) {
    // SAFETY: passed on; the kernel is chosen by the tile's counts.
    unsafe { choose!(tile_i16, tile, 1 2 3 4) }
}
