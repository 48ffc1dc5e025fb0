//! A dialog over the page: it takes the keyboard, closes with Escape and Done, and gives the keyboard back.

use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::session::Session;

/// Properties of [`Modal`].
#[derive(Properties)]
pub struct Props {
    /// The session, which is told when it closes.
    pub session: Session,
    /// Its style.
    pub class: Classes,
    /// Its heading.
    pub title: &'static str,
    /// What is in it.
    pub children: Html,
}

impl PartialEq for Props {
    /// To compare what is in it would cost as much as to draw it.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// The dialog. It is there while it is open.
#[component]
pub fn Modal(props: &Props) -> Html {
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                let _ = dialog.show_modal();
            }
        });
    }
    let onclose = {
        let session = props.session.clone();
        Callback::from(move |_: Event| session.close_dialog())
    };
    html! {
        <dialog class={props.class.clone()} ref={dialog} aria-labelledby="dialog-title" {onclose}>
            <div class="dialog-head">
                <h2 id="dialog-title">{ props.title }</h2>
                <button type="button" class="quiet" onclick={Callback::from(|_: MouseEvent| close())}>{ "Done" }</button>
            </div>
            { props.children.clone() }
        </dialog>
    }
}

/// Closes the dialog that is open.
pub fn close() {
    let open = gloo::utils::document().query_selector("dialog[open]");
    let open = open.ok().flatten().and_then(|d| d.dyn_into().ok());
    if let Some(open) = open {
        HtmlDialogElement::close(&open);
    }
}
