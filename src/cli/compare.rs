//! `railyard compare`: several configurations with several seeds, trained and costed into one table.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, Parser};

use super::machine::{self, CostOptions};
use super::options::{RunOptions, numbers};
use super::train::{clock, open};
use crate::accel::Machine;
use crate::compare::{Comparison, Cost, Point, Row, SeedRun, VERSION, front};
use crate::data::TrainTest;
use crate::methods::ALL;
use crate::numeric::grouped;
use crate::train::config::RunConfig;
use crate::train::{Advance, Learner};

/// Options of `railyard compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// A row: options of `railyard train` that describe a run, and --label NAME; may be given again and again
    #[arg(long = "run", value_name = "OPTIONS", allow_hyphen_values = true)]
    runs: Vec<String>,
    /// Rows from a file, one a line; lines that begin with # are remarks
    #[arg(long, value_name = "FILE")]
    runs_from: Option<PathBuf>,
    /// Data of all rows
    #[arg(long, default_value = "fashion-mnist-subset")]
    data: String,
    /// Passes over the training set of all rows [default: each row's own]
    #[arg(long)]
    epochs: Option<u32>,
    /// Seeds of every row
    #[arg(long, default_value = "1")]
    seeds: String,
    /// Runs at the same time, each on one thread [default: one for every processor]
    #[arg(long)]
    jobs: Option<usize>,
    /// Measure on this many training images held out instead of on the test set (to choose recipes)
    #[arg(long, value_name = "IMAGES")]
    hold_out: Option<usize>,
    /// Machine whose model costs the rows: published, overlapped, streamlined, or a file
    #[arg(long, default_value = "streamlined", value_parser = machine::machine)]
    machine: Machine,
    #[command(flatten)]
    cost: CostOptions,
    /// Write the comparison here, for the page to show
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep the rows that the file of --out has of the same options, data, seeds and machine; train the others
    #[arg(long, requires = "out")]
    keep: bool,
    /// List the methods and what can be chosen of each
    #[arg(long)]
    list: bool,
    /// Print one JSON object per row
    #[arg(long)]
    json: bool,
}

/// A row as it is asked for.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Asked {
    /// Its name in the table
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    run: RunOptions,
}

/// A row to be trained: its name, its options, its configuration.
struct Wanted {
    label: String,
    options: String,
    config: RunConfig,
}

