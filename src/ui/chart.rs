//! Accuracy and loss over the run: training in amber, test in teal with a dot per epoch, a published
//! reference in dashed grey; kept runs beside it by letters. Pointer or arrow keys read off one epoch.

use std::rc::Rc;

use yew::prelude::*;

use super::canvas::{Canvas, Paint, Surface};
use super::format;
use super::model::{Curves, History, Origin, Overlay, View};
use super::parts;
use crate::train::metrics::{EpochMetrics, StepMetrics};

/// Left margin for the scales.
const LEFT: f64 = 34.0;
/// Least distance of two numbers of a scale, one above the other.
const APART: f64 = 13.0;
/// Right margin for the labels at the lines' ends.
const RIGHT: f64 = 44.0;

/// Properties of [`Chart`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run.
    pub view: View,
    /// Kept runs beside it.
    #[prop_or_default]
    pub overlays: Rc<[Overlay]>,
}

/// The published accuracy to compare with, where the data allow it.
fn reference(view: &View) -> Option<(f32, &'static str)> {
    (view.origin != Origin::Nothing && view.config.data.starts_with("fashion-mnist"))
        .then_some((0.8667, "published"))
}

/// The chart.
#[component]
pub fn Chart(props: &Props) -> Html {
    let view = &props.view;
    let cursor = use_state_eq(|| None::<u32>);
    let overlays = &props.overlays;
    // As wide as the longest run.
    let longest = overlays.iter().filter_map(|overlay| overlay.points.last());
    let longest = longest
        .map(|point| point.0)
        .fold(view.config.epochs, u32::max);
    let plot = Plot {
        history: view.history.clone(),
        overlays: overlays.clone(),
        steps: (view.steps_per_epoch * u64::from(longest)).max(1),
        epochs: longest,
        steps_per_epoch: view.steps_per_epoch.max(1),
        reference: reference(view).map(|(value, _)| value),
        cursor: *cursor,
    };
    let paint = use_memo(plot, |plot| {
        let plot = plot.clone();
        Paint::new(move |surface| plot.paint(surface))
    });
    let beside = match overlays.len() {
        0 => String::new(),
        1 => ", with one kept run".into(),
        count => format!(", with {count} kept runs"),
    };
    let trained = view.history.curves().epochs.len();
    let epoch_at = {
        move |event: &PointerEvent| {
            let canvas = event.target_dyn_into::<web_sys::HtmlCanvasElement>()?;
            let width = f64::from(canvas.client_width()) - LEFT - RIGHT;
            let share = (f64::from(event.offset_x()) - LEFT) / width.max(1.0);
            nearest_epoch(share, longest, trained)
        }
    };
    let onpointermove = {
        let cursor = cursor.clone();
        Callback::from(move |event: PointerEvent| cursor.set(epoch_at(&event)))
    };
    let onpointerleave = {
        let cursor = cursor.clone();
        Callback::from(move |_: PointerEvent| cursor.set(None))
    };
    let onblur = {
        let cursor = cursor.clone();
        Callback::from(move |_: FocusEvent| cursor.set(None))
    };
    let onkeydown = {
        let cursor = cursor.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(next) = walk(&event.key(), *cursor, trained) {
                event.prevent_default();
                cursor.set(next);
            }
        })
    };
    let curves = view.history.curves();
    let read = (*cursor).and_then(|epoch| curves.epochs.iter().find(|e| e.epoch == epoch));
    html! {
        <section class="card fill" aria-labelledby="chart-title">
            <div class="head">
                <h2 id="chart-title">{ "Accuracy and loss" }</h2>
                <span class="readout num" aria-live="polite">{ read.map(readout) }</span>
                <span class="legend" aria-hidden="true">
                    <i class="key train"></i>{ "train" }<i class="key test"></i>{ "test" }
                    if reference(view).is_some() {
                        <i class="key ref"></i>{ "published" }
                    }
                    { for overlays.iter().enumerate().map(|(k, overlay)| html! {
                        <b class={classes!("key-letter", format!("overlay-{k}"))} title={overlay.name.clone()}>{ Overlay::letter(k) }</b>
                    }) }
                </span>
                { table(&curves.epochs, overlays) }
            </div>
            <Canvas
                class="plot"
                paint={(*paint).clone()}
                label={format!("Accuracy and loss over {longest} epochs{beside}; arrow keys read off an epoch, the table beside has all figures.")}
                described_by="chart-table"
                focusable={true}
                {onpointermove} {onpointerleave} {onkeydown} {onblur}
            />
        </section>
    }
}

