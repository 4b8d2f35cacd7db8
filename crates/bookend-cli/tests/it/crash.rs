//! `kill -9` in the middle of a feed, at ten seeded moments.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    http::{Caller, PATHS, stored},
    process::{Process, up},
    table,
};

const KILLS: usize = 10;
const SEED: u64 = 0x5eed_b00c;
/// Answers before a kill, at most: up to a few seconds, so that some come before the first commit of offsets, some after.
const MOMENT_MAX: u64 = 6_000;
/// Texts in flight at a time.
const CONCURRENCY: usize = 24;

/// A small generator (splitmix64): the same moments in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % end
    }
}

/// Posts without end, from several tasks at once, until the process is gone. Counts the answers.
pub(crate) fn feed(caller: &Caller) -> (JoinSet<()>, watch::Receiver<u64>) {
    let (answered, count) = watch::channel(0);
    let mut feeding = JoinSet::new();
    for lane in 0..CONCURRENCY {
        let (caller, answered) = (caller.clone(), answered.clone());
        feeding.spawn(async move {
            for number in lane.. {
                if caller.post(PATHS[number % 3], "a text of some length").await.is_err() {
                    return;
                }
                answered.send_modify(|count| *count += 1);
            }
        });
    }
    (feeding, count)
}

/// Reads the ledger again and again until the process is gone; keeps the last `acked` that it said.
fn watch_acked(caller: &Caller) -> (JoinSet<()>, Arc<AtomicI64>) {
    let acked = Arc::new(AtomicI64::new(0));
    let mut watching = JoinSet::new();
    let (caller, last) = (caller.clone(), Arc::clone(&acked));
    watching.spawn(async move {
        while let Ok(ledger) = caller.ledger().await {
            last.store(ledger["acked"].as_i64().expect("a client says it"), Ordering::Relaxed);
        }
    });
    (watching, acked)
}

/// After a restart: every message that the topics have is a row, once, and none that was acknowledged is missing.
async fn check(process: &mut Process, folder: &Path, acked: i64, kill: usize) {
    let broker = process.address("broker");
    let addr = process.http();
    let ends = tokio::task::spawn_blocking(move || table::ends(&broker)).await.expect("it answers");
    let messages: i64 = ends.values().sum();
    Caller::new(&addr).ledger_when(|ledger| stored(ledger) >= messages.unsigned_abs()).await;
    assert_eq!(
        table::rows(folder),
        ends,
        "kill {kill}: rows per partition = end offset of the partition"
    );
    assert_eq!(
        table::distinct(folder),
        (messages, messages, messages),
        "kill {kill}: positions and ids"
    );
    assert!(acked <= messages, "kill {kill}: {acked} were acked, {messages} are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_lose_nothing_that_was_acked_and_store_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut seeded = Seeded(SEED);
    let mut acked = 0;
    for kill in 0..KILLS {
        let mut process = up(folder.path(), &["--task-ms", "3"]);
        check(&mut process, folder.path(), acked, kill).await;
        let caller = Caller::new(&process.http());
        let (feeding, mut answered) = feed(&caller);
        let (watching, last_acked) = watch_acked(&caller);
        let moment = 20 + seeded.below(MOMENT_MAX);
        answered.wait_for(|count| *count >= moment).await.unwrap();
        process.kill();
        feeding.join_all().await;
        watching.join_all().await;
        acked += last_acked.load(Ordering::Relaxed);
    }
    assert!(acked > 0, "something was acked between the kills");
    let mut process = up(folder.path(), &["--task-ms", "3"]);
    check(&mut process, folder.path(), acked, KILLS).await;
    assert_eq!(process.stop().code(), 0);
}
