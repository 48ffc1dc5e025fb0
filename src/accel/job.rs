//! From operations to elements: which loops an element runs, in which tiles, and where each value lies.
//!
//! A contraction has an *input* operand, whose values are loaded tile by tile, and a *weights*
//! operand, which the array reads as it goes. Its loops are
//!
//! | loop | runs over | element `last` (PE1) | element `middle` (PE2) |
//! | --- | --- | --- | --- |
//! | A | free indices of the input | rows of a tile, `rows` at a time | one per tile |
//! | B | contracted indices | in sequence | in sequence |
//! | C | lanes, `lanes` at a time | contracted, innermost of the input | free, innermost of the input |
//! | D | free indices of the weights | in sequence | `rows` at a time |
//!
//! Which element it is follows from the input's innermost index. An operation whose operands share no
//! index is an outer product. Everything else streams through the elementwise lanes.
//!
//! Activations and gradients lie in a memory of banks, value `i` in bank `i mod banks`: an access to
//! several values takes as many cycles as the fullest bank has of them, and at least its count over
//! the port's width. What the whole batch shares (cores, merged cores) is kept in weight memories in
//! the order in which it is used, so that a beat's weights are one word. Outer products and the
//! elementwise lanes take neighbouring values and meet no conflict in a bank. External memory holds
//! activations and gradients; what moves them waits for it.

use super::machine::{Machine, MachineError, Memory, OuterProduct};
use super::timing::Element;
use crate::exec::fixed::{FixedFormats, sum_bits};
use crate::numeric::sort_by_key;
use crate::program::{Axis, BufferId, Class, OpKind, Program, View};

/// Width of a buffer's values in bits.
#[must_use]
pub fn width(program: &Program, formats: FixedFormats, id: BufferId) -> u32 {
    match program.buffer(id).class {
        Class::Accumulator => {
            let widths = [formats.activation, formats.gradient].map(u64::from);
            sum_bits(program, widths, id) as u32
        }
        class => u32::from(formats.bits(class)),
    }
}

/// How a tile's results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreOrder {
    /// As they leave the array: one value per row of the tile (`last`) or per lane (`middle`).
    Direct,
    /// Through the transposer: `lanes` neighbours along D at a time.
    Transposed,
}

/// A contraction as an element runs it. Offsets are in values; an address is the sum of its loops'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractJob {
    /// [`Element::Last`] or [`Element::Middle`].
    pub element: Element,
    /// The operand that is loaded.
    pub input: BufferId,
    /// The operand that the array reads.
    pub weights: BufferId,
    /// The result.
    pub out: BufferId,
    /// Whether results are added to the sum over the batch.
    pub accumulate: bool,
    /// Whether a beat's weights are one word of a weight memory.
    pub packed_weights: bool,
    /// Loop A in the input and in the result.
    pub a: Vec<[u32; 2]>,
    /// Loop B in the input and in the weights.
    pub b: Vec<[u32; 2]>,
    /// Loop C in the input, and in the weights (`last`) or the result (`middle`).
    pub c: Vec<[u32; 2]>,
    /// Loop D in the weights and in the result.
    pub d: Vec<[u32; 2]>,
    /// How results are written.
    pub store: StoreOrder,
    /// Bits of a value of the input, the weights, the result.
    pub bits: [u32; 3],
}

/// An outer product: every result is one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OuterJob {
    /// The operands.
    pub operands: [BufferId; 2],
    /// The result.
    pub out: BufferId,
    /// Whether results are added to the sum over the batch.
    pub accumulate: bool,
    /// All indices but the innermost of the result: offsets in the operands and the result.
    pub outer: Vec<[u32; 3]>,
    /// The innermost index of the result.
    pub line: Vec<[u32; 3]>,
    /// Values of both operands.
    pub values: u64,
    /// Bits of a value of the operands and the result.
    pub bits: [u32; 3],
}

/// Values in a row through the elementwise lanes, or into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamJob {
    /// [`Element::Elementwise`] or [`Element::Input`].
    pub element: Element,
    /// Values.
    pub len: usize,
    /// Times that all of them pass.
    pub passes: usize,
    /// Bits of a value.
    pub bits: u32,
    /// Bits of activations and gradients that are read and written for each value in a pass: in every
    /// pass but the last, and in the last.
    pub moved: [u32; 2],
}

/// An operation as an element runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// A sum of products.
    Contract(ContractJob),
    /// Products.
    Outer(OuterJob),
    /// Anything else.
    Stream(StreamJob),
}

/// Tiles of one operation that are timed at most.
pub const MOST_TILES: usize = 1 << 19;

