//! Why a run on a board stops.

use std::fmt;

use crate::link::session::LinkError;
use crate::train::TrainError;

/// Why a run on a board stops. The trainer stands at the last verified step, and training can go on
/// from there, on the board or without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunFault {
    /// The board or the way to it is at fault.
    Link(LinkError),
    /// After a step the board's parameters are not the simulator's.
    Mismatch {
        /// Steps taken with it.
        step: u64,
        /// CRC-32 of the board's master copies.
        board: u32,
        /// That of the simulator's.
        simulator: u32,
    },
    /// The run is in floating point.
    Float,
    /// The run does not fit the board: what does not, and what would.
    DoesNotFit(String),
    /// A memory of the board does not hold what was written to it, or gave something else when read.
    Memory {
        /// The tensor.
        tensor: String,
    },
    /// The board stands still and not where it was asked to.
    Stopped {
        /// Steps it has taken.
        step: u64,
        /// Whether it says that it is at fault.
        fault: bool,
    },
    /// The trainer does not take the words that were read back.
    Words(TrainError),
}

impl fmt::Display for RunFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => write!(f, "{error}; the run stands at the last verified step"),
            Self::Mismatch {
                step,
                board,
                simulator,
            } => write!(
                f,
                "after step {step} the board's parameters are not the simulator's (checksums {board:08x} and \
                 {simulator:08x}): the run stands at step {}, where both were equal; verify shows which words differ, \
                 and training on writes the board's memory anew",
                step.saturating_sub(1)
            ),
            Self::Float => f.write_str(
                "this run computes in floating point and a board in fixed point: choose fixed-point precision to \
                 train on a board",
            ),
            Self::DoesNotFit(reason) => f.write_str(reason),
            Self::Memory { tensor } => write!(
                f,
                "the board's memory of {tensor} does not hold what it should: the run stands at the last verified \
                 step; training on writes the memory anew, and if this comes again the board is at fault"
            ),
            Self::Stopped { step, fault } => write!(
                f,
                "the board stopped after step {step}{}: the run stands at the last verified step, and training on \
                 configures the board anew from there",
                if *fault {
                    " and says that it is at fault"
                } else {
                    ", not where it was asked to"
                }
            ),
            Self::Words(error) => write!(
                f,
                "the words read from the board are no state of this run: {error}; the run stands at the last verified \
                 step, and training on writes the board's memory anew"
            ),
        }
    }
}

impl std::error::Error for RunFault {}

impl From<LinkError> for RunFault {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<TrainError> for RunFault {
    fn from(error: TrainError) -> Self {
        Self::Words(error)
    }
}
