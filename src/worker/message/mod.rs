//! What page and worker say to each other.
//!
//! A message is a small control part, encoded with `postcard` (configurations and machines
//! in it as JSON, the form that everything else reads and writes), and any number of byte buffers that
//! travel beside it as transferables (data files, checkpoints, images). Which buffers belong to
//! which message is said at each variant. A run is known by a number that the page chooses, so that
//! what a replaced run still had to say is told apart from news.

pub mod board;

use serde::{Deserialize, Serialize};

use crate::train::config::RunConfig;
use crate::train::metrics::{EpochMetrics, Snapshot, StepMetrics};
use crate::train::speed::Speed;

/// Version of this protocol. Page and worker are built together; a worker left over in a cache
/// announces another number and is refused.
pub const PROTOCOL: u32 = 2;

/// A number chosen by the page for each run it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId(pub u32);

/// A number chosen by the page for each question, repeated in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket(pub u32);

/// How the buffers of [`Request::Load`] hold a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// One buffer: a packed data set.
    Pack,
    /// One buffer for each named IDX file, plain or gzipped.
    Idx(Vec<String>),
    /// One buffer: a table of numbers with a label in each row.
    Table,
    /// Two buffers: grey pixels of all pictures, and a label for each.
    Pictures {
        /// Names of the classes.
        classes: Vec<String>,
        /// Rows of a picture.
        height: u32,
        /// Columns of a picture.
        width: u32,
        /// How the folder was understood.
        said: String,
    },
}

/// From the page to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Take this data set; buffers as its source says.
    Load {
        /// Name by which configurations refer to it.
        name: String,
        /// How the buffers hold it.
        source: Source,
    },
    /// Build a new run, untrained, in place of the present one.
    Prepare {
        /// Its number.
        run: RunId,
        /// Its configuration.
        #[serde(with = "crate::json::text")]
        config: RunConfig,
    },
    /// Build a run from a checkpoint (one buffer) in place of the present one.
    Resume {
        /// Its number.
        run: RunId,
    },
    /// Take the network of a checkpoint (one buffer) in place of the present run, only to answer
    /// images; no data are needed.
    Answer {
        /// Its number.
        run: RunId,
        /// Rows per image.
        height: u32,
        /// Columns per image.
        width: u32,
    },
    /// Train until paused or finished.
    Train,
    /// Train one batch, after the evaluation that is due, if one is.
    Step,
    /// Stand still.
    Pause,
    /// Send a checkpoint of the run as it stands.
    Checkpoint {
        /// Repeated in the answer.
        ticket: Ticket,
    },
    /// Class probabilities of one image (one buffer, a byte per pixel).
    Predict {
        /// Repeated in the answer.
        ticket: Ticket,
    },
    /// Send a test image.
    Image {
        /// Repeated in the answer.
        ticket: Ticket,
        /// Its position in the test set; taken modulo its size.
        index: u32,
    },
    /// Measure how fast configurations train, by turns, on images of noise.
    Bench {
        /// Wall time for each, over all repeats.
        milliseconds: u32,
        /// Stretches of that time that are measured one by one.
        repeats: u32,
        /// Each as the fields that differ from a preset, in JSON (see [`configuration`]); none for preset
        /// `paper` in floating and in fixed point.
        ///
        /// [`configuration`]: crate::train::speed::configuration
        configs: Vec<String>,
    },
    /// Train with so many workers from the next step on.
    Workers {
        /// Workers, the training worker among them; none to choose.
        asked: Option<u8>,
        /// Processors of the machine.
        processors: u8,
    },
    /// Train preset `paper` in fixed point with one worker and with two, for about this long each, on the
    /// loaded data.
    BenchWorkers {
        /// Wall time for each.
        milliseconds: u32,
    },
    /// Let a follower trap, so that a test can watch the recovery.
    CrashFollower,
    /// About a board; buffers as said there.
    Board(board::BoardRequest),
    /// Trap, so that a test can watch the recovery.
    Crash,
}

/// What a loaded data set is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Its name.
    pub name: String,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
    /// Rows per image.
    pub height: usize,
    /// Columns per image.
    pub width: usize,
    /// How the files were understood, where that is not plain.
    pub said: String,
}

/// A test image shown as a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleImage {
    /// Its position in the test set.
    pub index: u32,
    /// What it is.
    pub label: u8,
    /// Its pixels, row-major.
    pub pixels: Vec<u8>,
}

/// The network's answer for one sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The most probable class.
    pub class: u8,
    /// Its probability.
    pub probability: f32,
}

impl Answer {
    /// The most probable class; the first of equals.
    #[must_use]
    pub fn of(probabilities: &[f32]) -> Self {
        let mut answer = Self {
            class: 0,
            probability: 0.0,
        };
        for (class, &probability) in (0_u8..).zip(probabilities) {
            if probability > answer.probability {
                answer = Self { class, probability };
            }
        }
        answer
    }
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps taken.
    pub step: u64,
    /// Epoch being trained, from 1; 0 before the first step.
    pub epoch: u32,
    /// Whether the worker is training.
    pub moving: bool,
    /// Whether every epoch has been trained.
    pub finished: bool,
    /// Checksum of all parameters, 16 hexadecimal digits; only while standing still.
    pub checksum: Option<String>,
}

