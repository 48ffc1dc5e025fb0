//! `railyard explore`: many machines at once, and the best trade-offs among them.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use super::machine::{self, CostOptions};
use super::options::{RunOptions, parse};
use crate::accel::compare::RASPBERRY_PI_3B;
use crate::accel::{Device, Machine, compare, energy, fit, time};
use crate::numeric::grouped;
use crate::program::{Program, Schedule};
use crate::train::config::{BitsConfig, RunConfig};
use crate::train::{Model, step_program};

/// Options of `railyard explore`.
#[derive(Args, Clone, Debug)]
pub struct ExploreArgs {
    #[command(flatten)]
    run: RunOptions,
    /// Take the network at the ranks of this checkpoint, and its configuration
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "network", "ranks", "config"])]
    checkpoint: Option<PathBuf>,
    /// Machines: published, overlapped, streamlined, or JSON files
    #[arg(long, value_delimiter = ',', value_name = "MACHINES", value_parser = machine::machine,
        default_value = "published,overlapped,streamlined")]
    machines: Vec<Machine>,
    /// Arrays: lanes x rows
    #[arg(long, value_delimiter = ',', value_name = "ARRAYS", value_parser = machine::array,
        default_value = "4x4,8x4,8x8,16x4,16x8,16x16,32x8,32x16")]
    arrays: Vec<(usize, usize)>,
    /// Schedules: paper, chain, planned
    #[arg(long, value_delimiter = ',', value_name = "SCHEDULES", value_parser = parse::<Schedule>,
        default_value = "paper,chain,planned", conflicts_with = "schedule")]
    schedules: Vec<Schedule>,
    /// Widths in bits: core/activation/gradient
    #[arg(long, value_delimiter = ',', value_name = "WIDTHS", value_parser = widths,
        default_value = "4/8/16,4/8/8,8/8/16", conflicts_with = "bits")]
    precisions: Vec<[u8; 3]>,
    /// Devices: zu3eg, zynq7020, ecp5-25f, ecp5-45f, ecp5-85f
    #[arg(long, value_delimiter = ',', value_name = "DEVICES", value_parser = machine::device,
        default_value = "zu3eg,zynq7020,ecp5-25f,ecp5-45f,ecp5-85f")]
    devices: Vec<Device>,
    #[command(flatten)]
    cost: CostOptions,
    /// Write every case here, - for standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print one JSON object per case and line instead of the table
    #[arg(long)]
    json: bool,
}

/// Widths such as `4/8/16`; their ranges are checked with the configuration.
fn widths(text: &str) -> Result<[u8; 3], String> {
    let bits: Result<Vec<u8>, _> = text.split('/').map(str::parse).collect();
    bits.ok()
        .and_then(|bits| bits.try_into().ok())
        .ok_or_else(|| {
            "write core/activation/gradient in bits, such as 4/8/16: 2 to 8, 4 to 8 and 4 to 16"
                .into()
        })
}

/// What is timed once: a program on an array, for all devices.
struct Setting<'a> {
    program: &'a Program,
    config: RunConfig,
    machine: &'a Machine,
    array: (usize, usize),
}

/// One machine on one device. MACs and blocks are counted, the rest is modelled.
#[derive(Clone, Debug, Serialize)]
struct Case {
    machine: String,
    lanes: usize,
    rows: usize,
    schedule: Schedule,
    core_bits: u8,
    activation_bits: u8,
    gradient_bits: u8,
    device: Device,
    batch: usize,
    clock_mhz: f64,
    macs_per_step: u64,
    sample_cycles: u64,
    batch_cycles: u64,
    step_cycles: u64,
    seconds_per_sample: f64,
    speed_ratio: f64,
    blocks_used: u64,
    blocks_available: u64,
    block_kbit: u64,
    multipliers_used: u64,
    multipliers_available: u64,
    luts_estimated: u64,
    luts_available: u64,
    joules_per_sample_low: f64,
    joules_per_sample_high: f64,
    fits: bool,
    front: bool,
    overflow: String,
}

