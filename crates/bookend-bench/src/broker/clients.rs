//! librdkafka as it is: a producer that counts what is acknowledged, a consumer that counts what it reads.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};

/// How long anything may take before a run counts as failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What every producer is set to.
pub(super) const PRODUCER: [(&str, &str); 5] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("queue.buffering.max.messages", "1000000"),
    ("queue.buffering.max.kbytes", "1048576"),
    ("socket.nagle.disable", "true"),
];

/// What every consumer is set to. It never waits for room: all that is read at once fits its queue.
pub(super) const CONSUMER: [(&str, &str); 6] = [
    ("group.id", "bench"),
    ("enable.auto.commit", "false"),
    ("enable.partition.eof", "false"),
    ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "1048576"),
    ("socket.nagle.disable", "true"),
];

/// Settings as people read them.
pub(super) fn words(settings: &[(&str, &str)]) -> String {
    settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn config(address: &str, settings: &[(&str, &str)], more: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    for (name, value) in settings.iter().chain(more) {
        config.set(*name, *value);
    }
    config
}

/// Counts delivery reports.
#[derive(Debug, Default)]
struct Reports {
    acked: AtomicU64,
    refused: AtomicU64,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acked } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A producer.
pub(super) struct Sending(BaseProducer<Reports>);

impl Sending {
    pub(super) fn start(address: &str, more: &[(&str, &str)]) -> Result<Self> {
        let config = config(address, &PRODUCER, more);
        Ok(Self(config.create_with_context(Reports::default())?))
    }

    /// Hands one record over, and takes the reports that are there.
    pub(super) fn send(&self, topic: &str, value: &[u8]) -> Result<()> {
        self.hand_over(BaseRecord::to(topic).payload(value))
    }

    fn hand_over(&self, mut record: BaseRecord<'_, (), [u8]>) -> Result<()> {
        loop {
            match self.0.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    self.0.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes the reports that are there.
    pub(super) fn poll(&self) {
        self.0.poll(Duration::ZERO);
    }

    /// Sends `records` records, and returns when all are acknowledged.
    pub(super) fn send_all(&self, topic: &str, records: u32, values: &[Vec<u8>]) -> Result<()> {
        self.send_each(records, values, |_, value| BaseRecord::to(topic).payload(value))
    }

    /// As [`send_all`](Self::send_all), to each partition in turn: whoever does this has the same records in each.
    pub(super) fn fill(
        &self,
        topic: &str,
        partitions: i32,
        records: u32,
        values: &[Vec<u8>],
    ) -> Result<()> {
        let partitions = partitions.unsigned_abs();
        self.send_each(records, values, |number, value| {
            let partition = (number % partitions).cast_signed();
            BaseRecord::to(topic).partition(partition).payload(value)
        })
    }

    fn send_each<'a>(
        &self,
        records: u32,
        values: &'a [Vec<u8>],
        record: impl Fn(u32, &'a [u8]) -> BaseRecord<'a, (), [u8]>,
    ) -> Result<()> {
        let reports = self.0.context();
        let goal = reports.acked.load(Ordering::Relaxed) + u64::from(records);
        for (number, value) in (0..records).zip(values.iter().cycle()) {
            self.hand_over(record(number, value))?;
            if number % 256 == 0 {
                self.poll();
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while reports.acked.load(Ordering::Relaxed) < goal {
            self.0.poll(Duration::from_millis(10));
            let refused = reports.refused.load(Ordering::Relaxed);
            ensure!(refused == 0, "{refused} records were not acknowledged");
            ensure!(Instant::now() < deadline, "records were not acknowledged in time");
        }
        Ok(())
    }
}

/// A consumer that takes its partitions itself.
pub(super) struct Reading {
    consumer: BaseConsumer,
    partitions: TopicPartitionList,
}

impl Reading {
    /// One that reads these partitions of `topic`, from their beginning, as soon as it is told to.
    pub(super) fn start(
        address: &str,
        topic: &str,
        partitions: Range<i32>,
        more: &[(&str, &str)],
    ) -> Result<Self> {
        let consumer: BaseConsumer = config(address, &CONSUMER, more).create()?;
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition_offset(topic, partition, Offset::Offset(0))?;
        }
        Ok(Self { consumer, partitions: list })
    }

    /// Begins at the beginning.
    pub(super) fn begin(&self) -> Result<()> {
        Ok(self.consumer.assign(&self.partitions)?)
    }

    /// The next value, if one comes in time.
    pub(super) fn next<T>(
        &self,
        timeout: Duration,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>> {
        let Some(message) = self.consumer.poll(timeout) else { return Ok(None) };
        let message = message?;
        Ok(Some(take(message.payload().context("every record has a value")?)))
    }

    /// Reads `records` records from the beginning.
    pub(super) fn read_all(&self, records: u32) -> Result<()> {
        self.begin()?;
        let mut bytes = 0;
        for number in 0..records {
            match self.next(PATIENCE, <[u8]>::len)? {
                Some(length) => bytes += length,
                None => bail!("{number} of {records} records came in time"),
            }
        }
        ensure!(bytes > 0, "the records were empty");
        Ok(self.consumer.unassign()?)
    }
}

/// Creates topics.
pub(super) struct Admin {
    runtime: tokio::runtime::Runtime,
    client: AdminClient<DefaultClientContext>,
}

impl Admin {
    pub(super) fn start(address: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, client: config(address, &[], &[]).create()? })
    }

    pub(super) fn create(&self, topics: &[String], partitions: i32) -> Result<()> {
        let one = || TopicReplication::Fixed(1);
        let topics: Vec<_> =
            topics.iter().map(|name| NewTopic::new(name, partitions, one())).collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let created = self.runtime.block_on(self.client.create_topics(&topics, &options))?;
        for result in created {
            if let Err((topic, code)) = result {
                bail!("{topic} was not created: {code}");
            }
        }
        Ok(())
    }
}

/// Values of `bytes` bytes, of which the codecs can make about half.
pub(super) fn values(bytes: usize) -> Vec<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut random = 0x9e37_79b9_7f4a_7c15_u64; // the same in every run
    let mut digit = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        DIGITS[usize::try_from(random >> 60).unwrap_or(0)]
    };
    (0..1_000).map(|_| (0..bytes).map(|_| digit()).collect()).collect()
}
