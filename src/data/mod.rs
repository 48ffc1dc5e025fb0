//! Data sets and their files.

mod dataset;

pub use dataset::Dataset;
