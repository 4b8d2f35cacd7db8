//! What librdkafka's errors say, in words for people.
//!
//! Up the stream: whatever asks a cluster something.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// What librdkafka says of an error, without the names it has for it.
pub(super) fn words(error: &KafkaError) -> String {
    match error {
        // rust-rdkafka does not count it among those with a code.
        KafkaError::AdminOp(code) => code_words(*code),
        other => other.rdkafka_error_code().map_or_else(|| other.to_string(), code_words),
    }
}

/// `Local: Timed out` becomes `timed out`.
pub(super) fn code_words(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let inner = text.split_once('(').map_or(text.as_str(), |(_, rest)| rest.trim_end_matches(')'));
    let plain = ["Broker: ", "Local: "].iter().find_map(|prefix| inner.strip_prefix(prefix));
    let plain = plain.unwrap_or(inner);
    let mut letters = plain.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_speak_plainly() {
        let timed_out = KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut);
        assert_eq!(words(&timed_out), "timed out");
        let unsupported = KafkaError::AdminOp(RDKafkaErrorCode::UnsupportedFeature);
        assert_eq!(words(&unsupported), "required feature not supported by broker");
        assert_eq!(words(&KafkaError::Canceled), KafkaError::Canceled.to_string());
        let replication = code_words(RDKafkaErrorCode::InvalidReplicationFactor);
        assert_eq!(replication, "invalid replication factor");
    }
}
