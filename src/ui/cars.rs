//! The cores drawn as a train: cars from their real values, couplings as thick as their rank, the
//! variances as bars over each coupling with the pruning threshold.
//!
//! A car shows its core unfolded as a matrix of `m x n` blocks, one block for each pair of left and
//! right rank index, so that an index which dies takes a row or column of blocks with it and the car
//! shrinks. End cores have only one rank: their blocks are wrapped into a rectangle.

use std::rc::Rc;

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use super::canvas::{Canvas, Paint, Palette, Surface, rgb};
use super::format;
use super::model::View;
use super::theme::reduced_motion;
use crate::train::metrics::{BondSnapshot, CoreSnapshot, LayerSnapshot, Snapshot};

/// Time an index takes to fall and a car to shrink, in milliseconds.
const FALL: f64 = 220.0;
/// Height of the highest bar.
const BAR: f64 = 46.0;

/// Properties of [`Cars`].
#[derive(Properties, PartialEq)]
pub struct Props {
    /// The run.
    pub view: View,
}

/// The train.
#[component]
pub fn Cars(props: &Props) -> Html {
    let view = &props.view;
    let scene = use_mut_ref(Scene::default);
    let paint = use_memo(view.snapshot.clone(), |snapshot| {
        let (snapshot, scene) = (snapshot.clone(), scene.clone());
        Paint::new(move |surface| match &snapshot {
            Some(snapshot) => scene.borrow_mut().paint(surface, snapshot),
            None => false,
        })
    });
    let layers = view.snapshot.as_ref().map_or(0, |s| s.layers.len());
    html! {
        <section class="card fill" aria-labelledby="cars-title">
            <div class="head">
                <h2 id="cars-title">{ title(view.snapshot.as_deref()) }</h2>
                <span class="legend" aria-hidden="true">
                    <i class="key pos"></i>{ "positive" }<i class="key neg"></i>{ "negative" }
                    <i class="key bar"></i>{ "variance of an index (log)" }<i class="key thr"></i>{ "it dies below" }
                </span>
                { view.snapshot.as_deref().map(table) }
            </div>
            <Canvas
                class={classes!("cars", format!("layers-{layers}"))}
                paint={(*paint).clone()}
                label={view.snapshot.as_deref().map_or("No network yet".into(), describe)}
                described_by="cars-table"
            />
        </section>
    }
}

fn title(snapshot: Option<&Snapshot>) -> String {
    let Some(snapshot) = snapshot else { return "The network".into() };
    snapshot
        .layers
        .iter()
        .map(|layer| match layer.cores.len() {
            1 => format!("{}: dense", layer.name),
            n => format!("{}: {n} cores", layer.name),
        })
        .collect::<Vec<_>>()
        .join(" · ")
}

fn describe(snapshot: &Snapshot) -> String {
    let bonds: Vec<String> = snapshot
        .layers
        .iter()
        .filter(|layer| !layer.bonds.is_empty())
        .map(|layer| {
            let ranks: Vec<_> = layer
                .bonds
                .iter()
                .map(|b| format!("{} of {}", b.alive.len(), b.initial_rank))
                .collect();
            format!("{}, ranks {}", layer.name, ranks.join(", "))
        })
        .collect();
    format!("Tensor-train cores drawn as cars joined by their ranks. {}.", bonds.join("; "))
}

fn shape(shape: [usize; 4]) -> String {
    shape.map(|n| n.to_string()).join("×")
}

