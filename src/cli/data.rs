//! `railyard data`: checks the canonical data sets and packs them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use serde::Serialize;

use crate::data::catalog::{self, CATALOG, Entry};
use crate::data::{TrainTest, pack};

/// Options of `railyard data`.
#[derive(Args, Clone, Debug, Default)]
pub struct DataArgs {
    /// Data sets to pack: fashion-mnist, fashion-mnist-subset, mnist, mnist-subset [default: every
    /// one whose files are found]
    pub names: Vec<String>,
    /// Folder with the four IDX files, plain or .gz [default: where packages put them]
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Folder for the packed files [default: ./assets for fashion-mnist-subset, ./data for the others]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only check sizes and checksums, write nothing
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// What became of one data set.
#[derive(Serialize)]
struct Report {
    set: &'static str,
    /// "checked", "packed" or "absent".
    status: &'static str,
    train: usize,
    test: usize,
    classes: usize,
    /// The IDX files, each of canonical size and checksum.
    files: Vec<FileReport>,
    /// The packed file.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_bytes: Option<usize>,
    /// Why a set is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// One canonical IDX file.
#[derive(Clone, Serialize)]
struct FileReport {
    path: PathBuf,
    /// Size when plain.
    bytes: usize,
    /// Checksum when plain, in hexadecimal.
    crc32: String,
}

/// Checks and packs the data sets asked for, and prints what became of each.
///
/// # Errors
/// A sentence, if a set asked for by name is unknown or absent, no set is found at all, files are
/// damaged, or the packed file cannot be written.
pub fn run(args: &DataArgs) -> Result<(), String> {
    let entries = if args.names.is_empty() {
        CATALOG.iter().collect()
    } else {
        args.names
            .iter()
            .map(|name| entry(name))
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut found = 0;
    let mut absent = String::new();
    // A full set is read once for itself and its subset, which follow each other when sorted.
    let mut last: Option<(&str, TrainTest, Vec<FileReport>)> = None;
    for entry in entries {
        let full = entry.subset_of.unwrap_or(entry.name);
        if last.as_ref().is_none_or(|(name, ..)| *name != full) {
            last = read(entry, args.from.as_deref())?.map(|(sets, files)| (full, sets, files));
        }
        let Some((_, sets, files)) = &last else {
            let message = absence(entry, args.from.as_deref());
            if !args.names.is_empty() {
                return Err(message);
            }
            let _ = write!(
                absent,
                "{}{message}",
                if absent.is_empty() { "" } else { "; " }
            );
            print(args, &Report::absent(entry, message))?;
            continue;
        };
        found += 1;
        let packed = if args.check {
            None
        } else {
            Some(write_pack(args, entry, sets)?)
        };
        print(args, &Report::of(entry, files, packed))?;
    }
    if found == 0 {
        return Err(absent);
    }
    Ok(())
}

/// The data set of that name.
fn entry(name: &str) -> Result<&'static Entry, String> {
    catalog::find(name).ok_or_else(|| {
        format!(
            "there is no data set {name}; known are {}",
            catalog::names()
        )
    })
}

/// The checked full set of an entry with its files, if they are found.
fn read(
    entry: &'static Entry,
    from: Option<&Path>,
) -> Result<Option<(TrainTest, Vec<FileReport>)>, String> {
    let Some(source) = catalog::find_idx_files(entry, from) else {
        return Ok(None);
    };
    let sets = source.load(entry).map_err(|error| error.to_string())?;
    let files = source
        .paths
        .iter()
        .zip(entry.files)
        .map(|(path, file)| FileReport {
            path: path.clone(),
            bytes: file.len,
            crc32: format!("{:08x}", file.crc32),
        });
    Ok(Some((sets, files.collect())))
}

/// The sentence for a set whose files are not found.
fn absence(entry: &'static Entry, from: Option<&Path>) -> String {
    catalog::LoadError::NotFound {
        entry,
        folder: from.map(Path::to_owned),
    }
    .to_string()
}

/// Packs the set and returns where, and how large it is.
fn write_pack(
    args: &DataArgs,
    entry: &Entry,
    full: &TrainTest,
) -> Result<(PathBuf, usize), String> {
    let bytes = pack::write(&entry.chosen_from(full.clone()))
        .map_err(|error| format!("{} {error}", entry.name))?;
    let folder = args.out.clone().unwrap_or_else(|| {
        PathBuf::from(match entry.name {
            "fashion-mnist-subset" => "assets",
            _ => "data",
        })
    });
    let path = folder.join(entry.pack_name());
    let unwritable = |error: io::Error| format!("{} cannot be written: {error}", path.display());
    fs::create_dir_all(&folder).map_err(unwritable)?;
    // Under another name first, so that a break leaves no half of a file.
    let partial = path.with_extension("part");
    fs::write(&partial, &bytes).map_err(unwritable)?;
    fs::rename(&partial, &path).map_err(unwritable)?;
    Ok((path, bytes.len()))
}

impl Report {
    fn absent(entry: &Entry, message: String) -> Self {
        Self {
            status: "absent",
            message: Some(message),
            ..Self::of(entry, &[], None)
        }
    }

    fn of(entry: &Entry, files: &[FileReport], packed: Option<(PathBuf, usize)>) -> Self {
        let (packed, packed_bytes) = packed.unzip();
        Self {
            set: entry.name,
            status: if packed.is_some() {
                "packed"
            } else {
                "checked"
            },
            train: entry.train,
            test: entry.test,
            classes: entry.class_names.len(),
            files: files.to_vec(),
            packed,
            packed_bytes,
            message: None,
        }
    }
}

/// Prints a report as a line of JSON or as a row for people.
fn print(args: &DataArgs, report: &Report) -> Result<(), String> {
    if args.json {
        let line = serde_json::to_string(report).map_err(|error| error.to_string())?;
        say!("{line}")?;
        return Ok(());
    }
    let what = match (&report.packed, report.packed_bytes, &report.message) {
        (Some(path), Some(bytes), _) => format!("{} ({bytes} bytes)", path.display()),
        (_, _, Some(message)) => message.clone(),
        _ => "sizes and checksums are right".to_owned(),
    };
    say!(
        "{:<21} {:>6} + {:>6}  {:<7}  {what}",
        report.set,
        report.train,
        report.test,
        report.status
    )?;
    Ok(())
}
