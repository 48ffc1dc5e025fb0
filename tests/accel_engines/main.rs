//! The tick engine against the event engine, boundary by boundary, and against the fixed-point
//! executor, word by word.

mod boundaries;
mod conservation;
mod draw;
mod words;
