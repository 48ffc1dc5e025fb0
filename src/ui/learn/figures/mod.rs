//! The steps' figures: each is worked by hand and drawn from what [`super::sums`] computes.

mod arithmetic;
mod claims;
mod machine;
mod matrix;
mod prior;
mod train;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::step::Step;
use crate::ui::model::Model;
use crate::ui::session::Session;

/// The figure of a step.
pub fn figure(step: Step, session: &Session, model: &Model) -> Html {
    match step {
        Step::Numbers => html! { <matrix::Numbers /> },
        Step::Modes => html! { <matrix::Modes /> },
        Step::Core => html! { <train::Core /> },
        Step::Weight => html! { <train::Weight /> },
        Step::Rank => html! { <matrix::Rank /> },
        Step::Order => html! { <arithmetic::Order /> },
        Step::Prior => html! { <prior::Prior /> },
        Step::Grid => html! { <arithmetic::Grid /> },
        Step::Shift => html! { <arithmetic::Shift /> },
        Step::Rounding => html! { <arithmetic::Rounding /> },
        Step::Gradient => html! { <machine::Gradient /> },
        Step::PingPong => html! { <machine::PingPong /> },
        Step::Energy => html! { <machine::Energy /> },
        Step::Board => html! { <claims::Board session={session.clone()} model={model.clone()} /> },
    }
}

/// A slider with its name and what it stands at.
pub fn slider(
    id: &'static str,
    name: &str,
    range: [usize; 2],
    at: usize,
    says: &str,
    to: impl Fn(usize) + 'static,
) -> Html {
    let oninput = Callback::from(move |event: InputEvent| {
        let input = event.target_dyn_into::<HtmlInputElement>();
        if let Some(value) = input.and_then(|input| input.value().parse().ok()) {
            to(value);
        }
    });
    html! {
        <div class="slide">
            <label for={id}>{ name }</label>
            <input type="range" {id} min={range[0].to_string()} max={range[1].to_string()} value={at.to_string()}
                aria-valuetext={says.to_string()} {oninput} />
            <output class="num" for={id}>{ says }</output>
        </div>
    }
}

/// A bar with a name before it and its figure behind it; `share` of the whole width.
pub fn bar(name: &str, class: &'static str, share: f64, text: &str) -> Html {
    html! {
        <div class="amount" role="listitem">
            <span class="amount-name">{ name }</span>
            <span class="amount-room" aria-hidden="true"><i class={class} style={format!("width:{:.2}%", (share * 100.0).clamp(0.3, 100.0))}></i></span>
            <span class="num amount-text">{ text }</span>
        </div>
    }
}

/// Bars below each other.
pub fn bars(label: &'static str, list: Vec<Html>) -> Html {
    html! { <div class="amounts" role="list" aria-label={label}>{ for list }</div> }
}

/// What a figure says in words: read out when it changes.
pub fn readout(text: &str) -> Html {
    html! { <p class="figure-says" role="status">{ text }</p> }
}

/// A matrix of values from 0 to 1 (or -1 to 1, `signed`) as cells; `marked` are framed.
pub fn heat(
    label: &str,
    (rows, columns): (usize, usize),
    signed: bool,
    value: impl Fn(usize, usize) -> f64,
    marked: impl Fn(usize, usize) -> bool,
) -> Html {
    let cell = |k: usize| {
        let (row, column) = (k / columns, k % columns);
        let value = value(row, column);
        let class = match (signed, value < 0.0) {
            (true, true) => "cell neg",
            _ => "cell",
        };
        html! {
            <rect class={class} x={column.to_string()} y={row.to_string()} width="1" height="1"
                fill-opacity={format!("{:.3}", value.abs().min(1.0))} />
        }
    };
    let frame = |k: usize| {
        let (row, column) = (k / columns, k % columns);
        marked(row, column).then(|| html! { <rect class="mark" x={column.to_string()} y={row.to_string()} width="1" height="1" /> })
    };
    html! {
        <svg class="heat" viewBox={format!("-0.05 -0.05 {columns}.1 {rows}.1")} role="img" aria-label={label.to_string()}>
            <rect class="room" width={columns.to_string()} height={rows.to_string()} />
            { for (0..rows * columns).map(cell) }
            { for (0..rows * columns).filter_map(frame) }
        </svg>
    }
}
