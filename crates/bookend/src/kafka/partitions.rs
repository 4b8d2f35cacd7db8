//! How many partitions topics have, asked in the background and again now and then: topics grow.
//!
//! Upstream: the [`producer`](super::producer). Downstream: a thread for each look-up, as librdkafka's blocks.

use std::{
    collections::HashMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{ClientContext, client::Client};
use tracing::{debug, warn};

use crate::topic::TopicName;

/// How long one look-up may take.
const LOOK_UP: Duration = Duration::from_secs(5);

/// How soon a topic that was not found is looked up again.
const LOOK_UP_AGAIN: Duration = Duration::from_millis(250);

/// How often a topic is looked at for new partitions.
const GROWN_AFTER: Duration = Duration::from_secs(60);

/// Answers that may wait. Each topic has one look-up at a time, and every question takes in all answers.
const ANSWERS_MAX: usize = 1_024;

/// What is known of each topic.
#[derive(Debug)]
pub(super) struct PartitionCounts {
    known: HashMap<TopicName, Known>,
    answers: (mpsc::SyncSender<Answer>, mpsc::Receiver<Answer>),
}

type Answer = (TopicName, Option<u32>);

#[derive(Debug, Clone, Copy)]
struct Known {
    /// What the last look-up that found it said.
    count: Option<u32>,
    /// When it is looked up next; `None` while a look-up is under way.
    next: Option<Instant>,
}

impl PartitionCounts {
    pub(super) fn new() -> Self {
        Self { known: HashMap::new(), answers: mpsc::sync_channel(ANSWERS_MAX) }
    }

    /// What is known of `topic`. If it is time, asks `question` on a thread of its own.
    pub(super) fn count<Q>(
        &mut self,
        topic: &TopicName,
        now: Instant,
        question: impl FnOnce(TopicName) -> Q,
    ) -> Option<u32>
    where
        Q: FnOnce() -> Option<u32> + Send + 'static,
    {
        self.take_answers(now);
        let known =
            self.known.entry(topic.clone()).or_insert(Known { count: None, next: Some(now) });
        if known.next.is_some_and(|next| next <= now) {
            let (answers, asked) = (self.answers.0.clone(), topic.clone());
            let question = question(topic.clone());
            let ask = move || drop(answers.send((asked, question())));
            known.next = match thread::Builder::new().name("bookend-lookup".to_owned()).spawn(ask) {
                Ok(_) => None,
                Err(error) => {
                    warn!(%error, "no thread to look up a topic's partitions");
                    Some(now + LOOK_UP_AGAIN)
                }
            };
        }
        known.count
    }

    fn take_answers(&mut self, now: Instant) {
        for (topic, count) in self.answers.1.try_iter() {
            let pause = if count.is_some() { GROWN_AFTER } else { LOOK_UP_AGAIN };
            let known = self.known.entry(topic).or_insert(Known { count, next: None });
            // A topic that cannot be found just now keeps what was known of it.
            known.count = count.or(known.count);
            known.next = Some(now + pause);
        }
    }
}

/// Asks the brokers, and waits for their answer.
pub(super) fn look_up<C: ClientContext>(client: &Client<C>, topic: &TopicName) -> Option<u32> {
    match client.fetch_metadata(Some(topic.as_str()), LOOK_UP) {
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

#[cfg(test)]
mod tests {
    use super::*;

    // Goal: one look-up at a time, soon again when there was no answer, rarely when there was, and a failed look-up
    // forgets nothing. Method: answers come through a channel that the test holds.
    #[test]
    fn asks_again_when_it_is_time() {
        let topic = TopicName::new("T").unwrap();
        let mut counts = PartitionCounts::new();
        let start = Instant::now();
        let mut asked = 0;
        let mut ask = |counts: &mut PartitionCounts, now: Instant, answer: Option<u32>| {
            let (done, wait) = mpsc::sync_channel(1);
            let mut began = false;
            let count = counts.count(&topic, now, |_| {
                began = true;
                move || {
                    done.send(()).unwrap();
                    answer
                }
            });
            if began {
                asked += 1;
                wait.recv().unwrap();
                // The answer follows its signal at once; it is taken by the next question.
                let answer = counts.answers.1.recv_timeout(LOOK_UP).unwrap();
                counts.answers.0.send(answer).unwrap();
            }
            (count, asked)
        };
        assert_eq!(ask(&mut counts, start, None), (None, 1));
        assert_eq!(ask(&mut counts, start, None), (None, 1), "not yet again");
        let later = start + LOOK_UP_AGAIN;
        assert_eq!(ask(&mut counts, later, Some(3)), (None, 2));
        assert_eq!(ask(&mut counts, later, None), (Some(3), 2));
        let grown = later + GROWN_AFTER;
        assert_eq!(ask(&mut counts, grown, None), (Some(3), 3));
        assert_eq!(ask(&mut counts, grown, None), (Some(3), 3), "what was known stays");
        assert_eq!(ask(&mut counts, grown + LOOK_UP_AGAIN, Some(5)), (Some(3), 4));
        assert_eq!(ask(&mut counts, grown + LOOK_UP_AGAIN, None), (Some(5), 4));
    }
}
