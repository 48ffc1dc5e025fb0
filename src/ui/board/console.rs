//! Single commands by hand: an input with its history, the answers under it.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::ui::board_state::Exchange;

/// Properties of [`Console`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Commands and answers, oldest first.
    pub lines: Vec<Exchange>,
    /// Whether a board is there to be asked.
    pub open: bool,
    /// A command was typed.
    pub onsay: Callback<String>,
}

/// The panel.
#[component]
pub fn Console(props: &Props) -> Html {
    let Props { lines, open, onsay } = props;
    let typed = use_state_eq(String::new);
    // Lines back in the history; 0 is the one being typed.
    let back = use_state_eq(|| 0_usize);
    let oninput = {
        let (typed, back) = (typed.clone(), back.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                typed.set(input.value());
                back.set(0);
            }
        })
    };
    let onkeydown = {
        let (typed, back, onsay) = (typed.clone(), back.clone(), onsay.clone());
        let past: Vec<String> = lines.iter().map(|line| line.asked.clone()).collect();
        Callback::from(move |event: KeyboardEvent| {
            let next = match event.key().as_str() {
                "Enter" => {
                    let text = typed.trim().to_string();
                    if !text.is_empty() {
                        onsay.emit(text);
                        typed.set(String::new());
                        back.set(0);
                    }
                    return;
                }
                "ArrowUp" => (*back + 1).min(past.len()),
                "ArrowDown" => back.saturating_sub(1),
                _ => return,
            };
            event.prevent_default();
            back.set(next);
            let text = past.len().checked_sub(next).and_then(|at| past.get(at));
            typed.set(text.cloned().unwrap_or_default());
        })
    };
    html! {
        <section class="card fill console" aria-labelledby="console-title">
            <div class="head">
                <h2 id="console-title">{ "Console" }</h2>
                <span class="legend">{ "single commands; " }<kbd>{ "help" }</kbd>{ " lists them" }</span>
            </div>
            <div class="prompt">
                <span aria-hidden="true" class="num">{ ">" }</span>
                <input id="board-console" class="num" type="text" autocomplete="off" autocapitalize="off" spellcheck="false" aria-label="Command for the board"
                    placeholder={if *open { "status" } else { "connect a board first, or help" }} value={(*typed).clone()} {oninput} {onkeydown} />
            </div>
            <div class="answers num" id="board-answers" tabindex="0" role="log" aria-label="Commands and answers, the newest first">
                { for lines.iter().rev().map(|line| html! {
                    <div key={line.ticket}>
                        <p class="asked"><span aria-hidden="true">{ "> " }</span>{ &line.asked }</p>
                        { match &line.answer {
                            Some((fault, text)) => html! { <p class={classes!("answered", fault.then_some("fault"))}>{ text }</p> },
                            None => html! { <p class="answered">{ "…" }</p> },
                        } }
                    </div>
                }) }
            </div>
        </section>
    }
}
