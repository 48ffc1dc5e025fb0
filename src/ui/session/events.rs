//! What the worker reports, and what is done when it dies.

use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen_futures::spawn_local;

use super::{DEMO, Goal, Intent, Kept, MAX_DEATHS, Pending, Recovery, Session, Start};
use crate::train::Trainer;
use crate::train::config::{LayerConfig, PriorKind, RunConfig};
use crate::train::propose::propose;
use crate::ui::client::{Client, Report};
use crate::ui::datasets;
use crate::ui::draft::Draft;
use crate::ui::format;
use crate::ui::model::{DataState, Model, Origin, Phase, WorkerState};
use crate::worker::message::{DataInfo, Event, Request, RunId, Ticket};

impl Session {
    pub(super) fn spawn_worker(&self) {
        let session = Rc::downgrade(&self.0);
        let handler = Rc::new(move |report: Report| {
            if let Some(inner) = session.upgrade() {
                Session(inner).hear(report);
            }
        });
        self.0.in_worker.take();
        self.0.standing.set(None);
        self.0.pending.take();
        self.0.asking.set(false);
        match Client::start(handler) {
            Ok(client) => drop(self.0.client.replace(Some(client))),
            Err(message) => self.change(|m| {
                m.phase = Phase::Failed;
                m.tell(true, message);
            }),
        }
    }

    pub(super) fn hear(&self, report: Report) {
        match report {
            Report::Died(said) => {
                // Not inside the dying worker's own handler, which is about to be dropped.
                let session = self.clone();
                Timeout::new(0, move || session.recover(&said)).forget();
            }
            Report::Event(event, bulk) => self.event(*event, bulk),
        }
    }

    pub(super) fn event(&self, mut event: Event, mut bulk: Vec<Uint8Array>) {
        self.call_classes(&mut event);
        match &event {
            Event::Ready { .. } => {
                self.change(|m| m.worker = WorkerState::Ready);
                self.ask_workers();
                self.pursue();
                return;
            }
            Event::Loaded { data } => {
                self.0.in_worker.replace(Some(data.name.clone()));
                let pending = self.0.pending.borrow_mut().pop_front();
                if let Some(Pending { files, chosen }) = pending {
                    self.0.files.replace(Some(files));
                    if chosen && !self.go_on_with(data) {
                        self.fit_network(data);
                    }
                }
            }
            Event::DataRefused { name, message } => {
                let (name, message) = (name.clone(), message.clone());
                self.0.pending.borrow_mut().pop_front();
                self.change(|m| {
                    m.apply(Event::DataRefused {
                        name,
                        message: message.clone(),
                    });
                });
                self.fail(message);
                return;
            }
            Event::RunRefused { run, message, .. } => {
                if self.awaits(*run) {
                    self.fail(message.clone());
                }
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
            Event::Board(_) => {
                if let Event::Board(event) = event {
                    self.board_event(event, bulk);
                }
                return;
            }
            _ => {}
        }
        let prepared = match &event {
            Event::Prepared { run, config, .. } => Some((*run, (**config).clone())),
            _ => None,
        };
        let answered = matches!(event, Event::Prediction { .. });
        let again = answered && self.0.ask_again.take();
        let awaited = answered && self.0.visitor_waits.get();
        if answered && !again {
            self.0.visitor_waits.set(false);
        }
        let drawn = matches!(&event, Event::Progress { progress, .. } if progress.snapshot.is_some())
            || prepared.is_some()
            || again;
        let laid = matches!(event, Event::Image { .. });
        self.0.model.borrow_mut().apply(event);
        match prepared {
            Some((run, config)) => self.prepared(run, config),
            None => self.pursue(),
        }
        if laid {
            let pixels = self
                .0
                .model
                .borrow()
                .pad
                .image
                .as_ref()
                .map(|i| i.pixels.clone());
            self.0.drawing.replace(pixels);
        }
        if laid || awaited {
            self.changed();
        } else {
            self.reported();
        }
        if drawn || laid {
            self.ask();
        }
    }

    /// Puts the visitor's names of classes into what the worker says of data.
    fn call_classes(&self, event: &mut Event) {
        let (data, files) = match event {
            Event::Loaded { data } => {
                let pending = self.0.pending.borrow();
                (data, pending.front().map(|pending| pending.files.clone()))
            }
            Event::Prepared { data, .. } => (data, self.0.files.borrow().clone()),
            _ => return,
        };
        if let Some(files) = files.filter(|files| files.name == data.name)
            && files.classes.len() == data.classes.len()
        {
            data.classes.clone_from(&files.classes);
        }
    }

    /// A run that stands without its data, since they were not kept with it, is taken up on those that the visitor
    /// chose, if they are as many; whether it is.
    fn go_on_with(&self, data: &DataInfo) -> bool {
        let waits = {
            let model = self.0.model.borrow();
            let own = model.view.config.data == datasets::OWN;
            own && model.view.origin == Origin::Live && model.phase == Phase::Stopped
        };
        let kept = self.0.kept.borrow().clone();
        match kept {
            Some(Kept { bytes, .. })
                if waits
                    && !self.stands()
                    && Trainer::peek_images(&bytes.to_vec()) == Ok((data.train, data.test)) =>
            {
                self.change(|m| m.notice = None);
                let data = datasets::OWN.to_string();
                self.begin(Goal::Show, Start::Checkpoint { data, bytes });
                true
            }
            _ => false,
        }
    }

    /// The settings follow the visitor's own data: their name, and a network for their size where the present one
    /// does not take them.
    fn fit_network(&self, data: &DataInfo) {
        let (height, width, classes) = (data.height, data.width, data.classes.len());
        let takes = {
            let model = self.0.model.borrow();
            let network = &model.draft.config.network;
            let inputs = height * (width + 2 * network.pad_columns);
            let ends = |layer: &LayerConfig| {
                let product = |modes: &[usize]| modes.iter().product::<usize>();
                (product(&layer.in_modes), product(&layer.out_modes))
            };
            let (first, last) = (network.layers.first(), network.layers.last());
            first.is_some_and(|layer| ends(layer).0 == inputs)
                && last.is_some_and(|layer| ends(layer).1 >= classes)
        };
        let mut said = data.said.clone();
        let proposed = (!takes).then(|| propose(height, width, classes));
        if let Some(network) = &proposed {
            let modes = |modes: &[usize]| format::list(modes);
            let layers: Vec<String> = network
                .layers
                .iter()
                .map(|layer| format!("{} → {}", modes(&layer.in_modes), modes(&layer.out_modes)))
                .collect();
            said = format!(
                "{said} The network was fitted to {height} × {width} values and {classes} classes: modes {}.",
                layers.join(", then ")
            );
        }
        self.edit(|draft| {
            let mut config = draft.config.clone();
            config.data.clone_from(&data.name);
            if let Some(network) = proposed {
                config.network = network;
                // A reduction that another network was to reach.
                config.prior.kind = PriorKind::None;
                config.prior.target = 0.0;
            }
            *draft = Draft::new(config);
        });
        if !said.is_empty() {
            self.tell(false, said.trim());
        }
    }

    /// Whether the intent is waiting for this run.
    fn awaits(&self, run: RunId) -> bool {
        self.0.intent.borrow().as_ref().is_some_and(|intent| {
            intent.asked
                && match intent.goal {
                    Goal::Answer => run == DEMO,
                    _ => run == self.0.model.borrow().run,
                }
        })
    }

    pub(super) fn prepared(&self, run: RunId, config: RunConfig) {
        self.0.standing.set(Some(run));
        let intent = if self.awaits(run) {
            self.0.intent.take()
        } else {
            None
        };
        let Some(intent) = intent else {
            return;
        };
        if intent.goal == Goal::Answer {
            self.0.model.borrow_mut().pad.network = true;
            return;
        }
        if intent.recovery.is_none() {
            let step = self.0.model.borrow().view.position.step;
            match &intent.start {
                Start::Fresh(_) => {
                    self.0.kept.take();
                    self.forget_run();
                }
                Start::Checkpoint { bytes, .. } => {
                    let bytes = bytes.clone();
                    self.0.kept.replace(Some(Kept { step, bytes }));
                }
                Start::Answers { .. } => {}
            }
            let files = self.0.files.borrow().clone();
            self.0.run_files.replace(files);
        }
        if let Some(Recovery { said, step }) = intent.recovery {
            self.0.model.borrow_mut().tell(false, format!(
                "The training worker stopped ({said}) and was restarted from its checkpoint at step {}.{}",
                format::count(step),
                self.board_remark(),
            ));
        } else if matches!(intent.start, Start::Checkpoint { .. }) {
            // The settings follow the file, now that it was accepted.
            self.edit(|draft| *draft = Draft::new(config));
        }
        match intent.goal {
            Goal::Train => {
                self.0.model.borrow_mut().phase = Phase::Running;
                self.send(Request::Train);
            }
            Goal::Step => self.send(Request::Step),
            Goal::Show | Goal::Answer => {}
        }
        self.bring_back_newer();
    }

    pub(super) fn checkpoint(
        &self,
        run: RunId,
        ticket: Option<Ticket>,
        step: u64,
        bytes: Uint8Array,
    ) {
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
            self.keep_run();
        }
    }

