//! Compute: the multipliers with their accumulators, one row of products per beat.
//!
//! `last`: a beat multiplies `lanes` weights with `lanes` values of each row and adds each row's
//! products up. `middle`: a beat multiplies `lanes` values with one weight per row. When a result is
//! complete it moves to the output buffer, and the accumulators start at zero.

use super::super::timing::Element;
use super::memory::{Port, Reads};
use super::plan::Plan;
use super::stage::Step;

/// Where the array reads its weights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weights<'a> {
    /// From a weight memory, a beat's as one word.
    Packed(&'a [i16]),
    /// By address, through a port of its own.
    Scattered(&'a [i16]),
}

/// The array with its counters and accumulators.
#[derive(Clone, Debug)]
pub(super) struct Array {
    port: Port,
    // Counters: place along D (`middle`: its chunk), along B, group of lanes (`last`), word of the weight
    // memory.
    column: usize,
    term: usize,
    group: usize,
    word: usize,
    /// Whether the beat under way is the phase's last.
    last: bool,
    /// A beat's weights.
    weights: Vec<i16>,
    /// Accumulators: one per row (`last`), or `[row][lane]`. Those that are too narrow stay unused.
    narrow: Vec<i32>,
    wide: Vec<i64>,
    /// Slots of the output buffer: `[place along D][row or lane]`.
    pub slots: Vec<i64>,
    pub reads: Reads,
    pub macs: u64,
}

impl Array {
    pub fn new(plan: &Plan, port: Port, weights: usize) -> Self {
        let accumulators = match plan.element {
            Element::Last => plan.rows,
            _ => plan.rows * plan.lanes,
        };
        Self {
            port,
            column: 0,
            term: 0,
            group: 0,
            word: 0,
            last: false,
            weights: vec![0; plan.lanes.max(plan.rows)],
            narrow: vec![0; accumulators],
            wide: vec![0; if plan.narrow { 0 } else { accumulators }],
            slots: vec![0; plan.coupling.output_buffers * Self::slot(plan)],
            reads: Reads::new(weights),
            macs: 0,
        }
    }

    /// Results of a tile.
    pub fn slot(plan: &Plan) -> usize {
        plan.bounds[3] * plan.height()
    }

    /// One cycle on a tile whose values lie in `input`, the slots of the input buffer.
    #[inline]
    pub fn clock(&mut self, plan: &Plan, input: &[i16], weights: Weights, tile: u32) -> Step {
        if self.port.pending() {
            self.port.serve();
            return Step {
                beat: false,
                last: self.last && !self.port.pending(),
            };
        }
        let from = (tile as usize % plan.coupling.input_buffers) * plan.input_slot();
        let input = &input[from..from + plan.input_slot()];
        self.last = match plan.element {
            Element::Last => self.beat_last(plan, input, weights, tile as usize),
            _ => self.beat_middle(plan, input, weights, tile as usize),
        };
        Step {
            beat: true,
            last: self.last && !self.port.pending(),
        }
    }

    /// Brings a beat's weights, whose offsets along the parallel loop are `offsets`, to the array.
    #[inline]
    fn fetch(&mut self, plan: &Plan, weights: Weights, base: u32, offsets: &[u32], banks: &[u16]) {
        let count = offsets.len();
        match weights {
            Weights::Packed(words) => {
                self.weights[..count].copy_from_slice(&words[self.word..self.word + count]);
                self.reads.run(self.word, count);
                self.word += count;
            }
            Weights::Scattered(words) => {
                self.port.request(base, banks, plan.bits[1]);
                for (slot, &offset) in self.weights.iter_mut().zip(offsets) {
                    let address = (base + offset) as usize;
                    *slot = words[address];
                    self.reads.one(address);
                }
            }
        }
    }

    #[inline]
    fn beat_last(&mut self, plan: &Plan, input: &[i16], weights: Weights, tile: usize) -> bool {
        let [_, terms, width, columns] = plan.bounds;
        let lanes = plan.lanes_of(self.group);
        let base = plan.b[1].at[self.term] + plan.d[0].at[self.column];
        self.fetch(
            plan,
            weights,
            base,
            &plan.c[1].at[lanes.clone()],
            &plan.c[1].bank[lanes.clone()],
        );
        let rows = plan.rows_of(tile).len();
        let word = &self.weights[..lanes.len()];
        let at = self.term * width + lanes.start;
        let values = input.chunks_exact(terms * width).take(rows);
        if plan.narrow {
            for (sum, row) in self.narrow.iter_mut().zip(values) {
                *sum = sum.wrapping_add(dot(&row[at..at + word.len()], word));
            }
        } else {
            for (sum, row) in self.wide.iter_mut().zip(values) {
                *sum += wide_dot(&row[at..at + word.len()], word);
            }
        }
        self.macs += (rows * word.len()) as u64;
        self.group += 1;
        if self.group < plan.groups {
            return false;
        }
        self.group = 0;
        self.term += 1;
        if self.term < terms {
            return false;
        }
        self.term = 0;
        let slot =
            (tile % plan.coupling.output_buffers) * Self::slot(plan) + self.column * plan.rows;
        self.emit(plan, 0..plan.rows, slot);
        self.column += 1;
        if self.column < columns {
            return false;
        }
        (self.column, self.word) = (0, 0);
        true
    }

    #[inline]
    fn beat_middle(&mut self, plan: &Plan, input: &[i16], weights: Weights, tile: usize) -> bool {
        let columns = plan.bounds[3];
        let first = self.column * plan.rows;
        let chunk = first..(first + plan.rows).min(columns);
        let base = plan.b[1].at[self.term];
        self.fetch(
            plan,
            weights,
            base,
            &plan.d[0].at[chunk.clone()],
            &plan.d[0].bank[chunk.clone()],
        );
        let lanes = plan.lanes_of(plan.place(tile).1).len();
        let at = self.term * plan.lanes;
        let values = &input[at..at + lanes];
        let word = &self.weights[..chunk.len()];
        if plan.narrow {
            for (sums, &weight) in self.narrow.chunks_exact_mut(plan.lanes).zip(word) {
                add_scaled(&mut sums[..lanes], values, weight);
            }
        } else {
            for (sums, &weight) in self.wide.chunks_exact_mut(plan.lanes).zip(word) {
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += i64::from(value) * i64::from(weight);
                }
            }
        }
        self.macs += (lanes * word.len()) as u64;
        self.term += 1;
        if self.term < plan.bounds[1] {
            return false;
        }
        self.term = 0;
        let slot = (tile % plan.coupling.output_buffers) * Self::slot(plan) + first * plan.lanes;
        self.emit(plan, 0..chunk.len() * plan.lanes, slot);
        self.column += 1;
        if self.column * plan.rows < columns {
            return false;
        }
        (self.column, self.word) = (0, 0);
        true
    }

    /// Complete results leave the accumulators for the output buffer.
    fn emit(&mut self, plan: &Plan, which: std::ops::Range<usize>, slot: usize) {
        let slots = &mut self.slots[slot..slot + which.len()];
        if plan.narrow {
            for (slot, sum) in slots.iter_mut().zip(&mut self.narrow[which]) {
                *slot = i64::from(std::mem::take(sum));
            }
        } else {
            for (slot, sum) in slots.iter_mut().zip(&mut self.wide[which]) {
                *slot = std::mem::take(sum);
            }
        }
    }
}

