//! Looks at a cluster and changes it: its topics, its groups, and where both stand.
//!
//! Up the stream: [`Kafka`]. Neighbors: tools for people, such as `bookend topics`. What a service needs at its own start
//! is in [`cluster`](super::cluster).

mod assignment;
mod error;
mod groups;
mod offsets;
mod topics;

pub(super) use self::offsets::look_up;
pub use self::{
    error::AdminError,
    groups::{GroupInfo, GroupState, MemberInfo},
    offsets::OffsetRange,
    topics::{BrokerId, PartitionInfo, TopicInfo},
};

use std::{fmt, sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    consumer::{BaseConsumer, Consumer},
    error::KafkaResult,
};

use super::{Kafka, Unreachable, callbacks::place, cluster, context::Logged, words::words};
use crate::topic::{Offset, TopicPartition};

/// A connection for questions about a cluster, and for changes to it. Cloning is cheap; clones share the connection.
///
/// Looking changes nothing: no topic comes to be by being asked for, no group gains a member. Each question takes ten
/// seconds at most; librdkafka blocks while it waits, so it waits on a thread for blocking work.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use bookend::{Kafka, KafkaOptions};
///
/// let kafka = Kafka::new(KafkaOptions::new("localhost:9092"))?;
/// let admin = kafka.admin(Duration::from_secs(10)).await?;
/// for topic in admin.topics().await? {
///     println!("{} has {} partitions", topic.name, topic.partitions.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Admin {
    kafka: Kafka,
    client: Arc<BaseConsumer<Logged>>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("brokers", &self.kafka.brokers()).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Waits until a broker answers, and gives a connection for questions and changes.
    ///
    /// # Errors
    /// [`Unreachable`] when none did within `timeout`.
    ///
    /// # Cancel safety
    /// Nothing is lost; a background thread ends by itself after `timeout`.
    pub async fn admin(&self, timeout: Duration) -> Result<Admin, Unreachable> {
        let unreachable = |reason: String| Unreachable {
            brokers: self.brokers().to_owned(),
            waited: timeout,
            reason,
        };
        let client: BaseConsumer<Logged> = self
            .looking_config()
            .create_with_context(Logged)
            .map_err(|error| unreachable(error.to_string()))?;
        let client = Arc::new(client);
        let admin = Admin { kafka: self.clone(), client: Arc::clone(&client) };
        let answer =
            tokio::task::spawn_blocking(move || client.fetch_metadata(None, timeout).map(drop));
        match answer.await {
            Ok(Ok(())) => Ok(admin),
            Ok(Err(error)) => Err(unreachable(words(&error))),
            Err(error) => Err(unreachable(error.to_string())),
        }
    }
}

impl Admin {
    fn changer(&self) -> Result<AdminClient<Logged>, AdminError> {
        self.kafka.admin_client().map_err(|reason| self.failed(reason))
    }

    /// Asks off the runtime, and again while a leader or a coordinator is being found.
    async fn ask<T, Q>(&self, question: Q) -> Result<T, AdminError>
    where
        T: Send + 'static,
        Q: Fn(&BaseConsumer<Logged>) -> KafkaResult<T> + Send + Sync + 'static,
    {
        cluster::ask(&self.client, question).await.map_err(|reason| self.failed(reason))
    }

    /// The same in the name of `group`, by a client of its own: a group's offsets are told to its own clients only.
    async fn ask_as<T, Q>(&self, group: &str, question: Q) -> Result<T, AdminError>
    where
        T: Send + 'static,
        Q: Fn(&BaseConsumer<Logged>) -> KafkaResult<T> + Send + Sync + 'static,
    {
        if group.is_empty() {
            return Err(AdminError::Refused {
                what: "a group without a name".to_owned(),
                reason: "name the group".to_owned(),
            });
        }
        let mut config = self.kafka.looking_config();
        config.set("group.id", group);
        // The client comes and goes with each try, on the thread that may block.
        let ask = move |config: &ClientConfig| question(&config.create_with_context(Logged)?);
        cluster::ask(&Arc::new(config), ask).await.map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> AdminError {
        AdminError::Failed { brokers: self.kafka.brokers().to_owned(), reason }
    }
}

/// How long a change may take.
fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(cluster::REQUEST_TIMEOUT))
        .operation_timeout(Some(cluster::REQUEST_TIMEOUT))
}

/// librdkafka's list of these partitions with a number each: an offset, a time, or a name for an offset.
fn list<'a>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, rdkafka::Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (at, number) in partitions {
        list.add_partition_offset(at.topic.as_str(), at.partition.0, number)?;
    }
    Ok(list)
}

/// What librdkafka filled in; `None` where it has no offset. One partition's error is an error of all.
fn read(list: &TopicPartitionList) -> KafkaResult<Vec<(TopicPartition, Option<Offset>)>> {
    let mut read = Vec::with_capacity(list.count());
    for element in list.elements() {
        element.error()?;
        let Some(at) = place(element.topic(), element.partition()) else { continue };
        let offset = match element.offset() {
            rdkafka::Offset::Offset(offset) => Some(Offset(offset)),
            _ => None,
        };
        read.push((at, offset));
    }
    Ok(read)
}
