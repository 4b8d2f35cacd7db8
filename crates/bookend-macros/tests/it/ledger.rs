//! A recorder whose records a test can read: a real sender, on a transport that acks whatever it is given.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bookend::{
    Partition, Recorder, Sender, SenderOptions, TopicName,
    recorder::{Measured, Outcome},
    sender::transport::{NotTaken, Outgoing, Report, Ticket, Transport, Verdict},
};

/// What a recorder has recorded, in order.
pub(crate) struct Ledger<B> {
    sender: Sender,
    seen: Seen<B>,
}

type Seen<B> = Arc<Mutex<Vec<(B, Outcome)>>>;

pub(crate) fn ledger<B: Send + 'static>() -> (Recorder<B, ()>, Ledger<B>) {
    let sender = Sender::start_on(AcksAll::default(), SenderOptions::default()).expect("a thread");
    let seen = Seen::default();
    let recorder = sender.recorder("SEEN", {
        let seen = Arc::clone(&seen);
        move |measured: Measured<B>| {
            seen.lock().expect("nobody panics with it").push((measured.before, measured.outcome));
        }
    });
    (recorder.expect("the name is good"), Ledger { sender, seen })
}

impl<B> Ledger<B> {
    pub(crate) async fn seen(self) -> Vec<(B, Outcome)> {
        self.sender.shutdown(Duration::from_mins(1)).await;
        std::mem::take(&mut self.seen.lock().expect("nobody panics with it"))
    }
}

#[derive(Default)]
struct AcksAll {
    taken: Vec<Ticket>,
}

impl Transport for AcksAll {
    fn partitions(&mut self, _: &TopicName) -> Option<u32> {
        Some(1)
    }

    fn message_bytes_max(&self) -> usize {
        1_000_000
    }

    fn send(&mut self, ticket: Ticket, message: Outgoing<'_>) -> Result<(), NotTaken> {
        assert_eq!(message.partition, Partition(0));
        self.taken.push(ticket);
        Ok(())
    }

    fn poll(&mut self, reports: &mut Vec<Report>) {
        let acked = |ticket| Report { ticket, verdict: Verdict::Acked };
        reports.extend(self.taken.drain(..).map(acked));
    }

    fn purge(&mut self, _: &mut Vec<Report>) {}

    fn rebuild(&mut self) -> Result<(), String> {
        Ok(())
    }
}
