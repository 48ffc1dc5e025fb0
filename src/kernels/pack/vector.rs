//! The moves that packing is made of, sixteen bytes at a time.
//!
//! | function | does |
//! | --- | --- |
//! | `load`, `store` | moves a vector from or to a place that need not be aligned; all of it must be inside |
//! | `load_half` | moves eight bytes and zeros after them |
//! | `zip` | alternates the 16-bit numbers of two vectors: their first halves, their second ones |
//! | `turn` | exchanges rows and columns of 4 x 4 words of 32 bits |
#![expect(
    clippy::inline_always,
    reason = "loops around them must be compiled with their caller's target features"
)]

#[cfg(target_arch = "wasm32")]
mod own {
    use std::arch::wasm32::{
        i16x8_shuffle, i32x4_shuffle, i64x2_shuffle, v128, v128_load, v128_load64_zero, v128_store,
    };

    pub type Vector = v128;

    #[inline(always)]
    pub unsafe fn load<T>(at: *const T) -> Vector {
        // SAFETY: as the caller says; the load is unaligned.
        unsafe { v128_load(at.cast()) }
    }

    #[inline(always)]
    pub unsafe fn load_half<T>(at: *const T) -> Vector {
        // SAFETY: as the caller says; the load is unaligned.
        unsafe { v128_load64_zero(at.cast()) }
    }

    #[inline(always)]
    pub unsafe fn store<T>(at: *mut T, vector: Vector) {
        // SAFETY: as the caller says; the store is unaligned.
        unsafe { v128_store(at.cast(), vector) }
    }

    #[inline(always)]
    pub fn zip(a: Vector, b: Vector) -> [Vector; 2] {
        [
            i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b),
            i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b),
        ]
    }

    #[inline(always)]
    pub fn turn(a: Vector, b: Vector, c: Vector, d: Vector) -> [Vector; 4] {
        let low = i32x4_shuffle::<0, 4, 1, 5>(a, b);
        let high = i32x4_shuffle::<2, 6, 3, 7>(a, b);
        let low_after = i32x4_shuffle::<0, 4, 1, 5>(c, d);
        let high_after = i32x4_shuffle::<2, 6, 3, 7>(c, d);
        [
            i64x2_shuffle::<0, 2>(low, low_after),
            i64x2_shuffle::<1, 3>(low, low_after),
            i64x2_shuffle::<0, 2>(high, high_after),
            i64x2_shuffle::<1, 3>(high, high_after),
        ]
    }
}

#[cfg(target_arch = "x86_64")]
mod own {
    use std::arch::x86_64::{
        __m128i, _mm_loadl_epi64, _mm_loadu_si128, _mm_storeu_si128, _mm_unpackhi_epi16,
        _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi16, _mm_unpacklo_epi32,
        _mm_unpacklo_epi64,
    };

    pub type Vector = __m128i;

    #[inline(always)]
    pub unsafe fn load<T>(at: *const T) -> Vector {
        // SAFETY: as the caller says; SSE2 is part of x86-64, and the load is unaligned.
        unsafe { _mm_loadu_si128(at.cast()) }
    }

    #[inline(always)]
    pub unsafe fn load_half<T>(at: *const T) -> Vector {
        // SAFETY: as above.
        unsafe { _mm_loadl_epi64(at.cast()) }
    }

    #[inline(always)]
    pub unsafe fn store<T>(at: *mut T, vector: Vector) {
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(at.cast(), vector) }
    }

    #[inline(always)]
    pub fn zip(a: Vector, b: Vector) -> [Vector; 2] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { [_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)] }
    }

    #[inline(always)]
    pub fn turn(a: Vector, b: Vector, c: Vector, d: Vector) -> [Vector; 4] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let (low, low_after) = (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
            let (high, high_after) = (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
            [
                _mm_unpacklo_epi64(low, low_after),
                _mm_unpackhi_epi64(low, low_after),
                _mm_unpacklo_epi64(high, high_after),
                _mm_unpackhi_epi64(high, high_after),
            ]
        }
    }
}

#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
mod own {
    pub type Vector = [u16; 8];

    #[inline(always)]
    pub unsafe fn load<T>(at: *const T) -> Vector {
        // SAFETY: as the caller says.
        unsafe { at.cast::<Vector>().read_unaligned() }
    }

    #[inline(always)]
    pub unsafe fn load_half<T>(at: *const T) -> Vector {
        // SAFETY: as the caller says.
        let [a, b, c, d] = unsafe { at.cast::<[u16; 4]>().read_unaligned() };
        [a, b, c, d, 0, 0, 0, 0]
    }

    #[inline(always)]
    pub unsafe fn store<T>(at: *mut T, vector: Vector) {
        // SAFETY: as the caller says.
        unsafe { at.cast::<Vector>().write_unaligned(vector) }
    }

    #[inline(always)]
    pub fn zip(a: Vector, b: Vector) -> [Vector; 2] {
        [0, 4].map(|from| std::array::from_fn(|at| if at % 2 == 0 { a } else { b }[from + at / 2]))
    }

    #[inline(always)]
    pub fn turn(a: Vector, b: Vector, c: Vector, d: Vector) -> [Vector; 4] {
        let columns = [a, b, c, d];
        [0, 2, 4, 6].map(|word| std::array::from_fn(|at| columns[at / 2][word + at % 2]))
    }
}

pub(super) use own::{load, load_half, store, turn, zip};
