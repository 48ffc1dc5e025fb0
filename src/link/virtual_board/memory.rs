//! The memories of a virtual board, byte by byte.

use super::super::answer::Status;
use super::super::command::{Address, SHIFT_BYTES, Space};
use super::configured::Configured;
use super::{IMAGE_BYTES, MACHINE_BYTES, PROGRAM_BYTES, VirtualBoard};
use crate::exec::fixed::Shift;
use crate::program::{BufferId, Class};
use crate::train::shift_is_sound;

/// Memory that reads as zeros where nothing was written.
#[derive(Debug, Default)]
pub(super) struct ImageMemory(Vec<u8>);

impl ImageMemory {
    /// Bytes from an offset on; none beyond the memory's end.
    pub fn read(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        let end = offset.checked_add(len as u64)?;
        if end > IMAGE_BYTES as u64 {
            return None;
        }
        let from = self.0.get(offset as usize..).unwrap_or(&[]);
        let mut found = from[..len.min(from.len())].to_vec();
        found.resize(len, 0);
        Some(found)
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Option<()> {
        write_bytes(&mut self.0, IMAGE_BYTES, offset, data)
    }
}

/// Writes into memory that grows up to `most` bytes.
fn write_bytes(memory: &mut Vec<u8>, most: usize, offset: usize, data: &[u8]) -> Option<()> {
    let end = offset.checked_add(data.len()).filter(|&end| end <= most)?;
    if memory.len() < end {
        memory.resize(end, 0);
    }
    memory[offset..end].copy_from_slice(data);
    Some(())
}

/// Bytes of words from an offset on.
fn peek<const N: usize>(
    count: usize,
    (offset, len): (usize, usize),
    word: impl Fn(usize) -> [u8; N],
) -> Option<Vec<u8>> {
    let end = offset.checked_add(len).filter(|&end| end <= count * N)?;
    Some((offset..end).map(|at| word(at / N)[at % N]).collect())
}

/// Writes bytes into words from an offset on.
fn poke<const N: usize, T>(
    words: &mut [T],
    offset: usize,
    data: &[u8],
    get: impl Fn(&T) -> [u8; N],
    set: impl Fn(&mut T, [u8; N]),
) -> Option<()> {
    offset
        .checked_add(data.len())
        .filter(|&end| end <= words.len() * N)?;
    for (at, &byte) in (offset..).zip(data) {
        let word = &mut words[at / N];
        let mut bytes = get(word);
        bytes[at % N] = byte;
        set(word, bytes);
    }
    Some(())
}

fn poke_floats(words: &mut [f32], offset: usize, data: &[u8]) -> Option<()> {
    poke(
        words,
        offset,
        data,
        |word| word.to_le_bytes(),
        |word, bytes| *word = f32::from_le_bytes(bytes),
    )
}

/// A shift record.
pub(super) fn shift_bytes(shift: &Shift) -> [u8; SHIFT_BYTES] {
    let mut bytes = [0; SHIFT_BYTES];
    let words = [
        shift.shift as u32,
        u32::from(shift.known),
        shift.batches,
        shift.high,
        shift.low,
        0,
    ];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes[24..32].copy_from_slice(&shift.peak.to_le_bytes());
    bytes[32..].copy_from_slice(&shift.saturated.to_le_bytes());
    bytes
}

/// The shift of a record; none if it is not one that adapting can leave.
pub(super) fn read_shift(bytes: &[u8]) -> Option<Shift> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let shift = Shift {
        shift: word(0)? as i32,
        known: word(4)? != 0,
        batches: word(8)?,
        high: word(12)?,
        low: word(16)?,
        peak: long(24)?,
        saturated: long(32)?,
    };
    (word(4)? <= 1 && shift_is_sound(&shift)).then_some(shift)
}

