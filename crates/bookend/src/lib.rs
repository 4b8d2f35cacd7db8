//! Kafka microservices, both sides of the topic: `start … finish` on one, `async fn(Json<T>)` on the other.

pub mod topic;
pub mod record;
pub mod extract;
pub mod handler;
mod router;
pub mod settle;
pub mod service;
pub mod telemetry;

pub use self::{
    record::{Header, Headers, Message, MessageId, Position, Record, Timestamp},
    service::Service,
    topic::{Offset, Partition, TopicName, TopicPartition},
};
