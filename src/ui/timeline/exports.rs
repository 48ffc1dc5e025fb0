//! What can be saved of what is seen. [`exports`] is the one list of it.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};

use super::desk::Desk;
use super::picture::colours;
use super::scene::Scene;
use super::{svg, table};
use crate::ui::export::{offer_blob, offer_text};

/// A kind of file.
pub struct Export {
    /// What its button says.
    pub name: &'static str,
    /// What it holds.
    pub title: &'static str,
    /// Offers the file; the text is the timeline's title.
    pub save: fn(&Rc<Desk>, &str),
}

/// All kinds of files, in the order of their buttons.
pub fn exports() -> [Export; 3] {
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
            save: |desk, _| {
                let text = desk.with(table::csv);
                offer_text(&name(desk, "csv"), "text/csv", &text);
            },
        },
    ]
}

/// A file's name: the range that is seen.
fn name(desk: &Desk, extension: &str) -> String {
    let range = desk.with(|state| table::clipped(state, state.goal().range()));
    format!("railyard-cycles-{}-{}.{extension}", range.start, range.end)
}

fn png(desk: &Rc<Desk>, _: &str) {
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

fn vector(desk: &Rc<Desk>, title: &str) {
    let Some(canvas) = desk.node.cast::<HtmlCanvasElement>() else {
        return;
    };
    let layout = desk.layout();
    let scene = desk.with(|state| Scene::new(state, &layout, 1.0));
    let height = f64::from(canvas.client_height());
    let text = svg::write(&scene, &layout, height, title, &colours(&canvas));
    offer_text(&name(desk, "svg"), "image/svg+xml", &text);
}
