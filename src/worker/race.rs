//! The worker of the Compare tab: a [`Race`] in a dedicated worker's global scope.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

use super::channel::{now, post, read, report_panics};
use crate::compare::message::Event;
use crate::compare::race::Race;

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    tick: MessagePort,
    race: RefCell<Race>,
    /// Whether a tick is under way: there is never more than one.
    ticking: Cell<bool>,
}

/// Start the worker in the global scope this code runs in.
pub fn start() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return;
    };
    report_panics(|message| Event::Panic { message });
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let worker = Rc::new(Worker {
        scope: scope.clone(),
        tick: channel.port2(),
        race: RefCell::new(Race::new(now)),
        ticking: Cell::new(false),
    });
    let ticking = worker.clone();
    let on_tick = Closure::<dyn FnMut()>::new(move || {
        ticking.ticking.set(false);
        ticking.race.borrow_mut().slice();
        ticking.go_on();
    });
    channel
        .port1()
        .set_onmessage(Some(on_tick.as_ref().unchecked_ref()));
    on_tick.forget();
    let listening = worker.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some((request, bulk)) = read(&event.data()) {
            listening.race.borrow_mut().handle(request, &bulk);
            listening.go_on();
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    worker.go_on();
}

impl Worker {
    /// Says what there is to say; a tick if anything is left to do, after whatever else has arrived.
    fn go_on(&self) {
        let mut race = self.race.borrow_mut();
        for event in race.take() {
            post(&self.scope, &event, &[]);
        }
        if race.busy() && !self.ticking.replace(true) {
            // A port that refuses a null message does not exist.
            let _ = self.tick.post_message(&JsValue::NULL);
        }
    }
}
