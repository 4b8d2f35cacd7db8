//! The app: broker, client, server and page in one binary.

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the server, which uses it, comes next")
)]
mod measurements;

fn main() {}
