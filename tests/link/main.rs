//! The link between a host and a board, with both ends and a line between them.

mod memory;
mod session;
