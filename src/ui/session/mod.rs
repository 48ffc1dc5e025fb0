//! The page's conductor: owns the worker, the data files and the last checkpoint, carries out what
//! the controls ask for, and keeps the [`Model`] true.
//!
//! What takes several steps (fetch data, load it, build a network, train) is an [`Intent`] that is
//! pursued each time a piece falls into place. When the worker traps it is replaced, and the intent
//! becomes "go on from the last checkpoint".

mod address;
mod autosave;
mod board;
mod drawing;
mod events;
mod example;
mod intents;
mod settings;
mod transport;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

pub(in crate::ui) use autosave::KeptRun;

use gloo::timers::callback::{Interval, Timeout};
use js_sys::Uint8Array;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use super::accel::timed::Bench;
use super::client::Client;
use super::datasets::{self, Files};
use super::link;
use super::model::{Model, Origin, Phase};
use super::pace::Pace;
use crate::train::config::RunConfig;
use crate::train::record::RunRecord;
use crate::worker::message::{Request, RunId, Ticket};

/// Number of the run that only answers the pad while the example is shown.
const DEMO: RunId = RunId(u32::MAX);
/// Deaths of the worker without an epoch or a checkpoint in between, before the page gives up.
const MAX_DEATHS: u32 = 3;
/// Time the example takes to replay, in milliseconds.
const REPLAY_MILLISECONDS: u32 = 4_500;

/// What a run in preparation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Show,
    Train,
    Step,
    Answer,
}

/// What a run in preparation starts from.
#[derive(Clone)]
enum Start {
    Fresh(Box<RunConfig>),
    Checkpoint {
        data: String,
        bytes: Uint8Array,
    },
    /// A checkpoint without its data, only to answer images of this size.
    Answers {
        bytes: Uint8Array,
        size: (u32, u32),
    },
}

#[derive(Clone)]
struct Intent {
    goal: Goal,
    start: Start,
    /// The phase to return to when it fails.
    before: Phase,
    /// Whether the network was asked for and its answer is awaited.
    asked: bool,
    /// Number of the run that was shown, to return to when it fails.
    run: RunId,
    /// What happened to the worker and from where the run goes on, if this takes one up again.
    recovery: Option<Recovery>,
}

/// A worker's death, told once it is known how it ended.
#[derive(Clone)]
struct Recovery {
    said: String,
    step: u64,
}

/// Files on their way into the worker.
struct Pending {
    files: Rc<Files>,
    /// Whether the visitor chose them just now, so that the settings follow.
    chosen: bool,
}

/// A checkpoint kept against the worker's death.
#[derive(Clone)]
struct Kept {
    step: u64,
    bytes: Uint8Array,
}

/// Hears the model whenever it changed.
pub type Listener = Rc<dyn Fn(Model)>;
/// A file to be offered for download: name and content.
pub type Deliver = Box<dyn FnOnce(Uint8Array)>;

/// The conductor. Cloning it clones a handle.
#[derive(Clone)]
pub struct Session(Rc<Inner>);

