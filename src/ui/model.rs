//! Everything the page shows, as one value; [`Model::apply`] takes in what the worker reports.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use super::accel::setup::Accel;
use super::board_state::BoardState;
use super::draft::Draft;
use super::hide::Hidden;
use super::learn::step::Step;
use super::link::Tab;
use crate::train::config::RunConfig;
use crate::train::metrics::{EpochMetrics, Snapshot, StepMetrics};
use crate::train::record::RunRecord;
use crate::train::speed::Speed;
use crate::worker::message::{
    Answer, DataInfo, Event, Position, Progress, RunId, SampleImage, WorkerSpeed,
};

/// What the page is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A recorded run is shown; nothing trains.
    Example,
    /// Data or a network is being made ready.
    Preparing,
    /// A network stands ready, untrained.
    Ready,
    /// The worker trains.
    Running,
    /// Training stands still and can go on.
    Paused,
    /// The visitor ended the run; its network can still be tried and saved.
    Stopped,
    /// Every epoch was trained.
    Finished,
    /// The worker could not be kept alive.
    Failed,
}

/// A sentence for the visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether something went wrong.
    pub fault: bool,
    /// What happened and what can be done.
    pub text: String,
}

/// Where the data set of the draft stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DataState {
    /// Not asked for yet.
    #[default]
    Absent,
    /// On its way; the total is not always known.
    Fetching {
        /// Its name.
        name: String,
        /// Bytes received.
        received: u64,
        /// Bytes in all.
        total: Option<u64>,
    },
    /// Pictures, being decoded.
    Decoding {
        /// Files done.
        done: usize,
        /// Files in all.
        total: usize,
    },
    /// In the worker, being read.
    Reading {
        /// Its name.
        name: String,
    },
    /// In the worker.
    Loaded(DataInfo),
    /// Not to be had.
    Failed {
        /// Its name.
        name: String,
        /// What was wrong and what is accepted.
        message: String,
    },
}

/// The state of the training worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Not heard of yet.
    Starting,
    /// Listening.
    Ready,
}

/// The curves of a run. Shared and appended to, so equality is that of place and revision.
#[derive(Clone, Debug, Default)]
pub struct History {
    curves: Rc<RefCell<Curves>>,
    revision: u64,
}

/// What a [`History`] holds.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    /// Steps in order.
    pub steps: Vec<StepMetrics>,
    /// Epochs in order.
    pub epochs: Vec<EpochMetrics>,
}

impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.curves, &other.curves) && self.revision == other.revision
    }
}

impl History {
    /// Read the curves.
    #[must_use]
    pub fn curves(&self) -> Ref<'_, Curves> {
        self.curves.borrow()
    }

    /// Change the curves.
    pub fn change(&mut self, change: impl FnOnce(&mut Curves)) {
        change(&mut self.curves.borrow_mut());
        self.revision += 1;
    }
}

/// Whose run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No run yet.
    Nothing,
    /// The recorded example.
    Example,
    /// The visitor's own, trained here.
    Live,
}

/// The run that is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Whose it is.
    pub origin: Origin,
    /// Its configuration.
    pub config: Rc<RunConfig>,
    /// Names of the classes.
    pub classes: Rc<[String]>,
    /// Training and test images.
    pub images: (usize, usize),
    /// Rows and columns of an image.
    pub size: (usize, usize),
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// Where it stands.
    pub position: Position,
    /// Its curves.
    pub history: History,
    /// Its cores, bonds and memory.
    pub snapshot: Option<Rc<Snapshot>>,
    /// Steps taken when the snapshot was.
    pub snapshot_step: u64,
    /// Some test images.
    pub samples: Rc<[SampleImage]>,
    /// The network's answers for them.
    pub answers: Rc<[Answer]>,
}

impl View {
    /// No run.
    #[must_use]
    pub fn nothing(config: &RunConfig) -> Self {
        Self {
            origin: Origin::Nothing,
            config: Rc::new(config.clone()),
            classes: Rc::new([]),
            images: (0, 0),
            size: (28, 28),
            steps_per_epoch: 0,
            position: Position::default(),
            history: History::default(),
            snapshot: None,
            snapshot_step: 0,
            samples: Rc::new([]),
            answers: Rc::new([]),
        }
    }