fn readout(epoch: &EpochMetrics) -> String {
    format!(
        "epoch {} · train {} % · test {} % · loss {:.3}",
        epoch.epoch,
        format::percent(epoch.train_accuracy),
        format::percent(epoch.test_accuracy),
        epoch.test_loss,
    )
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "bounded by the number of trained epochs"
)]
fn nearest_epoch(share: f64, epochs: u32, trained: usize) -> Option<u32> {
    let at = (share * f64::from(epochs))
        .round()
        .clamp(1.0, (trained as f64).max(1.0));
    (trained > 0).then_some(at as u32)
}

/// The cursor after a key; none where the key means nothing here.
#[allow(
    clippy::option_option,
    reason = "outer: is it a key of ours; inner: is there a cursor"
)]
fn walk(key: &str, cursor: Option<u32>, trained: usize) -> Option<Option<u32>> {
    let last = u32::try_from(trained).ok().filter(|last| *last > 0)?;
    Some(match key {
        "ArrowRight" => Some(cursor.map_or(1, |at| (at + 1).min(last))),
        "ArrowLeft" => Some(cursor.map_or(last, |at| at.saturating_sub(1).max(1))),
        "Home" => Some(1),
        "End" => Some(last),
        "Escape" => None,
        _ => return None,
    })
}

/// The same figures as a table; of a kept run, its test accuracy.
fn table(epochs: &[EpochMetrics], overlays: &[Overlay]) -> Html {
    let last = overlays.iter().filter_map(|overlay| overlay.points.last());
    let last = last
        .map(|point| point.0)
        .chain(epochs.last().map(|e| e.epoch));
    let rows = (1..=last.max().unwrap_or(0)).map(|epoch| {
        let own = epochs.iter().find(|e| e.epoch == epoch);
        let mut texts = own.map_or_else(
            || vec![String::new(); 5],
            |e| {
                vec![
                    format::percent(e.train_accuracy),
                    format::percent(e.test_accuracy),
                    format!("{:.3}", e.train_loss),
                    format!("{:.3}", e.test_loss),
                    format::factor(e.memory_reduction),
                ]
            },
        );
        texts.extend(overlays.iter().map(|overlay| {
            let point = overlay.points.iter().find(|point| point.0 == epoch);
            point.map_or(String::new(), |point| format::percent(point.1))
        }));
        parts::row(&epoch.to_string(), &texts)
    });
    let names: Vec<String> = overlays
        .iter()
        .enumerate()
        .map(|(k, overlay)| format!("{}: {}, test %", Overlay::letter(k), overlay.name))
        .collect();
    let mut columns = vec![
        "Epoch",
        "Train %",
        "Test %",
        "Train loss",
        "Test loss",
        "Memory",
    ];
    columns.extend(names.iter().map(String::as_str));
    let table = parts::table(
        None,
        Some("chart-table"),
        "Accuracy and loss by epoch",
        parts::columns(&columns),
        rows.collect(),
    );
    parts::sheet("Table", "Accuracy and loss as a table", table)
}

#[derive(Clone, PartialEq)]
struct Plot {
    history: History,
    overlays: Rc<[Overlay]>,
    steps: u64,
    epochs: u32,
    steps_per_epoch: u64,
    reference: Option<f32>,
    cursor: Option<u32>,
}

/// One of the two panels: where it lies and what it spans.
struct Panel {
    top: f64,
    bottom: f64,
    low: f64,
    high: f64,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.bottom - share * (self.bottom - self.top)
    }

    /// Draw so that nothing leaves the panel by more than a dot.
    fn clipped(&self, surface: &Surface, draw: impl FnOnce()) {
        surface.ctx.save();
        surface.ctx.begin_path();
        surface.ctx.rect(
            0.0,
            self.top - 3.0,
            surface.width,
            self.bottom - self.top + 6.0,
        );
        surface.ctx.clip();
        draw();
        surface.ctx.restore();
    }
}

