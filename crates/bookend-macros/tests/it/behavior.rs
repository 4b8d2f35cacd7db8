//! What is recorded, and that the function stays the function it was.

use std::{
    fmt::Display,
    io,
    pin::pin,
    task::{Context, Waker},
};

use bookend::{
    Recorder, measured,
    recorder::Outcome::{self, Cancelled, Failed, Ok as Good, Panicked},
};

use crate::ledger::ledger;

type Sizes = Recorder<usize, ()>;
type Answer<T> = Result<T, io::Error>;

#[measured(recorder, before = text.len())]
async fn upper(recorder: Sizes, text: String) -> String {
    tokio::task::yield_now().await;
    text.to_uppercase()
}

// Goal: `before` is read before the body moves its argument away, and the output is unchanged.
#[tokio::test]
async fn a_free_function() {
    let (recorder, ledger) = ledger();
    assert_eq!(upper(recorder, "three".into()).await, "THREE");
    assert_eq!(ledger.seen().await, [(5, Good)]);
}

/// Ends in every way a body can.
#[measured(recorder, before = number)]
async fn half(recorder: Sizes, number: usize) -> Answer<usize> {
    if number == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let text = if number.is_multiple_of(2) { number.to_string() } else { "odd".to_owned() };
    let even = text.parse::<usize>().map_err(io::Error::other)?;
    Ok(even / 2)
}

// Goal: `return`, `?` and the last expression all end the body, not the measuring; an alias still shows the `Result`.
#[tokio::test]
async fn early_returns() {
    let (recorder, ledger) = ledger();
    assert_eq!(half(recorder, 0).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(half(recorder, 3).await.unwrap_err().to_string(), "invalid digit found in string");
    assert_eq!(half(recorder, 8).await.unwrap(), 4);
    assert_eq!(ledger.seen().await, [(0, Failed), (3, Failed), (8, Good)]);
}

struct Counter {
    recorder: Sizes,
    count: usize,
}

impl Counter {
    #[measured(self.recorder, before = self.count)]
    async fn read(&self) -> &usize {
        &self.count
    }

    #[measured(self.recorder, before = by)]
    async fn add(&mut self, by: usize) -> &mut Self {
        self.count += by;
        self
    }

    #[measured(self.recorder, before = 0)]
    async fn end(self) -> usize {
        self.count
    }
}

trait Translate {
    async fn translate<'a>(&self, text: &'a str) -> Option<&'a str>;

    #[measured(*recorder, before = 7)]
    async fn provided(&self, recorder: &Sizes) {
        assert_eq!(self.translate(" a ").await, Some("a"));
    }
}

impl Translate for Counter {
    #[measured(self.recorder, before = text.len())]
    async fn translate<'a>(&self, text: &'a str) -> Option<&'a str> {
        Some(text.trim()).filter(|text| !text.is_empty())
    }
}

// Goal: methods of every receiver, borrowed returns, trait methods declared and provided. `None` is no failure.
#[tokio::test]
async fn methods() {
    let (recorder, ledger) = ledger();
    let mut counter = Counter { recorder, count: 1 };
    assert_eq!(*counter.read().await, 1);
    assert_eq!(counter.add(2).await.count, 3);
    assert_eq!(counter.translate("  ").await, None);
    counter.provided(&recorder).await;
    assert_eq!(counter.end().await, 3);
    let expected = [1, 2, 2, 3, 7, 0].map(|before| (before, Good));
    assert_eq!(ledger.seen().await, expected);
}

struct State {
    recorder: Sizes,
    extra: usize,
}

struct Json<T>(T);

#[measured(state.recorder, before = text.len())]
async fn patterns(state: &State, Json((text, mut count)): Json<(&str, usize)>, (): ()) -> usize {
    count += text.len();
    count + state.extra
}

#[measured(recorder, before = items.len())]
async fn generic<T, const N: usize>(recorder: &Sizes, items: [T; N]) -> Vec<String>
where
    T: Display + Send,
{
    items.iter().map(ToString::to_string).collect()
}

#[measured(recorder, before = 1)]
async fn opaque(recorder: Sizes, items: impl IntoIterator<Item = usize>) -> impl Display {
    items.into_iter().sum::<usize>()
}

