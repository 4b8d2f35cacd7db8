//! What travels from client to server: one measurement of one text.

use serde::{Deserialize, Serialize};

/// On the wire `{"textLength": n, "responseTime": ms}`, as the first system wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TextElapsed {
    /// In UTF-16 code units, which is JavaScript's `text.length`.
    pub(crate) text_length: u64,
    /// In milliseconds.
    pub(crate) response_time: u64,
}

/// JavaScript's `text.length`: UTF-16 code units, so `é` counts 1 and `🦀` counts 2.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_javascripts() {
        for (text, length) in
            [("", 0), ("abc", 3), ("é", 1), ("🦀", 2), ("e\u{301}", 2), ("日本", 2)]
        {
            assert_eq!(utf16_len(text), length, "{text}");
        }
    }

    #[test]
    fn on_the_wire_as_the_first_system_wrote_it() {
        let message = TextElapsed { text_length: 17, response_time: 601 };
        let text = r#"{"textLength":17,"responseTime":601}"#;
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        assert_eq!(serde_json::from_str::<TextElapsed>(text).unwrap(), message);
    }
}
