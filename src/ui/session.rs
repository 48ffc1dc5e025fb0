//! The page's conductor: owns the worker, the data files and the last checkpoint, carries out what
//! the controls ask for, and keeps the [`Model`] true.
//!
//! What takes several steps (fetch data, load it, build a network, train) is an [`Intent`] that is
//! pursued each time a piece falls into place. When the worker traps it is replaced, and the intent
//! becomes "go on from the last checkpoint".

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::timers::callback::{Interval, Timeout};
use js_sys::Uint8Array;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, Blob};

use super::client::{Client, Report};
use super::datasets::{self, Files};
use super::fetch;
use super::link;
use super::model::{DataState, Model, Origin, Phase, View, WorkerState};
use crate::train::config::RunConfig;
use crate::train::record::RunRecord;
use crate::worker::message::{Event, Request, RunId, SampleImage, Ticket};

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
    Checkpoint { data: String, bytes: Uint8Array },
}

#[derive(Clone)]
struct Intent {
    goal: Goal,
    start: Start,
    /// The phase to return to when it fails.
    before: Phase,
    /// Whether the network was asked for and its answer is awaited.
    asked: bool,
}

/// A checkpoint kept against the worker's death.
#[derive(Clone)]
struct Kept {
    step: u64,
    bytes: Uint8Array,
}

/// A file to be offered for download: name and content.
pub type Deliver = Box<dyn FnOnce(Uint8Array)>;

/// The conductor. Cloning it clones a handle.
#[derive(Clone)]
pub struct Session(Rc<Inner>);

struct Inner {
    model: RefCell<Model>,
    listener: RefCell<Option<Rc<dyn Fn(Model)>>>,
    client: RefCell<Option<Client>>,
    intent: RefCell<Option<Intent>>,
    files: RefCell<Option<Files>>,
    in_worker: RefCell<Option<String>>,
    abort: RefCell<Option<AbortController>>,
    kept: RefCell<Option<Kept>>,
    deaths: Cell<u32>,
    record: RefCell<Option<Rc<RunRecord>>>,
    replay: RefCell<Option<Interval>>,
    address: RefCell<Option<Timeout>>,
    numbers: Cell<u32>,
    drawing: RefCell<Option<Vec<u8>>>,
    asking: Cell<bool>,
    ask_again: Cell<bool>,
    deliver: RefCell<Option<(Ticket, Deliver)>>,
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
        let (config, fault) = match link::read(&hash) {
            Ok(config) => (config, None),
            Err(error) => (RunConfig::default(), Some(error.to_string())),
        };
        let mut model = Model::new(config);
        if let Some(text) = fault {
            model.tell(true, text);
        }
        Self(Rc::new(Inner {
            model: RefCell::new(model),
            listener: RefCell::default(),
            client: RefCell::default(),
            intent: RefCell::default(),
            files: RefCell::default(),
            in_worker: RefCell::default(),
            abort: RefCell::default(),
            kept: RefCell::default(),
            deaths: Cell::new(0),
            record: RefCell::default(),
            replay: RefCell::default(),
            address: RefCell::default(),
            numbers: Cell::new(0),
            drawing: RefCell::default(),
            asking: Cell::new(false),
            ask_again: Cell::new(false),
            deliver: RefCell::default(),
            still,
        }))
    }

    /// Tell `listener` the model now and whenever it changes.
    pub fn listen(&self, listener: Rc<dyn Fn(Model)>) {
        *self.0.listener.borrow_mut() = Some(listener);
        self.changed();
    }

    /// The model as it is.
    pub fn model(&self) -> Model {
        self.0.model.borrow().clone()
    }

    /// Start the worker and fetch the example.
    pub fn start(&self) {
        self.spawn_worker();
        let session = self.clone();
        spawn_local(async move {
            let record = datasets::example().await;
            session.0.record.replace(record.map(Rc::new));
            session.show_example();
            session.prepare_answers().await;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Model)) {
        change(&mut self.0.model.borrow_mut());
        self.changed();
    }

    fn changed(&self) {
        let listener = self.0.listener.borrow().clone();
        if let Some(listener) = listener {
            listener(self.model());
        }
    }

    fn phase(&self) -> Phase {
        self.0.model.borrow().phase
    }

    fn number(&self) -> u32 {
        self.0.numbers.set(self.0.numbers.get() + 1);
        self.0.numbers.get()
    }

    fn send(&self, request: Request) {
        self.send_with(request, vec![]);
    }

    fn send_with(&self, request: Request, bulk: Vec<Uint8Array>) {
        if let Some(client) = &*self.0.client.borrow() {
            client.send(request, bulk);
        }
    }
}

