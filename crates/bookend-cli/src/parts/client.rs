//! The client: three recorders over one sender, and the tasks that HTTP requests start.

use std::sync::{Arc, atomic::Ordering};

use bookend::{BatchLimits, Measured, Module, Recorder, Sender, SenderOptions, Token};

use super::{
    CLOSE_WAIT_MAX, SERVER, Server, TOPICS,
    kafka::{FIRST_TOPIC, KAFKA, SECOND_TOPIC, TXT_ELAPSED},
};
use crate::{
    cli::TaskArgs,
    http::{Gate, TaskTimes, Tasks},
    ledger::Sent,
    message::TextElapsed,
};

const SENDER: Token<Sender> = Token::new("KAFKA_SENDER");
const FIRST_RECEIVER: Token<Recorder<usize, TextElapsed>> = Token::new("FIRST_TOPIC_RECEIVER");
const SECOND_RECEIVER: Token<Recorder<usize, TextElapsed>> = Token::new("SECOND_TOPIC_RECEIVER");
const TXT_RECEIVER: Token<Recorder<usize, TextElapsed>> = Token::new("TXT_ELAPSED_RECEIVER");
/// The sending side of the process.
pub(crate) const CLIENT: Token<Client> = Token::new("CLIENT");

/// The sending side of a process.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    sender: Sender,
    pub(crate) tasks: Tasks,
    /// The other side, when it is in this process too.
    server: Option<Server>,
}

impl Client {
    /// Where every message is. Also after the client has closed.
    pub(crate) async fn sent(&self) -> Sent {
        let accepted = self.tasks.accepted.load(Ordering::Relaxed);
        let stats = self.sender.stats().await;
        Sent {
            accepted,
            recorded: stats.recorded,
            recovered: stats.recovered,
            queued: stats.queued,
            spooled: stats.spooled,
            handed: stats.handed,
            acked: stats.acked,
            dropped: stats
                .dropped
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| (reason.to_string(), count))
                .collect(),
        }
    }

    /// For how long the oldest message has waited for Kafka to acknowledge it.
    pub(crate) async fn waits_since(&self) -> Option<std::time::Duration> {
        self.sender.stats().await.oldest_waiting
    }

    /// Sends what is left; a server in the same process then still stores it.
    async fn close(self) {
        let report = self.sender.shutdown(CLOSE_WAIT_MAX).await;
        if report.lost() > 0 {
            tracing::warn!(
                lost = report.lost(),
                "the sender closed without an acknowledgment for all"
            );
        }
        if let Some(server) = &self.server {
            server.catch_up(CLOSE_WAIT_MAX).await;
        }
    }
}

/// What was measured, as the message that travels.
fn text_elapsed(measured: Measured<usize>) -> TextElapsed {
    TextElapsed { text_length: measured.before as u64, response_time: measured.elapsed_ms() }
}

/// Provides [`CLIENT`] from what [`kafka()`](super::kafka()) provides.
pub(crate) fn client<'m>(module: Module<'m>, args: &'m TaskArgs) -> Module<'m> {
    let batch = BatchLimits {
        records_max: args.batch_records as usize,
        bytes_max: args.batch_bytes as usize,
        linger: args.linger,
    };
    let times = TaskTimes::new(args.task_ms);
    module
        .provide(SENDER, (KAFKA, TOPICS), async move |(kafka, _)| {
            Sender::start(kafka, SenderOptions { batch, ..SenderOptions::default() })
        })
        .provide(FIRST_RECEIVER, (SENDER,), async |(sender,)| {
            sender.recorder(FIRST_TOPIC, text_elapsed)
        })
        .provide(SECOND_RECEIVER, (SENDER,), async |(sender,)| {
            sender.recorder(SECOND_TOPIC, text_elapsed)
        })
        .provide(TXT_RECEIVER, (SENDER,), async |(sender,)| {
            sender.recorder(TXT_ELAPSED, text_elapsed)
        })
        .provide(
            CLIENT,
            (SENDER, FIRST_RECEIVER, SECOND_RECEIVER, TXT_RECEIVER, SERVER.optional()),
            async move |(sender, first_topic, second_topic, decorated, server)| {
                let accepted = Arc::default();
                let gate = Gate::new();
                let tasks = Tasks { first_topic, second_topic, decorated, times, accepted, gate };
                Client { sender, tasks, server }
            },
        )
        .on_shutdown(CLIENT, Client::close)
}
