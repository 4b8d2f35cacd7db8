//! `ARCHITECTURE.md` names what there is, and nothing that is not: crates, modules, metrics.

use std::collections::BTreeSet;

use super::{
    Finding, House,
    source::Source,
    table::{Table, quoted},
    uses::module_path,
};

/// Where the tables stand.
pub(super) const PATH: &str = "ARCHITECTURE.md";

/// The table of crates.
pub(super) const CRATES: &str = "crates";

/// The table of metrics, and the file whose enum it shows.
const TELEMETRY: &str = "telemetry";
const TELEMETRY_PATH: &str = "crates/bookend/src/telemetry.rs";

/// How the names of metrics begin.
const METRIC: &str = "bookend_";

/// The crate whose modules have a table whatever happens: the order of its modules is the design.
const ORDERED: &str = "bookend";

/// The name of the table of a crate's modules.
pub(super) fn modules_of(name: &str) -> String {
    format!("modules of {name}")
}

/// The sources of a crate under its `src`, with their paths from there.
pub(super) fn sources<'a>(
    house: &'a House,
    name: &str,
) -> impl Iterator<Item = (&'a str, &'a Source)> {
    let folders = [format!("crates/{name}/src/"), format!("{name}/src/")];
    house.sources.iter().filter_map(move |source| {
        let file = folders.iter().find_map(|folder| source.path.strip_prefix(folder.as_str()))?;
        Some((file, source))
    })
}

/// The modules at the top of a crate.
pub(super) fn modules<'a>(house: &'a House, name: &str) -> BTreeSet<&'a str> {
    let files = sources(house, name).map(|(file, _)| file).filter(|file| !file.starts_with("bin/"));
    let tops = files.filter_map(|file| module_path(file).first().copied());
    tops.filter(|module| *module != "tests").collect()
}

/// Every rule about the page.
pub(super) fn findings(house: &House) -> Vec<Finding> {
    let page = house.architecture();
    let crates: BTreeSet<_> = house.crates().into_iter().collect();
    let mut findings = same(page, CRATES, &crates, "crate");
    for name in crates {
        let modules = modules(house, name);
        let table = modules_of(name);
        if name == ORDERED || Table::find(page, &table).is_some() {
            findings.extend(same(page, &table, &modules, "module"));
            continue;
        }
        for module in modules.difference(&words_about(page, name)) {
            let message = format!(
                "the module `{module}` of `{name}` is not named in a paragraph, list item or row that begins with `{name}`"
            );
            findings.push(Finding::new(PATH, 0, message));
        }
    }
    findings.extend(telemetry(house));
    findings
}

/// The words in backticks of every paragraph, list item or row that begins with `name`.
fn words_about<'a>(page: &'a str, name: &str) -> BTreeSet<&'a str> {
    let start = format!("`{name}`");
    let mut is_about = false;
    let mut words = BTreeSet::new();
    for line in page.lines().map(str::trim) {
        let text = line.trim_start_matches(['-', '|', ' ']);
        let begins = line.is_empty() || text.len() < line.len() || line.starts_with(['#', '<']);
        is_about = text.starts_with(&start) || is_about && !begins;
        let quoted = quoted(text).into_iter().filter(|_| is_about);
        words.extend(quoted.flat_map(|it| it.split(|it: char| !it.is_alphanumeric() && it != '_')));
    }
    words
}

/// The enum of metrics and its table name the same.
fn telemetry(house: &House) -> Vec<Finding> {
    let Some(source) = house.sources.iter().find(|source| source.path == TELEMETRY_PATH) else {
        let message = format!("the table `{TELEMETRY}` shows {TELEMETRY_PATH}, which is not there");
        return vec![Finding::new(PATH, 0, message)];
    };
    let metrics = source.literals.iter().map(String::as_str);
    let metrics = metrics.filter(|literal| literal.starts_with(METRIC)).collect();
    same(house.architecture(), TELEMETRY, &metrics, "metric")
}

