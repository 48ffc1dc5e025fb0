//! The data sets the page knows, where their files are, and what is said when they are not to be had.

use web_sys::Blob;

use super::fetch::{self, FetchError};
use crate::data::table;
use crate::train::Trainer;
use crate::train::config::RunConfig;
use crate::train::record::RunRecord;
use crate::worker::message::Source;

/// The subset that comes with the page.
pub const SUBSET: &str = "fashion-mnist-subset";
/// The visitor's own files.
pub const OWN: &str = "own";
/// Data sets by name, with how they are shown.
pub const KNOWN: [(&str, &str); 3] = [
    (SUBSET, "Fashion-MNIST, subset"),
    ("fashion-mnist", "Fashion-MNIST, full"),
    ("mnist", "MNIST, full"),
];
/// The recorded run.
const EXAMPLE: &str = "example-run.ryrn";
/// Said when the browser does not give a file's bytes.
pub const UNREADABLE: &str = "The file could not be read from disk; choose it again.";
/// Said of a file that is no checkpoint.
pub const NO_CHECKPOINT: &str = "This file is no Railyard checkpoint: accepted is a .safetensors file that Save checkpoint wrote, with the configuration in its metadata.";

/// A data set's files, kept outside this memory.
#[derive(Clone)]
pub struct Files {
    /// Name by which configurations refer to it.
    pub name: String,
    /// How the blobs hold it.
    pub source: Source,
    /// The files.
    pub blobs: Vec<Blob>,
    /// What the visitor calls the classes; empty to call them as the files do.
    pub classes: Vec<String>,
}

impl Files {
    /// A packed data set.
    pub fn pack(name: String, blob: Blob) -> Self {
        Self {
            name,
            source: Source::Pack,
            blobs: vec![blob],
            classes: vec![],
        }
    }

    /// The visitor's own files.
    pub fn own(files: Vec<(String, Blob)>) -> Self {
        let (names, blobs): (Vec<String>, _) = files.into_iter().unzip();
        let source = match &names[..] {
            [name] if table::is_named(name) => Source::Table,
            _ => Source::Idx(names),
        };
        Self {
            name: OWN.into(),
            source,
            blobs,
            classes: vec![],
        }
    }
}

/// Bytes that the visitor's own files may have in all.
pub const MOST_BYTES: f64 = 256e6;

/// Said of files that are larger.
pub fn too_large(bytes: f64) -> String {
    format!(
        "The files have {:.0} MB; at most 256 MB are read, so that the page stays usable. Choose fewer rows or images.",
        bytes / 1e6
    )
}

/// Where a data set's file is; none for one the page does not know.
pub fn address(name: &str) -> Option<String> {
    match name {
        SUBSET => Some(format!("assets/{SUBSET}.rypk")),
        _ => KNOWN
            .iter()
            .any(|(known, _)| *known == name)
            .then(|| format!("data/{name}.rypk")),
    }
}

/// Said of a data set that is not known.
pub fn unknown(name: &str) -> String {
    if name == OWN {
        "These settings were made with somebody's own files; choose IDX files or a CSV table to train on, or another data set.".into()
    } else {
        format!("There is no data set “{name}” here; choose one from the list or your own files.")
    }
}

/// Said when a data set did not arrive.
pub fn not_fetched(name: &str, error: &FetchError) -> String {
    let shown = KNOWN
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(name, |(_, shown)| shown);
    match error {
        FetchError::Status(404) => format!(
            "{shown} is not beside this page; run “railyard data” where it is served from, or choose the subset."
        ),
        FetchError::Status(status) => {
            format!(
                "{shown} was not fetched: the server answered {status}. Try again, or choose the subset."
            )
        }
        _ => format!(
            "{shown} was not fetched: the connection failed. Try again, or choose the subset."
        ),
    }
}

/// The recorded run, if it is there and can be read.
pub async fn example() -> Option<RunRecord> {
    let blob = fetch::fetch(&format!("assets/{EXAMPLE}"), None, |_, _| {})
        .await
        .ok()?;
    let bytes = fetch::bytes(&blob).await.ok()?;
    match RunRecord::read(&bytes.to_vec()) {
        Ok(record) => Some(record),
        Err(error) => {
            // The page goes on without it; whoever serves the page should know.
            web_sys::console::warn_1(&format!("assets/{EXAMPLE}: {error}").into());
            None
        }
    }
}

/// The recorded run's network.
pub async fn example_checkpoint(file: &str) -> Option<js_sys::Uint8Array> {
    let blob = fetch::fetch(&format!("assets/{file}"), None, |_, _| {})
        .await
        .ok()?;
    fetch::bytes(&blob).await.ok()
}

/// The configuration in a checkpoint's metadata. The worker reads and checks the rest.
pub fn checkpoint_config(bytes: &[u8]) -> Option<RunConfig> {
    Trainer::peek(bytes).ok()
}