/// The example.
impl Session {
    /// Show the recorded run, replaying it once; without one, an untrained network.
    pub fn show_example(&self) {
        let record = self.0.record.borrow().clone();
        let Some(record) = record else {
            let config = self.0.model.borrow().draft.config.clone();
            self.begin(Goal::Show, Start::Fresh(Box::new(config)));
            return;
        };
        self.abandon();
        let last = record.epochs.last().map_or(0, |e| e.epoch);
        self.change(|m| {
            m.phase = Phase::Example;
            m.run = RunId(0);
            m.pad.network = false;
            m.pad.probabilities.clear();
            m.view = View::recorded(&record, if self.0.still { last } else { 1 });
        });
        if self.0.still || last < 2 {
            return;
        }
        let (session, epoch) = (self.clone(), Cell::new(1));
        let tick = Interval::new(REPLAY_MILLISECONDS / last, move || {
            epoch.set(epoch.get() + 1);
            if session.phase() == Phase::Example && epoch.get() <= last {
                session.change(|m| m.view = View::recorded(&record, epoch.get()));
            } else {
                // Dropping the interval inside its own tick would free the running closure.
                let session = session.clone();
                Timeout::new(0, move || drop(session.0.replay.take())).forget();
            }
        });
        self.0.replay.replace(Some(tick));
    }

    /// Bring the example's network into the worker, so that the pad answers before any training.
    async fn prepare_answers(&self) {
        let file = self.0.record.borrow().as_ref().and_then(|record| record.checkpoint.clone());
        if let Some(file) = file
            && let Some(bytes) = datasets::example_checkpoint(&file).await
            && self.phase() == Phase::Example
            && self.0.intent.borrow().is_none()
        {
            let data = datasets::SUBSET.to_string();
            self.begin(Goal::Answer, Start::Checkpoint { data, bytes });
        }
    }
}

/// The transport.
impl Session {
    /// Train, or go on.
    pub fn train(&self) {
        self.go(Goal::Train);
    }

    /// Take one step.
    pub fn step(&self) {
        self.go(Goal::Step);
    }

    fn go(&self, goal: Goal) {
        let stale = self.phase() == Phase::Ready && self.0.model.borrow().settings_changed();
        match self.phase() {
            Phase::Ready | Phase::Paused if !stale => {
                if goal == Goal::Train {
                    self.change(|m| {
                        m.notice = None;
                        m.phase = Phase::Running;
                    });
                    self.send(Request::Train);
                } else {
                    self.send(Request::Step);
                }
            }
            Phase::Running | Phase::Preparing => {}
            _ => self.begin_draft(goal),
        }
    }

    /// Stand still.
    pub fn pause(&self) {
        self.send(Request::Pause);
    }

    /// End the run; its network stays to be tried and saved.
    pub fn stop(&self) {
        match self.phase() {
            Phase::Running | Phase::Paused => {
                self.change(|m| m.phase = Phase::Stopped);
                self.send(Request::Pause);
            }
            Phase::Preparing => self.cancel(),
            _ => {}
        }
    }

    /// An untrained network with the settings as they are.
    pub fn reset(&self) {
        self.begin_draft(Goal::Show);
    }

    /// Break off what is being prepared.
    pub fn cancel(&self) {
        if let Some(abort) = self.0.abort.take() {
            abort.abort();
        }
        if let Some(intent) = self.0.intent.take() {
            self.change(|m| {
                m.phase = intent.before;
                m.data = DataState::Absent;
            });
            if intent.before == Phase::Preparing {
                self.show_example();
            }
        }
    }

