//! Intents, pursued step by step: data to the worker, a network built or resumed, training begun.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, Blob};

use super::{DEMO, Goal, Intent, Pending, Recovery, Session, Start};
use crate::ui::datasets::{self, Files};
use crate::ui::fetch;
use crate::ui::later;
use crate::ui::model::{DataState, Phase};
use crate::ui::pictures;
use crate::worker::message::{Request, RunId};

const NOT_FETCHED: &str = "The part of the page that reads folders was not fetched: the connection failed. Choose the folder again.";

impl Session {
    pub(super) fn abandon(&self) {
        self.0.replay.take();
        self.0.intent.take();
        if let Some(abort) = self.0.abort.take() {
            abort.abort();
        }
        if self.phase() == Phase::Running {
            self.send(Request::Pause);
        }
    }

    pub(super) fn begin(&self, goal: Goal, start: Start) {
        let before = match self.phase() {
            // What is given up for another thing is paused.
            Phase::Running => Phase::Paused,
            before => before,
        };
        if goal != Goal::Answer {
            // The example goes on moving while its network is brought.
            self.abandon();
            self.change(|m| m.phase = Phase::Preparing);
        }
        let run = self.0.model.borrow().run;
        self.take_up(Intent {
            goal,
            start,
            before,
            asked: false,
            run,
            recovery: None,
        });
    }

    pub(super) fn take_up(&self, intent: Intent) {
        self.0.intent.replace(Some(intent));
        self.pursue();
    }

    /// Do the next thing toward the intent, if it can be done now.
    pub(super) fn pursue(&self) {
        let Some(mut intent) = self.0.intent.borrow().clone() else {
            return;
        };
        if intent.asked {
            return;
        }
        let data = match &intent.start {
            Start::Fresh(config) => Some(config.data.clone()),
            Start::Checkpoint { data, .. } => Some(data.clone()),
            Start::Answers { .. } => None,
        };
        if let Some(data) = data
            && self.0.in_worker.borrow().as_ref() != Some(&data)
        {
            self.bring(&data);
            return;
        }
        let run = if intent.goal == Goal::Answer {
            DEMO
        } else {
            RunId(self.number())
        };
        intent.asked = true;
        let start = intent.start.clone();
        self.0.intent.replace(Some(intent));
        if run != DEMO {
            self.0.model.borrow_mut().run = run;
        }
        match start {
            Start::Fresh(config) => self.send(Request::Prepare {
                run,
                config: *config,
            }),
            Start::Checkpoint { bytes, .. } => {
                // A copy is moved: the page keeps its own against the next death.
                self.send_with(
                    Request::Resume { run },
                    vec![bytes.slice(0, bytes.length())],
                );
            }
            Start::Answers {
                bytes,
                size: (height, width),
            } => {
                let request = Request::Answer { run, height, width };
                self.send_with(request, vec![bytes.slice(0, bytes.length())]);
            }
        }
    }

    pub(super) fn fail(&self, message: String) {
        let Some(intent) = self.0.intent.take() else {
            return;
        };
        if intent.goal == Goal::Answer {
            return;
        }
        self.return_to(&intent);
        self.bring_back_newer();
        self.change(|m| {
            let text = match &intent.recovery {
                Some(Recovery { said, .. }) => format!(
                    "The training worker stopped ({said}), and its run could not be taken up again: {message}"
                ),
                None => message,
            };
            m.tell(true, text);
        });
    }

    /// Show again what was there before an intent that came to nothing.
    pub(super) fn return_to(&self, intent: &Intent) {
        self.0.model.borrow_mut().run = intent.run;
        let stands = self.stands();
        self.change(|m| {
            m.phase = match intent.before {
                Phase::Ready | Phase::Paused | Phase::Finished if !stands => Phase::Stopped,
                Phase::Preparing | Phase::Running => Phase::Stopped,
                before => before,
            };
            if !stands && m.phase == Phase::Stopped {
                m.pad.network = false;
            }
        });
        if stands && intent.before == Phase::Paused {
            // What it said when it came to a stand may have been missed.
            self.send(Request::Pause);
        }
    }

    /// Load the files again that a recovery put aside.
    pub(super) fn bring_back_newer(&self) {
        let newer = self.0.newer.take();
        if let Some(files) = newer {
            self.load(files, false);
        }
    }

