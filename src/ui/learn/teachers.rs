//! The page for teachers: five lessons ready to hand out, and a link of one's own.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::lessons::{self, Lesson};
use crate::ui::hide::PARTS;
use crate::ui::model::Model;
use crate::ui::session::Session;

/// Properties of [`Teachers`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// The page.
#[component]
pub fn Teachers(props: &Props) -> Html {
    let Props { session, model } = props;
    let hidden = use_state_eq(|| model.hidden);
    let lesson = |lesson: Lesson| {
        let hash = lesson.hash();
        let copy = {
            let (session, hash) = (session.clone(), hash.clone());
            Callback::from(move |_: MouseEvent| session.copy_hash(&hash))
        };
        html! {
            <li key={lesson.title}>
                <h3><a href={hash}>{ lesson.title }</a></h3>
                <p class="soft">{ lesson.time }</p>
                <p>{ lesson.does }</p>
                <p><strong>{ "Ask: " }</strong>{ lesson.ask }</p>
                <button type="button" class="link" onclick={copy} aria-label={format!("Copy link of “{}”", lesson.title)}>{ "Copy link" }</button>
            </li>
        }
    };
    let part = |k: usize| {
        let hidden = hidden.clone();
        let id = format!("hide-{}", PARTS[k].0);
        let checked = hidden.has(k);
        let onchange = Callback::from(move |event: Event| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                hidden.set(hidden.with(k, input.checked()));
            }
        });
        html! { <li key={k}><input type="checkbox" id={id.clone()} {checked} {onchange} /><label for={id}>{ PARTS[k].1 }</label></li> }
    };
    let copy = {
        let (session, hidden) = (session.clone(), *hidden);
        Callback::from(move |_: MouseEvent| session.copy_lesson(hidden))
    };
    html! {
        <article class="card lesson" aria-labelledby="lesson-title">
            <h2 id="lesson-title" class="lesson-title" tabindex="-1">{ "For teachers" }</h2>
            <p>{ "Each link opens the page in exactly this state: settings, seed, tab, step, and the controls that are hidden. Trained with the same seed in fixed point, every computer in the room ends with the same checksum." }</p>
            <ol class="lessons">{ for lessons::all().into_iter().map(lesson) }</ol>
            <section aria-labelledby="own-title">
                <h3 id="own-title">{ "A lesson of your own" }</h3>
                <p>{ "Set the page up as your class should find it, choose what to hide, and copy the link. It opens the Train tab; copy the link of any other tab there." }</p>
                <ul class="hideables">{ for (0..PARTS.len()).map(part) }</ul>
                <button type="button" class="quiet" onclick={copy}>{ "Copy the lesson’s link" }</button>
            </section>
        </article>
    }
}
