//! The app: broker, client, server and page in one binary.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the commands that serve it come with the app's wiring")
)]
mod web;

fn main() {}
