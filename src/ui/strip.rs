//! One line over the results: whose run this is, in what state, and what there is to say about it.

use std::borrow::Cow;

use yew::prelude::*;

use super::export;
use super::format;
use super::later;
use super::model::{Dialog, Model, Origin, Phase, View};
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
                    <button type="button" class="link" onclick={call(Session::show_example)}>{ "Example" }</button>
                }
                <button type="button" class="link" id="save-curves" title="Download the curves as CSV" onclick={curves} disabled={!has_curves}>{ "Curves" }</button>
                <button type="button" class="link" id="save-checkpoint" title="Download the run as a checkpoint (.safetensors)" onclick={save} disabled={!live}>{ "Save" }</button>
                <button type="button" class="link" id="open-checkpoint" title="Go on from a checkpoint (.safetensors)" onclick={open}>{ "Load" }</button>
                <button type="button" class="link" id="runs" title="Runs kept in this browser: keep this one, compare, open, export" onclick={call(|session| session.open_dialog(Dialog::Runs))}
                    onpointerenter={Callback::from(|_: PointerEvent| later::expect())}>{ "Runs" }</button>
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
            <span class={classes!("says", "notice", notice.fault.then_some("fault"))} title={notice.text.clone()}>
                <span>{ &notice.text }</span>
                <button type="button" class="link" aria-label="Dismiss this message" onclick={dismiss}>{ "×" }</button>
            </span>
        };
    }
    let text = match model.phase {
        Phase::Example => format!(
            "recorded, {} epochs · {}",
            model.view.config.epochs,
            what(&model.view)
        ),
        Phase::Preparing => "Bringing data and network into the training worker…".into(),
        Phase::Ready if model.settings_changed() => {
            "The settings were changed: Train starts with them.".into()
        }
        _ if model.settings_changed() => {
            "The settings were changed: Reset to use them; Train goes on with the old ones.".into()
        }
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
        .chain(
            config
                .network
                .layers
                .last()
                .map(|l| l.out_modes.iter().product()),
        )
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
    let prior: Cow<str> = match config.prior.kind {
        PriorKind::None => "fixed ranks".into(),
        _ if config.prior.target > 0.0 => format!("ranks to {}×", config.prior.target).into(),
        PriorKind::LogUniform => "log-uniform prior".into(),
        PriorKind::HalfCauchy => "half-Cauchy prior".into(),
        PriorKind::InverseGamma => "inverse-gamma prior".into(),
    };
    format!(
        "{} · {} images of {} · {precision} · {prior}",
        widths.join("-"),
        format::count(view.images.0 as u64),
        if config.data.starts_with("fashion-mnist") {
            "Fashion-MNIST"
        } else {
            &config.data
        },
    )
}
