//! What can be saved of what is seen. [`exports`] is the one list of it.

use std::rc::Rc;

use gloo::timers::callback::Timeout;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};
use yew::Callback;

use super::desk::Desk;
use super::picture::colours;
use super::scene::Scene;
use super::{svg, table};
use crate::accel::trace::{self, Format};
use crate::ui::export::{offer, offer_blob, offer_text};

/// A kind of file.
pub struct Export {
    /// What its button says.
    pub name: &'static str,
    /// What it holds.
    pub title: &'static str,
    /// Offers the file; the text is the timeline's title. What is to be said of it goes to the last.
    pub save: fn(&Rc<Desk>, &str, &Callback<String>),
}

/// All kinds of files, in the order of their buttons.
pub fn exports() -> [Export; 7] {
    [
        Export {
            name: "PNG",
            title: "The picture as it is seen, as PNG",
            save: png,
        },
        Export {
            name: "SVG",
            title: "The picture as it is seen, as SVG",
            save: vector,
        },
        Export {
            name: "CSV",
            title: "The table of what is seen, as CSV",
            save: |desk, _, _| {
                let text = desk.with(table::csv);
                offer_text(&name(desk, "csv"), "text/csv", &text);
            },
        },
        Export {
            name: "Chrome",
            title: "The selection, or what is seen, as a Chrome trace for the Perfetto UI",
            save: |desk, _, say| write(desk, Format::Chrome, say),
        },
        Export {
            name: "Perfetto",
            title: "The selection, or what is seen, as Perfetto track events",
            save: |desk, _, say| write(desk, Format::Perfetto, say),
        },
        Export {
            name: "VCD",
            title: "The selection, or what is seen, as waveforms for GTKWave or Surfer",
            save: |desk, _, say| write(desk, Format::Vcd, say),
        },
        Export {
            name: "Kanata",
            title: "The selection, or what is seen, as a pipeline for Konata",
            save: |desk, _, say| write(desk, Format::Kanata, say),
        },
    ]
}

/// Writes a trace, once the page has said so.
fn write(desk: &Rc<Desk>, format: Format, say: &Callback<String>) {
    let (desk, say) = (desk.clone(), say.clone());
    say.emit("Writing the trace...".into());
    Timeout::new(40, move || {
        let (timeline, range) = desk.with(|state| {
            let seen = || table::clipped(state, state.goal().range());
            let range = state.selection.clone().unwrap_or_else(seen);
            (state.timeline.clone(), range)
        });
        let said = match trace::write(&timeline, range.clone(), format) {
            Ok(bytes) => {
                let extension = format.extension();
                let name = format!("railyard-cycles-{}-{}.{extension}", range.start, range.end);
                let parts = Array::of1(&Uint8Array::from(&bytes[..]));
                match offer(&name, format.mime(), &parts) {
                    Some(()) => String::new(),
                    None => "The browser did not take the trace for download.".into(),
                }
            }
            Err(error) => format!("No file was written: {error}."),
        };
        say.emit(said);
    })
    .forget();
}

/// A file's name: the range that is seen.
fn name(desk: &Desk, extension: &str) -> String {
    let range = desk.with(|state| table::clipped(state, state.goal().range()));
    format!("railyard-cycles-{}-{}.{extension}", range.start, range.end)
}

fn png(desk: &Rc<Desk>, _: &str, _: &Callback<String>) {
    let Some(canvas) = desk.node.cast::<HtmlCanvasElement>() else {
        return;
    };
    let name = name(desk, "png");
    let take = Closure::once_into_js(move |blob: JsValue| {
        if let Ok(blob) = blob.dyn_into::<Blob>() {
            offer_blob(&name, &blob);
        }
    });
    let _ = canvas.to_blob(take.unchecked_ref());
}

fn vector(desk: &Rc<Desk>, title: &str, _: &Callback<String>) {
    let Some(canvas) = desk.node.cast::<HtmlCanvasElement>() else {
        return;
    };
    let layout = desk.layout();
    let scene = desk.with(|state| Scene::new(state, &layout, 1.0));
    let height = f64::from(canvas.client_height());
    let text = svg::write(&scene, &layout, height, title, &colours(&canvas));
    offer_text(&name(desk, "svg"), "image/svg+xml", &text);
}
