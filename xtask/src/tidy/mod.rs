//! The rules of the house that a machine can check and rustc does not.
//!
//! [`text`] looks at each file alone, [`imports`] at what it may use, [`architecture`] compares `ARCHITECTURE.md` with
//! the code. Every rule is a function from text to findings, with a test that shows it finding something.

mod architecture;
mod imports;
mod source;
mod table;
mod text;
mod uses;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use self::source::Source;

/// Something against a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1; 0 where it is about the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// All that is checked, read once. Paths are relative to the root, with `/`.
#[derive(Default)]
struct House {
    sources: Vec<Source>,
    /// Path and text.
    pages: Vec<(String, String)>,
    /// Path and text of every `Cargo.toml` of a crate.
    manifests: Vec<(String, String)>,
}

/// Checks everything; prints what it finds.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let house = House::read(root)?;
    for (path, lines) in house.sources.iter().filter_map(text::long) {
        println!(
            "note: {path} has {lines} lines without its tests; the aim is {}",
            text::LINES_AIM
        );
    }
    let findings = house.findings();
    for finding in &findings {
        println!("{finding}");
    }
    let (files, pages) = (house.sources.len(), house.pages.len());
    if !findings.is_empty() {
        bail!("tidy: {} findings in {files} sources and {pages} Markdown files", findings.len());
    }
    println!("tidy: {files} sources and {pages} Markdown files are in order");
    Ok(())
}

impl House {
    fn read(root: &Path) -> anyhow::Result<Self> {
        let mut house = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    house.take_in(root, &path)?;
                }
            }
        }
        Ok(house)
    }

    fn take_in(&mut self, root: &Path, file: &Path) -> anyhow::Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let kind = file.extension().unwrap_or_default();
        if kind != "rs" && kind != "md" && name != "Cargo.toml" {
            return Ok(());
        }
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let path = file.strip_prefix(root).context("it was found under the root")?;
        let path = path.to_string_lossy().replace('\\', "/");
        if kind == "rs" {
            self.sources.push(Source::new(path, text));
        } else if kind == "md" {
            self.pages.push((path, text));
        } else if path != "Cargo.toml" {
            self.manifests.push((path, text));
        }
        Ok(())
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<_> = self.sources.iter().flat_map(text::findings).collect();
        findings.extend(self.pages.iter().flat_map(|(path, text)| text::page(path, text)));
        findings.extend(imports::findings(self));
        findings.extend(architecture::findings(self));
        findings.sort();
        findings.dedup();
        findings
    }

    /// The text of `ARCHITECTURE.md`; empty if there is none, which the tables then report.
    fn architecture(&self) -> &str {
        let page = self.pages.iter().find(|(path, _)| path == architecture::PATH);
        page.map_or("", |(_, text)| text)
    }

    /// The names of all crates, by their folders.
    fn crates(&self) -> Vec<&str> {
        let folder = |path: &str| path.strip_suffix("/Cargo.toml").map(str::len);
        let crates = self.manifests.iter().filter_map(|(path, _)| Some(&path[..folder(path)?]));
        crates.map(|folder| folder.strip_prefix("crates/").unwrap_or(folder)).collect()
    }
}

/// What lies in `folder`, in order, without what is hidden, built or fetched.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let skipped = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') || name == "target" || name == "node_modules"
    };
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| !skipped(path));
    paths.sort();
    Ok(paths)
}
