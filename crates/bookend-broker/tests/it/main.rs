//! The broker from outside: over real sockets, by a small client built on `kafka-protocol`'s encoder.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise, in its helpers too")]

mod client;

mod records;
mod files;
mod parked;
mod groups;
mod tools;
mod topics;
mod settings;
mod admin;
mod faults;
mod restart;
mod start;
mod threads;
mod crash;
mod limits;
mod hostile;
