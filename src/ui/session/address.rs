//! The page's address: it follows the settings, the tab, the step and what is hidden, and is followed.

use js_sys::Reflect;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::Session;
use crate::ui::draft::Draft;
use crate::ui::hide::Hidden;
use crate::ui::learn::step::Step;
use crate::ui::link::{self, Parts, Tab};
use crate::ui::model::Model;

/// The name of the page for teachers, where steps have theirs.
const TEACHERS: &str = "teachers";

impl Session {
    pub(super) fn write_address(&self) {
        let window = gloo::utils::window();
        let base = base();
        let hash = self.hash(None);
        let url = if hash.is_empty() {
            base
        } else {
            format!("{base}#{hash}")
        };
        if let Ok(history) = window.history() {
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&url));
        }
    }

    /// What the address says of the page, or of a lesson that hides `hidden`.
    fn hash(&self, hidden: Option<Hidden>) -> String {
        let model = self.0.model.borrow();
        let old = gloo::utils::window().location().hash().unwrap_or_default();
        // The last settings that could be used stay.
        let settings = if model.draft.fault().is_none() {
            link::write(&model.draft.config)
        } else {
            link::part(&old).settings.to_string()
        };
        let step = match model.learn {
            Some(step) if step == Step::default() => "",
            Some(step) => step.name(),
            None => TEACHERS,
        };
        let (tab, step) = match hidden {
            Some(_) => (Tab::default(), ""),
            None => (model.tab, step),
        };
        link::join(Parts {
            settings: &settings,
            tab,
            machine: &link::write_machine(&model.accel.sound),
            compare: if hidden.is_some() { "" } else { &model.compare },
            step: if tab == Tab::Learn { step } else { "" },
            hidden: hidden.unwrap_or(model.hidden),
        })
    }

    /// Take tab, step and hidden parts from a link.
    pub(super) fn open(model: &mut Model, parts: &Parts) {
        model.tab = parts.tab;
        model.compare = parts.compare.into();
        model.hidden = parts.hidden;
        model.learn = match parts.step {
            TEACHERS => None,
            name => Some(Step::named(name).unwrap_or_default()),
        };
    }

    /// The page's address with the present settings.
    pub fn link(&self) -> String {
        self.0.address.take();
        self.write_address();
        gloo::utils::window().location().href().unwrap_or_default()
    }

    /// Take the settings from the address, after it changed.
    pub fn read_address(&self) {
        let hash = gloo::utils::window().location().hash().unwrap_or_default();
        let parts = link::part(&hash);
        match (
            link::read(parts.settings),
            link::read_machine(parts.machine),
        ) {
            (Ok(config), Ok(setup)) => self.change(|m| {
                m.draft = Draft::new(config);
                Self::open(m, &parts);
                m.accel.take(setup);
            }),
            (Err(error), _) | (_, Err(error)) => self.change(|m| m.tell(true, error.to_string())),
        }
    }

    /// Take the Compare tab's settings from its program; the address follows.
    pub fn take_compare(&self) {
        let told = Reflect::get(&gloo::utils::window(), &"railyardCompare".into());
        if let Some(part) = told.ok().and_then(|part| part.as_string()) {
            self.0.model.borrow_mut().compare = part;
            self.write_address();
        }
    }

    /// Open a tab; the address follows.
    pub fn open_tab(&self, tab: Tab) {
        self.change(|m| m.tab = tab);
        self.write_address();
    }

    /// Show a step on the Learn tab, or the page for teachers; the address follows.
    pub fn open_step(&self, step: Option<Step>) {
        self.change(|m| (m.tab, m.learn) = (Tab::Learn, step));
        self.write_address();
    }

    /// Hide nothing any more.
    pub fn show_all(&self) {
        self.change(|m| m.hidden = Hidden::default());
        self.write_address();
    }

    /// Copy the page's link.
    pub fn copy_link(&self) {
        if self.sound() {
            self.copy(self.link(), "The link with these settings was copied.");
        }
    }

    /// Copy a link to the Train tab with these settings that hides some parts.
    pub fn copy_lesson(&self, hidden: Hidden) {
        if self.sound() {
            let hash = self.hash(Some(hidden));
            self.copy_hash(&["#", &hash].concat());
        }
    }

    /// Copy the link with this hash.
    pub fn copy_hash(&self, hash: &str) {
        let origin = gloo::utils::window()
            .location()
            .origin()
            .unwrap_or_default();
        let link = [&origin, &base(), hash].concat();
        self.copy(link, "The lesson’s link was copied.");
    }

    fn sound(&self) -> bool {
        let sound = self.0.model.borrow().draft.fault().is_none();
        if !sound {
            self.tell(
                true,
                "The link was not copied: correct the marked settings first.",
            );
        }
        sound
    }

    fn copy(&self, link: String, said: &'static str) {
        let session = self.clone();
        spawn_local(async move {
            let clipboard = gloo::utils::window().navigator().clipboard();
            match JsFuture::from(clipboard.write_text(&link)).await {
                Ok(_) => session.tell(false, said),
                Err(_) => session.tell(
                    false,
                    "The browser keeps the clipboard closed: copy the link from the address bar.",
                ),
            }
        });
    }
}

/// The address without its hash, from the root.
fn base() -> String {
    let location = gloo::utils::window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}