/// Compares.
pub fn run(args: &CompareArgs) -> Result<(), String> {
    if args.list {
        return super::emit(&list());
    }
    let wanted = wanted(args)?;
    let seeds: Vec<u32> = numbers("--seeds", &args.seeds)?;
    let sets = open(&args.data, args.hold_out)?;
    let kept = kept(args, &seeds)?;
    let known = |wanted: &Wanted| {
        let same = |row: &&Row| {
            let config = RunConfig {
                seed: row.config.seed,
                ..wanted.config.clone()
            };
            row.label == wanted.label && row.options == wanted.options && row.config == config
        };
        kept.iter().find(same).cloned()
    };
    let known: Vec<Option<Row>> = wanted.iter().map(known).collect();
    let missing = wanted.into_iter().zip(&known);
    let missing = missing.filter_map(|(wanted, known)| known.is_none().then_some(wanted));
    let missing: Vec<Wanted> = missing.collect();
    let mut trained = train(args, &missing, &seeds, &sets)?.into_iter();
    let rows = known
        .into_iter()
        .filter_map(|known| known.or_else(|| trained.next()));
    let rows = rows.collect();
    let comparison = Comparison {
        version: VERSION,
        data: args.data.clone(),
        machine: args.machine.name.clone(),
        energy_table: args.cost.table().name.into(),
        rows,
    };
    if let Some(path) = &args.out {
        let text = serde_json::to_string(&comparison).map_err(|error| error.to_string())?;
        std::fs::write(path, text + "\n")
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if args.json {
        let lines: Result<Vec<String>, _> =
            comparison.rows.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(|error| error.to_string())?;
        return super::emit(&(lines.join("\n") + "\n"));
    }
    super::emit(&table(&comparison))
}

/// The rows of the file that is to be written, as far as they are of these seeds, this data and this machine.
fn kept(args: &CompareArgs, seeds: &[u32]) -> Result<Vec<Row>, String> {
    let Some(path) = args.out.as_ref().filter(|path| args.keep && path.exists()) else {
        return Ok(Vec::new());
    };
    let wrong = |error: String| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let file: Comparison = crate::json::read(&bytes).map_err(|error| wrong(error.to_string()))?;
    let same = file.version == VERSION
        && file.data == args.data
        && file.machine == args.machine.name
        && file.energy_table == args.cost.table().name;
    if !same {
        let message = "its rows are of another version, other data or another machine; without --keep it is written anew";
        return Err(wrong(message.into()));
    }
    let of_seeds = |row: &Row| {
        row.runs
            .iter()
            .map(|run| run.seed)
            .eq(seeds.iter().copied())
    };
    Ok(file.rows.into_iter().filter(of_seeds).collect())
}

/// The methods with their knobs.
fn list() -> String {
    let mut text = String::new();
    for method in ALL {
        let _ = writeln!(text, "{:<14} {}", method.name(), method.title());
        for knob in method.knobs() {
            let (name, title, accepted) = (knob.name, knob.title, knob.accepted);
            let _ = writeln!(
                text,
                "  {name:<12} {title}: {accepted} [default: {}]",
                knob.default
            );
        }
    }
    text
}

/// The rows that the options ask for, each checked.
fn wanted(args: &CompareArgs) -> Result<Vec<Wanted>, String> {
    let mut texts = args.runs.clone();
    if let Some(path) = &args.runs_from {
        let file = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = file.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        texts.extend(lines.map(str::to_owned));
    }
    if texts.is_empty() {
        return Err("nothing to compare: give at least one --run or --runs-from".into());
    }
    texts
        .into_iter()
        .map(|options| row(args, options))
        .collect()
}

fn row(args: &CompareArgs, options: String) -> Result<Wanted, String> {
    let in_row = |error: String| format!("--run \"{options}\": {error}");
    let asked = Asked::try_parse_from(options.split_whitespace());
    let asked = asked.map_err(|error| in_row(error.to_string()))?;
    let mut config = asked.run.config().map_err(in_row)?;
    config.data.clone_from(&args.data);
    if let Some(epochs) = args.epochs {
        config.epochs = epochs;
    }
    config
        .validate()
        .map_err(|error| in_row(error.to_string()))?;
    let label = asked.label.unwrap_or_else(|| match &config.method {
        None => "tensor train".into(),
        Some(method) => {
            let knobs = method
                .knobs
                .iter()
                .map(|(name, value)| format!(" {name} {value}"));
            method.name.clone() + &knobs.collect::<String>()
        }
    });
    Ok(Wanted {
        label,
        options,
        config,
    })
}

/// Trains every row with every seed.
fn train(
    args: &CompareArgs,
    wanted: &[Wanted],
    seeds: &[u32],
    sets: &TrainTest,
) -> Result<Vec<Row>, String> {
    let total = wanted.len() * seeds.len();
    let bar = super::train::progress(args.json, total as u64);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(processors).clamp(1, total.max(1));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        break;
                    }
                    let (row, seed) = (&wanted[number / seeds.len()], seeds[number % seeds.len()]);
                    let outcome = train_one(args, row, seed, sets);
                    bar.suspend(|| tell(row, seed, &outcome));
                    bar.inc(1);
                    if outcome.is_err() {
                        next.store(total, Ordering::Relaxed);
                    }
                    if let Ok(mut done) = done.lock() {
                        done.push((number, outcome));
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut done = done.into_inner().map_err(|error| error.to_string())?;
    done.sort_by_key(|(number, _)| *number);
    let mut outcomes = Vec::new();
    for (_, outcome) in done {
        outcomes.push(outcome?);
    }
    let mut outcomes = outcomes.into_iter();
    let rows = wanted.iter().map(|wanted| {
        let runs: Vec<(SeedRun, Cost)> = outcomes.by_ref().take(seeds.len()).collect();
        Row {
            label: wanted.label.clone(),
            options: wanted.options.clone(),
            config: RunConfig {
                seed: seeds[0],
                ..wanted.config.clone()
            },
            cost: runs[0].1,
            runs: runs.into_iter().map(|(run, _)| run).collect(),
        }
    });
    Ok(rows.collect())
}

/// What is said of a run that ended.
fn tell(row: &Wanted, seed: u32, outcome: &Result<(SeedRun, Cost), String>) {
    if let Ok((run, _)) = outcome {
        let accuracy = 100.0 * run.accuracy();
        eprintln!(
            "{:<32} seed {seed}  {accuracy:.2}%  {:.0} s",
            row.label,
            clock()
        );
    }
}

/// Trains a row with one seed.
fn train_one(
    args: &CompareArgs,
    row: &Wanted,
    seed: u32,
    sets: &TrainTest,
) -> Result<(SeedRun, Cost), String> {
    let config = RunConfig {
        seed,
        ..row.config.clone()
    };
    let in_row = |error: String| format!("--run \"{}\": {error}", row.options);
    let learner = Learner::new(config, sets.train.clone(), sets.test.clone());
    let mut learner = learner.map_err(|error| in_row(error.to_string()))?;
    let mut epochs = Vec::new();
    loop {
        match learner.advance() {
            Advance::Epoch(epoch) => epochs.push(Point::from(&epoch)),
            Advance::Finished => break,
            Advance::Step(_) | Advance::Evaluating { .. } => {}
        }
    }
    let cost = Cost::of(&learner, &args.machine, args.cost.table()).map(|(cost, _)| cost);
    let cost = cost.ok_or_else(|| in_row("its network cannot be costed".into()))?;
    let checksum = learner.checksum();
    let run = SeedRun {
        seed,
        epochs,
        checksum,
    };
    Ok((run, cost))
}

/// The table; rows that no other beats in accuracy and memory are marked.
fn table(comparison: &Comparison) -> String {
    let rows = &comparison.rows;
    let points: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| {
            let accuracy = row.accuracy().map_or(0.0, |range| range.mean);
            (accuracy, row.cost.parameter_bits as f64)
        })
        .collect();
    let mut text = format!(
        "{:<34} {:>7} {:>15} {:>11} {:>8} {:>12} {:>11} {:>10}\n",
        "", "test", "least to most", "bits", "memory", "multiplies", "cycles", "uJ"
    );
    for (row, front) in rows.iter().zip(front(&points)) {
        let Some(range) = row.accuracy() else {
            continue;
        };
        let cost = &row.cost;
        let between = format!(
            "{:.2} to {:.2}%",
            100.0 * range.least,
            100.0 * range.greatest
        );
        let _ = writeln!(
            text,
            "{} {:<32} {:>6.2}% {between:>15} {:>11} {:>7.1}x {:>12} {:>11} {:>10.3}",
            if front { '*' } else { ' ' },
            row.label,
            100.0 * range.mean,
            grouped(cost.parameter_bits),
            cost.dense_bits as f64 / cost.parameter_bits.max(1) as f64,
            grouped(cost.work.multiplies),
            grouped(cost.inference.cycles),
            cost.inference.microjoules,
        );
    }
    let _ = writeln!(
        text,
        "* no other row has as much accuracy in as little memory. Accuracy is measured on {}; bits, memory and \
         multiplies (of one forward pass) are counted; cycles and energy are modelled on {} with {}.",
        comparison.data, comparison.machine, comparison.energy_table
    );
    text
}
