//! A record as a line for people: time, partition/offset, key, headers, value.

use bookend::Message;

use super::{
    highlight::{Piece, json},
    paint::{Paint, Style},
    text::{as_text, hex, plain},
    time,
};

/// How many characters of a value are shown where long ones are cut.
const VALUE_CHARS_MAX: usize = 300;
/// How many of a key or a header's value.
const BESIDE_CHARS_MAX: usize = 80;

/// How records are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show {
    pub(crate) paint: Paint,
    /// Whether long values are cut.
    pub(crate) cut: bool,
}

impl Show {
    /// The record as a line.
    pub(crate) fn record(self, message: &Message) -> String {
        let Self { paint, .. } = self;
        let mut line = String::new();
        let time = message.timestamp.map_or_else(|| "-".to_owned(), time::show);
        paint.push(&mut line, Style::Dim, &time);
        let place = format!("  {}/{}", message.partition, message.offset);
        paint.push(&mut line, Style::Bold, &place);
        if let Some(key) = &message.key {
            paint.push(&mut line, Style::Dim, "  key=");
            self.push(&mut line, Some(key), BESIDE_CHARS_MAX);
        }
        for (number, header) in message.headers.iter().enumerate() {
            let before = if number == 0 { "  [" } else { ", " };
            paint.push(&mut line, Style::Dim, &format!("{before}{}=", plain(&header.name)));
            self.push(&mut line, header.value.as_deref(), BESIDE_CHARS_MAX);
        }
        if !message.headers.is_empty() {
            paint.push(&mut line, Style::Dim, "]");
        }
        line.push_str("  ");
        self.push(&mut line, message.value.as_deref(), VALUE_CHARS_MAX);
        line
    }

    fn push(self, line: &mut String, bytes: Option<&[u8]>, chars_max: usize) {
        let (pieces, is_binary) = pieces(bytes);
        let mut left = if self.cut { chars_max } else { usize::MAX };
        let mut is_cut = false;
        for (style, text) in pieces {
            let end = text.char_indices().nth(left).map(|(end, _)| end);
            is_cut = end.is_some();
            let shown = &text[..end.unwrap_or(text.len())];
            self.paint.push(line, style, shown);
            if is_cut {
                break;
            }
            left -= shown.chars().count();
        }
        if is_cut {
            self.paint.push(line, Style::Dim, "…");
        }
        if is_cut || is_binary {
            let length = bytes.map_or(0, <[u8]>::len);
            self.paint.push(line, Style::Dim, &format!(" ({length} bytes)"));
        }
    }
}

/// Bytes as people can read them, and whether they are neither JSON nor text.
fn pieces(bytes: Option<&[u8]>) -> (Vec<Piece>, bool) {
    let word = |word: &str| (vec![(Style::Dim, word.to_owned())], false);
    match bytes {
        None => word("<null>"),
        Some([]) => word("<empty>"),
        Some(bytes) => match as_text(bytes) {
            None => (vec![(Style::Number, hex(bytes))], true),
            Some(text) => {
                let pieces = json(text);
                (pieces.unwrap_or_else(|| vec![(Style::Plain, plain(text).into_owned())]), false)
            }
        },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use bookend::{Headers, Offset, Partition, Timestamp, TopicName};
    use bytes::Bytes;

    use super::*;

    const PIPED: Show = Show { paint: Paint { colored: false }, cut: false };

    /// A record with everything, as others may send it.
    pub(in crate::look) fn message(key: Option<&'static [u8]>, value: Option<&[u8]>) -> Message {
        Message {
            topic: TopicName::new("T").unwrap(),
            partition: Partition(2),
            offset: Offset(41),
            timestamp: Some(Timestamp(1_795_408_888_123)),
            key: key.map(Bytes::from_static),
            value: value.map(Bytes::copy_from_slice),
            headers: Headers::new(),
        }
    }

    #[test]
    fn values_are_shown_for_what_they_are() {
        let start = "2026-11-23T04:41:28.123Z  2/41";
        for (key, value, shown) in [
            (None, Some(&br#"{ "textLength": 17 }"#[..]), r#"  {"textLength":17}"#),
            (Some(&b"user-1"[..]), Some(b"two\nlines"), "  key=user-1  two\\nlines"),
            (Some(b""), Some(b""), "  key=<empty>  <empty>"),
            (None, None, "  <null>"),
            (
                Some(b"\xff\x01"),
                Some(b"\x00\x01\x02"),
                "  key=0xff01 (2 bytes)  0x000102 (3 bytes)",
            ),
        ] {
            assert_eq!(PIPED.record(&message(key, value)), format!("{start}{shown}"));
        }
    }

    #[test]
    fn headers_keep_their_order_and_ids_are_hexadecimal() {
        let mut message = message(None, Some(b"v"));
        message.headers.push("trace", "1");
        message.headers.push("bookend-id", vec![0; 21]);
        message.headers.push_null("none");
        message.headers.push("trace", "");
        message.timestamp = None;
        let id = "00".repeat(21);
        assert_eq!(
            PIPED.record(&message),
            format!(
                "-  2/41  [trace=1, bookend-id=0x{id} (21 bytes), none=<null>, trace=<empty>]  v"
            )
        );
    }

    #[test]
    fn long_values_are_cut_on_a_terminal_only() {
        let long = "ü".repeat(VALUE_CHARS_MAX + 1);
        let message = message(None, Some(long.as_bytes()));
        assert!(PIPED.record(&message).ends_with(&long));
        let cut = Show { cut: true, ..PIPED }.record(&message);
        let bytes = long.len();
        assert!(
            cut.ends_with(&format!("  {}… ({bytes} bytes)", "ü".repeat(VALUE_CHARS_MAX))),
            "{cut}"
        );
        let fits = "ü".repeat(VALUE_CHARS_MAX);
        let whole = Show { cut: true, ..PIPED };
        assert!(whole.record(&super::tests::message(None, Some(fits.as_bytes()))).ends_with(&fits));
    }

    #[test]
    fn json_is_cut_between_its_tokens_too() {
        let value = format!("[{}1]", "1,".repeat(VALUE_CHARS_MAX));
        let message = message(None, Some(value.as_bytes()));
        let cut = Show { cut: true, ..PIPED }.record(&message);
        assert!(cut.ends_with(&format!("… ({} bytes)", value.len())), "{cut}");
        assert_eq!(cut.matches("1,").count(), VALUE_CHARS_MAX.div_ceil(2) - 1, "{cut}");
    }

    #[test]
    fn colors_only_when_asked_for() {
        let message = message(None, Some(br#"{"a":1}"#));
        assert!(!PIPED.record(&message).contains('\x1b'));
        let colored = Show { paint: Paint { colored: true }, cut: true }.record(&message);
        assert!(colored.ends_with("{\x1b[36m\"a\"\x1b[0m:\x1b[33m1\x1b[0m}"), "{colored:?}");
    }
}
