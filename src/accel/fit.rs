//! Whether a Program fits a machine's device: every buffer at an address of a memory, the blocks of each
//! memory, multipliers and logic against the device's budget.
//!
//! | memory | holds | word |
//! | --- | --- | --- |
//! | `input` | two samples: one in use, one being loaded | the ports' banks |
//! | `activations and gradients` | what a sample needs, reused when dead | the ports' banks |
//! | `PE1 weights`, `PE2 weights` | cores once per distinct order in which a job reads them | one beat |
//! | `accumulators` | exact sums over the batch, as wide as they can grow | the ports' banks |
//! | `accumulators of outer products` | those that PE3 adds to on the whole array | one bank for each multiplier |
//! | `biases` | biases | elementwise lanes |
//! | `optimiser state` | master copy of 8 bits and two moments of 32 | elementwise lanes |
//! | `PE1 input`, ... | ping-pong buffers of the elements | one beat |
//!
//! A memory of at most [`LOGIC_WORDS`] words a bank is built of look-up tables.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use super::device::Budget;
use super::event::best;
use super::job::{ContractJob, Job, check, width};
use super::machine::{Machine, MachineError, Memory, OuterProduct};
use super::timing::Element;
use super::traffic::STATE_BITS;
use crate::exec::fixed::FixedFormats;
use crate::numeric::sort_by_key;
use crate::program::{BufferId, Class, Op, OpKind, Part, Program, Scope};

/// Words of a bank up to which it is built of look-up tables.
pub const LOGIC_WORDS: u64 = 64;
/// Bits of a parameter's master copy, as trained by default.
pub const MASTER_BITS: u64 = 8;
/// Moments of the optimiser per parameter.
pub const MOMENTS: u64 = 2;
/// Look-up tables of one multiplier's accumulator and registers (estimate).
pub const LUTS_PER_MULTIPLIER: u64 = 64;
/// Look-up tables of one elementwise lane: exponential, division, root, update (estimate).
pub const LUTS_PER_ELEMENTWISE_LANE: u64 = 2000;
/// Look-up tables of state machines, address counters and ports (estimate).
pub const LUTS_CONTROL: u64 = 4000;

/// What a memory is built of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Block RAM.
    BlockRam,
    /// Look-up tables.
    Logic,
    /// External memory.
    External,
}

/// A buffer at its place in a memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BufferUse {
    /// Its name.
    pub name: String,
    /// Its first word. Buffers that are never alive at once may share words.
    pub address: u64,
    /// Its words in each bank.
    pub words: u64,
}

/// A memory with what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryUse {
    /// Its name.
    pub name: String,
    /// What it is built of.
    pub place: Place,
    /// Banks with addresses of their own.
    pub banks: u64,
    /// Words of each bank.
    pub words: u64,
    /// Bits of a bank's word.
    pub word_bits: u64,
    /// Blocks of block RAM of all banks.
    pub blocks: u64,
    /// Its buffers by address.
    pub buffers: Vec<BufferUse>,
}

/// A Program on a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// What the device offers.
    pub device: Budget,
    /// All memories.
    pub memories: Vec<MemoryUse>,
    /// Blocks of block RAM in use.
    pub blocks_used: u64,
    /// Blocks of block RAM of the device.
    pub blocks_available: u64,
    /// Widths in bits of the widest product that the array forms.
    pub product_bits: [u32; 2],
    /// Multipliers in use: those of the array.
    pub multipliers_used: u64,
    /// Multipliers of the device.
    pub multipliers_available: u64,
    /// Look-up tables in use: a rough estimate, not a synthesis result.
    pub luts_estimated: u64,
    /// Look-up tables of the device.
    pub luts_available: u64,
    /// Whether activations and gradients lie in external memory, whose model is approximate.
    pub approximate: bool,
    /// What does not fit, in a sentence for each resource; the first buffer that overflows by name.
    pub overflow: Option<String>,
}

impl Fit {
    /// Whether everything fits.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.overflow.is_none()
    }
}

