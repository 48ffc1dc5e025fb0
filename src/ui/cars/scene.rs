//! Drawing the train, and what is still falling or shrinking in it.

use std::rc::Rc;

use web_sys::HtmlCanvasElement;

use super::picture::{extents, full, full_ranks, render};
use super::plan::{Plan, Row};
use super::shape;
use crate::train::metrics::{BondSnapshot, CoreSnapshot, LayerSnapshot, Snapshot};
use crate::ui::canvas::Surface;
use crate::ui::theme::reduced_motion;

/// Time an index takes to fall and a car to shrink, in milliseconds.
const FALL: f64 = 220.0;
/// Height of the highest bar.
const BAR: f64 = 46.0;

/// What has been drawn before: the cars' images, and what is still falling or shrinking.
#[derive(Default)]
pub(super) struct Scene {
    drawn: Option<(Rc<Snapshot>, String)>,
    cars: Vec<Vec<Car>>,
    bonds: Vec<Vec<Bars>>,
}

/// A car's image and its extents in cells.
pub(super) struct Car {
    image: Option<HtmlCanvasElement>,
    /// Extents at the start of the run.
    pub(super) full: (usize, usize),
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
    pub(super) fn paint(&mut self, surface: &Surface, snapshot: &Rc<Snapshot>) -> bool {
        let ink = &surface.palette.panel;
        let fresh = self
            .drawn
            .as_ref()
            .is_none_or(|(s, i)| !Rc::ptr_eq(s, snapshot) || i != ink);
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
        let falling = self
            .bonds
            .iter()
            .flatten()
            .flat_map(|bars| &bars.died)
            .any(|at| at.is_finite() && now - at < FALL);
        shrinking || falling
    }

    /// Take over a snapshot: note what died since the last one, build the images.
    fn take(&mut self, snapshot: &Snapshot, surface: &Surface) {
        let same_network = self.cars.len() == snapshot.layers.len()
            && self.cars.iter().zip(&snapshot.layers).all(|(cars, layer)| {
                cars.len() == layer.cores.len()
                    && cars
                        .iter()
                        .enumerate()
                        .all(|(k, car)| car.full == full(layer, k))
            });
        if !same_network {
            self.cars.clear();
            self.bonds.clear();
        }
        let still = reduced_motion();
        for (l, layer) in snapshot.layers.iter().enumerate() {
            if self.cars.len() <= l {
                self.cars.push(vec![]);
                self.bonds
                    .push(layer.bonds.iter().map(|_| Bars::default()).collect());
            }
            for (k, core) in layer.cores.iter().enumerate() {
                let (columns, rows) = extents(core.shape, full_ranks(layer, k));
                let image = render(core, columns, rows, full_ranks(layer, k), surface.palette);
                let before = self.cars[l]
                    .get(k)
                    .map(|car| (car.now, car.extents(surface.now)));
                let (from, since) = match before {
                    Some((old, shown)) if old != (columns, rows) && !still => (shown, surface.now),
                    Some(_) if !still => (self.cars[l][k].from, self.cars[l][k].since),
                    _ => (size((columns, rows)), f64::NEG_INFINITY),
                };
                let car = Car {
                    image,
                    full: full(layer, k),
                    now: (columns, rows),
                    from,
                    since,
                };
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
            let (width, height) = (columns * slot.cell, rows * slot.cell);
            let x = slot.x + (slot.width - width) / 2.0;
            let y = row.middle - height / 2.0;
            if let (Some(bars), Some(bond)) = (self.bonds[l].get(k), layer.bonds.get(k)) {
                let next = &self.cars[l][k + 1];
                let next_width = next.extents(surface.now).0 * row.slots[k + 1].cell;
                let right = row.slots[k + 1].x + (row.slots[k + 1].width - next_width) / 2.0;
                let gap = (slot.x + slot.width, row.slots[k + 1].x);
                coupling(surface, (x + width, right), gap, row.middle, bars, bond);
            }
            surface.ctx.set_fill_style_str(&palette.panel);
            surface.ctx.set_stroke_style_str(&palette.ink);
            surface.ctx.set_line_width(1.25);
            surface.ctx.begin_path();
            let _ =
                surface
                    .ctx
                    .round_rect_with_f64(x - 4.0, y - 4.0, width + 8.0, height + 8.0, 5.0);
            surface.ctx.fill();
            surface.ctx.stroke();
            if let Some(image) = &car.image {
                surface
                    .ctx
                    .set_image_smoothing_enabled(slot.cell * surface.ratio < 1.0);
                let _ = surface
                    .ctx
                    .draw_image_with_html_canvas_element_and_dw_and_dh(image, x, y, width, height);
            }
            let room = row.slots.get(k + 1).map_or(surface.width, |next| next.x) - slot.x;
            let label = label(layer, k, core, room.min(slot.x + slot.width));
            let half = 3.4 * f64::from(u32::try_from(label.chars().count()).unwrap_or(0));
            let centre = (slot.x + slot.width / 2.0)
                .min(surface.width - half)
                .max(half);
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
    if width < room {
        whole
    } else {
        format!("G{}", k + 1)
    }
}

pub(super) fn size((columns, rows): (usize, usize)) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss, reason = "extents on a screen")]
    (columns as f64, rows as f64)
}

