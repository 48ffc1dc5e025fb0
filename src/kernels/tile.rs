//! The innermost product: a tile of `MR x NR` sums from two packed panels, in the machine's vectors.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; every call checks its slices' lengths first"
)]
#![cfg_attr(
    any(target_arch = "x86_64", target_arch = "wasm32"),
    expect(
        clippy::cast_ptr_alignment,
        reason = "only unaligned loads and stores use these pointers"
    )
)]

/// A number that [`super::gemm`] multiplies.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// What its products sum to.
    type Acc: Copy + Default + Send + Sync;
    /// Rows of a tile.
    const MR: usize;
    /// Columns of a tile.
    const NR: usize;
    /// Contracted indices taken together.
    const GROUP: usize;
    /// Writes the tile `left * right` to `out`, row by row, `stride` apart.
    ///
    /// # Panics
    /// If a slice is shorter than `groups` panels of its side, or `out` than the tile.
    fn tile(groups: usize, left: &[Self], right: &[Self], out: &mut [Self::Acc], stride: usize);
}

#[cfg(target_arch = "x86_64")]
const ROWS: usize = 6;
#[cfg(not(target_arch = "x86_64"))]
const ROWS: usize = 4;
#[cfg(target_arch = "x86_64")]
const COLS: usize = 16;
#[cfg(not(target_arch = "x86_64"))]
const COLS: usize = 8;

impl Element for i16 {
    type Acc = i32;
    const MR: usize = ROWS;
    const NR: usize = COLS;
    const GROUP: usize = 2;

    fn tile(groups: usize, left: &[i16], right: &[i16], out: &mut [i32], stride: usize) {
        assert!(left.len() >= groups * ROWS * 2 && right.len() >= groups * COLS * 2);
        assert!(out.len() >= (ROWS - 1) * stride + COLS);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 is there, and the lengths were checked above.
            unsafe { x86::tile_i16(groups, left, right, out, stride) };
            return;
        }
        #[cfg(target_arch = "wasm32")]
        {
            // SAFETY: simd128 is a target feature of the build, and the lengths were checked above.
            unsafe { wasm::tile_i16(groups, left, right, out, stride) };
            return;
        }
        #[cfg_attr(
            target_arch = "wasm32",
            expect(unreachable_code, reason = "the portable form is for other targets")
        )]
        for i in 0..ROWS {
            for j in 0..COLS {
                let mut sum = 0_i32;
                for g in 0..groups {
                    let (l, r) = ((g * ROWS + i) * 2, (g * COLS + j) * 2);
                    sum += i32::from(left[l]) * i32::from(right[r])
                        + i32::from(left[l + 1]) * i32::from(right[r + 1]);
                }
                out[i * stride + j] = sum;
            }
        }
    }
}

impl Element for f32 {
    type Acc = f32;
    const MR: usize = ROWS;
    const NR: usize = COLS;
    const GROUP: usize = 1;

