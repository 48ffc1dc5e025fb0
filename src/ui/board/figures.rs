//! The large numbers of the Board tab, each with where it comes from.

use std::rc::Rc;

use yew::prelude::*;

use super::share::Split;
use crate::link::run::Comparison;
use crate::ui::figures::{Kind, Provenance, figure};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::worker::message::board::BoardView;

/// Properties of [`Figures`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The board.
    pub view: Rc<BoardView>,
    /// The last comparison.
    pub comparison: Option<Rc<Comparison>>,
}

const NONE: &str = "–";

/// The numbers.
#[component]
pub fn Figures(props: &Props) -> Html {
    let Props { view, comparison } = props;
    let split = Split::of(&view.times);
    let split = split.as_ref();
    html! {
        <section class="figures six" aria-label="Figures of a step on the board">
            { step(split) }
            { cycles(split, view) }
            { link(split, view) }
            { round_trip(split, view) }
            { verified(view) }
            { differences(comparison.as_deref()) }
        </section>
    }
}

fn tag(kind: Kind, align: &'static str, text: impl Into<AttrValue>) -> Html {
    let text = text.into();
    html! { <Provenance learn={Step::Board} {kind} {align} {text} /> }
}

fn milliseconds(value: Option<f64>) -> (String, &'static str) {
    value.map_or((NONE.into(), ""), |ms| (format::significant(ms), " ms"))
}

fn step(split: Option<&Split>) -> Html {
    let (value, unit) = milliseconds(split.map(|s| s.measured));
    let below = split.map_or("on the board".into(), |s| {
        format!("modelled {} ms", format::significant(s.modelled()))
    });
    let text = split.map_or("Measured as soon as a step was taken on the board.".into(), |s| {
        format!(
            "Measured: from the report before it, or the start, to a step's report, mean of the latest {}. Modelled: {} ms of cycles at the board's clock and {} ms of the line, {} ms of them at the same time.",
            s.steps, format::significant(s.computed), format::significant(s.link), format::significant(s.hidden),
        )
    });
    figure(
        "Step on the board",
        value,
        unit,
        html! { below },
        tag(Kind::Measured, "start", text),
    )
}

fn cycles(split: Option<&Split>, view: &BoardView) -> Html {
    let value = split.map_or(NONE.into(), |s| format::whole(s.cycles));
    let below = match (split, &view.capabilities) {
        (Some(s), Some(board)) => format!(
            "{} ms at {} MHz",
            format::significant(s.computed),
            f64::from(board.clock) / 1e6
        ),
        _ => "by the board's counter".into(),
    };
    figure(
        "Cycles per step",
        value,
        "",
        html! { below },
        tag(
            Kind::Counted,
            "start",
            "Counted by the board and told with every step's report; the virtual board counts with the cycle model of the Accelerator tab.",
        ),
    )
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rounded count, not negative"
)]
fn link(split: Option<&Split>, view: &BoardView) -> Html {
    let value = split.map_or(NONE.into(), |s| format!("{:.1}", s.share(s.link) * 100.0));
    let below = split.map_or("of a step".into(), |s| {
        format!(
            "{} · {} ms",
            format::bytes(s.bytes.round() as u64),
            format::significant(s.link)
        )
    });
    let text = if view.baud > 0 {
        format!(
            "Modelled: the time that the line needs for a step's bytes in the busier direction (counted) at {} bit/s, ten bits for a byte, over the measured time of a step. The bytes shown are those of both directions.",
            format::count(u64::from(view.baud))
        )
    } else {
        "Modelled: the time that the line needs for a step's bytes in the busier direction (counted), over the measured time of a step. The bytes shown are those of both directions.".into()
    };
    figure(
        "Link's share",
        value,
        if split.is_some() { " %" } else { "" },
        html! { below },
        tag(Kind::Modelled, "start", text),
    )
}

fn round_trip(split: Option<&Split>, view: &BoardView) -> Html {
    let trip = view.statistics.round_trip;
    let (value, unit) = milliseconds((trip > 0.0).then_some(trip));
    let used = split.and_then(|s| s.line_use(view.baud));
    let below = used.map_or("request to answer".into(), |used| {
        format!("line {:.1} % in use", used * 100.0)
    });
    figure(
        "Round trip",
        value,
        unit,
        html! { below },
        tag(
            Kind::Measured,
            "end",
            "Measured: from sending a frame to its answer, smoothed. Line in use: bits that passed for a step ÷ those that both directions could have carried in the measured time.",
        ),
    )
}

fn verified(view: &BoardView) -> Html {
    let (value, below) = view.verified.as_ref().map_or_else(
        || (NONE.into(), html! { "no step yet" }),
        |(step, checksum)| {
            (
                format::count(*step),
                html! { <span id="board-checksum">{ checksum }</span> },
            )
        },
    );
    figure(
        "Last verified step",
        value,
        "",
        below,
        tag(
            Kind::Measured,
            "end",
            "Measured: the last step after which the board's checksum of all master words equalled the simulator's (check every step) or all words were read back whole (fewer checks), and the checksum of all parameters then. Training can go on from it, on the board or in the page.",
        ),
    )
}

fn differences(comparison: Option<&Comparison>) -> Html {
    let value = comparison.map_or(NONE.into(), |c| format::count(c.differences));
    let below = comparison.map_or("compare every word".into(), |c| {
        format!(
            "of {}, step {}",
            format::count(c.words),
            format::count(c.step)
        )
    });
    figure(
        "Words that differ",
        value,
        "",
        html! { below },
        tag(
            Kind::Measured,
            "end",
            "Measured: words of the board's memory that differ from the simulator's after the same step, when they were last compared.",
        ),
    )
}