    fn begin_draft(&self, goal: Goal) {
        let (fault, config) = {
            let model = self.0.model.borrow();
            (model.draft.fault(), model.draft.config.clone())
        };
        if let Some((_, message)) = fault {
            self.change(|m| m.tell(true, message));
            return;
        }
        self.begin(goal, Start::Fresh(Box::new(config)));
    }
}

/// Pursuing intents.
impl Session {
    fn abandon(&self) {
        self.0.replay.take();
        self.0.intent.take();
        if let Some(abort) = self.0.abort.take() {
            abort.abort();
        }
        if self.phase() == Phase::Running {
            self.send(Request::Pause);
        }
    }

    fn begin(&self, goal: Goal, start: Start) {
        let before = self.phase();
        self.abandon();
        if goal != Goal::Answer {
            self.change(|m| {
                m.phase = Phase::Preparing;
                m.notice = None;
            });
        }
        self.0.intent.replace(Some(Intent { goal, start, before, asked: false }));
        self.pursue();
    }

    /// Do the next thing toward the intent, if it can be done now.
    fn pursue(&self) {
        let Some(mut intent) = self.0.intent.borrow().clone() else { return };
        if intent.asked {
            return;
        }
        let data = match &intent.start {
            Start::Fresh(config) => config.data.clone(),
            Start::Checkpoint { data, .. } => data.clone(),
        };
        if self.0.in_worker.borrow().as_ref() != Some(&data) {
            self.bring(&data);
            return;
        }
        let run = if intent.goal == Goal::Answer { DEMO } else { RunId(self.number()) };
        intent.asked = true;
        let start = intent.start.clone();
        self.0.intent.replace(Some(intent));
        if run != DEMO {
            self.0.model.borrow_mut().run = run;
        }
        match start {
            Start::Fresh(config) => self.send(Request::Prepare { run, config: *config }),
            Start::Checkpoint { bytes, .. } => {
                // A copy is moved: the page keeps its own against the next death.
                self.send_with(Request::Resume { run }, vec![bytes.slice(0, bytes.length())]);
            }
        }
    }

    fn fail(&self, message: String) {
        let Some(intent) = self.0.intent.take() else { return };
        if intent.goal == Goal::Answer {
            return;
        }
        self.change(|m| {
            m.phase = match intent.before {
                Phase::Preparing | Phase::Running => Phase::Stopped,
                before => before,
            };
            m.tell(true, message);
        });
    }

    /// Bring a data set into the worker: from files at hand, or from the page's origin.
    fn bring(&self, name: &str) {
        let busy = matches!(&self.0.model.borrow().data,
            DataState::Fetching { name: n, .. } | DataState::Reading { name: n } if n == name);
        if busy {
            return;
        }
        let files = self.0.files.borrow().clone().filter(|files| files.name == name);
        if let Some(files) = files {
            self.load(files);
            return;
        }
        let Some(url) = datasets::address(name) else {
            let message = datasets::unknown(name);
            self.change(|m| {
                m.data = DataState::Failed { name: name.into(), message: message.clone() };
            });
            self.fail(message);
            return;
        };
        let abort = AbortController::new().ok();
        self.0.abort.replace(abort.clone());
        self.change(|m| {
            m.data = DataState::Fetching { name: name.into(), received: 0, total: None };
        });
        let (session, name) = (self.clone(), name.to_string());
        spawn_local(async move {
            let signal = abort.map(|abort| abort.signal());
            let shown = Cell::new(0.0);
            let result = fetch::fetch(&url, signal.as_ref(), |received, total| {
                let now = js_sys::Date::now();
                if now - shown.get() > 100.0 {
                    shown.set(now);
                    let name = name.clone();
                    session.change(|m| m.data = DataState::Fetching { name, received, total });
                }
            })
            .await;
            match result {
                Ok(blob) => session.load(Files::pack(name, blob)),
                Err(fetch::FetchError::Aborted) => {}
                Err(error) => {
                    let message = datasets::not_fetched(&name, &error);
                    session.change(|m| {
                        m.data = DataState::Failed { name, message: message.clone() };
                    });
                    session.fail(message);
                }
            }
        });
    }

