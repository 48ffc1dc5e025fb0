//! Brand, tabs, worker, link and theme.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::format;
use super::later;
use super::link::Tab;
use super::model::{Model, Phase, WorkerState};
use super::session::Session;
use super::theme::Choice;

/// Properties of [`Header`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
    /// The theme chosen.
    pub theme: Choice,
    /// Another one was chosen.
    pub ontheme: Callback<Choice>,
}

/// The header.
#[component]
pub fn Header(props: &Props) -> Html {
    let Props {
        session,
        model,
        theme,
        ontheme,
    } = props;
    let copy = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.copy_link())
    };
    let next = theme.next();
    html! {
        <header>
            <a class="skip" href="#results">{ "Skip to the results" }</a>
            <a class="brand" href="./" aria-label="Railyard">
                <img src="assets/icon.svg" alt="" width="26" height="26" />
                <h1>{ "Railyard" }</h1>
            </a>
            { tabs(session, model.tab) }
            <p class="about">{ "Tensor-train networks, trained at four bits in this tab" }</p>
            <span class="pill num" id="worker">{ worker(model) }</span>
            <button type="button" class="pill" id="copy-link" onclick={copy} title="The page's address with all these settings">{ "Copy link" }</button>
            <button type="button" class="pill" id="theme" onclick={ontheme.reform(move |_| next)} aria-label={format!("Theme: {}. Change to {}.", theme.name(), next.name())}>
                <span class="word">{ "Theme: " }</span><span class="theme-name">{ theme.name() }</span>
            </button>
        </header>
    }
}

/// The tabs; arrow keys go from one to the next.
fn tabs(session: &Session, open: Tab) -> Html {
    let tab = |tab: Tab| {
        let chosen = tab == open;
        let onclick = {
            let session = session.clone();
            Callback::from(move |_: MouseEvent| session.open_tab(tab))
        };
        let expect = (tab != Tab::Train).then(|| Callback::from(|_: PointerEvent| later::expect()));
        html! {
            <button type="button" role="tab" id={["tab-", tab.name()].concat()} key={tab.name()} class="tab" {onclick} onpointerenter={expect}
                aria-selected={if chosen { "true" } else { "false" }} aria-controls={chosen.then_some("panel")}
                tabindex={if chosen { "0" } else { "-1" }}>{ tab.title() }</button>
        }
    };
    let onkeydown = {
        let session = session.clone();
        Callback::from(move |event: KeyboardEvent| {
            let count = Tab::ALL.len();
            let at = open as usize;
            let next = match event.key().as_str() {
                "ArrowRight" => (at + 1) % count,
                "ArrowLeft" => (at + count - 1) % count,
                "Home" => 0,
                "End" => count - 1,
                _ => return,
            };
            event.prevent_default();
            session.open_tab(Tab::ALL[next]);
            let id = ["tab-", Tab::ALL[next].name()].concat();
            let button = gloo::utils::document().get_element_by_id(&id);
            if let Some(button) = button.and_then(|b| b.dyn_into::<HtmlElement>().ok()) {
                let _ = button.focus();
            }
        })
    };
    html! {
        <div class="tabs" role="tablist" aria-label="Views" {onkeydown}>{ for Tab::ALL.into_iter().map(tab) }</div>
    }
}

fn worker(model: &Model) -> String {
    match (model.worker, model.phase) {
        (_, Phase::Failed) => "worker stopped".into(),
        (WorkerState::Starting, _) => "worker starting".into(),
        (WorkerState::Ready, Phase::Running) if model.samples_per_second > 0.0 => {
            format!(
                "worker · {} samples/s",
                format::short(model.samples_per_second)
            )
        }
        (WorkerState::Ready, _) => "worker ready".into(),
    }
}
