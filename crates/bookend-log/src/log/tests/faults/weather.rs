//! A disk that fails when a test tells it to, and remembers what happened on it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    Fsync, Log, Options,
    disk::{Disk, OsDisk, Synced, TailFile},
};

/// What fails from now on, and what happened.
#[derive(Debug, Default)]
pub(in crate::log::tests) struct Weather {
    /// The bytes that still fit on the disk.
    pub(super) room: Option<usize>,
    pub(in crate::log::tests) broken: Option<Part>,
    pub(in crate::log::tests) files_open: usize,
    pub(in crate::log::tests) events: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log::tests) enum Part {
    Open,
    OpenFolder,
    Cut,
    Sync,
    FolderSync,
    WriteOver,
    Replace,
    Remove,
}

#[derive(Debug, Clone, Default)]
pub(in crate::log::tests) struct FaultyDisk(Arc<Mutex<Weather>>);

#[derive(Debug)]
struct FaultyFile {
    path: PathBuf,
    disk: FaultyDisk,
    file: fs::File,
}

impl Weather {
    fn works(&self, part: Part) -> io::Result<()> {
        if self.broken == Some(part) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

impl FaultyDisk {
    pub(in crate::log::tests) fn weather(&self) -> MutexGuard<'_, Weather> {
        self.0.lock().unwrap()
    }

    pub(in crate::log::tests) fn open(
        &self,
        dir: &Path,
        fsync: Fsync,
        segment_bytes_max: u64,
    ) -> Log {
        let options = Options { segment_bytes_max, fsync };
        Log::open_with(dir, options, Arc::new(self.clone())).unwrap().0
    }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().trim_start_matches('0').to_owned()
}

impl Disk for FaultyDisk {
    fn open_tail(&self, path: &Path) -> io::Result<Box<dyn TailFile>> {
        let mut weather = self.weather();
        weather.works(Part::Open)?;
        weather.events.push(format!("open {}", name(path)));
        weather.files_open += 1;
        let file = fs::File::options().create(true).append(true).open(path)?;
        Ok(Box::new(FaultyFile { path: path.to_owned(), disk: self.clone(), file }))
    }

    fn open_folder(&self, dir: &Path) -> io::Result<Box<dyn Synced>> {
        self.weather().works(Part::OpenFolder)?;
        assert!(dir.is_dir());
        Ok(Box::new(FaultyFolder { disk: self.clone() }))
    }

    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.weather().works(Part::WriteOver)?;
        OsDisk.write_over(path, bytes)
    }

    fn replace(&self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let mut weather = self.weather();
        weather.works(Part::Replace)?;
        weather.events.push(format!("replace {}", name(path)));
        OsDisk.replace(path, bytes, sync)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut weather = self.weather();
        weather.works(Part::Remove)?;
        weather.events.push(format!("remove {}", name(path)));
        OsDisk.remove(path)
    }
}

struct FaultyFolder {
    disk: FaultyDisk,
}

impl Synced for FaultyFolder {
    fn sync(&self) -> io::Result<()> {
        let mut weather = self.disk.weather();
        weather.events.push("sync folder".into());
        weather.works(Part::FolderSync)
    }
}

impl TailFile for FaultyFile {
    fn append(&self, entry: [&[u8]; 3]) -> io::Result<()> {
        let bytes = entry.concat();
        let mut weather = self.disk.weather();
        let fits = weather.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        weather.room = weather.room.map(|room| room - fits);
        weather.events.push(format!("write {}", name(&self.path)));
        self.file.append([&bytes[..fits], b"", b""])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut_to(&self, bytes: u64) -> io::Result<()> {
        self.disk.weather().works(Part::Cut)?;
        self.file.set_len(bytes)
    }
}

impl Synced for FaultyFile {
    fn sync(&self) -> io::Result<()> {
        let mut weather = self.disk.weather();
        weather.events.push(format!("sync {}", name(&self.path)));
        weather.works(Part::Sync)
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        self.disk.weather().files_open -= 1;
    }
}
