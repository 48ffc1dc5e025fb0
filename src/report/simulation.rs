//! A training step on a modelled accelerator: cycles, stalls, bytes, fit, energy and comparisons.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tick::{self, Clock, Ticked};
use super::{part, pass, stage};
use crate::accel::compare::{DEFAULT_EFFICIENCY, RASPBERRY_PI_3B, against_measured};
use crate::accel::energy::{EnergyTable, TABLES};
use crate::accel::published::{self, Table};
use crate::accel::timing::{CAUSES, OpTiming, StepTiming, TRACKS, Tally};
use crate::accel::traffic::traffic;
use crate::accel::{
    Comparison, Device, Energy, Fit, Machine, Roofline, Traffic, compare, energy, event, fit,
    roofline,
};
use crate::exec::fixed::FixedFormats;
use crate::program::{NetworkShape, Program, Schedule};
use crate::train::config::{Precision, Preset, RunConfig};
use crate::train::{Model, fixed_executor, step_program};

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

/// What stands beside the cycles.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Energy per event.
    pub table: EnergyTable,
    /// Whether the energy of what happens on chip is multiplied by 14, FPGA over standard cells.
    pub fpga_factor: bool,
    /// Share of the embedded processor's peak that training is assumed to reach there.
    pub cpu_efficiency: f64,
    /// Power of the accelerator's board in watts.
    pub board_watts: f64,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            table: TABLES[0],
            fpga_factor: false,
            cpu_efficiency: DEFAULT_EFFICIENCY,
            board_watts: RASPBERRY_PI_3B.implied_board_watts(),
        }
    }
}

/// What is simulated, beside the network.
#[derive(Clone, Debug)]
pub struct Options {
    /// The machine.
    pub machine: Machine,
    /// The engine that times the step.
    pub engine: Engine,
    /// What stands beside the cycles.
    pub cost: Cost,
    /// A measured speed in samples per second to compare with.
    pub measured: Option<f64>,
}

/// A share of a processor's peak.
///
/// # Errors
/// If it is not above 0 and up to 1.
pub fn share(share: f64) -> Result<f64, String> {
    within(share, 1.0, "choose a share of the peak above 0 and up to 1")
}

/// A board's power.
///
/// # Errors
/// If it is not above 0 and up to 1000 W.
pub fn watts(watts: f64) -> Result<f64, String> {
    within(watts, 1000.0, "choose above 0 and up to 1000 W")
}

/// A speed in samples per second.
///
/// # Errors
/// If it is not above 0.
pub fn speed(speed: f64) -> Result<f64, String> {
    within(speed, 1e12, "choose samples per second above 0")
}

fn within(number: f64, most: f64, accepted: &str) -> Result<f64, String> {
    if number > 0.0 && number <= most {
        return Ok(number);
    }
    Err(accepted.into())
}

/// Energies per event by the name of their table.
///
/// # Errors
/// If there is none of this name, with those there are.
pub fn table(name: &str) -> Result<EnergyTable, String> {
    let names = TABLES.map(|table| table.name);
    EnergyTable::named(name).ok_or_else(|| format!("known tables are {}", names.join(" and ")))
}

/// A device by its name.
///
/// # Errors
/// If there is none of this name, with those there are.
pub fn device(name: &str) -> Result<Device, String> {
    let names = Device::ALL.map(Device::name).join(", ");
    Device::named(name).ok_or_else(|| format!("known devices are {names}"))
}

impl Options {
    /// Options from an object; what it does not name is as on the command line. `machine` is a preset's name or
    /// a whole machine.
    ///
    /// # Errors
    /// The first field at fault, with what is accepted.
    pub fn read(given: &Value) -> Result<Self, String> {
        let fields = given
            .as_object()
            .ok_or("the options are no object with names and values")?;
        let mut options = Self {
            machine: Machine::published(),
            engine: Engine::Event,
            cost: Cost::default(),
            measured: None,
        };
        // The machine first: the array and the device change it.
        if let Some(machine) = fields.get("machine") {
            options.machine = match machine.as_str() {
                Some(name) => super::machine::named(name),
                None => super::machine::read(&machine.to_string()),
            }
            .map_err(|error| format!("machine: {error}"))?;
        }
        for (name, value) in fields {
            options
                .take(name, value)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let number = || value.as_f64().unwrap_or(f64::NAN);
        let text = || value.as_str().unwrap_or_default();
        let (machine, cost) = (&mut self.machine, &mut self.cost);
        match name {
            "machine" => {}
            "array" => {
                let (lanes, rows) = serde_json::from_value(value.clone())
                    .map_err(|_| "write [lanes, rows], each 1 to 256, such as [16, 8]")?;
                super::machine::array(lanes, rows)?;
                *machine = machine.clone().with_array(lanes, rows);
            }
            "device" => machine.device = device(text())?,
            "engine" => {
                self.engine = serde_json::from_value(value.clone())
                    .map_err(|_| "known engines are event and tick")?;
            }
            "cpu_efficiency" => cost.cpu_efficiency = share(number())?,
            "board_watts" => cost.board_watts = watts(number())?,
            "energy_table" => cost.table = table(text())?,
            "fpga_factor" => cost.fpga_factor = value.as_bool().ok_or("choose true or false")?,
            "measured" => self.measured = Some(speed(number())?),
            _ => {
                return Err("there is no such option; machine, array, device, engine, cpu_efficiency, board_watts, \
                     energy_table, fpga_factor and measured are accepted"
                    .into());
            }
        }
        Ok(())
    }
}

/// Times a step of a network; the tick engine takes a clock to say how fast it was.
///
/// # Errors
/// If the machine is not sound, or the step does not run on it.
pub fn simulate(
    (config, model): (RunConfig, &Model),
    options: &Options,
    clock: Clock,
) -> Result<Simulation, String> {
    let Options { machine, cost, .. } = options;
    machine.validate().map_err(|error| error.to_string())?;
    let program = step_program(&config, model);
    let formats = config.fixed_formats();
    let step = event::time(&program, machine, formats).map_err(|error| error.to_string())?;
    let (step, ticked) = match options.engine {
        Engine::Event => (step, None),
        Engine::Tick => {
            let executor = fixed_executor(formats, program.clone(), model);
            let (ticked_step, ticked) = tick::run(executor, machine, config.seed, &step, clock)?;
            (ticked_step, Some(ticked))
        }
    };
    Ok(Simulation {
        fit: fit(&program, machine, formats).map_err(|error| error.to_string())?,
        energy: energy(&step, &program, formats, cost.table, cost.fpga_factor),
        comparison: compare(
            &step,
            RASPBERRY_PI_3B,
            cost.cpu_efficiency,
            cost.board_watts,
        )?,
        measured: options
            .measured
            .map(|speed| (speed, against_measured(&step, speed))),
        roofline: roofline(&step, &program, formats),
        published: published(&config, &model.network_shape(), &step, formats)?,
        ranks: model.ranks(),
        engine: options.engine,
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

/// Its objects: operations, the total, the published count.
#[must_use]
pub fn lines(found: &Simulation) -> Vec<Value> {
    let Simulation { step, program, .. } = found;
    let mut lines = vec![];
    for (ops, runs) in step.parts() {
        for op in ops {
            let stalls = op
                .tracks()
                .map(|(track, tally)| (stage(track.stage).into(), shares(tally)));
            let moved = traffic(program, op, &step.machine, found.formats);
            lines.push(json!({
                "kind": "operation", "name": op.name, "part": part(op.part), "pass": pass(op.pass),
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
