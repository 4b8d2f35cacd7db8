//! `kill -9` under load: the broker is a process of its own, and syncs before it acknowledges.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bookend_broker::{Broker, Fsync};
use bookend_log::testing::seeded;
use tokio::sync::watch;

use super::{
    load::{Known, PARTITIONS},
    oracle, seeds,
};

const FOLDER: &str = "BOOKEND_BROKER_CRASH_FOLDER";
/// The kill comes after so many acknowledgments at most.
const ACKS_MAX: usize = 200;

async fn start(folder: &Path) -> Broker {
    let broker =
        Broker::builder().data(folder).partitions(PARTITIONS.unsigned_abs()).fsync(Fsync::Always);
    broker.start().await.unwrap()
}

/// The broker of the test below, in a process of its own: without that test it does nothing.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let broker = start(Path::new(&folder)).await;
    writeln!(std::io::stdout(), "\nlistening {}", broker.addr()).unwrap();
    std::future::pending::<()>().await;
}

/// Starts a broker in a process of its own.
pub(crate) fn spawn(folder: &Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::kill::child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    let addr = said
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening ").map(|addr| addr.parse().unwrap()));
    (child, addr.expect("it says where it listens"))
}

/// Loads a broker until as many acknowledgments as the seed says, and kills it.
async fn killed_once(known: Known, folder: &Path, acks_before: u64) -> Known {
    let (mut child, addr) = spawn(folder);
    let acks = Arc::new(watch::Sender::new(0));
    let load = known.load(addr, &acks);
    let kill = async {
        let mut counted = acks.subscribe();
        counted.wait_for(|acks| *acks >= acks_before).await.unwrap();
        child.kill().unwrap(); // SIGKILL
    };
    let (known, ()) = tokio::join!(load, kill);
    child.wait().unwrap();
    known
}

// Goal: after a `kill -9` at any moment nothing acknowledged is lost, moved, doubled or taken back, and what was in
// flight can be sent again. Method: seeds; each kills one broker, or one after the other on the same folder.
#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    for seed in seeds() {
        let dir = tempfile::tempdir().unwrap();
        let mut choose = seeded(seed);
        let mut known = Known::new(seed);
        for _ in 0..=choose(2) {
            known = killed_once(known, dir.path(), choose(ACKS_MAX) as u64).await;
        }
        let broker = start(dir.path()).await;
        let broken = oracle::broken(known, broker.addr()).await;
        assert!(broken.is_empty(), "seed {seed}: {broken:#?}");
        broker.stop().await;
    }
}
