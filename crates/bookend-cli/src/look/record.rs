//! A record as a line for people: time, partition/offset, key, headers, value.

use bookend::{Header, Message, MessageId, record::ID_HEADER};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    highlight::{Piece, json},
    paint::{Paint, Style},
    text::{as_text, hex, plain},
    time,
};

/// How many columns of a line a key or a header's value takes, where lines are cut.
const BESIDE_COLUMNS_MAX: usize = 40;

/// How records are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show {
    pub(crate) paint: Paint,
    /// How long a line may be; `None` shows all.
    pub(crate) columns: Option<usize>,
}

impl Show {
    /// The record as a line.
    pub(crate) fn record(self, message: &Message) -> String {
        let mut line = Vec::new();
        let time = message.timestamp.map_or_else(|| "-".to_owned(), time::show);
        line.push((Style::Dim, time));
        line.push((Style::Bold, format!("  {}/{}", message.partition, message.offset)));
        let beside_max = self.columns.map(|_| BESIDE_COLUMNS_MAX);
        if let Some(key) = &message.key {
            line.push((Style::Dim, "  key=".to_owned()));
            line.extend(bytes(Some(key), beside_max));
        }
        for (number, header) in message.headers.iter().enumerate() {
            let before = if number == 0 { "  [" } else { ", " };
            line.push((Style::Dim, format!("{before}{}=", plain(&header.name))));
            let id = self.columns.and_then(|_| short_id(header));
            match id {
                Some(id) => line.push((Style::Number, id)),
                None => line.extend(bytes(header.value.as_deref(), beside_max)),
            }
        }
        if !message.headers.is_empty() {
            line.push((Style::Dim, "]".to_owned()));
        }
        line.push((Style::Plain, "  ".to_owned()));
        let left = self.columns.map(|columns| columns.saturating_sub(width(&line)));
        line.extend(bytes(message.value.as_deref(), left));
        self.render(&line)
    }

    fn render(self, line: &[Piece]) -> String {
        let cut = self
            .columns
            .filter(|columns| *columns < width(line))
            .map(|columns| cut(line, columns, "…"));
        let mut out = String::new();
        for (style, text) in cut.as_deref().unwrap_or(line) {
            self.paint.push(&mut out, *style, text);
        }
        out
    }
}

/// One of Bookend's own ids: how it begins, and its number in its lane.
fn short_id(header: &Header) -> Option<String> {
    if header.name != ID_HEADER {
        return None;
    }
    let bytes = header.value.as_deref()?;
    let id = MessageId::from_bytes(bytes).ok()?;
    let start = hex(&bytes[..4]);
    Some(format!("{}…#{}", start.trim_start_matches("0x"), id.sequence))
}

/// Bytes as people can read them, in so many columns at most if they are said to be.
fn bytes(bytes: Option<&[u8]>, columns: Option<usize>) -> Vec<Piece> {
    let (mut pieces, is_binary) = pieces(bytes);
    let length = bytes.map_or(0, <[u8]>::len);
    if is_binary {
        pieces.push((Style::Dim, format!(" ({length} bytes)")));
    }
    match columns {
        Some(columns) if columns < width(&pieces) => {
            cut(&pieces, columns, &format!("… ({length} bytes)"))
        }
        _ => pieces,
    }
}

/// How many columns of a terminal the text takes; those of East Asia take two for each of their letters.
fn width(line: &[Piece]) -> usize {
    line.iter().map(|(_, text)| text.width()).sum()
}

/// What fits into so many columns before `end`, and `end`.
fn cut(line: &[Piece], columns: usize, end: &str) -> Vec<Piece> {
    let mut left = columns.saturating_sub(end.width());
    let mut fits = Vec::new();
    for (style, text) in line {
        let is_over = |(_, letter): &(usize, char)| {
            let width = letter.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            !fits
        };
        let over = text.char_indices().find(is_over);
        fits.push((*style, text[..over.map_or(text.len(), |(at, _)| at)].to_owned()));
        if over.is_some() {
            break;
        }
    }
    fits.push((Style::Dim, end.to_owned()));
    fits
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

    const PIPED: Show = Show { paint: Paint { colored: false }, columns: None };

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

    fn in_columns(columns: usize, message: &Message) -> String {
        let line = Show { columns: Some(columns), ..PIPED }.record(message);
        assert!(line.width() <= columns, "{line}");
        line
    }

    // Goal: a line on a terminal is one line of it, whatever letters it is of.
    #[test]
    fn lines_are_cut_on_a_terminal_only() {
        let start = "2026-11-23T04:41:28.123Z  2/41  ";
        for letter in ["ü", "猫"] {
            let long = letter.repeat(60);
            let message = message(None, Some(long.as_bytes()));
            assert_eq!(PIPED.record(&message), format!("{start}{long}"));
            let end = format!("… ({} bytes)", long.len());
            let room = (80 - start.len() - end.width()) / letter.width();
            let shown = letter.repeat(room);
            assert_eq!(in_columns(80, &message), format!("{start}{shown}{end}"));
        }
        let fits = "ü".repeat(80 - start.len());
        let whole = message(None, Some(fits.as_bytes()));
        assert_eq!(in_columns(80, &whole), format!("{start}{fits}"));
    }

    #[test]
    fn json_is_cut_between_its_tokens_too() {
        let value = format!("[{}1]", "1,".repeat(300));
        let cut = in_columns(100, &message(None, Some(value.as_bytes())));
        assert!(cut.ends_with(&format!("… ({} bytes)", value.len())), "{cut}");
        assert!(cut.contains("  [1,1,1,"), "{cut}");
    }

    // Goal: what stands before the value leaves room for it, or is cut itself.
    #[test]
    fn whatever_is_long_is_cut() {
        let mut message = message(Some(&[b'k'; 200]), Some(b"value"));
        message.headers.push("h", vec![b'x'; 200]);
        let line = in_columns(140, &message);
        assert!(line.ends_with("… (200 bytes)]  value"), "{line}");
        for columns in 0..140 {
            let line = Show { columns: Some(columns), ..PIPED }.record(&message);
            assert!(line.width() <= columns.max(1), "{columns}: {line}");
        }
    }

    #[test]
    fn our_ids_are_short_on_a_terminal() {
        let mut id = [7; 21];
        id[0] = 0;
        id[13..].copy_from_slice(&1_234_u64.to_be_bytes());
        let mut message = message(None, Some(b"v"));
        message.headers.push(ID_HEADER, id.to_vec());
        assert!(in_columns(80, &message).ends_with("  [bookend-id=00070707…#1234]  v"));
        assert!(PIPED.record(&message).contains("[bookend-id=0x000707"));
        // What only has the name is shown as it is.
        let mut message = super::tests::message(None, Some(b"v"));
        message.headers.push(ID_HEADER, "mine");
        assert!(in_columns(80, &message).ends_with("  [bookend-id=mine]  v"));
    }

    #[test]
    fn colors_only_when_asked_for() {
        let message = message(None, Some(br#"{"a":1}"#));
        assert!(!PIPED.record(&message).contains('\x1b'));
        let colored = Show { paint: Paint { colored: true }, columns: Some(80) }.record(&message);
        assert!(colored.ends_with("{\x1b[36m\"a\"\x1b[0m:\x1b[33m1\x1b[0m}"), "{colored:?}");
    }
}
