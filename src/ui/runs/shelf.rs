//! Where kept runs are: a line of the list and the whole run, each under a key of its own.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use super::kept::Kept;
use crate::train::Trainer;
use crate::train::carried::Carried;
use crate::train::config::RunConfig;
use crate::train::metrics::{EpochMetrics, StepMetrics};
use crate::ui::model::Origin;
use crate::ui::session::{KeptRun, Session};
use crate::ui::store::{self, StoreError};
use crate::ui::{datasets, export, fetch, format};
use crate::worker::message::{decode, encode};

/// Steps that a file carries; of more, every so many-th.
const CARRIED_STEPS: usize = 1_000;
/// A checkpoint that takes longer than this does not come.
const CHECKPOINT_MILLISECONDS: u32 = 10_000;

const UNREADABLE: &str = "This run cannot be read from the browser's storage; delete it.";

fn line_key(key: &str) -> String {
    format!("line:{key}")
}

fn run_key(key: &str) -> String {
    format!("run:{key}")
}

/// A whole run with its line, as it lies in the storage.
pub type Lying = (Kept, JsValue);

/// The list, the newest first.
pub async fn list() -> Vec<Kept> {
    let lines = store::all("line:").await;
    let mut list: Vec<Kept> = lines
        .into_iter()
        .filter_map(|line| decode(&line.dyn_into::<Uint8Array>().ok()?.to_vec()).ok())
        .collect();
    list.reverse();
    list
}

/// Puts a run with its line into the storage.
pub async fn put((kept, whole): &Lying) -> Result<(), String> {
    let line = encode(kept).map_err(|_| "The run could not be written.".to_string())?;
    let line = Uint8Array::from(line.as_slice());
    let (line_key, run_key) = (line_key(&kept.key), run_key(&kept.key));
    let entries = [(line_key.as_str(), line.as_ref()), (&run_key, whole)];
    store::put(&entries).await.map_err(|error| match error {
        StoreError::Full => format!(
            "This browser has no room left for this run of {}. Delete others or free some storage; Save has the run as a file.",
            format::bytes(kept.bytes as u64)
        ),
        StoreError::Closed => {
            "This browser keeps nothing (a private window?). Save has the run as a file.".into()
        }
    })
}

/// Another name for a run.
pub async fn rename(kept: &Kept, name: &str) -> Result<Kept, String> {
    let whole = whole(kept).await?;
    let name = Kept::sound_name(name, &kept.config);
    let lying = (
        Kept {
            name,
            ..kept.clone()
        },
        whole,
    );
    put(&lying).await?;
    Ok(lying.0)
}

async fn whole(kept: &Kept) -> Result<JsValue, String> {
    let value = store::get(&run_key(&kept.key)).await;
    value
        .filter(|value| !value.is_undefined())
        .ok_or_else(|| UNREADABLE.into())
}

/// Takes runs out of the storage; what can be put back.
pub async fn remove(list: &[Kept]) -> Vec<Lying> {
    let mut gone = vec![];
    for kept in list {
        if let Ok(whole) = whole(kept).await {
            gone.push((kept.clone(), whole));
        }
        store::delete(&[&line_key(&kept.key), &run_key(&kept.key)]).await;
    }
    gone
}