/// The rows of a table are exactly what there is.
fn same(page: &str, table: &str, there: &BTreeSet<&str>, what: &str) -> Vec<Finding> {
    let Some(found) = Table::find(page, table) else {
        let message =
            format!("there is no table between `<!-- tidy: {table} -->` and `<!-- tidy: end -->`");
        return vec![Finding::new(PATH, 0, message)];
    };
    let named: BTreeSet<_> = found.names().map(|(_, name)| name).collect();
    let absent = there.difference(&named).map(|name| {
        Finding::new(PATH, 0, format!("the {what} `{name}` has no row in the table `{table}`"))
    });
    let stale = found.names().filter(|(_, name)| !there.contains(name)).map(|(row, name)| {
        let message =
            format!("the table `{table}` has a row for the {what} `{name}`, which is not there");
        Finding::new(PATH, row.line, message)
    });
    absent.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
<!-- tidy: crates -->\n| crate |\n|---|\n| `bookend` |\n| `xtask` |\n<!-- tidy: end -->\n\
<!-- tidy: modules of bookend -->\n| module |\n|---|\n| `topic` |\n| `telemetry` |\n<!-- tidy: end -->\n\
<!-- tidy: telemetry -->\n| metric |\n|---|\n| `bookend_acked_total` |\n<!-- tidy: end -->\n\
- `ci` is not about anything\n- `xtask`: the gate\n  is `tidy/`.\n";

    const TELEMETRY_CODE: &str =
        "//! A\nenum Metric { Acked }\nfn f() { \"bookend_acked_total\"; \"other\" }";

    /// What is found when the page is `page` and there is one more source.
    fn messages(page: &str, more: &str) -> Vec<String> {
        let sources = [
            "crates/bookend/src/lib.rs",
            "crates/bookend/src/topic/mod.rs",
            "xtask/src/main.rs",
            "xtask/src/tidy/mod.rs",
            more,
        ];
        let mut sources: Vec<_> = sources.map(|path| Source::new(path, "//! A")).into();
        sources.push(Source::new(TELEMETRY_PATH, TELEMETRY_CODE));
        let manifest = |path: &str| (path.to_owned(), String::new());
        let house = House {
            sources,
            pages: vec![(PATH.to_owned(), page.to_owned())],
            manifests: vec![manifest("crates/bookend/Cargo.toml"), manifest("xtask/Cargo.toml")],
        };
        findings(&house).into_iter().map(|it| it.message).collect()
    }

    const NO_MORE: &str = "xtask/src/tidy/tests.rs";

    #[test]
    fn a_page_that_names_everything_is_in_order() {
        assert_eq!(messages(PAGE, NO_MORE), [""; 0]);
    }

    #[test]
    fn every_crate_and_module_is_named() {
        let absent = messages(PAGE, "crates/bookend/src/sender/worker.rs");
        assert_eq!(absent, ["the module `sender` has no row in the table `modules of bookend`"]);
        let absent = messages(PAGE, "xtask/src/ci.rs");
        assert_eq!(
            absent,
            [
                "the module `ci` of `xtask` is not named in a paragraph, list item or row that begins with `xtask`"
            ]
        );
        let absent = messages(&PAGE.replace("| `xtask` |\n", ""), NO_MORE);
        assert_eq!(absent, ["the crate `xtask` has no row in the table `crates`"]);
    }

    #[test]
    fn nothing_is_named_that_is_not_there() {
        let stale = messages(&PAGE.replace("| `topic` |", "| `topic` |\n| `spool` |"), NO_MORE);
        assert_eq!(
            stale,
            ["the table `modules of bookend` has a row for the module `spool`, which is not there"]
        );
        let stale = messages(&PAGE.replace("| `xtask` |", "| `xtask` |\n| `gone` |"), NO_MORE);
        assert_eq!(
            stale,
            ["the table `crates` has a row for the crate `gone`, which is not there"]
        );
    }

    #[test]
    fn the_tables_are_there() {
        for table in ["crates", "modules of bookend", "telemetry"] {
            let page = PAGE.replace(&format!("<!-- tidy: {table} -->"), "");
            let found = messages(&page, NO_MORE);
            assert_eq!(found.len(), 1, "{table}: {found:?}");
            assert!(found[0].starts_with("there is no table between"), "{found:?}");
        }
    }

    #[test]
    fn metrics_are_those_of_the_enum() {
        let renamed = messages(&PAGE.replace("bookend_acked_total", "bookend_acked"), NO_MORE);
        assert_eq!(
            renamed,
            [
                "the metric `bookend_acked_total` has no row in the table `telemetry`",
                "the table `telemetry` has a row for the metric `bookend_acked`, which is not there"
            ]
        );
        let absent = telemetry(&House::default());
        assert!(absent[0].message.contains("which is not there"), "{absent:?}");
    }
}
