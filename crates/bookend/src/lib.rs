//! Kafka microservices, both sides of the topic: `start … finish` on one, `async fn(Json<T>)` on the other.

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
    service::Service,
    topic::{Offset, Partition, TopicName, TopicPartition},
};

/// What `#[measured]` expands to beside public API; no part of it, and free to change.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::recorder::outcome_of::{AnyOutcome, OutcomeOf, outcome_by};
}
