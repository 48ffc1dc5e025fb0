//! The leader's side: who follows, which samples they get, and a step whose results are awaited.
//!
//! A step is opened, orders go out, the leader runs the first shard itself, sends what it found with the orders
//! for the next step, and returns to its queue; once all have answered the step is closed. Whatever goes
//! wrong, the leader runs the shards that are missing, in fixed point with the same bits, and sets up anew
//! whoever cannot have followed. So any request can be handled in the middle of a step: it is closed first.

use std::collections::VecDeque;
use std::ops::Range;

use super::{ANSWER, FollowerId, Followers, Kind, VIGIL, write_tail};
use crate::exec::shard::word;
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
/// Steps that the next cut is chosen from.
const BALANCE: usize = 6;

struct Hand {
    id: FollowerId,
    /// Whether it said that it listens.
    ready: bool,
    /// Steps that its replica will have taken with what it was sent; none before a setup.
    stands: Option<u64>,
    heap: u32,
}

struct Order {
    hand: FollowerId,
    ticket: u32,
    samples: Range<usize>,
    answer: Option<Answer>,
}

/// What a follower answered.
struct Answer {
    part: Vec<u8>,
    /// Milliseconds of its work.
    work: f64,
}

/// Who runs what of a step.
struct Cut {
    /// Of the leader.
    own: usize,
    orders: Vec<Order>,
}

struct Open {
    step: OpenStep,
    begun: f64,
    /// When the leader's own part was sent.
    sent: f64,
    due: f64,
    cut: Cut,
}

impl Open {
    fn complete(&self) -> bool {
        self.cut.orders.iter().all(|order| order.answer.is_some())
    }
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
    /// The cut of a step whose orders are sent before it is open.
    ahead: Option<(u64, Cut)>,
    message: Vec<u8>,
    losses: u32,
    /// What is to be told of a loss.
    news: Option<String>,
    balance: Balance,
}

/// Where the cut was and should have been.
#[derive(Default)]
struct Balance {
    workers: usize,
    /// Samples of a whole batch that the leader runs; none before the first step.
    own: Option<usize>,
    /// What would have been right in each of the last steps.
    right: VecDeque<f64>,
}

impl Balance {
    /// Samples of a whole batch for the leader.
    fn own(&mut self, workers: usize, samples: usize) -> usize {
        if self.workers != workers {
            *self = Self {
                workers,
                ..Self::default()
            };
        }
        self.own.unwrap_or(samples.div_ceil(workers))
    }

    /// Counts a step that was cut so, in which the leader worked so many milliseconds and the slowest
    /// follower so many.
    fn count(&mut self, (own, rest): (usize, usize), mine: f64, theirs: f64) {
        // A sample less for the leader is one more for all followers together.
        let each = mine / own as f64 + theirs / rest.max(1) as f64;
        self.right
            .push_back(own as f64 + (theirs - mine) / each.max(1e-3));
        if self.right.len() > BALANCE {
            self.right.pop_front();
        }
        let mut right = self.right.clone();
        let right = middle(right.make_contiguous());
        self.own = Some((right + 0.5).max(1.0) as usize);
    }
}

