//! `before` has the recorder's first type.

use bookend::{Recorder, measured};

#[measured(recorder, before = text)]
async fn count(recorder: Recorder<usize, ()>, text: &str) -> usize {
    text.len()
}

fn main() {}