    /// Bring a data set into the worker: from files at hand, or from the page's origin.
    pub(super) fn bring(&self, name: &str) {
        let busy = matches!(&self.0.model.borrow().data,
            DataState::Fetching { name: n, .. } | DataState::Reading { name: n } if n == name);
        if busy {
            return;
        }
        let files = self
            .0
            .files
            .borrow()
            .clone()
            .filter(|files| files.name == name);
        if let Some(files) = files {
            self.load(files, false);
            return;
        }
        let Some(url) = datasets::address(name) else {
            let message = datasets::unknown(name);
            self.change(|m| {
                m.data = DataState::Failed {
                    name: name.into(),
                    message: message.clone(),
                };
            });
            self.fail(message);
            return;
        };
        let abort = AbortController::new().ok();
        self.0.abort.replace(abort.clone());
        self.change(|m| {
            m.data = DataState::Fetching {
                name: name.into(),
                received: 0,
                total: None,
            };
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
                    session.change(|m| {
                        m.data = DataState::Fetching {
                            name,
                            received,
                            total,
                        }
                    });
                }
            })
            .await;
            match result {
                Ok(blob) => session.load(Rc::new(Files::pack(name, blob)), false),
                Err(fetch::FetchError::Aborted) => {}
                Err(error) => {
                    let message = datasets::not_fetched(&name, &error);
                    session.change(|m| {
                        m.data = DataState::Failed {
                            name,
                            message: message.clone(),
                        };
                    });
                    session.fail(message);
                }
            }
        });
    }

    /// Hand files to the worker. They stay here too, as blobs, for a worker that follows.
    pub(super) fn load(&self, files: Rc<Files>, chosen: bool) {
        self.change(|m| {
            m.data = DataState::Reading {
                name: files.name.clone(),
            }
        });
        let session = self.clone();
        spawn_local(async move {
            let mut bulk = vec![];
            for blob in &files.blobs {
                let Ok(bytes) = fetch::bytes(blob).await else {
                    let (name, message) = (files.name.clone(), datasets::UNREADABLE.to_string());
                    session.change(|m| {
                        m.data = DataState::Failed {
                            name,
                            message: message.clone(),
                        };
                    });
                    session.fail(message);
                    return;
                };
                bulk.push(bytes);
            }
            let request = Request::Load {
                name: files.name.clone(),
                source: files.source.clone(),
            };
            // They take the place of the earlier ones when the worker accepts them.
            let pending = Pending { files, chosen };
            session.0.pending.borrow_mut().push_back(pending);
            session.send_with(request, bulk);
        });
    }

    /// The visitor's own files.
    pub fn load_own(&self, files: Vec<(String, Blob)>) {
        let bytes: f64 = files.iter().map(|(_, blob)| blob.size()).sum();
        if bytes > datasets::MOST_BYTES {
            return self.not_read(datasets::too_large(bytes));
        }
        later::expect();
        self.load(Rc::new(Files::own(files)), true);
    }

    /// A set that the visitor made on the page.
    pub(in crate::ui) fn load_made(&self, files: Files) {
        self.load(Rc::new(files), true);
    }

    /// Calls the classes of the visitor's own data otherwise.
    pub fn name_classes(&self, names: Vec<String>) {
        let Some(files) = self.0.files.borrow().clone() else {
            return;
        };
        let renamed = Rc::new(Files {
            classes: names.clone(),
            ..(*files).clone()
        });
        let of_run = self.0.run_files.borrow().clone();
        if of_run.is_some_and(|of_run| Rc::ptr_eq(&of_run, &files)) {
            self.0.run_files.replace(Some(renamed.clone()));
            self.change(|m| m.view.classes = names.clone().into());
        }
        self.0.files.replace(Some(renamed));
        self.change(|m| {
            if let DataState::Loaded(data) = &mut m.data {
                data.classes = names;
            }
        });
        self.keep_run();
    }

    /// Folders that the visitor dropped.
    pub fn load_dropped(&self, folders: Array) {
        let session = self.clone();
        spawn_local(async move {
            if !later::fetch().await {
                session.not_read(NOT_FETCHED);
                return;
            }
            let files = pictures::walk(&folders).await;
            session.load_pictures(files);
        });
    }

    fn not_read(&self, message: impl Into<String>) {
        let (name, message) = (datasets::OWN.into(), message.into());
        self.change(|m| m.data = DataState::Failed { name, message });
    }

    /// A folder of the visitor's pictures: decoded here, then handed to the worker.
    pub fn load_pictures(&self, files: Vec<(String, Blob)>) {
        let (session, number) = (self.clone(), self.number());
        self.0.decoding.set(number);
        spawn_local(async move {
            if !later::fetch().await {
                session.not_read(NOT_FETCHED);
                return;
            }
            let shown = Cell::new(0.0);
            let going = |done, total| {
                let now = js_sys::Date::now();
                let on = session.0.decoding.get() == number;
                if on && now - shown.get() > 100.0 {
                    shown.set(now);
                    session.change(|m| m.data = DataState::Decoding { done, total });
                }
                on
            };
            match pictures::read(files, going).await {
                Ok(files) => session.load(Rc::new(files), true),
                Err(Some(message)) => session.not_read(message),
                Err(None) => session.change(|m| m.data = DataState::Absent),
            }
        });
    }

    /// Decode no further.
    pub fn stop_decoding(&self) {
        self.0.decoding.set(0);
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
                    session.begin(Goal::Show, Start::Checkpoint { data, bytes });
                }
                None => session.change(|m| m.tell(true, datasets::NO_CHECKPOINT)),
            }
        });
    }
}