/// Maps a Program's buffers to a machine's memories and counts what they need.
///
/// # Errors
/// If the machine is none.
pub fn fit(
    program: &Program,
    machine: &Machine,
    formats: FixedFormats,
) -> Result<Fit, MachineError> {
    check(program, machine)?;
    let jobs: Vec<Job> = (0..program.ops.len())
        .map(|op| best(program, op, machine, formats).1)
        .collect();
    let map = Map {
        program,
        machine,
        formats,
        jobs: &jobs,
        budget: machine.device.budget(),
    };
    let mut memories = vec![map.input(), map.activations()];
    memories.extend(map.weights());
    memories.extend(map.accumulators());
    memories.extend([map.biases(), map.state()]);
    memories.extend(map.ping_pong());
    memories.retain(|memory| memory.words > 0);
    let product_bits = map.product_bits();
    let budget = map.budget;
    let mut found = Fit {
        device: budget,
        blocks_used: memories.iter().map(|memory| memory.blocks).sum(),
        blocks_available: budget.block_ram_blocks,
        product_bits,
        multipliers_used: machine.multipliers() as u64
            * budget.multipliers_per_product(product_bits),
        multipliers_available: budget.multipliers,
        luts_estimated: map.luts(&memories),
        luts_available: budget.luts,
        approximate: machine.memory != Memory::OnChip,
        overflow: None,
        memories,
    };
    found.overflow = overflow(&found, machine);
    Ok(found)
}

