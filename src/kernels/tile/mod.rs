//! The innermost product: a tile of a few rows and one or two vectors of columns, its sums in the
//! machine's registers.
//!
//! The left operand is read where it lies: a row starts at its own offset, and each of its terms is
//! broadcast from the row's start plus the term's offset. The right operand is read in whole
//! vectors, a fixed step apart. A *word* is what one lane multiplies at a time: an `f32`, or two
//! `i16` whose products are added.
#![expect(
    unsafe_code,
    reason = "vector intrinsics; the operands' types check every offset first"
)]

mod portable;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Vector instructions that the products are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 512 bits, with 16-bit dot products where `vnni` says so.
    #[cfg(target_arch = "x86_64")]
    Avx512 {
        /// Whether a dot product of pairs is added in one instruction.
        vnni: bool,
    },
    /// 256 bits with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// WebAssembly's 128 bits.
    #[cfg(target_arch = "wasm32")]
    Simd128,
    /// Plain loops.
    Portable,
}

impl Isa {
    /// All that this machine has, widest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let wide = has!("avx512f") && has!("avx512bw");
            let all = [
                (Self::Avx512 { vnni: true }, wide && has!("avx512vnni")),
                (Self::Avx512 { vnni: false }, wide),
                (Self::Avx2, has!("avx2") && has!("fma")),
                (Self::Portable, true),
            ];
            all.into_iter()
                .filter_map(|(isa, there)| there.then_some(isa))
                .collect()
        }
        #[cfg(target_arch = "wasm32")]
        {
            vec![Self::Simd128, Self::Portable]
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "wasm32")))]
        {
            vec![Self::Portable]
        }
    }

    /// The widest that this machine has.
    #[must_use]
    pub fn widest() -> Self {
        Self::available()[0]
    }

    /// Words of a vector.
    #[must_use]
    pub const fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 { .. } => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            _ => 4,
        }
    }

    /// Most rows of a tile.
    #[must_use]
    pub const fn rows(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 { .. } => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 6,
            _ => 4,
        }
    }
}

/// Most vectors of a tile's row.
pub const VECTORS: usize = 2;

/// A number that [`super::gemm`] multiplies.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// What its products sum to.
    type Acc: Copy + Default + Send + Sync;
    /// Numbers of a word.
    const GROUP: usize;

    /// Puts two rows of the right operand, of one length, in the order of words; `GROUP` 1 takes the
    /// first alone.
    fn interleave(out: &mut [Self], first: &[Self], second: &[Self]);

    /// Writes a tile of sums.
    ///
    /// # Safety
    /// The machine must have `isa`, and the tile must be checked, as by [`tile`].
    #[doc(hidden)]
    unsafe fn run(isa: Isa, tile: &Checked<Self>);
}

/// Rows of the left operand whose every offset lies inside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left<'a, T> {
    data: &'a [T],
    rows: &'a [u32],
    starts: &'a [u32],
    words: usize,
}

impl<'a, T: Element> Left<'a, T> {
    /// Rows at `rows`, each of words at `starts` and the `words - 1` that follow (1 or 4 words).
    ///
    /// # Panics
    /// If an offset lies outside `data`.
    pub(super) fn new(data: &'a [T], rows: &'a [u32], starts: &'a [u32], words: usize) -> Self {
        let last = |offsets: &[u32]| offsets.iter().copied().max().unwrap_or(0) as usize;
        assert!(words == 1 || words == 4, "one word or four");
        assert!(
            rows.is_empty()
                || starts.is_empty()
                || last(rows) + last(starts) + words * T::GROUP <= data.len(),
            "an element lies outside its operand"
        );
        Self {
            data,
            rows,
            starts,
            words,
        }
    }

    /// Words of a row.
    pub(super) fn groups(&self) -> usize {
        self.starts.len() * self.words
    }
}

/// Columns of the right operand: word group `g` starts at `g * step` and holds `vectors` vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right<'a, T> {
    pub(super) data: &'a [T],
    pub(super) step: usize,
    pub(super) vectors: usize,
}

/// A tile whose reads and writes were all checked.
#[doc(hidden)]
#[derive(Debug)]
pub struct Checked<T: Element> {
    left: *const T,
    rows: *const u32,
    count: usize,
    starts: *const u32,
    start_count: usize,
    words: usize,
    right: *const T,
    step: usize,
    vectors: usize,
    out: *mut T::Acc,
    stride: usize,
}

