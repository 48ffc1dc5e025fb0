//! What can be wrong with a shape, a set of cores or a truncation, each said in one sentence.

use std::fmt;

use super::shape::MAX_ENTRIES;

/// Why modes and ranks do not make a tensor-train shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// Both mode lists are empty.
    NoModes,
    /// The two mode lists differ in length.
    ModeCounts {
        /// Number of input modes given.
        inputs: usize,
        /// Number of output modes given.
        outputs: usize,
    },
    /// A mode is zero.
    ZeroMode {
        /// Which list: `"input"` or `"output"`.
        side: &'static str,
        /// Place in the list, from 0.
        position: usize,
    },
    /// The number of ranks is not one less than the number of modes.
    RankCount {
        /// Number of ranks given.
        given: usize,
        /// Number of ranks that fits the modes.
        expected: usize,
    },
    /// A rank is zero.
    ZeroRank {
        /// Place in the list, from 0.
        position: usize,
    },
    /// A size that follows from the modes and ranks exceeds [`MAX_ENTRIES`].
    TooLarge {
        /// What is too large.
        what: &'static str,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModes => {
                f.write_str("the layer has no modes; give at least one input and one output mode")
            }
            Self::ModeCounts { inputs, outputs } => write!(
                f,
                "{inputs} input modes do not pair with {outputs} output modes; \
                 both lists must be equally long"
            ),
            Self::ZeroMode { side, position } => write!(
                f,
                "{side} mode number {} is 0; every mode must be at least 1",
                position + 1
            ),
            Self::RankCount { given, expected } => write!(
                f,
                "{given} ranks were given where the modes have {expected} bonds; \
                 give one rank for each neighbouring pair of modes"
            ),
            Self::ZeroRank { position } => write!(
                f,
                "rank number {} is 0; every rank must be at least 1",
                position + 1
            ),
            Self::TooLarge { what } => write!(
                f,
                "{what} would exceed {MAX_ENTRIES} entries; choose smaller modes or ranks"
            ),
        }
    }
}

impl std::error::Error for ShapeError {}

/// Why an operation on a tensor-train matrix could not be done.
#[derive(Clone, Debug, PartialEq)]
pub enum TtError {
    /// The modes or ranks are not a shape.
    Shape(ShapeError),
    /// The number of cores does not fit the shape.
    CoreCount {
        /// Number of cores given.
        given: usize,
        /// Number of cores of the shape.
        expected: usize,
    },
    /// A core has the wrong number of entries.
    CoreLength {
        /// Which core, from 0.
        core: usize,
        /// Entries given.
        given: usize,
        /// Entries of this core in the shape.
        expected: usize,
    },
    /// The ranks on the two sides of a bond differ; bond `k` stands before core `k`.
    BondMismatch {
        /// Which bond, 0 for the open end before the first core.
        bond: usize,
        /// Rank on the left side (1 at the first open end).
        left: usize,
        /// Rank on the right side (1 at the last open end).
        right: usize,
    },
    /// The dense matrix does not have the size the modes say.
    MatrixSize {
        /// Rows and columns given.
        given: (usize, usize),
        /// Rows (outputs) and columns (inputs) of the modes.
        expected: (usize, usize),
    },
    /// A vector does not have as many entries as the matrix has columns.
    VectorLength {
        /// Entries given.
        given: usize,
        /// Columns of the matrix.
        expected: usize,
    },
    /// An entry is infinite or not a number.
    NotFinite,
    /// The tolerance is negative, infinite or not a number.
    Tolerance(f64),
    /// The list of bond indices to keep is not usable.
    BondIndices {
        /// Which bond, from 1.
        bond: usize,
        /// Rank of the bond, 0 where there is no such bond.
        rank: usize,
    },
    /// The singular value decomposition did not converge.
    NotConverged {
        /// Rows of the matrix it was given.
        rows: usize,
        /// Columns of the matrix it was given.
        columns: usize,
    },
}

impl fmt::Display for TtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(error) => error.fmt(f),
            Self::CoreCount { given, expected } => write!(
                f,
                "{given} cores were given where the shape has {expected}; give one core per mode"
            ),
            Self::CoreLength {
                core,
                given,
                expected,
            } => write!(
                f,
                "core {} has {given} entries; its shape (r, m, n, r') needs {expected}",
                core + 1
            ),
            Self::BondMismatch { bond, left, right } => write!(
                f,
                "bond {bond} has rank {left} on its left and {right} on its right; \
                 both must be equal, and 1 at the two open ends"
            ),
            Self::MatrixSize { given, expected } => write!(
                f,
                "the matrix is {} x {}; the modes need {} x {} (outputs x inputs)",
                given.0, given.1, expected.0, expected.1
            ),
            Self::VectorLength { given, expected } => write!(
                f,
                "the vector has {given} entries; the matrix takes {expected}"
            ),
            Self::NotFinite => {
                f.write_str("an entry is infinite or not a number; all entries must be finite")
            }
            Self::Tolerance(value) => write!(
                f,
                "the tolerance {value} is not usable; give a finite number, 0 or more"
            ),
            Self::BondIndices { bond, rank: 0 } => write!(
                f,
                "there is no bond {bond}; bonds are counted from 1 to one less than the cores"
            ),
            Self::BondIndices { bond, rank } => write!(
                f,
                "the indices to keep on bond {bond} are not usable; \
                 give at least one, ascending, each below {rank}"
            ),
            Self::NotConverged { rows, columns } => write!(
                f,
                "the singular values of a {rows} x {columns} unfolding did not converge; \
                 the entries should be of comparable size"
            ),
        }
    }
}

impl std::error::Error for TtError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Shape(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ShapeError> for TtError {
    fn from(error: ShapeError) -> Self {
        Self::Shape(error)
    }
}