/// The same as a table.
fn table(snapshot: &Snapshot) -> Html {
    let rows = snapshot.layers.iter().flat_map(|layer| {
        layer.cores.iter().enumerate().map(|(k, core)| {
            let peak = core.values.iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
            let bond = layer.bonds.get(k).map_or("–".to_string(), |bond| {
                format!("{} of {}", bond.alive.len(), bond.initial_rank)
            });
            let least = layer.bonds.get(k).and_then(|b| b.variances.iter().copied().reduce(f32::min));
            html! {
                <tr>
                    <th scope="row">{ format!("{} G{}", layer.name, k + 1) }</th>
                    <td>{ shape(core.shape) }</td>
                    <td>{ format::count(core.values.len() as u64) }</td>
                    <td>{ format!("{peak:.3}") }</td>
                    <td>{ bond }</td>
                    <td>{ least.map_or("–".into(), |v| format!("{v:.4}")) }</td>
                </tr>
            }
        })
    });
    html! {
        <details class="table">
            <summary>{ "Table" }</summary>
            <div class="sheet" tabindex="0" role="region" aria-label="Cores and bonds as a table">
                <table id="cars-table">
                    <caption class="hidden">{ "Cores and the bonds to their right" }</caption>
                    <thead><tr>
                        <th scope="col">{ "Core" }</th><th scope="col">{ "r×m×n×r′" }</th><th scope="col">{ "Entries" }</th>
                        <th scope="col">{ "Largest" }</th><th scope="col">{ "Rank alive" }</th><th scope="col">{ "Least variance" }</th>
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
        </details>
    }
}

/// What has been drawn before: the cars' images, and what is still falling or shrinking.
#[derive(Default)]
struct Scene {
    drawn: Option<(Rc<Snapshot>, String)>,
    cars: Vec<Vec<Car>>,
    bonds: Vec<Vec<Bars>>,
}

/// A car's image and its extents in cells.
struct Car {
    image: Option<HtmlCanvasElement>,
    /// Extents at the start of the run.
    full: (usize, usize),
    now: (usize, usize),
    /// Extents it shrinks from, and when it began to.
    from: (f64, f64),
    since: f64,
}

/// The bars of a bond, by position at the start of the run.
#[derive(Default)]
struct Bars {
    heights: Vec<f64>,
    /// When each died; infinite for one alive, minus infinity for one long dead.
    died: Vec<f64>,
}

impl Scene {
    fn paint(&mut self, surface: &Surface, snapshot: &Rc<Snapshot>) -> bool {
        let ink = &surface.palette.panel;
        let fresh = self.drawn.as_ref().is_none_or(|(s, i)| !Rc::ptr_eq(s, snapshot) || i != ink);
        if fresh {
            self.take(snapshot, surface);
            self.drawn = Some((snapshot.clone(), ink.clone()));
        }
        let plan = Plan::of(surface, &self.cars, &snapshot.layers);
        for (l, layer) in snapshot.layers.iter().enumerate() {
            self.layer(surface, &plan, l, layer);
        }
        for pair in plan.layers.windows(2) {
            activation(surface, &pair[0], &pair[1]);
        }
        self.moving(surface.now)
    }

    fn moving(&self, now: f64) -> bool {
        let shrinking = self.cars.iter().flatten().any(|car| now - car.since < FALL);
        let falling =
            self.bonds.iter().flatten().flat_map(|bars| &bars.died).any(|at| {
                at.is_finite() && now - at < FALL
            });
        shrinking || falling
    }

    /// Take over a snapshot: note what died since the last one, build the images.
    fn take(&mut self, snapshot: &Snapshot, surface: &Surface) {
        let same_network = self.cars.len() == snapshot.layers.len()
            && self.cars.iter().zip(&snapshot.layers).all(|(cars, layer)| {
                cars.len() == layer.cores.len()
                    && cars.iter().enumerate().all(|(k, car)| car.full == full(layer, k))
            });
        if !same_network {
            self.cars.clear();
            self.bonds.clear();
        }
        let still = reduced_motion();
        for (l, layer) in snapshot.layers.iter().enumerate() {
            if self.cars.len() <= l {
                self.cars.push(vec![]);
                self.bonds.push(layer.bonds.iter().map(|_| Bars::default()).collect());
            }
            for (k, core) in layer.cores.iter().enumerate() {
                let (columns, rows) = extents(core.shape, full_ranks(layer, k));
                let image = render(core, columns, rows, full_ranks(layer, k), surface.palette);
                let before = self.cars[l].get(k).map(|car| (car.now, car.extents(surface.now)));
                let (from, since) = match before {
                    Some((old, shown)) if old != (columns, rows) && !still => (shown, surface.now),
                    Some(_) if !still => (self.cars[l][k].from, self.cars[l][k].since),
                    _ => (size((columns, rows)), f64::NEG_INFINITY),
                };
                let car =
                    Car { image, full: full(layer, k), now: (columns, rows), from, since };
                if k < self.cars[l].len() {
                    self.cars[l][k] = car;
                } else {
                    self.cars[l].push(car);
                }
            }
            for (bars, bond) in self.bonds[l].iter_mut().zip(&layer.bonds) {
                bars.take(bond, surface.now, still);
            }
        }
    }

