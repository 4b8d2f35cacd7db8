//! Errors in the body are the compiler's own, on the body's tokens.

use bookend::{Recorder, measured};

#[measured(recorder, before = 1)]
async fn count(recorder: Recorder<usize, ()>, text: &str) -> usize {
    let bytes = text.bytes();
    bytes
}

fn main() {}
