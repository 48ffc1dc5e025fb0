//! Controls of the rail: text fields with their fault beside them, segments, selections.

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// Properties of [`TextField`].
#[derive(Properties, PartialEq)]
pub struct TextProps {
    /// Field of the configuration, also its identity in the page.
    pub field: AttrValue,
    /// Label.
    pub label: AttrValue,
    /// Value as text.
    pub value: AttrValue,
    /// What is wrong with it.
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    /// Its text changed.
    pub onedit: Callback<String>,
    /// What the label leaves unsaid, for screen readers and on hover.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    /// Style class.
    #[prop_or_default]
    pub class: Classes,
}

/// A field. While it is being edited it shows what was typed, otherwise the value.
#[component]
pub fn TextField(props: &TextProps) -> Html {
    let typed = use_state_eq(|| None::<AttrValue>);
    let id = format!("f-{}", props.field.replace('.', "-"));
    let fault_id = format!("{id}-fault");
    let oninput = {
        let (typed, onedit) = (typed.clone(), props.onedit.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                typed.set(Some(input.value().into()));
                onedit.emit(input.value());
            }
        })
    };
    let onblur = {
        let (typed, sound) = (typed.clone(), props.fault.is_none());
        Callback::from(move |_| {
            if sound {
                typed.set(None);
            }
        })
    };
    let value = (*typed).clone().unwrap_or_else(|| props.value.clone());
    {
        // A value set from elsewhere (a preset, a link) replaces what was typed.
        let typed = typed.clone();
        use_effect_with(props.value.clone(), move |_| {
            let focused = gloo::utils::document()
                .active_element()
                .is_some_and(|element| element.id() == id);
            if !focused {
                typed.set(None);
            }
        });
    }
    let id = format!("f-{}", props.field.replace('.', "-"));
    html! {
        <div class={classes!("field", props.class.clone(), props.fault.is_some().then_some("bad"))}>
            <label for={id.clone()} title={props.hint.clone()}>{ &props.label }</label>
            <input {id} class="num" type="text" autocomplete="off" spellcheck="false" {value} {oninput} {onblur}
                title={props.hint.clone()}
                aria-invalid={props.fault.is_some().then_some("true")}
                aria-describedby={props.fault.is_some().then(|| fault_id.clone())} />
            if let Some(fault) = &props.fault {
                <p class="fault" id={fault_id}>{ fault }</p>
            }
        </div>
    }
}

/// Properties of [`Segments`].
#[derive(Properties, PartialEq)]
pub struct SegmentProps {
    /// Name of the group.
    pub name: AttrValue,
    /// Options as shown, with what they mean.
    pub options: Vec<(&'static str, &'static str)>,
    /// The one chosen, if any.
    pub chosen: Option<usize>,
    /// One was chosen.
    pub onchoose: Callback<usize>,
}

/// A choice of few, as radio buttons drawn side by side.
#[component]
pub fn Segments(props: &SegmentProps) -> Html {
    let group = props.name.to_ascii_lowercase().replace(' ', "-");
    html! {
        <div class="segments" role="radiogroup" aria-label={props.name.clone()}>
            { for props.options.iter().enumerate().map(|(k, (label, meaning))| {
                let id = format!("s-{group}-{k}");
                let choose = props.onchoose.reform(move |_: Event| k);
                html! {
                    <span key={k}>
                        <input type="radio" id={id.clone()} name={group.clone()} checked={props.chosen == Some(k)} onchange={choose} />
                        <label for={id} title={*meaning}>{ *label }</label>
                    </span>
                }
            }) }
        </div>
    }
}

/// Properties of [`Choice`].
#[derive(Properties, PartialEq)]
pub struct ChoiceProps {
    /// Field of the configuration, also its identity in the page.
    pub field: AttrValue,
    /// Label.
    pub label: AttrValue,
    /// Options as shown.
    pub options: Vec<AttrValue>,
    /// The one chosen; none shows an empty field.
    pub chosen: Option<usize>,
    /// One was chosen.
    pub onchoose: Callback<usize>,
    /// What is wrong with it.
    #[prop_or_default]
    pub fault: Option<AttrValue>,
    /// What the label leaves unsaid, for screen readers and on hover.
    #[prop_or_default]
    pub hint: Option<AttrValue>,
    /// Style class.
    #[prop_or_default]
    pub class: Classes,
}

/// A selection.
#[component]
pub fn Choice(props: &ChoiceProps) -> Html {
    let id = format!("f-{}", props.field.replace('.', "-"));
    let fault_id = format!("{id}-fault");
    let onchange = {
        let onchoose = props.onchoose.clone();
        Callback::from(move |event: Event| {
            if let Some(select) = event.target_dyn_into::<HtmlSelectElement>()
                && let Ok(k) = usize::try_from(select.selected_index())
            {
                onchoose.emit(k);
            }
        })
    };
    html! {
        <div class={classes!("field", props.class.clone(), props.fault.is_some().then_some("bad"))}>
            <label for={id.clone()} title={props.hint.clone()}>{ &props.label }</label>
            <select {id} {onchange} title={props.hint.clone()} aria-describedby={props.fault.is_some().then(|| fault_id.clone())}>
                { for props.options.iter().enumerate().map(|(k, option)| html! {
                    <option key={k} selected={props.chosen == Some(k)}>{ option }</option>
                }) }
            </select>
            if let Some(fault) = &props.fault {
                <p class="fault" id={fault_id}>{ fault }</p>
            }
        </div>
    }
}