    /// A recorded run as it stood after `epoch`.
    #[must_use]
    pub fn recorded(record: &RunRecord, epoch: u32) -> Self {
        let last_step = record.steps_per_epoch * u64::from(epoch);
        let curves = Curves {
            steps: record
                .steps
                .iter()
                .filter(|s| s.step <= last_step)
                .cloned()
                .collect(),
            epochs: record
                .epochs
                .iter()
                .filter(|e| e.epoch <= epoch)
                .cloned()
                .collect(),
        };
        let recorded = record
            .snapshots
            .iter()
            .rfind(|s| s.epoch <= epoch)
            .or(record.snapshots.first());
        let snapshot_step = recorded.map_or(0, |s| record.steps_per_epoch * u64::from(s.epoch));
        let snapshot = recorded.map(|s| Rc::new(s.snapshot.clone()));
        let samples = record
            .samples
            .iter()
            .map(|s| SampleImage {
                index: s.index,
                label: s.label,
                pixels: s.pixels.clone(),
            })
            .collect();
        Self {
            origin: Origin::Example,
            config: Rc::new(record.config.clone()),
            classes: record.classes.clone().into(),
            images: (record.train_images, record.test_images),
            size: (record.height, record.width),
            steps_per_epoch: record.steps_per_epoch,
            position: Position {
                step: last_step,
                epoch,
                checksum: curves.epochs.last().map(|e| e.checksum.clone()),
                ..Position::default()
            },
            history: History {
                curves: Rc::new(RefCell::new(curves)),
                revision: 0,
            },
            snapshot,
            snapshot_step,
            samples,
            answers: record
                .samples
                .iter()
                .map(|s| Answer::of(&s.probabilities))
                .collect(),
        }
    }

    /// Steps of the whole run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.steps_per_epoch * u64::from(self.config.epochs)
    }

    /// The last epoch's metrics.
    #[must_use]
    pub fn last_epoch(&self) -> Option<EpochMetrics> {
        self.history.curves().epochs.last().cloned()
    }

    /// The name of a class, or its number.
    #[must_use]
    pub fn class(&self, class: u8) -> String {
        self.classes
            .get(usize::from(class))
            .cloned()
            .unwrap_or_else(|| class.to_string())
    }
}

/// The drawing pad.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pad {
    /// The test image laid on it, if any: position and label.
    pub image: Option<SampleImage>,
    /// Number of times an image was laid on it, so that the same one counts as news.
    pub laid: u32,
    /// The network's probabilities; empty before there is an answer.
    pub probabilities: Vec<f32>,
    /// Whether a network stands ready to answer.
    pub network: bool,
}

/// What can be open over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// The kept runs.
    Runs,
    /// The making of a set.
    Gather,
}

/// A kept run whose curves are shown beside those of the run on display.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// Its key where it is kept.
    pub key: String,
    /// What its owner calls it.
    pub name: String,
    /// Epoch, test accuracy (0 to 1) and test loss, in order.
    pub points: Vec<(u32, f32, f32)>,
}

impl Overlay {
    /// The letter that stands for the `k`-th in a drawing.
    #[must_use]
    pub fn letter(k: usize) -> char {
        char::from(b'A' + (k % 26) as u8)
    }
}

/// Everything the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Which tab is open.
    pub tab: Tab,
    /// What the Learn tab shows: a step, or the page for teachers.
    pub learn: Option<Step>,
    /// What a lesson hides.
    pub hidden: Hidden,
    /// Settings of the Compare tab, as its program writes them.
    pub compare: String,
    /// Settings of the Accelerator tab.
    pub accel: Accel,
    /// What the page is doing.
    pub phase: Phase,
    /// The last sentence for the visitor.
    pub notice: Option<Notice>,
    /// The configuration being edited.
    pub draft: Draft,
    /// The run that is shown.
    pub view: View,
    /// Kept runs beside it.
    pub overlays: Rc<[Overlay]>,
    /// What is open over the page.
    pub dialog: Option<Dialog>,
    /// The data set.
    pub data: DataState,
    /// The worker.
    pub worker: WorkerState,
    /// Number of the live run.
    pub run: RunId,
    /// Training samples per second, measured.
    pub samples_per_second: f64,
    /// Test images evaluated and to evaluate.
    pub evaluating: Option<(usize, usize)>,
    /// The drawing pad.
    pub pad: Pad,
    /// The board.
    pub board: BoardState,
    /// Speeds measured by the page benchmark, or why not; none while it runs.
    pub speeds: Option<Result<Vec<Speed>, String>>,
    /// The workers that train.
    pub workers: Workers,
    /// A sentence for screen readers, changed rarely.
    pub spoken: String,
}

