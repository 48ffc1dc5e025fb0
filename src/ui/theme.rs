//! Light, dark or as the system is; remembered.

use gloo::events::EventListener;
use gloo::storage::{LocalStorage, Storage};
use yew::prelude::*;

const KEY: &str = "railyard-theme";
/// Windows in which the settings move into a sheet.
pub const NARROW: &str = "(max-width: 860px)";

/// What the visitor chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Choice {
    /// The choice remembered.
    pub fn remembered() -> Self {
        let kept = LocalStorage::raw().get_item(KEY).ok().flatten();
        // Kept as a JSON string; its quotes are all the JSON there is.
        match kept.as_deref().map(|name| name.trim_matches('"')) {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// Remember it. A browser that refuses storage forgets it with the page.
    pub fn remember(self) {
        let _ = LocalStorage::raw().set_item(KEY, &format!("\"{}\"", self.name()));
    }
}

/// The theme in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Whether it is dark.
    pub dark: bool,
}

impl Theme {
    fn of(choice: Choice) -> Self {
        let dark = match choice {
            Choice::System => media_matches("(prefers-color-scheme: dark)"),
            Choice::Light => false,
            Choice::Dark => true,
        };
        Self { dark }
    }
}

/// Whether a media query holds now.
pub fn media_matches(query: &str) -> bool {
    gloo::utils::window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Whether the visitor asked for less motion.
pub fn reduced_motion() -> bool {
    media_matches("(prefers-reduced-motion: reduce)")
}

/// Whether a media query holds, kept up to date.
#[hook]
pub fn use_media(query: &'static str) -> bool {
    let state = use_state_eq(|| media_matches(query));
    let setter = state.setter();
    use_effect_with((), move |()| {
        let listener = gloo::utils::window()
            .match_media(query)
            .ok()
            .flatten()
            .map(|list| {
                let target = list.clone();
                EventListener::new(&target, "change", move |_| setter.set(list.matches()))
            });
        move || drop(listener)
    });
    *state
}

/// The theme in force and the visitor's choice, with a way to change it.
#[hook]
pub fn use_theme() -> (Theme, Choice, Callback<Choice>) {
    let choice = use_state_eq(Choice::remembered);
    let system_dark = use_media("(prefers-color-scheme: dark)");
    let theme = Theme::of(*choice);
    use_effect_with((theme, system_dark), move |_| {
        if let Some(root) = gloo::utils::document().document_element() {
            let _ = root.set_attribute("data-theme", if theme.dark { "dark" } else { "light" });
        }
    });
    let set = choice.setter();
    let change = Callback::from(move |choice: Choice| {
        choice.remember();
        set.set(choice);
    });
    (theme, *choice, change)
}
