//! What can go wrong when a sender or a recorder is made. Nothing can once it runs: messages wait, or are counted.

use crate::topic::InvalidTopicName;

/// A sender could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// librdkafka made no producer of the settings; its words say which one to correct.
    #[error("the Kafka client could not be made: {0}")]
    Client(String),
    /// The system gave no thread or no random bytes; check its limits.
    #[error("the sender's thread could not be started: {0}")]
    System(String),
}

/// A recorder or topic could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// Kafka would refuse the topic's name.
    #[error(transparent)]
    Topic(#[from] InvalidTopicName),
    /// The sender was shut down; make recorders before.
    #[error("the sender was shut down")]
    Closed,
}
