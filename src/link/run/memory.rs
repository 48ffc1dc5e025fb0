//! A trainer's words as the bytes of a board's memories, and back.

use super::fault::RunFault;
use crate::exec::fixed::Shift;
use crate::link::command::{Address, Fields, SHIFT_BYTES, Space};
use crate::numeric::crc::crc32;
use crate::train::Words;

/// One tensor of a board's memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Memory {
    /// Its name, for messages.
    pub name: String,
    /// Where it begins.
    pub at: Address,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Memory {
    pub fn new(name: impl Into<String>, space: Space, index: usize, bytes: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            at: Address {
                space,
                index: index as u16,
                offset: 0,
            },
            bytes,
        }
    }

    /// Compares with the board's answer to the question for its checksum.
    pub fn check(&self, payload: &[u8]) -> Result<(), RunFault> {
        if Fields(payload).u32() == Some(crc32(&self.bytes)) {
            return Ok(());
        }
        Err(RunFault::Memory {
            tensor: self.name.clone(),
        })
    }

    /// The address of a byte of it.
    pub fn address(&self, offset: usize) -> Address {
        Address {
            offset: offset as u32,
            ..self.at
        }
    }
}

/// All memories that hold a run's state; those without bytes are left out.
pub(super) fn memories(words: &Words) -> Vec<Memory> {
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut found = Vec::new();
    for (index, parameter) in words.parameters.iter().enumerate() {
        let name = &parameter.name;
        let master = parameter.master.iter().flat_map(|v| v.to_le_bytes());
        found.push(Memory::new(name, Space::Master, index, master.collect()));
        let (first, second) = (floats(&parameter.first), floats(&parameter.second));
        found.push(Memory::new(
            format!("{name}.first"),
            Space::First,
            index,
            first,
        ));
        found.push(Memory::new(
            format!("{name}.second"),
            Space::Second,
            index,
            second,
        ));
    }
    for (index, bond) in words.bonds.iter().enumerate() {
        let name = &bond.name;
        let (variances, relevance) = (floats(&bond.variances), floats(&bond.relevance));
        found.push(Memory::new(
            format!("{name}.variance"),
            Space::Variance,
            index,
            variances,
        ));
        found.push(Memory::new(
            format!("{name}.relevance"),
            Space::Relevance,
            index,
            relevance,
        ));
    }
    let shifts = words.shifts.iter().flat_map(|(_, shift)| record(shift));
    found.push(Memory::new("shifts", Space::Shifts, 0, shifts.collect()));
    found.retain(|memory| !memory.bytes.is_empty());
    found
}

/// The words of memories that are laid out as those of `shape` are; none if they are not.
pub(super) fn words(shape: &Words, memories: &[Memory]) -> Option<Words> {
    let mut words = shape.clone();
    for memory in memories {
        let index = usize::from(memory.at.index);
        let mut fields = Fields(&memory.bytes);
        let mut floats = |values: &mut Vec<f32>| -> Option<()> {
            for value in values {
                *value = f32::from_bits(fields.u32()?);
            }
            Some(())
        };
        match memory.at.space {
            Space::Master => {
                for value in &mut words.parameters.get_mut(index)?.master {
                    *value = fields.u16()?.cast_signed();
                }
            }
            Space::First => floats(&mut words.parameters.get_mut(index)?.first)?,
            Space::Second => floats(&mut words.parameters.get_mut(index)?.second)?,
            Space::Variance => floats(&mut words.bonds.get_mut(index)?.variances)?,
            Space::Relevance => floats(&mut words.bonds.get_mut(index)?.relevance)?,
            Space::Shifts => {
                for (_, shift) in &mut words.shifts {
                    *shift = read_record(&mut fields)?;
                }
            }
            _ => return None,
        }
    }
    Some(words)
}

/// A shift's record.
fn record(shift: &Shift) -> Vec<u8> {
    let mut out = Vec::with_capacity(SHIFT_BYTES);
    out.extend(shift.shift.to_le_bytes());
    for word in [
        u32::from(shift.known),
        shift.batches,
        shift.high,
        shift.low,
        0,
    ] {
        out.extend(word.to_le_bytes());
    }
    out.extend(shift.peak.to_le_bytes());
    out.extend(shift.saturated.to_le_bytes());
    out
}

fn read_record(fields: &mut Fields) -> Option<Shift> {
    let shift = fields.u32()?.cast_signed();
    let [known, batches, high, low, _] = [
        fields.u32()?,
        fields.u32()?,
        fields.u32()?,
        fields.u32()?,
        fields.u32()?,
    ];
    Some(Shift {
        shift,
        known: known & 1 == 1,
        batches,
        high,
        low,
        peak: fields.u64()?,
        saturated: fields.u64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{BondWords, ParameterWords};

    #[test]
    fn words_come_back_from_their_memories() {
        let shift = Shift {
            shift: -3,
            known: true,
            batches: 70_000,
            high: 4,
            low: 0,
            peak: 1 << 40,
            saturated: 9,
        };
        let given = Words {
            parameters: vec![ParameterWords {
                name: "fc1.G1".into(),
                shape: vec![1, 2, 1, 1],
                master: vec![-7, 300],
                first: vec![0.5, -0.0],
                second: vec![],
            }],
            bonds: vec![BondWords {
                name: "fc1.bond1".into(),
                variances: vec![1.5],
                relevance: vec![0.25],
            }],
            shifts: vec![("fc1.forward".into(), shift)],
        };
        let all = memories(&given);
        let lengths: Vec<_> = all.iter().map(|m| (m.at.space, m.bytes.len())).collect();
        assert_eq!(
            lengths,
            [
                (Space::Master, 4),
                (Space::First, 8),
                (Space::Variance, 4),
                (Space::Relevance, 4),
                (Space::Shifts, SHIFT_BYTES)
            ]
        );
        let mut shape = given.clone();
        shape.parameters[0].master.fill(0);
        shape.shifts[0].1 = Shift::default();
        assert_eq!(words(&shape, &all), Some(given.clone()));
        let mut bad = all.clone();
        bad[1].bytes.pop();
        assert_eq!(words(&given, &bad), None);
    }
}
