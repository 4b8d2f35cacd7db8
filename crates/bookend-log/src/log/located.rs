//! The place of a payload in its file, for those who send it from there.

use std::{fs::File, io, sync::Arc};

/// A place in a file that stays what it is, also when its segment is dropped.
///
/// It keeps the file open, and with that its space on the disk taken.
#[derive(Debug, Clone)]
pub struct Located {
    /// The segment's file.
    pub file: Arc<File>,
    /// The position of the first byte.
    pub at: u64,
    /// How many bytes.
    pub bytes: usize,
}

impl Located {
    /// Reads the first bytes, as many as fit into `to`, and returns how many; 0 where the file was cut by someone else.
    /// Nothing is checked.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_some(&self, to: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.min(to.len());
        read_at(&self.file, &mut to[..bytes], self.at)
    }

    /// Reads all of it. Nothing is checked.
    ///
    /// # Errors
    /// When the file cannot be read, or was cut by someone else.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let (mut place, mut all) = (self.clone(), vec![0; self.bytes]);
        while place.bytes > 0 {
            let done = self.bytes - place.bytes;
            match place.read_some(&mut all[done..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    place.at += bytes as u64;
                    place.bytes -= bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

#[cfg(unix)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, to, at)
}

#[cfg(windows)]
fn read_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, to, at)
}