    fn layer(&self, surface: &Surface, plan: &Plan, l: usize, layer: &LayerSnapshot) {
        let (palette, row) = (surface.palette, &plan.layers[l]);
        surface.ctx.set_font(&palette.number_font);
        for (k, core) in layer.cores.iter().enumerate() {
            let (car, slot) = (&self.cars[l][k], &row.slots[k]);
            let (columns, rows) = car.extents(surface.now);
            let (w, h) = (columns * slot.cell, rows * slot.cell);
            let (x, y) = (slot.x + (slot.width - w) / 2.0, row.middle - h / 2.0);
            if let (Some(bars), Some(bond)) = (self.bonds[l].get(k), layer.bonds.get(k)) {
                let next = &self.cars[l][k + 1];
                let next_width = next.extents(surface.now).0 * row.slots[k + 1].cell;
                let right = row.slots[k + 1].x + (row.slots[k + 1].width - next_width) / 2.0;
                let gap = (slot.x + slot.width, row.slots[k + 1].x);
                coupling(surface, (x + w, right), gap, row.middle, bars, bond);
            }
            surface.ctx.set_fill_style_str(&palette.panel);
            surface.ctx.set_stroke_style_str(&palette.ink);
            surface.ctx.set_line_width(1.25);
            surface.ctx.begin_path();
            let _ = surface.ctx.round_rect_with_f64(x - 4.0, y - 4.0, w + 8.0, h + 8.0, 5.0);
            surface.ctx.fill();
            surface.ctx.stroke();
            if let Some(image) = &car.image {
                surface.ctx.set_image_smoothing_enabled(slot.cell * surface.ratio < 1.0);
                let _ = surface.ctx.draw_image_with_html_canvas_element_and_dw_and_dh(image, x, y, w, h);
            }
            let room = row.slots.get(k + 1).map_or(surface.width, |next| next.x) - slot.x;
            let label = label(layer, k, core, room.min(slot.x + slot.width));
            let half = 3.4 * f64::from(u32::try_from(label.chars().count()).unwrap_or(0));
            let centre = (slot.x + slot.width / 2.0).min(surface.width - half).max(half);
            surface.text(&label, centre, row.label, "center", &palette.soft);
        }
    }
}

/// A car's label, as long as its room allows.
fn label(layer: &LayerSnapshot, k: usize, core: &CoreSnapshot, room: f64) -> String {
    let whole = if layer.cores.len() == 1 {
        format!("{}  {}×{}", layer.name, core.shape[1], core.shape[2])
    } else {
        format!("{} G{}  {}", layer.name, k + 1, shape(core.shape))
    };
    let width = 6.7 * f64::from(u32::try_from(whole.chars().count()).unwrap_or(0));
    if width < room { whole } else { format!("G{}", k + 1) }
}

fn size((columns, rows): (usize, usize)) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss, reason = "extents on a screen")]
    (columns as f64, rows as f64)
}

impl Car {
    /// Extents at a moment, easing from the old ones to the new.
    fn extents(&self, now: f64) -> (f64, f64) {
        let share = ((now - self.since) / FALL).clamp(0.0, 1.0);
        let ease = 1.0 - (1.0 - share).powi(3);
        let to = size(self.now);
        (self.from.0 + (to.0 - self.from.0) * ease, self.from.1 + (to.1 - self.from.1) * ease)
    }
}

