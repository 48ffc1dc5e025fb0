//! The part of the page's program that only other tabs than the first need: it is fetched when one of them is
//! opened, or about to be.
//!
//! `scripts/split.mjs` parts the built program. Both parts share one memory, so nothing else here knows of it;
//! a build for trying things out is whole.

use std::cell::Cell;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

thread_local! {
    static THERE: Cell<bool> = const { Cell::new(false) };
}

/// What the page's script offers for it; nothing where the program is whole.
fn fetcher() -> Option<Function> {
    let found = Reflect::get(&js_sys::global(), &"railyardLater".into()).ok()?;
    found.dyn_into().ok()
}

/// Fetches the part, once however often it is asked for; whether it is there.
pub async fn fetch() -> bool {
    let Some(fetcher) = fetcher() else {
        return true;
    };
    let promise = fetcher.call0(&JsValue::NULL).map(Promise::from);
    let there = match promise {
        Ok(promise) => JsFuture::from(promise).await.is_ok(),
        Err(_) => false,
    };
    THERE.set(THERE.get() || there);
    there
}

/// Fetches the part before it is needed.
pub fn expect() {
    spawn_local(async {
        fetch().await;
    });
}

/// How the part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// It is fetched.
    Coming,
    /// It can be used.
    There,
    /// The connection failed.
    Failed,
}

/// Sees to it that the part is there when it is `wanted`; with it comes what tries again.
#[hook]
pub fn use_later(wanted: bool) -> (Later, Callback<MouseEvent>) {
    let state = use_state(|| Later::Coming);
    let attempt = use_state(|| 0_u32);
    {
        let state = state.setter();
        use_effect_with((wanted, *attempt), move |(wanted, _)| {
            if *wanted && !THERE.get() {
                state.set(Later::Coming);
                spawn_local(async move {
                    let there = fetch().await;
                    state.set(if there { Later::There } else { Later::Failed });
                });
            }
        });
    }
    let now = if THERE.get() { Later::There } else { *state };
    let again = Callback::from(move |_| attempt.set(*attempt + 1));
    (now, again)
}