    /// Hand files to the worker. They stay here too, as blobs, for a worker that follows.
    fn load(&self, files: Files) {
        self.change(|m| m.data = DataState::Reading { name: files.name.clone() });
        let session = self.clone();
        spawn_local(async move {
            let mut bulk = vec![];
            for blob in files.blobs.iter() {
                match fetch::bytes(blob).await {
                    Ok(bytes) => bulk.push(bytes),
                    Err(_) => {
                        let (name, message) = (files.name, datasets::UNREADABLE.to_string());
                        session.change(|m| {
                            m.data = DataState::Failed { name, message: message.clone() };
                        });
                        session.fail(message);
                        return;
                    }
                }
            }
            let request =
                Request::Load { name: files.name.clone(), source: files.source.clone() };
            session.0.files.replace(Some(files));
            session.send_with(request, bulk);
        });
    }

    /// The visitor's own files.
    pub fn load_own(&self, files: Vec<(String, Blob)>) {
        self.load(Files::own(files));
    }

    /// A checkpoint file of the visitor's.
    pub fn load_checkpoint(&self, blob: Blob) {
        let session = self.clone();
        spawn_local(async move {
            let Ok(bytes) = fetch::bytes(&blob).await else {
                session.change(|m| m.tell(true, datasets::UNREADABLE));
                return;
            };
            match datasets::checkpoint_config(&bytes.to_vec()) {
                Some(config) => {
                    let data = config.data.clone();
                    session.edit(|draft| draft.config = config);
                    session.begin(Goal::Show, Start::Checkpoint { data, bytes });
                }
                None => session.change(|m| m.tell(true, datasets::NO_CHECKPOINT)),
            }
        });
    }
}

/// Events of the worker.
impl Session {
    fn spawn_worker(&self) {
        let session = Rc::downgrade(&self.0);
        let handler = Rc::new(move |report: Report| {
            if let Some(inner) = session.upgrade() {
                Session(inner).hear(report);
            }
        });
        self.0.in_worker.take();
        self.0.asking.set(false);
        match Client::start(handler) {
            Ok(client) => drop(self.0.client.replace(Some(client))),
            Err(message) => self.change(|m| {
                m.phase = Phase::Failed;
                m.tell(true, message);
            }),
        }
    }

    fn hear(&self, report: Report) {
        match report {
            Report::Died(said) => {
                // Not inside the dying worker's own handler, which is about to be dropped.
                let session = self.clone();
                Timeout::new(0, move || session.recover(&said)).forget();
            }
            Report::Event(event, bulk) => self.event(event, bulk),
        }
    }

    fn event(&self, event: Event, mut bulk: Vec<Uint8Array>) {
        match &event {
            Event::Ready { .. } => {
                self.change(|m| m.worker = WorkerState::Ready);
                self.pursue();
                return;
            }
            Event::Loaded { data, .. } => {
                self.0.in_worker.replace(Some(data.name.clone()));
                if data.name == datasets::OWN {
                    self.edit(|draft| draft.config.data = datasets::OWN.into());
                }
            }
            Event::DataRefused { name, message } => {
                let (name, message) = (name.clone(), message.clone());
                self.0.files.take();
                self.change(|m| m.apply(Event::DataRefused { name, message: message.clone() }));
                self.fail(message);
                return;
            }
            Event::RunRefused { message, .. } => {
                self.fail(message.clone());
                return;
            }
            Event::Checkpoint { run, ticket, step } => {
                if let Some(bytes) = bulk.pop() {
                    self.checkpoint(*run, *ticket, *step, bytes);
                }
                return;
            }
            Event::Prediction { .. } => {
                self.0.asking.set(false);
            }
            Event::Epoch { .. } => self.0.deaths.set(0),
            _ => {}
        }
        let prepared = match &event {
            Event::Prepared { run, .. } => Some(*run),
            _ => None,
        };
        let drawn = matches!(&event, Event::Progress { progress, .. } if progress.snapshot.is_some())
            || prepared.is_some()
            || (matches!(event, Event::Prediction { .. }) && self.0.ask_again.take());
        let laid = matches!(event, Event::Image { .. });
        self.0.model.borrow_mut().apply(event);
        match prepared {
            Some(run) => self.prepared(run),
            None => self.pursue(),
        }
        if laid {
            let pixels = self.0.model.borrow().pad.image.as_ref().map(|i| i.pixels.clone());
            self.0.drawing.replace(pixels);
        }
        self.changed();
        if drawn || laid {
            self.ask();
        }
    }

