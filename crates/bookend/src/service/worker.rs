//! Handles the messages of one partition, one call after the other, until each is settled.
//!
//! Up the stream: the [`Lane`], filled by the service's thread; down the stream: the [`Mailbox`], by which the thread
//! learns what is settled.

use std::{ops::ControlFlow, sync::Arc};

use tokio::time::Instant;
use tracing::warn;

use super::{
    board::{PartitionBoard, TopicBoard},
    lane::Lane,
    mailbox::{AssignmentId, Mailbox, Report},
    stats::Retrying,
};
use crate::{
    handler::Call,
    record::Message,
    router::Route,
    settle::{Backoff, Jitter, Outcome, Settled},
};

/// The worker of one assignment.
pub(super) struct Worker {
    pub(super) assignment: AssignmentId,
    pub(super) route: Route,
    pub(super) lane: Arc<Lane>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) topic: Arc<TopicBoard>,
    pub(super) board: Arc<PartitionBoard>,
    pub(super) backoff: Backoff,
    pub(super) jitter: Jitter,
}

/// Tells the thread that the worker is no more, however that came.
struct Ended {
    assignment: AssignmentId,
    mailbox: Arc<Mailbox>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.mailbox.report(Report::Ended { assignment: self.assignment });
    }
}

impl Worker {
    /// Works until the lane is closed or a handler stops the service.
    pub(super) async fn run(mut self) {
        let _ended = Ended { assignment: self.assignment, mailbox: Arc::clone(&self.mailbox) };
        let mut messages = Vec::new();
        loop {
            if self.lane.is_empty() {
                self.mailbox.ran_dry();
            }
            messages.clear();
            let open = self.lane.gather(self.route.batch, &mut messages).await;
            if !open || self.handle(&mut messages).await.is_break() {
                return;
            }
        }
    }

    /// Settles all `messages`; breaks when the worker is to end with some of them unsettled.
    async fn handle(&mut self, messages: &mut Vec<Message>) -> ControlFlow<()> {
        let mut later: Vec<Vec<Message>> = Vec::new();
        loop {
            if let Some(second_half) = self.try_until_settled(messages).await? {
                later.push(second_half);
            } else if let Some(part) = later.pop() {
                *messages = part;
            } else {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Calls the handler until the messages are settled. A batch that fails for good is not settled but halved, so
    /// that in the end only the message at fault is left aside: the second half is given back, the first stays.
    async fn try_until_settled(
        &mut self,
        messages: &mut Vec<Message>,
    ) -> ControlFlow<(), Option<Vec<Message>>> {
        for attempt in 1_u32.. {
            // Between two calls, a closed lane takes back what is not settled.
            if !self.lane.is_open() {
                return ControlFlow::Break(());
            }
            match self.call(messages).await {
                Outcome::Done => self.settle(messages, Settled::Done),
                Outcome::Skip { cause } => self.skip(messages, &cause),
                Outcome::DeadLetter { cause } if messages.len() < 2 => self.skip(messages, &cause),
                Outcome::DeadLetter { cause } => {
                    warn!(at = %place(&messages[0]), count = messages.len(), cause, "halving a batch that failed");
                    let second_half = messages.split_off(messages.len() / 2);
                    self.board.retrying(None);
                    return ControlFlow::Continue(Some(second_half));
                }
                Outcome::Stop { cause } => {
                    let position = messages[0].position();
                    self.mailbox.report(Report::Stop { position, cause });
                    return ControlFlow::Break(());
                }
                Outcome::Retry { after, cause } => {
                    self.note_retry(&messages[0], attempt, cause);
                    let delay =
                        after.unwrap_or_else(|| self.backoff.delay(attempt, &mut self.jitter));
                    if !self.lane.wait(delay).await {
                        return ControlFlow::Break(());
                    }
                    continue;
                }
            }
            if attempt > 1 {
                self.board.retrying(None);
            }
            break;
        }
        ControlFlow::Continue(None)
    }

    /// One call. Messages that an extractor rejects are settled alone and taken out of `messages`.
    async fn call(&mut self, messages: &mut Vec<Message>) -> Outcome {
        let begun = Instant::now();
        self.board.begun(begun);
        let Call { rejected, running } = self.route.handler.call(messages);
        let outcome = match self.set_aside(rejected, messages) {
            Some(outcome) => outcome,
            None => match running {
                Some(running) => running.await,
                None => Outcome::Done,
            },
        };
        self.board.ended();
        self.topic.handler_seconds.record(begun.elapsed());
        outcome
    }

    /// Settles what was rejected, unless a rejection decides over the whole call, as that of a lone message does.
    fn set_aside(
        &self,
        mut rejected: Vec<(usize, Outcome)>,
        messages: &mut Vec<Message>,
    ) -> Option<Outcome> {
        let decides = |(_, outcome): &(usize, Outcome)| {
            messages.len() == 1 || matches!(outcome, Outcome::Retry { .. } | Outcome::Stop { .. })
        };
        if let Some(index) = rejected.iter().position(decides) {
            return Some(rejected.swap_remove(index).1);
        }
        for (index, outcome) in rejected.into_iter().rev() {
            let message = [messages.remove(index)];
            match outcome {
                Outcome::Skip { cause } | Outcome::DeadLetter { cause } => {
                    self.skip(&message, &cause);
                }
                _ => self.settle(&message, Settled::Done),
            }
        }
        None
    }

    fn settle(&self, messages: &[Message], settled: Settled) {
        let offsets = messages.iter().map(|message| message.offset);
        self.mailbox.settled(self.assignment, offsets, settled);
    }

    fn skip(&self, messages: &[Message], cause: &str) {
        for message in messages {
            warn!(at = %place(message), cause, "skipped a message");
        }
        self.settle(messages, Settled::Skipped);
    }

    fn note_retry(&self, message: &Message, attempts: u32, cause: String) {
        self.topic.retried();
        // A dependency may be away for hours: say it often at first, then ever more rarely.
        if attempts.is_power_of_two() {
            warn!(at = %place(message), attempts, cause, "a handler failed and is tried again");
        }
        self.board.retrying(Some(Retrying { offset: message.offset, attempts, cause }));
    }
}

/// A message's place, for people.
fn place(message: &Message) -> String {
    format!("{}/{} offset {}", message.topic, message.partition, message.offset)
}
