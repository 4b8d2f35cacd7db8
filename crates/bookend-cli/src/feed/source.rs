//! Where the pieces come from: a file, stdin, or texts already in memory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
};

use anyhow::Context;
use tokio::sync::mpsc;

use super::split::{Splitter, Unit};

/// The longest line that is posted as one; a longer one is cut. Well under what the client takes, also when escaped.
const LINE_BYTES_MAX: usize = 128 * 1024;
/// Pieces read ahead of the posting.
const READ_AHEAD: usize = 64;

/// One text to post.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    /// How much of the source is read once this piece is.
    pub(super) read_bytes: u64,
}

/// Gives one piece after the other.
#[derive(Debug)]
pub(crate) struct Source {
    pieces: mpsc::Receiver<io::Result<Piece>>,
    /// The size of the source, when it is known.
    pub(super) total_bytes: Option<u64>,
}

impl Source {
    /// Opens a file, or stdin for `-`.
    pub(crate) fn open(path: &Path, unit: Unit) -> anyhow::Result<Self> {
        let name = path.display();
        if path == Path::new("-") {
            return Self::read(io::stdin(), None, unit);
        }
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let about = file.metadata().with_context(|| format!("cannot read {name}"))?;
        anyhow::ensure!(!about.is_dir(), "cannot read {name}: it is a folder");
        Self::read(file, about.is_file().then_some(about.len()), unit)
    }

    /// Gives the texts one after the other, again and again if `forever`.
    pub(crate) fn texts(texts: Vec<String>, forever: bool) -> Self {
        let total_bytes = texts.iter().map(|text| text.len() as u64).sum();
        let (tx, pieces) = mpsc::channel(READ_AHEAD);
        tokio::spawn(async move {
            let mut read_bytes = 0;
            loop {
                for text in &texts {
                    read_bytes += text.len() as u64;
                    let piece = Piece { text: text.clone(), read_bytes };
                    if tx.send(Ok(piece)).await.is_err() {
                        return; // nobody posts any more
                    }
                }
                if !forever {
                    return;
                }
            }
        });
        Self { pieces, total_bytes: (!forever).then_some(total_bytes) }
    }

    /// A thread of its own reads: a read of stdin can wait for ever, and nothing waits for this thread.
    fn read(
        from: impl Read + Send + 'static,
        total_bytes: Option<u64>,
        unit: Unit,
    ) -> anyhow::Result<Self> {
        let (tx, pieces) = mpsc::channel(READ_AHEAD);
        thread::Builder::new()
            .name("feed-source".to_owned())
            .spawn(move || {
                if let Err(error) = read_pieces(&mut BufReader::new(from), unit, &tx) {
                    // A closed channel means that nobody wants to know.
                    drop(tx.blocking_send(Err(error)));
                }
            })
            .context("cannot start the thread that reads the text")?;
        Ok(Self { pieces, total_bytes })
    }

    /// The next piece; `None` at the end. Cancel-safe: a piece that is not returned is not lost.
    pub(super) async fn next(&mut self) -> Option<io::Result<Piece>> {
        self.pieces.recv().await
    }
}

/// Reads to the end. Bytes that are no UTF-8 become the replacement character.
fn read_pieces(
    from: &mut impl BufRead,
    unit: Unit,
    to: &mpsc::Sender<io::Result<Piece>>,
) -> io::Result<()> {
    let mut splitter = Splitter::new(unit, LINE_BYTES_MAX);
    let mut line = Vec::new();
    let mut read_bytes = 0;
    loop {
        line.clear();
        let count = from.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        read_bytes += count as u64;
        let ended = count == 0;
        let piece =
            if ended { splitter.finish() } else { splitter.push(&String::from_utf8_lossy(&line)) };
        if let Some(text) = piece
            && to.blocking_send(Ok(Piece { text, read_bytes })).is_err()
        {
            return Ok(());
        }
        if ended {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut source: Source) -> Vec<(String, u64)> {
        let mut pieces = Vec::new();
        while let Some(piece) = source.next().await {
            let piece = piece.unwrap();
            pieces.push((piece.text, piece.read_bytes));
        }
        pieces
    }

    fn read(bytes: &'static [u8]) -> Source {
        Source::read(bytes, None, Unit::Line).unwrap()
    }

    #[tokio::test]
    async fn reads_lines_and_says_how_far() {
        let pieces = all(read(b"one\n\ntwo \xff\nthree")).await;
        let piece = |text: &str, read_bytes| (text.to_owned(), read_bytes);
        assert_eq!(pieces, [piece("one", 4), piece("two \u{fffd}", 11), piece("three", 16)]);
    }

    // Goal: no line end in sight does not mean no limit.
    #[tokio::test]
    async fn cuts_an_endless_line() {
        let endless = io::repeat(b'x').take(LINE_BYTES_MAX as u64 * 2 + 1);
        let pieces = all(Source::read(endless, None, Unit::Line).unwrap()).await;
        let sizes: Vec<_> = pieces.iter().map(|(text, _)| text.len()).collect();
        assert_eq!(sizes, [LINE_BYTES_MAX, LINE_BYTES_MAX, 1]);
    }

    #[tokio::test]
    async fn texts_come_once_or_for_ever() {
        let texts = || vec!["a".to_owned(), "bc".to_owned()];
        let once = Source::texts(texts(), false);
        assert_eq!(once.total_bytes, Some(3));
        assert_eq!(all(once).await, [("a".to_owned(), 1), ("bc".to_owned(), 3)]);
        let mut forever = Source::texts(texts(), true);
        for expected in ["a", "bc", "a", "bc", "a"] {
            assert_eq!(forever.next().await.unwrap().unwrap().text, expected);
        }
    }

    #[test]
    fn says_which_file_it_cannot_read() {
        for path in ["/nowhere/to/be/found", "/"] {
            let error = Source::open(Path::new(path), Unit::Line).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
