//! Only functions can be measured.

use bookend::measured;

#[measured(recorder, before = 1)]
struct Count;

fn main() {}
