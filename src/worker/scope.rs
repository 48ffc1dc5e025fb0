//! The engine inside a dedicated worker: messages in and out, a channel to yield through.
//!
//! Where nothing is to be done until a time, as with a board that is computing, a timer waits for it.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::channel::{self, Tick, now, read, report_panics};
use super::engine::Engine;
use super::message::{Event, Request};
use super::shard::scope::{self as shard, Nest, Report};
use super::shard::{Follower, FollowerId};

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
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(message) = event.data().dyn_ref::<Uint8Array>() {
            if let Some(answer) = follower.hear(&message.to_vec(), now, shard::heap) {
                shard::answer(&listening.scope, answer);
            }
        } else if let Some((request, bulk)) = read(&event.data()) {
            listening.receive(request, bulk);
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
        let wait = if at_once {
            Some(0.0)
        } else {
            self.engine.borrow().wake()
        };
        let timer = match wait {
            Some(wait) if wait < SHORT => {
                self.tick.ask();
                None
            }
            Some(wait) => {
                let tick = self.tick.clone();
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a fraction of a second"
                )]
                let timer = Timeout::new(wait as u32, move || tick.ask());
                Some(timer)
            }
            None => None,
        };
        self.timer.replace(timer);
    }

    fn send(&self) {
        for outgoing in self.engine.borrow_mut().take() {
            channel::post(&self.scope, &outgoing.event, &outgoing.bulk);
        }
    }
}