/// The mean of the middle half, which a step that something else disturbed is no part of.
fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = &numbers[numbers.len() / 4..numbers.len() - numbers.len() / 4];
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
        (self.open, self.ahead) = (None, None);
        (self.balance, self.losses) = (Balance::default(), 0);
        for hand in &mut self.hands {
            hand.stands = None;
        }
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
        Some(open.sent + VIGIL)
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
        for cut in self.cuts() {
            cut.orders.retain(|order| order.hand != id);
        }
        self.complete()
    }

    /// Takes in an answer. Returns whether all are there.
    pub fn heard(&mut self, id: FollowerId, mut answer: Vec<u8>) -> bool {
        let Some(tail) = answer.last_chunk::<ANSWER>() else {
            return self.lost(id, "its answer was damaged");
        };
        let [ticket, work, heap] = [0, 4, 8].map(|at| word(tail, at));
        if let Some(hand) = self.hand(id) {
            hand.heap = heap.min(1 << 22);
        }
        answer.truncate(answer.len() - ANSWER);
        // An answer to an older order, and a second one, count for nothing.
        let mut orders = self.cuts().flat_map(|cut| &mut cut.orders);
        let Some(order) = orders
            .find(|order| (order.hand, order.ticket) == (id, ticket) && order.answer.is_none())
        else {
            return false;
        };
        order.answer = Some(Answer {
            part: answer,
            work: f64::from(work) / 1000.0,
        });
        drop(orders);
        self.pass_on(id);
        self.complete()
    }

    /// Cuts of the open step and the next.
    fn cuts(&mut self) -> impl Iterator<Item = &mut Cut> {
        let open = self.open.as_mut().map(|open| &mut open.cut);
        open.into_iter()
            .chain(self.ahead.as_mut().map(|(_, cut)| cut))
    }

    fn complete(&self) -> bool {
        self.open.as_ref().is_some_and(Open::complete)
    }

    /// Does the next thing for a trainer.
    pub fn advance(&mut self, trainer: &mut Trainer, now: impl Fn() -> f64) -> Turn {
        let complete = self.complete();
        if let Some(open) = &mut self.open {
            if complete {
                return self.close(trainer);
            }
            if now() < open.due {
                return Turn::Waiting;
            }
            let late = open
                .cut
                .orders
                .iter()
                .filter(|order| order.answer.is_none());
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
        let samples = open.step.samples();
        // The last batch of an epoch may be cut otherwise; in floating point bits depend on the cut.
        if samples == trainer.config().batch && open.complete() && trainer.any_cut() {
            let answers = open
                .cut
                .orders
                .iter()
                .filter_map(|order| order.answer.as_ref());
            let theirs = answers.map(|answer| answer.work).fold(0.0, f64::max);
            let cut = (open.cut.own, samples - open.cut.own);
            self.balance.count(cut, open.sent - open.begun, theirs);
        }
        let (mut known, mut told) = (open.cut.own, Vec::new());
        for Order {
            hand,
            samples,
            answer,
            ..
        } in open.cut.orders
        {
            let taken = answer.map(|answer| trainer.take_part(&mut open.step, answer.part));
            match taken {
                None => told.push((hand, samples.len())),
                Some(Ok(())) => {
                    known += samples.len();
                    told.push((hand, 0));
                }
                Some(Err(error)) => drop(self.lost(hand, &error.to_string())),
            }
        }
        for (hand, own) in told {
            // It knows its own part, and of the others what the leader knows.
            if known + own < samples
                && let Some(hand) = self.hand(hand)
            {
                hand.stands = None;
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
                stands: None,
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

    /// Sends the orders for a step, runs the leader's own shard and sends what it found, with the orders for
    /// the next.
    fn open(
        &mut self,
        trainer: &mut Trainer,
        mut step: OpenStep,
        begun: f64,
        now: impl Fn() -> f64,
    ) {
        let cut = self
            .ordered(trainer.step())
            .unwrap_or_else(|| self.order(trainer, &step));
        trainer.run_shard(&mut step, 0..cut.own);
        self.ahead = self.look_ahead(trainer, &cut);
        self.message.clear();
        trainer.write_part(&step, &mut self.message);
        let part = self.message.len();
        for Order { hand, .. } in &cut.orders {
            self.message.truncate(part);
            let mut orders = self.ahead.iter().flat_map(|(_, cut)| &cut.orders);
            let next = orders.find(|order| order.hand == *hand);
            if let Some(next) = next {
                trainer.write_order_ahead(&next.samples, &mut self.message);
            }
            let (ticket, awake) = (next.map_or(0, |next| next.ticket), next.is_some());
            self.send(*hand, Kind::Work, awake, ticket, part);
            if let Some(hand) = self.hand(*hand) {
                hand.stands = Some(trainer.step() + 1);
            }
        }
        let sent = now();
        let early = cut.orders.iter().filter(|order| order.answer.is_some());
        let early: Vec<_> = early.map(|order| order.hand).collect();
        self.open = Some(Open {
            step,
            begun,
            sent,
            due: sent + PATIENCE.max(PATIENCE_RATIO * (sent - begun)),
            cut,
        });
        for hand in early {
            self.pass_on(hand);
        }
    }

    /// The cut of a step whose orders were sent ahead, as far as those who have them stand there.
    fn ordered(&mut self, number: u64) -> Option<Cut> {
        let (_, mut cut) = self.ahead.take().filter(|(step, _)| *step == number)?;
        let stands = |order: &Order| {
            let mut hands = self.hands.iter();
            hands.any(|hand| hand.id == order.hand && hand.stands == Some(number))
        };
        cut.orders.retain(stands);
        (!cut.orders.is_empty()).then_some(cut)
    }

    /// Cuts a step and sends its orders, and setups to who needs one.
    fn order(&mut self, trainer: &Trainer, step: &OpenStep) -> Cut {
        let cut = self.cut(trainer, step.samples());
        let number = trainer.step();
        let mut setup = None;
        for order in &cut.orders {
            let stands = self
                .hand(order.hand)
                .map(|hand| hand.stands.replace(number));
            if stands != Some(Some(number)) {
                self.message.clear();
                let setup = setup.get_or_insert_with(|| trainer.replica_setup());
                self.message.extend_from_slice(setup);
                self.send(order.hand, Kind::Setup, false, 0, 0);
            }
            self.message.clear();
            trainer.write_order(step, &order.samples, &mut self.message);
            self.send(order.hand, Kind::Work, true, order.ticket, 0);
        }
        cut
    }

    /// Gathers the next step's batch and cuts it among those of this step, if all who are ready are of it.
    fn look_ahead(&mut self, trainer: &mut Trainer, of: &Cut) -> Option<(u64, Cut)> {
        let samples = trainer.look_ahead()?;
        let cut = self.cut(trainer, samples);
        let known = |next: &Order| of.orders.iter().any(|order| order.hand == next.hand);
        let all = cut.orders.iter().all(known);
        all.then(|| (trainer.step() + 1, cut))
    }

    /// Cuts a batch among the leader and those who are ready.
    fn cut(&mut self, trainer: &Trainer, samples: usize) -> Cut {
        let workers = self.in_use().0.min(samples);
        // A batch that is cut short, as the last of an epoch, is cut evenly.
        let own = if samples == trainer.config().batch {
            self.balance.own(workers, samples)
        } else {
            samples.div_ceil(workers)
        };
        let own = own.clamp(1, samples - (workers - 1));
        let ready = self.hands.iter().filter(|hand| hand.ready);
        let rest = samples - own;
        let place = |at: usize| own + rest * at / (workers - 1);
        let orders = ready.take(workers - 1).enumerate().map(|(at, hand)| {
            self.ticket = self.ticket.wrapping_add(1);
            Order {
                hand: hand.id,
                ticket: self.ticket,
                samples: place(at)..place(at + 1),
                answer: None,
            }
        });
        Cut {
            own,
            orders: orders.collect(),
        }
    }

    /// Sends what a follower found to all others of the open step.
    fn pass_on(&mut self, from: FollowerId) {
        let Some(open) = self.open.take() else { return };
        let of = open.cut.orders.iter().find(|order| order.hand == from);
        if let Some(answer) = of.and_then(|order| order.answer.as_ref()) {
            for order in open.cut.orders.iter().filter(|order| order.hand != from) {
                self.message.clear();
                self.message.extend_from_slice(&answer.part);
                self.send(order.hand, Kind::Work, true, 0, answer.part.len());
            }
        }
        self.open = Some(open);
    }

    /// Sends the message to a follower; its first bytes are a part.
    fn send(&mut self, id: FollowerId, kind: Kind, awake: bool, ticket: u32, part: usize) {
        let awake = awake && self.is_spare();
        write_tail(kind, awake, ticket, part, &mut self.message);
        if let Some(followers) = &mut self.followers {
            followers.send(id, &self.message);
        }
    }

    /// Lets a follower trap, so that a test can watch what follows.
    pub fn crash(&mut self) {
        let first = self.hands.iter().find(|hand| hand.ready);
        if let (Some(hand), Some(followers)) = (first, &mut self.followers) {
            self.message.clear();
            write_tail(Kind::Trap, false, 0, 0, &mut self.message);
            followers.send(hand.id, &self.message);
        }
    }

    fn hand(&mut self, id: FollowerId) -> Option<&mut Hand> {
        self.hands.iter_mut().find(|hand| hand.id == id)
    }
}
