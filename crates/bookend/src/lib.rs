//! Kafka microservices, both sides of the topic: `start … finish` on one, `async fn(Json<T>)` on the other.

pub mod topic;
pub mod record;
pub mod module;

pub use self::{
    module::{Module, Token},
    record::{Header, Headers, Message, MessageId, Position, Record, Timestamp},
    topic::{Offset, Partition, TopicName, TopicPartition},
};
