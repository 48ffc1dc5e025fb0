//! What a run on a board does in each of its phases, and what comes next.

use super::asked::Asked;
use super::compare::Comparison;
use super::fault::RunFault;
use super::fit::BoardNeeds;
use super::memory::{Memory, memories};
use super::read_back::ReadBack;
use super::steps::{Steps, Takers};
use super::upload::Upload;
use super::{BoardRun, Happened, KEPT, Phase, Reading, StepTime, Wanted};
use crate::json;
use crate::link::answer::{self, Capabilities, Report, State};
use crate::link::command::{Command, Settings, Space};
use crate::link::session::{LinkError, Session};
use crate::link::time::line_time;
use crate::numeric::crc::crc32;
use crate::program::code;
use crate::train::config::Precision;
use crate::train::metrics::StepMetrics;
use crate::train::{TakenStep, Trainer, Words};

/// Steps whose images are sent ahead.
const FED_AHEAD: usize = 8;
/// Requests with images and orders that wait: while the board waits for them, and while a step runs.
const WAIT: [usize; 2] = [8, 4];

/// The next phase, and whether to go on with it at once.
type Next = Result<(Phase, bool), RunFault>;

impl BoardRun {
    /// Decides what is next.
    pub(super) fn begin(
        &mut self,
        trainer: &mut Trainer,
        session: &mut Session,
        board: &Capabilities,
        now: f64,
    ) -> Next {
        if self.wanted == Wanted::Stand {
            self.happened.push_back(Happened::Stands);
            return Ok((Phase::Stand, false));
        }
        if trainer.config().precision != Precision::Fixed {
            return Err(RunFault::Float);
        }
        if trainer.evaluation_due() {
            self.happened.push_back(Happened::Test(trainer.advance()));
            return Ok((Phase::Begin, false));
        }
        self.held.meet(board);
        if self.wanted != Wanted::Compare {
            if trainer.orders(1).is_empty() {
                self.wanted = Wanted::Stand;
                self.happened.push_back(Happened::Finished);
                return Ok((Phase::Stand, false));
            }
            let here = (trainer.step(), trainer.checksum());
            let kept = self.held.settings.map(|settings| settings.training);
            if self.held.stands == Some(here) && kept == Some(trainer.settings()) {
                return Ok(self.start(trainer, session, now));
            }
        }
        let mut asked = Asked::default();
        asked.ask(session, &Command::Status(u64::MAX), ());
        Ok((Phase::Settle(asked), false))
    }

    /// Begins a stretch of steps.
    fn start(&mut self, trainer: &Trainer, session: &Session, now: f64) -> (Phase, bool) {
        let takers = match (self.wanted, self.check) {
            (Wanted::Compare, _) => Takers::BothWords,
            (_, 1) => Takers::Both,
            _ => Takers::Board,
        };
        let most = match (self.wanted, self.check) {
            (Wanted::Go, 1) => FED_AHEAD,
            (Wanted::Go, check) => check as usize,
            _ => 1,
        };
        let step = trainer.step();
        let orders = trainer.orders(most);
        let count = match takers {
            Takers::Board => orders.len() as u64,
            Takers::Both | Takers::BothWords => 1,
        };
        self.feed.give(orders);
        self.told = step;
        self.mark(session, now);
        let steps = Steps::new(step, step + count, takers);
        (Phase::Steps(Box::new(steps)), true)
    }

    fn mark(&mut self, session: &Session, now: f64) {
        let passed = session.statistics();
        self.mark = (now, [passed.sent, passed.received]);
    }

