//! Extractors: what a handler may take from a message, by the types of its arguments.
//!
//! A message is already in memory, so extraction is synchronous, by reference, and before the handler's first poll;
//! the order of arguments is free. Up the stream: the [`service`](crate::service) with a [`Message`]; down the
//! stream: a [`handler`](crate::handler)'s arguments.
//!
//! | argument | is |
//! |---|---|
//! | [`Json<T>`](Json), [`Text`], [`Bytes`](bytes::Bytes) | the value, decoded by the type it is asked for |
//! | [`Key`], [`Headers`](crate::Headers), [`Position`](crate::Position), [`Timestamp`](crate::Timestamp) | what stands beside the value |
//! | `Option` of a value, the key or the timestamp | `None` where Kafka has null |
//! | [`State<S>`](State) | what `with_state` was given |
//! | [`Message`] | all of it |
//! | [`Batch<E>`](Batch) | in `on_batch`: `E`, an extractor or a tuple of them, for each message |

mod value;
mod beside;
mod batch;
mod rejection;

pub use self::{
    batch::{Batch, BatchArgs},
    beside::{Key, State},
    rejection::{
        InvalidJson, InvalidText, JsonRejection, NullKey, NullTimestamp, NullValue, TextRejection,
    },
    value::{Json, Text},
};

use crate::{
    record::Message,
    settle::{IntoOutcome, Outcome},
};

/// A type that can be taken from a message; `S` is the service's state.
///
/// ```
/// use bookend::{Message, extract::FromMessage, settle::Outcome};
///
/// struct Tenant(String);
///
/// impl<S> FromMessage<S> for Tenant {
///     type Rejection = Outcome;
///
///     fn from_message(message: &Message, _: &S) -> Result<Self, Outcome> {
///         let skip = |cause: &str| Outcome::Skip { cause: cause.to_owned() };
///         let tenant = message.headers.last("tenant").ok_or_else(|| skip("no tenant"))?;
///         let tenant = std::str::from_utf8(tenant).map_err(|_| skip("the tenant is no text"))?;
///         Ok(Self(tenant.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a message",
    label = "no extractor",
    note = "wrap it as `Json<{Self}>` to decode the message's value, or as `State<{Self}>` to take the service's state"
)]
pub trait FromMessage<S>: Sized + 'static {
    /// Why a message was not taken, and what becomes of it.
    type Rejection: IntoOutcome;

    /// Takes it from `message`.
    ///
    /// # Errors
    /// The rejection, when the message has no such thing.
    fn from_message(message: &Message, state: &S) -> Result<Self, Self::Rejection>;
}

impl<S> FromMessage<S> for Message {
    type Rejection = Outcome;

    fn from_message(message: &Message, _: &S) -> Result<Self, Outcome> {
        Ok(message.clone())
    }
}

/// Tuples take each of their members, and are rejected with the first that is.
macro_rules! tuples {
    ($($member:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($member: FromMessage<S>),*> FromMessage<S> for ($($member,)*) {
            type Rejection = Outcome;

            #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple takes nothing")]
            fn from_message(message: &Message, state: &S) -> Result<Self, Outcome> {
                Ok(($($member::from_message(message, state).map_err(IntoOutcome::into_outcome)?,)*))
            }
        }
    };
}

tuples!();
tuples!(A1);
tuples!(A1 A2);
tuples!(A1 A2 A3);
tuples!(A1 A2 A3 A4);
tuples!(A1 A2 A3 A4 A5);
tuples!(A1 A2 A3 A4 A5 A6);
tuples!(A1 A2 A3 A4 A5 A6 A7);
tuples!(A1 A2 A3 A4 A5 A6 A7 A8);

#[cfg(test)]
pub(crate) mod tests;
