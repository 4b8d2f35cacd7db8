//! What travels: headers, keys, ids; a [`Record`] on its way out, a [`Message`] on its way in.
//!
//! Open to every module. Up the stream a recorder makes records; down the stream a handler takes messages.

mod headers;
mod id;
mod message;

pub use self::{
    headers::{Header, Headers},
    id::{ID_HEADER, InvalidMessageId, LaneId, MessageId},
    message::{Message, Position, Timestamp},
};

use bytes::Bytes;

/// A value with what Kafka carries beside it: a key, which picks the partition, and headers.
///
/// ```
/// use bookend::Record;
///
/// let record = Record::new("hello").with_key("user-1").with_header("trace", "42");
/// assert_eq!(record.key.as_deref(), Some(b"user-1".as_slice()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<M> {
    /// Records of one key go to one partition, in order; without a key a batch picks its partition.
    pub key: Option<Bytes>,
    /// In order, repeatable, bytes.
    pub headers: Headers,
    /// What is encoded as the record's value.
    pub value: M,
}

impl<M> Record<M> {
    /// A record without key and headers.
    #[must_use]
    pub fn new(value: M) -> Self {
        Self { key: None, headers: Headers::new(), value }
    }

    /// Sets the key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds a header after those already there; a name may stand more than once.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push(name, value);
        self
    }
}

/// What a `make_message` function may return for messages of type `M`: an `M`, or a [`Record<M>`] with key and headers.
#[diagnostic::on_unimplemented(
    message = "a message function that promises `{M}` returns `{M}` or `Record<{M}>`, not `{Self}`",
    label = "returns `{Self}`"
)]
pub trait IntoRecord<M> {
    /// The record to send.
    fn into_record(self) -> Record<M>;
}

impl<M> IntoRecord<M> for M {
    fn into_record(self) -> Record<M> {
        Record::new(self)
    }
}

impl<M> IntoRecord<M> for Record<M> {
    fn into_record(self) -> Record<M> {
        self
    }
}
