//! Kafka microservices, both sides of the topic: `start … finish` on one, `async fn(Json<T>)` on the other.
//!
//! ```text
//!  async task ── start(before) … finish ──▶ Recorder ──▶ Sender ──▶ Kafka ──▶ Service ──▶ handler
//! ```
//! One side records what an async task did, without the task noticing, and sends it in batches:
//!
//! ```no_run
//! # #[cfg(feature = "kafka")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bookend::{Kafka, KafkaOptions, Measured, Recorder, Sender};
//!
//! let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
//! let sender = Sender::start(kafka, Default::default())?;
//! let recorder: Recorder<usize, (usize, u64)> =
//!     sender.recorder("LENGTHS", |task: Measured<usize>| (task.before, task.elapsed_ms()))?;
//!
//! let recording = recorder.start("some text".len());
//! tokio::task::yield_now().await; // the task
//! recording.finish();
//! # Ok(())
//! # }
//! ```
//! The other side handles it, as axum handles requests:
//!
//! ```no_run
//! # #[cfg(feature = "kafka")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bookend::{Kafka, KafkaOptions, Service, extract::Json};
//!
//! async fn print(Json((length, millis)): Json<(usize, u64)>) {
//!     println!("{length} bytes took {millis} ms");
//! }
//!
//! let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
//! let ctrl_c = async { drop(tokio::signal::ctrl_c().await) };
//! Service::new("printer").on("LENGTHS", print).run(kafka, ctrl_c).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Concepts
//! - [`Recorder`] and its guard [`Recording`]: the bookends of a task; `#[measured]` for a whole `async fn`.
//! - [`Sender`]: batches, one idempotent producer, and [`Stats`] that say where every message is. [`Topic`] sends
//!   plain messages the same way.
//! - [`Service`]: handlers over a consumer group; [`extract`] for what they take, [`settle`] for how they end.
//! - [`Module`] and [`Token`]: wiring that is checked before anything is built.
//!
//! # Features
//! | feature | default | brings |
//! |---|---|---|
//! | `kafka` | yes | the Kafka client, librdkafka: `Kafka`, `Sender::start`, services on it |
//! | `macros` | yes | `#[measured]` |
//!
//! Without `kafka` everything else works over a transport of your own.

pub mod topic;
pub mod record;
pub mod recorder;
pub mod batch;
pub mod sender;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod service;
mod router;
pub mod handler;
pub mod extract;
pub mod settle;
pub mod module;
pub mod telemetry;
mod words;

#[cfg(feature = "macros")]
pub use bookend_macros::measured;

#[cfg(feature = "kafka")]
pub use self::kafka::{Kafka, KafkaOptions};
pub use self::{
    batch::BatchLimits,
    module::{Module, Token},
    record::{Header, Headers, Message, MessageId, Position, Record, Timestamp},
    recorder::{Measured, Outcome, Recorder, Recording},
    sender::{Compression, Sender, SenderOptions, Stats, Topic},
    service::{BatchOf, Service},
    settle::{Failure, fatal, permanent, transient},
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// What `#[measured]` expands to beside public API; no part of it, and free to change.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::recorder::outcome_of::{AnyOutcome, OutcomeOf, outcome_by};
}

/// The program in the README compiles.
#[cfg(all(doctest, feature = "kafka"))]
#[doc = include_str!("../../../README.md")]
mod readme {}
