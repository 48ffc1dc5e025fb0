//! `window.railyard`: what tests and benchmarks hold on to.
//!
//! | member | gives |
//! | --- | --- |
//! | `state()` | phase, step, epoch, checksum while standing still, speed, notice, as JSON text |
//! | `accelerator()` | cycles, fit, machine and so on of the run on display on the machine, as JSON text |
//! | `board()` | the connection, the view of the worker, the port, frames and the last comparison, as JSON text |
//! | `isIdle()` | whether nothing is under way |
//! | `idle()` | a promise that resolves once nothing is |
//! | `bench(ms, configs, repeats)` | a promise of samples per second and multiply-accumulates, as JSON text: of each configuration (objects as `{preset: 'paper', precision: 'float', batch: 64}`), or of preset `paper` in floating and in fixed point |
//! | `benchWorkers(ms)` | a promise of samples per second, checksum and steps of preset `paper` in fixed point with one worker and with two, as JSON text |
//! | `benchAccelerator(ms)` | simulated cycles per second of the event engine, as JSON text |
//! | `benchKernels(ms)` | multiply-accumulates a second of the largest product of preset `paper` and of a loop of nothing else, as JSON text; the page stands still meanwhile |
//! | `crashWorker()` | lets the worker trap |
//! | `crashFollower()` | lets a worker that helps with training trap |
//! | `timeline()` | what the timeline shows, as JSON text; `null` while there is none |
//! | `frames(true)`, `frames(false)` | starts recording frame times; stops and returns them in milliseconds |
//!
//! `?testing=1` in the address pins what moves: the example is shown finished.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use super::accel::{event_speeds, utilisation};
use super::board_state::PortState;
use super::frames::next_frame;
use super::model::Phase;
use super::session::Session;
use crate::accel::{Fit, Machine};
use crate::json;
use crate::kernels::kernel_speeds;
use crate::link::run::Comparison;
use crate::program::Schedule;
use crate::worker::message::board::{BoardView, Connection};

thread_local! {
    static TIMELINE: RefCell<Option<Rc<dyn Fn() -> String>>> = const { RefCell::new(None) };
}

/// Say what `timeline()` gives from now on.
pub fn show_timeline(tell: Option<Rc<dyn Fn() -> String>>) {
    TIMELINE.set(tell);
}

/// Whether the address asks for a page that holds still.
pub fn testing() -> bool {
    let search = gloo::utils::window()
        .location()
        .search()
        .unwrap_or_default();
    search
        .trim_start_matches('?')
        .split('&')
        .any(|part| part == "testing=1")
}

