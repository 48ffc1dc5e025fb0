//! The run on display, compiled and timed on the machine; kept until ranks or settings change.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::course::{Course, Ranks, ranks};
use super::setup::{Accel, Costs, Scope, Setup};
use crate::accel::timeline::Timeline;
use crate::accel::{self, Comparison, Energy, Fit, Roofline, StepTiming};
use crate::exec::fixed::FixedFormats;
use crate::program::{NetworkShape, Program, Schedule, compile};
use crate::train::config::{Precision, RunConfig};
use crate::train::metrics::Snapshot;
use crate::tt::TtShape;
use crate::ui::model::View;

/// Rank sets whose timings are kept at most.
const MOST_KEPT: usize = 256;

/// A training step on a machine.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The step.
    pub program: Rc<Program>,
    /// Its timing.
    pub timing: Rc<StepTiming>,
    /// Its number formats.
    pub formats: FixedFormats,
    /// Its schedule.
    pub schedule: Schedule,
    weighed: Rc<Weighed>,
}

/// What else is asked of a timed step, once it is asked.
#[derive(Debug, Default)]
struct Weighed {
    fit: OnceCell<Option<Fit>>,
    roofline: OnceCell<Roofline>,
    energy: RefCell<Vec<((usize, bool), Energy)>>,
}

impl Timed {
    /// Whether it fits the machine's device.
    #[must_use]
    pub fn fit(&self) -> Option<&Fit> {
        let fit = || accel::fit(&self.program, &self.timing.machine, self.formats).ok();
        self.weighed.fit.get_or_init(fit).as_ref()
    }

    /// Its operations under the machine's roof.
    #[must_use]
    pub fn roofline(&self) -> &Roofline {
        let roofline = || accel::roofline(&self.timing, &self.program, self.formats);
        self.weighed.roofline.get_or_init(roofline)
    }

    /// Its energy by the chosen table.
    #[must_use]
    pub fn energy(&self, costs: &Costs) -> Energy {
        let key = (costs.table, costs.fpga);
        let mut known = self.weighed.energy.borrow_mut();
        if let Some((_, energy)) = known.iter().find(|(of, _)| *of == key) {
            return *energy;
        }
        let table = costs.table();
        let energy = accel::energy(&self.timing, &self.program, self.formats, table, costs.fpga);
        known.push((key, energy));
        energy
    }

    /// Against the embedded processor, under the visitor's assumptions.
    ///
    /// # Errors
    /// If an assumption is not accepted.
    pub fn against(&self, costs: &Costs) -> Result<Comparison, String> {
        accel::compare(
            &self.timing,
            accel::compare::RASPBERRY_PI_3B,
            costs.efficiency,
            costs.board_watts,
        )
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.timing, &other.timing)
    }
}

/// What a run and a machine have in common whatever the ranks.
#[derive(Clone, Debug, PartialEq)]
struct Base {
    shapes: Vec<TtShape>,
    classes: usize,
    batch: usize,
    setup: Setup,
    schedule: Schedule,
    formats: FixedFormats,
}

/// Timings of one run on one machine, by ranks.
#[derive(Clone, Debug, Default)]
struct Timer {
    base: Option<Base>,
    kept: Vec<(Ranks, Timed)>,
}

/// What the last deaths saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Cycles of a step with the ranks the run began with.
    pub first: u64,
    /// Cycles of a step before the last change.
    pub before: u64,
    /// Cycles of a step now.
    pub now: u64,
    /// The step (from 1) in which an index died last; none if none did.
    pub step: Option<u64>,
}

/// Steps in a row as a timeline.
#[derive(Clone, Debug)]
pub struct Steps {
    /// The timeline.
    pub timeline: Rc<Timeline>,
    /// What it shows, in words.
    pub title: String,
}

impl PartialEq for Steps {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.timeline, &other.timeline) && self.title == other.title
    }
}

/// The run on display on the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// A step with the present ranks.
    pub now: Timed,
    /// The same on the machine kept as B.
    pub other: Option<Timed>,
    /// What the deaths saved.
    pub saving: Saving,
}

/// Times runs on machines and keeps what it timed.
#[derive(Debug, Default)]
pub struct Bench {
    own: Timer,
    other: Timer,
    /// The last timeline, with what it is of.
    steps: Option<((Base, Course, Scope, u64), Steps)>,
}

/// The formats that a run's numbers have on the machine, which computes in fixed point: those of the
/// run, or words as wide as its floating-point ones.
#[must_use]
pub fn formats(config: &RunConfig, bits: Option<[u8; 3]>) -> FixedFormats {
    let [core, activation, gradient] = match (bits, config.precision) {
        (Some(bits), _) => bits,
        (None, Precision::Fixed) => return config.fixed_formats(),
        (None, Precision::Bf16 | Precision::F16) => [16; 3],
        (None, Precision::Float) => [32; 3],
    };
    FixedFormats {
        core,
        activation,
        gradient,
        rounding: config.rounding,
    }
}

