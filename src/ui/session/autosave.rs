//! The run on display, kept in this browser at each of its checkpoints, so that it outlives a reload.
//!
//! Of several pages of one browser only the first keeps its run: it holds the lock `railyard-run`. A page
//! that takes over the lock later keeps its own run from then on.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Blob;

use super::{Goal, Kept, Session, Start};
use crate::train::config::RunConfig;
use crate::train::metrics::{EpochMetrics, StepMetrics};
use crate::ui::datasets::{self, Files};
use crate::ui::draft::Draft;
use crate::ui::format;
use crate::ui::model::{Curves, History, Origin, Phase, View};
use crate::ui::store::{self, StoreError};
use crate::worker::message::{RunId, Source, decode, encode};

const KEY: &str = "present run";
const LOCK: &str = "railyard-run";
/// A page that was just left may hold the lock for so long.
const LEFT_MILLISECONDS: f64 = 3000.0;
/// Steps whose losses are kept; of more, every so many-th.
const MOST_STEPS: usize = 4_000;
/// Bytes of the visitor's own data that are kept with a run.
const MOST_DATA: f64 = 64e6;

/// What is kept beside checkpoint and data.
#[derive(Serialize, Deserialize)]
pub(in crate::ui) struct Record {
    /// Whether it was training.
    moving: bool,
    step: u64,
    pub(in crate::ui) steps: Vec<StepMetrics>,
    pub(in crate::ui) epochs: Vec<EpochMetrics>,
    /// How the visitor's own files hold the data, if they are the visitor's.
    source: Option<Source>,
    /// What the visitor calls the classes.
    classes: Vec<String>,
}

/// Whether this page keeps its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Another page does, or the browser cannot tell.
    #[default]
    No,
    /// It does.
    Yes,
    /// It does, but the last time failed, which was said.
    Failing,
}

/// Asks for the lock. `act` is called with whether it was given; once given it is held to the page's end.
fn lock(only_if_free: bool, act: impl FnOnce(bool) + 'static) -> Option<()> {
    let navigator = gloo::utils::window().navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &only_if_free.into()).ok()?;
    let given = Closure::once_into_js(move |lock: JsValue| {
        let given = !lock.is_null();
        act(given);
        // Held until the page is gone: the promise never resolves.
        if given {
            JsValue::from(Promise::new(&mut |_, _| {}))
        } else {
            JsValue::UNDEFINED
        }
    });
    let asked = request.call3(&locks, &LOCK.into(), &options, &given).ok()?;
    spawn_local(async move { drop(JsFuture::from(Promise::from(asked)).await) });
    Some(())
}

/// Takes the lock if nobody has it; whether it was taken.
async fn free() -> bool {
    let asked = Promise::new(&mut |resolve, _| {
        let answer = resolve.clone();
        let told = lock(true, move |given| {
            let _ = answer.call1(&JsValue::NULL, &given.into());
        });
        if told.is_none() {
            let _ = resolve.call1(&JsValue::NULL, &JsValue::FALSE);
        }
    });
    JsFuture::from(asked)
        .await
        .is_ok_and(|given| given.is_truthy())
}

impl Session {
    /// Takes the lock if it is free; whether this page keeps its run. Where another page has it, this one takes it
    /// over later, and takes up the run if that was a page just left.
    pub(super) async fn claim(&self) -> bool {
        let given = free().await;
        if given {
            self.0.keeping.set(Keeping::Yes);
        } else {
            let (session, began) = (self.clone(), js_sys::Date::now());
            lock(false, move |_| {
                session.0.keeping.set(Keeping::Yes);
                let untouched = session.phase() == Phase::Example
                    && js_sys::Date::now() - began < LEFT_MILLISECONDS;
                if untouched {
                    spawn_local(async move {
                        session.take_kept_run().await;
                    });
                }
            });
        }
        given
    }

    /// Keeps the run at its last checkpoint.
    pub(super) fn keep_run(&self) {
        if self.0.keeping.get() == Keeping::No {
            return;
        }
        if self.0.writing.replace(true) {
            self.0.write_again.set(true);
            return;
        }
        let kept = self.0.kept.borrow().clone();
        let Some(value) = kept.and_then(|kept| self.kept_value(kept.step, &kept.bytes)) else {
            self.0.writing.set(false);
            return;
        };
        let session = self.clone();
        spawn_local(async move {
            let result = store::put(&[(KEY, &value)]).await;
            session.0.writing.set(false);
            let again = session.0.write_again.take();
            if session.0.forgetting.take() {
                store::delete(&[KEY]).await;
                return;
            }
            session.told_keeping(result);
            if again {
                session.keep_run();
            }
        });
    }

    fn told_keeping(&self, result: Result<(), StoreError>) {
        let before = self.0.keeping.get();
        let now = if result.is_ok() {
            Keeping::Yes
        } else {
            Keeping::Failing
        };
        self.0.keeping.set(now);
        if now == Keeping::Failing && before != now {
            self.tell(true, match result {
                Err(StoreError::Full) => "This browser has no room left to keep the run against a reload. The run goes on unharmed; press Save to have its file, or free some storage.",
                _ => "This browser keeps nothing (a private window?), so the run would be lost with this page. The run goes on; press Save to have its file.",
            });
        }
    }