/// Checks a machine, and that no operation of a Program falls into too many tiles on it to be timed one
/// by one.
///
/// # Errors
/// The first field that is not accepted, with what is.
pub fn check(program: &Program, machine: &Machine) -> Result<(), MachineError> {
    machine.validate()?;
    let side = machine.lanes.min(machine.rows);
    for op in &program.ops {
        let OpKind::Contract { a, b, out, .. } = &op.kind else {
            continue;
        };
        let values = [a, b, out].map(|view| program.buffer(view.buffer).len);
        let most = values.into_iter().max().unwrap_or(0);
        if most / side > MOST_TILES {
            return Err(MachineError {
                field: if machine.lanes < machine.rows {
                    "lanes"
                } else {
                    "rows"
                }
                .into(),
                message: format!(
                    "{} has a tensor of {most} values, {} tiles on {} x {} multipliers; at most {MOST_TILES} are \
                     timed: choose a larger array, smaller layers, or a schedule without the dense dW",
                    op.name,
                    most / side,
                    machine.lanes,
                    machine.rows
                ),
            });
        }
    }
    Ok(())
}

/// The ways in which the machine can run an operation, the published one first; a contraction's results
/// can be written in either of [`ContractJob::stores`].
#[must_use]
pub fn candidates(
    program: &Program,
    op: usize,
    machine: &Machine,
    formats: FixedFormats,
) -> Vec<Job> {
    let len = |id: &BufferId| program.buffer(*id).len;
    let bits = |id: BufferId| width(program, formats, id);
    let stream = |id: &BufferId, passes: usize, moved: [u32; 2]| {
        vec![Job::Stream(StreamJob {
            element: Element::Elementwise,
            len: len(id),
            passes,
            bits: bits(*id),
            moved,
        })]
    };
    match &program.ops[op].kind {
        OpKind::Contract {
            a,
            b,
            out,
            accumulate,
            ..
        } => {
            let shared = a.axes.iter().any(|axis| has(b, axis));
            if !shared {
                return vec![Job::Outer(outer(
                    program,
                    formats,
                    [a, b],
                    out,
                    *accumulate,
                ))];
            }
            let (a_sample, b_sample) = (program.per_sample(a.buffer), program.per_sample(b.buffer));
            let gradient = |view: &View| program.buffer(view.buffer).class == Class::Gradient;
            // What is a sample's is loaded, what all share is kept in the weight memories; of what all
            // share, a gradient is loaded.
            let orders: &[[&View; 2]] = match ((a_sample, b_sample), (gradient(a), gradient(b))) {
                ((true, false), _) | ((false, false), (true, false)) => &[[a, b]],
                ((false, true), _) | ((false, false), (false, true)) => &[[b, a]],
                _ => &[[a, b], [b, a]],
            };
            let jobs = orders.iter().map(|&[input, weights]| {
                Job::Contract(ContractJob {
                    bits: [input, weights, out].map(|view| bits(view.buffer)),
                    ..contract(program, machine, [input, weights, out], *accumulate)
                })
            });
            jobs.collect()
        }
        OpKind::Bias { y, .. } | OpKind::Relu { y } => stream(y, 1, [2 * bits(*y); 2]),
        OpKind::ReluGradient { y, gradient } => {
            stream(gradient, 1, [bits(*y) + 2 * bits(*gradient); 2])
        }
        OpKind::SoftmaxCrossEntropy {
            logits, gradient, ..
        } => stream(
            logits,
            machine.elementwise.softmax_passes,
            [bits(*logits), bits(*logits) + bits(*gradient)],
        ),
        OpKind::Sum { from, out } => stream(out, 1, [bits(*from); 2]),
        OpKind::Finish { out, .. } => stream(out, 1, [bits(*out); 2]),
        OpKind::Update {
            parameter,
            gradient,
        } => {
            // Biases have no rank whose relevance is gathered.
            let core = program.buffer(*parameter).class == Class::Core;
            let passes = if core {
                machine.elementwise.update_passes
            } else {
                1
            };
            stream(parameter, passes, [bits(*gradient); 2])
        }
    }
}

/// The loading of a sample.
#[must_use]
pub fn load_sample(program: &Program, formats: FixedFormats) -> Job {
    let input = program.input();
    Job::Stream(StreamJob {
        element: Element::Input,
        len: program.buffer(input).len,
        passes: 1,
        bits: width(program, formats, input),
        moved: [width(program, formats, input); 2],
    })
}

fn has(view: &View, axis: &Axis) -> bool {
    view.axes.iter().any(|other| other.label == axis.label)
}

/// How far apart neighbours along an axis lie in a view; 0 if it lacks the axis.
fn stride(view: &View, axis: &Axis) -> u32 {
    let Some(place) = view.axes.iter().position(|other| other.label == axis.label) else {
        return 0;
    };
    view.axes[place + 1..]
        .iter()
        .map(|axis| axis.size as u32)
        .product()
}

