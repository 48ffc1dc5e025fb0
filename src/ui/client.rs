//! A typed client of the training worker.
//!
//! Nothing is sent before the worker says it is ready; requests made earlier wait. Buffers travel as
//! transferables. A worker that traps is reported once, with what it said, and can be replaced.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::worker::message::{self, BadMessage, decode, encode};
use crate::worker::spawn;

/// What a page and a worker say to each other.
pub trait Protocol: 'static {
    /// To the worker.
    type Request: Serialize;
    /// From the worker.
    type Event: DeserializeOwned;

    /// What an event means to the client.
    fn sense(event: Self::Event) -> Sense<Self::Event>;
}

/// What an event means to a [`Client`].
pub enum Sense<Event> {
    /// The worker listens; what the page is told of it.
    Ready(Event),
    /// The worker is about to trap, for this reason.
    LastWords(String),
    /// A matter for the page.
    News(Event),
}

/// What is said to the training worker, and by it.
pub struct Training;

impl Protocol for Training {
    type Request = message::Request;
    type Event = message::Event;

    fn sense(event: message::Event) -> Sense<message::Event> {
        match event {
            message::Event::Ready {
                protocol: message::PROTOCOL,
            } => Sense::Ready(event),
            message::Event::Panic { message } => Sense::LastWords(message),
            event => Sense::News(event),
        }
    }
}

/// What the client reports.
pub enum Report<P: Protocol = Training> {
    /// The worker said something; the buffers that came with it.
    Event(Box<P::Event>, Vec<Uint8Array>),
    /// The worker is gone.
    Died(String),
}

type Handler<P> = Rc<dyn Fn(Report<P>)>;

/// A running worker.
pub struct Client<P: Protocol = Training> {
    worker: Worker,
    shared: Rc<Shared<P>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

struct Shared<P: Protocol> {
    ready: Cell<bool>,
    dead: Cell<bool>,
    waiting: RefCell<Vec<(P::Request, Vec<Uint8Array>)>>,
    panic: RefCell<Option<String>>,
}

impl<P: Protocol> Client<P> {
    /// Start a worker; `handler` hears everything it says.
    pub fn start(handler: Handler<P>) -> Result<Self, String> {
        let worker = spawn().map_err(|_| {
            "This browser does not let the page start a training worker.".to_string()
        })?;
        let shared = Rc::new(Shared::<P> {
            ready: Cell::new(false),
            dead: Cell::new(false),
            waiting: RefCell::default(),
            panic: RefCell::default(),
        });
        let on_message = {
            let (shared, handler, worker) = (shared.clone(), handler.clone(), worker.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                if !shared.dead.get() {
                    shared.receive(&worker, &handler, &message.data());
                }
            })
        };
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let on_error = {
            let shared = shared.clone();
            Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
                error.prevent_default();
                if !shared.dead.replace(true) {
                    let said = shared.panic.take().unwrap_or_else(|| error.message());
                    handler(Report::Died(said));
                }
            })
        };
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            shared,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Send a request, as soon as the worker listens. The buffers are moved.
    pub fn send(&self, request: P::Request, bulk: Vec<Uint8Array>) {
        if self.shared.ready.get() {
            post(&self.worker, &request, &bulk);
        } else {
            self.shared.waiting.borrow_mut().push((request, bulk));
        }
    }
}

impl<P: Protocol> Drop for Client<P> {
    fn drop(&mut self) {
        self.shared.dead.set(true);
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl<P: Protocol> Shared<P> {
    fn receive(&self, worker: &Worker, handler: &Handler<P>, data: &JsValue) {
        let Some(parts) = data.dyn_ref::<Array>() else {
            return;
        };
        let mut parts = parts.iter().map(|part| Uint8Array::new(&part));
        let Some(control) = parts.next() else { return };
        match decode(&control.to_vec()).map(P::sense) {
            Ok(Sense::Ready(event)) => {
                self.ready.set(true);
                for (request, bulk) in self.waiting.take() {
                    post(worker, &request, &bulk);
                }
                handler(Report::Event(Box::new(event), vec![]));
            }
            Ok(Sense::LastWords(message)) => *self.panic.borrow_mut() = Some(message),
            Ok(Sense::News(event)) if self.ready.get() => {
                handler(Report::Event(Box::new(event), parts.collect()));
            }
            Ok(_) | Err(_) => {
                if !self.dead.replace(true) {
                    handler(Report::Died(BadMessage.to_string()));
                }
            }
        }
    }
}

fn post<Request: Serialize>(worker: &Worker, request: &Request, bulk: &[Uint8Array]) {
    let Ok(control) = encode(request) else { return };
    let control = Uint8Array::from(control.as_slice());
    let (parts, transfer) = (Array::of1(&control), Array::of1(&control.buffer()));
    for buffer in bulk {
        parts.push(buffer);
        transfer.push(&buffer.buffer());
    }
    let _ = worker.post_message_with_transfer(&parts, &transfer);
}
