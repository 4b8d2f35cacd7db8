//! Kafka microservices, both sides of the topic: `start … finish` on one, `async fn(Json<T>)` on the other.

pub mod topic;
pub mod record;
pub mod recorder;
pub mod batch;
pub mod sender;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod module;
pub mod telemetry;

#[cfg(feature = "kafka")]
pub use self::kafka::Kafka;
pub use self::{
    batch::BatchLimits,
    module::{Module, Token},
    record::{Header, Headers, Message, MessageId, Position, Record, Timestamp},
    recorder::{Measured, Outcome, Recorder, Recording},
    sender::{Compression, Sender, SenderOptions, Stats, Topic},
    topic::{Offset, Partition, TopicName, TopicPartition},
};
