//! What a layer in a method's form takes: memory and operations.

use serde::{Deserialize, Serialize};

/// Bits of a layer's deployed matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Values that are stored (weights, coefficients, core entries).
    pub values: u64,
    /// Bits of these values.
    pub value_bits: u64,
    /// Bits that say where they stand, and whatever is needed beside them (indices, bases, exponents).
    pub side_bits: u64,
}

impl Storage {
    /// All bits.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.value_bits + self.side_bits
    }
}

impl std::ops::Add for Storage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            value_bits: self.value_bits + other.value_bits,
            side_bits: self.side_bits + other.side_bits,
        }
    }
}

/// Real operations of one sample's forward pass through a layer (what is shared by a batch is not in it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Real multiplications of two variables, those within multiply-accumulates among them.
    pub multiplies: u64,
    /// Real additions.
    pub adds: u64,
    /// Shifts by a stored exponent.
    pub shifts: u64,
}

impl Work {
    /// The same so many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self {
            multiplies: self.multiplies * count,
            adds: self.adds * count,
            shifts: self.shifts * count,
        }
    }
}

impl std::ops::Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            multiplies: self.multiplies + other.multiplies,
            adds: self.adds + other.adds,
            shifts: self.shifts + other.shifts,
        }
    }
}

/// A unit of a layer's hardware, and what it does for one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// What it is, such as `FFT`.
    pub name: &'static str,
    /// Its operations.
    pub work: Work,
    /// Products that lie together, so that neighbouring lanes can take them at once.
    pub together: u64,
}
