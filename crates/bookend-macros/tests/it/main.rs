//! `#[measured]` on every shape of function, what it costs, and how its errors read.

mod ledger;
mod behavior;
mod cost;

// Goal: a person can read what is wrong. Each `ui/*.rs` has its error beside it, in `ui/*.stderr`; after a change on
// purpose, `TRYBUILD=overwrite cargo test -p bookend-macros` writes them anew. They are checked against `bookend`
// without its Kafka client.
#[test]
fn wrong_use_has_a_readable_error() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
