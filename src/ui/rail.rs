//! The settings: data, network, precision, ranks, training, and the rarer ones behind a disclosure.

use yew::prelude::*;

use super::data_card::DataCard;
use super::draft::{Draft, parse_list, parse_number, parse_whole};
use super::fields::{Choice, Segments, TextField};
use super::format;
use super::model::Model;
use super::session::Session;
use super::workers;
use crate::numeric::Rounding;
use crate::program::Schedule;
use crate::train::config::{
    MomentStorage, OptimiserKind, Precision, Preset, PriorConfig, PriorKind, RateSchedule,
    RunConfig,
};

/// Properties of [`Rail`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The model.
    pub model: Model,
}

/// A text field of the configuration.
struct Spec {
    field: &'static str,
    label: &'static str,
    hint: &'static str,
    get: fn(&RunConfig) -> String,
    set: fn(&mut RunConfig, &str) -> Result<(), String>,
}

macro_rules! whole {
    ($field:literal, $label:literal, $hint:literal, $example:literal, $($path:ident).+) => {
        Spec {
            field: $field,
            label: $label,
            hint: $hint,
            get: |c| c.$($path).+.to_string(),
            set: |c, text| { c.$($path).+ = parse_whole(text, $example)?; Ok(()) },
        }
    };
}

macro_rules! number {
    ($field:literal, $label:literal, $hint:literal, $example:literal, $($path:ident).+) => {
        Spec {
            field: $field,
            label: $label,
            hint: $hint,
            get: |c| c.$($path).+.to_string(),
            set: |c, text| { c.$($path).+ = parse_number(text, $example)?; Ok(()) },
        }
    };
}

static BITS: [Spec; 4] = [
    whole!(
        "bits.core",
        "cores",
        "Bits of the cores as the contractions see them",
        "4",
        bits.core
    ),
    whole!(
        "bits.activation",
        "activations",
        "Bits of activations, logits and biases",
        "8",
        bits.activation
    ),
    whole!(
        "bits.gradient",
        "gradients",
        "Bits of the gradients",
        "16",
        bits.gradient
    ),
    whole!(
        "bits.master",
        "master",
        "Bits of the copy of the cores that the optimiser updates",
        "8",
        bits.master
    ),
];

static TARGET: Spec = number!(
    "prior.target",
    "target ×",
    "Memory reduction to shrink to, such as 292",
    "292",
    prior.target
);
static STRENGTH: Spec = number!(
    "prior.strength",
    "strength",
    "Weight of the penalty, on the loss summed over the training set",
    "1",
    prior.strength
);
static PRIOR_TIME: [Spec; 2] = [
    number!(
        "prior.warmup_epochs",
        "from epoch",
        "Epochs before ranks begin to shrink",
        "1",
        prior.warmup_epochs
    ),
    number!(
        "prior.ramp_epochs",
        "over epochs",
        "Epochs over which the memory falls to the target, or the strength rises",
        "6",
        prior.ramp_epochs
    ),
];

static TRAINING: [Spec; 4] = [
    number!(
        "rate.peak",
        "rate",
        "The highest learning rate of the run",
        "0.02",
        rate.peak
    ),
    whole!(
        "epochs",
        "epochs",
        "Passes over the training set",
        "10",
        epochs
    ),
    whole!("batch", "batch", "Samples per step", "64", batch),
    whole!(
        "seed",
        "seed",
        "Seed of every random choice of the run",
        "1",
        seed
    ),
];

static MORE: [Spec; 10] = [
    number!(
        "label_smoothing",
        "label smoothing",
        "Share of each training target that is spread over all classes",
        "0.1",
        label_smoothing
    ),
    number!(
        "prior.threshold",
        "threshold",
        "An index is alive while its variance is above this",
        "0.001",
        prior.threshold
    ),
    number!(
        "prior.smoothing",
        "smoothing",
        "Step of the variances toward their target, once per batch",
        "0.1",
        prior.smoothing
    ),
    number!(
        "prior.eta",
        "½-Cauchy η",
        "Scale of the half-Cauchy prior",
        "0.1",
        prior.eta
    ),
    number!(
        "prior.shape",
        "inverse-γ a",
        "Shape of the inverse-gamma prior",
        "1",
        prior.shape
    ),
    number!(
        "prior.scale",
        "inverse-γ b",
        "Scale of the inverse-gamma prior",
        "1",
        prior.scale
    ),
    whole!(
        "rate.warmup_steps",
        "rate rises over",
        "Steps over which the rate first rises from zero",
        "0",
        rate.warmup_steps
    ),
    number!(
        "optimiser.momentum",
        "β₁ or momentum",
        "Adam's beta1, or the momentum of gradient descent",
        "0.9",
        optimiser.momentum
    ),
    number!(
        "optimiser.beta2",
        "β₂",
        "Adam's beta2",
        "0.999",
        optimiser.beta2
    ),
    number!(
        "optimiser.epsilon",
        "ε",
        "Added to the root of Adam's second moment",
        "1e-8",
        optimiser.epsilon
    ),
];