    fn prepared(&self, run: RunId) {
        if run == DEMO {
            self.0.intent.take();
            self.0.model.borrow_mut().pad.network = true;
            return;
        }
        if run != self.0.model.borrow().run {
            return;
        }
        let Some(intent) = self.0.intent.take() else { return };
        match intent.goal {
            Goal::Train => {
                self.0.model.borrow_mut().phase = Phase::Running;
                self.send(Request::Train);
            }
            Goal::Step => self.send(Request::Step),
            Goal::Show | Goal::Answer => {}
        }
        if intent.before != Phase::Running {
            self.0.kept.take();
        }
    }

    fn checkpoint(&self, run: RunId, ticket: Option<Ticket>, step: u64, bytes: Uint8Array) {
        if let Some(ticket) = ticket {
            let deliver = self.0.deliver.take();
            if let Some((asked, deliver)) = deliver
                && asked == ticket
            {
                deliver(bytes);
            }
        } else if run == self.0.model.borrow().run {
            self.0.kept.replace(Some(Kept { step, bytes }));
            self.0.deaths.set(0);
        }
    }

    /// Replace a worker that died, and go on from the last checkpoint.
    fn recover(&self, said: &str) {
        self.0.deaths.set(self.0.deaths.get() + 1);
        self.0.client.take();
        let model = self.model();
        let said = said.lines().last().unwrap_or_default().trim();
        if self.0.deaths.get() > MAX_DEATHS {
            self.0.intent.take();
            self.change(|m| {
                m.phase = Phase::Failed;
                m.tell(true, format!(
                    "The training worker keeps stopping ({said}). Change the settings and press Train to try again, or reload the page."
                ));
            });
            self.0.deaths.set(0);
            self.spawn_worker();
            return;
        }
        self.change(|m| {
            m.worker = WorkerState::Starting;
            m.data = DataState::Absent;
        });
        self.spawn_worker();
        let intent = self.0.intent.take();
        if let Some(intent) = intent {
            // It died while a network was being built: build it again.
            self.0.intent.replace(Some(Intent { asked: false, ..intent }));
            self.pursue();
        } else if model.view.origin == Origin::Live {
            let goal = if model.phase == Phase::Running { Goal::Train } else { Goal::Show };
            let kept = self.0.kept.borrow().clone();
            let (start, step) = match kept {
                Some(kept) => {
                    let data = model.view.config.data.clone();
                    (Start::Checkpoint { data, bytes: kept.bytes }, kept.step)
                }
                None => (Start::Fresh(Box::new((*model.view.config).clone())), 0),
            };
            self.begin(goal, start);
            if let Some(intent) = &mut *self.0.intent.borrow_mut() {
                intent.before = Phase::Running;
            }
            self.change(|m| {
                m.tell(false, format!(
                    "The training worker stopped ({said}) and was restarted from its checkpoint at step {}.",
                    super::format::count(step)
                ));
            });
        }
    }
}

/// Settings, pad and files.
impl Session {
    /// Change the settings; the address follows.
    pub fn edit(&self, change: impl FnOnce(&mut super::draft::Draft)) {
        self.change(|m| {
            change(&mut m.draft);
            if m.notice.as_ref().is_some_and(|n| n.fault) {
                m.notice = None;
            }
        });
        let session = self.clone();
        let later = Timeout::new(300, move || {
            session.write_address();
            session.show_untrained();
        });
        self.0.address.replace(Some(later));
    }

