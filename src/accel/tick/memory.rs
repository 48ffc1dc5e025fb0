//! Memories, their ports, and the unit that writes results into them.
//!
//! A port starts one access at a time. In a cycle every bank gives or takes one value, the port moves
//! at most `width` of them, and external memory at most its bytes; an access whose values are not all
//! moved in its first cycle stays pending, and its port with it.

use crate::kernels::Requantise;
use crate::numeric::{Rounding, Stream, shift_round};
use crate::program::{Class, Program};

use super::super::machine::{self, Machine};

/// One word per element of every buffer of a Program. Samples follow one another, so a sample's buffer
/// is there once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Words of up to 16 bits by buffer; empty for a sum over the batch.
    pub values: Vec<Vec<i16>>,
    /// Sums over the batch by buffer; empty for the others.
    pub sums: Vec<Vec<i64>>,
}

impl Memory {
    /// A Program's memory, all zero.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let words = |wanted: bool| {
            let buffers = program.buffers.iter();
            buffers.map(move |buffer| {
                if (buffer.class == Class::Accumulator) == wanted {
                    buffer.len
                } else {
                    0
                }
            })
        };
        Self {
            values: words(false).map(|len| vec![0; len]).collect(),
            sums: words(true).map(|len| vec![0; len]).collect(),
        }
    }
}

/// Most banks that a single word of flags covers.
const FLAGS: u32 = u64::BITS;

/// One port of a banked memory.
#[derive(Clone, Debug)]
pub(super) struct Port {
    // Parameters.
    banks: u32,
    width: u32,
    /// Bytes per cycle of external memory; none on chip.
    bytes_per_cycle: Option<u32>,
    // Registers.
    /// Values of the access that each bank still has to move.
    waiting: Vec<u16>,
    /// Banks, the fullest first.
    order: Vec<u16>,
    /// The sum of what is waiting.
    values_left: u32,
    /// Bytes that external memory still has to move.
    bytes_left: u32,
}

impl Port {
    pub fn new(machine: &Machine) -> Self {
        let bytes_per_cycle = match machine.memory {
            machine::Memory::OnChip => None,
            machine::Memory::External {
                bytes_per_cycle, ..
            } => Some(bytes_per_cycle),
        };
        Self {
            banks: machine.ports.banks as u32,
            width: machine.ports.width as u32,
            bytes_per_cycle,
            waiting: vec![0; machine.ports.banks],
            order: (0..machine.ports.banks as u16).collect(),
            values_left: 0,
            bytes_left: 0,
        }
    }

    /// Whether an access has values left to move.
    #[inline]
    pub fn pending(&self) -> bool {
        self.values_left > 0 || self.bytes_left > 0
    }

    /// Starts an access to values at the address `base` plus offsets that lie in the given banks, each of
    /// so many bits, and moves what its first cycle can.
    #[inline]
    pub fn request(&mut self, base: u32, banks: &[u16], bits: u32) {
        debug_assert!(!self.pending(), "a port has one access at a time");
        let first = base % self.banks;
        let count = banks.len() as u32;
        if self.bytes_per_cycle.is_none() && count <= self.width && self.banks <= FLAGS {
            let mut used = 0_u64;
            for &bank in banks {
                used |= 1 << self.bank(first, bank);
            }
            if used.count_ones() == count {
                return;
            }
        }
        for &bank in banks {
            let bank = self.bank(first, bank);
            self.waiting[bank as usize] += 1;
        }
        self.values_left = count;
        self.bytes_left = self
            .bytes_per_cycle
            .map_or(0, |_| (count * bits).div_ceil(8));
        self.serve();
    }

    /// Starts an access to neighbours that no bank delays, of so many bits altogether, and moves what its
    /// first cycle can.
    #[inline]
    pub fn stream(&mut self, bits: u32) {
        debug_assert!(!self.pending(), "a port has one access at a time");
        if let Some(bytes) = self.bytes_per_cycle {
            self.bytes_left = bits.div_ceil(8).saturating_sub(bytes);
        }
    }

    /// The bank of an address from those of its two parts.
    #[inline]
    fn bank(&self, first: u32, second: u16) -> u32 {
        let bank = first + u32::from(second);
        if bank >= self.banks {
            bank - self.banks
        } else {
            bank
        }
    }

    /// One cycle of a pending access: one value from each bank, from the fullest first if the port is
    /// too narrow for all.
    pub fn serve(&mut self) {
        self.bytes_left = self
            .bytes_left
            .saturating_sub(self.bytes_per_cycle.unwrap_or(0));
        let full = self.waiting.iter().filter(|&&left| left > 0).count() as u32;
        if full <= self.width {
            for left in &mut self.waiting {
                *left = left.saturating_sub(1);
            }
            self.values_left -= full;
            return;
        }
        let waiting = &mut self.waiting;
        self.order
            .sort_unstable_by_key(|&bank| u16::MAX - waiting[bank as usize]);
        for &bank in &self.order[..self.width as usize] {
            waiting[bank as usize] -= 1;
        }
        self.values_left -= self.width;
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug)]
pub enum StoreRule {
    /// Divided by a power of two, rounded with the bits that the stream has for the value's place in
    /// the result, and saturated.
    Requantise {
        /// The shift, the width and the rounding.
        how: Requantise,
        /// Where random bits come from.
        stream: Stream,
    },
    /// Added to the sum over the batch: a read and a write in one access.
    Accumulate,
}