/// The rail.
#[component]
pub fn Rail(props: &Props) -> Html {
    let Props { session, model } = props;
    let draft = &model.draft;
    html! {
        <>
            <DataCard session={session.clone()} model={model.clone()} />
            { network(session, draft) }
            { precision(session, draft) }
            { ranks(session, draft) }
            { training(session, draft, model) }
            { more(session, draft) }
        </>
    }
}

fn text(session: &Session, draft: &Draft, spec: &'static Spec) -> Html {
    let session = session.clone();
    let onedit = Callback::from(move |text: String| {
        session.edit(|draft| draft.edit(spec.field, &text, spec.set));
    });
    html! {
        <TextField key={spec.field} field={spec.field} label={spec.label} hint={spec.hint}
            value={(spec.get)(&draft.config)} fault={draft.fault_of(spec.field).map(AttrValue::from)} {onedit} />
    }
}

fn choosing<T: Copy + 'static>(
    session: &Session,
    options: &'static [T],
    set: fn(&mut Draft, T),
) -> Callback<usize> {
    let session = session.clone();
    Callback::from(move |k: usize| {
        if let Some(&option) = options.get(k) {
            session.edit(|draft| set(draft, option));
        }
    })
}

fn place<T: PartialEq>(options: &[T], value: &T) -> Option<usize> {
    options.iter().position(|option| option == value)
}

const PRESETS: [Preset; 3] = [Preset::Paper, Preset::Tiny, Preset::Dense];

fn network(session: &Session, draft: &Draft) -> Html {
    let preset = draft.preset();
    let mut options = vec![
        (
            "paper",
            "896 → 512 → 16 with ranks of 16, the paper's network",
        ),
        ("tiny", "896 → 64 → 16 with ranks of 6, trains in seconds"),
        ("dense", "784 → 512 → 10, the dense baseline"),
    ];
    let own = preset.is_none();
    if own {
        options.push(("own", "The layers below, edited"));
    }
    let chosen = preset.map_or(Some(3), |preset| place(&PRESETS, &preset));
    let onchoose = choosing(session, &PRESETS, |draft, preset| {
        let precision = draft.config.precision;
        draft.choose(preset, precision);
    });
    let layers = &draft.config.network.layers;
    html! {
        <section class="card" aria-labelledby="network-title">
            <h2 id="network-title">{ "Network" }</h2>
            <Segments name="Network" {options} {chosen} {onchoose} />
            <div class="layers" role="group" aria-label="Layers">
                <div class="layer titles" aria-hidden="true"><span></span><span>{ "in" }</span><span>{ "out" }</span><span>{ "ranks" }</span></div>
                { for (0..layers.len()).map(|k| layer(session, draft, k)) }
            </div>
            { draft.fault_of("network.layers").map(|fault| html! { <p class="fault">{ fault }</p> }) }
        </section>
    }
}

fn layer(session: &Session, draft: &Draft, k: usize) -> Html {
    let layer = &draft.config.network.layers[k];
    let part = |name: &'static str, says: &str, value: &[usize]| {
        let field = format!("network.layers.{k}.{name}");
        // A fault of the whole layer marks all three fields.
        let marked = draft.marks(&field);
        let (session, at) = (session.clone(), field.clone());
        let onedit = Callback::from(move |text: String| {
            session.edit(|draft| {
                draft.edit(&at, &text, |config, text| {
                    let list = parse_list(text)?;
                    if let Some(layer) = config.network.layers.get_mut(k) {
                        match name {
                            "in_modes" => layer.in_modes = list,
                            "out_modes" => layer.out_modes = list,
                            _ => layer.ranks = list,
                        }
                    }
                    Ok(())
                });
            });
        });
        html! {
            <TextField class={classes!("bare", marked.then_some("marked"))} label={format!("fc{} {says}", k + 1)} value={format::list(value)} {onedit} {field} />
        }
    };
    html! {
        <div class="layer" key={k}>
            <span class="num">{ format!("fc{}", k + 1) }</span>
            { part("in_modes", "input modes", &layer.in_modes) }
            { part("out_modes", "output modes", &layer.out_modes) }
            { part("ranks", "ranks", &layer.ranks) }
        </div>
    }
}