    /// The board is asked for its state until it stands still.
    pub(super) fn settle(
        &mut self,
        mut asked: Asked<()>,
        trainer: &mut Trainer,
        session: &mut Session,
        board: &Capabilities,
    ) -> Next {
        let mut told = None;
        while let Some(((), payload)) = asked.next(session)? {
            let state = State::read(&payload).ok_or(LinkError::Garbled {
                command: Command::Status(0).kind(),
            })?;
            told = Some(state);
        }
        let Some(state) = told.filter(|_| asked.len() == 0) else {
            return Ok((Phase::Settle(asked), false));
        };
        if matches!(state.phase, answer::Phase::Running | answer::Phase::Waiting) {
            asked.ask(session, &Command::Pause, ());
            asked.ask(session, &Command::Status(u64::MAX), ());
            return Ok((Phase::Settle(asked), false));
        }
        if state.phase == answer::Phase::Empty {
            // It may have been reset by hand.
            self.held.forget();
        }
        if self.wanted == Wanted::Stand {
            return Ok((Phase::Begin, true));
        }
        let (settings, before) = self.wanted_settings(trainer, board);
        let known = state.phase == answer::Phase::Still && self.held.settings == Some(settings);
        if self.wanted == Wanted::Compare && known {
            if state.step == trainer.step() {
                // Orders of a session before have slots that are not known any more.
                let strange = state.ordered > state.step && !self.feed.loaded();
                return Ok((before_step(trainer, strange), true));
            }
            if state.step == trainer.step() + 1
                && let Some((taken, words)) = trainer.rehearse()
            {
                return Ok((after(taken, words), true));
            }
        }
        self.write(settings, before, trainer, session, board)
    }

    /// What a board is to be configured with, as at step 0, and what is written for it: the Program, and the
    /// machine if the board takes one.
    fn wanted_settings(&self, trainer: &Trainer, board: &Capabilities) -> (Settings, Vec<Memory>) {
        let machine = self.machine.as_ref().filter(|_| board.any_machine);
        let machine = machine.map(|machine| json::write(machine).into_bytes());
        let machine = machine.unwrap_or_default();
        let program = code::encode(trainer.program());
        let [height, width] = trainer.image_size();
        let settings = Settings {
            program_len: program.len() as u32,
            program_crc: crc32(&program),
            machine_len: machine.len() as u32,
            machine_crc: crc32(&machine),
            size: [height as u16, width as u16],
            padding: trainer.config().network.pad_columns as u16,
            step: 0,
            training: trainer.settings(),
        };
        let mut before = vec![
            Memory::new("the Program", Space::Program, 0, program),
            Memory::new("the machine", Space::Machine, 0, machine),
        ];
        before.retain(|memory| !memory.bytes.is_empty());
        (settings, before)
    }

    /// Begins an upload.
    fn write(
        &mut self,
        settings: Settings,
        before: Vec<Memory>,
        trainer: &Trainer,
        session: &mut Session,
        board: &Capabilities,
    ) -> Next {
        if let Some(reason) = BoardNeeds::of(trainer, board).reason {
            return Err(RunFault::DoesNotFit(reason));
        }
        self.feed.abandon(session);
        self.held.configure(trainer);
        let now = Settings {
            step: trainer.step(),
            ..settings
        };
        let upload = Upload::new(before, now, memories(&trainer.words()));
        Ok((Phase::Upload(Box::new(upload)), true))
    }

    /// The run is written to the board.
    pub(super) fn upload(
        &mut self,
        mut upload: Box<Upload>,
        trainer: &Trainer,
        session: &mut Session,
        now: f64,
    ) -> Next {
        if self.wanted == Wanted::Stand {
            upload.abandon(session);
            return Ok((Phase::Begin, true));
        }
        if !upload.advance(session)? {
            return Ok((Phase::Upload(upload), false));
        }
        let here = (trainer.step(), trainer.checksum());
        self.held.settings = Some(Settings {
            step: 0,
            ..upload.settings
        });
        self.held.stands = Some(here.clone());
        self.verified = Some(here);
        if self.wanted == Wanted::Compare && trainer.orders(1).is_empty() {
            return Ok((before_step(trainer, false), true));
        }
        Ok(self.start(trainer, session, now))
    }

