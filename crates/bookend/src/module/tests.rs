//! The module as a user sees it: every fault, what is built when, and what is taken down when.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Barrier;

use super::*;

const LONG: Duration = Duration::from_hours(1);

const A: Token<u32> = Token::new("A");
const A_AS_TEXT: Token<&str> = Token::new("A");
const B: Token<u32> = Token::new("B");
const C: Token<u32> = Token::new("C");
const D: Token<u32> = Token::new("D");

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// The faults of a module that must not be built, without file names and columns.
async fn faults<T: Deps>(module: Module<'_>, ends: T) -> Vec<String> {
    let error = match module.build(ends).await {
        Err(BuildError::Invalid(faults)) => faults,
        Err(other) => panic!("built before it was checked: {other}"),
        Ok(_) => panic!("an invalid module was built"),
    };
    error.iter().map(|fault| without_places(&fault.to_string())).collect()
}

/// `text` with each `file.rs:line:column` cut down to `HERE`, after a check that it is of this file.
fn without_places(text: &str) -> String {
    let place = |word: &str| word.contains(".rs:");
    let cut = text.split(' ').map(|word| {
        if !place(word) {
            return word.to_owned();
        }
        assert!(word.contains("tests.rs:"), "a place outside of the user's code: {word}");
        let end: String = word.chars().filter(|end| matches!(end, ',' | ';')).collect();
        format!("HERE{end}")
    });
    cut.collect::<Vec<_>>().join(" ")
}

// Goal: each kind of fault is found and reads well. Method: a table of modules, each with the faults it has.
#[tokio::test]
async fn each_fault_has_its_sentence() {
    async fn check<T: Deps>(module: Module<'_>, ends: T, expected: &[&str]) {
        assert_eq!(faults(module, ends).await, expected);
    }
    let new = Module::new;
    let from_b = || Module::new().provide(A, (B,), async |(b,)| b);

    check(
        new(),
        (A,),
        &["`A` (`u32`) is missing: `build` at HERE needs it; provide it, or make it `.optional()`"],
    )
    .await;
    check(
        from_b(),
        (),
        &["`B` (`u32`) is missing: `A` at HERE needs it; provide it, or make it `.optional()`"],
    )
    .await;
    check(new().on_shutdown(A, async |_| ()), (), &[
        "`A` (`u32`) is missing: a shutdown hook at HERE needs it; provide it, or make it `.optional()`",
    ])
    .await;
    check(new().provide_value(A, 1), (A_AS_TEXT,), &[
        "`A` is `&str` for `build` at HERE, but the name is provided as another type, `u32`, at HERE; \
         give one of the two tokens another name",
    ])
    .await;
    check(new().provide_value(A, 1), (A_AS_TEXT.optional(),), &[
        "`A` is `&str` for `build` at HERE, but the name is provided as another type, `u32`, at HERE; \
         give one of the two tokens another name",
    ])
    .await;
    check(
        new().provide_value(A, 1).provide_value(A, 2),
        (A,),
        &["`A` is provided twice: HERE and HERE; keep one"],
    )
    .await;
    check(
        new().provide_value(A, 1).provide_value(A, 2).provide_value(A_AS_TEXT, ""),
        (A,),
        &["`A` is provided 3 times: HERE and HERE and HERE; keep one"],
    )
    .await;
    check(
        new().provide(A, (A, A), async |(a, _)| a),
        (A,),
        &["circular: `A` → `A` (each needs the next)"],
    )
    .await;
    let round = from_b()
        .provide(B, (C.optional(),), async |(c,)| c.unwrap_or(0))
        .provide(C, (D, A), async |(d, a)| d + a)
        .provide_value(D, 1);
    check(round, (D,), &["circular: `A` → `B` → `C` → `A` (each needs the next)"]).await;
    check(
        new().override_value(A, 1),
        (),
        &["`A` is overridden at HERE, but nothing provides it; remove the override"],
    )
    .await;
    check(new().provide_value(A, 1).override_value(A_AS_TEXT, ""), (), &[
        "`A` is `&str` for an override at HERE, but the name is provided as another type, `u32`, at HERE; \
         give one of the two tokens another name",
    ])
    .await;
}

// Goal: one report for all that is wrong, and not one factory has run. Method: four faults and a factory that tells.
#[tokio::test]
async fn all_faults_come_together_and_before_anything_is_built() {
    let module = Module::new()
        .provide(A, (), async |()| -> u32 { panic!("nothing may be built") })
        .provide(B, (C,), async |(c,)| c)
        .provide_value(D, 1)
        .provide_value(D, 2)
        .override_value(C, 3);
    let error = module.build((A, A_AS_TEXT)).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 5, "a headline and four faults: {text}");
    assert!(text.starts_with("the module cannot be built:\n  - `C` is overridden at "), "{text}");
}

