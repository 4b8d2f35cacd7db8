//! The connection of those who look: any Kafka, as the command line names it.

use std::time::Duration;

use bookend::{
    Kafka, TopicName,
    kafka::{Admin, KafkaOptions, TopicInfo},
};
use serde::Serialize;

use crate::{
    cli::ClusterArgs,
    exit::{CannotStart, Ending, print},
    look::no_such,
    signals::Stop,
};

/// How long a command waits for a broker before it gives up.
const BROKER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Checks the settings, and waits for a broker.
pub(super) async fn connect(args: &ClusterArgs) -> anyhow::Result<(Kafka, Admin)> {
    let settings = args.kafka.clone();
    let kafka = Kafka::new(KafkaOptions { settings, ..KafkaOptions::new(&args.brokers) })
        .map_err(CannotStart::because)?;
    let admin = kafka.admin(BROKER_WAIT_MAX).await.map_err(|error| {
        CannotStart::because(format!(
            "{error}; start one with `bookend broker`, or name others with --brokers"
        ))
    })?;
    Ok((kafka, admin))
}

/// Runs a command that has nothing to finish: a stop cuts it off.
pub(super) async fn unless_stopped(
    stop: &Stop,
    command: impl Future<Output = anyhow::Result<Ending>>,
) -> anyhow::Result<Ending> {
    tokio::select! {
        ended = command => ended,
        () = stop.asked() => anyhow::bail!("stopped before it was done"),
    }
}

/// The topic of this name, or an error that says what there is.
pub(super) fn find<'a>(topics: &'a [TopicInfo], name: &TopicName) -> anyhow::Result<&'a TopicInfo> {
    topics.iter().find(|topic| topic.name == *name).ok_or_else(|| {
        let there = topics.iter().filter(|topic| !topic.is_internal());
        no_such("topic", name.as_str(), there.map(|topic| topic.name.as_str()))
    })
}

/// A number, or `-` where there is none.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Prints one document of JSON.
pub(super) fn print_json(document: &impl Serialize) {
    print(&serde_json::to_string(document).expect("numbers and texts are always JSON"));
}