    /// Before training, the network on display is the one of the settings.
    fn show_untrained(&self) {
        let wanted = {
            let model = self.0.model.borrow();
            let same_data = model.draft.config.data == model.view.config.data;
            model.phase == Phase::Ready
                && same_data
                && model.settings_changed()
                && model.draft.fault().is_none()
        };
        if wanted {
            self.begin_draft(Goal::Show);
        }
    }

    fn write_address(&self) {
        let (valid, hash) = {
            let model = self.0.model.borrow();
            (model.draft.fault().is_none(), link::write(&model.draft.config))
        };
        if !valid {
            return;
        }
        let window = gloo::utils::window();
        let location = window.location();
        let base = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
        let url = if hash.is_empty() { base } else { format!("{base}#{hash}") };
        if let Ok(history) = window.history() {
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&url));
        }
    }

    /// The page's address with the present settings.
    pub fn link(&self) -> String {
        self.0.address.take();
        self.write_address();
        gloo::utils::window().location().href().unwrap_or_default()
    }

    /// Take the settings from the address, after it changed.
    pub fn read_address(&self) {
        let hash = gloo::utils::window().location().hash().unwrap_or_default();
        match link::read(&hash) {
            Ok(config) => self.change(|m| m.draft = super::draft::Draft::new(config)),
            Err(error) => self.change(|m| m.tell(true, error.to_string())),
        }
    }

    /// Say something to the visitor.
    pub fn tell(&self, fault: bool, text: &str) {
        self.change(|m| m.tell(fault, text));
    }

    /// Put the sentence away.
    pub fn dismiss(&self) {
        self.change(|m| m.notice = None);
    }

    /// What is drawn on the pad; none when it is empty.
    pub fn draw(&self, pixels: Option<Vec<u8>>) {
        let empty = pixels.is_none();
        self.0.drawing.replace(pixels);
        if empty {
            self.change(|m| {
                m.pad.image = None;
                m.pad.probabilities.clear();
            });
        } else {
            if self.0.model.borrow().pad.image.is_some() {
                self.change(|m| m.pad.image = None);
            }
            self.ask();
        }
    }

    /// Lay a sample on the pad.
    pub fn lay(&self, image: SampleImage) {
        self.0.drawing.replace(Some(image.pixels.clone()));
        self.change(|m| {
            m.pad.image = Some(image);
            m.pad.laid += 1;
        });
        self.ask();
    }

    /// Ask the network about the pad; one question at a time, the newest last.
    fn ask(&self) {
        let Some(pixels) = self.0.drawing.borrow().clone() else { return };
        if !self.0.model.borrow().pad.network {
            return;
        }
        if self.0.asking.replace(true) {
            self.0.ask_again.set(true);
            return;
        }
        let ticket = Ticket(self.number());
        self.send_with(Request::Predict { ticket }, vec![Uint8Array::from(pixels.as_slice())]);
    }

    /// Ask for a checkpoint of the run as it stands.
    pub fn checkpoint_now(&self, deliver: Deliver) {
        let ticket = Ticket(self.number());
        self.0.deliver.replace(Some((ticket, deliver)));
        self.send(Request::Checkpoint { ticket });
    }

    /// Let the worker trap.
    pub fn crash_worker(&self) {
        self.send(Request::Crash);
    }

    /// Measure both executors; the model's `speeds` hold the answer.
    pub fn bench(&self, milliseconds: u32) {
        self.change(|m| m.speeds.clear());
        self.send(Request::Bench { milliseconds });
    }

    /// Make sure some data set is in the worker (for the benchmark).
    pub fn has_data(&self) -> bool {
        self.0.in_worker.borrow().is_some()
    }

    /// Whether nothing is under way.
    pub fn idle(&self) -> bool {
        self.0.intent.borrow().is_none()
            && self.0.replay.borrow().is_none()
            && !self.0.asking.get()
            && !matches!(self.phase(), Phase::Running | Phase::Preparing)
    }
}