    /// Replace a worker that died, and go on from the last checkpoint.
    pub(super) fn recover(&self, said: &str) {
        self.0.deaths.set(self.0.deaths.get() + 1);
        self.0.client.take();
        self.board_lost();
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
            self.bring_back_newer();
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
            self.0.intent.replace(Some(Intent {
                asked: false,
                ..intent
            }));
            self.pursue();
        } else if model.view.origin == Origin::Live {
            self.take_run_up(&model, said);
        } else {
            self.change(|m| m.pad.network = false);
            if !self.board_remark().is_empty() {
                self.tell(true, &format!("The training worker stopped ({said}), and the connection to the board with it. Connect again."));
            }
            let session = self.clone();
            spawn_local(async move { session.prepare_answers().await });
        }
    }

    /// Build the live run again from its last checkpoint, in a worker that knows nothing yet.
    fn take_run_up(&self, model: &Model, said: &str) {
        let goal = if model.phase == Phase::Running {
            Goal::Train
        } else {
            Goal::Show
        };
        let kept = self.0.kept.borrow().clone();
        let (start, step) = match kept {
            Some(Kept { step, bytes }) => {
                let data = model.view.config.data.clone();
                (Start::Checkpoint { data, bytes }, step)
            }
            None => (Start::Fresh(Box::new((*model.view.config).clone())), 0),
        };
        // The run goes on with its own files, even if others were loaded since.
        let own = self.0.run_files.borrow().clone();
        if let Some(own) = own {
            let last = self.0.files.replace(Some(own.clone()));
            self.0
                .newer
                .replace(last.filter(|last| !Rc::ptr_eq(last, &own)));
        }
        self.change(|m| m.phase = Phase::Preparing);
        self.take_up(Intent {
            goal,
            start,
            before: Phase::Stopped,
            asked: false,
            run: model.run,
            recovery: Some(Recovery {
                said: said.into(),
                step,
            }),
        });
    }
}
