//! The texts of the demo: sentences of our own, put together to lengths from a few words to a page.

/// How many texts there are; each of the three topics gets a third.
const COUNT: usize = 360;

/// In several scripts, because a length in UTF-16 units is neither a number of bytes nor of characters.
const SENTENCES: [&str; 20] = [
    "A bookend stands on either side of the task and says nothing.",
    "The first one notes the time.",
    "The second one notes it again, and what lies between them is a measurement.",
    "Ten measurements make a batch, but none of them waits long for company.",
    "If the broker is away, the task does not learn of it.",
    "Somebody always pulls the plug in the middle of a feed; it might as well be a test.",
    "A message that was stored once is stored, however often it comes by.",
    "Zwischen zwei Buchstützen passt genau eine Aufgabe, ob groß oder klein.",
    "Entre deux serre-livres, il y a la tâche, rien d’autre, et déjà tout est mesuré.",
    "Между двумя опорами стоит одна задача.",
    "二つのブックエンドの間に、仕事が一つ。",
    "🦀 counts two, and that is JavaScript's doing. 📚",
    "Acknowledged means that the broker has it, not that somebody hopes so.",
    "Every number in the ledger has exactly one owner, and at the end they add up.",
    "A partition is a queue at a counter: whoever is next is next.",
    "Three topics, three partitions each: nine counters, one store behind them.",
    "Short.",
    "The slowest request of a minute tells more than the average of a day, which is why the page shows it.",
    "Nothing is dropped without a reason and a count.",
    "When the lights go out, the last one to leave closes the store, then the broker, and says what was lost.",
];

/// The same texts every time.
pub(crate) fn texts() -> Vec<String> {
    (0..COUNT)
        .map(|number| {
            let length = 1 + number * 7 % 13;
            let sentences =
                (0..length).map(|step| SENTENCES[(number * 3 + step) % SENTENCES.len()]);
            sentences.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::utf16_len;

    #[test]
    fn there_are_enough_and_of_many_lengths() {
        let texts = texts();
        assert!(texts.len() >= 300);
        let mut lengths: Vec<_> = texts.iter().map(|text| utf16_len(text)).collect();
        lengths.sort_unstable();
        assert!(lengths[0] < 20 && lengths[lengths.len() - 1] > 700, "{lengths:?}");
        lengths.dedup();
        assert!(lengths.len() > 100, "{} lengths", lengths.len());
    }
}