impl Base {
    fn new(view: &View, snapshot: &Snapshot, setup: &Setup) -> Option<Self> {
        let layers = snapshot.layers.iter().map(|layer| {
            let ranks: Vec<usize> = layer.bonds.iter().map(|bond| bond.initial_rank).collect();
            TtShape::new(layer.in_modes.clone(), layer.out_modes.clone(), ranks)
        });
        let shapes: Vec<TtShape> = layers.collect::<Result<_, _>>().ok()?;
        let outputs = shapes.last()?.outputs();
        Some(Self {
            classes: view.classes.len().clamp(1, outputs.min(256)),
            shapes,
            batch: view.config.batch,
            setup: setup.clone(),
            schedule: setup.schedule.unwrap_or(view.config.schedule),
            formats: formats(&view.config, setup.bits),
        })
    }

    fn time(&self, ranks: &Ranks) -> Option<Timed> {
        let layers = self.shapes.iter().zip(ranks);
        let layers: Vec<TtShape> = layers
            .map(|(shape, ranks)| shape.with_ranks(ranks.clone()))
            .collect::<Result<_, _>>()
            .ok()?;
        let network = NetworkShape {
            exponents: vec![0; layers.len()],
            layers,
            classes: self.classes,
        };
        let program = compile(&network, self.schedule, self.batch);
        let timing = accel::time(&program, &self.setup.machine, self.formats).ok()?;
        Some(Timed {
            program: Rc::new(program),
            timing: Rc::new(timing),
            formats: self.formats,
            schedule: self.schedule,
            weighed: Rc::default(),
        })
    }
}

impl Timer {
    fn stand_on(&mut self, base: Base) {
        if self.base.as_ref() != Some(&base) {
            self.kept.clear();
            self.base = Some(base);
        }
    }

    fn time(&mut self, ranks: &Ranks) -> Option<Timed> {
        if let Some((_, timed)) = self.kept.iter().rfind(|(of, _)| of == ranks) {
            return Some(timed.clone());
        }
        let timed = self.base.as_ref()?.time(ranks)?;
        if self.kept.len() == MOST_KEPT {
            self.kept.remove(0);
        }
        self.kept.push((ranks.clone(), timed.clone()));
        Some(timed)
    }
}

/// The course of the run on display.
fn course(view: &View, snapshot: &Snapshot) -> Course {
    Course::new(
        &view.history.curves().steps,
        ranks(snapshot),
        view.snapshot_step,
    )
}

impl Bench {
    /// The run on display on the machine; nothing before there is a network.
    pub fn report(&mut self, view: &View, accel: &Accel) -> Option<Report> {
        let snapshot = view.snapshot.as_deref()?;
        let course = course(view, snapshot);
        self.own.stand_on(Base::new(view, snapshot, &accel.sound)?);
        let now = self.own.time(course.present())?;
        let other = accel.other.as_ref().and_then(|setup| {
            self.other.stand_on(Base::new(view, snapshot, setup)?);
            self.other.time(course.present())
        });
        let mut cycles = |ranks: &Ranks| self.own.time(ranks).map(|timed| timed.timing.cycles());
        let changes = &course.changes;
        let last = changes.len() - 1;
        let saving = Saving {
            first: cycles(&changes[0].1)?,
            before: cycles(&changes[last.saturating_sub(1)].1)?,
            now: now.timing.cycles(),
            step: (last > 0).then(|| changes[last].0),
        };
        Some(Report { now, other, saving })
    }

    /// Some of the run's steps as a timeline; nothing before there is a network.
    pub fn steps(&mut self, view: &View, accel: &Accel) -> Option<Steps> {
        let snapshot = view.snapshot.as_deref()?;
        let course = course(view, snapshot);
        let base = Base::new(view, snapshot, &accel.sound)?;
        self.own.stand_on(base.clone());
        let per_epoch = view.steps_per_epoch.max(1);
        let epoch = view.position.step.saturating_sub(1) / per_epoch;
        let (range, title) = match accel.scope {
            Scope::Step => (
                view.position.step..view.position.step + 1,
                "One step".to_string(),
            ),
            Scope::Epoch => (
                epoch * per_epoch..(epoch + 1) * per_epoch,
                format!("Epoch {}, {per_epoch} steps", epoch + 1),
            ),
            Scope::Run => (
                0..view.total_steps().max(per_epoch),
                format!("Whole run, {} steps", view.total_steps()),
            ),
        };
        let first = if accel.scope == Scope::Step {
            0
        } else {
            range.start
        };
        let key = (base, course, accel.scope, first);
        if let Some((of, steps)) = &self.steps
            && *of == key
        {
            return Some(steps.clone());
        }
        let mut timeline = Timeline::default();
        for (ranks, steps) in key.1.within(range) {
            timeline.push(&self.own.time(ranks)?.timing, steps);
        }
        let steps = Steps {
            timeline: Rc::new(timeline),
            title,
        };
        self.steps = Some((key, steps.clone()));
        Some(steps)
    }
}