/// Sweeps and prints.
pub fn run(args: &ExploreArgs) -> Result<(), String> {
    let piped = args.csv.as_ref().is_some_and(|path| path == Path::new("-"));
    if piped && args.json {
        return Err("--csv - and --json both ask for standard output; name a file".into());
    }
    let (config, model) = machine::network(&args.run, args.checkpoint.as_ref())?;
    let configs = configs(args, &config)?;
    let programs = programs(args, &configs, &model);
    let mut settings = vec![];
    for config in &configs {
        let program = programs.iter().find(|(s, _)| *s == config.schedule);
        let Some((_, program)) = program else {
            continue;
        };
        for machine in &args.machines {
            settings.extend(args.arrays.iter().map(|&array| Setting {
                program,
                config: config.clone(),
                machine,
                array,
            }));
        }
    }
    let mut cases = sweep(args, &settings)?;
    mark_front(&mut cases);
    let text = table(&cases);
    if let Some(path) = &args.csv {
        if piped {
            eprint!("{text}");
            return super::emit(&csv(&cases)?);
        }
        save(path, &csv(&cases)?)?;
    }
    if !args.json {
        return super::emit(&text);
    }
    let mut lines = String::new();
    for case in &cases {
        lines += &serde_json::to_string(case).map_err(|error| error.to_string())?;
        lines.push('\n');
    }
    super::emit(&lines)
}

/// The configuration for each schedule and each precision, checked.
fn configs(args: &ExploreArgs, base: &RunConfig) -> Result<Vec<RunConfig>, String> {
    let schedules = args
        .run
        .schedule
        .map_or_else(|| args.schedules.clone(), |one| vec![one]);
    let bits = base.bits;
    let precisions = match args.run.bits {
        Some(_) => vec![bits],
        None => args
            .precisions
            .iter()
            .map(|&[core, activation, gradient]| BitsConfig {
                core,
                activation,
                gradient,
                master: bits.master.max(core),
            })
            .collect(),
    };
    let mut configs = vec![];
    for &schedule in &schedules {
        for &bits in &precisions {
            let config = RunConfig {
                bits,
                schedule,
                ..base.clone()
            };
            config.validate().map_err(|error| error.to_string())?;
            configs.push(config);
        }
    }
    Ok(configs)
}

/// The training step of each schedule; widths do not change it.
fn programs(args: &ExploreArgs, configs: &[RunConfig], model: &Model) -> Vec<(Schedule, Program)> {
    let mut programs: Vec<(Schedule, Program)> = Vec::with_capacity(args.schedules.len());
    for config in configs {
        if programs.iter().all(|(known, _)| *known != config.schedule) {
            programs.push((config.schedule, step_program(config, model)));
        }
    }
    programs
}