impl VirtualBoard {
    /// Bytes of a memory.
    pub(super) fn read_memory(&mut self, at: Address, len: usize) -> Result<Vec<u8>, Status> {
        let none = Status::BadRange;
        let (offset, index) = (at.offset as usize, usize::from(at.index));
        let single = matches!(
            at.space,
            Space::Program | Space::Machine | Space::Images | Space::Shifts
        );
        if single && index > 0 {
            return Err(none);
        }
        let range = (offset, len);
        let bytes = |bytes: &[u8]| peek(bytes.len(), range, |at| [bytes[at]]).ok_or(none);
        match at.space {
            Space::Program => return bytes(&self.program),
            Space::Machine => return bytes(&self.machine_text),
            Space::Images => {
                return self.images.read(u64::from(at.offset), len).ok_or(none);
            }
            _ => {}
        }
        if self.busy() {
            return Err(Status::BadState);
        }
        let staged = self.shifts.as_deref();
        let board = self.board.as_mut().ok_or(Status::BadState)?;
        let floats = |words: &[f32]| peek(words.len(), range, |at| words[at].to_le_bytes());
        let found = match at.space {
            Space::Master => board.parameter(index).and_then(|parameter| {
                let grid = parameter.grid?;
                let words = &parameter.master;
                peek(words.len(), range, |at| {
                    grid.integer(words[at]).to_le_bytes()
                })
            }),
            Space::First => board
                .parameter(index)
                .and_then(|parameter| floats(&parameter.moments.first)),
            Space::Second => board
                .parameter(index)
                .and_then(|parameter| floats(&parameter.moments.second)),
            Space::Variance => board.bond(index).and_then(|bond| floats(&bond.variances)),
            Space::Relevance => board.bond(index).and_then(|bond| floats(&bond.relevance)),
            Space::Shifts => {
                let shifts = board.executor.shifts();
                let own = || peek(shifts.len(), range, |at| shift_bytes(&shifts[at]));
                let written = |staged: &[u8]| peek(staged.len(), range, |at| [staged[at]]);
                staged.map_or_else(own, written)
            }
            _ => batch_tensor(board, at.space, index, range),
        };
        found.ok_or(none)
    }

    /// Writes bytes to a memory.
    pub(super) fn write_memory(&mut self, at: Address, data: &[u8]) -> Result<(), Status> {
        let none = Status::BadRange;
        let (offset, index) = (at.offset as usize, usize::from(at.index));
        let single = matches!(
            at.space,
            Space::Program | Space::Machine | Space::Images | Space::Shifts
        );
        if single && index > 0 {
            return Err(none);
        }
        match at.space {
            Space::Images => return self.images.write(offset, data).ok_or(none),
            Space::Values | Space::Sums => return Err(none),
            _ if self.busy() => return Err(Status::BadState),
            Space::Program => {
                return write_bytes(&mut self.program, PROGRAM_BYTES, offset, data).ok_or(none);
            }
            Space::Machine => {
                return write_bytes(&mut self.machine_text, MACHINE_BYTES, offset, data)
                    .ok_or(none);
            }
            _ => {}
        }
        let board = self.board.as_mut().ok_or(Status::BadState)?;
        let done = match at.space {
            Space::Master => board.parameter(index).and_then(|parameter| {
                let grid = parameter.grid?;
                let get = |value: &f32| grid.integer(*value).to_le_bytes();
                let set = |value: &mut f32, bytes| *value = grid.value(i16::from_le_bytes(bytes));
                poke(&mut parameter.master, offset, data, get, set)
            }),
            Space::First => board
                .parameter(index)
                .and_then(|parameter| poke_floats(&mut parameter.moments.first, offset, data)),
            Space::Second => board
                .parameter(index)
                .and_then(|parameter| poke_floats(&mut parameter.moments.second, offset, data)),
            Space::Variance => board
                .bond(index)
                .and_then(|bond| poke_floats(&mut bond.variances, offset, data)),
            Space::Relevance => board
                .bond(index)
                .and_then(|bond| poke_floats(&mut bond.relevance, offset, data)),
            _ => {
                let records = board.executor.shifts().iter().flat_map(shift_bytes);
                let staged = self.shifts.get_or_insert_with(|| records.collect());
                let most = staged.len();
                write_bytes(staged, most, offset, data)
            }
        };
        done.ok_or(none)
    }

    /// Gives the executor the shifts that were written.
    pub(super) fn take_shifts(&mut self) -> Result<(), (Status, String)> {
        let (Some(staged), Some(board)) = (&self.shifts, &mut self.board) else {
            return Ok(());
        };
        let names: Vec<String> = board
            .executor
            .program()
            .ops
            .iter()
            .map(|op| op.name.clone())
            .collect();
        let mut shifts = std::collections::HashMap::new();
        for (name, record) in names.iter().zip(staged.chunks_exact(SHIFT_BYTES)) {
            let Some(shift) = read_shift(record) else {
                let message = format!("the shift record written for {name} is none");
                return Err((Status::BadValue, message));
            };
            shifts.insert(name.as_str(), shift);
        }
        board
            .executor
            .adopt_shifts(|name| shifts.get(name).copied());
        self.shifts = None;
        Ok(())
    }
}

/// A tensor of the whole batch, or sums over it.
fn batch_tensor(
    board: &Configured,
    space: Space,
    index: usize,
    range: (usize, usize),
) -> Option<Vec<u8>> {
    let (executor, id) = (&board.executor, BufferId(index));
    let buffer = executor.program().buffers.get(index)?;
    let sums = buffer.class == Class::Accumulator;
    if executor.program().per_sample(id) || sums != (space == Space::Sums) {
        return None;
    }
    if sums {
        let words = executor.sum(id);
        return peek(words.len(), range, |at| words[at].to_le_bytes());
    }
    let words = executor.integers(id, 0);
    peek(words.len(), range, |at| words[at].to_le_bytes())
}
