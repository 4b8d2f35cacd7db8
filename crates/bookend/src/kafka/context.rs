//! Sends what librdkafka has to say to `tracing`, under the target `librdkafka`.

use rdkafka::{ClientContext, config::RDKafkaLogLevel, error::KafkaError};
use tracing::{debug, error, info, warn};

/// The context of clients that only need their words heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logged;

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_error(&error, reason);
    }
}

/// One line of librdkafka's log.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            error!(target: "librdkafka", facility, "{text}");
        }
        // librdkafka logs each refused connection as an error; while a broker is away that is one a second.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            info!(target: "librdkafka", facility, "{text}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            debug!(target: "librdkafka", facility, "{text}");
        }
    }
}

/// An error of the client as a whole. librdkafka goes on by itself unless it is fatal.
pub(super) fn client_error(error: &KafkaError, reason: &str) {
    if error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::Fatal) {
        error!(target: "librdkafka", %error, "{reason}");
    } else {
        warn!(target: "librdkafka", "{reason}");
    }
}