/// A result's memory behind the unit that rounds.
#[derive(Debug)]
pub(super) enum Target<'a> {
    Words {
        how: Requantise,
        stream: Stream,
        words: &'a mut [i16],
    },
    Sums(&'a mut [i64]),
}

impl Target<'_> {
    /// Whether a write reads first.
    pub fn reads(&self) -> bool {
        matches!(self, Self::Sums(_))
    }

    /// Writes one exact result.
    #[inline]
    pub fn put(&mut self, address: u32, value: i64) {
        match self {
            Self::Words { how, stream, words } => {
                words[address as usize] = requantise(*how, *stream, address, value);
            }
            Self::Sums(sums) => sums[address as usize] += value,
        }
    }

    /// Writes exact results to neighbouring places.
    #[inline]
    pub fn put_row(&mut self, address: u32, values: impl Iterator<Item = i32>) {
        if let Self::Sums(sums) = self {
            for (sum, value) in sums[address as usize..].iter_mut().zip(values) {
                *sum += i64::from(value);
            }
        } else {
            for (address, value) in (address..).zip(values) {
                self.put(address, i64::from(value));
            }
        }
    }
}

/// A sum as it is stored at a place of the result.
#[inline]
pub(super) fn requantise(how: Requantise, stream: Stream, place: u32, sum: i64) -> i16 {
    let (low, high) = (-(1_i64 << (how.bits - 1)), (1_i64 << (how.bits - 1)) - 1);
    let random = if how.rounding == Rounding::Stochastic {
        stream.bits(place)
    } else {
        0
    };
    shift_round(sum, how.shift, how.rounding, random).clamp(low, high) as i16
}

/// Which values of an operand were read: what tells a first read from a further one.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    seen: Vec<bool>,
    unseen: usize,
    /// First reads.
    pub first: u64,
    /// Further reads.
    pub further: u64,
}

impl Reads {
    pub fn new(len: usize) -> Self {
        Self {
            seen: vec![false; len],
            unseen: len,
            first: 0,
            further: 0,
        }
    }

    /// Values in a row were read.
    #[inline]
    pub fn run(&mut self, from: usize, count: usize) {
        if self.unseen == 0 {
            self.further += count as u64;
            return;
        }
        for at in from..from + count {
            self.one(at);
        }
    }

    /// One value was read.
    #[inline]
    pub fn one(&mut self, at: usize) {
        let fresh = !std::mem::replace(&mut self.seen[at], true);
        self.unseen -= usize::from(fresh);
        self.first += u64::from(fresh);
        self.further += u64::from(!fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cycles of one access.
    fn cycles(port: &mut Port, base: u32, offsets: &[u32], bits: u32) -> u32 {
        let banks: Vec<u16> = offsets
            .iter()
            .map(|offset| (offset % port.banks) as u16)
            .collect();
        port.request(base, &banks, bits);
        let mut cycles = 1;
        while port.pending() {
            port.serve();
            cycles += 1;
        }
        cycles
    }

    #[test]
    fn an_access_takes_as_long_as_its_fullest_bank_and_its_width() {
        let mut machine = Machine::published().with_array(4, 4);
        let mut port = Port::new(&machine);
        assert_eq!(cycles(&mut port, 3, &[0, 1, 2, 3], 16), 1);
        assert_eq!(cycles(&mut port, 3, &[0, 4, 8, 3], 16), 3);
        machine.ports.banks = 5;
        let mut port = Port::new(&machine);
        assert_eq!(cycles(&mut port, 3, &[0, 4, 8, 12], 16), 1);
        (machine.ports.width, machine.ports.banks) = (2, 4);
        let mut port = Port::new(&machine);
        assert_eq!(cycles(&mut port, 1, &[0, 1, 2, 3], 16), 2);
        // Two values of one bank and two others fit two cycles if the fullest goes first.
        assert_eq!(cycles(&mut port, 0, &[0, 1, 2, 6], 16), 2);
        machine.memory = machine::Memory::External {
            bytes_per_cycle: 3,
            latency: 9,
        };
        let mut port = Port::new(&machine);
        assert_eq!(cycles(&mut port, 0, &[0, 1, 2, 3], 16), 3);
    }

    #[test]
    fn first_reads_are_told_from_further_ones() {
        let mut reads = Reads::new(4);
        reads.run(0, 3);
        reads.one(2);
        reads.run(2, 2);
        reads.run(0, 4);
        assert_eq!((reads.first, reads.further), (4, 6));
    }
}
