//! The worker without a browser: requests in, events out, training in short slices between.
//!
//! [`Engine::handle`] answers a request at once; [`Engine::slice`] trains for at most
//! [`SLICE_MILLISECONDS`] and says whether there is more to do, so that whoever drives the engine
//! can look at its queue in between. Reports are gathered and sent about eight times a second.

mod on_board;
mod shared;

use super::adapter::{self, Advance, Learner, Refusal};
use super::board::Desk;
use super::message::board::Place;
use super::message::{
    Answer, DataInfo, Event, PROTOCOL, Position, Progress, Request, RunId, SampleImage, Source,
    Ticket,
};
use super::shard::Crew;
use crate::data::{Dataset, TrainTest};
use crate::train::config::RunConfig;
use crate::train::metrics::StepMetrics;
use crate::train::speed::Measurement;
use shared::WorkersBench;

/// Longest time between two looks at the queue.
pub const SLICE_MILLISECONDS: f64 = 14.0;
/// Time between two reports, with a snapshot each.
const REPORT_MILLISECONDS: f64 = 125.0;
/// A snapshot may take this share of the time, so that a large network's are rarer.
const SNAPSHOT_SHARE: f64 = 0.08;
/// Least and most time between two checkpoints sent unasked, while the run trains; a large one is rarer.
const CHECKPOINT_MILLISECONDS: [f64; 2] = [1000.0, 4000.0];
/// Bytes of checkpoint for each millisecond until the next.
const CHECKPOINT_BYTES: f64 = 250.0;
/// Test images sent as samples.
const SAMPLES: usize = 24;

/// An event and the buffers that travel beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The control part.
    pub event: Event,
    /// The buffers.
    pub bulk: Vec<Vec<u8>>,
}

/// A clock in milliseconds.
pub type Clock = fn() -> f64;

/// What the worker is doing with its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motion {
    Still,
    /// Until one step was taken, or nothing is left to train.
    OneStep,
    Training,
    /// Paused, but the board is still taking a step or handing it over.
    Settling,
}

#[derive(Clone)]
struct Data {
    sets: TrainTest,
    info: DataInfo,
    samples: Vec<SampleImage>,
}

struct Run {
    id: RunId,
    learner: Learner,
    /// What it was made on, whatever is loaded later.
    data: Data,
    motion: Motion,
    finished: bool,
    steps: Vec<StepMetrics>,
    evaluating: Option<(usize, usize)>,
    /// Steps since [`Self::rated`].
    unrated: u64,
    /// When the speed was last measured, or training last began anew.
    rated: f64,
    samples_per_second: f64,
    epoch_milliseconds: f64,
    epoch_steps: u64,
    last_report: f64,
    next_snapshot: f64,
    next_checkpoint: f64,
}

/// The worker's state.
pub struct Engine {
    now: Clock,
    data: Option<Data>,
    run: Option<Run>,
    desk: Desk,
    crew: Crew,
    /// Workers told to the page last, and their memory.
    told_workers: (usize, u32),
    workers_bench: Option<WorkersBench>,
    /// Where the run goes on training once it stands on the board.
    moving_to: Option<Place>,
    out: Vec<Outgoing>,
}

impl Engine {
    /// An engine with nothing loaded.
    #[must_use]
    pub fn new(now: Clock) -> Self {
        Self {
            now,
            data: None,
            run: None,
            desk: Desk::default(),
            crew: Crew::default(),
            told_workers: (1, 0),
            workers_bench: None,
            moving_to: None,
            out: vec![],
        }
    }

    /// The first message: the worker listens.
    pub fn announce(&mut self) {
        self.say(Event::Ready { protocol: PROTOCOL });
    }