impl Plot {
    #[allow(clippy::cast_precision_loss, reason = "positions on a screen")]
    fn x(&self, surface: &Surface, step: u64) -> f64 {
        let width = surface.width - LEFT - RIGHT;
        LEFT + width * step as f64 / self.steps as f64
    }

    fn paint(&self, surface: &Surface) -> bool {
        let curves = self.history.curves();
        let (accuracy, loss, foot) = self.panels(surface);
        surface.ctx.set_font(&surface.palette.number_font);
        let width = surface.width - RIGHT;
        let steps = if accuracy.high - accuracy.low > 35.0 {
            20.0
        } else {
            5.0
        };
        let mut tick = accuracy.low;
        while tick <= accuracy.high {
            Self::rule(surface, &accuracy, tick, width, &format!("{tick:.0}"));
            tick += steps;
        }
        let mut below = f64::INFINITY;
        for tick in [0.0, 0.5, 1.0, 2.0] {
            let y = loss.y(tick);
            if tick <= loss.high && below - y >= APART {
                Self::rule(surface, &loss, tick, width, &format!("{tick}"));
                below = y;
            }
        }
        self.epoch_scale(surface, foot);

        if let Some(reference) = self.reference {
            let y = surface.sharp(accuracy.y(f64::from(reference) * 100.0));
            surface.dash(&[4.0, 4.0]);
            surface.line((LEFT, y), (width, y), &surface.palette.soft, 1.0);
            surface.dash(&[]);
            surface.text(
                &format::percent(reference),
                width + 5.0,
                y + 4.0,
                "left",
                &surface.palette.soft,
            );
        }
        let amber = &surface.palette.amber;
        accuracy.clipped(surface, || {
            self.beside(surface, &accuracy, |point| f64::from(point.1) * 100.0);
            self.steps(surface, &accuracy, amber, |s| f64::from(s.accuracy) * 100.0);
            self.tests(surface, &accuracy, |e| f64::from(e.test_accuracy) * 100.0);
        });
        loss.clipped(surface, || {
            self.beside(surface, &loss, |point| f64::from(point.2));
            self.steps(surface, &loss, amber, |s| f64::from(s.loss));
            self.tests(surface, &loss, |e| f64::from(e.test_loss));
        });
        if let Some(last) = curves.epochs.last() {
            let teal = &surface.palette.teal;
            let at = self.x(surface, last.step) + 7.0;
            let y = accuracy.y(f64::from(last.test_accuracy) * 100.0);
            // Where the label of the reference is near, this one keeps its distance.
            let at_end = at > width - 40.0;
            let other = self
                .reference
                .filter(|_| at_end)
                .map(|r| accuracy.y(f64::from(r) * 100.0));
            let y = match other {
                Some(other) if y >= other => y.max(other + 12.0),
                Some(other) => y.min(other - 12.0),
                None => y,
            } + 4.0;
            let label = |text: &str, y: f64| {
                let x = at.min(width + 5.0);
                // Kept runs may go on where this one ends.
                if !self.overlays.is_empty() {
                    surface.ctx.set_text_align("left");
                    surface.ctx.set_stroke_style_str(&surface.palette.panel);
                    surface.ctx.set_line_width(4.0);
                    let _ = surface.ctx.stroke_text(text, x, y);
                }
                surface.text(text, x, y, "left", teal);
            };
            label(&format::percent(last.test_accuracy), y);
            let y = loss.y(f64::from(last.test_loss)) + 4.0;
            label(&format!("{:.2}", last.test_loss), y);
        }
        if let Some(epoch) = self.cursor {
            let x = surface.sharp(self.x(surface, u64::from(epoch) * self.steps_per_epoch));
            surface.line((x, accuracy.top), (x, foot), &surface.palette.soft, 1.0);
        }
        false
    }