    /// Steps are taken.
    pub(super) fn steps(
        &mut self,
        mut steps: Box<Steps>,
        trainer: &mut Trainer,
        session: &mut Session,
        board: &Capabilities,
        now: f64,
    ) -> Next {
        let images = self.held.images(trainer, board);
        let room = usize::from(board.orders);
        let alone = steps.takers == Takers::Board;
        let ahead = if alone { room + FED_AHEAD } else { FED_AHEAD };
        let first = [1, room, WAIT[0]];
        self.feed.advance(trainer, images, session, first)?;
        let ran = steps.running();
        if self.wanted == Wanted::Stand {
            if !ran {
                return Ok((Phase::Begin, true));
            }
            if alone {
                steps.pause(session);
            }
        }
        if !ran && self.feed.loaded() {
            steps.run(session, now);
        }
        let most = WAIT[usize::from(steps.running())];
        let ahead = [ahead, room, most];
        self.feed.advance(trainer, images, session, ahead)?;
        let new = steps.advance(session, self.expected, now)?;
        self.reported(&steps, new, trainer, session, [f64::from(board.clock), now]);
        if !alone {
            return self.checked(steps, ran, trainer);
        }
        let taken = steps.taken();
        if taken == trainer.step() && steps.ended {
            return Ok((Phase::Begin, true));
        }
        if taken == steps.to || steps.ended {
            let reading = Reading::Adopt(steps.reports);
            let read = ReadBack::new(trainer.words());
            return Ok((Phase::Read(Box::new(read), reading), true));
        }
        Ok((Phase::Steps(steps), false))
    }

    /// A step that the simulator takes too; `ran` if the board was told to run before this call.
    fn checked(&mut self, mut steps: Box<Steps>, ran: bool, trainer: &mut Trainer) -> Next {
        let Some((taken, words)) = steps.rehearsed.take() else {
            if ran {
                steps.rehearsed = trainer.rehearse();
            }
            // What was asked goes out before the simulator takes its time.
            self.at_once = steps.running();
            return Ok((Phase::Steps(steps), false));
        };
        let Some(report) = steps.reports.first() else {
            steps.rehearsed = Some((taken, words));
            return Ok((Phase::Steps(steps), false));
        };
        if steps.takers == Takers::BothWords {
            return Ok((after(taken, words), true));
        }
        let simulator = words.digest();
        if report.digest != simulator {
            return Err(RunFault::Mismatch {
                step: report.step,
                board: report.digest,
                simulator,
            });
        }
        self.adopt(&[taken], words, trainer)?;
        Ok((Phase::Begin, true))
    }

    /// Times the new reports' steps, and tells of those that change no ranks if the trainer follows later.
    fn reported(
        &mut self,
        steps: &Steps,
        new: usize,
        trainer: &Trainer,
        session: &Session,
        [clock, now]: [f64; 2],
    ) {
        if new == 0 {
            return;
        }
        let (began, [sent, received]) = self.mark;
        self.mark(session, now);
        let share = 1.0 / new as f64;
        let sent = (self.mark.1[0] - sent) as f64 * share;
        let received = (self.mark.1[1] - received) as f64 * share;
        let line = self.line.map_or(0.0, |line| {
            line_time(sent.max(received) as usize, line.baud)
        });
        for report in &steps.reports[steps.reports.len() - new..] {
            let computed = report.cycles as f64 * 1000.0 / clock.max(1.0);
            self.expected = computed;
            if self.times.len() == KEPT {
                self.times.pop_front();
            }
            self.times.push_back(StepTime {
                step: report.step,
                measured: (now - began) * share,
                cycles: report.cycles,
                computed,
                bytes: (sent + received) as u64,
                link: line,
            });
            let order = self.feed.taken().map(|step| step.order);
            if let Some(order) = order
                && steps.takers == Takers::Board
                && !order.watch
                && report.step < steps.to
            {
                self.told = report.step;
                let step = metrics(report, order.rate, trainer.steps_per_epoch());
                self.happened.push_back(Happened::Step(step));
            }
        }
    }

