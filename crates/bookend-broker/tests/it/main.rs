//! The broker from outside: over real sockets, by a small client built on `kafka-protocol`'s encoder.

mod client;

mod records;
mod groups;
mod topics;
mod faults;
mod restart;
mod start;
mod hostile;
