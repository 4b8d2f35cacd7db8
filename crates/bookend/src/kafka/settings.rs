//! Which settings of librdkafka a user may choose, and why the others not.
//!
//! Up the stream: [`KafkaOptions`](super::KafkaOptions), from flags and configuration.

use rdkafka::{
    ClientConfig,
    consumer::BaseConsumer,
    error::{KafkaError, KafkaResult},
    producer::BaseProducer,
};

use super::{Kafka, KafkaOptions};

/// Settings that carry a promise, each with the reason it cannot be chosen.
const REFUSED: &[(&str, &str)] = &[
    ("bootstrap.servers", "the brokers have an option of their own"),
    ("metadata.broker.list", "the brokers have an option of their own"),
    ("client.id", "the client id has an option of its own"),
    ("group.id", "the service's name is its consumer group"),
    ("enable.idempotence", "without it a retry writes a message twice"),
    ("acks", "fewer than all would call a message safe that a failing broker loses"),
    (
        "request.required.acks",
        "fewer than all would call a message safe that a failing broker loses",
    ),
    ("message.timeout.ms", "a message that times out is neither lost nor safe"),
    ("delivery.timeout.ms", "a message that times out is neither lost nor safe"),
    ("linger.ms", "batches have their own linger"),
    ("queue.buffering.max.ms", "batches have their own linger"),
    ("batch.size", "batches have their own limit"),
    ("batch.num.messages", "batches have their own limit"),
    ("queue.buffering.max.messages", "the sender's budget bounds what is handed over"),
    ("queue.buffering.max.kbytes", "the sender's budget bounds what is handed over"),
    (
        "delivery.report.only.error",
        "a message is safe when its report says so, and none may be left out",
    ),
    ("topic.blacklist", "messages to such a topic would wait for ever"),
    ("test.mock.num.brokers", "the brokers have an option of their own"),
    ("compression.type", "the sender has an option of its own"),
    ("compression.codec", "the sender has an option of its own"),
    ("partitioner", "the sender picks partitions itself, by murmur2 of the key"),
    ("transactional.id", "the sender is idempotent, not transactional"),
    ("enable.auto.commit", "only settled messages are committed"),
    ("auto.commit.enable", "only settled messages are committed"),
    ("enable.auto.offset.store", "only settled messages are committed"),
    ("auto.offset.reset", "a lost position is an error with a choice, never a silent jump"),
    ("partition.assignment.strategy", "a service rebalances cooperatively"),
    ("group.protocol", "a service rebalances by the classic protocol"),
    ("statistics.interval.ms", "the service asks once a second, for lag and health"),
    ("enable.partition.eof", "the service does not look for ends"),
];

/// One setting that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSetting {
    /// The setting's name.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// Settings that cannot be used, all of them. Remove or correct each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct InvalidSettings {
    /// Every refused setting.
    pub refused: Vec<RefusedSetting>,
}

impl InvalidSettings {
    fn sentence(&self) -> String {
        let each = self.refused.iter().map(|one| format!("`{}`: {}", one.key, one.reason));
        format!("Kafka settings that cannot be used: {}", each.collect::<Vec<_>>().join("; "))
    }
}

/// Finds every setting that is refused by us or by librdkafka.
pub(super) fn check(options: &KafkaOptions) -> Result<(), InvalidSettings> {
    let mut refused = Vec::new();
    let mut refuse = |key: &str, reason: &str| {
        refused.push(RefusedSetting { key: key.to_owned(), reason: reason.to_owned() });
    };
    if options.brokers.split(',').any(|broker| broker.trim().is_empty()) {
        refuse("brokers", "name at least one as `host:port`, several with commas between");
    }
    for (key, value) in &options.settings {
        if let Some((_, reason)) = REFUSED.iter().find(|(name, _)| name == key) {
            refuse(key, reason);
        } else if let Err(reason) = librdkafka_takes(key, value) {
            refuse(key, &reason);
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(InvalidSettings { refused }) }
}

/// Some settings are refused only beside others. librdkafka says so when a client is made; without brokers it
/// connects nowhere.
pub(super) fn check_together(kafka: &Kafka) -> Result<(), InvalidSettings> {
    let unconnected = |mut config: ClientConfig| {
        config.remove("bootstrap.servers");
        config
    };
    let producer: KafkaResult<BaseProducer> =
        unconnected(kafka.producer_config("none", 1)).create();
    let consumer: KafkaResult<BaseConsumer> = unconnected(kafka.consumer_config("check")).create();
    let Some(error) = producer.err().or(consumer.err()) else { return Ok(()) };
    let reason = match error {
        KafkaError::ClientCreation(reason) => reason,
        other => other.to_string(),
    };
    let key = "these together".to_owned();
    Err(InvalidSettings { refused: vec![RefusedSetting { key, reason }] })
}

fn librdkafka_takes(key: &str, value: &str) -> Result<(), String> {
    let mut config = ClientConfig::new();
    config.set(key, value);
    match config.create_native_config() {
        Err(KafkaError::ClientConfig(_, description, _, _)) => Err(description),
        Err(other) => Err(other.to_string()),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &[(&str, &str)]) -> Vec<String> {
        let mut options = KafkaOptions::new("localhost:9092");
        options.settings =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        check(&options)
            .err()
            .into_iter()
            .flat_map(|invalid| invalid.refused)
            .map(|one| one.key)
            .collect()
    }

    // Goal: promises cannot be set away, typos are found, and all faults come together.
    #[test]
    fn refuses_promises_and_typos_together() {
        assert!(
            refused(&[("security.protocol", "sasl_ssl"), ("sasl.mechanisms", "PLAIN")]).is_empty()
        );
        assert_eq!(
            refused(&[("acks", "1"), ("no.such.setting", "x"), ("socket.timeout.ms", "never")]),
            ["acks", "no.such.setting", "socket.timeout.ms"]
        );
    }

    // Goal: what the README promises is compiled in.
    #[test]
    fn tls_and_every_codec_are_compiled_in() {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            assert_eq!(librdkafka_takes("compression.type", codec), Ok(()), "{codec}");
        }
        assert_eq!(librdkafka_takes("security.protocol", "ssl"), Ok(()));
        assert_eq!(librdkafka_takes("sasl.mechanisms", "SCRAM-SHA-512"), Ok(()));
    }

    // Goal: settings that are wrong only together are found before anything is connected.
    #[test]
    fn refuses_what_is_wrong_together() {
        let mut options = KafkaOptions::new("localhost:9092");
        options.settings.push(("receive.message.max.bytes".to_owned(), "1000".to_owned()));
        let refused = Kafka::new(options).unwrap_err().to_string();
        assert!(refused.contains("receive.message.max.bytes"), "{refused}");
    }

    #[test]
    fn refuses_no_brokers() {
        assert!(check(&KafkaOptions::new(" ")).is_err());
    }
}
