//! What the page knows of a board beside what the worker reports.

use std::collections::VecDeque;
use std::rc::Rc;

use super::choices::Choices;
use crate::link::log::Passed;
use crate::link::run::Comparison;
use crate::worker::message::board::BoardView;

/// The page's serial port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Port {
    /// This browser, or this page, has none: why.
    Missing(&'static str),
    /// One can be asked for.
    #[default]
    Free,
    /// It was asked for and none was picked.
    Dismissed,
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
}

/// A command of the console and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub ticket: u32,
    /// What was typed.
    pub asked: String,
    /// The answer; none yet.
    pub answer: Option<String>,
    /// Whether it went wrong.
    pub fault: bool,
}

/// Everything the page shows of a board.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardState {
    /// What the worker reports.
    pub view: BoardView,
    /// The newest frames, oldest first.
    pub frames: Rc<VecDeque<Passed>>,
    /// The last comparison.
    pub comparison: Option<Rc<Comparison>>,
    /// Why there is none.
    pub not_verified: Option<String>,
    /// Whether one is under way.
    pub comparing: bool,
    /// Commands of the console, oldest first.
    pub lines: Vec<Line>,
    /// The port.
    pub port: Port,
    /// What is set for the next connection.
    pub choices: Choices,
}
