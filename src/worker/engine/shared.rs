//! The run trained with followers, and the measurement of what they gain.

use super::{Engine, Motion};
use crate::numeric::median;
use crate::train::config::{Precision, Preset, RunConfig};
use crate::worker::adapter::{Advance, Learner};
use crate::worker::message::{Event, WorkerSpeed};
use crate::worker::shard::{FollowerId, Followers, Turn};

/// Chunks of each measurement, taken in turns.
const CHUNKS: usize = 5;
/// Steps before a chunk that are not counted.
const WARM: u64 = 20;
/// Epochs of the run measured, which it does not come to the end of.
const EPOCHS: u32 = 1000;
/// Longest wait for a follower to start, in milliseconds.
const START: f64 = 10_000.0;
/// Time between two looks whether it did.
const LOOK: f64 = 10.0;

/// A measurement with one worker and with two in progress.
pub(super) struct WorkersBench {
    milliseconds: f64,
    /// With one worker and with two.
    learners: [Learner; 2],
    /// Which of them trains, and its chunk.
    turn: (usize, usize),
    /// Steps of the chunk so far, those not counted among them, and when the counting began.
    steps: u64,
    counted: f64,
    /// Steps of each chunk, from the first learner.
    lengths: Vec<u64>,
    rates: [Vec<f64>; 2],
    begun: f64,
    workers: usize,
    heap: u32,
    before: (Option<usize>, usize),
}

impl Engine {
    /// Gives a way to start followers.
    pub fn join(&mut self, followers: Box<dyn Followers>) {
        self.crew.join(followers);
    }

    /// A follower listens.
    pub fn follower_ready(&mut self, id: FollowerId) {
        self.crew.ready(id);
    }

    /// A follower answered. Returns whether [`Self::slice`] has something to do now.
    pub fn follower_heard(&mut self, id: FollowerId, answer: Vec<u8>) -> bool {
        self.crew.heard(id, answer)
    }

    /// A follower is gone. Returns whether [`Self::slice`] has something to do now.
    pub fn follower_lost(&mut self, id: FollowerId, said: &str) -> bool {
        let complete = self.crew.lost(id, said);
        self.tell_workers();
        complete
    }

    /// One unit of work of the run in the page. Returns whether there can be another at once.
    pub(super) fn advance(&mut self) -> bool {
        if !self.crew.is_open() {
            self.report_if_due();
        }
        let before = (self.now)();
        let now = self.now;
        let Some(run) = &mut self.run else {
            return false;
        };
        match self.crew.advance(run.learner.trainer(), now) {
            Turn::Waiting => return false,
            Turn::Step(metrics, begun) => self.took(Advance::Step(metrics), begun),
            Turn::Alone => {
                let advance = run.learner.advance();
                self.took(advance, before);
            }
        }
        self.tell_workers();
        true
    }

    /// Takes a step whose results are awaited, at once.
    pub(super) fn settle_step(&mut self) {
        let learner = match (&mut self.workers_bench, &mut self.run) {
            (Some(bench), _) => &mut bench.learners[1],
            (None, Some(run)) => &mut run.learner,
            (None, None) => return,
        };
        let taken = self.crew.settle(learner.trainer());
        match (taken, &mut self.workers_bench) {
            (Some(_), Some(bench)) => bench.steps += 1,
            (Some((metrics, begun)), None) => self.took(Advance::Step(metrics), begun),
            (None, _) => {}
        }
    }

    /// Tells the page how many workers train, when that changed.
    pub(super) fn tell_workers(&mut self) {
        let (count, heap) = self.crew.in_use();
        let message = self.crew.news();
        let grown = heap / 1024 != self.told_workers.1 / 1024;
        if message.is_some() || count != self.told_workers.0 || grown {
            self.told_workers = (count, heap);
            self.say(Event::Workers {
                count,
                heap,
                message,
            });
        }
    }

