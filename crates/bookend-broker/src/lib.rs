//! A Kafka-protocol broker inside one process, for a first run, for development and for tests.
//!
//! ```text
//!            frames          requests                 ┌─▶ catalog    topics, ids
//!  clients ─────────▶ server ─────────▶ wire ─────────┼─▶ partition  record batches ─▶ bookend-log
//!          ◀─────────  in order  ◀───── one file      ├─▶ group      who works on what
//!                                       per API       └─▶ offsets    how far they have come
//! ```
//!
//! Any ordinary client works against it: librdkafka, kafkajs, the Java clients and others produce, consume in
//! groups, commit and resume. What is acknowledged is in the operating system's hands, so it survives `kill -9`
//! of the process; [`Fsync`] says what a power cut may take. It is one node without replicas, authentication or
//! transactions; for production there is Apache Kafka, to which the same clients connect unchanged.
//!
//! ```
//! use bookend_broker::Broker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), bookend_broker::StartError> {
//! let broker = Broker::builder().partitions(1).start().await?;
//! println!("bootstrap.servers={}", broker.bootstrap());
//! broker.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Requests are not trusted: their size is limited, no length in them is believed before it is checked, and one that
//! is malformed closes its connection and nothing else.

mod server;
mod wire;
mod group;
mod partition;
mod catalog;
mod settings;
mod offsets;
mod node;
mod folder;
mod memory;
mod error;
mod fault;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use self::wire::fuzzing;
pub use bookend_log::Fsync;

pub use self::{
    error::StartError,
    fault::{Api, ErrorCode, Fault, Injected},
    server::{Broker, BrokerBuilder, Limits},
};
