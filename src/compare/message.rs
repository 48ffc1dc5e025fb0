//! What the Compare tab and its worker say to each other: a small part encoded with `postcard` (configurations
//! in it as JSON), and byte buffers beside it where a variant says so.

use serde::{Deserialize, Serialize};

use super::hardware::Hardware;
use super::{Cost, Pipeline, Point};
use crate::train::config::RunConfig;

/// Version of this protocol.
pub const PROTOCOL: u32 = 1;

/// A number that the page chooses for each run and each question about a cost.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Ticket(pub u32);

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Take this packed data set (one buffer); runs on another end.
    Load {
        /// Name by which configurations refer to it.
        name: String,
    },
    /// What a configuration's network takes when it is deployed.
    Cost {
        /// Repeated in the answer.
        ticket: Ticket,
        /// The configuration.
        #[serde(with = "crate::json::text")]
        config: RunConfig,
    },
    /// What arrays and widths there are for a configuration's network.
    Explore {
        /// Repeated in the answer.
        ticket: Ticket,
        /// The configuration.
        #[serde(with = "crate::json::text")]
        config: RunConfig,
    },
    /// Train from the beginning, beside what is trained already.
    Train {
        /// Repeated in all that is said of it.
        ticket: Ticket,
        /// The configuration.
        #[serde(with = "crate::json::text")]
        config: RunConfig,
    },
    /// End a run where it stands.
    Stop {
        /// Which.
        ticket: Ticket,
    },
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The worker listens.
    Ready {
        /// [`PROTOCOL`].
        protocol: u32,
    },
    /// The worker is about to trap; this is why.
    Panic {
        /// What it said.
        message: String,
    },
    /// The data set is there.
    Loaded {
        /// Its name.
        name: String,
        /// Images to train on.
        train: u32,
        /// Images to test on.
        test: u32,
    },
    /// The data set cannot be read.
    Refused {
        /// What is wrong and what is accepted.
        message: String,
    },
    /// What a configuration's network takes.
    Costed {
        /// Of which question or run.
        ticket: Ticket,
        /// It.
        cost: Cost,
        /// Its hardware.
        pipeline: Pipeline,
    },
    /// Arrays and widths for a configuration's network.
    Explored {
        /// Of which question.
        ticket: Ticket,
        /// They.
        hardware: Vec<Hardware>,
    },
    /// How far a run is; a few times a second.
    Progress {
        /// Which.
        ticket: Ticket,
        /// Steps taken.
        step: u64,
        /// Steps in all.
        steps: u64,
    },
    /// An epoch of a run is over.
    Epoch {
        /// Which.
        ticket: Ticket,
        /// Its figures.
        point: Point,
    },
    /// A run is over, or was stopped.
    Ended {
        /// Which.
        ticket: Ticket,
        /// Whether all of its epochs were trained.
        whole: bool,
        /// Checksum of all parameters, 16 hexadecimal digits.
        checksum: String,
        /// Of a method that stores powers of two: how many weights have which exponent.
        exponents: Vec<(i32, u64)>,
    },
    /// A run or a question was refused.
    Failed {
        /// Which.
        ticket: Ticket,
        /// What is wrong.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were_sent() {
        let train = Request::Train {
            ticket: Ticket(3),
            config: RunConfig::default(),
        };
        let bytes = postcard::to_stdvec(&train).expect("encoded");
        assert_eq!(postcard::from_bytes::<Request>(&bytes), Ok(train));
    }
}