    fn tile(groups: usize, left: &[f32], right: &[f32], out: &mut [f32], stride: usize) {
        assert!(left.len() >= groups * ROWS && right.len() >= groups * COLS);
        assert!(out.len() >= (ROWS - 1) * stride + COLS);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            // SAFETY: AVX2 and FMA are there, and the lengths were checked above.
            unsafe { x86::tile_f32(groups, left, right, out, stride) };
            return;
        }
        // Plain loops over fixed sizes: the compiler turns them into the target's vectors.
        let mut sums = [[0.0_f32; COLS]; ROWS];
        for (l, r) in left
            .chunks_exact(ROWS)
            .zip(right.chunks_exact(COLS))
            .take(groups)
        {
            for (row, &l) in sums.iter_mut().zip(l) {
                for (sum, &r) in row.iter_mut().zip(r) {
                    *sum += l * r;
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            out[i * stride..i * stride + COLS].copy_from_slice(row);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{COLS, ROWS};
    use std::arch::x86_64::{
        __m256, __m256i, _mm256_add_epi32, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32, _mm256_setzero_ps,
        _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
    };

    /// # Safety
    /// AVX2 must be there; panels and `out` as long as [`super::Element::tile`] asks.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn tile_i16(
        groups: usize,
        left: &[i16],
        right: &[i16],
        out: &mut [i32],
        stride: usize,
    ) {
        let (l, r) = (left.as_ptr(), right.as_ptr());
        let mut sums: [[__m256i; 2]; ROWS] = [[_mm256_setzero_si256(); 2]; ROWS];
        for g in 0..groups {
            // SAFETY: `g < groups` and the caller checked the panels' lengths; loads are unaligned.
            unsafe {
                let b = r.add(g * COLS * 2).cast::<__m256i>();
                let (b0, b1) = (_mm256_loadu_si256(b), _mm256_loadu_si256(b.add(1)));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let a =
                        _mm256_set1_epi32(l.add((g * ROWS + i) * 2).cast::<i32>().read_unaligned());
                    sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(a, b0));
                    sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(a, b1));
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            // SAFETY: the caller checked that `out` holds the tile.
            unsafe {
                let to = out.as_mut_ptr().add(i * stride).cast::<__m256i>();
                _mm256_storeu_si256(to, sum[0]);
                _mm256_storeu_si256(to.add(1), sum[1]);
            }
        }
    }

    /// # Safety
    /// AVX2 and FMA must be there; panels and `out` as long as [`super::Element::tile`] asks.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn tile_f32(
        groups: usize,
        left: &[f32],
        right: &[f32],
        out: &mut [f32],
        stride: usize,
    ) {
        let (l, r) = (left.as_ptr(), right.as_ptr());
        let mut sums: [[__m256; 2]; ROWS] = [[_mm256_setzero_ps(); 2]; ROWS];
        for g in 0..groups {
            // SAFETY: `g < groups` and the caller checked the panels' lengths; loads are unaligned.
            unsafe {
                let b = r.add(g * COLS);
                let (b0, b1) = (_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8)));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let a = _mm256_broadcast_ss(&*l.add(g * ROWS + i));
                    sum[0] = _mm256_fmadd_ps(a, b0, sum[0]);
                    sum[1] = _mm256_fmadd_ps(a, b1, sum[1]);
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            // SAFETY: the caller checked that `out` holds the tile.
            unsafe {
                let to = out.as_mut_ptr().add(i * stride);
                _mm256_storeu_ps(to, sum[0]);
                _mm256_storeu_ps(to.add(8), sum[1]);
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use super::{COLS, ROWS};
    use std::arch::wasm32::{i32x4_add, i32x4_dot_i16x8, i32x4_splat, v128, v128_load, v128_store};

    /// # Safety
    /// Panels and `out` as long as [`super::Element::tile`] asks.
    #[target_feature(enable = "simd128")]
    pub(super) unsafe fn tile_i16(
        groups: usize,
        left: &[i16],
        right: &[i16],
        out: &mut [i32],
        stride: usize,
    ) {
        let (l, r) = (left.as_ptr(), right.as_ptr());
        let mut sums: [[v128; 2]; ROWS] = [[i32x4_splat(0); 2]; ROWS];
        for g in 0..groups {
            // SAFETY: `g < groups` and the caller checked the panels' lengths; loads are unaligned.
            unsafe {
                let b = r.add(g * COLS * 2).cast::<v128>();
                let (b0, b1) = (v128_load(b), v128_load(b.add(1)));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let a = i32x4_splat(l.add((g * ROWS + i) * 2).cast::<i32>().read_unaligned());
                    sum[0] = i32x4_add(sum[0], i32x4_dot_i16x8(a, b0));
                    sum[1] = i32x4_add(sum[1], i32x4_dot_i16x8(a, b1));
                }
            }
        }
        for (i, sum) in sums.iter().enumerate() {
            // SAFETY: the caller checked that `out` holds the tile.
            unsafe {
                let to = out.as_mut_ptr().add(i * stride).cast::<v128>();
                v128_store(to, sum[0]);
                v128_store(to.add(1), sum[1]);
            }
        }
    }
}
