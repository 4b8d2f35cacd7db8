//! A Kafka-protocol broker inside one process, for a first run, for development and for tests.
//!
//! ```text
//!            frames          requests                 ┌─▶ catalog    topics, ids
//!  clients ─────────▶ server ─────────▶ wire ─────────┼─▶ partition  record batches ─▶ bookend-log
//!          ◀─────────  in order  ◀───── one file      ├─▶ group      who works on what
//!                                       per API       └─▶ offsets    how far they have come
//! ```
//!
//! Any ordinary client works against it: librdkafka, kafkajs, the Java clients and others produce, consume in
//! groups, commit and resume. It is one node, for a first run, for development and for tests; for production there is
//! Apache Kafka, to which the same clients connect unchanged.
//!
//! ```
//! use bookend_broker::Broker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), bookend_broker::StartError> {
//! let broker = Broker::builder().partitions(1).start().await?;
//! println!("bootstrap.servers={}", broker.bootstrap());
//! broker.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # In a test with a Kafka client
//!
//! A broker starts in milliseconds, on a free port, with its data in a temporary folder, so each test has its own. It
//! runs on threads of its own: a client may block the only thread of a plain `#[tokio::test]`, as librdkafka does when
//! a consumer is dropped, and is answered all the same. With `rdkafka`, and with `bookend` likewise, whose
//! `KafkaOptions::new` takes [`Broker::bootstrap`]:
//!
//! ```text
//! #[tokio::test]
//! async fn an_order_arrives_though_the_answer_is_lost() {
//!     let broker = Broker::builder().start().await.unwrap();
//!     let producer: FutureProducer = ClientConfig::new()
//!         .set("bootstrap.servers", broker.bootstrap())
//!         .set("enable.idempotence", "true")
//!         .create()
//!         .unwrap();
//!     let cut = broker.inject(Fault::cut_after().on(Api::Produce).topic("orders"));
//!     producer.send(FutureRecord::to("orders").key("1").payload("tea"), None).await.unwrap();
//!     assert_eq!(cut.struck(), 1); // and the order is there once
//!     broker.stop().await;
//! }
//! ```
//!
//! Clients keep errors that can be tried again to themselves, and many show of a refusal only its code. What the
//! broker refuses and why is in its log, as `tracing` events: a `tracing_subscriber::fmt::init()` shows them.
//!
//! # Faults
//!
//! A [`Fault`] says what goes wrong, where, and how often; [`Broker::inject`] orders it, and the [`Injected`] it
//! returns tells how often it struck, waits for that, and lifts it. `examples/faults.rs` is a whole test.
//!
//! ```
//! use bookend_broker::{Api, Broker, ErrorCode, Fault};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), bookend_broker::StartError> {
//! let broker = Broker::builder().start().await?;
//! // Partition 0 of `orders` has no leader, until it has one again; other partitions do.
//! let leaderless = Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER).on(Api::Produce).partition("orders", 0);
//! let leaderless = broker.inject(leaderless.until_lifted());
//! // The code under test sends here, and tries again: `leaderless.has_struck(3).await` waits for that.
//! leaderless.lift();
//! // The broker goes away for everyone, and comes back.
//! let away = broker.inject(Fault::refuse_connections().until_lifted());
//! broker.cut_connections();
//! away.lift();
//! # broker.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does, and what it does not
//!
//! - **Records**: batches are stored and served byte for byte in the codec they came in, be it gzip, snappy, lz4 or
//!   zstd. An idempotent producer's batches are stored once and in order. One that is silent is forgotten and then
//!   counts as new (KIP-360): after a day, or to make room where a partition knows 10,000 of them, or more than
//!   a few while all partitions know 100,000. Transactions are not supported.
//! - **Groups**: the classic protocol with its rebalances, static members, committed offsets that expire, and what
//!   admin clients ask about groups and order. The newer protocol of KIP-848 is not supported; clients fall back or are to be
//!   set to `group.protocol=classic`, their default.
//! - **Topics**: created, grown, deleted and described by admin clients. A topic is also created when a client first asks for it, as
//!   clients that produce do, unless [`BrokerBuilder::auto_create`] forbids it; it gets 3 partitions, or what
//!   [`BrokerBuilder::partitions`] says. There is one replica.
//! - **What is acknowledged** is in the operating system's hands, so it survives `kill -9` of the process; [`Fsync`]
//!   says what a power cut may take.
//! - **Clients** are not authenticated, and nothing is encrypted; it listens on this host alone unless
//!   [`BrokerBuilder::listen`] says more. Requests are not trusted: their size is limited, no length in them is
//!   believed before it is checked, and one that is malformed closes its connection and nothing else. [`Limits`] bound
//!   what clients may take.
//!
//! These settings of a topic are honored; any other that would change something is refused, and the log says so.
//!
//! | Setting | Default | |
//! |---|---|---|
//! | `max.message.bytes` | 1048588 | the largest record batch taken, after compression |
//! | `message.timestamp.type` | `CreateTime` | or `LogAppendTime`, the time of the append |
//! | `retention.bytes` | -1, no limit | how large a partition may grow; old segments are deleted |
//! | `retention.ms` | 604800000, seven days | how old records may become; -1 is for ever |
//! | `segment.bytes` | 67108864 | the size at which a segment is closed; space comes back by whole segments |
//!
//! Compaction (`cleanup.policy=compact`) is not among them.

mod server;
mod wire;
mod group;
mod partition;
mod catalog;
mod settings;
mod offsets;
mod node;
mod folder;
mod memory;
mod buffers;
mod records;
mod seldom;
mod error;
mod fault;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use self::wire::fuzzing;
pub use bookend_log::Fsync;

pub use self::{
    error::StartError,
    fault::{Api, ErrorCode, Fault, Injected},
    server::{Broker, BrokerBuilder, Limits},
};
