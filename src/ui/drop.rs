//! Files and folders dropped on a panel.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DataTransfer, FileList};
use yew::prelude::*;

/// The folders among what was dropped. They must be asked for before the event is over.
fn folders(transfer: &DataTransfer) -> Array {
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).unwrap_or_default();
    let items = get(transfer, "items");
    let folders = Array::new();
    for item in Array::from(&items).iter() {
        let entry: Result<Function, _> = get(&item, "webkitGetAsEntry").dyn_into();
        let entry = entry.ok().and_then(|entry| entry.call0(&item).ok());
        if let Some(entry) =
            entry.filter(|entry| entry.is_object() && get(entry, "isDirectory").is_truthy())
        {
            folders.push(&entry);
        }
    }
    folders
}

/// What a panel does while files are dragged over it (`over` is then true), when they leave, and when
/// they are dropped.
pub fn handlers(
    over: &UseStateHandle<bool>,
    take: impl Fn(Option<FileList>, Array) + 'static,
) -> [Callback<DragEvent>; 3] {
    let (enter, leave, end) = (over.clone(), over.clone(), over.clone());
    [
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            enter.set(true);
        }),
        Callback::from(move |_: DragEvent| leave.set(false)),
        Callback::from(move |event: DragEvent| {
            event.prevent_default();
            end.set(false);
            if let Some(transfer) = event.data_transfer() {
                take(transfer.files(), folders(&transfer));
            }
        }),
    ]
}
