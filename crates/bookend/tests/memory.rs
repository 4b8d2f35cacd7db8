//! The cap on memory holds for the process, not only for the sender's own sums. A process of its own, so that no
//! other test's memory is measured.
#![cfg(target_os = "linux")]

use std::{fs, time::Duration};

use bookend::{
    BatchLimits, Measured, Sender, SenderOptions, TopicName,
    sender::{
        DropReason,
        transport::{NotTaken, Outgoing, Report, Ticket, Transport},
    },
};

/// Knows its partitions and takes nothing: a broker that is away.
struct Away;

impl Transport for Away {
    fn partitions(&mut self, _: &TopicName) -> Option<u32> {
        Some(3)
    }

    fn message_bytes_max(&self) -> usize {
        1_000_000
    }

    fn send(&mut self, _: Ticket, _: Outgoing<'_>) -> Result<(), NotTaken> {
        Err(NotTaken::Busy)
    }

    fn poll(&mut self, _: &mut Vec<Report>) {}

    fn purge(&mut self, _: &mut Vec<Report>) {}

    fn rebuild(&mut self) -> Result<(), String> {
        Ok(())
    }
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = kibibytes.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kibibytes.map(|kibibytes: usize| kibibytes * 1_024).expect("a number of KiB")
}

// Goal: through an outage the process grows by at most 1.3 times the cap. Method: short messages, where the
// bookkeeping weighs most, until the first is dropped.
#[tokio::test]
async fn an_outage_costs_no_more_than_the_cap() {
    let cap = 64 * 1_024 * 1_024;
    let batch = BatchLimits { records_max: 10, ..BatchLimits::default() };
    let options = SenderOptions { memory_bytes_max: cap, batch, ..SenderOptions::default() };
    let sender = Sender::start_on(Away, options).unwrap();
    let recorder =
        sender.recorder("T", |task: Measured<u64>| (task.before, "responseTime")).unwrap();
    recorder.start(0).finish();
    sender.stats().await;
    let before = resident_bytes();
    let mut last = sender.stats().await;
    while last.dropped.get(DropReason::MemoryFull) == 0 {
        for n in 0..1_000 {
            recorder.start(n).finish();
        }
        last = sender.stats().await;
        assert!(last.balances(), "{last:?}");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(
        grown * 10 <= cap * 13,
        "{grown} bytes for {} messages under a cap of {cap}",
        last.queued
    );
    assert!(last.queued > 100_000, "the cap is used: {last:?}");
    sender.shutdown(Duration::ZERO).await;
}
