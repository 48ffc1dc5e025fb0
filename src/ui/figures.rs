//! The four large numbers, each with where it comes from.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::format;
use super::learn::step::Step;
use super::link::{self, Parts, Tab};
use super::model::{Model, Origin, View};
use crate::train::config::{Precision, RunConfig};
use crate::train::metrics::Snapshot;

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Measured in this run.
    Measured,
    /// Counted from the Program's shapes and formats.
    Counted,
    /// Computed by the accelerator's model.
    Modelled,
    /// Taken from the paper.
    Published,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Counted => "counted",
            Self::Modelled => "modelled",
            Self::Published => "published",
        }
    }
}

/// Properties of [`Provenance`].
#[derive(Properties, PartialEq)]
pub struct ProvenanceProps {
    /// Where the number comes from.
    pub kind: Kind,
    /// Formula or source.
    pub text: AttrValue,
    /// Side of the tag that the text is flush with: `start` or `end`.
    #[prop_or(AttrValue::Static("start"))]
    pub align: AttrValue,
    /// The step of the Learn tab that explains it.
    #[prop_or_default]
    pub learn: Option<Step>,
}

/// A tag that says where a number comes from, and more on hover, focus or tap; Escape closes it.
#[component]
pub fn Provenance(props: &ProvenanceProps) -> Html {
    let id = use_memo((), |()| format!("tip-{}", unique()));
    let shut = use_state_eq(|| false);
    let onkeydown = {
        let shut = shut.clone();
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                shut.set(true);
            }
        })
    };
    let show = {
        let shut = shut.clone();
        move || {
            let shut = shut.clone();
            shut.set(false);
        }
    };
    let onclick = Callback::from(|event: MouseEvent| {
        // Safari does not focus a button that is tapped, and focus is what holds the text open.
        if let Some(target) = event
            .current_target()
            .and_then(|t| t.dyn_into::<HtmlElement>().ok())
        {
            let _ = target.focus();
        }
    });
    let (on_enter, on_focus) = (show.clone(), show);
    html! {
        <span class={classes!("tip", shut.then_some("shut"))} onmouseenter={Callback::from(move |_| on_enter())}>
            <button type="button" class={classes!("tag", props.kind.name())} aria-describedby={(*id).clone()}
                {onkeydown} {onclick} onfocus={Callback::from(move |_| on_focus())}>{ props.kind.name() }</button>
            <span class={classes!("tip-text", props.align.to_string())}>
                <span role="tooltip" id={(*id).clone()}>{ &props.text }</span>
                if let Some(step) = props.learn {
                    { " " }<a href={format!("#tab=learn&step={}", step.name())} onclick={Callback::from(move |event| open(&event, step))}>{ "Learn about it" }</a>
                }
            </span>
        </span>
    }
}

/// Opens a step by the address, which keeps the settings that are in it.
fn open(event: &MouseEvent, step: Step) {
    event.prevent_default();
    let location = gloo::utils::window().location();
    let hash = location.hash().unwrap_or_default();
    let to = link::join(Parts {
        tab: Tab::Learn,
        step: step.name(),
        ..link::part(&hash)
    });
    let _ = location.set_hash(&to);
}

fn unique() -> u32 {
    thread_local!(static LAST: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    LAST.with(|last| {
        last.set(last.get() + 1);
        last.get()
    })
}

/// Properties of [`Figures`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The model.
    pub model: Model,
}

/// The four numbers.
#[component]
pub fn Figures(props: &Props) -> Html {
    let model = &props.model;
    html! {
        <section class="figures" aria-label="Results">
            { accuracy(&model.view) }
            { parameters(&model.view) }
            { training(&model.view) }
            { arithmetic(model) }
        </section>
    }
}

/// One number: its name, its value with a unit, what stands below it, and its tag.
pub fn figure(name: &str, value: String, unit: &str, below: Html, tag: Html) -> Html {
    html! {
        <div class="card figure">
            <h2>{ name }</h2>
            <p class="value num">{ value }<small>{ unit }</small></p>
            <p class="below"><span class="num">{ below }</span>{ tag }</p>
        </div>
    }
}

const NONE: &str = "–";

fn whose(view: &View) -> &'static str {
    match view.origin {
        Origin::Example => "Measured in the recorded run",
        _ => "Measured here",
    }
}

