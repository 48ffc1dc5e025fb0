//! One line on the Train tab: what the machine would do with the run on display.

use yew::prelude::*;

use super::figures::{saved, utilisation};
use super::floorplan::{ELEMENTS, busy, element_name};
use super::setup::Costs;
use super::timed::Report;
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::link::Tab;
use crate::ui::session::Session;

/// Properties of [`AccelStrip`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The session.
    pub session: Session,
    /// The run on the machine; none before there is a network.
    pub report: Option<Report>,
}

/// The line.
#[component]
pub fn AccelStrip(props: &Props) -> Html {
    let session = props.session.clone();
    let costs = session.model().accel.costs;
    let open = Callback::from(move |_: MouseEvent| session.open_tab(Tab::Accelerator));
    html! {
        <section class="card chip" aria-labelledby="chip-title">
            <h2 id="chip-title">{ "On the accelerator" }</h2>
            { match &props.report {
                Some(report) => line(report, &costs),
                None => html! { <span class="soft">{ "Timed as soon as there is a network." }</span> },
            } }
            <button type="button" class="link" id="open-accelerator" onclick={open}>{ "Cycle by cycle" }</button>
        </section>
    }
}

fn line(report: &Report, costs: &Costs) -> Html {
    let timing = &report.now.timing;
    let energy = report.now.energy(costs).per_sample;
    let against = report.now.against(costs).ok();
    let text = format!(
        "Modelled: cycles of one sample, time and energy per sample on a {} × {} array at {} MHz ({} % of its multiplications at work), against a Raspberry Pi 3B; bars: share of the step in which each element works.{}",
        timing.machine.lanes,
        timing.machine.rows,
        timing.machine.clock_mhz,
        format::percent(utilisation(&report.now)),
        saved(&report.saving).map_or(String::new(), |[start, _]| format!(" A step is {start}.")),
    );
    html! {
        <>
            <span class="num"><b id="chip-cycles">{ format::count(timing.sample_cycles()) }</b>{ " cycles/sample" }</span>
            <span class="bars" role="img" aria-label={ELEMENTS.map(|e| format!("{} {} %", element_name(e), format::percent(busy(timing, e)))).join(", ")}>
                { for ELEMENTS.into_iter().map(|element| html! {
                    <span class="bar"><small aria-hidden="true">{ element_name(element) }</small><span class="track"><i style={format!("width:{:.1}%", busy(timing, element) * 100.0)}></i></span></span>
                }) }
            </span>
            <span class="num wide">{ format::si(timing.seconds() / timing.batch as f64, "s") }{ " · " }{ format::si(f64::midpoint(energy.low, energy.high), "J") }</span>
            <span class="num wide">{ against.map_or(String::new(), |r| [&format::factor(r.speed_ratio), " over a CPU"].concat()) }</span>
            <Provenance learn={Step::PingPong} kind={Kind::Modelled} align="end" {text} />
        </>
    }
}
