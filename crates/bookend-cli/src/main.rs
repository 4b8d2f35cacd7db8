//! The app: broker, client, server and page in one binary.
fn main() {}
