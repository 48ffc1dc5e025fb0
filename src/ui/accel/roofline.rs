//! Every operation under the machine's roof, on logarithmic axes.

use yew::prelude::*;

use super::timed::Report;
use crate::accel::Roofline as Roof;
use crate::accel::roofline::{Bound, RooflinePoint};
use crate::ui::figures::{Kind, Provenance};
use crate::ui::format;
use crate::ui::learn::step::Step;
use crate::ui::parts::{columns, row, sheet, table};

/// Properties of [`Roofline`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run on the machine.
    pub report: Report,
}

/// Room of the drawing, and of its axes within.
const SIZE: (f64, f64) = (480.0, 230.0);
const LEFT: f64 = 44.0;
const RIGHT: f64 = 456.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 204.0;

/// Powers of ten that an axis shows.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        for value in values.filter(|value| *value > 0.0) {
            low = low.min(value.log10().floor());
            high = high.max(value.log10().ceil());
        }
        Self {
            low: low.max(-4.0),
            high,
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(1e-9).log10() - self.low) / (self.high - self.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        (self.low as i32..=self.high as i32)
            .map(|power| {
                let value = 10f64.powi(power);
                let shown = if power < 0 {
                    value.to_string()
                } else {
                    format::whole(value)
                };
                (self.at(value), shown)
            })
            .collect()
    }
}

/// The panel.
#[component]
pub fn Roofline(props: &Props) -> Html {
    let roof = props.report.now.roofline();
    html! {
        <section class="card fill roof" aria-labelledby="roof-title">
            <div class="head">
                <h2 id="roof-title">{ "Roofline" }</h2>
                <span class="legend"><i class="key dot"></i>{ "operation" }<i class="key whole"></i>{ "whole step" }</span>
                { listed(roof) }
                <Provenance learn={Step::PingPong} kind={Kind::Modelled} align="end" text={format!("Modelled: the roof is the lower of {} multiply-accumulates per cycle (the array) and {} bytes per cycle (the ports) × multiply-accumulates per byte; they meet at {}. Bytes are those of activations and gradients, counted.",
                    roof.peak_macs_per_cycle, format::significant(roof.bytes_per_cycle), format::significant(roof.ridge))} />
            </div>
            { draw(roof) }
        </section>
    }
}

fn draw(roof: &Roof) -> Html {
    let points = || roof.ops.iter().chain([&roof.whole]);
    let x = Axis::over(
        points().map(|p| p.macs_per_byte).chain([roof.ridge]),
        LEFT,
        RIGHT,
    );
    let y = Axis::over(
        points()
            .map(|p| p.macs_per_cycle)
            .chain([roof.peak_macs_per_cycle * 1.3]),
        BOTTOM,
        TOP,
    );
    let least = 10f64.powf(x.low);
    // Where the ports' line leaves the floor of the drawing.
    let floor = 10f64.powf(y.low) / roof.bytes_per_cycle;
    let start = least.max(floor);
    let line = format!(
        "{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}",
        x.at(start),
        y.at(start * roof.bytes_per_cycle),
        x.at(roof.ridge),
        y.at(roof.peak_macs_per_cycle),
        RIGHT,
        y.at(roof.peak_macs_per_cycle)
    );
    let dot = |point: &RooflinePoint, class: &'static str, r: &'static str| {
        html! {
            <circle {class} cx={format!("{:.1}", x.at(point.macs_per_byte))} cy={format!("{:.1}", y.at(point.macs_per_cycle))} {r}>
                <title>{ says(point) }</title>
            </circle>
        }
    };
    html! {
        <svg class="chart" viewBox={format!("0 0 {} {}", SIZE.0, SIZE.1)} role="img" aria-label={format!("Roofline: {}", says(&roof.whole))} aria-describedby="roof-table">
            { for x.ticks().into_iter().map(|(at, shown)| html! { <>
                <line class="grid-line" x1={at.to_string()} x2={at.to_string()} y1={TOP.to_string()} y2={BOTTOM.to_string()} />
                <text class="num" x={at.to_string()} y={(BOTTOM + 13.0).to_string()} text-anchor="middle">{ shown }</text>
            </> }) }
            { for y.ticks().into_iter().map(|(at, shown)| html! { <>
                <line class="grid-line" x1={LEFT.to_string()} x2={RIGHT.to_string()} y1={at.to_string()} y2={at.to_string()} />
                <text class="num" x={(LEFT - 6.0).to_string()} y={(at + 4.0).to_string()} text-anchor="end">{ shown }</text>
            </> }) }
            <text x={LEFT.to_string()} y="228">{ "MACs per byte →" }</text>
            <text x={(LEFT + 6.0).to_string()} y={(TOP + 9.0).to_string()}>{ "MACs per cycle ↑" }</text>
            <polyline class="roof-line" points={line} />
            { for roof.ops.iter().map(|point| dot(point, match point.bound { Bound::Compute => "dot compute", Bound::Memory => "dot memory" }, "4")) }
            { dot(&roof.whole, "dot all", "6") }
        </svg>
    }
}

fn says(point: &RooflinePoint) -> String {
    format!(
        "{}: {} MACs per byte, {} MACs per cycle of {} allowed by {}",
        point.name,
        format::significant(point.macs_per_byte),
        format::significant(point.macs_per_cycle),
        format::significant(point.roof),
        bound(point.bound)
    )
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Compute => "the array",
        Bound::Memory => "the ports",
    }
}

fn listed(roof: &Roof) -> Html {
    let rows = roof.ops.iter().chain([&roof.whole]).map(|point| {
        let texts = [
            format::count(point.macs),
            format::whole(point.bytes),
            format::significant(point.macs_per_byte),
            format::significant(point.macs_per_cycle),
            format::significant(point.roof),
            bound(point.bound).to_string(),
        ];
        row(&point.name, &texts)
    });
    let columns = columns(&[
        "Operation",
        "MACs",
        "Bytes",
        "MACs / byte",
        "MACs / cycle",
        "Roof",
        "Limit",
    ]);
    let table = table(
        None,
        Some("roof-table"),
        "Operations under the roof",
        columns,
        rows.collect(),
    );
    sheet("Table", "Roofline as a table", table)
}
