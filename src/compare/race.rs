//! Several runs trained side by side in one thread, in slices: what the Compare tab's worker does, without a
//! browser.
//!
//! The run that has least of its course behind it goes next, so that all appear together. What a run says
//! bears its ticket. Clocks are in milliseconds.

use super::hardware::hardware;
use super::message::{Event, PROTOCOL, Request, Ticket};
use super::{Cost, Images, Point};
use crate::accel::Machine;
use crate::accel::energy::{EnergyTable, TABLES};
use crate::data::{TrainTest, pack};
use crate::train::config::RunConfig;
use crate::train::{Advance, ConfigError, Learner};

/// Longest slice: what arrives meanwhile waits for its end.
const SLICE_MS: f64 = 16.0;
/// Least time between two words about a run's progress.
const PROGRESS_MS: f64 = 100.0;

/// A run under way.
#[derive(Debug)]
struct Run {
    ticket: Ticket,
    learner: Learner,
    told: f64,
}

impl Run {
    fn share(&self) -> f64 {
        self.learner.step() as f64 / self.learner.total_steps().max(1) as f64
    }
}

/// The runs, their data, and what they are costed on.
#[derive(Debug)]
pub struct Race {
    now: fn() -> f64,
    data: Option<(String, TrainTest)>,
    machine: Machine,
    table: EnergyTable,
    runs: Vec<Run>,
    out: Vec<Event>,
}

impl Race {
    /// Nothing yet; the first word is that it listens.
    #[must_use]
    pub fn new(now: fn() -> f64) -> Self {
        Self {
            now,
            data: None,
            machine: Machine::streamlined(),
            table: TABLES[0],
            runs: Vec::new(),
            out: vec![Event::Ready { protocol: PROTOCOL }],
        }
    }

    /// What there is to say since the last call.
    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.out)
    }

    /// Whether anything is left to train.
    #[must_use]
    pub fn busy(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Does what is asked; `bulk` are the buffers that came with it.
    pub fn handle(&mut self, request: Request, bulk: &[Vec<u8>]) {
        match request {
            Request::Load { name } => self.load(name, bulk),
            Request::Cost { ticket, config } => {
                let told = Cost::deployed(&config, self.images(), &self.machine, self.table);
                self.answer(ticket, told, |(cost, pipeline)| Event::Costed {
                    ticket,
                    cost,
                    pipeline,
                });
            }
            Request::Explore { ticket, config } => {
                let told = hardware(&config, self.images(), &self.machine, self.table);
                self.answer(ticket, told, |hardware| Event::Explored {
                    ticket,
                    hardware,
                });
            }
            Request::Train { ticket, config } => self.train(ticket, config),
            Request::Stop { ticket } => {
                if let Some(at) = self.runs.iter().position(|run| run.ticket == ticket) {
                    let run = self.runs.remove(at);
                    self.end(&run, false);
                }
            }
        }
    }

    /// Trains for a slice; whether there is more to do.
    pub fn slice(&mut self) -> bool {
        let start = (self.now)();
        while (self.now)() - start < SLICE_MS {
            let behind = |a: &(usize, &Run), b: &(usize, &Run)| a.1.share().total_cmp(&b.1.share());
            let Some((at, _)) = self.runs.iter().enumerate().min_by(behind) else {
                return false;
            };
            self.advance(at);
        }
        self.busy()
    }

    fn images(&self) -> Images {
        self.data
            .as_ref()
            .map_or(Images::MNIST, |(_, sets)| Images {
                rows: sets.test.height,
                classes: sets.test.classes,
            })
    }

    fn load(&mut self, name: String, bulk: &[Vec<u8>]) {
        let sets = bulk.first().map(|bytes| pack::read(bytes));
        self.data = None;
        for run in std::mem::take(&mut self.runs) {
            self.end(&run, false);
        }
        match sets {
            Some(Ok(sets)) => {
                self.out.push(Event::Loaded {
                    name: name.clone(),
                    train: sets.train.len() as u32,
                    test: sets.test.len() as u32,
                });
                self.data = Some((name, sets));
            }
            Some(Err(error)) => self.out.push(Event::Refused {
                message: error.to_string(),
            }),
            None => self.out.push(Event::Refused {
                message: "no file came with the data set's name".into(),
            }),
        }
    }

    fn answer<T>(
        &mut self,
        ticket: Ticket,
        told: Result<T, ConfigError>,
        event: impl FnOnce(T) -> Event,
    ) {
        match told {
            Ok(told) => self.out.push(event(told)),
            Err(error) => self.fail(ticket, error.to_string()),
        }
    }

    fn fail(&mut self, ticket: Ticket, message: String) {
        self.out.push(Event::Failed { ticket, message });
    }

    fn train(&mut self, ticket: Ticket, config: RunConfig) {
        let Some((name, sets)) = &self.data else {
            return self.fail(ticket, "no data set is loaded".into());
        };
        if *name != config.data {
            let message = format!("the data set {} is not loaded", config.data);
            return self.fail(ticket, message);
        }
        match Learner::new(config, sets.train.clone(), sets.test.clone()) {
            Ok(learner) => self.runs.push(Run {
                ticket,
                learner,
                told: f64::NEG_INFINITY,
            }),
            Err(error) => self.fail(ticket, error.to_string()),
        }
    }

    /// A small piece of work of one run.
    fn advance(&mut self, at: usize) {
        let now = (self.now)();
        let run = &mut self.runs[at];
        let ticket = run.ticket;
        match run.learner.advance() {
            Advance::Finished => {
                let run = self.runs.remove(at);
                self.end(&run, true);
            }
            Advance::Epoch(epoch) => {
                self.out.push(Event::Epoch {
                    ticket,
                    point: Point::from(&epoch),
                });
                if let Some((cost, pipeline)) = Cost::of(&run.learner, &self.machine, self.table) {
                    self.out.push(Event::Costed {
                        ticket,
                        cost,
                        pipeline,
                    });
                }
            }
            _ if now - run.told >= PROGRESS_MS => {
                run.told = now;
                self.out.push(Event::Progress {
                    ticket,
                    step: run.learner.step(),
                    steps: run.learner.total_steps(),
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, run: &Run, whole: bool) {
        let exponents = match &run.learner {
            Learner::Program(_) => Vec::new(),
            Learner::Method(trainer) => trainer.network().exponents(),
        };
        self.out.push(Event::Ended {
            ticket: run.ticket,
            whole,
            checksum: run.learner.checksum(),
            exponents,
        });
    }
}
