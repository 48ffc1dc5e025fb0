//! The link to a board: frames on a serial line, commands in them, both ends, and a virtual board.
//!
//! `docs/PROTOCOL.md` is the protocol for whoever builds the other end. The host asks, the board only
//! answers. Everything here is driven from outside, by bytes and by a clock in milliseconds, so that
//! the same code runs in a browser, natively, and in tests on a clock of their own.
//!
//! | module | holds |
//! | --- | --- |
//! | [`frame`] | frames, their checksum, their delimiting (COBS) |
//! | [`command`], [`answer`] | what is asked and answered, byte by byte |
//! | [`responder`] | the board's end: a window of frames in order, each answered once |
//! | [`session`] | the host's end: frames in flight, time limits, retries |
//! | [`time`] | how long transfers take |
//! | [`transport`], [`mod@line`] | how bytes travel; a simulated line with a speed and faults |
//! | [`virtual_board`] | a board made of the fixed-point executor and the cycle model |
//! | [`run`] | a training run on a board, checked against the simulator |
//! | [`log`], [`recording`] | the frames of a session as a file, and the board of such a file |
//! | [`console`] | single commands as people type and read them |

pub mod answer;
pub mod command;
pub mod console;
pub mod device;
pub mod fault;
mod flight;
pub mod frame;
pub mod line;
pub mod log;
pub mod recording;
pub mod responder;
pub mod run;
pub mod session;
pub mod time;
pub mod transport;
pub mod virtual_board;