    /// The panels of accuracy and loss, and where both end.
    fn panels(&self, surface: &Surface) -> (Panel, Panel, f64) {
        let curves = self.history.curves();
        let accuracies = self.accuracies(&curves);
        let foot = surface.height - 16.0;
        let split = foot * 0.66;
        let accuracy = Panel {
            top: 8.0,
            bottom: split - 10.0,
            high: ceiling(&accuracies, &curves.epochs),
            low: lowest(accuracies),
        };
        let beside = self.overlays.iter().flat_map(|overlay| &overlay.points);
        let losses = curves.epochs.iter().map(|e| e.test_loss);
        let losses = losses
            .chain(beside.map(|point| point.2))
            .map(|loss| -f64::from(loss))
            .collect();
        let highest = nearly_worst(losses).map_or(2.4, |loss| -loss).max(0.8);
        let loss = Panel {
            top: split + 16.0,
            bottom: foot,
            low: 0.0,
            high: highest.min(3.0),
        };
        (accuracy, loss, foot)
    }

    /// Test accuracies of all runs in per cent.
    fn accuracies(&self, curves: &Curves) -> Vec<f64> {
        let beside = self.overlays.iter().flat_map(|overlay| &overlay.points);
        let own = curves.epochs.iter().map(|e| e.test_accuracy);
        own.chain(beside.map(|point| point.1))
            .map(|share| f64::from(share) * 100.0)
            .collect()
    }

    /// The test curves of the kept runs: a colour and dashes each, a letter at the end.
    fn beside(&self, surface: &Surface, panel: &Panel, value: fn(&(u32, f32, f32)) -> f64) {
        let palette = surface.palette;
        let colours = [&palette.green, &palette.rose, &palette.ink];
        for (k, overlay) in self.overlays.iter().enumerate() {
            let colour = colours[k % colours.len()];
            surface.dash(if k < colours.len() { &[] } else { &[3.0, 3.0] });
            surface.ctx.set_stroke_style_str(colour);
            surface.ctx.set_line_width(1.25);
            surface.ctx.begin_path();
            for (at, point) in overlay.points.iter().enumerate() {
                let x = self.x(surface, u64::from(point.0) * self.steps_per_epoch);
                let y = panel.y(value(point));
                if at == 0 {
                    surface.ctx.move_to(x, y);
                } else {
                    surface.ctx.line_to(x, y);
                }
            }
            surface.ctx.stroke();
            surface.dash(&[]);
            if let Some(last) = overlay.points.last() {
                let x = self.x(surface, u64::from(last.0) * self.steps_per_epoch);
                let letter = Overlay::letter(k).to_string();
                // Letters of runs that end alike stand side by side.
                let x = x - 4.0 - 11.0 * k as f64;
                surface.text(&letter, x, panel.y(value(last)) - 5.0, "right", colour);
            }
        }
    }

    fn rule(surface: &Surface, panel: &Panel, tick: f64, right: f64, label: &str) {
        let y = surface.sharp(panel.y(tick));
        surface.line((LEFT, y), (right, y), &surface.palette.line, 1.0);
        surface.text(label, LEFT - 8.0, y + 4.0, "right", &surface.palette.soft);
    }

    fn epoch_scale(&self, surface: &Surface, foot: f64) {
        let every = [1, 2, 5, 10, 20, 50, 100, 200, 500]
            .into_iter()
            .find(|every| self.epochs / every <= 10)
            .unwrap_or(1000);
        for epoch in (every..=self.epochs).step_by(every as usize) {
            let x = self.x(surface, u64::from(epoch) * self.steps_per_epoch);
            surface.text(
                &epoch.to_string(),
                x,
                foot + 14.0,
                "center",
                &surface.palette.soft,
            );
        }
        surface.text(
            "epoch",
            surface.width,
            foot + 14.0,
            "right",
            &surface.palette.soft,
        );
    }