impl Car {
    /// Extents at a moment, easing from the old ones to the new.
    fn extents(&self, now: f64) -> (f64, f64) {
        let share = ((now - self.since) / FALL).clamp(0.0, 1.0);
        let ease = 1.0 - (1.0 - share).powi(3);
        let to = size(self.now);
        (
            self.from.0 + (to.0 - self.from.0) * ease,
            self.from.1 + (to.1 - self.from.1) * ease,
        )
    }
}

impl Bars {
    fn take(&mut self, bond: &BondSnapshot, now: f64, still: bool) {
        let first = self.heights.len() != bond.initial_rank;
        if first {
            self.heights = vec![0.0; bond.initial_rank];
            self.died = vec![f64::NEG_INFINITY; bond.initial_rank];
        }
        // Once nothing can die any more, bars stand on a thousandth of the highest.
        let highest = bond.variances.iter().copied().fold(0.0, f32::max);
        let floor = if bond.threshold > 0.0 { bond.threshold } else { highest * 1e-3 };
        let mut alive = vec![false; bond.initial_rank];
        for (k, &index) in bond.alive.iter().enumerate() {
            let index = usize::from(index);
            if index < alive.len() {
                alive[index] = true;
                self.heights[index] = bond.variances.get(k).map_or(0.5, |&v| height(v, floor));
                self.died[index] = f64::INFINITY;
            }
        }
        for (died, alive) in self.died.iter_mut().zip(alive) {
            if !alive && *died == f64::INFINITY {
                *died = if still || first {
                    f64::NEG_INFINITY
                } else {
                    now
                };
            }
        }
    }
}

/// Height of a variance as a share of the highest bar: four decades, the threshold at an eighth.
fn height(variance: f32, threshold: f32) -> f64 {
    let decades =
        f64::from(variance.max(f32::MIN_POSITIVE) / threshold.max(f32::MIN_POSITIVE)).log10();
    (0.125 + decades * 0.875 / 3.2).clamp(0.04, 1.0)
}

/// Between two layers in one row: the activation.
fn activation(surface: &Surface, before: &Row, after: &Row) {
    let (Some(last), Some(first)) = (before.slots.last(), after.slots.first()) else {
        return;
    };
    let (left, right) = (last.x + last.width, first.x);
    if right - left > 30.0 && (before.middle - after.middle).abs() < 1.0 {
        let soft = &surface.palette.soft;
        surface.dash(&[2.0, 3.0]);
        surface.line(
            (left + 3.0, before.middle),
            (right - 3.0, before.middle),
            soft,
            1.0,
        );
        surface.dash(&[]);
        surface.text(
            "ReLU",
            f64::midpoint(left, right),
            before.middle - 6.0,
            "center",
            soft,
        );
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
    let start = f64::midpoint(gap_left, gap_right) - pitch * count / 2.0 + (pitch - width) / 2.0;
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
    if bond.threshold > 0.0 {
        let y = surface.sharp(foot - 0.125 * BAR);
        surface.dash(&[3.0, 3.0]);
        surface.line(
            (start - 4.0, y),
            (start + pitch * count + 2.0, y),
            &palette.rose,
            1.0,
        );
        surface.dash(&[]);
    }
    let between = if gap_right - gap_left < 60.0 {
        "/"
    } else {
        " of "
    };
    let label = format!("{}{between}{}", bond.alive.len(), bond.initial_rank);
    surface.text(
        &label,
        f64::midpoint(gap_left, gap_right),
        middle + thick / 2.0 + 16.0,
        "center",
        &palette.ink,
    );
}
