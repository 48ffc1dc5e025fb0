//! The place where the Compare tab's program draws.
//!
//! Comparing needs methods that nothing else does, so it is a program of its own, which is fetched when the tab
//! is first opened. The page lends it three elements, for the rail, the results and the transport, and
//! keeps them when other tabs are shown, so that what is in them goes on.

use std::rc::Rc;

use gloo::events::EventListener;
use js_sys::{Array, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// Address of the script that fetches and starts the program.
const SCRIPT: &str = "compare.js";

/// The elements, once the tab was opened.
#[derive(Clone)]
pub struct Stage(Rc<[Element; 3]>);

/// Where one of the elements stands.
#[derive(Clone, Copy)]
pub enum Place {
    /// Beside the results.
    Rail,
    /// The results.
    Panel,
    /// The transport.
    Foot,
}

thread_local! {
    static STAGE: Option<Stage> = Stage::new();
}

impl Stage {
    fn new() -> Option<Self> {
        let make = |class: &str| {
            let element = gloo::utils::document().create_element("div").ok()?;
            element.set_class_name(class);
            Some(element)
        };
        let stage = Self(Rc::new([
            make("stage-rail")?,
            make("stage-panel")?,
            make("stage-foot")?,
        ]));
        let elements: Array = stage.0.iter().map(JsValue::from).collect();
        let _ = Reflect::set(&gloo::utils::window(), &"railyardStage".into(), &elements);
        stage.fetch();
        Some(stage)
    }

    fn fetch(&self) {
        let panel = &self.0[Place::Panel as usize];
        panel.set_text_content(Some("Fetching the comparison…"));
        let Some(script) = script() else { return };
        let (failed, gone) = (self.clone(), script.clone());
        EventListener::once(&script, "error", move |_| {
            gone.remove();
            failed.offer_again();
        })
        .forget();
        let _ = gloo::utils::body().append_child(&script);
    }

    fn offer_again(&self) {
        let panel = &self.0[Place::Panel as usize];
        panel.set_text_content(Some(
            "The comparison was not fetched: the connection failed. ",
        ));
        let Ok(button) = gloo::utils::document().create_element("button") else {
            return;
        };
        button.set_class_name("link");
        button.set_text_content(Some("Try again"));
        let again = self.clone();
        EventListener::once(&button, "click", move |_| again.fetch()).forget();
        let _ = panel.append_child(&button);
    }
}

fn script() -> Option<HtmlElement> {
    let script = gloo::utils::document().create_element("script").ok()?;
    script.set_attribute("type", "module").ok()?;
    script.set_attribute("src", SCRIPT).ok()?;
    script.dyn_into().ok()
}

/// One of the elements; the first call fetches the program.
pub fn at(place: Place) -> Html {
    STAGE.with(|stage| match stage {
        Some(stage) => Html::VRef(stage.0[place as usize].clone().into()),
        None => html! {},
    })
}
