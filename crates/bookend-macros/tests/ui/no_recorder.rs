//! What is named is no recorder.

use bookend::measured;

struct Counter;

#[measured(counter, before = text.len())]
async fn count(counter: Counter, text: &str) -> usize {
    text.len()
}

fn main() {}
