//! Followers as workers of the training worker, each this program once more. A worker follows as soon as
//! it is sent a plain buffer; the page's messages are lists.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, ErrorEvent, MessageEvent, Worker};

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::parcel::{pack, unpack};
use super::{Follower, FollowerId, Followers};
use crate::worker::channel::now;
use crate::worker::message::{Event, PROTOCOL, decode};
use crate::worker::spawn;

/// What a follower's worker reports.
pub enum Report {
    /// It listens.
    Ready,
    /// It answered.
    Answer(Vec<u8>),
    /// It is gone, and what it said.
    Lost(String),
}

type Handler = Rc<dyn Fn(FollowerId, Report)>;

/// Workers started by this one.
pub struct Nest {
    handler: Handler,
    hands: Vec<Hand>,
}

struct Hand {
    id: FollowerId,
    worker: Worker,
    /// The buffer of its last answer.
    buffer: Rc<Cell<Option<ArrayBuffer>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Nest {
    /// No workers yet; `handler` hears what they report, never from within a call of [`Followers`].
    pub fn new(handler: Handler) -> Self {
        Self {
            handler,
            hands: vec![],
        }
    }
}

impl Followers for Nest {
    fn start(&mut self, id: FollowerId) -> bool {
        let Ok(worker) = spawn() else { return false };
        let said = Rc::new(RefCell::new(None));
        let buffer = Rc::new(Cell::new(None));
        let on_message = {
            let (handler, said, buffer) = (self.handler.clone(), said.clone(), buffer.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                let data = match message.data().dyn_into::<ArrayBuffer>() {
                    Ok(came) => {
                        let answer = unpack(&came);
                        buffer.set(Some(came));
                        handler(id, Report::Answer(answer));
                        return;
                    }
                    Err(data) => data,
                };
                let control = data
                    .dyn_ref::<Array>()
                    .map(|parts| Uint8Array::new(&parts.get(0)).to_vec());
                match control.as_deref().map(decode) {
                    Some(Ok(Event::Ready { protocol: PROTOCOL })) => handler(id, Report::Ready),
                    Some(Ok(Event::Panic { message })) => drop(said.replace(Some(message))),
                    _ => {}
                }
            })
        };
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let on_error = {
            let handler = self.handler.clone();
            Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
                error.prevent_default();
                let said = said.take().unwrap_or_else(|| error.message());
                let said = said.lines().last().unwrap_or_default().trim().to_string();
                handler(id, Report::Lost(said));
            })
        };
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        self.hands.push(Hand {
            id,
            worker,
            buffer,
            _on_message: on_message,
            _on_error: on_error,
        });
        true
    }

    fn send(&mut self, id: FollowerId, message: &[u8]) {
        if let Some(hand) = self.hands.iter().find(|hand| hand.id == id) {
            let buffer = pack(message, hand.buffer.take());
            // A worker that cannot be reached does not answer, and is given up in time.
            let _ = hand
                .worker
                .post_message_with_transfer(&buffer, &Array::of1(&buffer));
        }
    }

    fn stop(&mut self, id: FollowerId) {
        if let Some(at) = self.hands.iter().position(|hand| hand.id == id) {
            let hand = self.hands.remove(at);
            hand.worker.set_onmessage(None);
            hand.worker.set_onerror(None);
            hand.worker.terminate();
            // It may be its own report that is being handled.
            spawn_local(async move { drop(hand) });
        }
    }
}

/// Acts on a leader's message; an order is answered in its own buffer.
pub fn follow(follower: &mut Follower, scope: &DedicatedWorkerGlobalScope, buffer: ArrayBuffer) {
    if let Some(answer) = follower.hear(unpack(&buffer), now, heap) {
        let buffer = pack(answer, Some(buffer));
        let _ = scope.post_message_with_transfer(&buffer, &Array::of1(&buffer));
    }
}

/// Memory of this program in KiB.
fn heap() -> u32 {
    (core::arch::wasm32::memory_size::<0>() * 64) as u32
}
