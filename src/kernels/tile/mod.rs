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

    /// Columns from which the left operand is packed even where it can be read as it lies: loops over packed
    /// words have fewer instructions, of which the wider vectors need fewer anyway.
    #[must_use]
    pub(super) const fn pack_from(self) -> usize {
        match self {
            #[cfg(target_arch = "wasm32")]
            Self::Simd128 => 32,
            _ => usize::MAX,
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

/// Words that may follow each other at a start, most first: the more, the less is spent between them.
pub(super) const RUNS: [usize; 4] = [16, 8, 4, 1];

/// A number that [`super::gemm`] multiplies.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// What its products sum to.
    type Acc: Copy + Default + Send + Sync;
    /// Numbers of a word.
    const GROUP: usize;

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
    /// Where each row lies, and where its words begin; none for rows packed in panels, one word after another.
    rows: &'a [u32],
    starts: &'a [u32],
    start_count: usize,
    /// Words at a start.
    words: usize,
}

impl<'a, T: Element> Left<'a, T> {
    /// Rows at `rows`, each of words at `starts` and the `words - 1` that follow.
    ///
    /// # Panics
    /// If an offset lies outside `data`.
    pub(super) fn new(data: &'a [T], rows: &'a [u32], starts: &'a [u32], words: usize) -> Self {
        let last = |offsets: &[u32]| offsets.iter().copied().max().unwrap_or(0) as usize;
        assert!(words > 0, "words at a start");
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
            start_count: starts.len(),
            words,
        }
    }

    /// Rows packed in panels, each of `words` at every one of so many starts.
    pub(super) fn packed(data: &'a [T], start_count: usize, words: usize) -> Self {
        Self {
            data,
            rows: &[],
            starts: &[],
            start_count,
            words,
        }
    }

    /// Some of the rows, with some of their words, which begin at a start.
    pub(super) fn part(&self, rows: std::ops::Range<usize>, words: std::ops::Range<usize>) -> Self {
        let starts = &self.starts[words.start / self.words..words.end / self.words];
        Self {
            rows: &self.rows[rows],
            starts,
            start_count: starts.len(),
            ..*self
        }
    }
}

/// A cut of the right operand's terms: panels of columns, each of whole vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a, T> {
    data: &'a [T],
    /// Where each column lies; none for panels that were packed.
    columns: Option<&'a [u32]>,
    /// Words of a packed panel.
    words: usize,
    /// Where the words at each of the left operand's starts begin within panels of one and two vectors.
    starts: [&'a [u32]; VECTORS],
    /// From one word to the next within a start, in both.
    steps: [usize; VECTORS],
    /// The last of these starts.
    reach: usize,
}

impl<'a, T: Element> Cut<'a, T> {
    /// Columns where they lie: vector by vector in consecutive places.
    pub(super) fn scattered(
        data: &'a [T],
        columns: &'a [u32],
        starts: &'a [u32],
        step: usize,
    ) -> Self {
        Self {
            data,
            columns: Some(columns),
            words: 0,
            starts: [starts; VECTORS],
            steps: [step; VECTORS],
            reach: starts.iter().copied().max().unwrap_or(0) as usize,
        }
    }