/// Put `window.railyard` in place.
pub fn install(session: &Session) {
    let hooks = Object::new();
    let add = |name: &str, function: JsValue| {
        let _ = Reflect::set(&hooks, &name.into(), &function);
    };
    let held = session.clone();
    add(
        "state",
        Closure::<dyn Fn() -> String>::new(move || state(&held)).into_js_value(),
    );
    let held = session.clone();
    add(
        "accelerator",
        Closure::<dyn Fn() -> String>::new(move || accelerator(&held)).into_js_value(),
    );
    let held = session.clone();
    add(
        "board",
        Closure::<dyn Fn() -> String>::new(move || board(&held)).into_js_value(),
    );
    let held = session.clone();
    add(
        "isIdle",
        Closure::<dyn Fn() -> bool>::new(move || held.idle()).into_js_value(),
    );
    let held = session.clone();
    add(
        "idle",
        Closure::<dyn Fn() -> js_sys::Promise>::new(move || idle(&held)).into_js_value(),
    );
    let held = session.clone();
    add(
        "crashWorker",
        Closure::<dyn Fn()>::new(move || held.crash_worker()).into_js_value(),
    );
    let held = session.clone();
    add(
        "crashFollower",
        Closure::<dyn Fn()>::new(move || held.crash_follower()).into_js_value(),
    );
    let held = session.clone();
    let workers =
        Closure::<dyn Fn(Option<u32>) -> js_sys::Promise>::new(move |milliseconds: Option<u32>| {
            bench_workers(&held, milliseconds.unwrap_or(2000))
        });
    add("benchWorkers", workers.into_js_value());
    let held = session.clone();
    let bench = Closure::<dyn Fn(Option<u32>, JsValue, Option<u32>) -> js_sys::Promise>::new(
        move |milliseconds: Option<u32>, configs: JsValue, repeats: Option<u32>| {
            let configs = texts(&configs);
            bench(
                &held,
                milliseconds.unwrap_or(2000),
                repeats.unwrap_or(5),
                configs,
            )
        },
    );
    add("bench", bench.into_js_value());
    let bench = Closure::<dyn Fn(Option<f64>) -> String>::new(|milliseconds: Option<f64>| {
        let speeds = event_speeds(milliseconds.unwrap_or(500.0), js_sys::Date::now);
        json::write(&speeds)
    });
    add("benchAccelerator", bench.into_js_value());
    let bench = Closure::<dyn Fn(Option<f64>) -> String>::new(|milliseconds: Option<f64>| {
        json::write(&kernel_speeds(
            milliseconds.unwrap_or(1000.0),
            js_sys::Date::now,
        ))
    });
    add("benchKernels", bench.into_js_value());
    let timeline = Closure::<dyn Fn() -> String>::new(|| {
        let tell = TIMELINE.with_borrow(Clone::clone);
        tell.map_or("null".into(), |tell| tell())
    });
    add("timeline", timeline.into_js_value());
    let recorder = Recorder::default();
    let frames = Closure::<dyn Fn(bool) -> JsValue>::new(move |on: bool| recorder.switch(on));
    add("frames", frames.into_js_value());
    let _ = Reflect::set(&gloo::utils::window(), &"railyard".into(), &hooks);
}

#[derive(Serialize)]
struct State {
    phase: String,
    running: bool,
    origin: String,
    step: u64,
    epoch: u32,
    checksum: Option<String>,
    samples_per_second: f64,
    /// Workers that train, and the memory of all but the first in KiB.
    workers: usize,
    follower_heap: u32,
    test_accuracy: Option<f32>,
    ranks: Vec<Vec<usize>>,
    notice: Option<String>,
}

fn state(session: &Session) -> String {
    let model = session.model();
    let view = &model.view;
    let ranks = view.snapshot.as_ref().map_or(vec![], |snapshot| {
        let ranks = |l: &crate::train::metrics::LayerSnapshot| {
            l.bonds.iter().map(|b| b.alive.len()).collect()
        };
        snapshot.layers.iter().map(ranks).collect()
    });
    let state = State {
        phase: format!("{:?}", model.phase).to_ascii_lowercase(),
        running: model.phase == Phase::Running,
        origin: format!("{:?}", view.origin).to_ascii_lowercase(),
        step: view.position.step,
        epoch: view.position.epoch,
        checksum: view.position.checksum.clone(),
        samples_per_second: model.samples_per_second,
        workers: model.workers.count,
        follower_heap: model.workers.heap,
        test_accuracy: view.last_epoch().map(|e| e.test_accuracy),
        ranks,
        notice: model.notice.map(|n| n.text),
    };
    json::write(&state)
}

#[derive(Serialize)]
struct Board<'a> {
    /// `off`, `opening`, `open` or `lost`.
    connection: &'static str,
    /// What the page says of the port.
    port: String,
    known_port: bool,
    view: &'a BoardView,
    /// Frames in the list.
    frames: usize,
    skipped: u64,
    verifying: bool,
    comparison: Option<&'a Comparison>,
}

