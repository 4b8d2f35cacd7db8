//! Everything that is wrong is told at once, each on its own token.

use bookend::{Recorder, measured};

#[measured(recorder, other, befor = 1)]
fn count(recorder: Recorder<usize, ()>, other: Recorder<usize, ()>) {}

fn main() {}