    /// Events gathered since the last call, in order.
    pub fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.out)
    }

    /// Act on a request with the buffers that came with it.
    ///
    /// # Panics
    /// On [`Request::Crash`], which is there for it.
    pub fn handle(&mut self, request: Request, mut bulk: Vec<Vec<u8>>) {
        self.settle_step();
        match request {
            Request::Load { name, source } => self.load(name, &source, &bulk),
            Request::Prepare { run, config } => self.prepare(run, config),
            Request::Resume { run } => {
                self.resume(run, &bulk.pop().unwrap_or_default());
            }
            Request::Answer { run, height, width } => {
                let (height, width) = (height as usize, width as usize);
                self.answer_only(run, &bulk.pop().unwrap_or_default(), height, width);
            }
            Request::Train => self.set_motion(Motion::Training),
            Request::Step => self.set_motion(Motion::OneStep),
            Request::Pause => self.pause(),
            Request::Checkpoint { ticket } => self.send_checkpoint(Some(ticket)),
            Request::Predict { ticket } => self.predict(ticket, &bulk.pop().unwrap_or_default()),
            Request::Image { ticket, index } => self.image(ticket, index),
            Request::Bench {
                milliseconds,
                repeats,
                configs,
            } => self.bench(milliseconds, repeats, &configs),
            Request::Workers { asked, processors } => {
                let asked = asked.map(usize::from);
                self.crew.ask(asked, usize::from(processors));
                self.tell_workers();
            }
            Request::BenchWorkers { milliseconds } => self.bench_workers(f64::from(milliseconds)),
            Request::CrashFollower => self.crew.crash(),
            Request::Board(request) => self.board(request, bulk),
            Request::Crash => panic!("the worker was asked to trap"),
        }
    }

    /// Train for one slice, and see to the board. Returns whether there is more to do at once.
    pub fn slice(&mut self) -> bool {
        let start = (self.now)();
        let mut more = true;
        while more {
            self.turn_board();
            more = if self.workers_bench.is_some() {
                self.advance_bench()
            } else if self.on_board() || self.desk.busy() {
                self.settle_step();
                self.advance_on_board()
            } else if self.moving() {
                self.advance() && self.moving()
            } else {
                false
            };
            if (self.now)() - start >= SLICE_MILLISECONDS {
                break;
            }
        }
        if !self.crew.is_open() {
            self.report_if_due();
        }
        self.tell_board();
        more
    }

    /// Whether [`Self::slice`] has something to do now, and not only when an answer comes.
    #[must_use]
    pub fn ready(&self) -> bool {
        (self.moving() || self.workers_bench.is_some()) && !self.crew.is_open()
    }

    /// Until when [`Self::slice`] should be called again and again, since an answer is about to come.
    #[must_use]
    pub fn vigil(&self) -> Option<f64> {
        self.crew.vigil()
    }

    fn moving(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| run.motion != Motion::Still)
    }

    fn say(&mut self, event: Event) {
        self.out.push(Outgoing {
            event,
            bulk: vec![],
        });
    }

    fn load(&mut self, name: String, source: &Source, files: &[Vec<u8>]) {
        match adapter::read(source, files) {
            Ok((sets, said)) => {
                let info = DataInfo {
                    name,
                    classes: sets.class_names.clone(),
                    train: sets.train.len(),
                    test: sets.test.len(),
                    height: sets.train.height,
                    width: sets.train.width,
                    said,
                };
                let count = sets.test.len().min(SAMPLES);
                let samples: Vec<_> = (0..count)
                    .map(|k| sample(&sets, k * sets.test.len() / count.max(1)))
                    .collect();
                self.say(Event::Loaded { data: info.clone() });
                self.data = Some(Data {
                    sets,
                    info,
                    samples,
                });
            }
            Err(message) => self.say(Event::DataRefused { name, message }),
        }
    }

    fn prepare(&mut self, id: RunId, config: RunConfig) {
        let built = match self.data.clone() {
            Some(data) if data.info.name == config.data => {
                Learner::new(config, &data.sets).map(|learner| (learner, data))
            }
            _ => Err(Refusal::plain(format!(
                "The data set {} is not loaded.",
                config.data
            ))),
        };
        self.install(id, built);
    }

    fn resume(&mut self, id: RunId, checkpoint: &[u8]) {
        let built = match self.data.clone() {
            Some(data) => Learner::resume(checkpoint, &data.sets).map(|learner| (learner, data)),
            None => Err(Refusal::plain("No data set is loaded.".into())),
        };
        self.install(id, built);
    }

    fn answer_only(&mut self, id: RunId, checkpoint: &[u8], height: usize, width: usize) {
        let built = Learner::answering(checkpoint, height, width).map(|learner| {
            let data = Data::none(learner.config().data.clone(), height, width);
            (learner, data)
        });
        self.install(id, built);
    }

    fn install(&mut self, id: RunId, built: Result<(Learner, Data), Refusal>) {
        match built {
            Ok((learner, data)) => {
                let now = (self.now)();
                let mut run = Run {
                    id,
                    finished: false,
                    learner,
                    data,
                    motion: Motion::Still,
                    steps: vec![],
                    evaluating: None,
                    unrated: 0,
                    rated: now,
                    samples_per_second: 0.0,
                    epoch_milliseconds: 0.0,
                    epoch_steps: 0,
                    last_report: now,
                    next_snapshot: now,
                    next_checkpoint: now + CHECKPOINT_MILLISECONDS[0],
                };
                let prepared = Event::Prepared {
                    run: id,
                    config: Box::new(run.learner.config().clone()),
                    data: run.data.info.clone(),
                    samples: run.data.samples.clone(),
                    steps_per_epoch: run.learner.steps_per_epoch(),
                    position: run.position(),
                    snapshot: run.learner.snapshot(),
                    answers: run.answers(),
                };
                self.run = Some(run);
                self.crew.change_run();
                self.replaced();
                self.say(prepared);
            }
            Err(Refusal { field, message }) => {
                self.say(Event::RunRefused {
                    run: id,
                    field,
                    message,
                });
            }
        }
    }

    fn set_motion(&mut self, motion: Motion) {
        let now = (self.now)();
        let Some(run) = &mut self.run else { return };
        if !run.finished {
            run.motion = motion;
            (run.last_report, run.rated, run.unrated) = (now, now, 0);
        }
        let motion = run.motion;
        let (id, position) = (run.id, run.position());
        self.say(Event::Position { run: id, position });
        self.set_off(motion);
    }

    fn pause(&mut self) {
        self.moving_to = None;
        if self.settle() {
            return;
        }
        if let Some(run) = &mut self.run {
            run.motion = Motion::Still;
            self.stand();
        }
    }

    /// The run came to a stand: report everything, with the checksum.
    fn stand(&mut self) {
        self.report(true);
        if let Some(run) = &self.run {
            let (id, position) = (run.id, run.position());
            let begun = position.step > 0;
            self.say(Event::Position { run: id, position });
            if begun {
                self.send_checkpoint(None);
            }
        }
    }

    /// Take in what one unit of work, begun at `before`, came to.
    fn took(&mut self, advance: Advance, before: f64) {
        let Some(run) = &mut self.run else { return };
        match advance {
            Advance::Step(metrics) => {
                run.evaluating = None;
                run.epoch_milliseconds += (self.now)() - before;
                run.epoch_steps += 1;
                run.unrated += 1;
                run.steps.push(metrics);
                if run.motion == Motion::OneStep {
                    run.motion = Motion::Still;
                    self.stand();
                } else if before >= run.next_checkpoint && !run.learner.finished() {
                    self.send_checkpoint(None);
                }
            }
            Advance::Evaluating { done, total } => run.evaluating = Some((done, total)),
            Advance::Epoch(mut metrics) => {
                #[allow(clippy::cast_precision_loss, reason = "samples of one epoch")]
                let samples = (run.epoch_steps * run.learner.config().batch as u64) as f64;
                if run.epoch_milliseconds > 0.0 {
                    metrics.samples_per_second = samples * 1000.0 / run.epoch_milliseconds;
                }
                (run.epoch_milliseconds, run.epoch_steps) = (0.0, 0);
                run.evaluating = None;
                let id = run.id;
                self.report(true);
                self.say(Event::Epoch { run: id, metrics });
                self.send_checkpoint(None);
            }
            Advance::Finished => {
                run.finished = true;
                run.motion = Motion::Still;
                self.stand();
            }
        }
    }

    fn report_if_due(&mut self) {
        let now = (self.now)();
        if self.run.as_ref().is_some_and(|run| {
            run.motion != Motion::Still && now - run.last_report >= REPORT_MILLISECONDS
        }) {
            self.report(false);
        }
    }

    /// Send what has gathered; `whole` asks for a snapshot whether or not it is due.
    fn report(&mut self, whole: bool) {
        let now = (self.now)();
        let Some(run) = &mut self.run else { return };
        run.rate(now, whole);
        run.last_report = now;
        let mut progress = Progress {
            steps: std::mem::take(&mut run.steps),
            evaluating: run.evaluating,
            samples_per_second: run.samples_per_second,
            snapshot: None,
            answers: vec![],
        };
        if whole || now >= run.next_snapshot {
            progress.snapshot = Some(run.learner.snapshot());
            progress.answers = run.answers();
            let cost = (self.now)() - now;
            run.next_snapshot = now + cost / SNAPSHOT_SHARE;
        }
        let id = run.id;
        self.say(Event::Progress { run: id, progress });
    }

    fn send_checkpoint(&mut self, ticket: Option<Ticket>) {
        let now = (self.now)();
        let Some(run) = &mut self.run else { return };
        let bytes = run.learner.checkpoint();
        let [least, most] = CHECKPOINT_MILLISECONDS;
        run.next_checkpoint = now + (bytes.len() as f64 / CHECKPOINT_BYTES).clamp(least, most);
        let event = Event::Checkpoint {
            run: run.id,
            ticket,
            step: run.learner.step(),
        };
        let bulk = vec![bytes];
        self.out.push(Outgoing { event, bulk });
    }

    fn predict(&mut self, ticket: Ticket, image: &[u8]) {
        let probabilities = match &mut self.run {
            Some(run) => run.learner.predict(image),
            None => vec![],
        };
        self.say(Event::Prediction {
            ticket,
            probabilities,
        });
    }

    fn image(&mut self, ticket: Ticket, index: u32) {
        let run = self.run.as_ref().map(|run| &run.data);
        let Some(data) = run.or(self.data.as_ref()) else {
            return;
        };
        if !data.sets.test.is_empty() {
            let image = sample(&data.sets, index as usize % data.sets.test.len());
            self.say(Event::Image { ticket, image });
        }
    }

    fn bench(&mut self, milliseconds: u32, repeats: u32, configs: &[String]) {
        let how = Measurement {
            milliseconds: f64::from(milliseconds),
            repeats: repeats as usize,
            threads: 1,
        };
        let speeds = adapter::speeds(configs, how, self.now);
        self.say(Event::Bench { speeds });
    }
}

