//! Followers: workers that run shards of a batch with the training worker, their leader.
//!
//! A follower holds a [`Replica`] of the run and no data set. The leader sends it a setup when it has none that
//! stands where the run stands, an order for every step, and what the other shards of the step found; it
//! answers each order with what its own samples found. With all parts of a step leader and followers take it
//! alike, each by itself, and a follower that was sent its next order with the last part goes on at once. Every
//! message is one buffer, moved and not copied by the browser, and goes back and forth (`parcel`).
//! Little-endian:
//!
//! | message to a follower | bytes |
//! | --- | --- |
//! | another shard's part; may be none | as told below |
//! | setup, or order for the step in progress or the next; may be none | rest |
//! | kind: 0 setup, 1 part and order, 2 trap | 1 |
//! | 1 if what follows is worth staying awake for ([`VIGIL`]), else 0; then zeros | 3 |
//! | ticket, repeated in the answer to the order | 4 |
//! | bytes of the part | 4 |
//!
//! | answer | bytes |
//! | --- | --- |
//! | part of its shard; none where the order made no sense | all but 12 |
//! | ticket | 4 |
//! | microseconds of work | 4 |
//! | memory of the follower in KiB | 4 |
//!
//! [`Crew`] is the leader's side, [`Follower`] the other, both without a browser; `scope` starts the
//! workers and carries the bytes.

mod crew;
#[cfg(target_arch = "wasm32")]
mod parcel;
#[cfg(target_arch = "wasm32")]
pub(super) mod scope;

pub use crew::{Crew, Turn};

use super::engine::Clock;
use crate::exec::shard::word;
use crate::train::Replica;

/// Bytes after a message's body.
const TAIL: usize = 12;
/// Bytes after an answer's body.
const ANSWER: usize = 12;

/// Milliseconds for which a worker stays awake when it waits for another one: on some machines a processor that
/// sleeps takes longer to wake than a message to arrive.
pub const VIGIL: f64 = 2.0;

/// A follower's number, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerId(pub u32);

/// How a leader starts followers and reaches them.
pub trait Followers {
    /// Starts a follower, which says later that it listens. False if none can be started here.
    fn start(&mut self, id: FollowerId) -> bool;
    /// Sends it a message.
    fn send(&mut self, id: FollowerId, message: &[u8]);
    /// Ends it.
    fn stop(&mut self, id: FollowerId);
}

/// What a message is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Setup = 0,
    Work = 1,
    Trap = 2,
}

/// Ends a message, of which the first bytes are a part.
fn write_tail(kind: Kind, awake: bool, ticket: u32, part: usize, out: &mut Vec<u8>) {
    out.extend([kind as u8, u8::from(awake), 0, 0]);
    out.extend(ticket.to_le_bytes());
    out.extend((part as u32).to_le_bytes());
}

/// A follower but for what carries its messages.
#[derive(Default)]
pub struct Follower {
    replica: Option<Replica>,
    /// An order that was not answered yet, and its ticket.
    next: Option<(u32, Vec<u8>)>,
    answer: Vec<u8>,
    awake: bool,
}

impl Follower {
    /// Acts on a message. An order is answered, once the step before it is taken.
    ///
    /// # Panics
    /// When asked to trap, which is there for tests.
    pub fn hear(&mut self, mut message: Vec<u8>, now: Clock, heap: fn() -> u32) -> Option<&[u8]> {
        let (body, tail) = message.split_last_chunk::<TAIL>()?;
        let (kind, awake, ticket) = (tail[0], tail[1] != 0, word(tail, 4));
        let (part, rest) = body.split_at_checked(word(tail, 8) as usize)?;
        assert!(kind != Kind::Trap as u8, "the follower was asked to trap");
        if kind == Kind::Setup as u8 {
            self.replica = Replica::new(rest);
            self.next = None;
            return None;
        }
        self.awake = awake;
        if !rest.is_empty() {
            self.next = Some((ticket, rest.to_vec()));
        }
        if !part.is_empty() {
            let length = part.len();
            message.truncate(length);
            if let Some(replica) = &mut self.replica {
                replica.take(message);
            }
        }
        self.answer(now, heap)
    }

    /// Runs the order that came last, if no part of a step before is awaited.
    fn answer(&mut self, now: Clock, heap: fn() -> u32) -> Option<&[u8]> {
        if self.replica.as_ref().is_some_and(Replica::is_open) {
            return None;
        }
        let (ticket, order) = self.next.take()?;
        let begun = now();
        self.answer.clear();
        if let Some(replica) = &mut self.replica {
            replica.run(&order, &mut self.answer);
        }
        let work = ((now() - begun) * 1000.0) as u32;
        for number in [ticket, work, heap()] {
            self.answer.extend(number.to_le_bytes());
        }
        Some(&self.answer)
    }

    /// Whether what comes after the last answer is worth staying awake for.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.awake
    }
}