struct Inner {
    model: RefCell<Model>,
    listener: RefCell<Option<Listener>>,
    client: RefCell<Option<Client>>,
    intent: RefCell<Option<Intent>>,
    /// What the worker accepted last.
    files: RefCell<Option<Rc<Files>>>,
    /// What it was given and did not answer for yet, in order.
    pending: RefCell<VecDeque<Pending>>,
    /// What the live run was made on.
    run_files: RefCell<Option<Rc<Files>>>,
    /// Files accepted after the live run was made, to be brought back once it was taken up again.
    newer: RefCell<Option<Rc<Files>>>,
    /// The run that stands in the worker.
    standing: Cell<Option<RunId>>,
    in_worker: RefCell<Option<String>>,
    abort: RefCell<Option<AbortController>>,
    kept: RefCell<Option<Kept>>,
    deaths: Cell<u32>,
    record: RefCell<Option<Rc<RunRecord>>>,
    replay: RefCell<Option<Interval>>,
    address: RefCell<Option<Timeout>>,
    numbers: Cell<u32>,
    /// Number of the folder that is being decoded.
    decoding: Cell<u32>,
    drawing: RefCell<Option<Vec<u8>>>,
    bench: RefCell<Bench>,
    asking: Cell<bool>,
    ask_again: Cell<bool>,
    /// Whether the visitor waits for the answer, and not only the run went on.
    visitor_waits: Cell<bool>,
    pace: Cell<Pace>,
    /// Whether there is news that was not drawn.
    undrawn: Cell<bool>,
    /// Whether a frame to draw news in was asked for.
    drawing_soon: Cell<bool>,
    deliver: RefCell<Option<(Ticket, Deliver)>>,
    board: RefCell<board::Desk>,
    keeping: Cell<autosave::Keeping>,
    /// Whether the run is being written.
    writing: Cell<bool>,
    /// Whether there is a newer checkpoint than the one being written.
    write_again: Cell<bool>,
    /// Whether what is being written is to be forgotten.
    forgetting: Cell<bool>,
    still: bool,
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Session {
    /// A session that starts from the address' configuration. `still` turns the replay off.
    pub fn new(still: bool) -> Self {
        let hash = gloo::utils::window().location().hash().unwrap_or_default();
        let parts = link::part(&hash);
        let read = link::read(parts.settings);
        let machine = link::read_machine(parts.machine);
        let faults = [read.as_ref().err(), machine.as_ref().err()];
        let fault = faults.into_iter().flatten().next().map(ToString::to_string);
        let mut model = Model::new(read.unwrap_or_default());
        Self::open(&mut model, &parts);
        model.accel.take(machine.unwrap_or_default());
        if let Some(text) = fault {
            model.tell(true, text);
        }
        Self(Rc::new(Inner {
            model: RefCell::new(model),
            listener: RefCell::default(),
            client: RefCell::default(),
            intent: RefCell::default(),
            files: RefCell::default(),
            pending: RefCell::default(),
            run_files: RefCell::default(),
            newer: RefCell::default(),
            standing: Cell::new(None),
            in_worker: RefCell::default(),
            abort: RefCell::default(),
            kept: RefCell::default(),
            deaths: Cell::new(0),
            record: RefCell::default(),
            replay: RefCell::default(),
            address: RefCell::default(),
            numbers: Cell::new(0),
            decoding: Cell::new(0),
            drawing: RefCell::default(),
            bench: RefCell::default(),
            asking: Cell::new(false),
            ask_again: Cell::new(false),
            visitor_waits: Cell::new(false),
            pace: Cell::default(),
            undrawn: Cell::new(false),
            drawing_soon: Cell::new(false),
            deliver: RefCell::default(),
            board: RefCell::default(),
            keeping: Cell::default(),
            writing: Cell::default(),
            write_again: Cell::default(),
            forgetting: Cell::default(),
            still,
        }))
    }

    /// Tell `listener` the model now and whenever it changes.
    pub fn listen(&self, listener: Listener) {
        *self.0.listener.borrow_mut() = Some(listener);
        self.changed();
    }

    /// The model as it is.
    pub fn model(&self) -> Model {
        self.0.model.borrow().clone()
    }

    /// Start the worker, and take up the run that is kept or fetch the example.
    pub fn start(&self) {
        self.spawn_worker();
        self.start_board();
        let session = self.clone();
        spawn_local(async move {
            let claimed = session.claim().await;
            let kept = claimed && session.untouched() && session.take_kept_run().await;
            let record = datasets::example().await;
            session.0.record.replace(record.map(Rc::new));
            if !kept && session.untouched() {
                session.show_example();
                session.prepare_answers().await;
            }
        });
    }

    /// Whether nothing was shown or asked for yet.
    fn untouched(&self) -> bool {
        self.0.intent.borrow().is_none() && self.0.model.borrow().view.origin == Origin::Nothing
    }

    fn phase(&self) -> Phase {
        self.0.model.borrow().phase
    }

    /// Whether the run on display stands in the worker, so that it answers.
    fn stands(&self) -> bool {
        self.0.standing.get() == Some(self.0.model.borrow().run)
    }

    /// Whether there is a checkpoint of the run on display, or can be.
    pub(in crate::ui) fn has_checkpoint(&self) -> bool {
        self.stands() || self.0.kept.borrow().is_some()
    }

    fn number(&self) -> u32 {
        self.0.numbers.set(self.0.numbers.get() + 1);
        self.0.numbers.get()
    }

    pub(in crate::ui) fn send(&self, request: Request) {
        self.send_with(request, vec![]);
    }

    fn send_with(&self, request: Request, bulk: Vec<Uint8Array>) {
        if let Some(client) = &*self.0.client.borrow() {
            client.send(request, bulk);
        }
    }
}