impl Bars {
    fn take(&mut self, bond: &BondSnapshot, now: f64, still: bool) {
        let first = self.heights.len() != bond.initial_rank;
        if first {
            self.heights = vec![0.0; bond.initial_rank];
            self.died = vec![f64::NEG_INFINITY; bond.initial_rank];
        }
        let mut alive = vec![false; bond.initial_rank];
        for (k, &index) in bond.alive.iter().enumerate() {
            let index = usize::from(index);
            if index < alive.len() {
                alive[index] = true;
                self.heights[index] = bond.variances.get(k).map_or(0.5, |&v| height(v, bond.threshold));
                self.died[index] = f64::INFINITY;
            }
        }
        for (died, alive) in self.died.iter_mut().zip(alive) {
            if !alive && *died == f64::INFINITY {
                *died = if still || first { f64::NEG_INFINITY } else { now };
            }
        }
    }
}

/// Height of a variance as a share of the highest bar: four decades, the threshold at an eighth.
fn height(variance: f32, threshold: f32) -> f64 {
    let decades = f64::from(variance.max(f32::MIN_POSITIVE) / threshold.max(f32::MIN_POSITIVE)).log10();
    (0.125 + decades * 0.875 / 3.2).clamp(0.04, 1.0)
}

/// Between two layers in one row: the activation.
fn activation(surface: &Surface, before: &Row, after: &Row) {
    let (Some(last), Some(first)) = (before.slots.last(), after.slots.first()) else { return };
    let (left, right) = (last.x + last.width, first.x);
    if right - left > 30.0 && (before.middle - after.middle).abs() < 1.0 {
        let soft = &surface.palette.soft;
        surface.dash(&[2.0, 3.0]);
        surface.line((left + 3.0, before.middle), (right - 3.0, before.middle), soft, 1.0);
        surface.dash(&[]);
        surface.text("ReLU", (left + right) / 2.0, before.middle - 6.0, "center", soft);
    }
}

/// A bond: its line, as thick as its rank, and over it the bars.
fn coupling(
    surface: &Surface,
    (left, right): (f64, f64),
    (gap_left, gap_right): (f64, f64),
    middle: f64,
    bars: &Bars,
    bond: &BondSnapshot,
) {
    let palette = surface.palette;
    #[allow(clippy::cast_precision_loss, reason = "a rank on a screen")]
    let (count, alive) = (bars.heights.len() as f64, bond.alive.len() as f64);
    let thick = 1.0 + 5.0 * alive / count.max(1.0);
    surface.line((left, middle), (right, middle), &palette.ink, thick);
    let room = gap_right - gap_left - 22.0;
    let pitch = (room / count.max(1.0)).min(7.0);
    let width = (pitch * 0.72).max(1.0);
    let start = (gap_left + gap_right - pitch * count) / 2.0 + (pitch - width) / 2.0;
    let foot = middle - thick / 2.0 - 4.0;
    let mut x = start;
    for (height, died) in bars.heights.iter().zip(&bars.died) {
        let fallen = ((surface.now - died) / FALL).clamp(0.0, 1.0);
        let (height, colour) = if *died == f64::INFINITY {
            (height * BAR, &palette.amber)
        } else {
            ((height * BAR * (1.0 - fallen)).max(2.0), &palette.dead)
        };
        surface.ctx.set_fill_style_str(colour);
        if bond.variances.is_empty() && *died == f64::INFINITY {
            surface.ctx.fill_rect(x, foot - 4.0, width, 4.0);
        } else {
            surface.ctx.fill_rect(x, foot - height, width, height);
        }
        x += pitch;
    }
    if !bond.variances.is_empty() {
        let y = surface.sharp(foot - 0.125 * BAR);
        surface.dash(&[3.0, 3.0]);
        surface.line((start - 4.0, y), (start + pitch * count + 2.0, y), &palette.rose, 1.0);
        surface.dash(&[]);
    }
    let between = if gap_right - gap_left < 60.0 { "/" } else { " of " };
    let label = format!("{}{between}{}", bond.alive.len(), bond.initial_rank);
    surface.text(&label, (gap_left + gap_right) / 2.0, middle + thick / 2.0 + 16.0, "center", &palette.ink);
}

/// Ranks to the left and right of a core at the start of the run.
fn full_ranks(layer: &LayerSnapshot, k: usize) -> (usize, usize) {
    let left = k.checked_sub(1).and_then(|k| layer.bonds.get(k)).map_or(1, |b| b.initial_rank);
    (left, layer.bonds.get(k).map_or(1, |b| b.initial_rank))
}

