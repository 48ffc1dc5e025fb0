//! The command line's commands.

pub mod data;