    /// Panels one after the other, of so many words each.
    pub(super) fn packed(
        data: &'a [T],
        words: usize,
        ramps: [(&'a [u32], usize); VECTORS],
    ) -> Self {
        Self {
            data,
            columns: None,
            words,
            starts: ramps.map(|(starts, _)| starts),
            steps: ramps.map(|(_, step)| step),
            reach: 0,
        }
    }

    /// The panel of columns `from` on.
    pub(super) fn panel(&self, from: usize, vectors: usize, lanes: usize) -> Right<'a, T> {
        let (starts, step) = (self.starts[vectors - 1], self.steps[vectors - 1]);
        let (at, second, reach) = match self.columns {
            Some(columns) => {
                let first = columns[from] as usize;
                let second = if vectors > 1 {
                    columns[from + lanes] as usize - first
                } else {
                    0
                };
                (first, second, self.reach)
            }
            None => (
                from * self.words * T::GROUP,
                lanes * T::GROUP,
                starts.last().map_or(0, |&start| start as usize),
            ),
        };
        Right {
            data: &self.data[at..],
            starts,
            reach,
            step,
            second,
            vectors,
        }
    }
}

/// Starts of the words of packed panels.
#[derive(Clone, Debug, Default)]
pub(super) struct Ramps {
    /// By words of a start and vectors of a panel.
    ramps: [[Vec<u32>; VECTORS]; RUNS.len()],
}

impl Ramps {
    /// So many starts of `words` words in panels of one and two vectors, and the step between words.
    pub(super) fn of<T: Element>(
        &mut self,
        count: usize,
        words: usize,
        lanes: usize,
    ) -> [(&[u32], usize); VECTORS] {
        let run = RUNS.iter().position(|&run| run == words).unwrap_or(0);
        let mut vectors = 0;
        self.ramps[run].each_mut().map(|ramp| {
            vectors += 1;
            let step = vectors * lanes * T::GROUP;
            ramp.extend((ramp.len()..count).map(|start| (start * words * step) as u32));
            (&ramp[..count], step)
        })
    }
}

/// A panel of the right operand: the words at the left operand's start `s` begin at `starts[s]`, `step`
/// apart, and hold `vectors` vectors, the second one `second` after the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right<'a, T> {
    data: &'a [T],
    starts: &'a [u32],
    /// No start lies beyond.
    reach: usize,
    step: usize,
    second: usize,
    vectors: usize,
}

/// A tile whose reads and writes were all checked.
#[doc(hidden)]
#[derive(Debug)]
pub struct Checked<T: Element> {
    left: *const T,
    rows: *const u32,
    /// Whether rows are packed in panels, and the numbers of one.
    packed: bool,
    pitch: usize,
    count: usize,
    /// Rows of a tile.
    most: usize,
    starts: *const u32,
    start_count: usize,
    words: usize,
    right: *const T,
    right_starts: *const u32,
    step: usize,
    second: usize,
    vectors: usize,
    out: *mut T::Acc,
    out_rows: *const u32,
    out_second: usize,
    add: bool,
}

impl<T: Element> Checked<T> {
    /// Whether the right operand's words follow each other in panels of two vectors of so many numbers, as a
    /// packed left one's do.
    fn follows(&self, numbers: usize) -> bool {
        self.start_count == 1
            && self.words > 0
            && self.second == numbers
            && self.step == VECTORS * numbers
    }
}

/// Where a tile's sums go: row `i` at `rows[i]`, the second vector `second` after the first.
#[derive(Debug)]
pub(super) struct Out<'a, S> {
    pub(super) data: &'a mut [S],
    pub(super) rows: &'a [u32],
    /// No row lies beyond.
    pub(super) reach: usize,
    pub(super) second: usize,
    /// Whether they are added to what is there.
    pub(super) add: bool,
}

/// Writes the sums of `count` rows of the left operand, a tile's rows at a time.
///
/// # Panics
/// If a slice is too short.
pub(super) fn tile<T: Element>(
    isa: Isa,
    left: &Left<T>,
    count: usize,
    right: Right<T>,
    out: &mut Out<T::Acc>,
) {
    let packed = left.rows.is_empty();
    let pitch = left.start_count * left.words * T::GROUP;
    assert!(if packed {
        left.data.len() >= count * pitch
    } else {
        left.rows.len() >= count
    });
    let out_rows = &out.rows[..count];
    let lanes = isa.lanes();
    assert!((1..=VECTORS).contains(&right.vectors));
    let second = |second: usize| if right.vectors > 1 { second } else { 0 };
    assert!(out.data.len() >= out.reach + second(out.second) + lanes);
    assert!(right.starts.len() >= left.start_count);
    let last = right.reach + (left.words - 1) * right.step;
    assert!(
        left.start_count == 0 || right.data.len() >= last + second(right.second) + lanes * T::GROUP
    );
    let checked = Checked {
        left: left.data.as_ptr(),
        rows: left.rows.as_ptr(),
        packed,
        pitch,
        count,
        most: isa.rows(),
        starts: left.starts.as_ptr(),
        start_count: left.start_count,
        words: left.words,
        right: right.data.as_ptr(),
        right_starts: right.starts.as_ptr(),
        step: right.step,
        second: right.second,
        vectors: right.vectors,
        out: out.data.as_mut_ptr(),
        out_rows: out_rows.as_ptr(),
        out_second: out.second,
        add: out.add,
    };
    // SAFETY: an Isa other than the portable one is made by `available` alone or named by a test that
    // asked it; `Left::new` checked the left operand, the lines above the right one and `out`, whose rows
    // do not reach beyond `reach`, as whoever made it found.
    unsafe { T::run(isa, &checked) };
}

