//! A record as a line of JSON for machines. `bookend tail --help` documents it.

use base64::{Engine, prelude::BASE64_STANDARD};
use bookend::{Message, Offset, Partition, Timestamp};
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: Partition,
    offset: Offset,
    timestamp: Option<Timestamp>,
    key: Option<Content<'a>>,
    headers: Vec<(&'a str, Option<Content<'a>>)>,
    value: Option<Content<'a>>,
}

/// Bytes without loss: the text itself, or base64 in an object, which no text is.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Bytes { base64: String },
}

fn content(bytes: &[u8]) -> Content<'_> {
    match str::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(_) => Content::Bytes { base64: BASE64_STANDARD.encode(bytes) },
    }
}

/// The record as one line of JSON.
pub(crate) fn line(message: &Message) -> String {
    let headers = message
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_deref().map(content)));
    let line = Line {
        topic: message.topic.as_str(),
        partition: message.partition,
        offset: message.offset,
        timestamp: message.timestamp,
        key: message.key.as_deref().map(content),
        headers: headers.collect(),
        value: message.value.as_deref().map(content),
    };
    serde_json::to_string(&line).expect("numbers and texts are always JSON")
}

#[cfg(test)]
mod tests {
    use super::{super::record::tests::message, *};

    #[test]
    fn every_byte_is_kept() {
        let mut record = message(Some(b"user-1"), Some(br#"{"a": 1}"#));
        record.headers.push("h", "1");
        record.headers.push("h", vec![0xff, 0]);
        record.headers.push_null("h");
        assert_eq!(
            line(&record),
            r#"{"topic":"T","partition":2,"offset":41,"timestamp":1795408888123,"key":"user-1","headers":[["h","1"],["h",{"base64":"/wA="}],["h",null]],"value":"{\"a\": 1}"}"#
        );
    }

    #[test]
    fn null_is_not_empty() {
        let mut record = message(None, Some(b""));
        record.timestamp = None;
        let json = line(&record);
        assert!(json.contains(r#""timestamp":null,"key":null,"headers":[],"value":"""#), "{json}");
    }
}
