//! The list of steps: each can be jumped to.

use yew::prelude::*;

use super::progress;
use super::step::Step;
use crate::ui::session::Session;

/// Properties of [`LearnRail`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The step that is shown; none for the teachers' page.
    pub step: Option<Step>,
    /// How many were read when the page was drawn, so that the list follows.
    pub read: usize,
}

impl Props {
    /// How many steps were read.
    #[must_use]
    pub fn read() -> usize {
        progress::read().len()
    }
}

/// The list.
#[component]
pub fn LearnRail(props: &Props) -> Html {
    let Props { session, step, .. } = props;
    let turn = use_state(|| 0_u32);
    let read = progress::read();
    let entry = |at: Step| {
        let session = session.clone();
        let onclick = Callback::from(move |_: MouseEvent| session.open_step(Some(at)));
        let here = *step == Some(at);
        let done = read.contains(&at);
        html! {
            <li key={at.name()}>
                <button type="button" class={classes!("step-link", done.then_some("done"))} aria-current={here.then_some("step")} {onclick}>
                    <span class="num" aria-hidden="true">{ at.place() + 1 }</span>
                    <span>{ at.words().title }</span>
                    if done { <span class="hidden">{ "(read)" }</span> }
                </button>
            </li>
        }
    };
    let teachers = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.open_step(None))
    };
    let forget = Callback::from(move |_: MouseEvent| {
        progress::forget();
        turn.set(*turn + 1);
    });
    html! {
        <nav class="card steps" aria-label="Steps">
            <div class="head"><h2>{ "Steps" }</h2><span class="soft num">{ format!("{} of {} read", read.len(), Step::ALL.len()) }</span></div>
            <ol>{ for Step::ALL.into_iter().map(entry) }</ol>
            <button type="button" class="step-link" aria-current={step.is_none().then_some("page")} onclick={teachers}>
                <span class="num" aria-hidden="true">{ "✎" }</span><span>{ "For teachers: five lessons" }</span>
            </button>
            if !read.is_empty() {
                <button type="button" class="link" onclick={forget}>{ "Forget what was read" }</button>
            }
        </nav>
    }
}
