//! Walks over the entries of one segment's file, and believes nothing it finds there.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Located, OpenError, ReadError,
    entry::{BadHeader, HEADER_BYTES, Header},
};

/// A place between two entries of a file.
///
/// [`header`](Self::header) reads a header and stays before its entry; then exactly one of [`skip`](Self::skip),
/// [`prefix`](Self::prefix), [`located`](Self::located), [`verify`](Self::verify) and [`payload`](Self::payload) goes
/// past it.
#[derive(Debug)]
pub(crate) struct Cursor {
    path: PathBuf,
    file: BufReader<Arc<File>>,
    /// Where the current entry starts, and where the segment ends.
    range: Range<u64>,
    /// The index that the current entry must start with.
    first: u64,
}

/// How much is read from the file at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A page: for stepping from header to header. More would read the payloads that are stepped over.
    Step = 4 * 1024,
    /// For a few entries in a row.
    Read = 16 * 1024,
    /// For everything there is.
    Run = 128 * 1024,
}

/// What is wrong with the entry at the cursor.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The segment ends within it.
    Short,
    /// It has no valid header.
    Header(BadHeader),
    /// Its header is valid, but of another place.
    Index,
    /// Its header is valid, its payload is not.
    Payload,
    /// It could not be read.
    Io(io::Error),
}

impl Cursor {
    /// Opens the file at the start of `range`, where an entry with the index `first` must stand.
    pub(crate) fn open(path: &Path, range: Range<u64>, first: u64, pace: Pace) -> io::Result<Self> {
        let mut file = Arc::new(File::open(path)?);
        file.seek(SeekFrom::Start(range.start))?;
        let file = BufReader::with_capacity(pace as usize, file);
        Ok(Self { path: path.to_owned(), file, range, first })
    }

    /// Where the current entry starts.
    pub(crate) fn at(&self) -> u64 {
        self.range.start
    }

    /// How much of the segment is still to come, from the current entry on.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The header of the current entry, `None` at the end. Its length is within the segment.
    pub(crate) fn header(&mut self) -> Result<Option<Header>, Fault> {
        let left = self.bytes_left();
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_BYTES as u64 {
            return Err(Fault::Short);
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_exact(&mut bytes)?;
        let header = Header::from_bytes(&bytes).map_err(Fault::Header)?;
        if header.first != self.first {
            return Err(Fault::Index);
        }
        if header.entry_bytes() > left {
            return Err(Fault::Short);
        }
        Ok(Some(header))
    }

    /// Goes past the entry and reads the first bytes of its payload, as many as fit, without a check.
    pub(crate) fn prefix<'a>(
        &mut self,
        header: &Header,
        prefix: &'a mut [u8],
    ) -> Result<&'a [u8], Fault> {
        let payload_bytes = header.payload_bytes as usize;
        let shown = prefix.len().min(payload_bytes);
        let prefix = &mut prefix[..shown];
        self.file.read_exact(prefix)?;
        let rest = i64::try_from(payload_bytes - shown).expect("a payload's length is a u32");
        self.file.seek_relative(rest)?;
        self.advance(header);
        Ok(prefix)
    }

    /// Goes past the entry without reading its payload.
    pub(crate) fn skip(&mut self, header: &Header) -> Result<(), Fault> {
        self.file.seek_relative(i64::from(header.payload_bytes))?;
        self.advance(header);
        Ok(())
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        self.file.get_ref()
    }

    /// Goes past the entry, and tells where its payload stands. It is not read, but it is there.
    pub(crate) fn located(&mut self, header: &Header) -> Result<Located, Fault> {
        if self.file().metadata()?.len() < self.range.start + header.entry_bytes() {
            return Err(Fault::Short);
        }
        let located = Located {
            file: Arc::clone(self.file()),
            at: self.range.start + HEADER_BYTES as u64,
            bytes: header.payload_bytes as usize,
        };
        self.skip(header)?;
        Ok(located)
    }

    /// Goes past the entry and checks its payload, without holding it in memory.
    pub(crate) fn verify(&mut self, header: &Header) -> Result<(), Fault> {
        let mut left = header.payload_bytes as usize;
        let mut crc = 0;
        while left > 0 {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Err(Fault::Short);
            }
            let taken = buffer.len().min(left);
            crc = crc32c::crc32c_append(crc, &buffer[..taken]);
            self.file.consume(taken);
            left -= taken;
        }
        if !header.matches(crc) {
            return Err(Fault::Payload);
        }
        self.advance(header);
        Ok(())
    }

    /// Goes past the entry and puts its payload, checked, behind what `to` holds. After a fault, a part of it may stand
    /// there.
    pub(crate) fn payload(&mut self, header: &Header, to: &mut Vec<u8>) -> Result<(), Fault> {
        let (at, length) = (to.len(), header.payload_bytes as usize);
        to.reserve(length);
        // Not into a slice: that would have to be filled with zeros first.
        let read = self.file.by_ref().take(u64::from(header.payload_bytes)).read_to_end(to)?;
        if read < length {
            return Err(Fault::Short);
        }
        if !header.matches(crc32c::crc32c(&to[at..])) {
            return Err(Fault::Payload);
        }
        self.advance(header);
        Ok(())
    }

    fn advance(&mut self, header: &Header) {
        self.range.start += header.entry_bytes();
        self.first = header.end();
    }

    pub(crate) fn read_error(&self, fault: Fault) -> ReadError {
        let file = self.path.clone();
        match fault.reason() {
            Ok(reason) => ReadError::Corrupt { file, at: self.at(), reason },
            Err(source) => ReadError::Io { file, source },
        }
    }

    pub(crate) fn open_error(&self, fault: Fault) -> OpenError {
        let file = self.path.clone();
        match fault.reason() {
            Ok(reason) => OpenError::Corrupt { file, at: self.at(), reason },
            Err(source) => OpenError::Io { path: file, source },
        }
    }
}

impl Fault {
    fn reason(self) -> Result<&'static str, io::Error> {
        match self {
            Self::Short => Ok("the file ends within an entry"),
            Self::Header(bad) => Ok(bad.reason()),
            Self::Index => Ok("the entry's index does not follow the one before it"),
            Self::Payload => Ok("the entry's payload does not match its checksum"),
            Self::Io(error) => Err(error),
        }
    }
}

impl From<io::Error> for Fault {
    /// A file that ends before the segment does was cut by someone else: that is damage, and no refusal of the system.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Short } else { Self::Io(error) }
    }
}
