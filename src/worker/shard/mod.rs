//! Followers: workers that run shards of a batch for the training worker, their leader.
//!
//! A follower holds no data set and nothing of the run. The leader sends it a [`ShardServer`]'s setup when
//! the Program changes and an order for every step; it answers each order with what its samples found.
//! Every message is one buffer, moved and not copied by the browser; an answer comes in the buffer of its
//! order (`parcel`). Little-endian:
//!
//! | message to a follower | bytes |
//! | --- | --- |
//! | kind: 0 setup, 1 order, 2 trap | 1 |
//! | 1 if the next order is worth staying awake for ([`VIGIL`]), else 0; then zeros | 3 |
//! | ticket, repeated in the answer to an order | 4 |
//! | setup or order | rest |
//!
//! | answer | bytes |
//! | --- | --- |
//! | partial result; none where the order made no sense | all but 12 |
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
use crate::train::ShardServer;

/// Bytes before a message's body.
const HEADER: usize = 8;
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

/// What a message asks for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Setup = 0,
    Order = 1,
    Trap = 2,
}

fn write_header(kind: Kind, awake: bool, ticket: u32, out: &mut Vec<u8>) {
    out.clear();
    out.extend([kind as u8, u8::from(awake), 0, 0]);
    out.extend(ticket.to_le_bytes());
}

/// A follower but for what carries its messages.
#[derive(Default)]
pub struct Follower {
    server: Option<ShardServer>,
    answer: Vec<u8>,
    awake: bool,
}

impl Follower {
    /// Acts on a message. An order is answered.
    ///
    /// # Panics
    /// When asked to trap, which is there for tests.
    pub fn hear(&mut self, message: &[u8], now: Clock, heap: fn() -> u32) -> Option<&[u8]> {
        let (header, body) = message.split_at_checked(HEADER)?;
        if header[0] == Kind::Setup as u8 {
            self.server = ShardServer::new(body);
            return None;
        }
        assert!(
            header[0] != Kind::Trap as u8,
            "the follower was asked to trap"
        );
        let begun = now();
        self.awake = header[1] != 0;
        self.answer.clear();
        if let Some(server) = &mut self.server {
            server.run(body, &mut self.answer);
        }
        let work = ((now() - begun) * 1000.0) as u32;
        self.answer.extend(&header[4..]);
        self.answer.extend(work.to_le_bytes());
        self.answer.extend(heap().to_le_bytes());
        Some(&self.answer)
    }
    /// Whether the order after the last one is worth staying awake for.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.awake
    }
}
