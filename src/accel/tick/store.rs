//! Store: from a slot of the output buffer into memory, as results come or through the transposer.
//!
//! The transposer turns `lanes` columns of results into rows. Its square takes one column per beat; a
//! row leaves with one access. A single square is filled, then drained. Of a double one's squares one
//! is drained while the other is filled with the columns after it; the first columns of a tile went
//! into a square on their way from the array. Loop bounds are static: columns beyond D are filled with
//! nothing, rows that no result has ask for the addresses of row 0 and write nothing.

use super::super::job::StoreOrder;
use super::super::machine::Transposer;
use super::super::timing::Element;
use super::array::Array;
use super::memory::{Port, Target};
use super::plan::Plan;
use super::stage::Step;

/// The address counters of the store stage, and its transposer.
#[derive(Clone, Debug)]
pub(super) struct Store {
    port: Port,
    // Counters: place along D of the (first) column, columns filled, rows drained.
    column: usize,
    filled: usize,
    drained: usize,
    /// Whether the access under way is the phase's last.
    last: bool,
    /// The square that is drained, `[column][row]`, and the one that is filled.
    square: Vec<i64>,
    next: Vec<i64>,
    pub writes: u64,
    /// Values of sums that were read to be added to.
    pub reads: u64,
}

/// What a store works on.
pub(super) struct Output<'a, 't> {
    /// The slots of the output buffer.
    pub slots: &'a [i64],
    pub target: &'a mut Target<'t>,
}

impl Store {
    pub fn new(plan: &Plan, port: Port) -> Self {
        let square = match plan.order {
            StoreOrder::Direct => 0,
            StoreOrder::Transposed => plan.lanes * plan.height(),
        };
        Self {
            port,
            column: 0,
            filled: 0,
            drained: 0,
            last: false,
            square: vec![0; square],
            next: vec![0; square],
            writes: 0,
            reads: 0,
        }
    }

    /// One cycle on a tile.
    #[inline]
    pub fn clock(&mut self, plan: &Plan, output: &mut Output, tile: u32) -> Step {
        let tile = tile as usize;
        let from = (tile % plan.coupling.output_buffers) * Array::slot(plan);
        let slot = &output.slots[from..from + Array::slot(plan)];
        match (plan.order, plan.transposer) {
            (StoreOrder::Direct, _) => self.direct(plan, slot, output.target, tile),
            (StoreOrder::Transposed, Transposer::Single) => {
                self.single(plan, slot, output.target, tile)
            }
            (StoreOrder::Transposed, Transposer::Double) => {
                self.double(plan, slot, output.target, tile)
            }
        }
    }

    fn write(&mut self, target: &mut Target, address: u32, value: i64) {
        target.put(address, value);
        self.writes += 1;
        self.reads += u64::from(target.reads());
    }

    /// The rest of an access.
    fn rest(&mut self) -> Step {
        self.port.serve();
        Step {
            beat: false,
            last: self.last && !self.port.pending(),
        }
    }

    fn beat(&self) -> Step {
        Step {
            beat: true,
            last: self.last && !self.port.pending(),
        }
    }

    /// One place along D per access.
    fn direct(&mut self, plan: &Plan, slot: &[i64], target: &mut Target, tile: usize) -> Step {
        if self.port.pending() {
            return self.rest();
        }
        let (base, offsets, side) = if plan.element == Element::Last {
            (0, &plan.a[1], plan.rows_of(tile))
        } else {
            let (a, group) = plan.place(tile);
            (plan.a[1].at[a], &plan.c[1], plan.lanes_of(group))
        };
        let base = base + plan.d[1].at[self.column];
        self.port
            .request(base, &offsets.bank[side.clone()], plan.bits[2]);
        let results = &slot[self.column * plan.height()..];
        for (&offset, &value) in offsets.at[side].iter().zip(results) {
            self.write(target, base + offset, value);
        }
        self.column += 1;
        self.last = self.column == plan.bounds[3];
        if self.last {
            self.column = 0;
        }
        self.beat()
    }

    /// Fill, then drain, square by square.
    fn single(&mut self, plan: &Plan, slot: &[i64], target: &mut Target, tile: usize) -> Step {
        if self.port.pending() {
            return self.rest();
        }
        self.last = false;
        if self.filled < plan.lanes {
            fill(
                plan,
                slot,
                self.column + self.filled,
                &mut self.square,
                self.filled,
            );
            self.filled += 1;
            return self.beat();
        }
        self.drain(plan, target, tile);
        if self.drained == plan.height() {
            self.next_square(plan);
        }
        self.beat()
    }

    /// Drain one square while the next is filled.
    fn double(&mut self, plan: &Plan, slot: &[i64], target: &mut Target, tile: usize) -> Step {
        if self.column == 0 && self.filled == 0 && self.drained == 0 && !self.port.pending() {
            // These columns came straight from the array.
            for column in 0..plan.lanes {
                fill(plan, slot, column, &mut self.square, column);
            }
        }
        self.last = false;
        let mut beat = false;
        if self.port.pending() {
            self.port.serve();
        } else if self.drained < plan.height() {
            self.drain(plan, target, tile);
            beat = true;
        }
        if self.filled < plan.lanes {
            let column = self.column + plan.lanes + self.filled;
            fill(plan, slot, column, &mut self.next, self.filled);
            self.filled += 1;
            beat = true;
        }
        if self.filled == plan.lanes && self.drained == plan.height() && !self.port.pending() {
            std::mem::swap(&mut self.square, &mut self.next);
            self.next_square(plan);
        }
        Step {
            beat,
            last: self.last,
        }
    }

    /// Ends a square; after the last, the phase.
    fn next_square(&mut self, plan: &Plan) {
        (self.filled, self.drained) = (0, 0);
        self.column += plan.lanes;
        self.last = self.column >= plan.bounds[3];
        if self.last {
            self.column = 0;
        }
    }

    /// Writes the next row of the square.
    fn drain(&mut self, plan: &Plan, target: &mut Target, tile: usize) {
        let row = self.drained;
        self.drained += 1;
        let base = if plan.element == Element::Last {
            let rows = plan.rows_of(tile);
            let at = rows.start + row;
            (at < rows.end).then(|| plan.a[1].at[at])
        } else {
            let (a, group) = plan.place(tile);
            let lanes = plan.lanes_of(group);
            let at = lanes.start + row;
            (at < lanes.end).then(|| plan.a[1].at[a] + plan.c[1].at[at])
        };
        let columns = self.column..(self.column + plan.lanes).min(plan.bounds[3]);
        let banks = &plan.d[1].bank[columns.clone()];
        self.port.request(base.unwrap_or(0), banks, plan.bits[2]);
        let Some(base) = base else {
            return;
        };
        let height = plan.height();
        for (place, &offset) in plan.d[1].at[columns].iter().enumerate() {
            self.write(target, base + offset, self.square[place * height + row]);
        }
    }
}

/// Moves a column of results into a place of a square; nothing beyond D.
fn fill(plan: &Plan, slot: &[i64], column: usize, square: &mut [i64], place: usize) {
    if column < plan.bounds[3] {
        let height = plan.height();
        square[place * height..(place + 1) * height]
            .copy_from_slice(&slot[column * height..(column + 1) * height]);
    }
}
