//! `railyard simulate`: a training step on a modelled accelerator.

use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::machine::{self, CostOptions};
use super::options::{RunOptions, parse};
use super::tables;
use super::tick::{self, Ticked};
use crate::accel::compare::{RASPBERRY_PI_3B, against_measured};
use crate::accel::published::{self, Table};
use crate::accel::timing::{CAUSES, OpTiming, StepTiming, TRACKS, Tally};
use crate::accel::traffic::traffic;
use crate::accel::{
    Comparison, Device, Energy, Fit, Machine, Roofline, Timeline, Traffic, compare, energy, event,
    fit, roofline, trace,
};
use crate::exec::fixed::FixedFormats;
use crate::program::{NetworkShape, Program, Schedule};
use crate::train::config::{Precision, Preset, RunConfig};
use crate::train::{fixed_executor, step_program};

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

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Computes every phase of every tile.
    Event,
    /// Advances the machine cycle by cycle and moves real values.
    Tick,
}

/// Everything that is said of a step.
pub struct Simulation {
    /// The configuration of the run.
    pub config: RunConfig,
    /// Ranks of all bonds.
    pub ranks: Vec<Vec<usize>>,
    /// The training step.
    pub program: Program,
    /// The widths.
    pub formats: FixedFormats,
    /// The step in time.
    pub step: StepTiming,
    /// Which engine timed it.
    pub engine: Engine,
    /// What the tick engine was compared with.
    pub ticked: Option<Ticked>,
    /// Whether it fits its device.
    pub fit: Fit,
    /// Its energy.
    pub energy: Energy,
    /// Against the embedded processor.
    pub comparison: Comparison,
    /// A measured speed in samples per second, and the accelerator's over it.
    pub measured: Option<(f64, f64)>,
    /// What limits it.
    pub roofline: Roofline,
    /// The published count, if this is the published network and schedule.
    pub published: Option<Published>,
}

/// The published count beside the trainer's step.
pub struct Published {
    /// The table for this array.
    pub table: Table,
    /// Cycles of the published operations on this very machine.
    pub cycles_here: u64,
    /// Operations of the trainer's sample that the published count lacks, with their cycles.
    pub added: Vec<(String, u64)>,
    /// Published operations that the trainer's sample lacks, with their cycles.
    pub left_out: Vec<(String, u64)>,
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
        let lines: Vec<String> = lines(&found)
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
    let program = step_program(&config, &model);
    let formats = config.fixed_formats();
    let mut machine = args.machine.clone();
    if let Some((lanes, rows)) = args.array {
        machine = machine.with_array(lanes, rows);
    }
    machine.device = args.device.unwrap_or(machine.device);
    machine.validate().map_err(|error| error.to_string())?;
    let step = event::time(&program, &machine, formats).map_err(|error| error.to_string())?;
    let (step, ticked) = match args.engine {
        Engine::Event => (step, None),
        Engine::Tick => {
            let executor = fixed_executor(formats, program.clone(), &model);
            let (ticked_step, ticked) = tick::run(executor, &machine, config.seed, &step)?;
            (ticked_step, Some(ticked))
        }
    };
    let cost = &args.cost;
    Ok(Simulation {
        fit: fit(&program, &machine, formats).map_err(|error| error.to_string())?,
        energy: energy(&step, &program, formats, cost.table(), cost.fpga_factor),
        comparison: compare(
            &step,
            RASPBERRY_PI_3B,
            cost.cpu_efficiency,
            cost.board_watts(),
        )?,
        measured: args
            .measured
            .map(|speed| (speed, against_measured(&step, speed))),
        roofline: roofline(&step, &program, formats),
        published: published(&config, &model.network_shape(), &step, formats)?,
        ranks: model.ranks(),
        engine: args.engine,
        ticked,
        config,
        program,
        formats,
        step,
    })
}

/// The published count, if the network has the published shape and schedule.
fn published(
    config: &RunConfig,
    network: &NetworkShape,
    step: &StepTiming,
    formats: FixedFormats,
) -> Result<Option<Published>, String> {
    let paper = RunConfig::preset(Preset::Paper, Precision::Fixed).shapes();
    if config.schedule != Schedule::Paper || paper.ok().as_ref() != Some(&network.layers) {
        return Ok(None);
    }
    let machine = &step.machine;
    let table = published::table(network, machine.lanes, machine.rows, formats)
        .map_err(|error| error.to_string())?;
    let program = published::step(network);
    let there: Vec<OpTiming> = (0..program.ops.len())
        .map(|op| event::best(&program, op, machine, formats).0)
        .collect();
    let without = |ops: &[OpTiming], others: &[OpTiming]| -> Vec<(String, u64)> {
        ops.iter()
            .filter(|op| others.iter().all(|other| other.name != op.name))
            .map(|op| (op.name.clone(), op.cycles))
            .collect()
    };
    Ok(Some(Published {
        table,
        cycles_here: there.iter().map(|op| op.cycles).sum(),
        added: without(&step.sample, &there),
        left_out: without(&there, &step.sample),
    }))
}

