//! Tiles in x86's vectors of 256 and 512 bits, chosen at run time.

use super::{eight, six};
use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm256_add_epi32, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256, _mm512_add_epi32,
    _mm512_dpwssd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_madd_epi16,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps,
    _mm512_storeu_si512,
};

#[inline]
#[target_feature(enable = "avx2,fma")]
fn zero_f32_256() -> __m256 {
    _mm256_setzero_ps()
}

/// # Safety
/// A vector must lie at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load_f32_256(at: *const f32) -> __m256 {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { _mm256_loadu_ps(at.cast()) }
}

/// # Safety
/// A word must lie at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn splat_f32_256(at: *const f32) -> __m256 {
    // SAFETY: as the caller says; the load is unaligned.
    _mm256_set1_ps(unsafe { at.cast::<f32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_f32_256(sum: __m256, value: __m256, column: __m256) -> __m256 {
    _mm256_fmadd_ps(value, column, sum)
}

/// # Safety
/// A vector must fit at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_f32_256(at: *mut f32, sum: __m256) {
    // SAFETY: as the caller says; the store is unaligned.
    unsafe { _mm256_storeu_ps(at.cast(), sum) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn zero_i16_256() -> __m256i {
    _mm256_setzero_si256()
}

/// # Safety
/// A vector must lie at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load_i16_256(at: *const i16) -> __m256i {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { _mm256_loadu_si256(at.cast()) }
}

/// # Safety
/// A word must lie at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn splat_i16_256(at: *const i16) -> __m256i {
    // SAFETY: as the caller says; the load is unaligned.
    _mm256_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_i16_256(sum: __m256i, value: __m256i, column: __m256i) -> __m256i {
    _mm256_add_epi32(sum, _mm256_madd_epi16(value, column))
}

/// # Safety
/// A vector must fit at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_i16_256(at: *mut i32, sum: __m256i) {
    // SAFETY: as the caller says; the store is unaligned.
    unsafe { _mm256_storeu_si256(at.cast(), sum) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn zero_f32_512() -> __m512 {
    _mm512_setzero_ps()
}

/// # Safety
/// A vector must lie at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn load_f32_512(at: *const f32) -> __m512 {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { _mm512_loadu_ps(at.cast()) }
}

/// # Safety
/// A word must lie at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn splat_f32_512(at: *const f32) -> __m512 {
    // SAFETY: as the caller says; the load is unaligned.
    _mm512_set1_ps(unsafe { at.cast::<f32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_f32_512(sum: __m512, value: __m512, column: __m512) -> __m512 {
    _mm512_fmadd_ps(value, column, sum)
}

/// # Safety
/// A vector must fit at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn store_f32_512(at: *mut f32, sum: __m512) {
    // SAFETY: as the caller says; the store is unaligned.
    unsafe { _mm512_storeu_ps(at.cast(), sum) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn zero_i16_512() -> __m512i {
    _mm512_setzero_si512()
}

/// # Safety
/// A vector must lie at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn load_i16_512(at: *const i16) -> __m512i {
    // SAFETY: as the caller says; the load is unaligned.
    unsafe { _mm512_loadu_si512(at.cast()) }
}

/// # Safety
/// A word must lie at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn splat_i16_512(at: *const i16) -> __m512i {
    // SAFETY: as the caller says; the load is unaligned.
    _mm512_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_i16_512(sum: __m512i, value: __m512i, column: __m512i) -> __m512i {
    _mm512_add_epi32(sum, _mm512_madd_epi16(value, column))
}

/// # Safety
/// A vector must fit at `at`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn store_i16_512(at: *mut i32, sum: __m512i) {
    // SAFETY: as the caller says; the store is unaligned.
    unsafe { _mm512_storeu_si512(at.cast(), sum) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add_i16_vnni(sum: __m512i, value: __m512i, column: __m512i) -> __m512i {
    _mm512_dpwssd_epi32(sum, value, column)
}

six!(
    f32_256,
    f32,
    1,
    8,
    "avx2,fma",
    zero_f32_256,
    load_f32_256,
    splat_f32_256,
    add_f32_256,
    store_f32_256
);
six!(
    i16_256,
    i16,
    2,
    8,
    "avx2,fma",
    zero_i16_256,
    load_i16_256,
    splat_i16_256,
    add_i16_256,
    store_i16_256
);
eight!(
    f32_512,
    f32,
    1,
    16,
    "avx512f,avx512bw",
    zero_f32_512,
    load_f32_512,
    splat_f32_512,
    add_f32_512,
    store_f32_512
);
eight!(
    i16_512,
    i16,
    2,
    16,
    "avx512f,avx512bw",
    zero_i16_512,
    load_i16_512,
    splat_i16_512,
    add_i16_512,
    store_i16_512
);
eight!(
    i16_512_vnni,
    i16,
    2,
    16,
    "avx512f,avx512bw,avx512vnni",
    zero_i16_512,
    load_i16_512,
    splat_i16_512,
    add_i16_vnni,
    store_i16_512
);
