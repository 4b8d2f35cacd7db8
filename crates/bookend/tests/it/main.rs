//! The whole way through a real protocol: services on the embedded broker, in real time, each wait with a deadline.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, helpers and all")]

mod admin;
mod house;
mod one_thread;
mod service;