/// Cycles by cause as an object.
fn cycles(tally: &Tally) -> Value {
    let by_cause = CAUSES.map(|cause| (cause.name().into(), json!(tally.of(cause))));
    Value::Object(Map::from_iter(by_cause))
}

/// Shares by cause as an object; of no cycles, none.
fn shares(tally: &Tally) -> Value {
    let all = tally.total().max(1) as f64;
    let share = |cause| json!(tally.of(cause) as f64 / all);
    Value::Object(Map::from_iter(
        CAUSES.map(|cause| (cause.name().into(), share(cause))),
    ))
}

/// Bytes by memory as an object.
fn bytes(traffic: &Traffic) -> Value {
    let bytes = |bits: u64| bits as f64 / 8.0;
    json!({
        "weights": bytes(traffic.weights), "activations": bytes(traffic.activations),
        "accumulators": bytes(traffic.accumulators), "biases": bytes(traffic.biases),
        "state": bytes(traffic.state), "outside": bytes(traffic.outside),
    })
}

/// The objects of `--json`: operations, the total, the published count.
fn lines(found: &Simulation) -> Vec<Value> {
    let Simulation { step, program, .. } = found;
    let mut lines = vec![];
    for (ops, runs) in step.parts() {
        for op in ops {
            let stalls = op
                .tracks()
                .map(|(track, tally)| (tables::stage(track.stage).into(), shares(tally)));
            let moved = traffic(program, op, &step.machine, found.formats);
            lines.push(json!({
                "kind": "operation", "name": op.name, "part": tables::part(op.part), "pass": tables::pass(op.pass),
                "layer": op.layer + 1, "element": op.element, "shape": op.shape, "tiles": op.tiles, "runs": runs,
                "macs": op.counters.macs, "cycles": op.cycles, "beats": op.beats,
                "stalls": stalls.collect::<Map<_, _>>(), "bytes": bytes(&moved), "counters": op.counters,
                "basis": {"counted": ["macs", "tiles", "bytes", "counters"], "modelled": ["cycles", "beats", "stalls"]},
            }));
        }
    }
    lines.push(total(found));
    if let Some(published) = &found.published {
        let mut line = json!({
            "kind": "published", "cycles_on_this_machine": published.cycles_here,
            "sample_cycles": step.sample_cycles(),
            "added_by_the_trainer": named(&published.added), "left_out_by_the_trainer": named(&published.left_out),
            "basis": {
                "published": ["lanes", "rows", "whole", "without_outer", "outer_on_array"],
                "modelled": ["cycles_on_this_machine", "sample_cycles", "added_by_the_trainer", "left_out_by_the_trainer"],
            },
        });
        if let (Value::Object(line), Ok(Value::Object(table))) =
            (&mut line, serde_json::to_value(published.table))
        {
            line.extend(table);
        }
        lines.push(line);
    }
    lines
}

fn named(ops: &[(String, u64)]) -> Value {
    let named = |(name, cycles): &(String, u64)| json!({"name": name, "cycles": cycles});
    ops.iter().map(named).collect()
}

fn total(found: &Simulation) -> Value {
    let Simulation { step, config, .. } = found;
    let batch = step.batch as f64;
    let tracks = TRACKS.iter().zip(step.tallies());
    let tracks = tracks.map(|(track, tally)| (track.name().into(), cycles(&tally)));
    let mut moved = Traffic::default();
    for (ops, runs) in step.parts() {
        for op in ops {
            moved.add_times(
                &traffic(&found.program, op, &step.machine, found.formats),
                runs,
            );
        }
    }
    let mut fit = json!(found.fit);
    fit["fits"] = found.fit.fits().into();
    json!({
        "kind": "total", "engine": found.engine, "tick": found.ticked, "machine": step.machine, "schedule": config.schedule,
        "ranks": found.ranks, "batch": step.batch,
        "bits": {"core": found.formats.core, "activation": found.formats.activation, "gradient": found.formats.gradient},
        "cycles": {
            "per_sample": step.sample_cycles(), "per_batch": step.batch_cycles(), "per_step": step.cycles(),
            "per_sample_with_share": step.cycles() as f64 / batch,
        },
        "seconds": {"per_sample": step.seconds() / batch, "per_step": step.seconds()},
        "tracks": tracks.collect::<Map<_, _>>(), "counters": step.counters(), "bytes": bytes(&moved),
        "fit": fit, "energy": found.energy, "comparison": found.comparison,
        "measured": found.measured.map(|(speed, ratio)| json!({"samples_per_second": speed, "speed_ratio": ratio})),
        "roofline": {
            "peak_macs_per_cycle": found.roofline.peak_macs_per_cycle, "bytes_per_cycle": found.roofline.bytes_per_cycle,
            "ridge": found.roofline.ridge, "whole": found.roofline.whole,
        },
        "basis": {
            "counted": ["counters", "bytes"],
            "modelled": ["cycles", "seconds", "tracks", "fit", "energy", "comparison", "roofline"],
            "published": ["comparison.published_speed_ratio", "comparison.published_energy_ratio"],
            "measured": ["measured.samples_per_second", "tick"],
            "assumed": ["comparison.efficiency", "comparison.board_watts", "fit.device.static_watts"],
        },
    })
}
