//! `railyard simulate`: a training step on a modelled accelerator.

use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use super::machine::{self, CostOptions};
use super::options::{RunOptions, parse};
use super::tables;
use crate::accel::{Device, Machine, Timeline, trace};
use crate::report::simulation::{self, Engine, Options, Simulation};

/// Options of `railyard simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    #[command(flatten)]
    run: RunOptions,
    /// Take the network at the ranks of this checkpoint, and its configuration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "network", "ranks", "config"])]
    checkpoint: Option<PathBuf>,
    /// Machine: published, overlapped, streamlined, or a JSON file
    #[arg(long, value_name = "MACHINE", value_parser = machine::machine, default_value = "published")]
    machine: Machine,
    /// Another array: lanes x rows, such as 16x8
    #[arg(long, value_parser = machine::array)]
    array: Option<(usize, usize)>,
    /// Device to fit: zu3eg, zynq7020, ecp5-25f, ecp5-45f or ecp5-85f
    #[arg(long, value_parser = machine::device)]
    device: Option<Device>,
    /// Engine that times the step: event computes every phase; tick advances the machine cycle by cycle,
    /// moves real values, and is compared with the event engine and the fixed-point executor
    #[arg(long, value_parser = parse::<Engine>, default_value = "event")]
    engine: Engine,
    #[command(flatten)]
    cost: CostOptions,
    /// Compare with this measured speed too, such as the samples/s that `railyard train` prints here
    #[arg(long, value_name = "SAMPLES/S", value_parser = machine::speed)]
    measured: Option<f64>,
    /// Write the step's timeline to this file
    #[arg(long, value_name = "FILE", requires = "trace_format")]
    trace: Option<PathBuf>,
    /// Format of the timeline: chrome, perfetto, vcd, kanata or csv
    #[arg(long, value_name = "FORMAT", value_parser = parse::<trace::Format>, requires = "trace")]
    trace_format: Option<trace::Format>,
    /// Cycles of the step to write: FROM..TO [default: the whole step]
    #[arg(long, value_name = "CYCLES", value_parser = cycle_range, requires = "trace")]
    trace_range: Option<Range<u64>>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// A range of cycles, `1000..2000`.
fn cycle_range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "choose two numbers of cycles, such as 0..10000".to_string();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    Ok(number(from)?..number(to)?)
}

/// Simulates and prints.
pub fn run(args: &SimulateArgs) -> Result<(), String> {
    let found = simulate(args)?;
    if let (Some(path), Some(format)) = (&args.trace, args.trace_format) {
        let timeline = Timeline::new(&[(Rc::new(found.step.clone()), 1)]);
        let range = args.trace_range.clone().unwrap_or(0..timeline.cycles());
        let bytes = trace::write(&timeline, range, format).map_err(|error| error.to_string())?;
        std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if args.json {
        let lines: Vec<String> = simulation::lines(&found)
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        super::emit(&lines.concat())
    } else {
        super::emit(&tables::simulation(&found))
    }
}

fn simulate(args: &SimulateArgs) -> Result<Simulation, String> {
    let (config, model) = machine::network(&args.run, args.checkpoint.as_ref())?;
    let mut machine = args.machine.clone();
    if let Some((lanes, rows)) = args.array {
        machine = machine.with_array(lanes, rows);
    }
    machine.device = args.device.unwrap_or(machine.device);
    let options = Options {
        machine,
        engine: args.engine,
        cost: args.cost.cost(),
        measured: args.measured,
    };
    simulation::simulate((config, &model), &options, super::train::clock)
}
