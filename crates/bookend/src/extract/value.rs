//! Extractors of a message's value, decoded by the type that is asked for.

use std::{any::type_name, convert::Infallible};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    FromMessage,
    rejection::{InvalidJson, InvalidText, JsonRejection, NullValue, TextRejection},
};
use crate::record::Message;

/// The value as JSON of type `T`. `Option<Json<T>>` is `None` for a null value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// The value as UTF-8 text. `Option<Text>` is `None` for a null value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub String);

fn json<T: DeserializeOwned>(value: &[u8]) -> Result<Json<T>, InvalidJson> {
    serde_json::from_slice(value)
        .map(Json)
        .map_err(|source| InvalidJson { expected: type_name::<T>(), source })
}

fn text(value: &[u8]) -> Result<Text, InvalidText> {
    let text = std::str::from_utf8(value).map_err(|source| InvalidText { source })?;
    Ok(Text(text.to_owned()))
}

impl<S, T: DeserializeOwned + 'static> FromMessage<S> for Json<T> {
    type Rejection = JsonRejection;

    fn from_message(message: &Message, _: &S) -> Result<Self, JsonRejection> {
        Ok(json(message.value.as_deref().ok_or(NullValue)?)?)
    }
}

impl<S, T: DeserializeOwned + 'static> FromMessage<S> for Option<Json<T>> {
    type Rejection = InvalidJson;

    fn from_message(message: &Message, _: &S) -> Result<Self, InvalidJson> {
        message.value.as_deref().map(json).transpose()
    }
}

impl<S> FromMessage<S> for Text {
    type Rejection = TextRejection;

    fn from_message(message: &Message, _: &S) -> Result<Self, TextRejection> {
        Ok(text(message.value.as_deref().ok_or(NullValue)?)?)
    }
}

impl<S> FromMessage<S> for Option<Text> {
    type Rejection = InvalidText;

    fn from_message(message: &Message, _: &S) -> Result<Self, InvalidText> {
        message.value.as_deref().map(text).transpose()
    }
}

/// The value as it is; cloning shares it.
impl<S> FromMessage<S> for Bytes {
    type Rejection = NullValue;

    fn from_message(message: &Message, _: &S) -> Result<Self, NullValue> {
        message.value.clone().ok_or(NullValue)
    }
}

impl<S> FromMessage<S> for Option<Bytes> {
    type Rejection = Infallible;

    fn from_message(message: &Message, _: &S) -> Result<Self, Infallible> {
        Ok(message.value.clone())
    }
}
