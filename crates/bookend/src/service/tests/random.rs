//! Random schedules: nothing is committed past what was handled, and the counts add up.

use super::*;

/// Fails in every way, as the value says; notes each offset before it is settled, and how often that was.
async fn misbehave(
    Json(how): Json<u32>,
    at: Position,
    State(resolved): State<Resolved>,
) -> Result<(), Failure> {
    let times = {
        let mut resolved = resolved.lock().unwrap();
        let times = resolved.entry((at.partition.0, at.offset.0)).or_default();
        *times += 1;
        *times
    };
    match how {
        1 if times % 3 != 0 => Err(transient("not yet")),
        2 => Err(permanent("never")),
        3 => panic!("a panic on purpose"),
        4 => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// By partition and offset, the calls there were.
type Resolved = Arc<Mutex<BTreeMap<(i32, i64), u32>>>;

#[derive(Debug, Clone)]
enum Act {
    Messages(i32, i64),
    Assign(i32),
    Revoke(i32),
    Lose(i32),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..3, 1i64..30).prop_map(|(partition, count)| Act::Messages(partition, count)),
        2 => (0..3).prop_map(Act::Assign),
        1 => (0..3).prop_map(Act::Revoke),
        1 => (0..3).prop_map(Act::Lose),
        3 => (1u64..3_000).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..60)
}

/// What Kafka knows of each partition: who has it, what is next for that one, and what is committed.
#[derive(Debug, Default)]
struct Known {
    is_assigned: bool,
    is_leaving: bool,
    next: i64,
    committed: i64,
}

/// Holds what was asked against what is known. `Err` when a commit passed an offset that was never handled.
fn check(asked: Vec<Asked>, known: &mut [Known], resolved: &Resolved) -> Result<(), TestCaseError> {
    let resolved = resolved.lock().unwrap();
    for asked in asked {
        match asked {
            Asked::Commit(marks) => {
                for (partition, mark) in marks {
                    let all = (0..mark).all(|offset| resolved.contains_key(&(partition, offset)));
                    prop_assert!(all, "partition {partition} was committed at {mark}");
                    let known = &mut known[usize::try_from(partition).unwrap()];
                    prop_assert!(known.is_assigned && mark <= known.next);
                    known.committed = mark;
                }
            }
            Asked::Unassign(partitions) => {
                for partition in partitions {
                    let known = &mut known[usize::try_from(partition).unwrap()];
                    (known.is_assigned, known.is_leaving) = (false, false);
                }
            }
            Asked::Assign(_) | Asked::Pause(_) | Asked::Resume(_) | Asked::Close => {}
        }
    }
    Ok(())
}

async fn act_out(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let resolved = Resolved::default();
    let service = Service::new("group").on("T", misbehave).with_state(Arc::clone(&resolved));
    let handle = service.handle();
    let running = run(service.with_drain_timeout(2 * SECOND), &[]).await;
    let mut known: [Known; 3] = Default::default();
    for act in acts {
        match act {
            Act::Messages(partition, count) => {
                let known = &mut known[usize::try_from(partition).unwrap()];
                if known.is_assigned && !known.is_leaving {
                    for offset in known.next..known.next + count {
                        let how = ["0", "1", "0", "2", "0", "3", "4", "no json"];
                        let value =
                            how[usize::try_from(offset * 5 + i64::from(partition)).unwrap() % 8];
                        if value == "no json" {
                            resolved.lock().unwrap().insert((partition, offset), 0);
                        }
                        running.messages(partition, offset..offset + 1, value);
                    }
                    known.next += count;
                }
            }
            Act::Assign(partition) => {
                let known = &mut known[usize::try_from(partition).unwrap()];
                if !known.is_assigned {
                    (known.is_assigned, known.next) = (true, known.committed);
                    running.give(Event::Assigned(vec![at(partition)]));
                }
            }
            Act::Revoke(partition) | Act::Lose(partition) => {
                let is_lost = matches!(act, Act::Lose(_));
                let known = &mut known[usize::try_from(partition).unwrap()];
                if known.is_assigned && !known.is_leaving {
                    known.is_leaving = true;
                    if is_lost { running.lose(&[partition]) } else { running.revoke(&[partition]) }
                }
            }
            Act::Pass(millis) => running.pass(Duration::from_millis(millis)).await,
        }
        // Rebalances come one at a time, and the log is read before the next step.
        running.settle_down().await;
        while known.iter().any(|known| known.is_leaving) {
            running.pass(Duration::from_millis(50)).await;
            check(running.asked(), &mut known, &resolved)?;
        }
        check(running.asked(), &mut known, &resolved)?;
    }
    running.stop();
    let (report, asked) = running.end().await;
    check(asked, &mut known, &resolved)?;
    let (consumed, done, skipped, _) = counts(&handle.stats());
    prop_assert_eq!(consumed, done + skipped + report.unwrap().given_back);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // Goal: whatever comes and goes and fails, no commit passes a message that was not handled, and every message
    // taken is settled once or given back. Method: random acts against a model of what Kafka knows.
    #[test]
    fn no_commit_passes_an_unhandled_message(acts in acts()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(act_out(acts))?;
    }
}