// Goal: a duplicate names both lines of the user's code, not lines of this crate.
#[tokio::test]
async fn places_are_those_of_the_user() {
    let first = line!() + 1;
    let module = Module::new().provide_value(A, 1);
    let module = module.provide(A, (), async |()| 2);
    let Err(BuildError::Invalid(faults)) = module.build(()).await else {
        panic!("must be refused")
    };
    let [Fault::Duplicate { name: "A", at }] = &faults[..] else { panic!("{faults:?}") };
    let places: Vec<_> = at.iter().map(|at| (at.file(), at.line())).collect();
    assert_eq!(places, [(file!(), first), (file!(), first + 1)]);
}

// Goal: values flow along the chain; optional ones are there or not; factories may borrow the configuration.
#[tokio::test]
async fn values_flow_from_provider_to_dependent() {
    let config = String::from("ten");
    let built = Module::new()
        .provide(A, (), async |()| u32::try_from(config.len()))
        .provide(B, (A, C.optional()), async |(a, c)| a + c.unwrap_or(100))
        .provide(D, (A.optional(), B), async |(a, b)| a.unwrap() + b)
        .build((D, B.optional(), C.optional()))
        .await
        .unwrap();
    assert_eq!(built.ends, (106, Some(103), None));
}

// Goal: a provider runs once for all its dependents, and not at all when no end needs it.
#[tokio::test]
async fn each_is_built_once_and_only_if_needed() {
    let diary = Diary::default();
    let note = |entry: &'static str| {
        diary.note(entry);
        async { 1 }
    };
    let built = Module::new()
        .provide(A, (), |()| note("A"))
        .provide(B, (A,), |_| note("B"))
        .provide(C, (A, B), |_| note("C"))
        .provide(D, (A,), |_| note("D"))
        .on_shutdown(D, async |_| -> () { panic!("`D` was not built") })
        .build((C, B))
        .await
        .unwrap();
    assert_eq!(diary.read(), ["A", "B", "C"]);
    built.shutdown.run(LONG).await.unwrap();
}

// Goal: independent factories run at once. Method: each waits at a barrier for the other; one after the other they
// would wait for ever (paused time then ends the test at once).
#[tokio::test(start_paused = true)]
async fn independent_factories_run_at_once() {
    let (barrier, later) = (Barrier::new(2), Barrier::new(2));
    let meet = async |barrier: &Barrier, value: u32| {
        barrier.wait().await;
        value
    };
    let building = Module::new()
        .provide(A, (), |()| meet(&barrier, 1))
        .provide(B, (), |()| meet(&barrier, 2))
        .provide(C, (A,), |(a,)| meet(&later, a + 10))
        .provide(D, (B,), |(b,)| meet(&later, b + 20))
        .build((C, D));
    let built =
        tokio::time::timeout(LONG, building).await.expect("they wait for each other").unwrap();
    assert_eq!(built.ends, (11, 22));
}

// Goal: a slow provider holds up its dependents only. Method: `A` cannot end before `C`, which needs `B`, is built.
#[tokio::test(start_paused = true)]
async fn a_dependent_does_not_wait_for_strangers() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let building = Module::new()
        .provide(A, (), async |()| told.await)
        .provide_value(B, 1)
        .provide(C, (B,), async |(b,)| {
            tell.send(b).unwrap();
            b
        })
        .build((A, C));
    let built = tokio::time::timeout(LONG, building).await.expect("`A` waits for `C`").unwrap();
    assert_eq!(built.ends, (1, 1));
}

fn noted(module: Module<'static>, token: Token<u32>, diary: &Diary) -> Module<'static> {
    let diary = diary.clone();
    module.on_shutdown(token, async move |value| diary.note(format!("{} {value}", token.name())))
}

// Goal: hooks run in reverse order of building, whatever the order of registration.
#[tokio::test]
async fn hooks_run_in_reverse_order_of_building() {
    let diary = Diary::default();
    let mut module = Module::new()
        .provide(C, (B,), async |(b,)| b + 1)
        .provide(A, (), async |()| 1)
        .provide(B, (A,), async |(a,)| a + 1);
    for token in [B, A, C, C] {
        module = noted(module, token, &diary);
    }
    let built = module.build((C,)).await.unwrap();
    assert!(diary.read().is_empty(), "no hook runs before shutdown");
    built.shutdown.run(LONG).await.unwrap();
    assert_eq!(diary.read(), ["C 3", "C 3", "B 2", "A 1"]);
}

/// Notes that the factory of `D` was dropped.
struct LastWord(Diary);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.note("`D` was dropped");
    }
}

