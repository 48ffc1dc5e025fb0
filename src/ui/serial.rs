//! A serial port of the browser (Web Serial).
//!
//! Everything is found by name on whatever object is there, so that another implementation, or a
//! test's, serves as well.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::board_state::Why;

/// Bytes that the browser keeps before they are read; its default of 255 loses some.
const BUFFER: u32 = 65_536;
/// Faults of the line in a row, without a byte between them, that a port may have.
const MAX_FAULTS: u32 = 64;
/// Milliseconds that a port may take to close.
const CLOSING: u32 = 1_000;
/// What a reader reports that a new reader gets over.
const PASSING: [&str; 5] = [
    "BufferOverrunError",
    "BreakError",
    "FramingError",
    "ParityError",
    "UnknownError",
];

/// What a port reports.
pub enum Heard {
    /// Bytes came.
    Bytes(Uint8Array),
    /// It is gone: what happened, for a person.
    Gone(String),
}

type Hear = Rc<dyn Fn(Heard)>;

fn get(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

/// Call a method.
fn call(of: &JsValue, name: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(of, &name.into())?.dyn_into()?;
    let arguments: Array = arguments.iter().copied().collect();
    Reflect::apply(&function, of, &arguments)
}

/// Call a method and await what it promises.
async fn ask(of: &JsValue, name: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let promise = call(of, name, arguments)?;
    JsFuture::from(Promise::resolve(&promise)).await
}

fn name_of(error: &JsValue) -> String {
    get(error, "name")
        .and_then(|name| name.as_string())
        .unwrap_or_default()
}

fn said(error: &JsValue) -> String {
    let message = get(error, "message").and_then(|message| message.as_string());
    let text = message.unwrap_or_else(|| name_of(error));
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() {
        "no reason was given".into()
    } else {
        text.chars().take(200).collect()
    }
}

/// `navigator.serial`, or why there is none.
fn serial() -> Result<JsValue, Why> {
    let window: JsValue = gloo::utils::window().into();
    if let Some(serial) = get(&window, "navigator").and_then(|n| get(&n, "serial")) {
        return Ok(serial);
    }
    let secure = get(&window, "isSecureContext").is_some_and(|secure| secure.is_truthy());
    Err(if secure { Why::Missing } else { Why::Insecure })
}

/// Whether the browser gives serial ports to this page.
pub fn available() -> Result<(), Why> {
    serial().map(|_| ())
}

/// Let the visitor choose a port; none if the list was closed without a choice. To be called while a
/// click is being handled.
pub async fn choose() -> Result<Option<JsValue>, String> {
    let serial = serial().map_err(|why| why.sentence().to_string())?;
    match ask(&serial, "requestPort", &[]).await {
        Ok(port) => Ok(Some(port)),
        Err(error) if name_of(&error) == "NotFoundError" => Ok(None),
        Err(error) if name_of(&error) == "SecurityError" => Err(format!(
            "The browser did not show its list of ports ({}). A setting of the browser or of this site may forbid serial ports.",
            said(&error)
        )),
        Err(error) => Err(format!(
            "The browser did not show its list of ports ({}). Try again, or use the virtual board.",
            said(&error)
        )),
    }
}

/// Ports that the visitor chose before, or that the browser gives unasked.
pub async fn granted() -> Vec<JsValue> {
    let Ok(serial) = serial() else {
        return vec![];
    };
    match ask(&serial, "getPorts", &[]).await {
        Ok(ports) => Array::from(&ports).to_vec(),
        Err(_) => vec![],
    }
}

/// Hear when a port that was granted is plugged in or pulled out.
pub fn watch(changed: Rc<dyn Fn()>) {
    let Ok(serial) = serial() else { return };
    let heard = Closure::<dyn Fn(JsValue)>::new(move |_| changed()).into_js_value();
    for event in ["connect", "disconnect"] {
        let _ = call(&serial, "addEventListener", &[&event.into(), &heard]);
    }
}

/// An open port. It stays open until [`Port::close`].
pub struct Port {
    object: JsValue,
    writer: JsValue,
    shared: Rc<Shared>,
    on_disconnect: Closure<dyn FnMut(JsValue)>,
}

struct Shared {
    hear: Hear,
    /// Whether nothing more is to be reported: it is gone, or it was closed.
    over: Cell<bool>,
    reader: RefCell<Option<JsValue>>,
}

impl Shared {
    fn gone(&self, message: String) {
        if !self.over.replace(true) {
            (self.hear)(Heard::Gone(message));
        }
    }
}

impl Port {
    /// Opens a port; `hear` is told what comes of it.
    pub async fn open(port: JsValue, baud: u32, hear: Hear) -> Result<Self, String> {
        let options = Object::new();
        for (name, value) in [("baudRate", baud), ("bufferSize", BUFFER)] {
            let _ = Reflect::set(&options, &name.into(), &value.into());
        }
        if let Err(error) = ask(&port, "open", &[&options]).await {
            return Err(match name_of(&error).as_str() {
                "InvalidStateError" => "The port is open already: another tab or program of this browser has it. Close that, then connect again.".into(),
                _ => format!(
                    "The port could not be opened ({}). Another program may have it, its cable may be out, or you may lack the right to it: on Linux, add yourself to the group dialout and log in again.",
                    said(&error)
                ),
            });
        }
        // Some ports have no such lines.
        let signals = Object::new();
        let _ = Reflect::set(&signals, &"dataTerminalReady".into(), &JsValue::TRUE);
        let _ = ask(&port, "setSignals", &[&signals]).await;
        let writer = get(&port, "writable")
            .and_then(|writable| call(&writable, "getWriter", &[]).ok())
            .ok_or("The port was opened but takes no bytes. Pull its cable, plug it in again, and connect again.")?;
        let shared = Rc::new(Shared {
            hear,
            over: Cell::new(false),
            reader: RefCell::default(),
        });
        let watching = shared.clone();
        let on_disconnect = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            watching.gone(
                "The port is gone: its cable was pulled out or its device lost power.".into(),
            );
        });
        let listener = on_disconnect.as_ref();
        let _ = call(&port, "addEventListener", &[&"disconnect".into(), listener]);
        spawn_local(read(port.clone(), shared.clone()));
        Ok(Self {
            object: port,
            writer,
            shared,
            on_disconnect,
        })
    }

    /// Sends bytes. That they were taken says nothing of whether they arrive.
    pub fn write(&self, bytes: &Uint8Array) {
        if self.shared.over.get() {
            return;
        }
        let written = call(&self.writer, "write", &[bytes]);
        let shared = self.shared.clone();
        spawn_local(async move {
            let taken = match written {
                Ok(promise) => JsFuture::from(Promise::resolve(&promise)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                shared.gone(format!("The port takes no more bytes ({}).", said(&error)));
            }
        });
    }

    /// Closes it, whatever state it is in, within a second or so.
    pub async fn close(self) {
        self.shared.over.set(true);
        let listener = self.on_disconnect.as_ref();
        let _ = call(
            &self.object,
            "removeEventListener",
            &[&"disconnect".into(), listener],
        );
        let reader = self.shared.reader.take();
        let (port, writer) = (self.object.clone(), self.writer.clone());
        let closing = async move {
            if let Some(reader) = reader {
                let _ = ask(&reader, "cancel", &[]).await;
                let _ = call(&reader, "releaseLock", &[]);
            }
            // What was not sent yet is not worth waiting for.
            let _ = ask(&writer, "abort", &[]).await;
            let _ = call(&writer, "releaseLock", &[]);
            let _ = ask(&port, "close", &[]).await;
            Ok(JsValue::UNDEFINED)
        };
        let both = Array::of2(
            &wasm_bindgen_futures::future_to_promise(closing),
            &pause(CLOSING),
        );
        let _ = JsFuture::from(Promise::race(&both)).await;
    }
}