/// All cases in the order of the settings, on all cores.
fn sweep(args: &ExploreArgs, settings: &[Setting]) -> Result<Vec<Case>, String> {
    let bar = progress(settings.len() as u64);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(settings.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(setting) = settings.get(index) else {
                        break;
                    };
                    let cases = cases(args, setting);
                    let failed = cases.is_err();
                    if let Ok(mut found) = found.lock() {
                        found.push((index, cases));
                    }
                    bar.inc(1);
                    if failed {
                        next.store(settings.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut found = found.into_inner().map_err(|error| error.to_string())?;
    found.sort_by_key(|(index, _)| *index);
    let mut all = vec![];
    for (_, cases) in found {
        all.extend(cases?);
    }
    Ok(all)
}

/// One setting on every device.
fn cases(args: &ExploreArgs, setting: &Setting) -> Result<Vec<Case>, String> {
    let Setting {
        program, config, ..
    } = setting;
    let formats = config.fixed_formats();
    let (lanes, rows) = setting.array;
    let mut machine = setting.machine.clone().with_array(lanes, rows);
    let mut step = time(program, &machine, formats).map_err(|error| error.to_string())?;
    let cost = &args.cost;
    let ratio = compare(
        &step,
        RASPBERRY_PI_3B,
        cost.cpu_efficiency,
        cost.board_watts(),
    )?;
    let mut cases = vec![];
    for &device in &args.devices {
        machine.device = device;
        step.machine.device = device;
        let fit = fit(program, &machine, formats).map_err(|error| error.to_string())?;
        let energy = energy(&step, program, formats, cost.table(), cost.fpga_factor);
        cases.push(Case {
            machine: machine.name.clone(),
            lanes,
            rows,
            schedule: config.schedule,
            core_bits: formats.core,
            activation_bits: formats.activation,
            gradient_bits: formats.gradient,
            device,
            batch: step.batch,
            clock_mhz: machine.clock_mhz,
            macs_per_step: step.counters().macs,
            sample_cycles: step.sample_cycles(),
            batch_cycles: step.batch_cycles(),
            step_cycles: step.cycles(),
            seconds_per_sample: ratio.accelerator_seconds,
            speed_ratio: ratio.speed_ratio,
            blocks_used: fit.blocks_used,
            blocks_available: fit.blocks_available,
            block_kbit: fit.device.block_bits / 1024,
            multipliers_used: fit.multipliers_used,
            multipliers_available: fit.multipliers_available,
            luts_estimated: fit.luts_estimated,
            luts_available: fit.luts_available,
            joules_per_sample_low: energy.per_sample.low,
            joules_per_sample_high: energy.per_sample.high,
            fits: fit.fits(),
            front: false,
            overflow: fit.overflow.unwrap_or_default(),
        });
    }
    Ok(cases)
}

/// Marks the cases that fit and that no other that fits beats: in cycles, in bits of block RAM or in
/// energy, and in none of them worse.
fn mark_front(cases: &mut [Case]) {
    let costs = |case: &Case| {
        let ram = case.blocks_used * case.block_kbit;
        (case.step_cycles, ram, case.joules_per_sample_high)
    };
    let all: Vec<_> = cases.iter().filter(|case| case.fits).map(costs).collect();
    for case in cases.iter_mut().filter(|case| case.fits) {
        let own = costs(case);
        let beats = |other: &(u64, u64, f64)| {
            other.0 <= own.0 && other.1 <= own.1 && other.2 <= own.2 && *other != own
        };
        case.front = !all.iter().any(beats);
    }
}

fn table(cases: &[Case]) -> String {
    let fit = cases.iter().filter(|case| case.fits).count();
    let mut front: Vec<&Case> = cases.iter().filter(|case| case.front).collect();
    front.sort_by_key(|case| case.step_cycles);
    let mut out = format!(
        "{} cases, {fit} fit their device, {} are on the front of cycles, block RAM and energy (modelled; what a precision does to accuracy is not part of it)\n",
        cases.len(),
        front.len()
    );
    if front.is_empty() {
        return out;
    }
    let _ = writeln!(
        out,
        "{:<12} {:>7} {:<8} {:<8} {:<9} {:>13} {:>10} {:>12} {:>12} {:>16}",
        "machine",
        "array",
        "schedule",
        "bits",
        "device",
        "cycles/step",
        "ms/sample",
        "block RAM",
        "multipliers",
        "uJ/sample"
    );
    for case in front {
        let _ = writeln!(
            out,
            "{:<12} {:>7} {:<8} {:<8} {:<9} {:>13} {:>10.4} {:>12} {:>12} {:>16}",
            case.machine,
            format!("{}x{}", case.lanes, case.rows),
            name(&case.schedule),
            format!(
                "{}/{}/{}",
                case.core_bits, case.activation_bits, case.gradient_bits
            ),
            case.device.name(),
            grouped(case.step_cycles),
            1e3 * case.seconds_per_sample,
            format!("{} x {}k", case.blocks_used, case.block_kbit),
            case.multipliers_used,
            format!(
                "{:.2} to {:.2}",
                1e6 * case.joules_per_sample_low,
                1e6 * case.joules_per_sample_high
            )
        );
    }
    out
}

/// The name of a value as files spell it.
fn name(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().map(str::to_owned).unwrap_or_default()
}

/// The columns of the CSV, in their order: the fields of a case.
const COLUMNS: [&str; 28] = [
    "machine",
    "lanes",
    "rows",
    "schedule",
    "core_bits",
    "activation_bits",
    "gradient_bits",
    "device",
    "batch",
    "clock_mhz",
    "macs_per_step",
    "sample_cycles",
    "batch_cycles",
    "step_cycles",
    "seconds_per_sample",
    "speed_ratio",
    "blocks_used",
    "blocks_available",
    "block_kbit",
    "multipliers_used",
    "multipliers_available",
    "luts_estimated",
    "luts_available",
    "joules_per_sample_low",
    "joules_per_sample_high",
    "fits",
    "front",
    "overflow",
];

/// All cases with a line of names. A field that holds a comma or a quote is quoted.
fn csv(cases: &[Case]) -> Result<String, String> {
    let mut out = COLUMNS.join(",") + "\n";
    for case in cases {
        let case = serde_json::to_value(case).map_err(|error| error.to_string())?;
        let values = COLUMNS.map(|name| match &case[name] {
            Value::String(text) if text.contains([',', '"', '\n']) => {
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        out += &values.join(",");
        out.push('\n');
    }
    Ok(out)
}

fn save(path: &Path, text: &str) -> Result<(), String> {
    let unwritable = |error: std::io::Error| format!("{}: {error}", path.display());
    // Beside it first, so that an interrupted sweep leaves no half of a file.
    let beside = path.with_extension("partial");
    std::fs::write(&beside, text).map_err(unwritable)?;
    std::fs::rename(&beside, path).map_err(unwritable)
}

fn progress(settings: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(settings);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} settings  {eta} left") {
        bar.set_style(style);
    }
    bar
}