    pub(super) fn bench_workers(&mut self, milliseconds: f64) {
        let none = Event::BenchWorkers { speeds: vec![] };
        let Some(data) = self.data.clone().filter(|data| data.info.test > 0) else {
            return self.say(none);
        };
        let mut config = RunConfig::preset(Preset::Paper, Precision::Fixed);
        config.data = data.info.name;
        config.epochs = EPOCHS;
        // Training is measured: an evaluation is made as short as can be.
        let mut sets = data.sets;
        sets.test.images = sets.test.image(0).to_vec().into();
        sets.test.labels = [sets.test.labels[0]].into();
        let learner = || Learner::new(config.clone(), &sets);
        let (Ok(one), Ok(two)) = (learner(), learner()) else {
            return self.say(none);
        };
        if let Some(run) = &mut self.run
            && run.motion != Motion::Still
        {
            run.motion = Motion::Still;
            self.stand();
        }
        let before = self.crew.asked();
        self.crew.change_run();
        self.crew.ask(Some(2), before.1);
        self.workers_bench = Some(WorkersBench {
            milliseconds,
            learners: [one, two],
            turn: (0, 0),
            steps: 0,
            counted: 0.0,
            lengths: vec![],
            rates: [vec![], vec![]],
            begun: (self.now)(),
            workers: 1,
            heap: 0,
            before,
        });
    }

    /// When a measurement that waits for its follower looks again.
    pub(super) fn bench_due(&self) -> Option<f64> {
        self.workers_bench.as_ref()?;
        Some((self.now)() + LOOK)
    }

    /// One unit of a measurement. Returns whether there can be another at once.
    pub(super) fn advance_bench(&mut self) -> bool {
        let now = (self.now)();
        let Some(bench) = &mut self.workers_bench else {
            return false;
        };
        let (which, chunk) = bench.turn;
        let learner = &mut bench.learners[which];
        // The first step sets the shifts; a follower is started with the second.
        let alone = which == 0 || learner.step() == 0;
        let advance = if alone {
            learner.advance()
        } else {
            match self.crew.advance(learner.trainer(), self.now) {
                Turn::Waiting => return false,
                Turn::Step(metrics, _) => {
                    (bench.workers, bench.heap) = self.crew.in_use();
                    Advance::Step(metrics)
                }
                Turn::Alone if learner.step() == 1 && now - bench.begun < START => return false,
                Turn::Alone => learner.advance(),
            }
        };
        let finished = matches!(advance, Advance::Finished);
        if !matches!(advance, Advance::Step(_)) && !finished {
            return true;
        }
        bench.steps += 1;
        let now = (self.now)();
        if bench.steps == WARM {
            bench.counted = now;
        }
        let counted = bench.steps.saturating_sub(WARM);
        let time = now - bench.counted;
        let over = match which {
            _ if finished => true,
            0 => counted > 0 && time >= bench.milliseconds / CHUNKS as f64,
            _ => counted >= bench.lengths[chunk],
        };
        if over {
            let samples = (counted * learner.config().batch as u64) as f64;
            bench.rates[which].push(samples * 1000.0 / time.max(0.001));
            if which == 0 {
                bench.lengths.push(counted);
            }
            bench.steps = 0;
            bench.begun = now;
            bench.turn = (1 - which, chunk + which);
        }
        if bench.turn.1 == CHUNKS {
            self.finish_bench();
        }
        true
    }

    fn finish_bench(&mut self) {
        let Some(bench) = self.workers_bench.take() else {
            return;
        };
        let used = [(1, 0), (bench.workers, bench.heap)];
        let speeds = bench.learners.iter().zip(&bench.rates).zip(used).map(
            |((learner, rates), (workers, heap))| WorkerSpeed {
                workers,
                samples_per_second: median(rates),
                checksum: learner.checksum(),
                steps: learner.step(),
                heap,
            },
        );
        let speeds = speeds.collect();
        self.crew.change_run();
        self.crew.ask(bench.before.0, bench.before.1);
        self.say(Event::BenchWorkers { speeds });
        self.tell_workers();
    }
}
