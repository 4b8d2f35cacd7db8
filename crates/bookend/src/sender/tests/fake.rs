//! A transport that acks, holds or breaks as a test tells it.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::{
    record::MessageId,
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
    /// Reports the last it holds as broken, and acks the others at the poll after that.
    BreakingOnce,
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
pub(super) struct Fake(Arc<Mutex<State>>);

impl Fake {
    fn new(mode: Mode) -> Self {
        let state = State { mode, sent: Vec::new(), held: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
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

    pub(super) fn break_one(&self) {
        self.set(Mode::BreakingOnce);
    }

    pub(super) fn refuse_as_busy(&self) {
        self.set(Mode::Busy);
    }

    fn set(&self, mode: Mode) {
        self.lock().mode = mode;
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    pub(super) fn values(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, value, ..)| value).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
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
        let id = message.id.expect("every message has an id");
        let key = message.key.map(|key| text(key));
        state.sent.push((key, text(message.value), message.partition.0, id));
        state.held.push(ticket);
        Ok(())
    }

    fn poll(&mut self, reports: &mut Vec<Report>) {
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
            Mode::BreakingOnce => {
                let broken = Verdict::Failed(NotTaken::Broken("on purpose".to_owned()));
                reports.extend(state.held.pop().map(|ticket| Report { ticket, verdict: broken }));
                state.mode = Mode::Acking;
            }
            Mode::Holding | Mode::Busy | Mode::Away => {}
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