#[measured(recorder, before = 2)]
async fn opaque_inside(recorder: Sizes, good: bool) -> Result<impl Display, String> {
    if good { Ok(5) } else { Err("bad".to_owned()) }
}

#[measured(recorder, before = 3)]
async fn inferred(recorder: Sizes) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    #![allow(clippy::unnecessary_wraps, reason = "an inner attribute stays one of the function")]
    let bytes = "12".bytes().map(Ok::<_, io::Error>).collect::<Result<_, _>>()?;
    Ok(bytes)
}

#[measured(recorder, before = 4)]
async fn nothing(recorder: Sizes) {}

// Goal: patterns, borrowed arguments, generics, `impl Trait` on both sides, `?` with inference, no return type.
#[tokio::test]
async fn signatures() {
    let (recorder, ledger) = ledger();
    assert_eq!(patterns(&State { recorder, extra: 30 }, Json(("ab", 10)), ()).await, 42);
    assert_eq!(generic(&recorder, [1.5, 2.5]).await, ["1.5", "2.5"]);
    assert_eq!(opaque(recorder, [1, 2]).await.to_string(), "3");
    assert_eq!(opaque_inside(recorder, true).await.map(|it| it.to_string()), Ok("5".to_owned()));
    assert!(opaque_inside(recorder, false).await.is_err());
    assert_eq!(inferred(recorder).await.unwrap(), b"12");
    nothing(recorder).await;
    let expected = [(2, Good), (2, Good), (1, Good), (2, Good), (2, Failed), (3, Good), (4, Good)];
    assert_eq!(ledger.seen().await, expected);
}

trait Verdict {
    fn is_good(&self) -> bool;
}

impl Verdict for bool {
    fn is_good(&self) -> bool {
        *self
    }
}

#[measured(recorder, before = 1, outcome = |verdict| if verdict.is_good() { Outcome::Ok } else { Outcome::Failed })]
async fn told_by_closure(recorder: Sizes, good: bool) -> impl Verdict {
    good
}

struct Page {
    title: String,
}

fn of_page(page: &Page) -> Outcome {
    if page.title.starts_with("Error") { Failed } else { Good }
}

#[measured(recorder, outcome = of_page, before = 2)]
async fn told_by_function(recorder: Sizes, title: &str) -> Page {
    Page { title: title.to_owned() }
}

// Goal: where the types do not show it, the user says what a failure is.
#[tokio::test]
async fn the_user_tells_the_outcome() {
    let (recorder, ledger) = ledger();
    told_by_closure(recorder, true).await;
    told_by_closure(recorder, false).await;
    told_by_function(recorder, "Welcome").await;
    told_by_function(recorder, "Error 503").await;
    assert_eq!(ledger.seen().await, [(1, Good), (1, Failed), (2, Good), (2, Failed)]);
}

#[measured(recorder, before = 1)]
async fn never_ends(recorder: Sizes) -> ! {
    std::future::pending().await
}

#[measured(recorder, before = 2)]
async fn panics(recorder: Sizes) -> usize {
    panic!("on purpose")
}

// Goal: a future dropped midway is cancelled, one that panics has panicked, one never polled is nothing.
#[tokio::test]
async fn a_task_that_does_not_end() {
    let (recorder, ledger) = ledger();
    drop(never_ends(recorder));
    {
        let mut future = pin!(never_ends(recorder));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(tokio::spawn(panics(recorder)).await.unwrap_err().is_panic());
    assert_eq!(ledger.seen().await, [(1, Cancelled), (2, Panicked)]);
}

// Goal: names of the expansion are invisible to the body and to the options.
#[tokio::test]
async fn names_do_not_clash() {
    #[measured(recording, before = output)]
    async fn clash(recording: Sizes, output: usize) -> usize {
        recording.start(output + 1).finish();
        output
    }
    let (recorder, ledger) = ledger();
    assert_eq!(clash(recorder, 4).await, 4);
    assert_eq!(ledger.seen().await, [(5, Good), (4, Good)]);
}

// Goal: a measured future can be sent to another thread whenever the plain one could.
#[test]
fn the_future_stays_send() {
    fn send<T: Send>(_: T) {}
    let (recorder, _ledger) = ledger();
    send(upper(recorder, String::new()));
    send(Counter { recorder, count: 0 }.add(1));
}
