//! The sender's [`Transport`] on librdkafka: one idempotent producer, and what it reports.
//!
//! Up the stream: the [`sender`](crate::sender)'s worker. Down the stream: brokers.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::{
    Kafka, context,
    partitions::{self, PartitionCounts},
};
use crate::{
    record::{ID_HEADER, MessageId},
    sender::{
        Sender, SenderOptions, StartError,
        transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
    },
    topic::TopicName,
};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{
        BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig,
    },
    types::RDKafkaErrorCode,
};

impl Sender {
    /// Starts a sender on `kafka`. Succeeds without a broker: messages then wait for one.
    ///
    /// # Errors
    /// [`StartError`] when the client or the thread cannot be made.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a dependency is handed over, as providers do"
    )]
    pub fn start(kafka: Kafka, options: SenderOptions) -> Result<Self, StartError> {
        let transport = Producer::new(&kafka, &options).map_err(StartError::Client)?;
        Self::start_on(transport, options)
    }
}

/// librdkafka's default of `message.max.bytes`.
const MESSAGE_BYTES_MAX: usize = 1_000_000;

/// How long the purge of a shutdown waits for its reports.
const PURGE: Duration = Duration::from_millis(500);

/// Delivery reports, left by librdkafka's callback for the worker. Both run on the worker's thread, in `poll`.
#[derive(Debug, Default)]
struct Reports(Mutex<Vec<Report>>);

impl Reports {
    fn lock(&self) -> MutexGuard<'_, Vec<Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        context::log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        context::client_error(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let verdict = match result {
            Ok(_) => Verdict::Acked,
            Err((error, _)) => verdict(error),
        };
        self.lock().push(Report { ticket: Ticket(ticket), verdict });
    }
}

fn verdict(error: &KafkaError) -> Verdict {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::PurgeQueue) => Verdict::Unsent,
        Some(Code::PurgeInflight) => Verdict::Unknown,
        _ => Verdict::Failed(not_taken(error)),
    }
}

/// Whether a message failed alone, or the producer with it.
fn not_taken(error: &KafkaError) -> NotTaken {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => NotTaken::Busy,
        Some(Code::MessageSizeTooLarge | Code::MessageBatchTooLarge) => NotTaken::TooLarge,
        // The message itself is at fault; sending it again would change nothing.
        Some(
            Code::InvalidMessage
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::PolicyViolation
            | Code::UnknownPartition,
        ) => NotTaken::Refused(error.to_string()),
        // A topic that is gone may come back, a right may be given, and a fatal error never ends by itself: a new
        // producer tries again.
        _ => NotTaken::Broken(error.to_string()),
    }
}

/// librdkafka's producer.
struct Producer {
    config: ClientConfig,
    client: Arc<BaseProducer<Reports>>,
    message_bytes_max: usize,
    partitions: PartitionCounts,
}

impl Producer {
    /// Makes the client; connects in the background.
    fn new(kafka: &Kafka, options: &SenderOptions) -> Result<Self, String> {
        let config = kafka.producer_config(options.compression.as_str(), options.batch.bytes_max);
        let client = Arc::new(create(&config)?);
        let message_bytes_max = config.get("message.max.bytes").and_then(|max| max.parse().ok());
        Ok(Self {
            config,
            client,
            message_bytes_max: message_bytes_max.unwrap_or(MESSAGE_BYTES_MAX),
            partitions: PartitionCounts::new(),
        })
    }
}

fn create(config: &ClientConfig) -> Result<BaseProducer<Reports>, String> {
    config.create_with_context(Reports::default()).map_err(|error| error.to_string())
}

impl Transport for Producer {
    fn partitions(&mut self, topic: &TopicName) -> Option<u32> {
        let client = &self.client;
        self.partitions.count(topic, Instant::now(), |topic| {
            let client = Arc::clone(client);
            move || partitions::look_up(client.client(), &topic)
        })
    }

    fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    fn send(&mut self, ticket: Ticket, message: Outgoing<'_>) -> Result<(), NotTaken> {
        let mut record = BaseRecord::with_opaque_to(message.topic.as_str(), ticket.0)
            .partition(message.partition.0)
            .payload(message.value.as_ref())
            .timestamp(millis(message.created_at));
        if let Some(key) = message.key {
            record = record.key(key.as_ref());
        }
        if let Some(headers) = headers(&message) {
            record = record.headers(headers);
        }
        self.client.send::<[u8], [u8]>(record).map_err(|(error, _)| not_taken(&error))
    }

    fn poll(&mut self, reports: &mut Vec<Report>) {
        // Without a wait, a poll serves one event; an event holds the reports of one batch.
        loop {
            self.client.poll(Duration::ZERO);
            let new = mem::take(&mut *self.client.context().lock());
            if new.is_empty() {
                return;
            }
            reports.extend(new);
        }
    }

    fn purge(&mut self, reports: &mut Vec<Report>) {
        self.client.purge(PurgeConfig::default().queue().inflight());
        self.client.poll(PURGE);
        self.poll(reports);
    }

    fn rebuild(&mut self) -> Result<(), String> {
        let client = Arc::new(create(&self.config)?);
        // What the old client still reports goes down with its context.
        self.client.purge(PurgeConfig::default().queue().inflight());
        self.client = client;
        Ok(())
    }
}

/// The headers with the id behind them; `None` when there are neither.
fn headers(message: &Outgoing<'_>) -> Option<OwnedHeaders> {
    let id = message.id.map(MessageId::to_bytes);
    let count = message.headers.len() + usize::from(id.is_some());
    let own = message.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref()));
    let all = own.chain(id.as_ref().map(|id| (ID_HEADER, Some(&id[..]))));
    (count > 0).then(|| {
        all.fold(OwnedHeaders::new_with_capacity(count), |headers, (key, value)| {
            headers.insert(Header { key, value })
        })
    })
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
