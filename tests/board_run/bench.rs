//! A host that trains on a virtual board over a simulated line, on a clock of its own.

use crate::board::Board;
use railyard::accel::Machine;
use railyard::link::line::{LineSettings, Wired};
use railyard::link::run::{BoardRun, Happened, RunFault};
use railyard::link::session::{Limits, Session};
use railyard::link::time::LinkTime;
use railyard::link::transport::Transport;
use railyard::link::virtual_board::{VirtualBoard, VirtualSettings};
use railyard::train::config::{Precision, Preset, PriorKind, RunConfig};
use railyard::train::{Advance, Trainer};

use crate::bands::bands;

/// A small run of four epochs of 16 steps.
pub fn tiny() -> RunConfig {
    let mut config = RunConfig::preset(Preset::Tiny, Precision::Fixed);
    (config.batch, config.epochs) = (16, 4);
    config
}

/// One whose ranks follow a schedule to a target, and start anew when it is reached.
pub fn target() -> RunConfig {
    let mut config = tiny();
    config.prior.kind = PriorKind::LogUniform;
    (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.2, 1.8);
    (config.prior.target, config.prior.restart) = (400.0, true);
    config
}

/// One whose rank indices die at a threshold.
pub fn threshold() -> RunConfig {
    let mut config = tiny();
    config.prior.kind = PriorKind::HalfCauchy;
    (config.prior.warmup_epochs, config.prior.ramp_epochs) = (0.3, 0.5);
    (config.prior.target, config.prior.threshold) = (0.0, 0.08);
    (config.prior.strength, config.prior.smoothing) = (20.0, 0.2);
    config
}

pub fn trainer(config: &RunConfig) -> Trainer {
    Trainer::new(config.clone(), bands(256, 1), bands(40, 2)).expect("a run")
}

/// The same run in the simulator alone, up to a step; its trainer and all it told.
pub fn alone(config: &RunConfig, steps: u64) -> (Trainer, Vec<Advance>) {
    let mut trainer = trainer(config);
    let mut told = Vec::new();
    while trainer.step() < steps || trainer.evaluation_due() {
        match trainer.advance() {
            Advance::Finished => break,
            piece => told.push(piece),
        }
    }
    (trainer, told)
}

/// A host with its trainer, and a board at the other end of a line.
pub struct Bench {
    pub trainer: Trainer,
    pub run: BoardRun,
    pub session: Session,
    pub wired: Wired<Board>,
    pub now: f64,
    pub told: Vec<Happened>,
    /// Milliseconds that a slice takes at least.
    pub slice: f64,
    line: LineSettings,
    sessions: u16,
}

impl Bench {
    pub fn new(config: &RunConfig, check: u32, line: LineSettings) -> Self {
        let board = Board {
            inner: VirtualBoard::new(VirtualSettings::default(), 1),
            images: None,
            orders: None,
            highest: 0,
        };
        let mut run = BoardRun::new(check, Some(Machine::published()));
        run.set_line(LinkTime {
            baud: line.baud,
            delay: line.delay.into(),
            window: 8,
        });
        Self {
            trainer: trainer(config),
            run,
            session: Self::session(1, line),
            wired: Wired::new(board, line),
            now: 0.0,
            told: Vec::new(),
            slice: 0.01,
            line,
            sessions: 1,
        }
    }

    fn session(number: u16, line: LineSettings) -> Session {
        let limits = Limits {
            baud: line.baud,
            ..Limits::default()
        };
        Session::new(number, limits)
    }

    /// Connects again.
    pub fn reconnect(&mut self) {
        self.sessions += 1;
        self.session = Self::session(self.sessions, self.line);
    }

    /// What a page's worker does in one slice: bytes in, one piece of work, bytes out.
    pub fn slice(&mut self) -> Result<(), RunFault> {
        let mut bytes = Vec::new();
        self.wired.receive(self.now, &mut bytes).expect("a line");
        self.session.receive(&bytes, self.now);
        let happened = self
            .run
            .advance(&mut self.trainer, &mut self.session, self.now);
        bytes.clear();
        self.session.poll(self.now, &mut bytes);
        self.wired.send(&bytes, self.now).expect("a line");
        self.told.extend(happened?);
        Ok(())
    }

    /// Lets time pass until something is due.
    pub fn wait(&mut self) {
        let due = [self.run.due(), self.session.due(), self.wired.due()];
        let due = due.into_iter().flatten().fold(f64::INFINITY, f64::min);
        self.now = due.min(self.now + 50.0).max(self.now + self.slice);
    }

    /// Goes on until this holds.
    pub fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), RunFault> {
        for _ in 0..3_000_000 {
            self.slice()?;
            if done(self) {
                return Ok(());
            }
            self.wait();
        }
        panic!(
            "nothing comes of it: {:?} at step {} of {:?}",
            self.run.activity(),
            self.trainer.step(),
            self.session.state()
        );
    }

    /// Trains until so many steps are taken.
    pub fn train(&mut self, steps: u64) -> Result<(), RunFault> {
        self.run.go();
        self.until(|bench| bench.trainer.step() >= steps || bench.run.standing())?;
        self.run.pause();
        self.until(|bench| bench.run.standing())
    }

    /// The pieces that a trainer alone would have told.
    pub fn advances(&self) -> Vec<Advance> {
        let pieces = self.told.iter().filter_map(|happened| match happened {
            Happened::Step(step) => Some(Advance::Step(step.clone())),
            Happened::Test(piece) => Some(piece.clone()),
            _ => None,
        });
        pieces.collect()
    }
}