// Goal: after a failed factory the hooks of what was built have run, in reverse order; a factory still at work is
// dropped before them, and the error names the provider and its cause.
#[tokio::test]
async fn a_failed_factory_runs_the_hooks_of_what_was_built() {
    let diary = Diary::default();
    let mut module = Module::new()
        .provide_value(A, 1)
        .provide(B, (A,), async |(a,)| a + 1)
        .provide(C, (B,), async |_| Err::<u32, _>(io::Error::other("no broker at localhost:9092")))
        .provide(D, (), {
            let last_word = LastWord(diary.clone());
            async move |()| {
                std::future::pending::<()>().await;
                drop(last_word);
                4
            }
        });
    for token in [A, B, C, D] {
        module = noted(module, token, &diary);
    }
    let error = module.build((C, D)).await.unwrap_err();
    assert_eq!(diary.read(), ["`D` was dropped", "B 2", "A 1"]);
    assert_eq!(without_places(&error.to_string()), "`C`, provided at HERE, could not be built");
    let source = std::error::Error::source(&error).expect("the cause is kept");
    assert_eq!(source.to_string(), "no broker at localhost:9092");
}

// Goal: a panic in a factory counts as a failure, and a hook that fails then is told too.
#[tokio::test]
async fn a_panicking_factory_fails_the_build() {
    let module = Module::new()
        .provide_value(A, 1)
        .provide(B, (A,), async |(a,)| -> u32 { panic!("no luck with {a}") })
        .on_shutdown(A, async |_| Err(io::Error::other("stuck")));
    let error = module.build((B,)).await.unwrap_err();
    assert!(error.to_string().ends_with("\n  - the hook of `A` failed: stuck"), "{error}");
    let source = std::error::Error::source(&error).expect("the cause is kept");
    assert_eq!(source.to_string(), "panicked: no luck with 1");
}

// Goal: a hook that fails, panics or never ends stops no other, and the error tells of each.
// Method: the one that never ends uses up the time; the one after it still gets its poll.
#[tokio::test(start_paused = true)]
async fn a_bad_hook_stops_no_other() {
    let diary = Diary::default();
    let module = noted(Module::new().provide_value(A, 1), A, &diary)
        .provide(B, (A,), async |(a,)| a)
        .on_shutdown(B, async |_| std::future::pending::<()>().await)
        .provide(C, (B,), async |(b,)| b)
        .on_shutdown(C, async |_| -> () { panic!("broken") })
        .provide(D, (C,), async |(c,)| c)
        .on_shutdown(D, async |_| Err::<(), _>("refused"));
    let built = module.build((D,)).await.unwrap();
    let error = built.shutdown.run(LONG).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "shutdown did not end well:\
         \n  - the hook of `D` failed: refused\
         \n  - the hook of `C` failed: panicked: broken\
         \n  - the hook of `B` was still at work at the deadline"
    );
    assert_eq!(diary.read(), ["A 1"]);
}

// Goal: the deadline bounds all hooks together. Method: two that each take two thirds of it, in paused time.
#[tokio::test(start_paused = true)]
async fn one_deadline_for_all_hooks() {
    let work = async |_| tokio::time::sleep(LONG * 2 / 3).await;
    let module = Module::new()
        .provide_value(A, 1)
        .on_shutdown(A, work)
        .provide(B, (A,), async |(a,)| a)
        .on_shutdown(B, work);
    let error = module.build((B,)).await.unwrap().shutdown.run(LONG).await.unwrap_err();
    assert!(matches!(error.faults[..], [HookFault::Late { name: "A" }]), "{error}");
}

// Goal: an override takes the provider's place, its hooks stay, and what only the provider needed is left alone.
#[tokio::test]
async fn overrides_take_the_place_of_providers() {
    let diary = Diary::default();
    let app = || {
        let module = Module::new()
            .provide(A, (), async |()| -> u32 { panic!("the real one is overridden") })
            .provide(B, (A,), async |(a,)| a)
            .provide(C, (B, D.optional()), async |(b, d)| b + d.unwrap_or(0))
            .provide_value(D, 5);
        noted(module, B, &diary)
    };
    let built = app().override_value(B, 7).override_value(B, 40).build((C,)).await.unwrap();
    assert_eq!(built.ends, (45,));
    built.shutdown.run(LONG).await.unwrap();
    assert_eq!(diary.read(), ["B 40"]);

    let built = app().override_with(B, (D,), async |(d,)| d * 2).build((C,)).await.unwrap();
    assert_eq!(built.ends, (15,));
    built.shutdown.run(LONG).await.unwrap();
}

// Goal: a module can be built on any thread of a runtime, and what was built can move between threads.
#[test]
fn the_build_is_send() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    drop(send(Module::new().provide_value(A, 1)));
    drop(send(Module::new().provide_value(A, 1).build((A,))));
    drop(send(None::<Built<(u32,)>>));
}
