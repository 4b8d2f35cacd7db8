//! `kill -9` of a child process that stores without a pause.

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use bookend_store::sqlite::{OpenError, Options, Store};
use tempfile::TempDir;

use crate::{Notes, note, notes, open};

/// Set in the child: the store's path. The test named like it then plays the child.
const CHILD_STORE: &str = "BOOKEND_STORE_TEST_CHILD";
/// Set in the child: its first batch.
const CHILD_FROM: &str = "BOOKEND_STORE_TEST_CHILD_FROM";
/// More batches than any child lives for.
const BATCHES_MAX: usize = 100_000;
const BATCH: i64 = 7;

/// Three partitions; every tenth message is left out and so makes a hole.
fn batch(number: usize) -> Vec<(bookend::Position, String)> {
    let number = i64::try_from(number).unwrap();
    (number * BATCH..(number + 1) * BATCH)
        .filter(|message| message % 10 != 0)
        .map(|message| {
            let partition = i32::try_from(message % 3).unwrap();
            note(partition, message / 3, Some((0, message.cast_unsigned())))
        })
        .collect()
}

/// Goal: what was answered is there, nothing is there twice, the progress agrees with the rows, and after
/// redelivery from the start all is there once. Method: kills after a seeded number of answers, while the next
/// batches are under way, on one store.
#[tokio::test]
async fn a_killed_process_loses_and_doubles_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let mut complete = 0;
    for answers in [1, 2, 3, 5, 8, 13, 40, 90, 160, 250] {
        let (mut child, mut answered) = spawn(&path, complete);
        let answer = answered.by_ref().take(answers).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // It went on between the answer that was read and its end.
        let answer = answered.last().unwrap_or(answer);

        let store = open(&path);
        let rows = notes(&store).await;
        let stored: HashSet<_> = rows.iter().map(|row| (row.0, row.1)).collect();
        let is_stored = |at: &bookend::Position| stored.contains(&(at.partition.0, at.offset.0));
        complete = (0..BATCHES_MAX)
            .take_while(|&number| batch(number).iter().all(|(at, _)| is_stored(at)))
            .count();
        assert!(complete > answer, "answered {answer}, stored {complete}");
        let expected = (0..complete).map(|number| batch(number).len()).sum::<usize>();
        assert_eq!(rows.len(), expected, "a batch is stored whole or not at all, and once");
        let applied = "SELECT coalesce(sum(applied), 0) FROM bookend_positions";
        let applied = store.read(|tx| tx.query_row(applied, (), |row| row.get::<_, i64>(0))).await;
        assert_eq!(usize::try_from(applied.unwrap()).unwrap(), rows.len());
        let redelivered: Vec<_> = (0..complete).flat_map(batch).collect();
        assert_eq!(store.apply(redelivered).await.unwrap().stored, 0);
        store.close().await;
    }
}

// Goal: there is no moment between the rows and their positions at which a kill could hit. Method: what a reader sees
// at any moment is what a kill at that moment would leave; so read snapshots as fast as can be beside the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_positions_appear_together() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"));
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..500 {
            writer.apply(batch(number)).await.unwrap();
        }
    });
    let counts = "SELECT (SELECT count(*) FROM note), (SELECT coalesce(sum(applied), 0) FROM bookend_positions)";
    let mut snapshots = HashSet::new();
    while !writing.is_finished() {
        let read =
            store.read(move |tx| tx.query_row(counts, (), |row| Ok((row.get(0)?, row.get(1)?))));
        let (rows, applied): (i64, i64) = read.await.unwrap();
        assert_eq!(rows, applied);
        snapshots.insert(rows);
    }
    writing.await.unwrap();
    assert!(snapshots.len() > 10, "only {} moments were seen", snapshots.len());
    store.close().await;
}

// Goal: a second process is refused while the first lives, and welcome when it was killed.
#[tokio::test]
async fn one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let (mut child, mut answered) = spawn(&path, 0);
    answered.next().unwrap();
    let refused = Store::<Notes>::open(&path, Options::default());
    assert!(matches!(refused, Err(OpenError::Locked { .. })), "{refused:?}");
    assert!(matches!(bookend_store::sqlite::reset(&path), Err(OpenError::Locked { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    open(&path).close().await;
}

/// Starts this test binary as the child, with batch `from`; gives the numbers of the batches that were answered.
fn spawn(path: &Path, from: usize) -> (Child, impl Iterator<Item = usize> + use<>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(CHILD_STORE, path)
        .env(CHILD_FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines.filter_map(|line| line.strip_prefix("batch ")?.parse().ok()))
}

// Goal: none of its own; the tests above run it as their child.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the parent reads the answers")]
async fn child() {
    let Ok(path) = env::var(CHILD_STORE) else { return };
    let from = env::var(CHILD_FROM).unwrap().parse().unwrap();
    let store = open(Path::new(&path));
    for number in (from..).take(BATCHES_MAX) {
        store.apply(batch(number)).await.unwrap();
        println!("batch {number}");
    }
}
