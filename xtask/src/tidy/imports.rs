//! Imports point the way the data flows: what each crate and each module may use stands in `ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, House, architecture,
    source::Source,
    table::Table,
    uses::{self, module_path},
};

/// The Kafka client's crate, and where alone it may be named; tests may use it to ask a broker.
const KAFKA_CLIENT: &str = "rdkafka";
const KAFKA_PLACES: [&str; 2] = ["crates/bookend/src/kafka/", "crates/bookend-bench/"];

/// Every rule about imports.
pub(super) fn findings(house: &House) -> Vec<Finding> {
    let mut findings = of_crates(house);
    for name in house.crates() {
        // A crate without a table has no order of its own modules to keep.
        if let Some(table) = Table::find(house.architecture(), &architecture::modules_of(name)) {
            findings.extend(of_modules(house, name, &table));
        }
    }
    findings.extend(house.sources.iter().flat_map(kafka_client));
    findings
}

/// What a name may use, by the table's own words.
type Allowed<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn allowed<'a>(table: &'a Table, column: &str) -> Allowed<'a> {
    table.column(column).map(|(_, name, uses)| (name, uses.into_iter().collect())).collect()
}

/// What a column allows although it is not there: a slip, or a leftover.
fn stale(table: &Table, column: &str, there: &BTreeSet<&str>) -> Vec<Finding> {
    let stale = table.stale(column, |name| there.contains(name));
    let message = |name| format!("`{column}` names `{name}`, which is not there");
    stale.map(|(row, name)| Finding::new(architecture::PATH, row.line, message(name))).collect()
}

/// A crate's manifest lists no crate of ours that the table does not allow.
fn of_crates(house: &House) -> Vec<Finding> {
    let Some(table) = Table::find(house.architecture(), architecture::CRATES) else {
        return Vec::new();
    };
    let (in_code, in_tests) = (allowed(&table, "may use"), allowed(&table, "tests may use"));
    let ours: BTreeSet<_> = house.crates().into_iter().collect();
    let mut findings = stale(&table, "may use", &ours);
    findings.extend(stale(&table, "tests may use", &ours));
    for ((path, manifest), name) in house.manifests.iter().zip(house.crates()) {
        for Dependency { name: other, in_test, line } in dependencies(manifest) {
            let may =
                |allowed: &Allowed<'_>| allowed.get(name).is_some_and(|it| it.contains(other));
            if ours.contains(other) && !may(&in_code) && !(in_test && may(&in_tests)) {
                let column = if in_test { "tests may use" } else { "may use" };
                let message = format!(
                    "`{name}` uses `{other}`, which `{column}` in {} does not allow",
                    architecture::PATH
                );
                findings.push(Finding::new(path, line, message));
            }
        }
    }
    findings
}

struct Dependency<'a> {
    name: &'a str,
    in_test: bool,
    line: usize,
}

/// The dependencies of a manifest, by its sections; both `a.workspace = true` and `a = …`.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        if let Some(title) = line.strip_prefix('[') {
            section = title.trim_end_matches(']');
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = line.split_once(['.', ' ', '='])
            && !name.is_empty()
        {
            let in_test = section.ends_with("dev-dependencies");
            found.push(Dependency { name, in_test, line: index + 1 });
        }
    }
    found
}

/// A module of `name` uses no module that the table does not allow, also not by a name that the root re-exports.
fn of_modules(house: &House, name: &str, table: &Table) -> Vec<Finding> {
    let allowed = allowed(table, "may use");
    let modules = architecture::modules(house, name);
    let sources: Vec<_> = architecture::sources(house, name).collect();
    let root = sources.iter().find(|(file, _)| *file == "lib.rs");
    let reexports: BTreeMap<_, _> =
        root.into_iter().flat_map(|(_, root)| uses::reexports(root)).collect();
    let mut findings = stale(table, "may use", &modules);
    for (file, source) in &sources {
        let path = module_path(file);
        let Some(&module) = path.first() else { continue };
        for used in uses::of_root(source, path.len()) {
            let other = reexports.get(&used.first).unwrap_or(&used.first).as_str();
            let is_allowed = allowed.get(module).is_some_and(|it| it.contains(other));
            if other != module && modules.contains(other) && !is_allowed {
                let message = format!(
                    "`{module}` uses `{other}`, which the table `{}` in {} does not allow",
                    architecture::modules_of(name),
                    architecture::PATH
                );
                findings.push(Finding::new(&source.path, used.line, message));
            }
        }
    }
    findings
}

