//! The writing half of the disk, behind small traits so that tests can make it fail, and cut its power.
//!
//! Reading has no seam: tests damage the files themselves.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, IoSlice, Write},
    path::Path,
    sync::Arc,
};

/// Where a log is written.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file for writing at its end, and creates it where it is missing.
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>>;

    /// Opens a folder, to sync the names in it.
    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>>;

    /// Writes a small file in place, without a sync: a power cut leaves the old bytes, the new ones, or neither.
    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes a small file anew beside the old one, syncs it if told to, and gives it the old one's name. Once the
    /// folder was synced too, a power cut leaves the new one, and until then one of the two.
    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder, with those above it that are missing.
    fn create_folder(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    /// Removes a folder with all that is in it.
    fn remove_folder(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }
}

/// What can be made to survive a power cut: the bytes of a file, the names of a folder.
pub(crate) trait Synced {
    fn sync(&self) -> io::Result<()>;
}

/// A file that is written at its end only. One thread may write while another syncs.
pub(crate) trait TailFile: Synced + fmt::Debug + Send + Sync {
    /// Writes the parts of an entry at the end, one behind the other. After an error some of it may stand there.
    fn append(&self, entry: [&[u8]; 3]) -> io::Result<()>;

    /// Takes back everything from `bytes` on.
    fn cut_to(&self, bytes: u64) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct OsDisk;

impl OsDisk {
    pub(crate) fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

impl Disk for OsDisk {
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>> {
        let here = Path::new("."); // the parent of a relative name is empty
        let dir = if dir.as_os_str().is_empty() { here } else { dir };
        // Elsewhere a folder cannot be opened as a file, and names are journaled.
        let folder = cfg!(unix).then(|| File::open(dir)).transpose()?;
        Ok(Box::new(Folder(folder)))
    }

    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Not cut to nothing first: some file systems then write it out at once, when it is closed.
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.write_all(bytes)?;
        let length = bytes.len() as u64;
        if file.metadata()?.len() > length { file.set_len(length) } else { Ok(()) }
    }

    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let new = path.with_added_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_data()?;
        }
        fs::rename(new, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

struct Folder(Option<File>);

impl Synced for Folder {
    fn sync(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), File::sync_all)
    }
}

impl Synced for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data() // the length is part of it, the modification time is not
    }
}

impl TailFile for File {
    fn append(&self, entry: [&[u8]; 3]) -> io::Result<()> {
        write_parts(self, entry)
    }

    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// Writes all parts without a copy of them, and with one call where the system takes all at once.
fn write_parts(mut to: impl Write, parts: [&[u8]; 3]) -> io::Result<()> {
    let mut parts = parts.map(IoSlice::new);
    let mut left = &mut parts[..];
    while !left.is_empty() {
        match to.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes so many bytes with each call, 0 for an interruption, until nothing more is said.
    struct Stingy<'a> {
        takes: &'a [usize],
        taken: Vec<u8>,
    }

    impl Write for Stingy<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            let (take, rest) = self.takes.split_first().ok_or(io::ErrorKind::StorageFull)?;
            self.takes = rest;
            if *take == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let before = self.taken.len();
            let offered = parts.iter().flat_map(|part| part.iter());
            self.taken.extend(offered.take(*take));
            Ok(self.taken.len() - before)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        // Goal: however little a call takes, all of the entry is written, in order and once; or the error is told, and
        // what was written before it is the entry's beginning.
        #[test]
        fn partial_writes_go_on_where_they_ended(
            head in prop::collection::vec(0..100_u8, 1..40),
            payload in prop::collection::vec(100..200_u8, 0..40),
            takes in prop::collection::vec(0..30_usize, 0..20),
        ) {
            let mut to = Stingy { takes: &takes, taken: Vec::new() };
            let (first, second) = payload.split_at(payload.len() / 3);
            let written = write_parts(&mut to, [&head, first, second]);
            let entry = [&head[..], &payload].concat();
            prop_assert!(entry.starts_with(&to.taken));
            prop_assert_eq!(written.is_ok(), to.taken.len() == entry.len());
        }
    }

    // Goal: a file that takes nothing and says no error is no endless loop.
    #[test]
    fn nothing_written_is_an_error() {
        let error = write_parts(&mut &mut [0; 3][..], [b"ab", b"cd", b""]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    // Goal: a whole entry is one write where the system takes it.
    #[test]
    fn an_entry_is_one_write() {
        let mut to = Stingy { takes: &[usize::MAX], taken: Vec::new() };
        write_parts(&mut to, [b"header", b"pay", b"load"]).unwrap();
        assert_eq!(to.taken, b"headerpayload");
    }
}
