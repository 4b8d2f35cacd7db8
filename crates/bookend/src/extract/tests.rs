//! What each extractor takes and rejects.

use bytes::Bytes;
use serde::Deserialize;

use super::*;
use crate::{
    record::{Headers, Position, Timestamp},
    topic::{Offset, Partition, TopicName},
};

/// A message of topic `T`, partition 1, with this value and nothing beside it.
pub(crate) fn message(offset: i64, value: &'static str) -> Message {
    Message { offset: Offset(offset), ..raw(None, Some(value.as_bytes())) }
}

fn raw(key: Option<&'static str>, value: Option<&'static [u8]>) -> Message {
    Message {
        topic: TopicName::new("T").unwrap(),
        partition: Partition(1),
        offset: Offset(42),
        timestamp: None,
        key: key.map(Bytes::from),
        value: value.map(Bytes::from_static),
        headers: Headers::new(),
    }
}

fn take<E: FromMessage<u8>>(message: &Message) -> Result<E, Outcome> {
    E::from_message(message, &7).map_err(IntoOutcome::into_outcome)
}

fn cause<E: FromMessage<u8>>(message: &Message) -> String {
    match take::<E>(message) {
        Err(Outcome::DeadLetter { cause }) => cause,
        Err(other) => panic!("rejected with {other:?}"),
        Ok(_) => panic!("was taken"),
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Measured {
    length: u32,
}

// Goal: a value is decoded by the type that is asked for, never guessed.
#[test]
fn values_are_decoded_by_type() {
    let json = raw(None, Some(br#"{"length":3}"#));
    assert_eq!(take(&json), Ok(Json(Measured { length: 3 })));
    assert_eq!(take(&json), Ok(Some(Json(Measured { length: 3 }))));
    assert_eq!(take(&json), Ok(Text(r#"{"length":3}"#.to_owned())));
    assert_eq!(take(&json), Ok(Bytes::from_static(br#"{"length":3}"#)));

    let broken = raw(None, Some(b"{\"length\":-1}"));
    assert!(cause::<Json<Measured>>(&broken).contains("Measured`: invalid value"));
    assert!(cause::<Option<Json<Measured>>>(&broken).contains("line 1"));
    let binary = raw(None, Some(&[0xff]));
    assert!(cause::<Text>(&binary).contains("UTF-8 text: invalid"));
}

// Goal: null is a rejection for a bare extractor, and `None` for an optional one.
#[test]
fn null_is_none_only_where_asked() {
    let tombstone = raw(None, None);
    assert_eq!(cause::<Json<Measured>>(&tombstone), "the value is null");
    assert_eq!(cause::<Text>(&tombstone), "the value is null");
    assert_eq!(cause::<Bytes>(&tombstone), "the value is null");
    assert_eq!(cause::<Key>(&tombstone), "the key is null");
    assert_eq!(cause::<Timestamp>(&tombstone), "the message has no timestamp");
    assert_eq!(take::<Option<Json<Measured>>>(&tombstone), Ok(None));
    assert_eq!(take::<Option<Text>>(&tombstone), Ok(None));
    assert_eq!(take::<Option<Bytes>>(&tombstone), Ok(None));
    assert_eq!(take::<Option<Key>>(&tombstone), Ok(None));
    assert_eq!(take::<Option<Timestamp>>(&tombstone), Ok(None));
}

// Goal: arguments stand in any order, and the first rejection decides.
#[test]
fn tuples_take_each_member() {
    let message = raw(Some("k"), Some(b"5"));
    let (State(state), at, Json(number), key) =
        take::<(State<u8>, Position, Json<u8>, Key)>(&message).unwrap();
    assert_eq!((state, at.offset, number, key), (7, Offset(42), 5, Key(Bytes::from("k"))));
    assert!(cause::<(Position, Json<bool>, Timestamp)>(&message).contains("bool"));
}
