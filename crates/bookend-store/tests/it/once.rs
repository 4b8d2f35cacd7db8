//! Each message is applied once, however often and in whatever order it comes.

use std::{collections::HashSet, fs};

use bookend::{Offset, Position, TopicPartition};
use bookend_store::sqlite::{Applied, ApplyError, Store};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{Notes, REFUSED, note, notes, open, position};

// Goal: everything again, in another order and in other batches, changes nothing, before and after a restart.
#[tokio::test]
async fn redelivery_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    let all: Vec<_> =
        (0..100).map(|offset| note(offset % 3, i64::from(offset / 3), None)).collect();
    assert_eq!(store.apply(all.clone()).await.unwrap(), Applied { stored: 100, seen: 0 });
    let before = notes(&store).await;

    let reversed: Vec<_> = all.into_iter().rev().collect();
    assert_eq!(store.apply(reversed.clone()).await.unwrap(), Applied { stored: 0, seen: 100 });
    store.close().await;
    let store = open(&path);
    for message in reversed {
        assert_eq!(store.apply(vec![message]).await.unwrap(), Applied { stored: 0, seen: 1 });
    }
    assert_eq!(notes(&store).await, before);
    store.close().await;
}

// Goal: a message that its sender sent again is recognized on another partition, also after a restart, and its new
// position counts as applied.
#[tokio::test]
async fn a_message_that_was_sent_again_is_recognized() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path);
    store.apply(vec![note(0, 5, Some((1, 9)))]).await.unwrap();
    store.close().await;

    let store = open(&path);
    let again = vec![note(1, 0, Some((1, 9))), note(1, 1, Some((2, 9))), note(1, 2, None)];
    assert_eq!(store.apply(again).await.unwrap(), Applied { stored: 2, seen: 1 });
    let partition =
        |number| TopicPartition::new(position(0, 0, None).topic, bookend::Partition(number));
    let mut positions = store.positions().await.unwrap();
    positions.sort();
    assert_eq!(positions, [(partition(0), Offset(6)), (partition(1), Offset(3))]);
    store.close().await;
}

// Goal: a call whose caller went away does no harm: applied or not, the same messages again store each once.
#[tokio::test]
async fn an_abandoned_call_is_safe_to_repeat() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("store.db"));
    for offset in 0..20 {
        let abandoned = store.clone();
        let task = tokio::spawn(async move { abandoned.apply(vec![note(0, offset, None)]).await });
        if offset % 2 == 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        store.apply(vec![note(0, offset, None)]).await.unwrap();
    }
    assert_eq!(notes(&store).await.len(), 20);
    store.close().await;
}

/// What happens to the store under test.
#[derive(Debug, Clone)]
enum Step {
    /// Calls that are in the queue together.
    Apply(Vec<Vec<(Position, String)>>),
    /// Close and open.
    Restart,
    /// Go on with a copy of the files as they are, as after a killed process.
    Kill,
}

/// Few positions and ids, so that they repeat in any order; one message in thirty is refused by the table.
fn message() -> impl Strategy<Value = (Position, String)> {
    let id = prop::option::of((0_u32..2, 0_u64..40));
    let text = prop_oneof![29 => Just("fine".to_owned()), 1 => Just(REFUSED.to_owned())];
    (0..2_i32, 0..40_i64, id, text)
        .prop_map(|(partition, offset, id, text)| (position(partition, offset, id), text))
}

fn step() -> impl Strategy<Value = Step> {
    let call = prop::collection::vec(message(), 0..12);
    prop_oneof![
        6 => prop::collection::vec(call, 1..5).prop_map(Step::Apply),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
    ]
}

/// Everything that was applied, one entry per message.
#[derive(Debug, Clone, Default)]
struct Oracle {
    positions: HashSet<(i32, i64)>,
    ids: HashSet<bookend::MessageId>,
    notes: Vec<(i32, i64, String)>,
}

impl Oracle {
    /// What the call should answer; `None` when the table refuses a message, and then nothing of the call counts.
    fn apply(&mut self, call: &[(Position, String)]) -> Option<Applied> {
        let (mut next, mut applied) = (self.clone(), Applied::default());
        for (at, text) in call {
            let is_new = next.positions.insert((at.partition.0, at.offset.0))
                && at.id.is_none_or(|id| next.ids.insert(id));
            if !is_new {
                applied.seen += 1;
                continue;
            }
            if text == REFUSED {
                return None;
            }
            applied.stored += 1;
            next.notes.push((at.partition.0, at.offset.0, text.clone()));
        }
        *self = next;
        Some(applied)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // Goal: the whole store does what two sets of everything would, through grouped calls, refused messages,
    // restarts and kills: the answers, the rows, and what is kept of the progress.
    #[test]
    fn a_store_knows_what_sets_know(steps in prop::collection::vec(step(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps))?;
    }
}

async fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let folder = TempDir::new().unwrap();
    let mut path = folder.path().join("0.db");
    let mut store = open(&path);
    let mut oracle = Oracle::default();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Apply(calls) => {
                let expected: Vec<_> = calls.iter().map(|call| oracle.apply(call)).collect();
                prop_assert_eq!(apply_together(&store, calls).await, expected);
            }
            Step::Restart => {
                store.close().await;
                store = open(&path);
            }
            Step::Kill => {
                let copy = folder.path().join(format!("{}.db", number + 1));
                for suffix in ["", "-wal"] {
                    let file = |path: &std::path::Path| format!("{}{suffix}", path.display());
                    fs::copy(file(&path), file(&copy)).unwrap();
                }
                store.close().await;
                (path, store) = (copy.clone(), open(&copy));
            }
        }
        prop_assert_eq!(&notes(&store).await, &oracle.notes);
        let applied = "SELECT coalesce(sum(applied), 0) FROM bookend_positions";
        let applied =
            store.read(|tx| tx.query_row(applied, (), |row| row.get::<_, isize>(0))).await;
        prop_assert_eq!(applied.unwrap(), oracle.positions.len().cast_signed());
    }
    store.close().await;
    Ok(())
}

/// Makes the calls in order without waiting for answers between them.
async fn apply_together(
    store: &Store<Notes>,
    calls: Vec<Vec<(Position, String)>>,
) -> Vec<Option<Applied>> {
    let calls = calls.into_iter().map(|call| {
        let store = store.clone();
        tokio::spawn(async move { store.apply(call).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(match call.await.unwrap() {
            Ok(applied) => Some(applied),
            Err(ApplyError::Refused { .. }) => None,
            Err(error) => panic!("{error:?}"),
        });
    }
    answers
}
