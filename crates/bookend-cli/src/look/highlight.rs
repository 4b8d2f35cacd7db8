//! JSON, compact and in colors, without a change to what it says.
//!
//! It is not decoded and encoded again: numbers keep their digits, objects the order of their names, strings their
//! escapes. Only blanks between the tokens go.

use serde::de::IgnoredAny;

use super::{paint::Style, text::plain};

/// A piece of a line, and how it looks.
pub(super) type Piece = (Style, String);

/// The tokens of `text`; `None` where it is not one JSON value.
pub(super) fn json(text: &str) -> Option<Vec<Piece>> {
    // Deeper nesting than serde_json follows is shown as text.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start_matches([' ', '\t', '\r', '\n']);
        let style = match first {
            '"' if rest.starts_with(':') => Style::Name,
            '"' => Style::Text,
            '-' | '0'..='9' => Style::Number,
            't' | 'f' | 'n' => Style::Word,
            _ => Style::Plain,
        };
        pieces.push((style, plain(token).into_owned()));
    }
    Some(pieces)
}

/// The length of the string that `text` begins with, in bytes, quotes and all.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn joined(pieces: Vec<Piece>) -> String {
        pieces.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn only_blanks_go() {
        for (text, compact) in [
            (r#" { "b" : 1.0 , "a" : [ ] } "#, r#"{"b":1.0,"a":[]}"#),
            (
                r#"{"n":12345678901234567890123, "e":1E+2}"#,
                r#"{"n":12345678901234567890123,"e":1E+2}"#,
            ),
            (r#"" a \" , \\" "#, r#"" a \" , \\""#),
            ("\n[true,\tfalse, null]", "[true,false,null]"),
            ("42", "42"),
        ] {
            assert_eq!(json(text).map(joined).as_deref(), Some(compact), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "hello", "{", "{}{}", "'a'", "{\"a\":}", "nul", &"[".repeat(10_000)] {
            assert_eq!(json(text), None, "{text}");
        }
    }

    #[test]
    fn names_and_values_look_different() {
        let pieces = json(r#"{"a":"b","c":[1,null]}"#).unwrap();
        let style = |wanted: &str| pieces.iter().find(|(_, text)| text == wanted).unwrap().0;
        assert_eq!(
            ["\"a\"", "\"b\"", "1", "null", "{"].map(style),
            [Style::Name, Style::Text, Style::Number, Style::Word, Style::Plain]
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~ü]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[ -~]{0,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        // Goal: any JSON, with blanks or without, becomes what serde_json writes without.
        #[test]
        fn is_what_was_there(value in value()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let compact = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(json(&pretty).map(joined), Some(compact));
        }
    }
}
