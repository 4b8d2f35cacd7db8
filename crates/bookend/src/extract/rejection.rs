//! Why an extractor did not take a message: one type per cause, one enum where there are two.
//!
//! No try helps against any of them, so each is [`Permanent`](Class::Permanent): the message is left aside and the
//! partition goes on.

use std::str::Utf8Error;

use crate::settle::{Class, Classify, IntoOutcome, Outcome};

/// The value is null, a tombstone. Take `Option<…>` where that is meant to happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value is null")]
pub struct NullValue;

/// The key is null. Take `Option<Key>` where that is meant to happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key is null")]
pub struct NullKey;

/// The broker has no timestamp for the message. Take `Option<Timestamp>` where that is meant to happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message has no timestamp")]
pub struct NullTimestamp;

/// The value is no JSON of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the value is no JSON of type `{expected}`")]
pub struct InvalidJson {
    /// The name of the Rust type.
    pub expected: &'static str,
    /// Where and why.
    pub source: serde_json::Error,
}

/// The value is no UTF-8 text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value is no UTF-8 text")]
pub struct InvalidText {
    /// Where.
    pub source: Utf8Error,
}

/// Why [`Json`](super::Json) did not take a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonRejection {
    /// There is no value.
    #[error(transparent)]
    Null(#[from] NullValue),
    /// There is one, but another.
    #[error(transparent)]
    Invalid(#[from] InvalidJson),
}

/// Why [`Text`](super::Text) did not take a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextRejection {
    /// There is no value.
    #[error(transparent)]
    Null(#[from] NullValue),
    /// There is one, but no text.
    #[error(transparent)]
    Invalid(#[from] InvalidText),
}

macro_rules! permanent {
    ($($rejection:ty),*) => {
        $(impl Classify for $rejection {
            fn class(&self) -> Class {
                Class::Permanent
            }
        }

        impl IntoOutcome for $rejection {
            fn into_outcome(self) -> Outcome {
                // The chain tells where in the value it went wrong.
                Outcome::DeadLetter { cause: crate::settle::permanent(self).to_string() }
            }
        })*
    };
}

permanent!(
    NullValue,
    NullKey,
    NullTimestamp,
    InvalidJson,
    InvalidText,
    JsonRejection,
    TextRejection
);