    /// The run on display as it is written, with a checkpoint of it at this step.
    pub(in crate::ui) fn kept_value(&self, step: u64, bytes: &Uint8Array) -> Option<JsValue> {
        let model = self.0.model.borrow();
        if model.view.origin != Origin::Live {
            return None;
        }
        let curves = model.view.history.curves();
        let thin = curves.steps.len().div_ceil(MOST_STEPS).max(1);
        let own = self.0.run_files.borrow().clone();
        let own = own.filter(|files| files.name == datasets::OWN);
        let own = own.filter(|files| files.blobs.iter().map(Blob::size).sum::<f64>() <= MOST_DATA);
        let record = Record {
            moving: model.phase == Phase::Running,
            step,
            steps: curves.steps.iter().step_by(thin).cloned().collect(),
            epochs: curves.epochs.clone(),
            source: own.as_ref().map(|files| files.source.clone()),
            classes: own.as_ref().map_or(vec![], |files| files.classes.clone()),
        };
        let blobs: Array = own.iter().flat_map(|files| &files.blobs).collect();
        record.with(bytes, &blobs)
    }

    /// Forgets the run that is kept, since another takes its place.
    pub(super) fn forget_run(&self) {
        if self.0.keeping.get() == Keeping::No {
            return;
        }
        // What is being written is forgotten when it is there.
        self.0.forgetting.set(self.0.writing.get());
        if !self.0.writing.get() {
            spawn_local(async { store::delete(&[KEY]).await });
        }
    }

    /// Takes up the run that is kept, unless the address asks for another; whether there was one.
    pub(super) async fn take_kept_run(&self) -> bool {
        self.read_kept().await.is_some()
    }

    async fn read_kept(&self) -> Option<()> {
        let run = KeptRun::read(&store::get(KEY).await?)?;
        let asked = self.0.model.borrow().draft.config.clone();
        if asked != RunConfig::default() && asked != run.config {
            return None;
        }
        self.show_kept(run, true);
        Some(())
    }

    /// Shows a run that was kept; `going` says that it goes on if it was training.
    pub(in crate::ui) fn show_kept(&self, run: KeptRun, going: bool) {
        let KeptRun {
            record,
            config,
            bytes,
            blobs,
        } = run;
        self.abandon();
        // What the worker still says of the run before is not of this one.
        self.0.model.borrow_mut().run = RunId(self.number());
        if let Some(source) = record.source {
            let blobs = blobs
                .iter()
                .filter_map(|blob| blob.dyn_into().ok())
                .collect();
            let files = Files {
                name: datasets::OWN.into(),
                source,
                blobs,
                classes: record.classes,
            };
            self.0.files.replace(Some(files.into()));
            // Others of the visitor's may be there under the same name.
            self.0.in_worker.take();
        }
        let mut history = History::default();
        let (steps, epochs) = (record.steps, record.epochs);
        history.change(|curves| *curves = Curves { steps, epochs });
        let data = config.data.clone();
        self.change(|m| {
            m.draft = Draft::new(config.clone());
            m.view = View {
                origin: Origin::Live,
                history,
                ..View::nothing(&config)
            };
            m.phase = Phase::Stopped;
            m.tell(
                false,
                format!(
                    "The run was taken up again at step {}.",
                    format::count(record.step)
                ),
            );
        });
        self.0.kept.replace(Some(Kept {
            step: record.step,
            bytes: bytes.clone(),
        }));
        let goal = if going && record.moving {
            Goal::Train
        } else {
            Goal::Show
        };
        self.begin(goal, Start::Checkpoint { data, bytes });
    }
}

impl Record {
    /// As it is written, with the run's checkpoint and the visitor's own data.
    fn with(&self, bytes: &Uint8Array, blobs: &Array) -> Option<JsValue> {
        let record = Uint8Array::from(encode(self).ok()?.as_slice());
        Some(Array::of3(&record, bytes, blobs).into())
    }
}

/// A run as it was written, read again.
pub(in crate::ui) struct KeptRun {
    pub(in crate::ui) record: Record,
    pub(in crate::ui) config: RunConfig,
    pub(in crate::ui) bytes: Uint8Array,
    /// The visitor's own data, if it was made on them.
    blobs: Array,
}

impl KeptRun {
    pub(in crate::ui) fn read(value: &JsValue) -> Option<Self> {
        let parts: &Array = value.dyn_ref()?;
        let record: Uint8Array = parts.get(0).dyn_into().ok()?;
        let bytes: Uint8Array = parts.get(1).dyn_into().ok()?;
        Some(Self {
            record: decode(&record.to_vec()).ok()?,
            config: datasets::checkpoint_config(&bytes.to_vec())?,
            bytes,
            blobs: parts.get(2).dyn_into().ok()?,
        })
    }

    /// Whether the visitor's own data are with it.
    pub(in crate::ui) fn has_data(value: &JsValue) -> bool {
        let parts: Option<&Array> = value.dyn_ref();
        parts.is_some_and(|parts| Array::from(&parts.get(2)).length() > 0)
    }

    /// Bytes it takes.
    pub(in crate::ui) fn size(value: &JsValue) -> f64 {
        let Some(parts) = value.dyn_ref::<Array>() else {
            return 0.0;
        };
        let bytes = |part: u32| parts.get(part).dyn_into::<Uint8Array>();
        let plain = [0, 1].map(|part| bytes(part).map_or(0.0, |part| f64::from(part.length())));
        let blobs = Array::from(&parts.get(2));
        let blobs = blobs.iter().filter_map(|blob| blob.dyn_into::<Blob>().ok());
        plain.iter().sum::<f64>() + blobs.map(|blob| blob.size()).sum::<f64>()
    }

    /// A run that was kept elsewhere, with a checkpoint of it: it stands.
    pub(in crate::ui) fn value(
        steps: Vec<StepMetrics>,
        epochs: Vec<EpochMetrics>,
        step: u64,
        bytes: &Uint8Array,
    ) -> Option<JsValue> {
        let record = Record {
            moving: false,
            step,
            steps,
            epochs,
            source: None,
            classes: vec![],
        };
        record.with(bytes, &Array::new())
    }
}
