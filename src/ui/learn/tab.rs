//! The Learn tab put together: one step at a time. Space and the arrow keys walk.

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent as DomKey};
use yew::prelude::*;

use super::figures::figure;
use super::progress;
use super::step::Step;
use super::teachers::Teachers;
use crate::ui::model::Model;
use crate::ui::session::Session;

/// Properties of [`LearnTab`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// Whether keys mean something else where the focus is.
fn taken(key: &str) -> bool {
    let Some(focused) = gloo::utils::document().active_element() else {
        return false;
    };
    let walked = |element: &Element| element.closest(".tabs, dialog").ok().flatten().is_some();
    match focused.tag_name().as_str() {
        "INPUT" | "SELECT" | "TEXTAREA" | "CANVAS" => true,
        "BUTTON" | "A" | "SUMMARY" => key == " " || walked(&focused),
        _ => walked(&focused),
    }
}

/// The tab.
#[component]
pub fn LearnTab(props: &Props) -> Html {
    let Props { session, model } = props;
    let step = model.learn;
    let heading = use_node_ref();
    let shown = use_mut_ref(|| step);
    {
        // Whoever walked on reads on from the title.
        let (heading, shown) = (heading.clone(), shown.clone());
        use_effect_with(step, move |step| {
            if *shown.borrow() != *step {
                *shown.borrow_mut() = *step;
                if let Some(title) = heading.cast::<HtmlElement>() {
                    let _ = title.focus();
                    title.scroll_into_view_with_bool(false);
                }
            }
        });
    }
    {
        let session = session.clone();
        use_effect_with(step, move |step| {
            let at = *step;
            let options = EventListenerOptions::enable_prevent_default();
            let on_key = move |event: &web_sys::Event| {
                let (Some(event), Some(at)) = (event.dyn_ref::<DomKey>(), at) else {
                    return;
                };
                let key = event.key();
                if event.ctrl_key() || event.alt_key() || event.meta_key() || taken(&key) {
                    return;
                }
                let to = match key.as_str() {
                    "ArrowRight" | "PageDown" => at.after(),
                    " " if !event.shift_key() => at.after(),
                    "ArrowLeft" | "PageUp" | " " => at.before(),
                    _ => return,
                };
                if let Some(to) = to {
                    event.prevent_default();
                    progress::add(at);
                    session.open_step(Some(to));
                }
            };
            let document = gloo::utils::document();
            let listener = EventListener::new_with_options(&document, "keydown", options, on_key);
            move || drop(listener)
        });
    }
    let Some(step) = step else {
        return html! { <Teachers session={session.clone()} model={model.clone()} /> };
    };
    let words = step.words();
    let go = |to: Option<Step>| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(to) = to {
                progress::add(step);
                session.open_step(Some(to));
            }
        })
    };
    let answered = {
        let session = session.clone();
        Callback::from(move |_: Event| {
            progress::add(step);
            session.redraw();
        })
    };
    let (back, on) = (step.before(), step.after());
    html! {
        <article class="card lesson" aria-labelledby="lesson-title">
            <p class="soft num">{ format!("Step {} of {}", step.place() + 1, Step::ALL.len()) }</p>
            <h2 id="lesson-title" class="lesson-title" tabindex="-1" ref={heading}>{ words.title }</h2>
            <div class="lesson-body">
                <div class="lesson-text">
                    { for words.text.iter().map(|sentence| html! { <p>{ *sentence }</p> }) }
                    if let Some((mathml, spoken)) = words.formula {
                        <div class="formula" role="math" aria-label={spoken}>{ Html::from_html_unchecked(mathml.into()) }</div>
                    }
                    <p class="do"><strong>{ "Try it. " }</strong>{ words.action }</p>
                    <details class="question" key={step.name()} ontoggle={answered}>
                        <summary>{ words.question }</summary>
                        <p>{ words.answer }</p>
                    </details>
                </div>
                <section class="lesson-figure" key={step.name()} aria-label="Figure">{ figure(step, session, model) }</section>
            </div>
            <div class="lesson-walk">
                <button type="button" class="quiet" id="learn-back" onclick={go(back)} disabled={back.is_none()}>{ "← Back" }</button>
                <span class="soft keys">{ "Space or → goes on, ← goes back" }</span>
                <button type="button" class="next" id="learn-on" onclick={go(on)} disabled={on.is_none()}>{ if on.is_some() { "Next →" } else { "That was all" } }</button>
            </div>
        </article>
    }
}
