//! The engine inside a dedicated worker: messages in and out, a channel to yield through.
//!
//! Where nothing is to be done until a time, as with a board that is computing, a timer waits for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::channel::{self, Tick, now, read, report_panics};
use super::engine::Engine;
use super::message::{Event, Request};
use super::shard::scope::{Nest, Report, follow};
use super::shard::{Follower, FollowerId, VIGIL};

/// Milliseconds that are not worth a timer, which comes 4 ms late.
const SHORT: f64 = 2.0;

/// Start the worker in the global scope this code runs in.
pub fn start() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return;
    };
    report_panics(|message| Event::Panic { message });
    let Some(tick) = Tick::new() else {
        return;
    };
    let worker = Rc::new(Worker {
        scope: scope.clone(),
        tick: tick.clone(),
        engine: RefCell::new(Engine::new(now)),
        timer: RefCell::default(),
        timed: Rc::default(),
        awake: Cell::new(0.0),
    });

    let leading = Rc::downgrade(&worker);
    let nest = Nest::new(Rc::new(move |id, report| {
        if let Some(leading) = leading.upgrade() {
            leading.hear(id, report);
        }
    }));
    worker.engine.borrow_mut().join(Box::new(nest));

    let ticking = worker.clone();
    tick.hear(move || ticking.turn());

    let listening = worker.clone();
    let mut follower = Follower::default();
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            match event.data().dyn_into::<ArrayBuffer>() {
                Ok(message) => {
                    follow(&mut follower, &listening.scope, message);
                    if follower.is_awake() {
                        listening.awake.set(now() + VIGIL);
                        listening.plan(false);
                    }
                }
                Err(data) => {
                    if let Some((request, bulk)) = read(&data) {
                        listening.receive(request, bulk);
                    }
                }
            }
        });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();

    worker.engine.borrow_mut().announce();
    worker.send();
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    tick: Rc<Tick>,
    engine: RefCell<Engine>,
    /// Waits for the time of the next tick.
    timer: RefCell<Option<Timeout>>,
    /// That time, until it has come.
    timed: Rc<Cell<Option<f64>>>,
    /// Until when it waits for an order without falling asleep.
    awake: Cell<f64>,
}

impl Worker {
    fn receive(self: &Rc<Self>, request: Request, bulk: Vec<Vec<u8>>) {
        self.engine.borrow_mut().handle(request, bulk);
        self.send();
        // A request may close a step that was waited for; nothing else would go on with the next.
        let starts = self.engine.borrow().ready();
        self.plan(starts);
    }

    fn hear(self: &Rc<Self>, id: FollowerId, report: Report) {
        let mut engine = self.engine.borrow_mut();
        let complete = match report {
            Report::Ready => {
                engine.follower_ready(id);
                return;
            }
            Report::Answer(answer) => engine.follower_heard(id, answer),
            Report::Lost(said) => engine.follower_lost(id, &said),
        };
        drop(engine);
        if complete {
            self.turn();
        } else {
            self.send();
        }
    }

    /// One slice.
    fn turn(self: &Rc<Self>) {
        let more = self.engine.borrow_mut().slice();
        self.send();
        self.plan(more);
    }

    /// A tick at once, or when there is something to do.
    fn plan(self: &Rc<Self>, at_once: bool) {
        let vigil = self.engine.borrow().vigil().unwrap_or(0.0);
        let at_once = at_once || now() < vigil.max(self.awake.get());
        let wait = if at_once {
            Some(0.0)
        } else {
            self.engine.borrow().wake()
        };
        let Some(wait) = wait else { return };
        if wait < SHORT {
            self.tick.ask();
            return;
        }
        // One that comes sooner looks again: a step's limit, which moves with every step, is worth no new timer.
        let due = now() + wait;
        if self.timed.get().is_some_and(|at| at <= due) {
            return;
        }
        self.timed.set(Some(due));
        let (tick, until) = (self.tick.clone(), self.timed.clone());
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fraction of a second"
        )]
        let timer = Timeout::new(wait as u32, move || {
            until.set(None);
            tick.ask();
        });
        self.timer.replace(Some(timer));
    }

    fn send(&self) {
        for outgoing in self.engine.borrow_mut().take() {
            channel::post(&self.scope, &outgoing.event, &outgoing.bulk);
        }
    }
}
