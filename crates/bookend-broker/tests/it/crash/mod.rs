//! Crashes under load, and what must be there afterwards.
//!
//! [`load`] and [`churn`] are what clients do until the broker is gone, and what they then know; [`oracle`] compares that with what the
//! next broker on the same folder says. [`kill`] ends a process of its own with SIGKILL, [`power`] cuts the power of a
//! disk that forgets. Everything is chosen by a seed; `BOOKEND_SEEDS=1000 cargo test -p bookend-broker crash --
//! --nocapture` takes as many of them, and says how far it is.

mod churn;
mod kill;
mod load;
mod oracle;
mod power;

pub(crate) use self::kill::spawn;

/// How many seeds `cargo test` takes.
const SEEDS: u64 = 10;
/// How many seeds pass between two lines about it.
const SEEDS_TOLD: u64 = 50;

/// The seeds to try, with a word about the progress when there are many.
#[expect(clippy::print_stderr, reason = "a thousand seeds take minutes")]
fn seeds() -> impl Iterator<Item = u64> {
    let asked = std::env::var("BOOKEND_SEEDS");
    let count = asked.map_or(SEEDS, |count| count.parse().expect("BOOKEND_SEEDS is a number"));
    (0..count).inspect(move |seed| {
        if *seed > 0 && seed % SEEDS_TOLD == 0 {
            eprintln!("{seed} of {count} seeds");
        }
    })
}