fn full(layer: &LayerSnapshot, k: usize) -> (usize, usize) {
    let (left, right) = full_ranks(layer, k);
    let [_, m, n, _] = layer.cores[k].shape;
    extents([left, m, n, right], (left, right))
}

/// Blocks in a row of an end core: the divisor of their number that makes its picture about as wide
/// as high.
fn wrap(m: usize, n: usize, blocks: usize) -> usize {
    (1..=blocks)
        .filter(|columns| blocks.is_multiple_of(*columns))
        .min_by_key(|&columns| (columns * n).abs_diff(blocks.div_ceil(columns) * m))
        .unwrap_or(1)
}

/// Columns and rows of cells of a core's picture.
fn extents([left, m, n, right]: [usize; 4], full: (usize, usize)) -> (usize, usize) {
    if full.0 > 1 && full.1 > 1 {
        (right * n, left * m)
    } else {
        let blocks = left * right;
        let columns = wrap(m, n, full.0 * full.1);
        (columns.min(blocks) * n, blocks.div_ceil(columns) * m)
    }
}

/// A core's picture, one pixel per entry: amber above zero, teal below, the ground at zero.
fn render(
    core: &CoreSnapshot,
    columns: usize,
    rows: usize,
    full: (usize, usize),
    palette: &Palette,
) -> Option<HtmlCanvasElement> {
    let [left, m, n, right] = core.shape;
    let wrapped = !(full.0 > 1 && full.1 > 1);
    let per_row = if wrapped { wrap(m, n, full.0 * full.1) } else { right };
    let peak = core.values.iter().fold(1e-9_f32, |peak, v| peak.max(v.abs()));
    let (ground, above, below) = (rgb(&palette.panel), rgb(&palette.amber), rgb(&palette.teal));
    let mut pixels = vec![0_u8; columns * rows * 4];
    let mut values = core.values.iter();
    for a in 0..left {
        for i in 0..m {
            for j in 0..n {
                for b in 0..right {
                    let Some(value) = values.next() else { continue };
                    let block = a * right + b;
                    let (x, y) = (block % per_row * n + j, block / per_row * m + i);
                    let at = (y * columns + x) * 4;
                    let share = f64::from(value.abs() / peak);
                    let colour = if *value >= 0.0 { above } else { below };
                    if let Some(pixel) = pixels.get_mut(at..at + 4) {
                        for c in 0..3 {
                            #[allow(
                                clippy::cast_possible_truncation,
                                clippy::cast_sign_loss,
                                reason = "a mean of two bytes"
                            )]
                            let mixed = (ground[c] + (colour[c] - ground[c]) * share) as u8;
                            pixel[c] = mixed;
                        }
                        pixel[3] = 255;
                    }
                }
            }
        }
    }
    let (width, height) = (u32::try_from(columns).ok()?, u32::try_from(rows).ok()?);
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), width, height).ok()?;
    let canvas: HtmlCanvasElement =
        gloo::utils::document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let ctx: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    ctx.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}

/// Where the cars stand: fixed by the network at the start of the run, so that nothing moves when
/// ranks die.
struct Plan {
    layers: Vec<Row>,
}

struct Row {
    middle: f64,
    label: f64,
    slots: Vec<Slot>,
}

struct Slot {
    x: f64,
    width: f64,
    cell: f64,
}

/// Least room of a bond, of which sixteen bars still read.
const BOND: f64 = 74.0;
/// Room between two layers.
const BETWEEN: f64 = 44.0;
/// Frame of a car on both sides together.
const FRAME: f64 = 10.0;

