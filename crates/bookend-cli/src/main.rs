//! The app: broker, client, server and page in one binary.
mod cli; mod closing; mod exit; mod feed; mod ledger; mod logs; mod signals; mod texts;
fn main() {}