const PRECISIONS: [Precision; 4] = [
    Precision::Float,
    Precision::Bf16,
    Precision::F16,
    Precision::Fixed,
];

fn precision(session: &Session, draft: &Draft) -> Html {
    let onchoose = choosing(session, &PRECISIONS, |draft, precision| {
        // What suits one precision (the rate above all) does not suit another: the preset knows.
        match draft.preset() {
            Some(preset) => draft.choose(preset, precision),
            None => draft.config.precision = precision,
        }
    });
    html! {
        <section class="card" aria-labelledby="precision-title">
            <h2 id="precision-title">{ "Precision" }</h2>
            <Segments name="Precision" chosen={place(&PRECISIONS, &draft.config.precision)} {onchoose} options={vec![
                ("float", "32-bit floating point throughout"),
                ("bf16", "Stored as bfloat16, sums in 32 bits"),
                ("f16", "Stored as IEEE half, sums in 32 bits"),
                ("fixed", "Fixed point, integer arithmetic throughout"),
            ]} />
            if draft.config.precision == Precision::Fixed {
                <div class="four">{ for BITS.iter().map(|spec| text(session, draft, spec)) }</div>
            }
        </section>
    }
}

/// How ranks shrink: the prior's kind and whether a target leads instead of its strength.
#[derive(Clone, Copy, PartialEq)]
enum Shrink {
    Not,
    ToTarget,
    By(PriorKind),
}

const SHRINKS: [(Shrink, &str); 5] = [
    (Shrink::Not, "stay as they are"),
    (Shrink::ToTarget, "shrink to a target, by relevance"),
    (
        Shrink::By(PriorKind::LogUniform),
        "shrink by a log-uniform prior",
    ),
    (
        Shrink::By(PriorKind::HalfCauchy),
        "shrink by a half-Cauchy prior",
    ),
    (
        Shrink::By(PriorKind::InverseGamma),
        "shrink by an inverse-gamma prior",
    ),
];
/// The paper's reduction, for whoever chooses a target for the first time.
const FIRST_TARGET: f32 = 292.0;

impl Shrink {
    fn of(prior: &PriorConfig) -> Self {
        match prior.kind {
            PriorKind::None => Self::Not,
            _ if prior.target > 0.0 => Self::ToTarget,
            kind => Self::By(kind),
        }
    }

    fn set(self, prior: &mut PriorConfig) {
        match self {
            Self::Not => prior.kind = PriorKind::None,
            Self::ToTarget => {
                if prior.kind == PriorKind::None {
                    prior.kind = PriorKind::LogUniform;
                }
                if prior.target <= 0.0 {
                    prior.target = FIRST_TARGET;
                }
            }
            Self::By(kind) => {
                prior.kind = kind;
                prior.target = 0.0;
            }
        }
    }
}

fn ranks(session: &Session, draft: &Draft) -> Html {
    let shrink = Shrink::of(&draft.config.prior);
    let onchoose = choosing(session, &SHRINKS, |draft, (shrink, _)| {
        shrink.set(&mut draft.config.prior);
    });
    let first = if shrink == Shrink::ToTarget {
        &TARGET
    } else {
        &STRENGTH
    };
    html! {
        <section class="card" aria-labelledby="ranks-title">
            <h2 id="ranks-title">{ "Ranks" }</h2>
            <Choice field="prior.kind" label="Ranks" class="bare" {onchoose}
                chosen={SHRINKS.iter().position(|(option, _)| *option == shrink)}
                options={SHRINKS.iter().map(|(_, shown)| AttrValue::from(*shown)).collect::<Vec<_>>()} />
            if shrink != Shrink::Not {
                <div class="four three">
                    { text(session, draft, first) }
                    { for PRIOR_TIME.iter().map(|spec| text(session, draft, spec)) }
                </div>
            }
        </section>
    }
}

