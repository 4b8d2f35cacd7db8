//! The parts a process is made of, as providers: a command takes those it needs.
//!
//! Tokens name what is provided; a chain of providers ends in [`HTTP`](crate::http::HTTP), and whatever it needs is built with it:
//!
//! ```text
//! BROKERS ─▶ KAFKA ─▶ TOPICS ─┬─▶ SENDER ─▶ three recorders ─▶ CLIENT ─┐
//!                             └─▶ SERVER ◀─ STORE                      ├─▶ HTTP ◀─ LISTENER
//!                                   └──────────────────────────────────┘
//! ```
//! What is built first closes last, so a process that has both sides still stores what it sends while it closes.

mod broker;
mod kafka;
mod client;
mod server;

pub(crate) use self::{
    broker::{BROKER, EmbeddedBroker, embedded},
    client::{CLIENT, Client, client},
    kafka::{StoppedEarly, TOPICS, external, kafka},
    server::{SERVER, Server, reset_store, server},
};

use std::time::Duration;

/// How long a part may take to close, unless it says otherwise.
pub(crate) const CLOSE_WAIT_MAX: Duration = Duration::from_secs(10);