/// The workers that train.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workers {
    /// How many were asked for; none to let the worker choose.
    pub asked: Option<u8>,
    /// How many are in use.
    pub count: usize,
    /// Memory of all but the first, in KiB.
    pub heap: u32,
    /// What the benchmark of workers measured; none while it runs.
    pub speeds: Option<Vec<WorkerSpeed>>,
}

impl Model {
    /// A page on which nothing happened yet.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        Self {
            tab: Tab::default(),
            learn: Some(Step::default()),
            hidden: Hidden::default(),
            compare: String::new(),
            accel: Accel::default(),
            phase: Phase::Preparing,
            notice: None,
            view: View::nothing(&config),
            draft: Draft::new(config),
            overlays: Rc::new([]),
            dialog: None,
            data: DataState::Absent,
            worker: WorkerState::Starting,
            run: RunId(0),
            samples_per_second: 0.0,
            evaluating: None,
            pad: Pad::default(),
            board: BoardState::default(),
            speeds: None,
            workers: Workers::default(),
            spoken: String::new(),
        }
    }

    /// Whether the settings differ from those of the live run on display.
    #[must_use]
    pub fn settings_changed(&self) -> bool {
        self.view.origin == Origin::Live && *self.view.config != self.draft.config
    }

    /// Seconds until the run ends at the measured speed; none before it is measured.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self
            .view
            .total_steps()
            .checked_sub(self.view.position.step)?;
        (self.samples_per_second > 0.0 && self.view.origin == Origin::Live)
            .then(|| left as f64 * self.view.config.batch as f64 / self.samples_per_second)
    }

    /// Say something to the visitor.
    pub fn tell(&mut self, fault: bool, text: impl Into<String>) {
        let text = text.into();
        self.spoken.clone_from(&text);
        self.notice = Some(Notice { fault, text });
    }

    /// Take in an event of the worker. Events of a run that was replaced are dropped.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Loaded { data } => self.data = DataState::Loaded(data),
            Event::DataRefused { name, message } => {
                self.data = DataState::Failed { name, message };
            }
            Event::Prepared { run, .. } if run == self.run => self.prepared(event),
            Event::Progress { run, progress } if run == self.run => self.progress(progress),
            Event::Epoch { run, metrics } if run == self.run => self.epoch(metrics),
            Event::Position { run, position } if run == self.run => self.position(position),
            Event::Prediction { probabilities, .. } => self.pad.probabilities = probabilities,
            Event::Image { image, .. } => {
                self.pad.image = Some(image);
                self.pad.laid += 1;
            }
            Event::Bench { speeds } => self.speeds = Some(speeds),
            Event::BenchWorkers { speeds } => self.workers.speeds = Some(speeds),
            Event::Workers {
                count,
                heap,
                message,
            } => {
                (self.workers.count, self.workers.heap) = (count, heap);
                if let Some(message) = message {
                    self.tell(false, message);
                }
            }
            _ => {}
        }
    }

    fn prepared(&mut self, event: Event) {
        let Event::Prepared {
            config,
            data,
            samples,
            steps_per_epoch,
            position,
            snapshot,
            answers,
            ..
        } = event
        else {
            return;
        };
        let mut history = History::default();
        if self.view.origin == Origin::Live && position.step > 0 && *self.view.config == *config {
            // The same run, taken up again: what was recorded up to its checkpoint stays.
            history = self.view.history.clone();
            history.change(|curves| {
                curves.steps.retain(|s| s.step <= position.step);
                curves.epochs.retain(|e| e.step <= position.step);
            });
        }
        self.phase = match position.step {
            0 => Phase::Ready,
            step if step >= steps_per_epoch * u64::from(config.epochs) => Phase::Finished,
            _ => Phase::Paused,
        };
        self.evaluating = None;
        self.samples_per_second = 0.0;
        self.pad.network = true;
        self.pad.probabilities.clear();
        let position_step = position.step;
        self.view = View {
            origin: Origin::Live,
            config: Rc::new(*config),
            classes: data.classes.into(),
            images: (data.train, data.test),
            size: (data.height, data.width),
            steps_per_epoch,
            position,
            history,
            snapshot: Some(Rc::new(snapshot)),
            snapshot_step: position_step,
            samples: samples.into(),
            answers: answers.into(),
        };
    }

    fn progress(&mut self, progress: Progress) {
        let Progress {
            steps,
            evaluating,
            samples_per_second,
            snapshot,
            answers,
        } = progress;
        if let Some(last) = steps.last() {
            self.view.position.step = last.step;
            self.view.position.epoch = last.epoch;
            self.view
                .history
                .change(|curves| curves.steps.extend(steps));
        }
        self.evaluating = evaluating;
        self.samples_per_second = samples_per_second;
        if let Some(snapshot) = snapshot {
            self.view.snapshot = Some(Rc::new(snapshot));
            self.view.snapshot_step = self.view.position.step;
            self.view.answers = answers.into();
        }
    }

    fn epoch(&mut self, metrics: EpochMetrics) {
        self.spoken = format!(
            "Epoch {} of {}: test accuracy {} percent, parameters {} times smaller than dense.",
            metrics.epoch,
            self.view.config.epochs,
            super::format::percent(metrics.test_accuracy),
            super::format::significant(metrics.memory_reduction),
        );
        self.evaluating = None;
        self.view
            .history
            .change(|curves| curves.epochs.push(metrics));
    }

    fn position(&mut self, position: Position) {
        self.phase = match (&position, self.phase) {
            (Position { finished: true, .. }, _) => Phase::Finished,
            (Position { moving: true, .. }, _) => Phase::Running,
            (_, Phase::Stopped | Phase::Preparing) => self.phase,
            _ => Phase::Paused,
        };
        if !position.moving {
            self.evaluating = None;
        }
        let last = self.view.history.curves().steps.last().map(|s| s.step);
        if last.is_some_and(|last| last > position.step) {
            // Steps of a board that nobody checked before it was lost: they are taken again.
            self.view
                .history
                .change(|curves| curves.steps.retain(|s| s.step <= position.step));
        }
        self.view.position = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> StepMetrics {
        StepMetrics {
            epoch: 1,
            step,
            loss: 1.0,
            accuracy: 0.5,
            rate: 0.02,
            pruned: vec![],
        }
    }

    fn progress(steps: std::ops::RangeInclusive<u64>) -> Progress {
        Progress {
            steps: steps.map(step).collect(),
            evaluating: None,
            samples_per_second: 6_400.0,
            snapshot: None,
            answers: vec![],
        }
    }

    fn live() -> Model {
        let mut model = Model::new(RunConfig::default());
        model.run = RunId(1);
        model.view.origin = Origin::Live;
        model.view.steps_per_epoch = 100;
        model
    }

    #[test]
    fn reports_of_a_replaced_run_change_nothing() {
        let mut model = live();
        model.apply(Event::Progress {
            run: RunId(0),
            progress: progress(1..=3),
        });
        assert_eq!(model.view.position.step, 0);
        model.apply(Event::Progress {
            run: RunId(1),
            progress: progress(1..=3),
        });
        assert_eq!(model.view.position.step, 3);
    }

    #[test]
    fn steps_that_did_not_count_leave_the_curves() {
        let mut model = live();
        model.apply(Event::Progress {
            run: RunId(1),
            progress: progress(1..=9),
        });
        model.apply(Event::Position {
            run: RunId(1),
            position: Position {
                step: 4,
                ..Position::default()
            },
        });
        assert_eq!(model.view.history.curves().steps.len(), 4);
    }

    #[test]
    fn curves_compare_by_revision() {
        let mut model = live();
        let before = model.view.history.clone();
        model.apply(Event::Progress {
            run: RunId(1),
            progress: progress(1..=3),
        });
        assert!(before != model.view.history);
    }

    #[test]
    fn time_left_follows_the_measured_speed() {
        let mut model = live();
        assert_eq!(model.seconds_left(), None);
        model.apply(Event::Progress {
            run: RunId(1),
            progress: progress(1..=100),
        });
        // 900 steps of 64 samples at 6,400 samples a second.
        let expected = f64::from(model.view.config.epochs - 1) * 100.0 * 64.0 / 6_400.0;
        assert_eq!(model.view.config.batch, 64);
        assert_eq!(model.seconds_left(), Some(expected));
    }

    #[test]
    fn a_stopped_run_stays_stopped_when_it_comes_to_a_stand() {
        let mut model = live();
        model.phase = Phase::Stopped;
        model.apply(Event::Position {
            run: RunId(1),
            position: Position::default(),
        });
        assert_eq!(model.phase, Phase::Stopped);
    }
}
