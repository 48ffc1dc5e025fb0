//! The command line: `railyard train`, `plan`, `simulate`, `explore`, `compare`, `board`, `bench` and
//! `data`.
//!
//! Every command takes `--json` and then prints one object per line on standard output; progress and
//! messages go to standard error.
#![deny(
    clippy::print_stdout,
    reason = "whoever reads may stop early; `emit` knows"
)]

/// Writes a line to standard output, as [`emit`].
macro_rules! say {
    ($($part:tt)*) => {
        $crate::cli::emit(&(format!($($part)*) + "\n"))
    };
}

mod bench;
mod board;
mod compare;
pub mod data;
mod explore;
mod machine;
mod options;
mod plan;
mod record;
mod simulate;
mod tables;
mod train;

use std::io::Write as _;

use clap::{Parser, Subcommand};

/// Trains tensor-train networks at low precision, with ranks that shrink by themselves
#[derive(Parser)]
#[command(name = "railyard", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a network and report every epoch
    Train(train::TrainArgs),
    /// Print the operations of a training step with their shapes and multiply-accumulates
    Plan(plan::PlanArgs),
    /// Time a training step on a modelled accelerator, operation by operation
    Simulate(Box<simulate::SimulateArgs>),
    /// Sweep arrays, schedules, precisions and devices, and mark the best trade-offs
    Explore(Box<explore::ExploreArgs>),
    /// Train several configurations, of any methods, into one table
    Compare(Box<compare::CompareArgs>),
    /// Serve a virtual board, or drive a board: what it is, training on it, comparing its words
    Board(Box<board::BoardArgs>),
    /// Measure how fast this machine trains
    Bench(Box<bench::BenchArgs>),
    /// Check the canonical data sets and pack them
    Data(data::DataArgs),
}

/// Writes to standard output. Whoever reads it may stop early.
fn emit(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Runs the command that the process was called with.
///
/// # Errors
/// One sentence for a person.
pub fn main() -> Result<(), String> {
    match Arguments::parse().command {
        Command::Train(args) => train::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Explore(args) => explore::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Board(args) => board::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Data(args) => data::run(&args),
    }
}
