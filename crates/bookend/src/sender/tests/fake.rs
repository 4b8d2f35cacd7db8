//! A transport that acks, holds or breaks as a test tells it.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    record::{ID_HEADER, MessageId},
    sender::transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
    topic::TopicName,
};

const PARTITIONS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Acks at the next poll.
    Acking,
    /// Takes messages and reports nothing.
    Holding,
    /// Takes nothing more, and reports nothing.
    Busy,
    /// Does not even know the partitions.
    Away,
    /// Reports everything it holds as broken.
    Broken,
}

/// What was sent: key, value, partition and id.
pub(super) type Sent = (Option<String>, String, i32, MessageId);

#[derive(Debug)]
struct State {
    mode: Mode,
    sent: Vec<Sent>,
    held: Vec<Ticket>,
}

#[derive(Debug, Clone)]
pub(super) struct Fake(Arc<(Mutex<State>, Condvar)>);

impl Fake {
    fn new(mode: Mode) -> Self {
        let state = State { mode, sent: Vec::new(), held: Vec::new() };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    pub(super) fn acking() -> Self {
        Self::new(Mode::Acking)
    }

    pub(super) fn holding() -> Self {
        Self::new(Mode::Holding)
    }

    pub(super) fn away() -> Self {
        Self::new(Mode::Away)
    }

    pub(super) fn come_back(&self) {
        self.set(Mode::Acking);
    }

    pub(super) fn break_down(&self) {
        self.set(Mode::Broken);
    }

    pub(super) fn refuse_as_busy(&self) {
        self.set(Mode::Busy);
    }

    fn set(&self, mode: Mode) {
        self.lock().mode = mode;
        self.0.1.notify_all();
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    pub(super) fn values(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, value, ..)| value).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no test panics while it holds this")
    }
}

impl Transport for Fake {
    fn partitions(&mut self, _: &TopicName) -> Option<u32> {
        (self.lock().mode != Mode::Away).then_some(PARTITIONS)
    }

    fn message_bytes_max(&self) -> usize {
        10_000
    }

    fn send(&mut self, ticket: Ticket, message: Outgoing<'_>) -> Result<(), NotTaken> {
        let mut state = self.lock();
        if state.mode == Mode::Busy {
            return Err(NotTaken::Busy);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let id = message.headers.last(ID_HEADER).expect("every message has an id");
        let id = MessageId::from_bytes(id).expect("of ours");
        let key = message.key.map(|key| text(key));
        state.sent.push((key, text(message.value), message.partition.0, id));
        state.held.push(ticket);
        Ok(())
    }

    fn poll(&mut self, wait: Duration, reports: &mut Vec<Report>) {
        let mut state = self.lock();
        let report = |state: &mut State, verdict: &Verdict, reports: &mut Vec<Report>| {
            let held = state.held.drain(..);
            reports.extend(held.map(|ticket| Report { ticket, verdict: verdict.clone() }));
        };
        match state.mode {
            Mode::Acking => report(&mut state, &Verdict::Acked, reports),
            Mode::Broken => {
                let broken = NotTaken::Broken("on purpose".to_owned());
                report(&mut state, &Verdict::Failed(broken), reports);
            }
            Mode::Holding | Mode::Busy | Mode::Away => {
                if !wait.is_zero() {
                    drop(self.0.1.wait_timeout(state, wait));
                }
            }
        }
    }

    fn purge(&mut self, reports: &mut Vec<Report>) {
        let held = std::mem::take(&mut self.lock().held);
        reports.extend(held.into_iter().map(|ticket| Report { ticket, verdict: Verdict::Unknown }));
    }

    fn rebuild(&mut self) -> Result<(), String> {
        let mut state = self.lock();
        state.held.clear();
        if state.mode == Mode::Broken {
            state.mode = Mode::Holding;
        }
        Ok(())
    }
}
