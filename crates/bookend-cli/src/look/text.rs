//! Bytes as people can read them: text without control characters, or hexadecimal.

use std::borrow::Cow;

/// The bytes as text; `None` where they are none. Text has no NUL: our message ids, which begin with one, and other
/// binary values are not mistaken for text, whatever their other bytes are.
pub(super) fn as_text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The text with its control characters spelled out, so that it stays on its line and moves no cursor.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if letter.is_control() {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// The bytes as `0x00ff`.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
    ["0", "x"].into_iter().flat_map(str::chars).chain(bytes.iter().flat_map(digits)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        for (bytes, text) in [
            (&b"plain"[..], Some("plain")),
            ("ünï\tcode\u{1b}[31m".as_bytes(), Some("ünï\tcode\u{1b}[31m")),
            (b"", Some("")),
            (b"\0all of it ASCII, 21 b", None),
            (b"\xff\xfe", None),
        ] {
            assert_eq!(as_text(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn control_characters_are_spelled_out() {
        for (text, shown) in [
            ("as it is: \\ \" ü", "as it is: \\ \" ü"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b[2J\u{9b}2J\x7f", "\\u{1b}[2J\\u{9b}2J\\u{7f}"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "0x000fa0ff");
    }
}