impl Data {
    /// No images, of this size.
    fn none(name: String, height: usize, width: usize) -> Self {
        let none = Dataset {
            images: [].into(),
            labels: [].into(),
            height,
            width,
            classes: 0,
        };
        Self {
            sets: TrainTest {
                train: none.clone(),
                test: none,
                class_names: vec![],
            },
            info: DataInfo {
                name,
                classes: vec![],
                train: 0,
                test: 0,
                height,
                width,
                said: String::new(),
            },
            samples: vec![],
        }
    }
}

impl Run {
    /// Measures the speed. A step may take longer than the time between two reports; what passes while the
    /// run is evaluated or stands does not count.
    fn rate(&mut self, now: f64, stands: bool) {
        if stands || self.evaluating.is_some() {
            (self.rated, self.unrated) = (now, 0);
        } else if self.unrated > 0 && now > self.rated {
            #[allow(clippy::cast_precision_loss, reason = "samples of a few steps")]
            let samples = (self.unrated * self.learner.config().batch as u64) as f64;
            let rate = samples * 1000.0 / (now - self.rated);
            let old = self.samples_per_second;
            self.samples_per_second = if old > 0.0 {
                0.8 * old + 0.2 * rate
            } else {
                rate
            };
            (self.rated, self.unrated) = (now, 0);
        }
    }

