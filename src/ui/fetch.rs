//! Fetching a file with progress, so that it can be shown and broken off.

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, ReadableStreamDefaultReader, RequestInit, Response};

/// Why a file was not fetched.
pub enum FetchError {
    /// It is not there (or the server answered with this status).
    Status(u16),
    /// The visitor broke it off.
    Aborted,
    /// The network or the server failed.
    Network,
}

/// Fetch a file of the page's own origin. `progress` hears bytes received and, where known, in all.
/// The file stays outside this memory, as a blob.
pub async fn fetch(
    url: &str,
    signal: Option<&AbortSignal>,
    progress: impl Fn(u64, Option<u64>),
) -> Result<Blob, FetchError> {
    let failed = |_: JsValue| {
        if signal.is_some_and(AbortSignal::aborted) {
            FetchError::Aborted
        } else {
            FetchError::Network
        }
    };
    let options = RequestInit::new();
    options.set_signal(signal);
    let request = gloo::utils::window().fetch_with_str_and_init(url, &options);
    let response: Response = JsFuture::from(request)
        .await
        .map_err(failed)?
        .dyn_into()
        .map_err(failed)?;
    if !response.ok() {
        return Err(FetchError::Status(response.status()));
    }
    let total = length(&response);
    let Some(body) = response.body() else {
        return Err(FetchError::Network);
    };
    let reader: ReadableStreamDefaultReader = body
        .get_reader()
        .dyn_into()
        .map_err(|object| failed(object.into()))?;
    let (parts, mut received) = (Array::new(), 0);
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(failed)?;
        if Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Blob::new_with_u8_array_sequence(&parts).map_err(failed);
        }
        let value = Reflect::get(&chunk, &"value".into()).map_err(failed)?;
        let part = Uint8Array::new(&value);
        received += u64::from(part.length());
        parts.push(&part);
        progress(received, total);
    }
}

/// The length the server promised; none where it compresses, since that length is another.
fn length(response: &Response) -> Option<u64> {
    let headers = response.headers();
    if headers.get("content-encoding").ok().flatten().is_some() {
        return None;
    }
    headers.get("content-length").ok().flatten()?.parse().ok()
}

/// The bytes of a blob, outside this memory.
pub async fn bytes(blob: &Blob) -> Result<Uint8Array, FetchError> {
    let buffer = JsFuture::from(blob.array_buffer())
        .await
        .map_err(|_| FetchError::Network)?;
    Ok(Uint8Array::new(&buffer))
}