/// Offsets in several views of every combination of axes, the first slowest.
fn offsets<const N: usize>(axes: &[Axis], views: [&View; N]) -> Vec<[u32; N]> {
    let mut found = vec![[0; N]];
    for axis in axes {
        let strides = views.map(|view| stride(view, axis));
        let mut next = Vec::with_capacity(found.len() * axis.size);
        for at in &found {
            let mut at = *at;
            for _ in 0..axis.size {
                next.push(at);
                for (slot, stride) in at.iter_mut().zip(strides) {
                    *slot += stride;
                }
            }
        }
        found = next;
    }
    found
}

fn contract(
    program: &Program,
    machine: &Machine,
    [input, weights, out]: [&View; 3],
    accumulate: bool,
) -> ContractJob {
    // Indices of size 1 have no place in memory.
    let real = |view: &View| -> Vec<Axis> {
        view.axes
            .iter()
            .filter(|axis| axis.size > 1)
            .copied()
            .collect()
    };
    let axes = real(input);
    let contracted = |axis: &Axis| has(weights, axis);
    let last = axes.last().is_some_and(contracted);
    let trailing = axes
        .iter()
        .rev()
        .take_while(|axis| contracted(axis) == last)
        .count();
    let lanes = if last && !machine.flatten_terms {
        trailing.min(1)
    } else {
        trailing
    };
    let (rest, lanes) = axes.split_at(axes.len() - lanes);
    let (terms, free): (Vec<Axis>, Vec<Axis>) = rest.iter().partition(|axis| contracted(axis));
    let columns: Vec<Axis> = real(weights)
        .into_iter()
        .filter(|axis| !has(input, axis))
        .collect();
    // Results leave in the order of the result's memory.
    let place = |axis: &Axis| {
        let found = out.axes.iter().position(|other| other.label == axis.label);
        [found.map_or(0, |place| place as u64 + 1), 0]
    };
    let mut columns = columns;
    sort_by_key(&mut columns, place);
    ContractJob {
        element: if last { Element::Last } else { Element::Middle },
        input: input.buffer,
        weights: weights.buffer,
        out: out.buffer,
        accumulate,
        packed_weights: !program.per_sample(weights.buffer),
        a: offsets(&free, [input, out]),
        b: offsets(&terms, [input, weights]),
        c: offsets(lanes, [input, if last { weights } else { out }]),
        d: offsets(&columns, [weights, out]),
        store: if last {
            StoreOrder::Transposed
        } else {
            StoreOrder::Direct
        },
        bits: [0; 3],
    }
}

fn outer(
    program: &Program,
    formats: FixedFormats,
    [a, b]: [&View; 2],
    out: &View,
    accumulate: bool,
) -> OuterJob {
    let axes: Vec<Axis> = out
        .axes
        .iter()
        .filter(|axis| axis.size > 1)
        .copied()
        .collect();
    let (outer, line) = axes.split_at(axes.len().saturating_sub(1));
    let views = [a, b, out];
    OuterJob {
        operands: [a.buffer, b.buffer],
        out: out.buffer,
        accumulate,
        outer: offsets(outer, views),
        line: offsets(line, views),
        values: [a, b]
            .map(|view| program.buffer(view.buffer).len as u64)
            .iter()
            .sum(),
        bits: views.map(|view| width(program, formats, view.buffer)),
    }
}

impl ContractJob {
    /// Both ways to write its results, the published one first.
    #[must_use]
    pub fn stores(&self) -> [StoreOrder; 2] {
        match self.element {
            Element::Last => [StoreOrder::Transposed, StoreOrder::Direct],
            _ => [StoreOrder::Direct, StoreOrder::Transposed],
        }
    }

    /// Bits that a result moves in the memory of activations and gradients; sums over the batch have a
    /// memory of their own, always on chip.
    #[must_use]
    pub fn stored_bits(&self) -> u32 {
        if self.accumulate { 0 } else { self.bits[2] }
    }

    /// Groups of lanes.
    #[must_use]
    pub fn groups(&self, machine: &Machine) -> usize {
        self.c.len().div_ceil(machine.lanes)
    }

    /// Tiles: `rows` of A each (`last`), or one of A and one group of lanes (`middle`); groups are the
    /// outer loop.
    #[must_use]
    pub fn tiles(&self, machine: &Machine) -> usize {
        match self.element {
            Element::Last => self.a.len().div_ceil(machine.rows),
            _ => self.a.len() * self.groups(machine),
        }
    }

    /// Tiles in a row that [`super::machine::Overlap::Groups`] lets overlap.
    #[must_use]
    pub fn group_tiles(&self) -> usize {
        match self.element {
            Element::Last => 1,
            _ => self.a.len(),
        }
    }

