//! What a contraction element is told before it starts: loop bounds, address tables, which bank each
//! offset lies in, and the weight memory's words.

use super::super::job::{ContractJob, StoreOrder, latency};
use super::super::machine::{Coupling, Machine, Transposer};
use super::super::runs::coupling;
use super::super::timing::Element;

/// Offsets of a loop in one tensor, with their banks.
#[derive(Clone, Debug)]
pub(super) struct Offsets {
    pub at: Vec<u32>,
    /// Bank of each offset.
    pub bank: Vec<u16>,
}

impl Offsets {
    fn new(pairs: &[[u32; 2]], which: usize, banks: usize) -> Self {
        let at: Vec<u32> = pairs.iter().map(|pair| pair[which]).collect();
        Self {
            bank: at
                .iter()
                .map(|&offset| (offset as usize % banks) as u16)
                .collect(),
            at,
        }
    }
}

/// A contraction, ready for an element.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub element: Element,
    pub lanes: usize,
    pub rows: usize,
    /// Loop bounds A, B, C, D.
    pub bounds: [usize; 4],
    /// Groups of lanes.
    pub groups: usize,
    pub tiles: usize,
    /// Tiles of a group of lanes.
    pub group_tiles: usize,
    pub coupling: Coupling,
    pub transposer: Transposer,
    pub order: StoreOrder,
    /// Whether the array's accumulators need 32 bits at most.
    pub narrow: bool,
    /// Whether a beat's weights are one word of a weight memory.
    pub packed: bool,
    /// Loop A in the input and in the result.
    pub a: [Offsets; 2],
    /// Loop B in the input and in the weights.
    pub b: [Offsets; 2],
    /// Loop C in the input, and in the weights (`last`) or the result (`middle`).
    pub c: [Offsets; 2],
    /// Loop D in the weights and in the result.
    pub d: [Offsets; 2],
    /// Bits that an access moves for a value of the input, the weights, the result.
    pub bits: [u32; 3],
    /// Cycles before the first word of load, compute and store.
    pub latencies: [u32; 3],
    /// Pipeline depths of load, compute and store.
    pub depths: [u32; 3],
}

impl Plan {
    pub fn new(job: &ContractJob, machine: &Machine) -> Self {
        let both = |pairs: &[[u32; 2]]| {
            [0, 1].map(|which| Offsets::new(pairs, which, machine.ports.banks))
        };
        let coupling = *coupling(machine, job.element).unwrap_or(&machine.middle);
        let terms = match job.element {
            Element::Last => job.b.len() * job.c.len(),
            _ => job.b.len(),
        };
        let product_bits = job.bits[0] + job.bits[1] - 2;
        Self {
            element: job.element,
            lanes: machine.lanes,
            rows: machine.rows,
            bounds: [job.a.len(), job.b.len(), job.c.len(), job.d.len()],
            groups: job.groups(machine),
            tiles: job.tiles(machine),
            group_tiles: job.group_tiles(),
            transposer: coupling.transposer,
            coupling,
            order: job.store,
            narrow: product_bits < 31 && (terms as u64) << product_bits < 1 << 31,
            packed: job.packed_weights,
            a: both(&job.a),
            b: both(&job.b),
            c: both(&job.c),
            d: both(&job.d),
            bits: [job.bits[0], job.bits[1], job.stored_bits()],
            latencies: [
                latency(machine),
                0,
                // Sums over the batch are on chip.
                if job.accumulate { 0 } else { latency(machine) },
            ],
            depths: [
                machine.pipeline.load,
                machine.pipeline.compute,
                machine.pipeline.store,
            ],
        }
    }

    /// Values of an input buffer's slot: `[row][term][lane of every group]` (`last`) or `[term][lane]`.
    pub fn input_slot(&self) -> usize {
        let [_, terms, lanes, _] = self.bounds;
        match self.element {
            Element::Last => self.rows * terms * lanes,
            _ => terms * self.lanes,
        }
    }

    /// Results that leave the array side by side: one per row (`last`) or per lane (`middle`).
    pub fn height(&self) -> usize {
        match self.element {
            Element::Last => self.rows,
            _ => self.lanes,
        }
    }

    /// The lanes of a group that have an index.
    pub fn lanes_of(&self, group: usize) -> std::ops::Range<usize> {
        let from = group * self.lanes;
        from..(from + self.lanes).min(self.bounds[2])
    }

    /// The place along A and the group of lanes of a tile of `middle`.
    pub fn place(&self, tile: usize) -> (usize, usize) {
        (tile % self.bounds[0], tile / self.bounds[0])
    }

    /// The rows along A of a tile of `last`.
    pub fn rows_of(&self, tile: usize) -> std::ops::Range<usize> {
        let from = tile * self.rows;
        from..(from + self.rows).min(self.bounds[0])
    }

    /// The weight memory: the weights in the order of the array's beats, `lanes` (`last`) or `rows`
    /// (`middle`) to a word; words that are not full end early.
    pub fn pack(&self, weights: &[i16]) -> Vec<i16> {
        let [_, terms, lanes, columns] = self.bounds;
        let mut packed = Vec::with_capacity(weights.len());
        match self.element {
            Element::Last => {
                for &d in &self.d[0].at {
                    for &b in &self.b[1].at {
                        let row = self.c[1].at.iter().map(|&c| weights[(b + c + d) as usize]);
                        packed.extend(row);
                    }
                }
            }
            _ => {
                for columns in self.d[0].at.chunks(self.rows) {
                    for &b in &self.b[1].at {
                        packed.extend(columns.iter().map(|&d| weights[(b + d) as usize]));
                    }
                }
            }
        }
        debug_assert_eq!(
            packed.len(),
            columns
                * terms
                * if self.element == Element::Last {
                    lanes
                } else {
                    1
                }
        );
        packed
    }
}
