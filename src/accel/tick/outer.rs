//! Outer products: every beat some neighbouring results, each one product. The operand that does not
//! run along the innermost index stays in a register.

use super::super::job::{OuterJob, latency};
use super::super::machine::{Machine, OuterProduct};
use super::super::timing::{OpTiming, Stage};
use super::memory::{Port, Reads, Target};
use super::single::Single;
use super::stage::Step;

/// The element's counters and its register.
struct Outer<'a> {
    job: &'a OuterJob,
    /// Products per beat.
    multipliers: usize,
    /// Whether a beat ends where the innermost index does.
    line: bool,
    /// Which operand runs along the innermost index.
    moving: usize,
    /// Whether neighbours along the innermost index are neighbours in that operand.
    near: bool,
    // Registers.
    place: usize,
    along: usize,
    held: i16,
    reads: [Reads; 2],
    sums_read: u64,
    macs: u64,
}

impl Outer<'_> {
    /// Products of the register with neighbouring values, to neighbouring places.
    fn row(&mut self, base: [u32; 3], offsets: &[[u32; 3]], operand: &[i16], target: &mut Target) {
        let held = i32::from(self.held);
        let first = (base[self.moving] + offsets[0][self.moving]) as usize;
        let out = base[2] + offsets[0][2];
        if self.near {
            self.reads[self.moving].run(first, offsets.len());
            let values = operand[first..first + offsets.len()].iter();
            target.put_row(out, values.map(|&value| held * i32::from(value)));
        } else {
            let moving = self.moving;
            let address = |offsets: &[u32; 3]| (base[moving] + offsets[moving]) as usize;
            for offsets in offsets {
                self.reads[moving].one(address(offsets));
            }
            let values = offsets.iter().map(|offsets| operand[address(offsets)]);
            target.put_row(out, values.map(|value| held * i32::from(value)));
        }
    }

    /// One beat; tells how many products it had, and whether it was the last.
    fn beat(&mut self, operands: [&[i16]; 2], target: &mut Target) -> (u32, bool) {
        let (line, kept) = (&self.job.line, 1 - self.moving);
        let mut free = self.multipliers;
        while free > 0 {
            let base = self.job.outer[self.place];
            if self.along == 0 {
                let address = (base[kept] + line[0][kept]) as usize;
                self.held = operands[kept][address];
                self.reads[kept].one(address);
            }
            let count = free.min(line.len() - self.along);
            let offsets = &line[self.along..self.along + count];
            self.row(base, offsets, operands[self.moving], target);
            self.macs += count as u64;
            self.sums_read += if target.reads() { count as u64 } else { 0 };
            free -= count;
            self.along += count;
            if self.along == line.len() {
                self.along = 0;
                self.place += 1;
                if self.place == self.job.outer.len() {
                    return (self.products(free), true);
                }
            }
            if self.line {
                break;
            }
        }
        (self.products(free), false)
    }

    /// Products of a beat that left so many multipliers free.
    fn products(&self, free: usize) -> u32 {
        (self.multipliers - free) as u32
    }
}

/// Runs an outer product and writes what happened into `timing`.
pub(super) fn run(
    job: &OuterJob,
    machine: &Machine,
    operands: [&[i16]; 2],
    mut target: Target,
    timing: &mut OpTiming,
) {
    let line = machine.outer == OuterProduct::Line;
    let moving = job.moving();
    let mut outer = Outer {
        job,
        multipliers: if line {
            machine.lanes
        } else {
            machine.multipliers()
        },
        line,
        moving,
        near: job.line.get(1).is_none_or(|next| next[moving] == 1),
        place: 0,
        along: 0,
        held: 0,
        reads: operands.map(|operand| Reads::new(operand.len())),
        sums_read: 0,
        macs: 0,
    };
    let mut single = Single::new(
        Stage::Compute,
        latency(machine),
        machine.pipeline.elementwise,
    );
    let (mut port, mut ends) = (Port::new(machine), false);
    while single.runs() {
        single.clock(|| {
            let beat = !port.pending();
            if beat {
                let products;
                (products, ends) = outer.beat(operands, &mut target);
                port.stream(products * job.moved());
            } else {
                port.serve();
            }
            Step {
                beat,
                last: ends && !port.pending(),
            }
        });
    }
    single.report(timing);
    let [a, b] = outer.reads;
    timing.counters.macs = outer.macs;
    timing.counters.reads = a.first + b.first + outer.sums_read;
    timing.counters.rereads = a.further + b.further;
    timing.counters.writes = outer.macs;
}
