//! All answers to the forks of one cut: every combination where they are few, a seeded sample where they are many.

use crate::testing::seeded;

/// Up to this many ends of one moment are all looked at: six pages that stay or not.
const ENDS_MAX: usize = 64;
/// Of more ends, so many are looked at.
const SAMPLED: u64 = 12;

/// Calls `cut` with a source of answers once for each end, until it fails. Returns how many there were.
pub(super) fn each_cut<E>(
    seed: u64,
    mut cut: impl FnMut(&mut dyn FnMut(usize) -> usize) -> Result<(), E>,
) -> Result<usize, E> {
    let mut odometer = Odometer::default();
    let mut ends = 0;
    loop {
        let mut asked = 0;
        cut(&mut |ways| odometer.answer(&mut asked, ways))?;
        ends += 1;
        if ends == 1 && odometer.ends_about() > ENDS_MAX {
            break;
        }
        if !odometer.advance() {
            return Ok(ends);
        }
    }
    for sample in 0..SAMPLED {
        cut(&mut seeded(seed.wrapping_mul(31).wrapping_add(sample)))?;
        ends += 1;
    }
    Ok(ends)
}

/// The answers so far, each with the number of ways, counted through like digits.
#[derive(Default)]
struct Odometer(Vec<(usize, usize)>);

impl Odometer {
    fn answer(&mut self, asked: &mut usize, ways: usize) -> usize {
        if *asked == self.0.len() {
            self.0.push((0, ways));
        }
        *asked += 1;
        self.0[*asked - 1].0
    }

    /// The number of ends if every path has the forks of this one.
    fn ends_about(&self) -> usize {
        self.0.iter().fold(1, |ends, (_, ways)| ends.saturating_mul(*ways))
    }

    /// Goes on to the next answers; `false` when there are none.
    fn advance(&mut self) -> bool {
        while self.0.pop_if(|(answer, ways)| *answer + 1 == *ways).is_some() {}
        self.0.last_mut().map(|(answer, _)| *answer += 1).is_some()
    }
}

#[test]
fn all_answers_are_given_once() {
    let mut seen = Vec::new();
    let ends = each_cut(0, |choose| {
        let first = choose(2);
        seen.push((first, if first == 0 { choose(3) } else { 9 }));
        Ok::<_, ()>(())
    });
    assert_eq!((ends, seen), (Ok(4), vec![(0, 0), (0, 1), (0, 2), (1, 9)]));
}