fn accuracy(view: &View) -> Html {
    let epoch = view.last_epoch();
    let value = epoch
        .as_ref()
        .map_or(NONE.into(), |e| format::percent(e.test_accuracy));
    let below = epoch
        .as_ref()
        .map_or("after the first epoch".to_string(), |e| {
            format!(
                "epoch {} · train {} %",
                e.epoch,
                format::percent(e.train_accuracy)
            )
        });
    let text = format!(
        "{}: share of the {} test images that the network answers correctly, computed with the numbers it is deployed with. The test images are never trained on.",
        whose(view),
        format::count(view.images.1 as u64),
    );
    figure(
        "Test accuracy",
        value,
        if epoch.is_some() { " %" } else { "" },
        html! { below },
        html! { <Provenance kind={Kind::Measured} {text} learn={Step::Rounding} /> },
    )
}

/// How the deployed bits come about.
fn formula(config: &RunConfig) -> String {
    match config.precision {
        Precision::Fixed => format!(
            "{} bits × core entries alive + {} bits × biases",
            config.bits.core, config.bits.activation
        ),
        Precision::Float => "32 bits × (core entries alive + biases)".into(),
        Precision::Bf16 | Precision::F16 => "16 bits × (core entries alive + biases)".into(),
    }
}

fn parameters(view: &View) -> Html {
    let stages = view.snapshot.as_ref().map(|s| &s.memory.stages);
    let ends = stages.and_then(|s| Some((s.first()?.bits, s.last()?.bits)));
    #[allow(
        clippy::cast_precision_loss,
        reason = "shown with three significant figures"
    )]
    let value = ends.map_or(NONE.into(), |(dense, now)| {
        format::factor(dense as f64 / now.max(1) as f64)
    });
    let below = ends.map_or(String::new(), |(_, now)| {
        format!("{} · paper 292×", format::bits(now))
    });
    let text = ends.map_or("Counted as soon as there is a network.".into(), |(dense, now)| {
        format!(
            "Counted: {} ÷ {} bits. Above, 32 bits × weights and biases of the dense network; below, {}. The paper's 292× is published.",
            format::count(dense), format::count(now), formula(&view.config),
        )
    });
    figure(
        "Parameter memory",
        value,
        if ends.is_some() { " smaller" } else { "" },
        html! { below },
        html! { <Provenance kind={Kind::Counted} {text} learn={Step::Rank} /> },
    )
}

fn training(view: &View) -> Html {
    let parts = view
        .snapshot
        .as_ref()
        .map_or(&[][..], |s| &s.memory.training);
    let total: u64 = parts.iter().map(|part| part.bytes).sum();
    let shown = format::bytes(total);
    let (value, unit) = shown.split_once(' ').unwrap_or((NONE, ""));
    let below = match total {
        0 => "",
        1..=128_000 => "fits 128 KB on chip",
        _ => "above 128 KB on chip",
    };
    let list: Vec<_> = parts
        .iter()
        .map(|p| format!("{} {}", p.name, format::bytes(p.bytes)))
        .collect();
    let text = format!(
        "Counted from the buffers of this run's Program, each in its own number format: {}. 128 KB is the budget on chip for the paper's network.",
        list.join(", ")
    );
    let value = if total == 0 {
        NONE.to_string()
    } else {
        value.to_string()
    };
    figure(
        "Training memory",
        value,
        &format!(" {unit}"),
        html! { below },
        html! { <Provenance kind={Kind::Counted} align="end" {text} learn={Step::Gradient} /> },
    )
}

fn arithmetic(model: &Model) -> Html {
    let view = &model.view;
    let macs = view
        .snapshot
        .as_deref()
        .map_or(0.0, Snapshot::macs_per_sample);
    let speed = if view.origin == Origin::Example {
        view.last_epoch().map_or(0.0, |e| e.samples_per_second)
    } else {
        model.samples_per_second
    };
    let value = if macs > 0.0 {
        format::short(macs)
    } else {
        NONE.into()
    };
    let (value, unit) = value
        .split_once(' ')
        .map_or((value.clone(), String::new()), |(v, u)| {
            (v.to_string(), format!(" {u}"))
        });
    let below = if speed > 0.0 {
        format!("{} samples/s", format::short(speed))
    } else {
        "multiply-accumulates".into()
    };
    let text = format!(
        "Counted: {} multiply-accumulates per training sample (forward, backward and update), summed over the Program's operations; what is done once per batch is divided by the batch of {}. {}: samples per second{}.",
        format::whole(macs),
        view.config.batch,
        whose(view),
        if view.origin == Origin::Example {
            ", natively on the machine that recorded it"
        } else {
            " of wall time in this browser"
        },
    );
    figure(
        "Arithmetic per sample",
        value,
        &format!("{unit} MAC"),
        html! { below },
        html! { <Provenance kind={Kind::Counted} align="end" {text} learn={Step::Order} /> },
    )
}
