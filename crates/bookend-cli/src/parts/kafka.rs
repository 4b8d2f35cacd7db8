//! The connection to Kafka: settings checked, a broker that answers, topics that exist.

use std::time::Duration;

use bookend::{
    Kafka, Module, Token,
    kafka::{Cluster, KafkaOptions, TopicSpec},
};

use crate::{cli::ClusterArgs, signals::Stop};

/// Which Kafka, as the command line or the built-in broker says.
pub(crate) const BROKERS: Token<KafkaOptions> = Token::new("BROKERS");
/// Checked settings; connects nothing.
pub(super) const KAFKA: Token<Kafka> = Token::new("KAFKA");
/// The cluster that answered, and has our topics.
pub(crate) const TOPICS: Token<Cluster> = Token::new("TOPICS");

/// The topics of the three paths.
pub(super) const FIRST_TOPIC: &str = "FIRST_TOPIC";
pub(super) const SECOND_TOPIC: &str = "SECOND_TOPIC";
pub(super) const TXT_ELAPSED: &str = "TXT_ELAPSED";
const PARTITIONS: u32 = 3;

/// How long a command waits for a broker before it gives up. Once it has started it never does.
const BROKER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Asked to stop while it waited for a broker.
#[derive(Debug, thiserror::Error)]
#[error("stopped before a Kafka broker had answered")]
pub(crate) struct StoppedEarly;

/// Provides [`KAFKA`] and [`TOPICS`] from [`BROKERS`]; a stop ends the wait for a broker with [`StoppedEarly`].
pub(crate) fn kafka<'m>(module: Module<'m>, stop: &'m Stop) -> Module<'m> {
    module.provide(KAFKA, (BROKERS,), async |(options,)| Kafka::new(options)).provide(
        TOPICS,
        (KAFKA,),
        async |(kafka,)| {
            let ready = tokio::select! {
                ready = kafka.ready(BROKER_WAIT_MAX) => ready,
                () = stop.asked() => return Err(StoppedEarly.into()),
            };
            let cluster = ready.map_err(|error| {
                format!("{error}; start one with `bookend broker`, or name others with --brokers")
            })?;
            let specs = [FIRST_TOPIC, SECOND_TOPIC, TXT_ELAPSED]
                .map(|name| TopicSpec::new(name).map(|spec| spec.partitions(PARTITIONS)))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            kafka.ensure_topics(&specs).await?;
            Ok::<_, bookend::module::BoxError>(cluster)
        },
    )
}

/// Provides [`BROKERS`] as the command line says.
pub(crate) fn external(module: Module<'_>, args: ClusterArgs) -> Module<'_> {
    let settings = args.kafka;
    module.provide_value(BROKERS, KafkaOptions { settings, ..KafkaOptions::new(args.brokers) })
}
