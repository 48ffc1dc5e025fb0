//! Load: from the memory of activations into a slot of the input buffer, one access per beat.

use super::super::timing::Element;
use super::memory::{Port, Reads};
use super::plan::Plan;
use super::stage::Step;

/// The address counters of the load stage, and its buffer.
#[derive(Clone, Debug)]
pub(super) struct Load {
    port: Port,
    // Counters: row of the tile (`last`), place along B, group of lanes (`last`).
    row: usize,
    term: usize,
    group: usize,
    /// Whether the access under way is the phase's last.
    last: bool,
    /// Slots of the input buffer, one after another.
    pub slots: Vec<i16>,
    pub reads: Reads,
}

impl Load {
    pub fn new(plan: &Plan, port: Port, input: usize) -> Self {
        Self {
            port,
            row: 0,
            term: 0,
            group: 0,
            last: false,
            slots: vec![0; plan.coupling.input_buffers * plan.input_slot()],
            reads: Reads::new(input),
        }
    }

    /// One cycle on a tile.
    #[inline]
    pub fn clock(&mut self, plan: &Plan, input: &[i16], tile: u32) -> Step {
        if self.port.pending() {
            self.port.serve();
            return Step {
                beat: false,
                last: self.last && !self.port.pending(),
            };
        }
        self.last = match plan.element {
            Element::Last => self.beat_last(plan, input, tile as usize),
            _ => self.beat_middle(plan, input, tile as usize),
        };
        Step {
            beat: true,
            last: self.last && !self.port.pending(),
        }
    }

    /// `last`: for each row of the tile, for each term, one access per group of lanes. Rows beyond A ask
    /// for the first row's addresses and keep nothing.
    #[inline]
    fn beat_last(&mut self, plan: &Plan, input: &[i16], tile: usize) -> bool {
        let [_, terms, width, _] = plan.bounds;
        let rows = plan.rows_of(tile);
        let lanes = plan.lanes_of(self.group);
        let row = rows.start + self.row;
        let real = row < rows.end;
        let base = plan.b[0].at[self.term] + if real { plan.a[0].at[row] } else { 0 };
        self.port
            .request(base, &plan.c[0].bank[lanes.clone()], plan.bits[0]);
        let slot = (tile % plan.coupling.input_buffers) * plan.input_slot()
            + (self.row * terms + self.term) * width;
        if real {
            let into = &mut self.slots[slot + lanes.start..slot + lanes.end];
            fetch(&mut self.reads, input, base, &plan.c[0].at[lanes], into);
        }
        self.group += 1;
        if self.group == plan.groups {
            self.group = 0;
            self.term += 1;
            if self.term == terms {
                self.term = 0;
                self.row += 1;
                if self.row == plan.rows {
                    self.row = 0;
                    return true;
                }
            }
        }
        false
    }

    /// `middle`: one access per term.
    #[inline]
    fn beat_middle(&mut self, plan: &Plan, input: &[i16], tile: usize) -> bool {
        let (a, group) = plan.place(tile);
        let lanes = plan.lanes_of(group);
        let base = plan.a[0].at[a] + plan.b[0].at[self.term];
        self.port
            .request(base, &plan.c[0].bank[lanes.clone()], plan.bits[0]);
        let slot =
            (tile % plan.coupling.input_buffers) * plan.input_slot() + self.term * plan.lanes;
        let into = &mut self.slots[slot..slot + lanes.len()];
        fetch(&mut self.reads, input, base, &plan.c[0].at[lanes], into);
        self.term += 1;
        if self.term == plan.bounds[1] {
            self.term = 0;
            return true;
        }
        false
    }
}

/// Moves the values of one access.
#[inline]
fn fetch(reads: &mut Reads, input: &[i16], base: u32, offsets: &[u32], into: &mut [i16]) {
    for (slot, &offset) in into.iter_mut().zip(offsets) {
        let address = (base + offset) as usize;
        *slot = input[address];
        reads.one(address);
    }
}
