//! The link between a host and a board, with both ends and a line between them.

mod faults;
mod fuzz;
mod line;
mod losses;
mod memory;
mod reference;
mod responder;
mod session;
mod silence;
mod speed;
