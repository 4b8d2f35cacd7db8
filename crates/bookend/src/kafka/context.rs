//! Sends what librdkafka has to say to `tracing`, under the target `librdkafka`.

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError,
    types::RDKafkaErrorCode,
};
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

impl ConsumerContext for Logged {}

/// One line of librdkafka's log.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            error!(target: "librdkafka", facility, "{text}");
        }
        // Each connection that fails, again and again while a broker is away; `client_error` hears of it too.
        RDKafkaLogLevel::Error if matches!(facility, "FAIL" | "ERROR") => {
            debug!(target: "librdkafka", facility, "{text}");
        }
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
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::Fatal) => error!(target: "librdkafka", %error, "{reason}"),
        // Sender and service say once that Kafka is away, and once that it is back. A partition's end is no error.
        Some(
            Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::OperationTimedOut
            | Code::PartitionEOF,
        ) => {
            debug!(target: "librdkafka", "{reason}");
        }
        _ => warn!(target: "librdkafka", "{reason}"),
    }
}
