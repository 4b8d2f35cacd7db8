//! The sender's [`Transport`] on librdkafka: one idempotent producer, and what it reports.
//!
//! Up the stream: the [`sender`](crate::sender)'s worker. Down the stream: brokers.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
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
use tracing::debug;

use super::{Kafka, context};
use crate::{
    sender::{
        Compression, Sender, SenderOptions, StartError,
        transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
    },
    topic::TopicName,
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
        let transport = Producer::new(&kafka, options.compression).map_err(StartError::Client)?;
        Self::start_on(transport, options)
    }
}

/// How long one look-up of a topic's partitions may take.
const LOOK_UP: Duration = Duration::from_secs(5);

/// How soon a topic that was not found is looked up again.
const LOOK_UP_AGAIN: Duration = Duration::from_millis(250);

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
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::UnknownPartition,
        ) => NotTaken::Refused(error.to_string()),
        // A topic that is gone may come back, and a fatal error never ends by itself: only a new producer helps.
        _ => NotTaken::Broken(error.to_string()),
    }
}

/// What is known of a topic's partitions.
#[derive(Debug, Clone, Copy)]
enum Partitions {
    Asked,
    Missing(Instant),
    Known(u32),
}

/// librdkafka's producer.
struct Producer {
    config: ClientConfig,
    client: Arc<BaseProducer<Reports>>,
    message_bytes_max: usize,
    partitions: HashMap<TopicName, Partitions>,
    answers: (mpsc::SyncSender<Answer>, mpsc::Receiver<Answer>),
}

type Answer = (TopicName, Option<u32>);

/// Answers of the look-up threads; each topic has one look-up at a time.
const ANSWERS_MAX: usize = 1_024;

impl Producer {
    /// Makes the client; connects in the background.
    fn new(kafka: &Kafka, compression: Compression) -> Result<Self, String> {
        let config = kafka.producer_config(compression.as_str());
        let client = Arc::new(create(&config)?);
        let message_bytes_max = config.get("message.max.bytes").and_then(|max| max.parse().ok());
        Ok(Self {
            config,
            client,
            message_bytes_max: message_bytes_max.unwrap_or(MESSAGE_BYTES_MAX),
            partitions: HashMap::new(),
            answers: mpsc::sync_channel(ANSWERS_MAX),
        })
    }

    /// Asks on a thread of its own: librdkafka's look-up blocks.
    fn look_up(&self, topic: &TopicName) {
        let (topic, client) = (topic.clone(), Arc::clone(&self.client));
        let answers = self.answers.0.clone();
        let look = move || {
            let count = count_partitions(&client, &topic);
            drop(client);
            drop(answers.send((topic, count)));
        };
        let thread = thread::Builder::new().name("bookend-lookup".to_owned()).spawn(look);
        if let Err(error) = thread {
            tracing::warn!(%error, "no thread to look up a topic's partitions");
        }
    }
}

fn create(config: &ClientConfig) -> Result<BaseProducer<Reports>, String> {
    config.create_with_context(Reports::default()).map_err(|error| error.to_string())
}

fn count_partitions(client: &BaseProducer<Reports>, topic: &TopicName) -> Option<u32> {
    match client.client().fetch_metadata(Some(topic.as_str()), LOOK_UP) {
        Ok(metadata) => {
            let found = metadata.topics().iter().find(|found| found.name() == topic.as_str())?;
            u32::try_from(found.partitions().len()).ok().filter(|&count| count > 0)
        }
        Err(error) => {
            debug!(%topic, %error, "the partitions are not known yet");
            None
        }
    }
}

impl Transport for Producer {
    fn partitions(&mut self, topic: &TopicName) -> Option<u32> {
        for (topic, count) in self.answers.1.try_iter() {
            let known =
                count.map_or_else(|| Partitions::Missing(Instant::now()), Partitions::Known);
            self.partitions.insert(topic, known);
        }
        match self.partitions.get(topic) {
            Some(Partitions::Known(count)) => return Some(*count),
            Some(Partitions::Asked) => return None,
            Some(Partitions::Missing(since)) if since.elapsed() < LOOK_UP_AGAIN => return None,
            Some(Partitions::Missing(_)) | None => {}
        }
        self.partitions.insert(topic.clone(), Partitions::Asked);
        self.look_up(topic);
        None
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
        if !message.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(message.headers.len());
            record = record.headers(message.headers.iter().fold(headers, |headers, header| {
                let value = header.value.as_deref();
                headers.insert(Header { key: &header.name, value })
            }));
        }
        self.client.send::<[u8], [u8]>(record).map_err(|(error, _)| not_taken(&error))
    }

    fn poll(&mut self, wait: Duration, reports: &mut Vec<Report>) {
        // One poll serves one event; an event holds the reports of one batch.
        let deadline = Instant::now() + wait;
        loop {
            self.client.poll(deadline.saturating_duration_since(Instant::now()));
            let new = mem::take(&mut *self.client.context().lock());
            if new.is_empty() {
                return;
            }
            reports.extend(new);
        }
    }

    fn purge(&mut self, reports: &mut Vec<Report>) {
        self.client.purge(PurgeConfig::default().queue().inflight());
        self.poll(PURGE, reports);
    }

    fn rebuild(&mut self) -> Result<(), String> {
        let client = Arc::new(create(&self.config)?);
        // What the old client still reports goes down with its context.
        self.client.purge(PurgeConfig::default().queue().inflight());
        self.client = client;
        Ok(())
    }
}

fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
