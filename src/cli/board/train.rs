//! `railyard board train`: a run on a board.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::host::Host;
use super::port::PortOptions;
use crate::accel::Machine;
use crate::cli::options::RunOptions;
use crate::cli::{emit, machine, train};
use crate::link::run::{BoardNeeds, BoardRun, Happened, StepTime};
use crate::link::time::LinkTime;
use crate::numeric::grouped;
use crate::train::metrics::StepMetrics;
use crate::train::{Advance, Trainer};

/// Options of `railyard board train`.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    #[command(flatten)]
    port: PortOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Take so many steps [default: to the end of the run]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Steps from one check to the next: with 1 the simulator takes every step too; with more the words
    /// are read back after so many
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 1)]
    check: u32,
    /// Machine for a board that takes any: published, overlapped, streamlined, or a JSON file
    #[arg(long, value_name = "MACHINE", value_parser = machine::machine, default_value = "published")]
    machine: Machine,
    /// Go on from this checkpoint; its configuration holds
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Write the last verified checkpoint here, from time to time and at the end, whatever the end is
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the newest 20,000 frames that passed here, as JSON lines
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Time between two checkpoints of a run that goes well.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Times of all steps, added up.
#[derive(Default)]
struct Times {
    steps: u64,
    last: u64,
    measured: f64,
    computed: f64,
    link: f64,
}

impl Times {
    /// Adds those steps that were not added before.
    fn add<'a>(&mut self, times: impl Iterator<Item = &'a StepTime>) {
        for time in times {
            if time.step > self.last {
                self.last = time.step;
                self.steps += 1;
                self.measured += time.measured;
                self.computed += time.computed;
                self.link += time.link;
            }
        }
    }

    /// Milliseconds a step, and the share of the measured time.
    fn each(&self, milliseconds: f64) -> (f64, f64) {
        let share = milliseconds / self.measured.max(f64::MIN_POSITIVE);
        (milliseconds / self.steps.max(1) as f64, share)
    }
}

/// A run on a board, with what is told of it.
struct Course<'a> {
    args: &'a TrainArgs,
    trainer: Trainer,
    /// Steps taken when it ends.
    to: u64,
    run: BoardRun,
    times: Times,
    bar: indicatif::ProgressBar,
    saved: Instant,
}

/// Trains.
///
/// # Errors
/// If the board is lost or at fault: what is kept is told.
pub fn run(args: &TrainArgs) -> Result<(), String> {
    let (mut trainer, _) = train::start_program(&args.run, args.resume.as_deref(), None)?;
    trainer.set_clock(train::clock);
    let from = trainer.step();
    let to = match args.steps {
        Some(steps) => from.saturating_add(steps).min(trainer.total_steps()),
        None => trainer.total_steps(),
    };
    if from >= to {
        return Err(format!(
            "the run is over: {from} steps are taken, and no more are to come"
        ));
    }
    let mut host = Host::open(&args.port)?;
    let mut run = BoardRun::new(args.check, Some(args.machine.clone()));
    if let Some(board) = host.session.capabilities() {
        if let Some(reason) = BoardNeeds::of(&trainer, board).reason {
            return Err(reason);
        }
        run.set_line(LinkTime {
            baud: args.port.baud(),
            delay: 0.0,
            window: usize::from(board.window),
        });
        if !args.json {
            eprintln!("railyard: {} steps on {}", to - from, board.device);
        }
    }
    let mut course = Course {
        args,
        trainer,
        to,
        run,
        times: Times::default(),
        bar: train::progress(args.json, to),
        saved: Instant::now(),
    };
    let ended = course.drive(&mut host);
    course.bar.finish_and_clear();
    if let Some(path) = &args.log {
        let log = host.session.log().save();
        std::fs::write(path, log).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let kept = course.keep()?;
    ended.map_err(|fault| format!("{fault}\n{kept}"))?;
    course.sum_up(from)
}

impl Course<'_> {
    /// Trains until the end or a fault.
    fn drive(&mut self, host: &mut Host) -> Result<(), String> {
        let mut heading = !self.args.json;
        self.run.go();
        loop {
            // A check is due at the last step at the latest.
            let left = self.to - self.trainer.step().min(self.to);
            let check = u64::from(self.args.check).min(left.max(1));
            self.run.set_check(check as u32);
            // After the last step of an epoch the test set is still to come.
            if left == 0 && !self.trainer.evaluation_due() {
                self.run.pause();
            }
            let (run, trainer) = (&mut self.run, &mut self.trainer);
            let mut happened = Ok(None);
            host.turn(|session, now| {
                happened = run.advance(trainer, session, now);
                run.due().is_some_and(|due| due <= now)
            });
            self.times.add(self.run.times());
            match happened.map_err(|fault| fault.to_string())? {
                Some(Happened::Step(step)) => self.step(&step)?,
                Some(Happened::Test(Advance::Epoch(epoch))) => {
                    if std::mem::take(&mut heading) {
                        emit(&format!("{}\n", train::HEADING))?;
                    }
                    self.bar.suspend(|| train::print(&epoch, self.args.json))?;
                    self.save()?;
                }
                Some(Happened::Finished | Happened::Stands) => return Ok(()),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: &StepMetrics) -> Result<(), String> {
        self.bar.set_position(step.step);
        self.bar
            .set_message(format!("epoch {}  loss {:.3}", step.epoch, step.loss));
        if self.args.json {
            let line = serde_json::to_string(step).map_err(|error| error.to_string())?;
            emit(&format!("{line}\n"))?;
        }
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), String> {
        self.saved = Instant::now();
        match &self.args.out {
            Some(path) => train::save(path, &self.trainer.checkpoint()),
            None => Ok(()),
        }
    }

    /// Writes the checkpoint, and says what is kept.
    fn keep(&mut self) -> Result<String, String> {
        self.save()?;
        let step = self.trainer.step();
        Ok(match &self.args.out {
            Some(path) => format!(
                "kept: the checkpoint after step {step}, the last one verified, in {0}; go on from it with `--resume {0}`, here or with `railyard train`",
                path.display()
            ),
            None => format!(
                "step {step} was the last one verified; nothing is kept without `--out FILE`"
            ),
        })
    }

    /// Prints where the run ended and where its time went.
    fn sum_up(&self, from: u64) -> Result<(), String> {
        let (times, step) = (&self.times, self.trainer.step());
        let checksum = self.trainer.checksum();
        let (measured, _) = times.each(times.measured);
        let (computed, computing) = times.each(times.computed);
        let (link, linking) = times.each(times.link);
        if self.args.json {
            let ended: Value = json!({
                "finished": step, "steps": step - from, "checksum": checksum,
                "milliseconds_per_step": {"measured": measured, "cycles": computed, "link": link},
                "shares": {"cycles": computing, "link": linking},
            });
            return emit(&format!("{ended}\n"));
        }
        let told = match self.args.port.baud() {
            0 => String::new(),
            baud => format!(
                ", the bytes on a line of {} bits/s {link:.2} ms ({:.0} %); both may go on at once",
                grouped(baud.into()),
                100.0 * linking
            ),
        };
        emit(&format!(
            "step {}, checksum {checksum}\n\
             {measured:.2} ms a step measured; the board's cycles at its clock are {computed:.2} ms \
             ({:.0} %){told}\n",
            grouped(step),
            100.0 * computing,
        ))
    }
}
