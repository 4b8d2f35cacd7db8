//! Power cuts under load: the broker's logs, its catalog and their folders stand on a disk that forgets what was not
//! synced, all of it or a part.

use std::{path::Path, sync::Arc, time::Duration};

use bookend_broker::{Broker, Fault, Fsync};
use bookend_log::testing::{PowerCut, seeded};
use tokio::{runtime::Runtime, sync::watch};

use super::{
    load::{Known, PARTITIONS},
    oracle, seeds,
};

/// The cut comes after so many acknowledgments at most.
const ACKS_MAX: usize = 200;

/// An interval that does not end within a test.
const NEVER_YET: Duration = Duration::from_hours(1);

/// How it begins when the broker does not start after a cut.
const REFUSED: &str = "the broker does not start";

async fn start(folder: &Path, fsync: Fsync) -> Broker {
    let broker = Broker::builder().data(folder).partitions(PARTITIONS.unsigned_abs());
    broker.fsync(fsync).start().await.unwrap()
}

/// Loads a broker until as many acknowledgments as the seed says. When this returns, nothing of it runs any more.
fn crashed(known: Known, folder: &Path, fsync: Fsync, acks_before: u64) -> Known {
    let runtime = Runtime::new().unwrap();
    let known = runtime.block_on(async {
        let broker = start(folder, fsync).await;
        let acks = Arc::new(watch::Sender::new(0));
        let crash = async {
            let mut counted = acks.subscribe();
            counted.wait_for(|acks| *acks >= acks_before).await.unwrap();
            // The clients see what they see of a machine without power: no more answers.
            broker.inject(Fault::cut_before().until_lifted());
        };
        let (known, ()) = tokio::join!(known.load(broker.addr(), &acks), crash);
        known
    });
    drop(runtime); // waits for whoever is at the disk
    known
}

/// What a cut after the load of this seed breaks.
fn broken(seed: u64, fsync: Fsync) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let disk = PowerCut::new(512);
    let _plugged = disk.plug_in(dir.path());
    let mut choose = seeded(seed);
    let known = crashed(Known::new(seed), dir.path(), fsync, choose(ACKS_MAX) as u64);
    disk.cut(dir.path(), choose).unwrap();
    Runtime::new().unwrap().block_on(async {
        let broker = Broker::builder().data(dir.path()).fsync(fsync).start().await;
        let broker = match broker {
            Ok(broker) => broker,
            Err(error) => return vec![format!("{REFUSED}: {error}")],
        };
        let broken = oracle::broken(known, broker.addr()).await;
        broker.stop().await;
        broken
    })
}

// Goal: what was acknowledged after an fsync survives a power cut, whatever the disk keeps of the rest.
#[test]
fn what_was_synced_before_the_answer_survives() {
    for seed in seeds() {
        let broken = broken(seed, Fsync::Always);
        assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
    }
}

// The control: without an fsync in time the same cuts do lose what was acknowledged, and the oracle sees it.
#[test]
fn without_fsync_in_time_the_same_cuts_lose() {
    let lost =
        broken_by(Fsync::Interval(NEVER_YET)).iter().filter(|broken| is_loss(broken)).count();
    assert!(lost >= 5, "only {lost} cuts lost something: the test above proves little");
}

// The control with no fsync at all: records are lost, or what is left does not fit together, and the broker says so
// instead of starting.
#[test]
fn without_any_fsync_the_same_cuts_lose() {
    let broken = broken_by(Fsync::Never);
    let seen = broken.iter().filter(|broken| is_loss(broken) || is_refused(broken)).count();
    assert!(seen >= 5, "only {seen} cuts lost something: the test above proves little");
}

/// What the cuts of all seeds that a plain test run takes break.
fn broken_by(fsync: Fsync) -> Vec<Vec<String>> {
    (0..super::SEEDS).map(|seed| broken(seed, fsync)).collect()
}

fn is_loss(broken: &[String]) -> bool {
    broken.iter().any(|broken| broken.ends_with("and lost"))
}

fn is_refused(broken: &[String]) -> bool {
    broken.iter().any(|broken| broken.starts_with(REFUSED))
}
