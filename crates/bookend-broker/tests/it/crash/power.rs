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
        let broker = start(dir.path(), fsync).await;
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

// The control: without an fsync in time the same cuts do lose what was acknowledged, and the oracle sees it. With none at
// all, a broker may not even start.
#[test]
fn without_fsync_in_time_the_same_cuts_lose() {
    let lost = (0..super::SEEDS).filter(|seed| {
        broken(*seed, Fsync::Interval(NEVER_YET)).iter().any(|broken| broken.ends_with("and lost"))
    });
    assert!(lost.count() >= 5, "the cuts take something, or the test above proves nothing");
}