/// A promise that resolves after some milliseconds.
fn pause(milliseconds: u32) -> Promise {
    Promise::new(&mut |resolve, _| {
        let _ = gloo::utils::window().set_timeout_with_callback_and_timeout_and_arguments_0(
            &resolve,
            i32::try_from(milliseconds).unwrap_or(i32::MAX),
        );
    })
}

/// Read until the port is closed or gone. A fault of the line ends a reader: the port then has
/// another stream, which a new reader goes on with.
async fn read(port: JsValue, shared: Rc<Shared>) {
    let mut faults = 0;
    while !shared.over.get() {
        let reader = get(&port, "readable").and_then(|stream| call(&stream, "getReader", &[]).ok());
        let Some(reader) = reader else {
            shared.gone("The port is gone: its device was pulled out or stopped.".into());
            return;
        };
        shared.reader.replace(Some(reader.clone()));
        let ended = loop {
            let chunk = match ask(&reader, "read", &[]).await {
                Ok(chunk) => chunk,
                Err(error) => break Some(error),
            };
            if get(&chunk, "done").is_some_and(|done| done.is_truthy()) {
                break None;
            }
            if let Some(value) = get(&chunk, "value")
                && !shared.over.get()
            {
                faults = 0;
                // A copy: the stream may use its buffer again.
                (shared.hear)(Heard::Bytes(Uint8Array::new(&value)));
            }
        };
        if shared.over.get() {
            return;
        }
        shared.reader.take();
        let _ = call(&reader, "releaseLock", &[]);
        faults += 1;
        match ended {
            Some(error) if !PASSING.contains(&name_of(&error).as_str()) => {
                shared.gone(format!("The port is gone ({}).", said(&error)));
            }
            _ if faults > MAX_FAULTS => {
                shared.gone(
                    "The port gives nothing but faults of the line: check its speed and its cable."
                        .into(),
                );
            }
            // The new stream takes the old one's place after a moment.
            _ => drop(JsFuture::from(pause(0)).await),
        }
    }
}