/// Lanes of the published array; the loops below are unrolled for them.
const USUAL: usize = 16;

/// Products of two words, added up. Callers know that 32 bits suffice.
#[inline]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let add = |sum: i32, a: i16, b: i16| sum.wrapping_add(i32::from(a).wrapping_mul(i32::from(b)));
    match (<&[i16; USUAL]>::try_from(a), <&[i16; USUAL]>::try_from(b)) {
        (Ok(a), Ok(b)) => (0..USUAL).fold(0, |sum, lane| add(sum, a[lane], b[lane])),
        _ => a.iter().zip(b).fold(0, |sum, (&a, &b)| add(sum, a, b)),
    }
}

/// As [`dot`], for operands of 16 bits.
fn wide_dot(a: &[i16], b: &[i16]) -> i64 {
    let product = |(&a, &b): (&i16, &i16)| i64::from(i32::from(a) * i32::from(b));
    a.iter().zip(b).map(product).sum()
}

/// Adds a word times one weight. Callers know that 32 bits suffice.
#[inline]
fn add_scaled(sums: &mut [i32], values: &[i16], weight: i16) {
    let weight = i32::from(weight);
    let add = |sum: &mut i32, value: i16| {
        *sum = sum.wrapping_add(i32::from(value).wrapping_mul(weight));
    };
    match (
        <&mut [i32; USUAL]>::try_from(&mut *sums),
        <&[i16; USUAL]>::try_from(values),
    ) {
        (Ok(sums), Ok(values)) => {
            for lane in 0..USUAL {
                add(&mut sums[lane], values[lane]);
            }
        }
        _ => {
            for (sum, &value) in sums.iter_mut().zip(values) {
                add(sum, value);
            }
        }
    }
}
