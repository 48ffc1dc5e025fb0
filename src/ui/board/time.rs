//! Where a step's time goes: measured from report to report, against cycles at the board's
//! clock and the line's time model.

use std::rc::Rc;

use yew::prelude::*;

use super::share::Split;
use crate::link::run::StepTime;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{self, cell};
use crate::worker::message::board::BoardView;

/// Properties of [`TimePanel`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The board.
    pub view: Rc<BoardView>,
}

/// The panel.
#[component]
pub fn TimePanel(props: &Props) -> Html {
    let view = &props.view;
    let split = Split::of(&view.times);
    html! {
        <section class="card fill step-time" aria-labelledby="step-time-title">
            <div class="head">
                <h2 id="step-time-title">{ "Time per step" }</h2>
                <span class="legend" aria-hidden="true"><i class="key computed"></i>{ "computed" }<i class="key link-time"></i>{ "link" }<i class="key rest"></i>{ "rest" }</span>
                <Provenance learn={Step::Board} kind={Kind::Measured} align="end" text="Measured: from the report before it, or the start, to a step's report, by the page's clock, mean of the latest steps. Modelled: cycles by the board's counter ÷ its clock; the link by bits in the busier direction ÷ speed. What neither explains is the rest: waiting, the browser, and for a virtual board the executor." />
            </div>
            { match split {
                Some(split) => html! { <>
                    { bar(&split) }
                    { table(&split, view) }
                    { history(&view.times) }
                </> },
                None => html! { <p class="empty">{ "Measured as soon as a step was taken on the board." }</p> },
            } }
        </section>
    }
}

fn milliseconds(value: f64) -> String {
    [&format::significant(value), " ms"].concat()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The measured time, parted.
fn bar(split: &Split) -> Html {
    let parts = [
        ("computed", (split.computed - split.hidden).max(0.0)),
        ("both", split.hidden.min(split.computed)),
        ("link-time", (split.link - split.hidden).max(0.0)),
        ("rest", split.rest),
    ];
    html! {
        <div class="stack tall" aria-hidden="true">
            { for parts.into_iter().map(|(class, part)| html! {
                <i {class} style={format!("flex-grow:{part:.6}")}></i>
            }) }
        </div>
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rounded count, not negative"
)]
fn table(split: &Split, view: &BoardView) -> Html {
    let clock = view.capabilities.as_ref().map_or(String::new(), |board| {
        format!(" at {} MHz", f64::from(board.clock) / 1e6)
    });
    let line = if view.baud > 0 {
        format!(" at {} bit/s", format::count(u64::from(view.baud)))
    } else {
        String::new()
    };
    let rest = if split.hidden > 0.0 {
        (
            "both",
            "at once",
            "the line works while the board computes".to_string(),
            split.hidden,
        )
    } else {
        (
            "rest",
            "rest",
            "waiting, browser, executor".to_string(),
            split.rest,
        )
    };
    let rows = [
        (
            "computed",
            "computed",
            format!("{} cycles{clock}", format::whole(split.cycles)),
            split.computed,
            "Modelled: cycles by the board's counter ÷ its clock",
        ),
        (
            "link-time",
            "link",
            format!("{}{line}", format::bytes(split.bytes.round() as u64)),
            split.link,
            "Modelled: bytes counted in both directions; the busier one's time at the line's speed",
        ),
        (
            rest.0,
            rest.1,
            rest.2,
            rest.3,
            "Measured less modelled, or what of the line's time is hidden behind the board's",
        ),
    ];
    let parts = rows.into_iter().map(|(class, name, from, time, title)| html! {
        <tr {title}>
            <th scope="row"><i {class} aria-hidden="true"></i>{ name }</th>
            <td class="from">{ from }</td>{ cell(&milliseconds(time)) }{ cell(&percent(split.share(time))) }
        </tr>
    });
    let sum = |id: &'static str, name: &str, from: String, time: f64, title: &'static str| {
        html! {
            <tr class="sum" {title}>
                <th scope="row">{ name }</th><td class="from">{ from }</td>
                <td {id}>{ milliseconds(time) }</td>{ cell(&percent(split.share(time))) }
            </tr>
        }
    };
    let over = match split.steps {
        1 => "the last step".into(),
        steps => format!("mean of {steps} steps"),
    };
    let sums = [
        sum(
            "board-modelled",
            "modelled",
            "computed and link".into(),
            split.modelled(),
            "Modelled: computed and link, counted once where they are at the same time",
        ),
        sum(
            "board-measured",
            "measured",
            over,
            split.measured,
            "Measured: from the report before, or the start, to the report, by the page's clock",
        ),
    ];
    parts::table(
        Some("plain"),
        None,
        "Time of a step by what it goes to",
        Html::default(),
        parts.chain(sums).collect(),
    )
}

/// Room of the small drawing.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 40.0;
/// Steps it has room for.
const STEPS: usize = 64;

/// The latest steps as columns, the newest at the right.
#[allow(clippy::cast_precision_loss, reason = "positions on a screen")]
fn history(times: &[StepTime]) -> Html {
    let most = times
        .iter()
        .map(|t| t.measured)
        .fold(f64::MIN_POSITIVE, f64::max);
    let column = WIDTH / STEPS as f64;
    let first = STEPS.saturating_sub(times.len());
    let (mut computed, mut link, mut rest) = (String::new(), String::new(), String::new());
    for (k, time) in times.iter().rev().take(STEPS).rev().enumerate() {
        let x = (first + k) as f64 * column;
        let scale = HEIGHT / most;
        let done = time.computed.min(time.measured) * scale;
        let sent = (time.computed + time.link).min(time.measured) * scale;
        let all = time.measured * scale;
        let piece = |path: &mut String, from: f64, to: f64| {
            if to - from > 0.05 {
                use std::fmt::Write;
                let _ = write!(
                    path,
                    "M{x:.1} {:.2}h{:.1}V{:.2}h-{:.1}z",
                    HEIGHT - from,
                    column - 1.0,
                    HEIGHT - to,
                    column - 1.0
                );
            }
        };
        piece(&mut computed, 0.0, done);
        piece(&mut link, done, sent);
        piece(&mut rest, sent, all);
    }
    html! {
        <div class="spark" title="Measured: each of the latest 64 steps, newest at the right">
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" aria-hidden="true">
                <path class="computed" d={computed} /><path class="link-time" d={link} /><path class="rest" d={rest} />
            </svg>
            <p class="num soft"><span>{ format!("last {STEPS} steps") }</span><span>{ format!("highest {}", milliseconds(most)) }</span></p>
        </div>
    }
}
