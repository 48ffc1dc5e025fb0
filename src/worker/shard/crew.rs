//! The leader's side: who follows, which samples they get, and a step whose results are awaited.
//!
//! A step is opened, orders go out, the leader runs the first shard itself and returns to its queue; once
//! all have answered the step is closed. Whatever goes wrong, the leader runs the shards that are missing:
//! in fixed point with the same bits. So any request can be handled in the middle of a step: it is
//! closed first.

use std::ops::Range;

use super::{ANSWER, FollowerId, Followers, Kind, VIGIL, write_header};
use crate::train::metrics::StepMetrics;
use crate::train::{OpenStep, Trainer};

/// Most workers of a run.
pub const MOST: usize = 8;
/// Most workers chosen without being asked for.
const AUTOMATIC: usize = 4;
/// Multiply-accumulates of a step below which followers are not worth their messages: about half a
/// millisecond of work. An estimate.
const WORTHWHILE: u64 = 8_000_000;
/// Followers lost in a run before training goes on without.
const LOSSES: u32 = 3;
/// Least time given to a follower after the leader's own shard, in milliseconds.
const PATIENCE: f64 = 3000.0;
/// ... and as a multiple of the time of that shard.
const PATIENCE_RATIO: f64 = 8.0;
/// Steps after which the cut is looked at.
const BALANCE: usize = 16;
/// Milliseconds from a leader's own shard until it hears of an answer that lies there.
const HEARING: f64 = 0.1;
/// Milliseconds beyond these from which it waited for the answer, by a clock of a tenth of one.
const WAITED: f64 = 0.1;
/// Most milliseconds that messages are taken to be on their way: what is later was disturbed.
const SLOW: f64 = 0.4;
/// By how much messages are taken to be quicker after a while without waiting: how long an answer lay there
/// cannot be seen.
const EASE: f64 = 0.8;
/// Most samples moved at a time.
const MOVE: f64 = 4.0;

struct Hand {
    id: FollowerId,
    /// Whether it said that it listens.
    ready: bool,
    /// Whether it knows the present setup.
    told: bool,
    heap: u32,
}

struct Order {
    hand: FollowerId,
    ticket: u32,
    samples: Range<usize>,
    answer: Option<Vec<u8>>,
}

struct Open {
    step: OpenStep,
    begun: f64,
    /// When the orders were sent, when the leader's own shard was done, and when the last answer was heard.
    sent: f64,
    own: f64,
    heard: f64,
    due: f64,
    orders: Vec<Order>,
}

/// What a call of [`Crew::advance`] came to.
#[derive(Debug)]
pub enum Turn {
    /// The coming work is for the leader alone.
    Alone,
    /// Results are awaited.
    Waiting,
    /// A step begun at this time was taken.
    Step(StepMetrics, f64),
}

/// A leader's followers and its step in progress.
#[derive(Default)]
pub struct Crew {
    followers: Option<Box<dyn Followers>>,
    /// Workers asked for; none to choose.
    asked: Option<usize>,
    /// Processors of the machine.
    processors: usize,
    hands: Vec<Hand>,
    numbers: u32,
    ticket: u32,
    open: Option<Open>,
    /// The state of the trainer that the present setup belongs to.
    program: Option<u64>,
    setup: Vec<u8>,
    message: Vec<u8>,
    losses: u32,
    /// What is to be told of a loss.
    news: Option<String>,
    /// Samples of a whole batch that the leader runs; none before the first cut among so many workers.
    own: Option<(usize, usize)>,
    times: Times,
    /// Milliseconds that an order and its answer are on their way, as measured when the leader last waited.
    messages: f64,
}

/// Milliseconds of steps of one cut since it was last looked at.
#[derive(Default)]
struct Times {
    /// The leader's own shards.
    own: Vec<f64>,
    /// What they took longer than the slowest follower's.
    longer: Vec<f64>,
    /// From their end until the last answer was heard.
    waited: Vec<f64>,
}