    /// Columns of a curve of steps: at least two pixels wide and holding ten steps or more, so that
    /// single batches do not drown the course. A recorded run has thinned steps, hence fewer columns.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of columns on a screen"
    )]
    fn columns(&self, width: f64, steps: &[StepMetrics]) -> u64 {
        let reached = steps.last().map_or(1, |last| last.step).max(1);
        let expected = self.steps as f64 * steps.len() as f64 / reached as f64;
        (expected / 10.0).min(width / 2.0).clamp(20.0, 200.0) as u64
    }

    /// The steps' curve: the mean of the steps that share a column.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "positions on a screen"
    )]
    fn steps(
        &self,
        surface: &Surface,
        panel: &Panel,
        colour: &str,
        value: impl Fn(&StepMetrics) -> f64,
    ) {
        let curves = self.history.curves();
        let columns = self.columns(surface.width - LEFT - RIGHT, &curves.steps);
        surface.ctx.set_stroke_style_str(colour);
        surface.ctx.set_line_width(1.75);
        surface.ctx.set_line_join("round");
        surface.ctx.begin_path();
        let (mut column, mut sum, mut count, mut started) = (u64::MAX, 0.0, 0_u32, false);
        let mut flush = |column: u64, sum: f64, count: u32| {
            if count > 0 {
                let middle = (column as f64 + 0.5) / columns as f64 * self.steps as f64;
                let (x, y) = (
                    self.x(surface, middle as u64),
                    panel.y(sum / f64::from(count)),
                );
                if started {
                    surface.ctx.line_to(x, y);
                } else {
                    surface.ctx.move_to(x, y);
                    started = true;
                }
            }
        };
        for step in &curves.steps {
            let at = (step.step.saturating_sub(1)) * columns / self.steps;
            if at != column {
                flush(column, sum, count);
                (column, sum, count) = (at, 0.0, 0);
            }
            sum += value(step);
            count += 1;
        }
        flush(column, sum, count);
        surface.ctx.stroke();
    }

    fn tests(&self, surface: &Surface, panel: &Panel, value: impl Fn(&EpochMetrics) -> f64) {
        let curves = self.history.curves();
        let teal = &surface.palette.teal;
        surface.ctx.set_stroke_style_str(teal);
        surface.ctx.set_fill_style_str(teal);
        surface.ctx.set_line_width(1.75);
        surface.ctx.begin_path();
        let points: Vec<_> = curves
            .epochs
            .iter()
            .map(|e| (e.epoch, self.x(surface, e.step), panel.y(value(e))))
            .collect();
        for (k, (_, x, y)) in points.iter().enumerate() {
            if k == 0 {
                surface.ctx.move_to(*x, *y);
            } else {
                surface.ctx.line_to(*x, *y);
            }
        }
        surface.ctx.stroke();
        for (epoch, x, y) in points {
            let radius = if self.cursor == Some(epoch) { 4.0 } else { 2.4 };
            surface.ctx.begin_path();
            let _ = surface.ctx.arc(x, y, radius, 0.0, std::f64::consts::TAU);
            surface.ctx.fill();
        }
    }
}

/// The worst but one of a few values, the worst of very few: one bad epoch (a network drawn anew)
/// leaves the panel and does not flatten all others.
fn nearly_worst(mut values: Vec<f64>) -> Option<f64> {
    let worst = |values: &[f64]| (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b]));
    if values.len() > 3
        && let Some(worst) = worst(&values)
    {
        values.swap_remove(worst);
    }
    worst(&values).map(|worst| values[worst])
}

/// Foot of the accuracy scale: as high as the epochs allow, in wide steps so that it rarely moves.
fn lowest(accuracies: Vec<f64>) -> f64 {
    let worst = nearly_worst(accuracies);
    let steps = [90.0, 80.0, 70.0, 50.0];
    worst.map_or(0.0, |worst| {
        steps
            .into_iter()
            .find(|step| worst >= step + 2.0)
            .unwrap_or(0.0)
    })
}

fn ceiling(accuracies: &[f64], epochs: &[EpochMetrics]) -> f64 {
    let trained = epochs.iter().map(|e| f64::from(e.train_accuracy) * 100.0);
    let best = trained
        .chain(accuracies.iter().copied())
        .fold(0.0, f64::max);
    if accuracies.is_empty() || best > 94.0 {
        100.0
    } else {
        95.0
    }
}
