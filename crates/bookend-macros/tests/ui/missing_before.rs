//! Without `before` the recorder has nothing to start with.

use bookend::{Recorder, measured};

#[measured(recorder)]
async fn count(recorder: Recorder<usize, ()>, text: &str) -> usize {
    text.len()
}

fn main() {}
