//! The only room that knows the Kafka client, librdkafka by way of `rdkafka`.
//!
//! [`Kafka`] is checked settings; it connects nothing. Down the stream the sender's transport
//! (`producer`), the service's consumer, and what looks after a cluster (`cluster`, `admin`, `tail`) connect with them.

mod settings;
mod context;
mod words;
mod cluster;
mod admin;
mod tail;
mod watch;
mod producer;
mod partitions;
mod callbacks;
mod committer;
mod consumer;

pub use self::{
    admin::{
        Admin, AdminError, BrokerId, GroupInfo, GroupState, MemberInfo, OffsetRange, PartitionInfo,
        TopicInfo,
    },
    cluster::{Cluster, TopicError, TopicSpec, Unreachable},
    consumer::GroupMember,
    settings::{InvalidSettings, RefusedSetting},
    tail::{Tail, Tailed},
};

use rdkafka::ClientConfig;

/// librdkafka's largest `batch.size`.
const BATCH_BYTES_MAX: usize = 2_147_483_647;

/// In whose name a [`Tail`] reads. No group of this name ever exists.
const TAIL_GROUP: &str = "bookend-tail";

/// What a service may choose about its connection. Every value is checked by [`Kafka::new`].
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// `host:port`, several with commas between.
    pub brokers: String,
    /// The name by which brokers know this client in their logs and quotas.
    pub client_id: String,
    /// Any further setting of librdkafka as `(key, value)`: TLS, SASL, timeouts … Settings that carry one of
    /// Bookend's promises are refused with the reason.
    /// See <https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>.
    pub settings: Vec<(String, String)>,
}

impl KafkaOptions {
    /// Options for these brokers, nothing else set.
    #[must_use]
    pub fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), client_id: "bookend".to_owned(), settings: Vec::new() }
    }
}

/// A Kafka cluster that one may connect to: settings that were checked. Cloning is cheap enough for set-up code.
///
/// ```
/// use bookend::kafka::{Kafka, KafkaOptions};
///
/// let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
///
/// let mut wrong = KafkaOptions::new("localhost:9092");
/// wrong.settings.push(("acks".into(), "0".into()));
/// assert!(Kafka::new(wrong).unwrap_err().to_string().contains("acks"));
/// # Ok::<(), bookend::kafka::InvalidSettings>(())
/// ```
#[derive(Debug, Clone)]
pub struct Kafka {
    options: KafkaOptions,
}

impl Kafka {
    /// Checks every setting; connects nothing.
    ///
    /// # Errors
    /// [`InvalidSettings`] lists all refused settings, each with its reason.
    pub fn new(options: KafkaOptions) -> Result<Self, InvalidSettings> {
        settings::check(&options)?;
        let kafka = Self { options };
        settings::check_together(&kafka)?;
        Ok(kafka)
    }

    /// The brokers as they were given.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.options.brokers
    }

    /// What every client of this cluster has in common.
    fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.options.brokers);
        config.set("client.id", &self.options.client_id);
        // A broker that is back is found within a second rather than ten.
        config.set("reconnect.backoff.max.ms", "1000");
        // Without it, a small write waits for the acknowledgment of the one before.
        config.set("socket.nagle.disable", "true");
        for (key, value) in &self.options.settings {
            config.set(key, value);
        }
        config
    }

    /// The settings of the sender's producer; those that carry a promise come last and win.
    pub(crate) fn producer_config(
        &self,
        compression: &str,
        batch_bytes_max: usize,
    ) -> ClientConfig {
        let mut config = self.client_config();
        config
            .set("compression.type", compression)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Never times a message out: an unknown outcome exists only at a crash or a deadline.
            .set("message.timeout.ms", "0")
            // Our batch decides when; with 0, a hundred batches of ten became 375 requests.
            .set("linger.ms", "1")
            // What librdkafka packs into one request is no larger than our batch: a topic may allow no more.
            .set("batch.size", batch_bytes_max.clamp(1, BATCH_BYTES_MAX).to_string())
            // The hand-over is bounded by our own budget, far below these.
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "1048576");
        config
    }

    /// The settings of a client that looks at a cluster and changes nothing by looking.
    fn looking_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config
            // A partition ends where its log does, also while a transaction is open.
            .set("isolation.level", "read_uncommitted")
            .set("allow.auto.create.topics", "false")
            .set("enable.auto.commit", "false");
        config
    }

    /// The settings of a reader of one topic, which is no member of any group and commits nothing.
    fn tail_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config
            // librdkafka reads only in some group's name; nothing subscribes, so the group never has a member.
            .set("group.id", TAIL_GROUP)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true")
            // Whoever only looks goes on where the log begins now; the offsets show the gap.
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true");
        config
    }

    /// The settings of a service's consumer; those that carry a promise come last and win.
    pub(crate) fn consumer_config(&self, group: &str) -> ClientConfig {
        let mut config = self.client_config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // An offset beyond the log's end is an error with a choice, never a silent jump.
            .set("auto.offset.reset", "error")
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Librdkafka would believe what a disk or a network garbled.
            .set("check.crcs", "true")
            .set("enable.partition.eof", "false")
            .set("fetch.queue.backoff.ms", "50");
        config
    }
}
