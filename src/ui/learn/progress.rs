//! Which steps were read, kept in this browser.

use gloo::storage::{LocalStorage, Storage};

use super::step::Step;

const KEY: &str = "railyard-learn";

/// Names of the steps whose answer was opened or whose end was reached. None where nothing can be kept.
pub fn read() -> Vec<Step> {
    let names: Vec<String> = LocalStorage::get(KEY).unwrap_or_default();
    names.iter().filter_map(|name| Step::named(name)).collect()
}

/// Keeps that a step was read; all that are.
pub fn add(step: Step) -> Vec<Step> {
    let mut all = read();
    if !all.contains(&step) {
        all.push(step);
        write(&all);
    }
    all
}

/// Forgets all.
pub fn forget() {
    LocalStorage::delete(KEY);
}

fn write(all: &[Step]) {
    let names: Vec<&str> = all.iter().map(|step| step.name()).collect();
    // A browser that keeps nothing still shows everything.
    let _ = LocalStorage::set(KEY, names);
}
