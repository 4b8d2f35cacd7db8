//! A plain function cannot be measured by the attribute.

use bookend::{Recorder, measured};

#[measured(recorder, before = text.len())]
fn count(recorder: Recorder<usize, ()>, text: &str) -> usize {
    text.len()
}

fn main() {}
