//! Finds the paths in a file's code that start at the root of its crate, however they are written.
//!
//! Upstream: [`source`](super::source). Downstream: [`imports`](super::imports).

use super::source::Source;

/// A path from the root of a crate: its first name, and the line it stands on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) first: String,
    pub(super) line: usize,
}

/// The place of a file's module in its crate, from its path under `src`: `a/b.rs` and `a/b/mod.rs` are `[a, b]`.
pub(super) fn module_path(file: &str) -> Vec<&str> {
    let mut path: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
    if matches!(path.last(), Some(&("mod" | "lib" | "main"))) {
        path.pop();
    }
    path
}

/// Every path that starts at the root, as `crate::…` or as one `super::` after the other; without tests.
///
/// A module within a file is taken for the file's own, so a `super` in it may be taken for one too many. The tests
/// aside, there are none.
pub(super) fn of_root(source: &Source, depth: usize) -> Vec<Use> {
    let words = words(source);
    let mut uses = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let line = words[at].line;
        let starts_path = at == 0 || words[at - 1].text != "::";
        let (mut next, mut supers) = (at, 0);
        while starts_path && words[next..].len() > 1 && words[next + 1].text == "::" {
            match words[next].text.as_str() {
                "super" => supers += 1,
                "self" if next == at => {}
                _ => break,
            }
            next += 2;
        }
        let names_root =
            words[at].text == "crate" && words.get(at + 1).is_some_and(|it| it.text == "::");
        if starts_path && names_root {
            next = at + 2;
        }
        let from_root = next > at && (names_root || supers > 0 && supers == depth);
        if from_root {
            let first = |path: Vec<String>| Some(Use { first: path.into_iter().next()?, line });
            uses.extend(paths(&words, &mut next).into_iter().filter_map(first));
        }
        at = next.max(at + 1);
    }
    uses
}

/// What the root itself re-exports: each name, and the module it comes from.
pub(super) fn reexports(root: &Source) -> Vec<(String, String)> {
    let words = words(root);
    let mut found = Vec::new();
    let is_reexport = |at: &usize| words[*at].text == "pub" && words[*at + 1].text == "use";
    for at in (0..words.len().saturating_sub(1)).filter(is_reexport) {
        for mut path in paths(&words, &mut (at + 2)) {
            path.retain(|name| name != "self" && name != "crate");
            if let [module, .., name] = &path[..] {
                found.push((name.clone(), module.clone()));
            }
        }
    }
    found
}

/// Whether `name` stands in the code as a word.
pub(super) fn lines_of<'a>(source: &'a Source, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    words(source).into_iter().filter(move |word| word.text == name).map(|word| word.line)
}

struct Word {
    text: String,
    line: usize,
}

/// Names, `::`, and all other signs one by one.
fn words(source: &Source) -> Vec<Word> {
    let mut words = Vec::new();
    for (line, mut rest) in source.tested_code() {
        while let Some(next) = rest.chars().next() {
            let is_name = |it: char| it.is_alphanumeric() || it == '_';
            let length = if is_name(next) {
                rest.find(|it| !is_name(it)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                next.len_utf8()
            };
            if !next.is_whitespace() {
                words.push(Word { text: rest[..length].to_owned(), line });
            }
            rest = &rest[length..];
        }
    }
    words
}

/// The paths of the tree that begins at `at`, like `a::{b, c::{d as e}}`; the name given by `as` stands last.
fn paths(words: &[Word], at: &mut usize) -> Vec<Vec<String>> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let mut path = Vec::new();
    loop {
        if text(*at) == "{" {
            *at += 1;
            let mut found = Vec::new();
            while !matches!(text(*at), "}" | "") {
                let before = *at;
                for end in paths(words, at) {
                    found.push(path.iter().cloned().chain(end).collect());
                }
                *at += usize::from(text(*at) == "," || *at == before);
            }
            *at += 1;
            return found;
        }
        path.push(text(*at).to_owned());
        *at += 1;
        match text(*at) {
            "::" => *at += 1,
            "as" => {
                path.push(text(*at + 1).to_owned());
                *at += 2;
                return vec![path];
            }
            _ => return vec![path],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(text: &str, depth: usize) -> Vec<String> {
        of_root(&Source::new("src/a.rs", text), depth).into_iter().map(|it| it.first).collect()
    }

    #[test]
    fn every_way_to_write_a_path_is_found() {
        let table: [(&str, usize, &[&str]); 10] = [
            ("use crate::a;", 1, &["a"]),
            ("use crate::{a::{b, c}, d as e,\n f::*};", 1, &["a", "a", "d", "f"]),
            ("let x = crate::a::b::<u8>(crate::c(1));", 1, &["a", "c"]),
            ("$crate::a!()", 1, &["a"]),
            ("use super::a;", 1, &["a"]),
            ("use super::a;", 2, &[]),
            ("use super::super::{a, b::c};", 2, &["a", "b"]),
            ("use self::super::a;", 1, &["a"]),
            ("use other::crate_::a; pub(crate) fn f() {} use self::b;", 1, &[]),
            ("#[cfg(test)]\nmod tests { use crate::a; }\nuse crate::b;", 1, &["b"]),
        ];
        for (text, depth, expected) in table {
            assert_eq!(firsts(text, depth), expected, "{text}");
        }
    }

    #[test]
    fn reexports_are_found_with_their_modules() {
        let text = "pub use self::{a::{B, C as D}, e::f::G};\npub use other::H;\nuse self::i::J;";
        let found = reexports(&Source::new("src/lib.rs", text));
        let found: Vec<_> =
            found.iter().map(|(name, module)| (name.as_str(), module.as_str())).collect();
        assert_eq!(found, [("B", "a"), ("D", "a"), ("G", "e"), ("H", "other")]);
    }

    #[test]
    fn a_file_is_a_module() {
        let table: [(&str, &[&str]); 4] =
            [("lib.rs", &[]), ("a.rs", &["a"]), ("a/mod.rs", &["a"]), ("a/b.rs", &["a", "b"])];
        for (file, expected) in table {
            assert_eq!(module_path(file), expected);
        }
    }
}