/// What is connected and how it stands.
fn board(session: &Session) -> String {
    let board = session.model().board;
    let told = Board {
        connection: match board.view.connection {
            Connection::Off => "off",
            Connection::Opening => "opening",
            Connection::Open => "open",
            Connection::Lost { .. } => "lost",
        },
        port: match &board.port {
            PortState::Gone(message) => message.clone(),
            port => format!("{port:?}").to_ascii_lowercase(),
        },
        known_port: board.known_port,
        view: &board.view,
        frames: board.frames.list().len(),
        skipped: board.frames.skipped(),
        verifying: board.verifying,
        comparison: board.comparison.as_deref(),
    };
    json::write(&told)
}

#[derive(Serialize)]
struct Accelerator<'a> {
    cycles_per_sample: u64,
    step_cycles: u64,
    first_step_cycles: u64,
    fits: bool,
    machine: &'a Machine,
    schedule: Schedule,
    utilisation: f32,
    b_step_cycles: Option<u64>,
}

/// The run on the machine, or `null`.
fn accelerator(session: &Session) -> String {
    let report = session.accelerator();
    let report = report.as_ref().map(|report| Accelerator {
        cycles_per_sample: report.now.timing.sample_cycles(),
        step_cycles: report.now.timing.cycles(),
        first_step_cycles: report.saving.first,
        fits: report.now.fit().is_some_and(Fit::fits),
        machine: &report.now.timing.machine,
        schedule: report.now.schedule,
        utilisation: utilisation(&report.now),
        b_step_cycles: report.other.as_ref().map(|b| b.timing.cycles()),
    });
    json::write(&report)
}

fn idle(session: &Session) -> js_sys::Promise {
    let session = session.clone();
    future_to_promise(async move {
        while !session.idle() {
            moment().await;
        }
        Ok(JsValue::TRUE)
    })
}

/// A moment's wait.
async fn moment() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = gloo::utils::window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, 20);
    });
    // A promise that only ever resolves.
    let _ = JsFuture::from(promise).await;
}

/// The elements of a JavaScript array as JSON texts; none if it is no array.
fn texts(list: &JsValue) -> Vec<String> {
    let text =
        |element| js_sys::JSON::stringify(&element).map_or_else(|_| String::new(), String::from);
    list.dyn_ref::<Array>()
        .map_or(vec![], |list| list.iter().map(text).collect())
}

fn bench(
    session: &Session,
    milliseconds: u32,
    repeats: u32,
    configs: Vec<String>,
) -> js_sys::Promise {
    let session = session.clone();
    future_to_promise(async move {
        session.bench(milliseconds, repeats, configs);
        loop {
            moment().await;
            let Some(speeds) = session.model().speeds else {
                continue;
            };
            return Ok(json::write(&speeds?).into());
        }
    })
}

fn bench_workers(session: &Session, milliseconds: u32) -> js_sys::Promise {
    let session = session.clone();
    future_to_promise(async move {
        if !session.has_data() {
            session.reset();
            while !session.has_data() && session.model().phase != Phase::Failed {
                moment().await;
            }
        }
        session.bench_workers(milliseconds);
        loop {
            moment().await;
            if let Some(speeds) = session.model().workers.speeds {
                return Ok(json::write(&speeds).into());
            }
        }
    })
}

/// Records the time between animation frames.
#[derive(Clone, Default)]
struct Recorder {
    /// Counts starts and stops, so that a stopped recording does not go on with the next.
    run: Rc<Cell<u32>>,
    times: Rc<RefCell<Vec<f64>>>,
}

impl Recorder {
    fn switch(&self, on: bool) -> JsValue {
        self.run.set(self.run.get().wrapping_add(1));
        let times = self.times.take();
        if on {
            self.next(self.run.get());
            return JsValue::UNDEFINED;
        }
        times
            .windows(2)
            .map(|pair| JsValue::from_f64(pair[1] - pair[0]))
            .collect::<Array>()
            .into()
    }

    fn next(&self, run: u32) {
        let recorder = self.clone();
        next_frame(move |now| {
            if recorder.run.get() == run {
                recorder.times.borrow_mut().push(now);
                recorder.next(run);
            }
        });
    }
}