const RATES: [RateSchedule; 3] = [
    RateSchedule::Constant,
    RateSchedule::Linear,
    RateSchedule::Cosine,
];
const OPTIMISERS: [OptimiserKind; 2] = [OptimiserKind::Adam, OptimiserKind::Sgd];

fn training(session: &Session, draft: &Draft, model: &Model) -> Html {
    let rate = choosing(session, &RATES, |draft, rate| {
        draft.config.rate.schedule = rate;
    });
    let optimiser = choosing(session, &OPTIMISERS, |draft, kind| {
        draft.config.optimiser.kind = kind;
    });
    html! {
        <section class="card" aria-labelledby="training-title">
            <h2 id="training-title">{ "Training" }</h2>
            <div class="two-fields">
                { text(session, draft, &TRAINING[0]) }
                <Choice field="rate.schedule" label="falls" chosen={place(&RATES, &draft.config.rate.schedule)} onchoose={rate}
                    options={vec!["not".into(), "linearly".into(), "cosine".into()]} />
                { text(session, draft, &TRAINING[1]) }
                <Choice field="optimiser.kind" label="with" chosen={place(&OPTIMISERS, &draft.config.optimiser.kind)} onchoose={optimiser}
                    options={vec!["Adam".into(), "SGD".into()]} />
                { text(session, draft, &TRAINING[2]) }
                { text(session, draft, &TRAINING[3]) }
                { workers::choice(session, model) }
            </div>
        </section>
    }
}

const ROUNDINGS: [Rounding; 3] = [Rounding::Truncate, Rounding::Nearest, Rounding::Stochastic];
const SCHEDULES: [Schedule; 3] = [Schedule::Paper, Schedule::Chain, Schedule::Planned];
const MOMENTS: [MomentStorage; 2] = [MomentStorage::F32, MomentStorage::Bf16];

fn more(session: &Session, draft: &Draft) -> Html {
    let config = &draft.config;
    let roundings = || vec!["truncate".into(), "nearest".into(), "stochastic".into()];
    let layers = config.network.layers.len();
    let resize = |to: usize| {
        let session = session.clone();
        Callback::from(move |_: MouseEvent| session.edit(|draft| draft.resize(to)))
    };
    html! {
        <details class="card more">
            <summary><h2>{ "More settings" }</h2></summary>
            <div class="one-field">
                <Choice field="schedule" label="contraction order" chosen={place(&SCHEDULES, &config.schedule)}
                    onchoose={choosing(session, &SCHEDULES, |draft, s| draft.config.schedule = s)}
                    options={vec!["paper".into(), "chain".into(), "planned".into()]} fault={draft.fault_of("schedule").map(AttrValue::from)} />
                <Choice field="optimiser.moments" label="optimiser's moments" chosen={place(&MOMENTS, &config.optimiser.moments)}
                    onchoose={choosing(session, &MOMENTS, |draft, m| draft.config.optimiser.moments = m)}
                    options={vec!["32-bit".into(), "bf16".into()]} fault={draft.fault_of("optimiser.moments").map(AttrValue::from)} />
                <Choice field="rounding" label="rounding" chosen={place(&ROUNDINGS, &config.rounding)}
                    onchoose={choosing(session, &ROUNDINGS, |draft, r| draft.config.rounding = r)} options={roundings()} />
                <Choice field="master_rounding" label="rounding of the master" chosen={place(&ROUNDINGS, &config.master_rounding)}
                    onchoose={choosing(session, &ROUNDINGS, |draft, r| draft.config.master_rounding = r)} options={roundings()} />
                <Choice field="prior.restart" label="after shrinking to a target" chosen={Some(usize::from(config.prior.restart))}
                    onchoose={choosing(session, &[false, true], |draft, restart| draft.config.prior.restart = restart)}
                    options={vec!["go on".into(), "start anew".into()]} />
                { text(session, draft, &PADDING) }
                { for MORE.iter().map(|spec| text(session, draft, spec)) }
            </div>
            <div class="row">
                <button type="button" class="quiet" onclick={resize(layers + 1)} disabled={layers >= 8}>{ "Add a layer" }</button>
                <button type="button" class="quiet" onclick={resize(layers - 1)} disabled={layers <= 1}>{ "Remove the last" }</button>
            </div>
        </details>
    }
}

static PADDING: Spec = whole!(
    "network.pad_columns",
    "padding columns",
    "Zero columns added on the left and on the right of every image row",
    "2",
    network.pad_columns
);
