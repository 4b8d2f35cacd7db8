//! The app: broker, client, server and page in one binary.
mod measurements;
mod web;
fn main() {}
