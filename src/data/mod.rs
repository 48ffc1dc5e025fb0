//! Data sets and their files.
//!
//! | module | holds |
//! | --- | --- |
//! | [`idx`] | the IDX format of MNIST and its relatives, plain or gzipped |
//! | [`upload`] | which of a person's files are images, labels, training and test |
//! | [`table`] | CSV and its relatives: a label and numbers in each row |
//! | [`pack`] | one compressed, checksummed file for a training and a test set |
//! | [`split`] | subsets and hold-outs that keep the share of every class |
//! | [`catalog`] | the data sets known by name, their checksums and where to find them |
//!
//! Every reader takes bytes it does not trust: sizes are bounded before anything is kept, and each
//! error says what was found and what would be accepted.

pub mod catalog;
mod dataset;
pub mod idx;
pub mod inflate;
#[cfg(not(target_arch = "wasm32"))]
mod locate;
pub mod pack;
pub mod split;
pub mod table;
pub mod upload;

pub use dataset::{Dataset, TrainTest};

/// Most images in one file.
pub const MAX_IMAGES: usize = 250_000;

/// Most rows and most columns of an image.
pub const MAX_SIDE: usize = 64;

/// Most pixels in one file, all images together, so that a set fits a browser tab.
pub const MAX_PIXELS: usize = 200_000_000;
