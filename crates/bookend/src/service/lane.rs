//! The queue of one partition between the service's thread and its worker.
//!
//! The thread bounds it: it takes no more from Kafka than the high water allows. What the worker has not
//! begun is dropped when the lane closes; it is unsettled and comes again.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{record::Message, router::BatchOf};

#[derive(Debug)]
pub(crate) struct Lane {
    queue: Mutex<Queue>,
    /// One permit for the one worker: there is something new, or the lane is closed.
    news: Notify,
}

#[derive(Debug)]
struct Queue {
    messages: VecDeque<Message>,
    open: bool,
}

impl Lane {
    pub(crate) fn new() -> Self {
        let queue = Queue { messages: VecDeque::new(), open: true };
        Self { queue: Mutex::new(queue), news: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no code that holds this lock can panic")
    }

    /// Queues a message; a closed lane drops it.
    pub(crate) fn push(&self, message: Message) {
        let mut queue = self.queue();
        if queue.open {
            queue.messages.push_back(message);
            drop(queue);
            self.news.notify_one();
        }
    }

    /// Drops what is queued and lets the worker end once its call in hand is done.
    pub(crate) fn close(&self) {
        let mut queue = self.queue();
        queue.open = false;
        queue.messages.clear();
        drop(queue);
        self.news.notify_one();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.queue().open
    }

    /// Whether the worker would have to wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue().messages.is_empty()
    }

    /// Fills `messages` for the next call: with one message, or with a batch. `false` once the lane is closed.
    pub(crate) async fn gather(&self, batch: Option<BatchOf>, messages: &mut Vec<Message>) -> bool {
        let BatchOf { records_max, linger } =
            batch.unwrap_or(BatchOf { records_max: 1, linger: Duration::ZERO });
        let mut deadline = None;
        loop {
            {
                let mut queue = self.queue();
                if !queue.open {
                    return false;
                }
                let missing = records_max - messages.len();
                let ready = queue.messages.len().min(missing);
                messages.extend(queue.messages.drain(..ready));
            }
            if messages.len() == records_max {
                return true;
            }
            if messages.is_empty() {
                self.news.notified().await;
                continue;
            }
            // The clock starts at the first message of the batch and never starts over.
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + linger);
            if timeout_at(deadline, self.news.notified()).await.is_err() {
                return self.is_open();
            }
        }
    }

    /// Waits for `delay`. `false`, at once, when the lane is closed before.
    pub(crate) async fn wait(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        while self.is_open() {
            if timeout_at(until, self.news.notified()).await.is_err() {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::tests::message;

    const BATCH: Option<BatchOf> = Some(BatchOf::records(3).or_after(Duration::from_millis(50)));

    async fn offsets(lane: &Lane, batch: Option<BatchOf>) -> Option<Vec<i64>> {
        let mut messages = Vec::new();
        let open = lane.gather(batch, &mut messages).await;
        open.then(|| messages.iter().map(|message| message.offset.0).collect())
    }

    fn push(lane: &Lane, offsets: std::ops::Range<i64>) {
        offsets.for_each(|offset| lane.push(message(offset, "")));
    }

    // Goal: a full batch leaves at once, a part of one when its first message has lingered, singles one by one.
    #[tokio::test(start_paused = true)]
    async fn gathers_by_count_and_by_time() {
        let lane = Lane::new();
        push(&lane, 0..4);
        let start = Instant::now();
        assert_eq!(offsets(&lane, BATCH).await.unwrap(), [0, 1, 2]);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(offsets(&lane, BATCH).await.unwrap(), [3]);
        assert_eq!(start.elapsed().as_millis(), 50);
        push(&lane, 4..6);
        assert_eq!(offsets(&lane, None).await.unwrap(), [4]);
        assert_eq!(offsets(&lane, None).await.unwrap(), [5]);
    }

    // Goal: later messages of a batch do not start its clock over.
    #[tokio::test(start_paused = true)]
    async fn the_linger_starts_once() {
        let lane = Lane::new();
        push(&lane, 0..1);
        let start = Instant::now();
        let late = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            push(&lane, 1..2);
        };
        let (batch, ()) = tokio::join!(offsets(&lane, BATCH), late);
        assert_eq!(batch.unwrap(), [0, 1]);
        assert_eq!(start.elapsed().as_millis(), 50);
    }

    // Goal: closing ends every wait at once and drops what was not begun. Method: close in each await point.
    #[tokio::test(start_paused = true)]
    async fn closing_ends_every_wait() {
        for queued in [0, 1, 3] {
            let lane = Lane::new();
            push(&lane, 0..queued);
            lane.close();
            push(&lane, 0..1);
            assert_eq!(offsets(&lane, BATCH).await, None);
            assert!(lane.is_empty());
        }
        let start = Instant::now();
        for queued in [0, 1] {
            let lane = Lane::new();
            push(&lane, 0..queued);
            let (batch, ()) = tokio::join!(offsets(&lane, BATCH), async { lane.close() });
            assert_eq!(batch, None, "{queued} were queued");
        }
        let lane = Lane::new();
        let wait = lane.wait(Duration::from_secs(60));
        assert!(!tokio::join!(wait, async { lane.close() }).0);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(Lane::new().wait(Duration::from_secs(1)).await);
    }
}
