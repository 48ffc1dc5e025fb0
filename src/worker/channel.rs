//! What workers of every kind share: messages in and out, a way to yield, a clock, last words.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel};

use super::message::{decode, encode};

/// Post an event with its buffers as transferables: copied out of this memory once, then moved.
pub fn post<Event: Serialize>(scope: &DedicatedWorkerGlobalScope, event: &Event, bulk: &[Vec<u8>]) {
    let Ok(control) = encode(event) else {
        return;
    };
    let (parts, transfer) = (Array::new(), Array::new());
    for bytes in std::iter::once(&control).chain(bulk) {
        let copy = Uint8Array::from(bytes.as_slice());
        transfer.push(&copy.buffer());
        parts.push(&copy);
    }
    let _ = scope.post_message_with_transfer(&parts, &transfer);
}

/// A request with the buffers that came with it.
pub fn read<Request: DeserializeOwned>(data: &JsValue) -> Option<(Request, Vec<Vec<u8>>)> {
    let mut parts = data
        .dyn_ref::<Array>()?
        .iter()
        .map(|part| Uint8Array::new(&part).to_vec());
    let request = decode(&parts.next()?).ok()?;
    Some((request, parts.collect()))
}

/// A panic says what it was before it traps.
pub fn report_panics<Event: Serialize + 'static>(told: fn(String) -> Event) {
    std::panic::set_hook(Box::new(move |info| {
        if let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() {
            post(&scope, &told(info.to_string()), &[]);
        }
    }));
}

/// A message that a worker sends itself between two slices, so that requests which arrived meanwhile are
/// handled first; timers would be throttled to 4 ms.
pub struct Tick {
    channel: MessageChannel,
    /// Whether one is under way: there is never more than one.
    under_way: Cell<bool>,
}

impl Tick {
    /// A way to yield; none where the browser has no channels.
    pub fn new() -> Option<Rc<Self>> {
        let channel = MessageChannel::new().ok()?;
        let under_way = Cell::new(false);
        Some(Rc::new(Self { channel, under_way }))
    }

    /// Calls `turn` at each tick.
    pub fn hear(self: &Rc<Self>, mut turn: impl FnMut() + 'static) {
        let tick = self.clone();
        let on_tick = Closure::<dyn FnMut()>::new(move || {
            tick.under_way.set(false);
            turn();
        });
        let port = self.channel.port1();
        port.set_onmessage(Some(on_tick.as_ref().unchecked_ref()));
        on_tick.forget();
    }

    /// Asks for one.
    pub fn ask(&self) {
        // A port that refuses a null message does not exist; without it the run would stand still.
        if !self.under_way.replace(true) {
            let _ = self.channel.port2().post_message(&JsValue::NULL);
        }
    }
}

/// Milliseconds since the worker began.
pub fn now() -> f64 {
    thread_local! {
        static CLOCK: Option<web_sys::Performance> =
            js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>().ok().and_then(|s| s.performance());
    }
    CLOCK.with(|clock| clock.as_ref().map_or(0.0, web_sys::Performance::now))
}