    /// Its answers for its samples.
    fn answers(&mut self) -> Vec<Answer> {
        let Self { learner, data, .. } = self;
        data.samples
            .iter()
            .map(|s| Answer::of(&learner.predict(&s.pixels)))
            .collect()
    }

    fn position(&self) -> Position {
        let moving = self.motion != Motion::Still;
        Position {
            step: self.learner.step(),
            epoch: self.learner.epoch(),
            moving,
            finished: self.finished,
            checksum: (!moving).then(|| self.learner.checksum()),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a position in a test set, far below 2^32"
)]
fn sample(sets: &TrainTest, index: usize) -> SampleImage {
    SampleImage {
        index: index as u32,
        label: sets.test.labels[index],
        pixels: sets.test.image(index).to_vec(),
    }
}

#[cfg(test)]
mod board_tests;
#[cfg(test)]
mod shared_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::pack;
    use crate::train::config::{Precision, Preset};

    fn set(count: usize) -> Dataset {
        Dataset {
            images: (0..count * 784).map(|k| (k % 251) as u8).collect(),
            labels: (0..count).map(|k| (k % 2) as u8).collect(),
            height: 28,
            width: 28,
            classes: 2,
        }
    }

    fn standing(engine: &mut Engine) -> Option<Position> {
        while engine.slice() {}
        let heard = engine.take();
        heard.into_iter().rev().find_map(|out| match out.event {
            Event::Position { position, .. } => Some(position),
            _ => None,
        })
    }

    /// Also across the end of an epoch, where an evaluation is due before the next batch.
    #[test]
    fn step_takes_one_step_wherever_the_run_stands() {
        let mut engine = Engine::new(|| 0.0);
        let sets = TrainTest {
            train: set(16),
            test: set(4),
            class_names: vec!["a".into(), "b".into()],
        };
        let bytes = pack::write(&sets).expect("packs");
        let name = "own".to_string();
        let source = Source::Pack;
        engine.handle(Request::Load { name, source }, vec![bytes]);
        let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
        (config.data, config.batch, config.epochs) = ("own".into(), 8, 2);
        let run = RunId(1);
        engine.handle(Request::Prepare { run, config }, vec![]);
        for step in 1..=4 {
            engine.handle(Request::Step, vec![]);
            let position = standing(&mut engine).expect("stands");
            assert_eq!((position.step, position.finished), (step, false));
        }
        engine.handle(Request::Step, vec![]);
        let position = standing(&mut engine).expect("stands");
        assert_eq!((position.step, position.finished), (4, true));
    }
}
