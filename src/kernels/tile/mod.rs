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

    /// The same rows with some of their words, which begin at a start.
    pub(super) fn part(&self, words: std::ops::Range<usize>) -> Self {
        let starts = &self.starts[words.start / self.words..words.end / self.words];
        Self { starts, ..*self }
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
    add: bool,
}

/// Writes the sums of rows `first .. first + count` to `out`, `stride` apart, or adds them to what is there.
///
/// # Panics
/// If the rows are more than the tile's, or a slice is too short.
pub(super) fn tile<T: Element>(
    isa: Isa,
    left: &Left<T>,
    (first, count): (usize, usize),
    right: Right<T>,
    (out, stride): (&mut [T::Acc], usize),
    add: bool,
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
        add,
    };
    // SAFETY: an Isa other than the portable one is made by `available` alone or named by a test that
    // asked it; `Left::new` checked the left operand, the lines above the right one and `out`.
    unsafe { T::run(isa, &checked) };
}

/// Writes the kernels of one element type for one vector type: `$name` runs the one of a tile's size.
///
/// Rows are written out one by one, so that sums stay in registers however little the
/// compiler unrolls.
#[cfg(any(target_arch = "wasm32", target_arch = "x86_64"))]
macro_rules! kernel {
    ($name:ident, $element:ty, $group:literal, $lanes:literal, $feature:literal,
     $zero:ident, $load:ident, $splat:ident, $add:ident, $store:ident;
     $([$count:literal $one:ident $two:ident $(($l:ident $a:ident $b:ident))+])+) => {
        /// Runs a tile.
        ///
        /// # Safety
        /// The machine must have the vectors, and the tile must be checked.
        #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
        pub(super) unsafe fn $name(tile: &crate::kernels::tile::Checked<$element>) {
            $(
                /// Rows of one vector; each start begins `W` consecutive words.
                #[inline(never)]
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
                unsafe fn $one<const W: usize>(tile: &crate::kernels::tile::Checked<$element>) {
                    // SAFETY: the tile is checked: its offsets, lengths and counts fit.
                    unsafe {
                        let (mut row, mut to) = (tile.rows, tile.out);
                        $(
                            let $l = tile.left.add(*row as usize);
                            row = row.add(1);
                            let mut $a = if tile.add { $load(to.cast::<$element>()) } else { $zero() };
                            to = to.wrapping_add(tile.stride);
                        )+
                        let mut right = tile.right;
                        for start in std::slice::from_raw_parts(tile.starts, tile.start_count) {
                            let start = *start as usize;
                            for word in 0..W {
                                let column = $load(right);
                                right = right.wrapping_add(tile.step);
                                $($a = $add($a, $splat($l.add(start).add(word * $group)), column);)+
                            }
                        }
                        let _ = (to,); // after the last row
                        to = tile.out;
                        $($store(to, $a); to = to.wrapping_add(tile.stride);)+
                        let _ = (row, to); // after the last row
                    }
                }

                /// Rows of two vectors; each start begins `W` consecutive words.
                #[inline(never)]
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
                unsafe fn $two<const W: usize>(tile: &crate::kernels::tile::Checked<$element>) {
                    // SAFETY: the tile is checked: its offsets, lengths and counts fit.
                    unsafe {
                        let (mut row, mut to) = (tile.rows, tile.out);
                        $(
                            let $l = tile.left.add(*row as usize);
                            row = row.add(1);
                            let (mut $a, mut $b) = if tile.add {
                                ($load(to.cast::<$element>()), $load(to.wrapping_add($lanes).cast::<$element>()))
                            } else {
                                ($zero(), $zero())
                            };
                            to = to.wrapping_add(tile.stride);
                        )+
                        let mut right = tile.right;
                        macro_rules! word {
                            ($word:literal, $at:ident) => {
                                let columns = ($load(right), $load(right.add($lanes * $group)));
                                right = right.wrapping_add(tile.step);
                                $(
                                    let value = $splat($l.add($at).add($word * $group));
                                    $a = $add($a, value, columns.0);
                                    $b = $add($b, value, columns.1);
                                )+
                            };
                        }
                        for start in std::slice::from_raw_parts(tile.starts, tile.start_count) {
                            let start = *start as usize;
                            word!(0, start);
                            if W == 4 {
                                word!(1, start);
                                word!(2, start);
                                word!(3, start);
                            }
                        }
                        let _ = (to,); // after the last row
                        to = tile.out;
                        $(
                            $store(to, $a);
                            $store(to.wrapping_add($lanes), $b);
                            to = to.wrapping_add(tile.stride);
                        )+
                        let _ = (row, to); // after the last row
                    }
                }
            )+
            // SAFETY: passed on; the kernel is chosen by the tile's counts.
            unsafe {
                match (tile.count, tile.vectors, tile.words) {
                    $(
                        ($count, 1, 1) => $one::<1>(tile),
                        ($count, 1, _) => $one::<4>(tile),
                        ($count, _, 1) => $two::<1>(tile),
                        ($count, _, _) => $two::<4>(tile),
                    )+
                    _ => {}
                }
            }
        }
    };
}
#[cfg(any(target_arch = "wasm32", target_arch = "x86_64"))]
use kernel;

/// Calls [`kernel`] for tiles of up to four rows: for each number of rows, names of the functions, and of
/// the pointer and the two sums of every row.
#[cfg(target_arch = "wasm32")]
macro_rules! four {
    ($($kernel:tt)+) => {
        $crate::kernels::tile::kernel! { $($kernel)+;
            [1 one1 two1 (l0 a0 b0)]
            [2 one2 two2 (l0 a0 b0) (l1 a1 b1)]
            [3 one3 two3 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2)]
            [4 one4 two4 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3)]
        }
    };
}
#[cfg(target_arch = "wasm32")]
use four;

/// As [`four`], for up to six rows.
#[cfg(target_arch = "x86_64")]
macro_rules! six {
    ($($kernel:tt)+) => {
        $crate::kernels::tile::kernel! { $($kernel)+;
            [1 one1 two1 (l0 a0 b0)]
            [2 one2 two2 (l0 a0 b0) (l1 a1 b1)]
            [3 one3 two3 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2)]
            [4 one4 two4 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3)]
            [5 one5 two5 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4)]
            [6 one6 two6 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4) (l5 a5 b5)]
        }
    };
}
#[cfg(target_arch = "x86_64")]
use six;

/// As [`four`], for up to eight rows.
#[cfg(target_arch = "x86_64")]
macro_rules! eight {
    ($($kernel:tt)+) => {
        $crate::kernels::tile::kernel! { $($kernel)+;
            [1 one1 two1 (l0 a0 b0)]
            [2 one2 two2 (l0 a0 b0) (l1 a1 b1)]
            [3 one3 two3 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2)]
            [4 one4 two4 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3)]
            [5 one5 two5 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4)]
            [6 one6 two6 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4) (l5 a5 b5)]
            [7 one7 two7 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4) (l5 a5 b5) (l6 a6 b6)]
            [8 one8 two8 (l0 a0 b0) (l1 a1 b1) (l2 a2 b2) (l3 a3 b3) (l4 a4 b4) (l5 a5 b5) (l6 a6 b6) (l7 a7 b7)]
        }
    };
}
#[cfg(target_arch = "x86_64")]
use eight;

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
                Isa::Portable => portable::plain(tile, |sum, a, b| sum + *a * *b),
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
                Isa::Portable => portable::plain(tile, |sum, a, b| {
                    sum + i32::from(*a) * i32::from(*b)
                        + i32::from(*a.add(1)) * i32::from(*b.add(1))
                }),
            }
        }
    }
}