    /// Its loops in words.
    #[must_use]
    pub fn shape(&self) -> String {
        let (a, b, c, d) = (self.a.len(), self.b.len(), self.c.len(), self.d.len());
        format!("A {a} B {b} C {c} D {d}")
    }

    /// Multiply-accumulates.
    #[must_use]
    pub fn macs(&self) -> u64 {
        [self.a.len(), self.b.len(), self.c.len(), self.d.len()]
            .iter()
            .map(|&len| len as u64)
            .product()
    }
}

impl OuterJob {
    /// Beats of the array.
    #[must_use]
    pub fn beats(&self, machine: &Machine) -> u64 {
        match machine.outer {
            OuterProduct::Line => {
                (self.outer.len() * self.line.len().div_ceil(machine.lanes)) as u64
            }
            OuterProduct::Array => self.macs().div_ceil(machine.multipliers() as u64),
        }
    }

    /// The operand that runs along the innermost index; the other's value stays in a register.
    #[must_use]
    pub fn moving(&self) -> usize {
        usize::from(self.line.last().is_some_and(|end| end[1] > 0))
    }

    /// Bits of activations and gradients that are read and written for each product: a value of the
    /// moving operand, and the result, unless it is a sum over the batch.
    #[must_use]
    pub fn moved(&self) -> u32 {
        self.bits[self.moving()] + if self.accumulate { 0 } else { self.bits[2] }
    }

    /// Its loops in words.
    #[must_use]
    pub fn shape(&self) -> String {
        format!("{} x {}", self.outer.len(), self.line.len())
    }

    /// Products.
    #[must_use]
    pub fn macs(&self) -> u64 {
        (self.outer.len() * self.line.len()) as u64
    }
}

impl StreamJob {
    /// Its values and passes in words.
    #[must_use]
    pub fn shape(&self) -> String {
        if self.passes == 1 {
            format!("{} values", self.len)
        } else {
            format!("{} values, {} passes", self.len, self.passes)
        }
    }

    /// Values per beat.
    #[must_use]
    pub fn lanes(&self, machine: &Machine) -> usize {
        match self.element {
            Element::Input => machine.input_width(),
            _ => machine.elementwise.lanes,
        }
    }

    /// Beats of its lanes.
    #[must_use]
    pub fn beats(&self, machine: &Machine) -> u64 {
        let lanes = self.lanes(machine);
        (self.passes * self.len.div_ceil(lanes)) as u64
    }
}

/// Cycles of one access to values at these offsets: as many as the fullest bank has of them, as the
/// port's width asks for, and as external memory takes to move them.
#[must_use]
pub fn access(machine: &Machine, offsets: impl ExactSizeIterator<Item = u32>, bits: u32) -> u32 {
    let (count, banks) = (offsets.len(), machine.ports.banks);
    // Asked for every tile: no allocation for a usual number of banks.
    let (mut few, mut many);
    let held: &mut [u32] = if banks <= 32 {
        few = [0; 32];
        &mut few
    } else {
        many = vec![0; banks];
        &mut many
    };
    let mut fullest = 1;
    for offset in offsets {
        let bank = &mut held[offset as usize % banks];
        *bank += 1;
        fullest = fullest.max(*bank);
    }
    fullest
        .max(count.div_ceil(machine.ports.width) as u32)
        .max(transfer(machine, count, bits))
}

/// Cycles in which external memory moves some values; 0 on chip.
#[must_use]
pub fn transfer(machine: &Machine, count: usize, bits: u32) -> u32 {
    match machine.memory {
        Memory::OnChip => 0,
        Memory::External {
            bytes_per_cycle, ..
        } => (count as u32 * bits).div_ceil(8).div_ceil(bytes_per_cycle),
    }
}

/// Cycles before the first word of a phase that reads or writes memory.
#[must_use]
pub fn latency(machine: &Machine) -> u32 {
    match machine.memory {
        Memory::OnChip => 0,
        Memory::External { latency, .. } => latency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{NetworkShape, Schedule, compile};
    use crate::tt::TtShape;

    /// A dense layer of 2^24 weights is too much for 16 x 8 multipliers, not for 256 x 256.
    #[test]
    fn too_many_tiles_are_refused_in_a_sentence() {
        let layer = TtShape::new([4096], [4096], []).expect("a shape");
        let network = NetworkShape {
            layers: vec![layer],
            exponents: vec![0],
            classes: 10,
        };
        let program = compile(&network, Schedule::Planned, 1);
        let error = check(&program, &Machine::published()).expect_err("too large");
        assert_eq!(error.field, "rows");
        assert!(error.message.contains("16777216 values"), "{error}");
        assert!(error.message.contains("choose a larger array"), "{error}");
        let large = Machine::published().with_array(256, 256);
        assert_eq!(check(&program, &large), Ok(()));
    }
}
