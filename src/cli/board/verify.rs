//! `railyard board verify`: the same step on board and simulator, word for word.

use std::path::PathBuf;

use clap::Args;

use super::host::Host;
use super::port::PortOptions;
use crate::accel::Machine;
use crate::cli::options::RunOptions;
use crate::cli::{emit, machine, train};
use crate::link::run::{BoardRun, Comparison, Happened};
use crate::numeric::grouped;

/// Options of `railyard board verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    port: PortOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Take the step after this checkpoint; its configuration holds
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Machine for a board that takes any: published, overlapped, streamlined, or a JSON file
    #[arg(long, value_name = "MACHINE", value_parser = machine::machine, default_value = "published")]
    machine: Machine,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Compares and prints.
///
/// # Errors
/// If a word differs, too.
pub fn run(args: &VerifyArgs) -> Result<(), String> {
    let (mut trainer, _) = train::start_program(&args.run, args.resume.as_deref(), None)?;
    let mut host = Host::open(&args.port)?;
    let mut run = BoardRun::new(1, Some(args.machine.clone()));
    run.compare();
    let found = loop {
        let mut happened = Ok(None);
        host.turn(|session, now| {
            happened = run.advance(&mut trainer, session, now);
            run.due().is_some_and(|due| due <= now)
        });
        if let Some(Happened::Compared(found)) = happened.map_err(|fault| fault.to_string())? {
            break *found;
        }
        if run.standing() {
            return Err("the run is over: there is no further step to compare".into());
        }
    };
    if args.json {
        let line = serde_json::to_string(&found).map_err(|error| error.to_string())?;
        emit(&format!("{line}\n"))?;
    } else {
        emit(&table(&found))?;
    }
    if found.differences == 0 {
        return Ok(());
    }
    Err(format!(
        "{} of {} words differ between board and simulator after step {}",
        grouped(found.differences),
        grouped(found.words),
        found.step
    ))
}

/// Words compared and words that differ, tensor by tensor, and the first that differ.
fn table(found: &Comparison) -> String {
    let mut lines = vec![format!("{:<28} {:>12} {:>12}", "tensor", "words", "differ")];
    for (name, words, differing) in &found.tensors {
        let (words, differing) = (grouped(*words), grouped(*differing));
        lines.push(format!("{name:<28} {words:>12} {differing:>12}"));
    }
    for word in &found.shown {
        lines.push(format!(
            "{}{:?}: board {}, simulator {}",
            word.tensor, word.index, word.board, word.simulator
        ));
    }
    lines.push(format!(
        "step {}: {} words compared, {} differ; checksum of the board {}, of the simulator {}\n",
        found.step,
        grouped(found.words),
        grouped(found.differences),
        found.board,
        found.simulator
    ));
    lines.join("\n")
}
