//! The log on a disk that fails, and on one that loses power at every step.

mod faults;
mod syncs;
mod power;
