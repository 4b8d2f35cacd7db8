//! What `cargo xtask interop broker` is asked for.

use anyhow::{Context as _, bail, ensure};

/// The parts of a run, each with a table of its own.
const PARTS: [&str; 3] = ["zoo", "tools", "cli"];

/// Options that go on to `zoo run`. A run with one of them is a part of the zoo's table, so it writes none.
const TO_ZOO: [&str; 4] = ["--clients", "--cases", "--codec", "--n"];

/// What to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options<'a> {
    only: Option<&'a str>,
    /// For `zoo run`, as they were given.
    pub(super) to_zoo: Vec<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) fn parse(arguments: &[&'a str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(&name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("`{name}` needs a value"))?;
            match name {
                "--only" => {
                    ensure!(PARTS.contains(value), "`--only` takes one of {}", PARTS.join(", "));
                    options.only = Some(value);
                }
                _ if TO_ZOO.contains(&name) => options.to_zoo.extend([name, value]),
                _ => bail!("`{name}` is no option; there are --only, {}", TO_ZOO.join(", ")),
            }
        }
        Ok(options)
    }

    /// Whether that part runs.
    pub(super) fn runs(&self, part: &str) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// Whether everything runs, so that the tables are of one run.
    pub(super) fn is_whole(&self) -> bool {
        self.only.is_none() && self.to_zoo.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_what_runs() {
        let all = Options::parse(&[]).unwrap();
        assert!(PARTS.iter().all(|part| all.runs(part)) && all.is_whole());
        let tools = Options::parse(&["--only", "tools"]).unwrap();
        assert!(!tools.runs("zoo") && tools.runs("tools") && !tools.runs("cli"));
        assert!(!tools.is_whole());
        let some = Options::parse(&["--only", "zoo", "--clients", "java,kcat"]).unwrap();
        assert!(some.runs("zoo") && !some.is_whole());
        assert_eq!(some.to_zoo, ["--clients", "java,kcat"]);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for bad in [&["--only"][..], &["--only", "kcat"], &["--brokers", "there:9092"], &["zoo"]] {
            assert!(Options::parse(bad).is_err(), "{bad:?}");
        }
    }
}
