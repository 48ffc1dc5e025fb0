//! The worker of the Compare tab: a [`Race`] in a dedicated worker's global scope.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::channel::{Tick, now, post, read, report_panics};
use crate::compare::message::Event;
use crate::compare::race::Race;

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    tick: Rc<Tick>,
    race: RefCell<Race>,
}

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
        race: RefCell::new(Race::new(now)),
    });
    let ticking = worker.clone();
    tick.hear(move || {
        ticking.race.borrow_mut().slice();
        ticking.go_on();
    });
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
    /// Says what there is to say; a tick if anything is left to do.
    fn go_on(&self) {
        let mut race = self.race.borrow_mut();
        for event in race.take() {
            post(&self.scope, &event, &[]);
        }
        if race.busy() {
            self.tick.ask();
        }
    }
}
