//! Files out and in: checkpoints and curves.

use gloo::events::EventListener;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlInputElement, Url};

use super::csv;
use super::model::View;
use super::session::Session;

/// Offer a file for download.
pub fn offer(name: &str, kind: &str, parts: &Array) -> Option<()> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_u8_array_sequence_and_options(parts, &options).ok()?;
    offer_blob(name, &blob)
}

/// Offer some text as a file.
pub fn offer_text(name: &str, kind: &str, text: &str) -> Option<()> {
    offer(name, kind, &Array::of1(&Uint8Array::from(text.as_bytes())))
}

/// Offer what is a file already.
pub fn offer_blob(name: &str, blob: &Blob) -> Option<()> {
    let url = Url::create_object_url_with_blob(blob).ok()?;
    let anchor: HtmlAnchorElement = gloo::utils::document()
        .create_element("a")
        .ok()?
        .dyn_into()
        .ok()?;
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The download has taken hold of the blob by the time a minute has passed.
    gloo::timers::callback::Timeout::new(60_000, move || {
        let _ = Url::revoke_object_url(&url);
    })
    .forget();
    Some(())
}

fn base_name(view: &View) -> String {
    format!(
        "railyard-{}-seed{}-step{}",
        view.config.data, view.config.seed, view.position.step
    )
}

/// Save the run as it stands.
pub fn save_checkpoint(session: &Session) {
    let name = format!("{}.safetensors", base_name(&session.model().view));
    let deliver = session.clone();
    session.checkpoint_now(Box::new(move |bytes: Uint8Array| {
        if offer(&name, "application/octet-stream", &Array::of1(&bytes)).is_none() {
            deliver.tell(
                true,
                "The browser did not take the checkpoint for download.",
            );
        }
    }));
}

/// Let the visitor choose a checkpoint and take it up.
pub fn open_checkpoint(session: &Session) {
    let input = gloo::utils::document()
        .create_element("input")
        .ok()
        .and_then(|element| element.dyn_into::<HtmlInputElement>().ok());
    let Some(input) = input else { return };
    input.set_type("file");
    input.set_accept(".safetensors");
    let (session, chosen) = (session.clone(), input.clone());
    EventListener::once(&input, "change", move |_| {
        if let Some(file) = chosen.files().and_then(|files| files.get(0)) {
            session.load_checkpoint(file.unchecked_into());
        }
    })
    .forget();
    input.click();
}

/// Save the operations of a step; `kind` is the file's ending.
pub fn save_operations(kind: &str, text: &str) {
    let bytes = Uint8Array::from(text.as_bytes());
    let name = ["railyard-operations.", kind].concat();
    let kind = ["text/", kind].concat();
    offer(&name, &kind, &Array::of1(&bytes));
}

/// Save the curves: one line per step, with the epoch's figures on the line of its last step.
pub fn save_curves(view: &View) {
    let text = csv::write(&view.history.curves());
    offer_text(&format!("{}.csv", base_name(view)), "text/csv", &text);
}