impl Plan {
    #[allow(clippy::cast_precision_loss, reason = "positions on a screen")]
    fn of(surface: &Surface, cars: &[Vec<Car>], layers: &[LayerSnapshot]) -> Self {
        let all: Vec<&Car> = cars.iter().flatten().collect();
        let bonds: usize = layers.iter().map(|l| l.bonds.len()).sum();
        let gaps = BETWEEN * layers.len().saturating_sub(1) as f64;
        let least = if surface.width < 560.0 { 44.0 } else { BOND };
        let room = surface.width - 12.0 - gaps - least * bonds as f64;
        let high = surface.height - 30.0;
        let cells = fit(&all, room, high, surface.ratio);
        let lowest = cells.iter().zip(&all).map(|(cell, car)| cell * size(car.full).0.max(size(car.full).1));
        if layers.len() == 1 || lowest.fold(f64::INFINITY, f64::min) >= 44.0 {
            let taken: f64 = widths(&cells, &all).iter().sum();
            let gap = ((surface.width - 12.0 - gaps - taken) / bonds.max(1) as f64).clamp(least, 150.0);
            let whole = taken + gaps + gap * bonds as f64;
            let mut cells = cells.into_iter();
            let mut x = ((surface.width - whole) / 2.0).max(6.0);
            let layers = cars
                .iter()
                .map(|cars| {
                    let own: Vec<f64> = cells.by_ref().take(cars.len()).collect();
                    let row = Row::of(cars, &own, x, gap, (0.0, surface.height));
                    x = row.slots.last().map_or(x, |last| last.x + last.width) + BETWEEN;
                    row
                })
                .collect();
            return Self { layers };
        }
        let line = surface.height / layers.len().max(1) as f64;
        let layers = cars
            .iter()
            .zip(layers)
            .zip(0_u8..)
            .map(|((cars, layer), l)| {
                let all: Vec<&Car> = cars.iter().collect();
                let bonds = layer.bonds.len() as f64;
                let cells = fit(&all, surface.width - 12.0 - least * bonds, line - 34.0, surface.ratio);
                let taken: f64 = widths(&cells, &all).iter().sum();
                let gap = ((surface.width - 12.0 - taken) / bonds.max(1.0)).clamp(least, 130.0);
                let x = ((surface.width - taken - gap * bonds) / 2.0).max(6.0);
                Row::of(cars, &cells, x, gap, (line * f64::from(l), line))
            })
            .collect();
        Self { layers }
    }
}

impl Row {
    fn of(cars: &[Car], cells: &[f64], mut x: f64, gap: f64, (top, line): (f64, f64)) -> Self {
        let slots = cars
            .iter()
            .zip(cells)
            .map(|(car, &cell)| {
                let slot = Slot { x, width: size(car.full).0 * cell + FRAME, cell };
                x += slot.width + gap;
                slot
            })
            .collect();
        Self { middle: top + (line - 18.0) / 2.0, label: top + line - 4.0, slots }
    }
}

fn widths(cells: &[f64], cars: &[&Car]) -> Vec<f64> {
    cells.iter().zip(cars).map(|(cell, car)| size(car.full).0 * cell + FRAME).collect()
}

/// Cell sizes with which the cars fit into `room`: as large as the height allows, then the largest
/// cells are made smaller, by whole device pixels, and all of them by a factor if that is not enough.
fn fit(cars: &[&Car], room: f64, high: f64, ratio: f64) -> Vec<f64> {
    let mut cells: Vec<f64> = cars
        .iter()
        .map(|car| {
            let (columns, rows) = size(car.full);
            whole_cell((high / rows).min(high * 1.05 / columns), ratio)
        })
        .collect();
    loop {
        let taken: f64 = widths(&cells, cars).iter().sum();
        if taken <= room {
            return cells;
        }
        let largest = cells.iter().copied().fold(0.0, f64::max);
        if largest * ratio <= 1.0 {
            let frames = FRAME * f64::from(u32::try_from(cars.len()).unwrap_or(1));
            let factor = ((room - frames) / (taken - frames)).clamp(0.05, 1.0);
            return cells.iter().map(|cell| cell * factor).collect();
        }
        // Of equal cells the widest car gives way first.
        let widest = (0..cells.len())
            .filter(|&k| cells[k] >= largest)
            .max_by_key(|&k| cars[k].full.0)
            .unwrap_or(0);
        cells[widest] = ((cells[widest] * ratio).round() - 1.0) / ratio;
    }
}

/// The largest cell not above `cell` that is whole in device pixels; the cell itself below one.
fn whole_cell(cell: f64, ratio: f64) -> f64 {
    let device = (cell * ratio).floor();
    if device >= 1.0 { device / ratio } else { cell }
}