/// Writes the sums of rows `first .. first + count` to `out`, `stride` apart.
///
/// # Panics
/// If the rows are more than the tile's, or a slice is too short.
pub(super) fn tile<T: Element>(
    isa: Isa,
    left: &Left<T>,
    (first, count): (usize, usize),
    right: Right<T>,
    out: &mut [T::Acc],
    stride: usize,
) {
    let rows = &left.rows[first..first + count];
    let width = right.vectors * isa.lanes();
    assert!((1..=isa.rows()).contains(&count) && (1..=VECTORS).contains(&right.vectors));
    assert!(out.len() >= (count - 1) * stride + width);
    let groups = left.groups();
    assert!(groups == 0 || right.data.len() >= (groups - 1) * right.step + width * T::GROUP);
    let checked = Checked {
        left: left.data.as_ptr(),
        rows: rows.as_ptr(),
        count,
        starts: left.starts.as_ptr(),
        start_count: left.starts.len(),
        words: left.words,
        right: right.data.as_ptr(),
        step: right.step,
        vectors: right.vectors,
        out: out.as_mut_ptr(),
        stride,
    };
    // SAFETY: an Isa other than the portable one is made by `available` alone or named by a test that
    // asked it; `Left::new` checked the left operand, the lines above the right one and `out`.
    unsafe { T::run(isa, &checked) };
}

/// Writes the kernel of one element type for one vector type.
macro_rules! kernel {
    ($name:ident, $element:ty, $acc:ty, $group:literal, $lanes:literal, $vector:ty,
     $(#[$feature:meta])?, $zero:ident, $load:ident, $splat:ident, $add:ident, $store:ident) => {
        /// `R` rows of `V` vectors; each start begins `W` consecutive words.
        ///
        /// # Safety
        /// The tile must be checked, have `R` rows, `V` vectors and `W` words a start.
        $(#[$feature])?
        unsafe fn $name<const R: usize, const V: usize, const W: usize>(
            tile: &crate::kernels::tile::Checked<$element>,
        ) {
            // SAFETY: the caller has a checked tile: its offsets, lengths and counts fit.
            unsafe {
                let rows = std::slice::from_raw_parts(tile.rows, R);
                let starts = std::slice::from_raw_parts(tile.starts, tile.start_count);
                let mut left = [tile.left; R];
                for (pointer, &row) in left.iter_mut().zip(rows) {
                    *pointer = pointer.add(row as usize);
                }
                let mut sums: [[$vector; V]; R] = [[$zero(); V]; R];
                let mut right = tile.right;
                for &start in starts {
                    for word in 0..W {
                        let mut columns = [$zero(); V];
                        for (v, column) in columns.iter_mut().enumerate() {
                            *column = $load(right.wrapping_add(v * $lanes * $group));
                        }
                        right = right.wrapping_add(tile.step);
                        for (row, left) in sums.iter_mut().zip(&left) {
                            let value = $splat(left.add(start as usize + word * $group));
                            for (sum, column) in row.iter_mut().zip(&columns) {
                                *sum = $add(*sum, value, *column);
                            }
                        }
                    }
                }
                for (i, row) in sums.iter().enumerate() {
                    for (v, sum) in row.iter().enumerate() {
                        $store(tile.out.add(i * tile.stride + v * $lanes), *sum);
                    }
                }
            }
        }
    };
}
use kernel;

/// Calls the kernel made for a tile's rows, vectors and words.
macro_rules! choose {
    ($name:ident, $tile:ident, $($rows:literal)+) => {
        match ($tile.count, $tile.vectors, $tile.words) {
            $(
                ($rows, 1, 1) => $name::<$rows, 1, 1>($tile),
                ($rows, 1, _) => $name::<$rows, 1, 4>($tile),
                ($rows, _, 1) => $name::<$rows, 2, 1>($tile),
                ($rows, _, _) => $name::<$rows, 2, 4>($tile),
            )+
            _ => {}
        }
    };
}
use choose;

impl Element for f32 {
    type Acc = f32;
    const GROUP: usize = 1;

    fn interleave(out: &mut [f32], first: &[f32], _: &[f32]) {
        out.copy_from_slice(first);
    }

    unsafe fn run(isa: Isa, tile: &Checked<f32>) {
        // SAFETY: passed on from the caller.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 { .. } => x86::f32_512(tile),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => x86::f32_256(tile),
                #[cfg(target_arch = "wasm32")]
                Isa::Simd128 => wasm::f32_128(tile),
                Isa::Portable => portable::f32_plain(tile),
            }
        }
    }
}

impl Element for i16 {
    type Acc = i32;
    const GROUP: usize = 2;

    fn interleave(out: &mut [i16], first: &[i16], second: &[i16]) {
        #[cfg(target_arch = "wasm32")]
        let done = wasm::interleave(out, first, second);
        #[cfg(target_arch = "x86_64")]
        let done = x86::interleave(out, first, second);
        #[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
        let done = 0;
        let rest = first[done..].iter().zip(&second[done..]);
        for (pair, (&first, &second)) in out[2 * done..].chunks_exact_mut(2).zip(rest) {
            pair[0] = first;
            pair[1] = second;
        }
    }

    unsafe fn run(isa: Isa, tile: &Checked<i16>) {
        // SAFETY: passed on from the caller.
        unsafe {
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 { vnni: true } => x86::i16_512_vnni(tile),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 { vnni: false } => x86::i16_512(tile),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => x86::i16_256(tile),
                #[cfg(target_arch = "wasm32")]
                Isa::Simd128 => wasm::i16_128(tile),
                Isa::Portable => portable::i16_plain(tile),
            }
        }
    }
}
