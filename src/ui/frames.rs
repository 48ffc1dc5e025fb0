//! Animation frames and their clock.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Milliseconds on the clock of animation frames.
pub fn now() -> f64 {
    gloo::utils::window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// Calls `act` in the next animation frame, with the frame's time in milliseconds.
pub fn next_frame(act: impl FnOnce(f64) + 'static) {
    let act = Closure::once_into_js(act);
    let _ = gloo::utils::window().request_animation_frame(act.unchecked_ref());
}