/// A checkpoint of the run on display; none if it does not come.
async fn checkpoint(session: &Session) -> Option<Uint8Array> {
    let session = session.clone();
    let promise = Promise::new(&mut |resolve, reject| {
        session.checkpoint_now(Box::new(move |bytes| {
            let _ = resolve.call1(&JsValue::NULL, &bytes);
        }));
        gloo::timers::callback::Timeout::new(CHECKPOINT_MILLISECONDS, move || {
            let _ = reject.call0(&JsValue::NULL);
        })
        .forget();
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// What became of keeping a run: its line.
pub enum Keeping {
    /// It is kept now.
    Kept(Kept),
    /// It was kept before, at this very step.
    Already(Kept),
}

/// Keeps the run on display.
pub async fn keep(session: &Session, name: &str) -> Result<Keeping, String> {
    let bytes = checkpoint(session)
        .await
        .ok_or("There is no checkpoint of this run to keep; train it first.")?;
    let step = Trainer::peek_step(&bytes.to_vec()).map_err(|error| error.to_string())?;
    let model = session.model();
    let config = (*model.view.config).clone();
    if let Some(same) = find(&config, step).await {
        return Ok(Keeping::Already(same));
    }
    let whole = session
        .kept_value(step, &bytes)
        .ok_or("There is no run to keep; train one first.")?;
    let mut epochs = model.view.history.curves().epochs.clone();
    epochs.retain(|epoch| epoch.step <= step);
    let own = (config.data == datasets::OWN).then(|| KeptRun::has_data(&whole));
    let kept = line(
        Kept::sound_name(name, &config),
        config,
        step,
        epochs,
        (&whole, own),
    );
    let lying = (kept, whole);
    put(&lying).await?;
    Ok(Keeping::Kept(lying.0))
}

fn line(
    name: String,
    config: RunConfig,
    step: u64,
    mut epochs: Vec<EpochMetrics>,
    (whole, own): (&JsValue, Option<bool>),
) -> Kept {
    for epoch in &mut epochs {
        epoch.confusion.clear();
    }
    let when = js_sys::Date::now();
    Kept {
        key: Kept::key(when),
        name,
        when,
        step,
        config,
        epochs,
        bytes: KeptRun::size(whole),
        own,
    }
}

/// The kept run of this configuration at this step.
async fn find(config: &RunConfig, step: u64) -> Option<Kept> {
    let list = list().await;
    list.into_iter()
        .find(|kept| kept.step == step && kept.config == *config)
}

/// Opens a kept run in the place of the one on display, which is kept first if it was trained and is not yet; what
/// is to be said of that.
pub async fn open(session: &Session, kept: &Kept) -> Result<String, String> {
    let run = KeptRun::read(&whole(kept).await?).ok_or(UNREADABLE)?;
    let model = session.model();
    let mut said = format!("“{}” is open.", kept.name);
    if model.view.origin == Origin::Live && model.view.position.step > 0 && session.has_checkpoint()
    {
        session.pause();
        let name = format!(
            "{}, step {}",
            super::kept::title(&model.view.config),
            format::count(model.view.position.step)
        );
        match keep(session, &name).await {
            Ok(Keeping::Kept(before)) => {
                said = format!("{said} The run that was here is kept as “{}”.", before.name);
            }
            Ok(Keeping::Already(_)) => {}
            Err(why) => {
                return Err(format!(
                    "The run on display would be lost, so it stays. {why}"
                ));
            }
        }
    }
    session.show_kept(run, false);
    Ok(said)
}

/// Offers a run as one file.
pub async fn export(kept: &Kept) -> Result<(), String> {
    let run = KeptRun::read(&whole(kept).await?).ok_or(UNREADABLE)?;
    let steps = &run.record.steps;
    let thin = steps.len().div_ceil(CARRIED_STEPS).max(1);
    let carried = Carried {
        name: kept.name.clone(),
        when: kept.when,
        steps: steps.iter().step_by(thin).cloned().collect(),
        epochs: run.record.epochs.clone(),
    };
    let file = carried
        .put_on(&run.bytes.to_vec())
        .map_err(|error| error.to_string())?;
    let plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let name: String = kept
        .name
        .chars()
        .map(|letter| if plain(letter) { letter } else { '-' })
        .collect();
    let parts = Array::of1(&Uint8Array::from(file.as_slice()));
    export::offer(
        &format!("railyard-{name}.safetensors"),
        "application/octet-stream",
        &parts,
    )
    .ok_or("The browser did not take the run for download.")?;
    Ok(())
}

/// Takes a file in: what Export wrote, or any checkpoint.
pub async fn import(file: &Blob, file_name: &str) -> Result<Kept, String> {
    let bytes = fetch::bytes(file)
        .await
        .map_err(|_| datasets::UNREADABLE.to_string())?;
    let plain = bytes.to_vec();
    let config = datasets::checkpoint_config(&plain).ok_or(datasets::NO_CHECKPOINT)?;
    let step = Trainer::peek_step(&plain).map_err(|error| error.to_string())?;
    let (name, steps, epochs) = match Carried::of(&plain) {
        Some(carried) => (carried.name, carried.steps, carried.epochs),
        None => (
            file_name.trim_end_matches(".safetensors").into(),
            Vec::<StepMetrics>::new(),
            Vec::<EpochMetrics>::new(),
        ),
    };
    let whole = KeptRun::value(steps, epochs.clone(), step, &bytes)
        .ok_or("The run could not be written.")?;
    let name = Kept::sound_name(&name, &config);
    let own = (config.data == datasets::OWN).then_some(false);
    let lying = (line(name, config, step, epochs, (&whole, own)), whole);
    put(&lying).await?;
    Ok(lying.0)
}

/// How much the browser holds for the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storage {
    /// Bytes in use.
    pub used: f64,
    /// Bytes that may be.
    pub most: f64,
    /// Whether the browser promised not to clear them by itself.
    pub lasting: bool,
}

/// Calls a function of the browser's storage manager.
async fn manager(name: &str) -> Option<JsValue> {
    let navigator = gloo::utils::window().navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    let function: Function = Reflect::get(&storage, &name.into()).ok()?.dyn_into().ok()?;
    let promise: Promise = function.call0(&storage).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}

/// What the browser says of its storage; none if it does not say.
pub async fn storage() -> Option<Storage> {
    let estimate = manager("estimate").await?;
    let number = |name: &str| Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    Some(Storage {
        used: number("usage")?,
        most: number("quota")?,
        lasting: manager("persisted").await?.is_truthy(),
    })
}

/// Asks the browser not to clear what is kept; whether it promised.
pub async fn persist() -> bool {
    manager("persist")
        .await
        .is_some_and(|kept| kept.is_truthy())
}
