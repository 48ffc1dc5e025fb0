//! `railyard train`: a run from the command line.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::options::RunOptions;
use super::record::Recorder;
use crate::data::{TrainTest, catalog, split};
use crate::train::config::RunConfig;
use crate::train::metrics::EpochMetrics;
use crate::train::{Advance, Learner, Trainer, propose};

/// Options of `railyard train`.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    #[command(flatten)]
    run: RunOptions,
    /// Threads that share each batch; fixed point gives the same bits with any number
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Measure on this many training images held out instead of on the test set (to choose recipes)
    #[arg(long, value_name = "IMAGES")]
    hold_out: Option<usize>,
    /// Write a checkpoint here after every epoch
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Go on from this checkpoint; its configuration holds
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Keep the whole run here for the page to show: gzipped JSON with epochs, states and answers;
    /// with --out in the same folder the page's drawing pad answers too
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Stop after this many steps of the whole run
    #[arg(long, value_name = "STEPS")]
    stop_after: Option<u64>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Heading of the epochs.
pub const HEADING: &str =
    "epoch       loss    train     test    memory  ranks                    samples/s";

/// Seconds since the process began.
pub fn clock() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Trains.
pub fn run(args: &TrainArgs) -> Result<(), String> {
    let (mut trainer, sets) = start(&args.run, args.resume.as_deref(), args.hold_out)?;
    let mut recorder = args
        .record
        .is_some()
        .then(|| Recorder::new(&trainer, sets.class_names.clone(), &sets.train, &sets.test));
    trainer.set_clock(clock);
    match trainer.program_mut() {
        Some(trainer) => trainer.set_threads(args.threads),
        None if args.threads > 1 => {
            eprintln!("railyard: a method's network trains on one thread; --threads is not used");
        }
        None => {}
    }
    let steps = trainer.steps_per_epoch();
    let bar = progress(args.json, steps);
    if !args.json {
        say!("{HEADING}")?;
    }
    loop {
        match trainer.advance() {
            Advance::Step(step) => {
                bar.set_position((step.step - 1) % steps + 1);
                bar.set_message(format!("epoch {}  loss {:.3}", step.epoch, step.loss));
                if let Some(recorder) = &mut recorder {
                    recorder.step(&step);
                }
                if args.stop_after.is_some_and(|stop| step.step >= stop) {
                    break;
                }
            }
            Advance::Evaluating { .. } => {}
            Advance::Epoch(epoch) => {
                bar.suspend(|| print(&epoch, args.json))?;
                if let Some(recorder) = &mut recorder {
                    recorder.epoch(&epoch, &trainer);
                }
                if let Some(path) = &args.out {
                    save(path, &trainer.checkpoint())?;
                }
            }
            Advance::Finished => break,
        }
    }
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        save(path, &trainer.checkpoint())?;
    }
    if let (Some(recorder), Some(path)) = (recorder, &args.record) {
        recorder.finish(&mut trainer, &sets.test, path, args.out.as_deref())?;
    }
    Ok(())
}

/// A data set; of the training images so many are held out and take the test set's place.
pub fn open(name: &str, hold_out: Option<usize>) -> Result<TrainTest, String> {
    let sets = catalog::open(name).map_err(|error| error.to_string())?;
    let Some(count) = hold_out else {
        return Ok(sets);
    };
    if count == 0 || count >= sets.train.len() {
        return Err(format!(
            "--hold-out {count}: choose 1 to {} images",
            sets.train.len() - 1
        ));
    }
    let (train, test) = split::hold_out(&sets.train, count);
    Ok(TrainTest {
        train,
        test,
        class_names: sets.class_names,
    })
}

/// The run that the options describe, or that goes on from a checkpoint, with its data; of the training
/// images so many are held out.
pub fn start(
    run: &RunOptions,
    resume: Option<&Path>,
    hold_out: Option<usize>,
) -> Result<(Learner, TrainTest), String> {
    if let Some(path) = resume {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let config: RunConfig =
            Trainer::peek(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        if *run != RunOptions::default() && run.config()? != config {
            eprintln!(
                "railyard: the settings in {} hold for the resumed run; options that differ from them are not used",
                path.display()
            );
        }
        let sets = open(&config.data, hold_out)?;
        let trainer = Learner::resume(&bytes, sets.train.clone(), sets.test.clone());
        return Ok((
            trainer.map_err(|error| format!("{}: {error}", path.display()))?,
            sets,
        ));
    }
    let fit = run.network.as_deref() == Some("fit");
    let mut run = run.clone();
    if fit {
        run.network = None;
    }
    // Ranks are of the network that is fitted.
    let ranks = if fit { run.ranks.take() } else { None };
    let mut config = run.config()?;
    let sets = open(&config.data, hold_out)?;
    if fit {
        let (set, classes) = (&sets.train, sets.class_names.len());
        let network = propose::propose(set.height, set.width, classes);
        run.network = Some(serde_json::to_string(&network).map_err(|error| error.to_string())?);
        run.ranks = ranks;
        config = run.config()?;
    }
    let trainer = Learner::new(config, sets.train.clone(), sets.test.clone())
        .map_err(|error| error.to_string())?;
    Ok((trainer, sets))
}

/// As [`start`], for runs that go on where a Program is needed.
pub fn start_program(
    run: &RunOptions,
    resume: Option<&Path>,
    hold_out: Option<usize>,
) -> Result<(Trainer, TrainTest), String> {
    let (learner, sets) = start(run, resume, hold_out)?;
    let trainer = learner.into_program().map_err(|error| error.to_string())?;
    Ok((trainer, sets))
}

/// Prints an epoch under [`HEADING`], or as an object.
pub fn print(epoch: &EpochMetrics, json: bool) -> Result<(), String> {
    if json {
        say!(
            "{}",
            serde_json::to_string(epoch).map_err(|error| error.to_string())?
        )?;
        return Ok(());
    }
    let ranks: Vec<String> = epoch
        .ranks
        .iter()
        .map(|layer| {
            layer
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join(",")
        })
        .collect();
    say!(
        "{:>5} {:>10.4} {:>7.2}% {:>7.2}% {:>8.1}x  {:<24} {:.0}",
        epoch.epoch,
        epoch.train_loss,
        100.0 * epoch.train_accuracy,
        100.0 * epoch.test_accuracy,
        epoch.memory_reduction,
        ranks.join(" / "),
        epoch.samples_per_second
    )?;
    Ok(())
}

/// Writes beside the file first, so that a checkpoint is never half written.
pub fn save(path: &Path, checkpoint: &[u8]) -> Result<(), String> {
    let unwritable = |error: std::io::Error| format!("{}: {error}", path.display());
    let beside = path.with_extension("partial");
    std::fs::write(&beside, checkpoint).map_err(unwritable)?;
    std::fs::rename(&beside, path).map_err(unwritable)
}

/// A bar over the steps of an epoch, where someone sees it.
pub fn progress(json: bool, steps: u64) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {msg}  {eta} left in epoch")
    {
        bar.set_style(style);
    }
    bar
}