/// The mean of the middle half, which a step that something else disturbed is no part of.
fn middle(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    let middle = &times[times.len() / 4..times.len() - times.len() / 4];
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

impl Crew {
    /// Gives a way to start followers.
    pub fn join(&mut self, followers: Box<dyn Followers>) {
        self.followers = Some(followers);
    }

    /// Takes as many workers as are asked for (none to choose) from the next step on, on a machine with so
    /// many processors.
    pub fn ask(&mut self, workers: Option<usize>, processors: usize) {
        self.asked = workers.map(|workers| workers.clamp(1, MOST));
        self.processors = processors;
        self.losses = 0;
        if self.asked == Some(1) {
            self.dismiss(0);
        }
    }

    /// What was asked for, to be asked for again.
    #[must_use]
    pub fn asked(&self) -> (Option<usize>, usize) {
        (self.asked, self.processors)
    }

    /// Another trainer follows: followers must be set up anew.
    pub fn change_run(&mut self) {
        self.open = None;
        (self.program, self.own, self.losses) = (None, None, 0);
    }

    /// Workers that a trainer's steps are to have.
    fn wanted(&self, trainer: &Trainer) -> usize {
        if self.followers.is_none() || self.losses >= LOSSES {
            return 1;
        }
        match self.asked {
            Some(workers) => workers,
            None if !trainer.any_cut() || trainer.step_macs() < WORTHWHILE => 1,
            // The page and its browser need processors, too.
            None => self.processors.div_ceil(2).clamp(1, AUTOMATIC),
        }
    }

    /// Workers in use, the leader among them, and the memory of the followers in KiB.
    #[must_use]
    pub fn in_use(&self) -> (usize, u32) {
        let ready = self.hands.iter().filter(|hand| hand.ready);
        ready.fold((1, 0), |(count, heap), hand| (count + 1, heap + hand.heap))
    }

    /// What is to be told of followers lost since the last call.
    pub fn news(&mut self) -> Option<String> {
        self.news.take()
    }

    /// Whether results are awaited.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When a step in progress is closed whoever answered.
    #[must_use]
    pub fn due(&self) -> Option<f64> {
        self.open.as_ref().map(|open| open.due)
    }

    /// Until when results are worth staying awake for.
    #[must_use]
    pub fn vigil(&self) -> Option<f64> {
        let open = self.open.as_ref().filter(|_| self.is_spare())?;
        Some(open.own + VIGIL)
    }

    /// Whether each worker has a processor of its own, which it may keep busy while it waits.
    fn is_spare(&self) -> bool {
        self.in_use().0 <= self.processors
    }

    /// A follower listens.
    pub fn ready(&mut self, id: FollowerId) {
        if let Some(hand) = self.hand(id) {
            hand.ready = true;
        }
    }

    /// A follower is gone. Returns whether a step waited for nobody else.
    pub fn lost(&mut self, id: FollowerId, said: &str) -> bool {
        let Some(at) = self.hands.iter().position(|hand| hand.id == id) else {
            return false;
        };
        self.hands.remove(at);
        if let Some(followers) = &mut self.followers {
            followers.stop(id);
        }
        self.losses += 1;
        let then = if self.losses < LOSSES {
            "another takes its place"
        } else {
            "training goes on without"
        };
        self.news = Some(format!(
            "A worker that helps with training stopped ({said}); {then}. No step is lost."
        ));
        if let Some(open) = &mut self.open {
            open.orders.retain(|order| order.hand != id);
        }
        self.complete()
    }

    /// Takes in an answer. Returns whether all are there.
    pub fn heard(&mut self, id: FollowerId, answer: Vec<u8>) -> bool {
        let Some(tail) = answer.last_chunk::<ANSWER>() else {
            return self.lost(id, "its answer was damaged");
        };
        let word = |at: usize| u32::from_le_bytes(tail[at..at + 4].try_into().unwrap_or_default());
        let (ticket, heap) = (word(0), word(8));
        if let Some(hand) = self.hand(id) {
            hand.heap = heap.min(1 << 22);
        }
        if let Some(open) = &mut self.open {
            let mut orders = open.orders.iter_mut();
            // An answer to an older order, and a second one, count for nothing.
            let order = orders.find(|order| (order.hand, order.ticket) == (id, ticket));
            if let Some(order) = order
                && order.answer.is_none()
            {
                order.answer = Some(answer);
                return self.complete();
            }
        }
        false
    }

    fn complete(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.orders.iter().all(|order| order.answer.is_some()))
    }

    /// Does the next thing for a trainer.
    pub fn advance(&mut self, trainer: &mut Trainer, now: impl Fn() -> f64) -> Turn {
        let complete = self.complete();
        if let Some(open) = &mut self.open {
            if complete {
                open.heard = now();
                return self.close(trainer);
            }
            if now() < open.due {
                return Turn::Waiting;
            }
            let late = open.orders.iter().filter(|order| order.answer.is_none());
            for id in late.map(|order| order.hand).collect::<Vec<_>>() {
                self.lost(id, "it did not answer");
            }
            return self.close(trainer);
        }
        if !self.tend(trainer) || !trainer.shards_ready() {
            return Turn::Alone;
        }
        let begun = now();
        let step = trainer.open_step();
        self.open(trainer, step, begun, &now);
        if self.complete() {
            return self.close(trainer);
        }
        Turn::Waiting
    }

    fn close(&mut self, trainer: &mut Trainer) -> Turn {
        self.settle(trainer)
            .map_or(Turn::Waiting, |(metrics, begun)| Turn::Step(metrics, begun))
    }

    /// Closes a step in progress at once; the leader runs what is missing. Gives the step and when it was
    /// begun.
    pub fn settle(&mut self, trainer: &mut Trainer) -> Option<(StepMetrics, f64)> {
        let mut open = self.open.take()?;
        // The last batch of an epoch may be cut otherwise.
        let whole = open.step.samples() == trainer.config().batch;
        if whole && open.orders.iter().all(|order| order.answer.is_some()) {
            self.balance(&open, trainer.any_cut());
        }
        for order in open.orders {
            if let Some(mut answer) = order.answer {
                answer.truncate(answer.len() - ANSWER);
                let taken = trainer.take_partial(&mut open.step, order.samples, answer);
                if let Err(error) = taken {
                    self.lost(order.hand, &error.to_string());
                }
            }
        }
        Some((trainer.close_step(open.step), open.begun))
    }

    /// Starts and ends followers as wanted. Returns whether there are some to give shards to.
    fn tend(&mut self, trainer: &Trainer) -> bool {
        let wanted = self.wanted(trainer) - 1;
        self.dismiss(wanted);
        while self.hands.len() < wanted {
            let id = FollowerId(self.numbers);
            self.numbers = self.numbers.wrapping_add(1);
            let Some(followers) = &mut self.followers else {
                break;
            };
            if !followers.start(id) {
                self.losses = LOSSES;
                self.news = Some(
                    "This browser does not let a worker start others; training goes on with one."
                        .into(),
                );
                break;
            }
            self.hands.push(Hand {
                id,
                ready: false,
                told: false,
                heap: 0,
            });
        }
        self.hands.iter().any(|hand| hand.ready)
    }

    /// Keeps so many followers.
    fn dismiss(&mut self, keep: usize) {
        for hand in self.hands.drain(keep.min(self.hands.len())..) {
            if let Some(followers) = &mut self.followers {
                followers.stop(hand.id);
            }
        }
    }

    /// Sends the orders for a step and runs the leader's own shard.
    fn open(
        &mut self,
        trainer: &mut Trainer,
        mut step: OpenStep,
        begun: f64,
        now: impl Fn() -> f64,
    ) {
        let samples = step.samples();
        let workers = self.in_use().0.min(samples);
        if self.own.is_none_or(|(of, _)| of != workers) {
            self.own = Some((workers, samples.div_ceil(workers)));
            self.times = Times::default();
        }
        let most = samples - (workers - 1);
        let own = self.own.map_or(1, |(_, own)| own);
        // A batch that is cut short, as the last of an epoch, is cut evenly.
        let whole = samples == trainer.config().batch;
        let own = if whole {
            own
        } else {
            samples.div_ceil(workers)
        }
        .clamp(1, most);
        if self.program != Some(trainer.program_number()) {
            self.program = Some(trainer.program_number());
            write_header(Kind::Setup, false, 0, &mut self.setup);
            self.setup.extend(trainer.shard_setup());
            for hand in &mut self.hands {
                hand.told = false;
            }
        }
        let awake = self.is_spare();
        let mut orders = Vec::new();
        if let Some(followers) = &mut self.followers {
            let ready = self.hands.iter_mut().filter(|hand| hand.ready);
            for (at, hand) in ready.take(workers - 1).enumerate() {
                let rest = samples - own;
                let place = |at: usize| own + rest * at / (workers - 1);
                let samples = place(at)..place(at + 1);
                if !std::mem::replace(&mut hand.told, true) {
                    followers.send(hand.id, &self.setup);
                }
                self.ticket = self.ticket.wrapping_add(1);
                write_header(Kind::Order, awake, self.ticket, &mut self.message);
                trainer.write_order(&step, &samples, &mut self.message);
                followers.send(hand.id, &self.message);
                orders.push(Order {
                    hand: hand.id,
                    ticket: self.ticket,
                    samples,
                    answer: None,
                });
            }
        }
        let sent = now();
        trainer.run_shard(&mut step, 0..own);
        trainer.look_ahead();
        let done = now();
        self.open = Some(Open {
            step,
            begun,
            sent,
            own: done,
            heard: done,
            due: done + PATIENCE.max(PATIENCE_RATIO * (done - begun)),
            orders,
        });
    }

    /// Moves the cut so that the leader's shard takes as long as the slowest follower's with its messages.
    /// In floating point the cut stays, since bits depend on it.
    fn balance(&mut self, open: &Open, any_cut: bool) {
        let Some((workers, own)) = self.own.filter(|_| any_cut) else {
            return;
        };
        let answers = open
            .orders
            .iter()
            .filter_map(|order| order.answer.as_deref());
        let work = answers.filter_map(|answer| {
            let [.., a, b, c, d, _, _, _, _] = *answer else {
                return None;
            };
            Some(f64::from(u32::from_le_bytes([a, b, c, d])) / 1000.0)
        });
        let theirs = work.fold(0.0, f64::max);
        let times = &mut self.times;
        let mine = open.own - open.sent;
        times.own.push(mine);
        times.longer.push(mine - theirs);
        times.waited.push(open.heard - open.own);
        if times.own.len() < BALANCE {
            return;
        }
        let mine = middle(&mut times.own);
        let (longer, waited) = (middle(&mut times.longer), middle(&mut times.waited));
        let waited = (waited - HEARING).max(0.0);
        self.messages = if waited > WAITED {
            (longer + waited).clamp(0.0, SLOW)
        } else {
            self.messages * EASE
        };
        let late = longer - self.messages;
        // A sample less for the leader is one more for all followers together.
        let each = mine / own as f64 * (1.0 + 1.0 / (workers.max(2) - 1) as f64);
        let moved = (late / each.max(1e-6)).clamp(-MOVE, MOVE);
        self.times = Times::default();
        let samples = open.step.samples();
        let own = (own as f64 - moved + 0.5) as usize;
        self.own = Some((workers, own.clamp(1, samples.max(2) - 1)));
    }

    /// Lets a follower trap, so that a test can watch what follows.
    pub fn crash(&mut self) {
        let first = self.hands.iter().find(|hand| hand.ready);
        if let (Some(hand), Some(followers)) = (first, &mut self.followers) {
            write_header(Kind::Trap, false, 0, &mut self.message);
            followers.send(hand.id, &self.message);
        }
    }

    fn hand(&mut self, id: FollowerId) -> Option<&mut Hand> {
        self.hands.iter_mut().find(|hand| hand.id == id)
    }
}
