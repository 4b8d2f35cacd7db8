//! What is measured, in pairs: cargo run --release -p bookend-bench -- <name>.
fn main() {}
