//! The floors of `railyard` that compute, as the page compiles them: see its `Cargo.toml`.

#[path = "../src/data/mod.rs"]
pub mod data;
#[path = "../src/exec/mod.rs"]
pub mod exec;
#[path = "../src/kernels/mod.rs"]
pub mod kernels;
#[cfg(feature = "methods")]
#[path = "../src/methods/mod.rs"]
pub mod methods;
#[path = "../src/numeric/mod.rs"]
pub mod numeric;
#[path = "../src/program/mod.rs"]
pub mod program;
#[path = "../src/tt/mod.rs"]
pub mod tt;
