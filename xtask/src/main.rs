//! What CI runs, and the rules that rustc cannot check.
fn main() {}