/// One module knows the Kafka client.
fn kafka_client(source: &Source) -> Vec<Finding> {
    if KAFKA_PLACES.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let message =
        format!("`{KAFKA_CLIENT}` is known to {} alone, and to tests", KAFKA_PLACES.join(" and "));
    let lines = uses::lines_of(source, KAFKA_CLIENT);
    lines.map(|line| Finding::new(&source.path, line, message.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "\
<!-- tidy: crates -->\n| crate | may use | tests may use |\n|---|---|---|\n| `a` | `b` | `c` |\n| `b` | | |\n| `c` | | |\n<!-- tidy: end -->\n\
<!-- tidy: modules of a -->\n| module | may use |\n|---|---|\n| `up` | |\n| `down` | `up` |\n<!-- tidy: end -->\n";

    fn house(sources: &[(&str, &str)], manifests: &[(&str, &str)]) -> House {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        House {
            sources: sources.iter().map(|(path, text)| Source::new(*path, text)).collect(),
            pages: vec![own(&(architecture::PATH, TABLES))],
            manifests: manifests.iter().map(own).collect(),
        }
    }

    /// Where the code, not the page, is at fault.
    fn places(findings: &[Finding]) -> Vec<(&str, usize)> {
        let in_code = findings.iter().filter(|it| it.path != architecture::PATH);
        in_code.map(|it| (it.path.as_str(), it.line)).collect()
    }

    // Goal: a crate that is not allowed is found in each kind of section; allowed ones and those of others are not.
    #[test]
    fn crates_keep_to_their_table() {
        let bad = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\nserde = \"1\"\nc = { path = \"../c\" }\n";
        let good = "[dependencies]\nb.workspace = true\n[dev-dependencies]\nc.workspace = true\n";
        let back = "[dev-dependencies]\na.workspace = true\n[target.'cfg(unix)'.dependencies]\na = \"1\"\n";
        let house = |a| {
            house(
                &[],
                &[
                    ("crates/a/Cargo.toml", a),
                    ("crates/b/Cargo.toml", back),
                    ("crates/c/Cargo.toml", ""),
                ],
            )
        };
        let of_b = [("crates/b/Cargo.toml", 2), ("crates/b/Cargo.toml", 4)];
        assert_eq!(places(&findings(&house(good))), of_b);
        let found = findings(&house(bad));
        assert_eq!(places(&found), [&[("crates/a/Cargo.toml", 6)][..], &of_b].concat());
        assert_eq!(
            found[0].message,
            "`a` uses `c`, which `may use` in ARCHITECTURE.md does not allow"
        );
    }

    // Goal: an import against the stream is found, in every disguise.
    #[test]
    fn modules_keep_to_their_table() {
        let house = house(
            &[
                (
                    "crates/a/src/lib.rs",
                    "pub mod up;\npub mod down;\npub use self::{down::Boat, up::Spring};\nuse crate::down;",
                ),
                (
                    "crates/a/src/up/mod.rs",
                    "use super::down;\nuse crate::Boat;\nuse crate::{up, Spring};",
                ),
                (
                    "crates/a/src/up/deep.rs",
                    "use super::down;\nuse super::super::down;\n// crate::down\nfn f() { crate::down::g() }",
                ),
                ("crates/a/src/up/tests.rs", "use crate::down;"),
                ("crates/a/src/down.rs", "use crate::{up, Spring};\nuse std::down;"),
                ("crates/a/tests/it/main.rs", "use crate::down;"),
            ],
            &[("crates/a/Cargo.toml", "")],
        );
        let expected = [
            ("crates/a/src/up/mod.rs", 1),
            ("crates/a/src/up/mod.rs", 2),
            ("crates/a/src/up/deep.rs", 2),
            ("crates/a/src/up/deep.rs", 4),
        ];
        assert_eq!(places(&findings(&house)), expected);
    }

    #[test]
    fn what_is_allowed_is_there() {
        let house = house(
            &[("crates/a/src/down.rs", "")],
            &[("crates/a/Cargo.toml", ""), ("crates/b/Cargo.toml", "")],
        );
        let messages: Vec<_> = findings(&house).into_iter().map(|it| it.message).collect();
        assert_eq!(
            messages,
            [
                "`tests may use` names `c`, which is not there",
                "`may use` names `up`, which is not there"
            ]
        );
    }

    #[test]
    fn the_kafka_client_stays_in_its_module() {
        let text = "//! Not like rdkafka.\nuse rdkafka::Message;\n#[cfg(test)]\nmod tests { use rdkafka::A; }\n";
        let lines = |path: &str| kafka_client(&Source::new(path, text)).len();
        assert_eq!(lines("crates/bookend/src/sender/mod.rs"), 1);
        assert_eq!(lines("crates/bookend-cli/src/main.rs"), 1);
        for good in [
            "crates/bookend/src/kafka/mod.rs",
            "crates/bookend-bench/src/main.rs",
            "crates/a/tests/it/main.rs",
        ] {
            assert_eq!(lines(good), 0, "{good}");
        }
    }
}
