//! The camera, looked through at a picture's size.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::set::SIDE;
use crate::ui::pictures::Easel;

/// A camera that is on; it is put off when this is dropped.
pub struct Camera {
    video: JsValue,
    stream: JsValue,
    easel: Easel,
}

fn get(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok()
}

/// Calls a method without arguments.
fn call(of: &JsValue, name: &str) -> Option<JsValue> {
    let method: Function = get(of, name)?.dyn_into().ok()?;
    method.call0(of).ok()
}

impl Camera {
    /// Puts a camera on, with the visitor's leave; a sentence if there is none.
    pub async fn on() -> Result<Self, String> {
        Self::open().await.map_err(|name| {
            match name.as_deref() {
                Some("NotAllowedError") => "The browser may not use the camera: allow it beside the page's address, then try again.",
                Some("NotFoundError") => "There is no camera on this machine; draw instead.",
                Some("NotReadableError") => "Another program uses the camera; close it, then try again.",
                _ => "This browser gives the page no camera; draw instead.",
            }
            .into()
        })
    }

    /// A camera; the name of the error if there is none.
    async fn open() -> Result<Self, Option<String>> {
        let navigator = gloo::utils::window().navigator();
        let devices = get(&navigator, "mediaDevices").filter(JsValue::is_object);
        let devices = devices.ok_or(None)?;
        let wanted = Object::new();
        let _ = Reflect::set(&wanted, &"video".into(), &JsValue::TRUE);
        let ask: Function = get(&devices, "getUserMedia")
            .and_then(|f| f.dyn_into().ok())
            .ok_or(None)?;
        let asked: Promise = ask
            .call1(&devices, &wanted)
            .ok()
            .and_then(|promise| promise.dyn_into().ok())
            .ok_or(None)?;
        let stream = JsFuture::from(asked)
            .await
            .map_err(|error| get(&error, "name").and_then(|name| name.as_string()))?;
        let video = gloo::utils::document()
            .create_element("video")
            .map_err(|_| None)?;
        let camera = Self {
            video: video.into(),
            stream,
            easel: Easel::new((SIDE as u32, SIDE as u32)).ok_or(None)?,
        };
        for name in ["muted", "playsInline"] {
            let _ = Reflect::set(&camera.video, &name.into(), &JsValue::TRUE);
        }
        let _ = Reflect::set(&camera.video, &"srcObject".into(), &camera.stream);
        let playing: Option<Promise> = call(&camera.video, "play").and_then(|p| p.dyn_into().ok());
        JsFuture::from(playing.ok_or(None)?)
            .await
            .map_err(|_| None)?;
        Ok(camera)
    }

    /// The middle of what it sees, grey; none before its first picture.
    pub fn look(&self) -> Option<Vec<u8>> {
        let side = |name: &str| get(&self.video, name)?.as_f64();
        let (width, height) = (side("videoWidth")?, side("videoHeight")?);
        let square = width.min(height);
        if square < 1.0 {
            return None;
        }
        let to = SIDE as f64;
        let places = [
            (width - square) / 2.0,
            (height - square) / 2.0,
            square,
            square,
            0.0,
            0.0,
            to,
            to,
        ];
        let arguments = Array::of1(&self.video);
        for place in places {
            arguments.push(&place.into());
        }
        self.easel.draw(&arguments)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let tracks: Option<Array> = call(&self.stream, "getTracks").and_then(|t| t.dyn_into().ok());
        for track in tracks.iter().flat_map(Array::iter) {
            call(&track, "stop");
        }
    }
}