/// What happened since the last report, sent about eight times a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken since the last report, in order.
    pub steps: Vec<StepMetrics>,
    /// Test images evaluated and to evaluate, while an evaluation runs.
    pub evaluating: Option<(usize, usize)>,
    /// Training samples per second of wall time, measured over the last second or so.
    pub samples_per_second: f64,
    /// The state for drawing, when it is due.
    pub snapshot: Option<Snapshot>,
    /// Answers for the sample images, with each snapshot.
    pub answers: Vec<Answer>,
}

/// Speed with some number of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerSpeed {
    /// Workers in use.
    pub workers: usize,
    /// Training samples per second: the median of several measurements.
    pub samples_per_second: f64,
    /// Checksum of all parameters in the end.
    pub checksum: String,
    /// Steps taken until then.
    pub steps: u64,
    /// Memory of the followers, in KiB.
    pub heap: u32,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The worker listens. Nothing may be sent before.
    Ready {
        /// Its protocol, to be compared with [`PROTOCOL`].
        protocol: u32,
    },
    /// A data set is loaded.
    Loaded {
        /// What it is.
        data: DataInfo,
    },
    /// A data set was not loaded; the one loaded before stays.
    DataRefused {
        /// Its name.
        name: String,
        /// What was wrong and what is accepted.
        message: String,
    },
    /// A run stands ready, new or resumed.
    Prepared {
        /// Its number.
        run: RunId,
        /// Its configuration (of interest when resumed).
        #[serde(with = "crate::json::text")]
        config: Box<RunConfig>,
        /// The data it was made on.
        data: DataInfo,
        /// Some of their test images.
        samples: Vec<SampleImage>,
        /// Steps per epoch.
        steps_per_epoch: u64,
        /// Where it stands.
        position: Position,
        /// Its state for drawing.
        snapshot: Snapshot,
        /// Answers for the sample images.
        answers: Vec<Answer>,
    },
    /// A run was not built; the one before stays.
    RunRefused {
        /// Its number.
        run: RunId,
        /// Field of the configuration at fault, such as `prior.strength`, where there is one.
        field: Option<String>,
        /// What was wrong and what is accepted.
        message: String,
    },
    /// Training goes on.
    Progress {
        /// Of which run.
        run: RunId,
        /// What happened.
        progress: Progress,
    },
    /// An epoch was trained and evaluated.
    Epoch {
        /// Of which run.
        run: RunId,
        /// Its metrics.
        metrics: EpochMetrics,
    },
    /// The run was set in motion, came to a stand, or finished.
    Position {
        /// Of which run.
        run: RunId,
        /// Where it stands.
        position: Position,
    },
    /// A checkpoint (one buffer, safetensors).
    Checkpoint {
        /// Of which run.
        run: RunId,
        /// The page's question, or none where the worker sent it by itself.
        ticket: Option<Ticket>,
        /// Steps taken when it was written.
        step: u64,
    },
    /// Class probabilities of an image; empty where no run stands.
    Prediction {
        /// The page's question.
        ticket: Ticket,
        /// One probability per class.
        probabilities: Vec<f32>,
    },
    /// A test image.
    Image {
        /// The page's question.
        ticket: Ticket,
        /// The image.
        image: SampleImage,
    },
    /// How fast configurations train.
    Bench {
        /// One entry per configuration, or what was wrong with one.
        speeds: Result<Vec<Speed>, String>,
    },
    /// How many workers train now.
    Workers {
        /// Workers, the training worker among them.
        count: usize,
        /// Memory of the others, in KiB.
        heap: u32,
        /// What happened to one, for a person.
        message: Option<String>,
    },
    /// Speed with one worker and with two.
    BenchWorkers {
        /// One entry each.
        speeds: Vec<WorkerSpeed>,
    },
    /// About a board; buffers as said there.
    Board(board::BoardEvent),
    /// The worker is about to trap: the panic's message.
    Panic {
        /// What it said.
        message: String,
    },
}

/// A message that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMessage;

impl std::fmt::Display for BadMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the page and its training worker are of different versions: reload the page")
    }
}

impl std::error::Error for BadMessage {}

/// The control part of a message as bytes.
///
/// # Errors
/// If the message cannot be encoded, which no message of this module brings about.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, BadMessage> {
    postcard::to_stdvec(message).map_err(|_| BadMessage)
}

/// The control part of a message from its bytes.
///
/// # Errors
/// If the bytes are not such a message.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, BadMessage> {
    postcard::from_bytes(bytes).map_err(|_| BadMessage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_back_as_they_were_sent() {
        let sent = [
            Request::Load {
                name: "own".into(),
                source: Source::Idx(vec!["a".into(), "b".into()]),
            },
            Request::Prepare {
                run: RunId(7),
                config: RunConfig::default(),
            },
            Request::Predict { ticket: Ticket(3) },
            Request::Pause,
        ];
        for request in sent {
            let bytes = encode(&request).expect("encodes");
            assert_eq!(decode::<Request>(&bytes), Ok(request));
        }
    }

    #[test]
    fn a_cut_message_is_refused() {
        let bytes = encode(&Request::Prepare {
            run: RunId(7),
            config: RunConfig::default(),
        })
        .expect("encodes");
        for end in 0..bytes.len() {
            assert_eq!(decode::<Request>(&bytes[..end]), Err(BadMessage));
        }
    }
}
