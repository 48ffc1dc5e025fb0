//! One line over the results: whose run this is, in what state, and what there is to say about it.

use yew::prelude::*;

use super::export;
use super::format;
use super::model::{Model, Origin, Phase, View};
use super::session::Session;
use crate::train::config::{Precision, PriorKind};

/// Properties of [`Strip`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// The line.
#[component]
pub fn Strip(props: &Props) -> Html {
    let Props { session, model } = props;
    let (class, state) = state(model);
    let call = |act: fn(&Session)| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| act(&session))
    };
    let save = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| export::save_checkpoint(&session))
    };
    let curves = {
        let view = model.view.clone();
        Callback::from(move |_: MouseEvent| export::save_curves(&view))
    };
    let open = {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| export::open_checkpoint(&session))
    };
    let live = model.view.origin == Origin::Live;
    let example = model.view.origin == Origin::Example;
    let has_curves = !model.view.history.curves().epochs.is_empty()
        || !model.view.history.curves().steps.is_empty();
    html! {
        <section class="strip" aria-label="State of the run">
            <span class={classes!("state", class)}>{ state }</span>
            { sentence(session, model) }
            <span class="actions">
                if example {
                    <button type="button" class="link" onclick={call(Session::show_example)}>{ "Replay" }</button>
                } else if live && model.phase != Phase::Running {
                    <button type="button" class="link" onclick={call(Session::show_example)}>{ "Show example" }</button>
                }
                <button type="button" class="link" id="save-curves" onclick={curves} disabled={!has_curves}>{ "Curves (CSV)" }</button>
                <button type="button" class="link" id="save-checkpoint" onclick={save} disabled={!live}>{ "Save checkpoint" }</button>
                <button type="button" class="link" id="open-checkpoint" onclick={open}>{ "Load checkpoint" }</button>
            </span>
        </section>
    }
}

fn state(model: &Model) -> (&'static str, &'static str) {
    match model.phase {
        Phase::Example => ("example", "Example run"),
        Phase::Preparing => ("preparing", "Getting ready"),
        Phase::Ready => ("ready", "Untrained"),
        Phase::Running if model.evaluating.is_some() => ("running", "Testing"),
        Phase::Running => ("running", "Training"),
        Phase::Paused => ("paused", "Paused"),
        Phase::Stopped => ("paused", "Stopped"),
        Phase::Finished => ("finished", "Finished"),
        Phase::Failed => ("failed", "Failed"),
    }
}

fn sentence(session: &Session, model: &Model) -> Html {
    if let Some(notice) = &model.notice {
        let dismiss = {
            let session = session.clone();
            Callback::from(move |_: MouseEvent| session.dismiss())
        };
        return html! {
            <span class={classes!("says", notice.fault.then_some("fault"))} title={notice.text.clone()}>
                { &notice.text }
                <button type="button" class="link" aria-label="Dismiss this message" onclick={dismiss}>{ "×" }</button>
            </span>
        };
    }
    let text = match model.phase {
        Phase::Example => format!("recorded, {} epochs. {}. Press Train to run your own here.", model.view.config.epochs, what(&model.view)),
        Phase::Preparing => "Bringing data and network into the training worker…".into(),
        _ if model.settings_changed() => "The settings were changed: Reset to use them; Train goes on with the old ones.".into(),
        _ => what(&model.view),
    };
    html! { <span class="says">{ text }</span> }
}

/// A run in one line.
fn what(view: &View) -> String {
    let config = &view.config;
    let widths: Vec<String> = config
        .network
        .layers
        .iter()
        .map(|l| l.in_modes.iter().product::<usize>())
        .chain(config.network.layers.last().map(|l| l.out_modes.iter().product()))
        .map(|width: usize| width.to_string())
        .collect();
    let precision = match config.precision {
        Precision::Float => "32-bit float".into(),
        Precision::Bf16 => "bfloat16".into(),
        Precision::F16 => "half precision".into(),
        Precision::Fixed => {
            let bits = &config.bits;
            format!("{}/{}/{} bits", bits.core, bits.activation, bits.gradient)
        }
    };
    let prior = match config.prior.kind {
        PriorKind::None => "fixed ranks",
        PriorKind::LogUniform => "log-uniform prior",
        PriorKind::HalfCauchy => "half-Cauchy prior",
        PriorKind::InverseGamma => "inverse-gamma prior",
    };
    format!(
        "{} on {} images of {}, {precision}, {prior}, seed {}",
        widths.join("-"),
        format::count(view.images.0 as u64),
        if config.data.starts_with("fashion-mnist") { "Fashion-MNIST" } else { &config.data },
        config.seed,
    )
}
