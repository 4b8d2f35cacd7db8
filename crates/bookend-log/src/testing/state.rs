//! Which name stands for which file: what is durable, and what each name has been since.
//!
//! Upstream: [`inode`](super::inode). Downstream: the [`PowerCut`](super::PowerCut), which keeps real files in step.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{FolderFault, inode::Inode};

#[derive(Debug)]
pub(super) struct State {
    page_bytes: usize,
    inodes: Vec<Inode>,
    /// By path, so that the same answers lead to the same end.
    names: BTreeMap<PathBuf, Name>,
    /// The folders that logs are in, and those that were created here, and whether their own names are durable.
    folders: BTreeMap<PathBuf, bool>,
    faults: BTreeMap<PathBuf, FolderFault>,
}

/// What a power cut leaves, and which folders it takes.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    pub(super) lost: Vec<PathBuf>,
}

/// What a name stands for, `None` where there is no such file.
#[derive(Debug)]
struct Name {
    durable: Option<usize>,
    /// Since the last sync of the folder, in order.
    since: Vec<Option<usize>>,
}

impl Name {
    fn now(&self) -> Option<usize> {
        self.since.last().copied().unwrap_or(self.durable)
    }
}

impl State {
    pub(super) fn new(page_bytes: usize) -> Self {
        Self {
            page_bytes,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            folders: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }

    pub(super) fn fail_folder(&mut self, dir: &Path, fault: Option<FolderFault>) {
        match fault {
            Some(fault) => self.faults.insert(dir.to_owned(), fault),
            None => self.faults.remove(dir),
        };
    }

    pub(super) fn fault(&self, dir: &Path) -> Option<FolderFault> {
        self.faults.get(dir).copied()
    }

    /// Takes note of a folder that is being made.
    pub(super) fn create_folder(&mut self, dir: &Path) {
        self.folders.insert(dir.to_owned(), false);
    }

    pub(super) fn inode(&mut self, inode: usize) -> &mut Inode {
        &mut self.inodes[inode]
    }

    /// Takes note of a name. A file that is there already, and that nobody told of, counts as synced.
    pub(super) fn see(&mut self, path: &Path) -> io::Result<()> {
        if self.names.contains_key(path) || path.is_dir() {
            return Ok(());
        }
        let durable = match fs::read(path) {
            Ok(bytes) => Some(self.add(Inode::durable(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(dir) = path.parent() {
            *self.folders.entry(dir.to_owned()).or_insert(false) |= durable.is_some();
        }
        self.names.insert(path.to_owned(), Name { durable, since: Vec::new() });
        Ok(())
    }

    /// The file of this name, a new one where there is none.
    pub(super) fn open(&mut self, path: &Path) -> io::Result<usize> {
        self.see(path)?;
        if let Some(inode) = self.names[path].now() {
            return Ok(inode);
        }
        let inode = self.add(Inode::default());
        self.set(path, Some(inode));
        Ok(inode)
    }

    pub(super) fn replace(&mut self, path: &Path, bytes: &[u8], synced: bool) {
        let mut inode = Inode::default();
        inode.append(bytes);
        if synced {
            inode.sync();
        }
        let inode = self.add(inode);
        self.set(path, Some(inode));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.set(path, None);
    }

    pub(super) fn sync_folder(&mut self, dir: &Path) -> io::Result<()> {
        let within = |path: &Path| path.parent() == Some(dir);
        for (_, name) in self.names.iter_mut().filter(|(path, _)| within(path)) {
            name.durable = name.now();
            name.since.clear();
        }
        for (_, durable) in self.folders.iter_mut().filter(|(path, _)| within(path)) {
            *durable = true;
        }
        // Also those that nobody told of.
        for name in fs::read_dir(dir)? {
            let name = name?;
            if name.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.folders.insert(name.path(), true);
            }
        }
        Ok(())
    }

    /// What a power cut leaves at and beneath `dir`.
    pub(super) fn left(&self, dir: &Path, choose: &mut dyn FnMut(usize) -> usize) -> Left {
        let mut lost = BTreeSet::new();
        for (folder, durable) in self.folders.iter().filter(|(folder, _)| folder.starts_with(dir)) {
            if !durable && choose(2) != 0 {
                lost.insert(folder);
            }
        }
        let gone = |path: &Path| path.ancestors().any(|folder| lost.contains(&folder.to_owned()));
        let mut files = Vec::new();
        for (path, name) in &self.names {
            if !path.starts_with(dir) || gone(path) {
                continue;
            }
            // The newest first, so that 0 keeps most.
            let mut ways: Vec<_> = name.since.iter().rev().copied().chain([name.durable]).collect();
            ways.dedup();
            let way = if ways.len() > 1 { choose(ways.len()).min(ways.len() - 1) } else { 0 };
            if let Some(inode) = ways[way] {
                files.push((path.clone(), self.inodes[inode].left(self.page_bytes, choose)));
            }
        }
        Left { files, lost: lost.into_iter().cloned().collect() }
    }

    /// Forgets all that is at and beneath `dir`, and tells its paths.
    pub(super) fn forget(&mut self, dir: &Path) -> Vec<PathBuf> {
        let paths: Vec<_> =
            self.names.keys().filter(|path| path.starts_with(dir)).cloned().collect();
        self.names.retain(|path, _| !path.starts_with(dir));
        self.folders.retain(|path, _| !path.starts_with(dir));
        paths
    }

    fn add(&mut self, inode: Inode) -> usize {
        self.inodes.push(inode);
        self.inodes.len() - 1
    }

    fn set(&mut self, path: &Path, inode: Option<usize>) {
        let name = self.names.entry(path.to_owned());
        name.or_insert(Name { durable: None, since: Vec::new() }).since.push(inode);
    }
}
