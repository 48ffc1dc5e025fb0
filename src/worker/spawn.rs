//! Starting a worker: this program once more, in a scope of its own.
//!
//! The page's program is fetched and compiled once. A new worker is handed the compiled module and
//! the address of the script that joins it to the browser, so it has nothing to wait for and can be
//! of no other build than whoever starts it. Workers may start workers in the same way.

use js_sys::{Array, JsString};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, Worker, WorkerOptions, WorkerType};

#[wasm_bindgen]
extern "C" {
    type ImportMeta;

    #[wasm_bindgen(method, getter)]
    fn url(this: &ImportMeta) -> JsString;

    /// What the script that holds this program's bindings knows of itself.
    #[wasm_bindgen(thread_local_v2, js_namespace = import, js_name = meta)]
    static IMPORT_META: ImportMeta;
}

/// Whether this program runs in a worker.
#[must_use]
pub fn in_worker() -> bool {
    js_sys::global().is_instance_of::<DedicatedWorkerGlobalScope>()
}

/// Start a worker of this program. It answers with `Event::Ready` once it listens.
///
/// # Errors
/// What the browser throws where it starts no worker.
pub fn spawn() -> Result<Worker, JsValue> {
    let script: JsValue = IMPORT_META.with(ImportMeta::url).into();
    let address =
        web_sys::Url::new_with_base("worker.js", &String::from(JsString::from(script.clone())))?;
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&address.href(), &options)?;
    worker.post_message(&Array::of2(&script, &wasm_bindgen::module()))?;
    Ok(worker)
}