    /// Takes steps over.
    fn adopt(
        &mut self,
        taken: &[TakenStep],
        words: Words,
        trainer: &mut Trainer,
    ) -> Result<(), RunFault> {
        let board = words.checksum(&trainer.settings());
        let metrics = trainer.adopt(taken, words)?;
        let here = (trainer.step(), trainer.checksum());
        // What died, or was drawn anew, must be written to the board.
        let same = here.1 == board && metrics.iter().all(|step| step.pruned.is_empty());
        self.held.stands = same.then(|| here.clone());
        self.verified = Some(here);
        let told = self.told;
        let new = metrics.into_iter().filter(|step| step.step > told);
        self.happened.extend(new.map(Happened::Step));
        if self.wanted == Wanted::Once {
            self.wanted = Wanted::Stand;
        }
        Ok(())
    }

    /// Words are read back.
    pub(super) fn read(
        &mut self,
        mut read: Box<ReadBack>,
        reading: Reading,
        trainer: &mut Trainer,
        session: &mut Session,
        board: &Capabilities,
        now: f64,
    ) -> Next {
        let Some(words) = read.advance(session)? else {
            return Ok((Phase::Read(read, reading), false));
        };
        match reading {
            Reading::Adopt(reports) => {
                if reports.last().map(|report| report.digest) != Some(words.digest()) {
                    let tensor = "the parameters".into();
                    return Err(RunFault::Memory { tensor });
                }
                let taken: Vec<TakenStep> = reports.iter().map(taken).collect();
                self.adopt(&taken, words, trainer)?;
            }
            Reading::Before { strange } => {
                let found = Comparison::of(
                    trainer.step(),
                    &trainer.settings(),
                    &words,
                    &trainer.words(),
                );
                if found.differences == 0 && !trainer.orders(1).is_empty() {
                    if self.wanted == Wanted::Stand {
                        return Ok((Phase::Begin, true));
                    }
                    if strange {
                        let (settings, before) = self.wanted_settings(trainer, board);
                        return self.write(settings, before, trainer, session, board);
                    }
                    return Ok(self.start(trainer, session, now));
                }
                self.compared(found);
            }
            Reading::After(taken, ours) => {
                let settings = trainer.settings();
                let found = Comparison::of(trainer.step() + 1, &settings, &words, &ours);
                if found.differences == 0 {
                    self.adopt(&[taken], words, trainer)?;
                }
                self.compared(found);
            }
        }
        Ok((Phase::Begin, true))
    }

    /// A comparison is made. The board is written anew before the next step if a word differs.
    fn compared(&mut self, found: Comparison) {
        if found.differences > 0 {
            self.held.stands = None;
        }
        if self.wanted == Wanted::Compare || found.differences > 0 {
            self.wanted = Wanted::Stand;
        }
        self.happened.push_back(Happened::Compared(Box::new(found)));
    }
}

/// Words are to be read and compared with the trainer's.
fn before_step(trainer: &Trainer, strange: bool) -> Phase {
    let read = ReadBack::new(trainer.words());
    Phase::Read(Box::new(read), Reading::Before { strange })
}

/// Words are to be read and compared with the simulator's after a step.
fn after(taken: TakenStep, words: Words) -> Phase {
    let read = ReadBack::new(words.clone());
    Phase::Read(Box::new(read), Reading::After(taken, Box::new(words)))
}

fn taken(report: &Report) -> TakenStep {
    TakenStep {
        loss: report.loss,
        correct: report.correct,
        samples: report.samples,
    }
}

/// What a report says of a step that changed no ranks.
fn metrics(report: &Report, rate: f32, per_epoch: u64) -> StepMetrics {
    let samples = report.samples.max(1);
    StepMetrics {
        epoch: ((report.step - 1) / per_epoch.max(1)) as u32 + 1,
        step: report.step,
        loss: (report.loss / f64::from(samples)) as f32,
        accuracy: report.correct as f32 / samples as f32,
        rate,
        pruned: Vec::new(),
    }
}
