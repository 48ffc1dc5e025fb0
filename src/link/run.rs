//! A training run on a board, checked against the simulator.

use serde::{Deserialize, Serialize};

/// Where the time of a step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// Steps taken with this one.
    pub step: u64,
    /// Milliseconds from its order to its report, measured.
    pub measured: f64,
    /// Cycles it took by the board's counter.
    pub cycles: u64,
    /// Milliseconds of these cycles at the board's clock.
    pub computed: f64,
    /// Bytes that passed for it, in both directions.
    pub bytes: u64,
    /// Milliseconds that the line needs for them, by its time model.
    pub link: f64,
}

/// What a run on a board is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// The Program, the machine and the parameters are written.
    Uploading {
        /// Bytes written.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Images and orders are written and steps taken.
    Training,
    /// Parameters are read back.
    Reading {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// A word that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The tensor, such as `fc1.G2`, `fc1.G2.first`, `fc1.bond1.variance` or `shifts`.
    pub tensor: String,
    /// Its index in the tensor, one number for each axis.
    pub index: Vec<usize>,
    /// The board's word.
    pub board: f64,
    /// The simulator's.
    pub simulator: f64,
}

/// The same step on board and simulator, word for word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Steps taken with it.
    pub step: u64,
    /// Words compared.
    pub words: u64,
    /// Words that differ.
    pub differences: u64,
    /// Words compared and words that differ in each tensor, in order.
    pub tensors: Vec<(String, u64, u64)>,
    /// The first of them, at most [`MOST_SHOWN`].
    pub shown: Vec<Difference>,
    /// Checksum of all parameters on the board, 16 hexadecimal digits.
    pub board: String,
    /// The simulator's.
    pub simulator: String,
}

/// Differences that are shown.
pub const MOST_SHOWN: usize = 200;