/// Writes the kernels of one element type for one vector type: `$name` runs the one of a tile's size.
///
/// Rows are written out one by one, so that sums stay in registers however little the compiler unrolls.
/// Words are not: written out, a browser's compiler adds several words to one row after the other, so
/// that each addition waits for the last, and more values are alive than there are registers. Where both
/// operands are packed, two are, with a way out between them that keeps them apart. There the steps are read
/// anew each time, since where the compiler knows them it makes each place a sum of its own, though a load
/// takes a constant offset at no cost.
#[cfg(any(target_arch = "wasm32", target_arch = "x86_64"))]
macro_rules! kernel {
    ($name:ident, $element:ty, $group:literal, $lanes:literal, $feature:literal,
     $zero:ident, $load:ident, $splat:ident, $add:ident, $store:ident;
     $([$count:literal $one:ident $two:ident $(($l:ident $a:ident $b:ident $k:literal))+])+) => {
        /// Runs a tile.
        ///
        /// # Safety
        /// The machine must have the vectors, and the tile must be checked.
        #[expect(clippy::too_many_lines, reason = "the kernels of all sizes stand in it")]
        #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
        pub(super) unsafe fn $name(tile: &crate::kernels::tile::Checked<$element>) {
            $(
                /// Rows of one vector.
                #[inline(never)]
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
                unsafe fn $one<const PACKED: bool>(tile: &crate::kernels::tile::Checked<$element>, first: usize) {
                    // SAFETY: the tile is checked: its offsets, lengths and counts fit.
                    unsafe {
                        let mut to = tile.out_rows.add(first);
                        let mut row = if PACKED { tile.rows } else { tile.rows.add(first) };
                        let mut packed = tile.left.wrapping_add(first * tile.pitch);
                        $(
                            let $l = if PACKED {
                                packed
                            } else {
                                tile.left.add(*row as usize)
                            };
                            if PACKED {
                                packed = packed.wrapping_add($group);
                            } else {
                                row = row.add(1);
                            }
                            let mut $a = if tile.add {
                                $load(tile.out.add(*to as usize).cast::<$element>())
                            } else {
                                $zero()
                            };
                            to = to.add(1);
                        )+
                        let mut start = 0;
                        for at in 0..tile.start_count {
                            if !PACKED {
                                start = *tile.starts.add(at) as usize;
                            }
                            let mut right = tile.right.add(*tile.right_starts.add(at) as usize);
                            for _ in 0..tile.words {
                                let column = $load(right);
                                $($a = $add($a, $splat($l.add(start)), column);)+
                                start += if PACKED { $count * $group } else { $group };
                                // One step beyond the last word is not read.
                                right = right.wrapping_add(tile.step);
                            }
                        }
                        let _ = (row, packed, to); // after the last row
                        to = tile.out_rows.add(first);
                        $($store(tile.out.add(*to as usize), $a); to = to.add(1);)+
                        let _ = to; // after the last row
                    }
                }

                /// Rows of two vectors.
                #[inline(never)]
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = $feature))]
                unsafe fn $two<const PACKED: bool>(tile: &crate::kernels::tile::Checked<$element>, first: usize) {
                    // SAFETY: the tile is checked: its offsets, lengths and counts fit.
                    unsafe {
                        let mut to = tile.out_rows.add(first);
                        let mut row = if PACKED { tile.rows } else { tile.rows.add(first) };
                        let mut packed = tile.left.wrapping_add(first * tile.pitch);
                        $(
                            let $l = if PACKED {
                                packed
                            } else {
                                tile.left.add(*row as usize)
                            };
                            if PACKED {
                                packed = packed.wrapping_add($group);
                            } else {
                                row = row.add(1);
                            }
                            let (mut $a, mut $b) = if tile.add {
                                let to = tile.out.add(*to as usize);
                                ($load(to.cast::<$element>()), $load(to.add(tile.out_second).cast::<$element>()))
                            } else {
                                ($zero(), $zero())
                            };
                            to = to.add(1);
                        )+
                        if cfg!(target_arch = "wasm32") && PACKED && tile.follows($lanes * $group) {
                            let mut left = tile.left.add(first * tile.pitch);
                            let mut right = tile.right.add(*tile.right_starts as usize);
                            let last = right.wrapping_add((tile.words - 1) * tile.step);
                            let steps = [2 * $count * $group, 2 * tile.step];
                            loop {
                                let columns = ($load(right), $load(right.add($lanes * $group)));
                                $(
                                    let value = $splat(left.add($k * $group));
                                    $a = $add($a, value, columns.0);
                                    $b = $add($b, value, columns.1);
                                )+
                                if right == last {
                                    break;
                                }
                                let columns = (
                                    $load(right.add(2 * $lanes * $group)),
                                    $load(right.add(3 * $lanes * $group)),
                                );
                                $(
                                    let value = $splat(left.add(($count + $k) * $group));
                                    $a = $add($a, value, columns.0);
                                    $b = $add($b, value, columns.1);
                                )+
                                if right.wrapping_add(tile.step) == last {
                                    break;
                                }
                                left = left.add(std::ptr::read_volatile(&raw const steps[0]));
                                right = right.add(std::ptr::read_volatile(&raw const steps[1]));
                            }
                        } else {
                            let mut start = 0;
                            for at in 0..tile.start_count {
                                if !PACKED {
                                    start = *tile.starts.add(at) as usize;
                                }
                                let mut right = tile.right.add(*tile.right_starts.add(at) as usize);
                                for _ in 0..tile.words {
                                    let columns = ($load(right), $load(right.add(tile.second)));
                                    $(
                                        let value = $splat($l.add(start));
                                        $a = $add($a, value, columns.0);
                                        $b = $add($b, value, columns.1);
                                    )+
                                    start += if PACKED { $count * $group } else { $group };
                                    // One step beyond the last word is not read.
                                    right = right.wrapping_add(tile.step);
                                }
                            }
                        }
                        let _ = (row, packed, to); // after the last row
                        to = tile.out_rows.add(first);
                        $(
                            let at = tile.out.add(*to as usize);
                            $store(at, $a);
                            $store(at.add(tile.out_second), $b);
                            to = to.add(1);
                        )+
                        let _ = to; // after the last row
                    }
                }
            )+
            let mut first = 0;
            while first < tile.count {
                let count = tile.most.min(tile.count - first);
                // SAFETY: passed on; the kernel is chosen by the counts.
                unsafe {
                    match (count, tile.vectors, tile.packed) {
                        $(
                            ($count, 1, false) => $one::<false>(tile, first),
                            ($count, 1, true) => $one::<true>(tile, first),
                            ($count, _, false) => $two::<false>(tile, first),
                            ($count, _, true) => $two::<true>(tile, first),
                        )+
                        _ => {}
                    }
                }
                first += count;
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
            [1 one1 two1 (l0 a0 b0 0)]
            [2 one2 two2 (l0 a0 b0 0) (l1 a1 b1 1)]
            [3 one3 two3 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2)]
            [4 one4 two4 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3)]
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
            [1 one1 two1 (l0 a0 b0 0)]
            [2 one2 two2 (l0 a0 b0 0) (l1 a1 b1 1)]
            [3 one3 two3 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2)]
            [4 one4 two4 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3)]
            [5 one5 two5 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4)]
            [6 one6 two6 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4) (l5 a5 b5 5)]
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
            [1 one1 two1 (l0 a0 b0 0)]
            [2 one2 two2 (l0 a0 b0 0) (l1 a1 b1 1)]
            [3 one3 two3 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2)]
            [4 one4 two4 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3)]
            [5 one5 two5 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4)]
            [6 one6 two6 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4) (l5 a5 b5 5)]
            [7 one7 two7 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4) (l5 a5 b5 5) (l6 a6 b6 6)]
            [8 one8 two8 (l0 a0 b0 0) (l1 a1 b1 1) (l2 a2 b2 2) (l3 a3 b3 3) (l4 a4 b4 4) (l5 a5 b5 5) (l6 a6 b6 6) (l7 a7 b7 7)]
        }
    };
}
#[cfg(target_arch = "x86_64")]
use eight;

impl Element for f32 {
    type Acc = f32;
    const GROUP: usize = 1;

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