/// Sentences on what does not fit.
fn overflow(fit: &Fit, machine: &Machine) -> Option<String> {
    let mut sentences = vec![];
    let device = fit.device.name;
    if fit.blocks_used > fit.blocks_available {
        let (used, there) = (fit.blocks_used, fit.blocks_available);
        let buffer = first_beyond(fit).unwrap_or_default();
        sentences.push(format!(
            "{buffer} does not fit the block RAM: all memories take {used} blocks, {} more than the {there} of {device}.",
            used - there
        ));
    }
    if fit.multipliers_used > fit.multipliers_available {
        let [a, b] = fit.product_bits;
        sentences.push(format!(
            "The array of {} x {} takes {} multipliers for products of {a} x {b} bits, {device} has {}.",
            machine.lanes, machine.rows, fit.multipliers_used, fit.multipliers_available
        ));
    }
    if fit.luts_estimated > fit.luts_available {
        sentences.push(format!(
            "The logic takes about {} look-up tables, {device} has {}.",
            fit.luts_estimated, fit.luts_available
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// The first buffer, memory by memory, that ends beyond the last block.
fn first_beyond(fit: &Fit) -> Option<String> {
    let mut before = 0;
    for memory in &fit.memories {
        if memory.place != Place::BlockRam {
            continue;
        }
        for buffer in &memory.buffers {
            let end = buffer.address + buffer.words;
            if before + memory.banks * fit.device.blocks(end, memory.word_bits)
                > fit.blocks_available
            {
                return Some(format!("{} ({})", buffer.name, memory.name));
            }
        }
        before += memory.blocks;
    }
    None
}

/// A buffer to be placed: when it is alive, first and last operation.
struct Tenant {
    name: String,
    words: u64,
    alive: [usize; 2],
}

/// Gives each buffer the lowest address at which nothing that is alive with it lies.
fn first_fit(tenants: Vec<Tenant>) -> Vec<BufferUse> {
    let mut placed: Vec<(Tenant, u64)> = vec![];
    for tenant in tenants {
        let mut taken: Vec<[u64; 2]> = placed
            .iter()
            .filter(|(other, _)| {
                other.alive[0] <= tenant.alive[1] && tenant.alive[0] <= other.alive[1]
            })
            .map(|(other, address)| [*address, address + other.words])
            .collect();
        sort_by_key(&mut taken, |&range| range);
        let mut address = 0;
        for [start, end] in taken {
            if address + tenant.words <= start {
                break;
            }
            address = address.max(end);
        }
        placed.push((tenant, address));
    }
    let mut buffers: Vec<BufferUse> = placed
        .into_iter()
        .map(|(tenant, address)| BufferUse {
            name: tenant.name,
            address,
            words: tenant.words,
        })
        .collect();
    sort_by_key(&mut buffers, |buffer| [buffer.address, 0]);
    buffers
}

/// A weight memory: the element that reads it, and the bits of a value.
type Kind = (Element, u64);
/// A buffer in one order of its values.
type Order = (Kind, BufferId, Vec<u32>);

struct Map<'a> {
    program: &'a Program,
    machine: &'a Machine,
    formats: FixedFormats,
    jobs: &'a [Job],
    budget: Budget,
}

impl Map<'_> {
    fn bits(&self, id: BufferId) -> u64 {
        u64::from(width(self.program, self.formats, id))
    }

    fn memory(
        &self,
        name: &str,
        banks: u64,
        word_bits: u64,
        buffers: Vec<BufferUse>,
        external: bool,
    ) -> MemoryUse {
        let ends = buffers.iter().map(|buffer| buffer.address + buffer.words);
        let words = ends.max().unwrap_or(0);
        let place = if external {
            Place::External
        } else if words <= LOGIC_WORDS {
            Place::Logic
        } else {
            Place::BlockRam
        };
        let blocks = match place {
            Place::BlockRam => banks * self.budget.blocks(words, word_bits),
            Place::Logic | Place::External => 0,
        };
        MemoryUse {
            name: name.into(),
            place,
            banks,
            words,
            word_bits,
            blocks,
            buffers,
        }
    }

    fn external(&self) -> bool {
        self.machine.memory != Memory::OnChip
    }

    /// Words of one bank, of values spread over banks.
    fn rows(&self, id: BufferId, banks: u64) -> u64 {
        (self.program.buffer(id).len as u64).div_ceil(banks)
    }

    fn input(&self) -> MemoryUse {
        let (id, banks) = (self.program.input(), self.machine.ports.banks as u64);
        let words = self.rows(id, banks);
        let name = &self.program.buffer(id).name;
        let buffers = (0..2).map(|sample| BufferUse {
            name: format!("{name} of sample {sample}"),
            address: sample * words,
            words,
        });
        self.memory(
            "input",
            banks,
            self.bits(id),
            buffers.collect(),
            self.external(),
        )
    }

    /// When a buffer must keep its place: what outlives a sample stays for all of them.
    fn alive(&self, id: BufferId, first: usize, last: usize) -> [usize; 2] {
        let ops = &self.program.ops;
        let in_sample = |op: &Op| op.part == Part::Sample;
        let mut alive = [first, last];
        if self.program.buffer(id).scope == Scope::Batch {
            if in_sample(&ops[first]) {
                alive[0] = ops.iter().position(in_sample).unwrap_or(first);
            }
            if in_sample(&ops[last]) {
                alive[1] = ops.iter().rposition(in_sample).unwrap_or(last);
            }
        }
        alive
    }

    /// Buffers of some classes, spread over banks, each as long as it is alive.
    fn tenants(&self, banks: u64, keep: impl Fn(BufferId) -> bool) -> Vec<Tenant> {
        let spans = self.program.liveness().into_iter();
        spans
            .filter(|span| keep(span.buffer))
            .map(|span| Tenant {
                name: self.program.buffer(span.buffer).name.clone(),
                words: self.rows(span.buffer, banks),
                alive: self.alive(span.buffer, span.first, span.last),
            })
            .collect()
    }

    fn activations(&self) -> MemoryUse {
        let (program, banks) = (self.program, self.machine.ports.banks as u64);
        // What is only ever read as weights lies in the weight memories alone.
        let banked =
            |id: BufferId| {
                id != program.input()
                    && matches!(
                        program.buffer(id).class,
                        Class::Activation | Class::Gradient
                    )
                    && (program.per_sample(id)
                        || program.ops.iter().enumerate().any(|(at, op)| {
                            op.reads().contains(&id) && self.packed(at) != Some(id)
                        }))
            };
        let bits = program
            .liveness()
            .iter()
            .filter(|span| banked(span.buffer))
            .map(|span| self.bits(span.buffer))
            .max();
        let buffers = first_fit(self.tenants(banks, banked));
        self.memory(
            "activations and gradients",
            banks,
            bits.unwrap_or(0),
            buffers,
            self.external(),
        )
    }

    /// What an operation's array reads from a weight memory.
    fn packed(&self, op: usize) -> Option<BufferId> {
        match &self.jobs[op] {
            Job::Contract(job) if job.packed_weights => Some(job.weights),
            _ => None,
        }
    }

    /// The weight memories: one per element and width. A buffer lies there once for each order of its
    /// values; a core that is loaded as an input lies there in rows of lanes.
    fn weights(&self) -> Vec<MemoryUse> {
        let program = self.program;
        let mut orders: BTreeMap<Order, (u64, [usize; 2])> = BTreeMap::new();
        let (end, spans) = (program.ops.len(), program.liveness());
        for job in self.jobs {
            let Job::Contract(job) = job else { continue };
            let mut reads = vec![];
            if job.packed_weights {
                reads.push((job.weights, beats(job, self.machine)));
            }
            if program.buffer(job.input).class == Class::Core {
                let len = program.buffer(job.input).len as u32;
                let words = u64::from(len).div_ceil(self.machine.lanes as u64);
                reads.push((job.input, (words, (0..len).collect())));
            }
            for (id, (words, order)) in reads {
                // Cores stay; the rest is written and read within the step.
                let span = spans.iter().find(|span| span.buffer == id);
                let alive = match (program.buffer(id).class, span) {
                    (Class::Core, _) | (_, None) => [0, end],
                    (_, Some(span)) => self.alive(id, span.first, span.last),
                };
                let key = ((job.element, self.bits(id)), id, order);
                if let Entry::Vacant(entry) = orders.entry(key) {
                    entry.insert((words, alive));
                }
            }
        }
        let mut kinds: BTreeMap<Kind, Vec<Tenant>> = BTreeMap::new();
        let mut last = None;
        let mut nth = 0;
        for ((kind, id, _), (words, alive)) in orders {
            nth = if last == Some((kind, id)) { nth + 1 } else { 1 };
            last = Some((kind, id));
            let name = &program.buffer(id).name;
            kinds.entry(kind).or_default().push(Tenant {
                name: format!("{name}, order {nth}"),
                words,
                alive,
            });
        }
        let memory = |((element, bits), tenants): (Kind, Vec<Tenant>)| {
            let (name, values) = match element {
                Element::Last => ("PE1", self.machine.lanes),
                _ => ("PE2", self.machine.rows.max(self.core_row(element))),
            };
            self.memory(
                &format!("{name} weights of {bits} bits"),
                1,
                values as u64 * bits,
                first_fit(tenants),
                false,
            )
        };
        kinds.into_iter().map(memory).collect()
    }

    /// Values of a row in which PE2 loads a core as its input; 0 if it loads none.
    fn core_row(&self, element: Element) -> usize {
        let loads = |job: &Job| match job {
            Job::Contract(job) => {
                job.element == element && self.program.buffer(job.input).class == Class::Core
            }
            _ => false,
        };
        if self.jobs.iter().any(loads) {
            self.machine.lanes
        } else {
            0
        }
    }

    /// Sums over the batch. An outer product on the whole array adds to as many as there are multipliers
    /// at once; all others lie in the ports' banks.
    fn accumulators(&self) -> [MemoryUse; 2] {
        let wide = |id: BufferId| {
            self.machine.outer == OuterProduct::Array
                && self
                    .jobs
                    .iter()
                    .any(|job| matches!(job, Job::Outer(job) if job.accumulate && job.out == id))
        };
        let memory = |name: &str, banks: usize, on_array: bool| {
            let sums = |id: BufferId| {
                self.program.buffer(id).class == Class::Accumulator && wide(id) == on_array
            };
            let all = (0..self.program.buffers.len()).map(BufferId);
            let bits = all.filter(|&id| sums(id)).map(|id| self.bits(id)).max();
            let buffers = first_fit(self.tenants(banks as u64, sums));
            self.memory(name, banks as u64, bits.unwrap_or(0), buffers, false)
        };
        [
            memory("accumulators", self.machine.ports.banks, false),
            memory(
                "accumulators of outer products",
                self.machine.multipliers(),
                true,
            ),
        ]
    }

    /// Buffers of parameters one after another, in words of the elementwise lanes.
    fn parameters(&self, of: impl Fn(Class) -> bool) -> Vec<BufferUse> {
        let lanes = self.machine.elementwise.lanes as u64;
        let mut address = 0;
        let buffers = self
            .program
            .layers
            .iter()
            .flat_map(|layer| layer.cores.iter().chain([&layer.bias]))
            .filter(|id| of(self.program.buffer(**id).class));
        buffers
            .map(|&id| {
                let words = self.rows(id, lanes);
                address += words;
                BufferUse {
                    name: self.program.buffer(id).name.clone(),
                    address: address - words,
                    words,
                }
            })
            .collect()
    }

    fn biases(&self) -> MemoryUse {
        let bits =
            self.machine.elementwise.lanes as u64 * u64::from(self.formats.bits(Class::Bias));
        let buffers = self.parameters(|class| class == Class::Bias);
        self.memory("biases", 1, bits, buffers, false)
    }

    fn state(&self) -> MemoryUse {
        let lanes = self.machine.elementwise.lanes as u64;
        let updates = |op: &Op| matches!(op.kind, OpKind::Update { .. });
        let buffers = if self.program.ops.iter().any(updates) {
            self.parameters(|_| true)
        } else {
            vec![]
        };
        let bits = lanes * (MASTER_BITS + MOMENTS * u64::from(STATE_BITS));
        self.memory("optimiser state", 1, bits, buffers, false)
    }

    /// The buffers between the stages of each element, as large as its largest tile asks for.
    fn ping_pong(&self) -> Vec<MemoryUse> {
        let machine = self.machine;
        let (lanes, rows) = (machine.lanes as u64, machine.rows as u64);
        let of = |element: Element, name: &str, coupling: &super::machine::Coupling| {
            let jobs = self.jobs.iter().filter_map(|job| match job {
                Job::Contract(job) if job.element == element => Some(job),
                _ => None,
            });
            let (mut tile, mut bits) = ([0_u64; 2], [0_u32; 2]);
            for job in jobs {
                let loaded = match element {
                    Element::Last => job.b.len() * job.c.len().div_ceil(machine.lanes),
                    _ => job.b.len(),
                };
                tile = [tile[0].max(loaded as u64), tile[1].max(job.d.len() as u64)];
                bits = [bits[0].max(job.bits[0]), bits[1].max(job.bits[2])];
            }
            let (banks, stored) = match element {
                Element::Last => (rows, rows),
                _ => (1, lanes),
            };
            let sides = [
                ("input", banks, lanes, coupling.input_buffers),
                ("output", 1, stored, coupling.output_buffers),
            ];
            let mut side = 0;
            sides.map(|(what, banks, values, count)| {
                let (words, bits) = (tile[side], u64::from(bits[side]));
                side += 1;
                let buffers = (0..count as u64).map(|nth| BufferUse {
                    name: format!("{name} {what} buffer {nth}"),
                    address: nth * words,
                    words,
                });
                let name = format!("{name} {what}");
                self.memory(&name, banks, values * bits, buffers.collect(), false)
            })
        };
        let mut memories = of(Element::Last, "PE1", &machine.last).to_vec();
        memories.extend(of(Element::Middle, "PE2", &machine.middle));
        memories
    }

    /// The widest operands that meet in the array.
    fn product_bits(&self) -> [u32; 2] {
        let mut widest = [0; 2];
        for job in self.jobs {
            let [a, b] = match job {
                Job::Contract(job) => [job.bits[0], job.bits[1]],
                Job::Outer(job) => [job.bits[0], job.bits[1]],
                Job::Stream(_) => continue,
            };
            let pair = [a.max(b), a.min(b)];
            widest = [widest[0].max(pair[0]), widest[1].max(pair[1])];
        }
        widest
    }

    /// A rough estimate: accumulators of the array, a crossbar from banks to lanes for loads and one for
    /// stores, the elementwise lanes, control, and memories of look-up tables at 32 bits each.
    fn luts(&self, memories: &[MemoryUse]) -> u64 {
        let machine = self.machine;
        let lanes = machine.lanes as u64;
        let bits = u64::from(self.formats.activation.max(self.formats.gradient));
        let logic: u64 = memories
            .iter()
            .filter(|memory| memory.place == Place::Logic)
            .map(|memory| memory.banks * memory.word_bits * memory.words.div_ceil(32))
            .sum();
        machine.multipliers() as u64 * LUTS_PER_MULTIPLIER
            + 2 * lanes * u64::from(lanes.ilog2()) * bits
            + machine.elementwise.lanes as u64 * LUTS_PER_ELEMENTWISE_LANE
            + LUTS_CONTROL
            + logic
    }
}

/// A contraction's weights in words of one beat: how many, and the order of their values.
fn beats(job: &ContractJob, machine: &Machine) -> (u64, Vec<u32>) {
    let mut order = vec![];
    let words = if job.element == Element::Last {
        for (d, b) in job.d.iter().flat_map(|d| job.b.iter().map(move |b| (d, b))) {
            order.extend(job.c.iter().map(|c| d[0] + b[1] + c[1]));
        }
        job.d.len() * job.b.len() * job.c.len().div_ceil(machine.lanes)
    } else {
        for columns in job.d.chunks(machine.rows) {
            for b in &job.b {
                order.extend(columns.iter().map(|d| d[0] + b[1]));
            }
        }
        job.d.len().div_ceil(machine.rows) * job.b.len()
    };
    (words as u64, order)
}
