//! Extractors of what stands beside a message's value, and of the service's state.

use std::convert::Infallible;

use bytes::Bytes;

use super::{
    FromMessage,
    rejection::{NullKey, NullTimestamp},
};
use crate::record::{Headers, Message, Position, Timestamp};

/// The message's key. `Option<Key>` is `None` for a null key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(pub Bytes);

/// The service's state, a clone for each message: keep it cheap to clone.
#[derive(Debug, Clone, Copy, Default)]
pub struct State<S>(pub S);

impl<S> FromMessage<S> for Key {
    type Rejection = NullKey;

    fn from_message(message: &Message, _: &S) -> Result<Self, NullKey> {
        message.key.clone().map(Key).ok_or(NullKey)
    }
}

impl<S> FromMessage<S> for Option<Key> {
    type Rejection = Infallible;

    fn from_message(message: &Message, _: &S) -> Result<Self, Infallible> {
        Ok(message.key.clone().map(Key))
    }
}

impl<S> FromMessage<S> for Headers {
    type Rejection = Infallible;

    fn from_message(message: &Message, _: &S) -> Result<Self, Infallible> {
        Ok(message.headers.clone())
    }
}

impl<S> FromMessage<S> for Position {
    type Rejection = Infallible;

    fn from_message(message: &Message, _: &S) -> Result<Self, Infallible> {
        Ok(message.position())
    }
}

impl<S> FromMessage<S> for Timestamp {
    type Rejection = NullTimestamp;

    fn from_message(message: &Message, _: &S) -> Result<Self, NullTimestamp> {
        message.timestamp.ok_or(NullTimestamp)
    }
}

impl<S> FromMessage<S> for Option<Timestamp> {
    type Rejection = Infallible;

    fn from_message(message: &Message, _: &S) -> Result<Self, Infallible> {
        Ok(message.timestamp)
    }
}

impl<S: Clone + 'static> FromMessage<S> for State<S> {
    type Rejection = Infallible;

    fn from_message(_: &Message, state: &S) -> Result<Self, Infallible> {
        Ok(Self(state.clone()))
    }
}
