//! A Rust file taken apart: code, comments and literals, line by line, without parsing it.
//!
//! Downstream: every rule of tidy.

/// One comment; line comments are one each.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// The line it ends on, from 1.
    pub(super) line: usize,
    /// `///` or `//!`.
    pub(super) is_doc: bool,
    /// Without its slashes.
    pub(super) text: String,
}

/// A file and its parts.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the root of the workspace.
    pub(super) path: String,
    /// The lines as they were written.
    pub(super) lines: Vec<String>,
    /// The same lines, with comments and what stands in quotes blanked.
    pub(super) code: Vec<String>,
    /// In order.
    pub(super) comments: Vec<Comment>,
    /// What stands in quotes, in order.
    pub(super) literals: Vec<String>,
    /// For each line whether it is part of an item under `#[cfg(test)]`.
    test_lines: Vec<bool>,
}

impl Source {
    pub(super) fn new(path: impl Into<String>, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let parts = Lexer::default().run(text);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let code = lines(&parts.code);
        Self {
            path: path.into(),
            lines: lines(text),
            test_lines: test_lines(&code),
            code,
            comments: parts.comments,
            literals: parts.literals,
        }
    }

    /// Whether the whole file is tests, by its place.
    pub(super) fn is_test(&self) -> bool {
        let mut folders: Vec<_> = self.path.split('/').collect();
        let name = folders.pop();
        name == Some("tests.rs") || folders.iter().any(|it| matches!(*it, "tests" | "benches"))
    }

    /// How many lines are not tests.
    pub(super) fn lines_count(&self) -> usize {
        if self.is_test() { 0 } else { self.test_lines.iter().filter(|is_test| !**is_test).count() }
    }

    /// The code with its line numbers, without tests.
    pub(super) fn tested_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        let lines = self.code.iter().zip(&self.test_lines).enumerate();
        lines
            .filter(move |(_, (_, in_test))| !is_test && !**in_test)
            .map(|(index, (line, _))| (index + 1, line.as_str()))
    }
}

#[derive(Default)]
struct Lexer {
    code: String,
    comments: Vec<Comment>,
    literals: Vec<String>,
    line: usize,
}

impl Lexer {
    fn run(mut self, text: &str) -> Self {
        self.line = 1;
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = if rest.starts_with("//") {
                self.line_comment(rest)
            } else if rest.starts_with("/*") {
                self.block_comment(rest)
            } else if next == '"' {
                self.literal(rest)
            } else if next == '\'' {
                self.character(rest)
            } else {
                self.code.push(next);
                self.line += usize::from(next == '\n');
                next.len_utf8()
            };
            rest = &rest[length..];
        }
        self
    }

    /// Takes `text` out of the code; its lines stay.
    fn blank(&mut self, text: &str) {
        self.code.extend(text.chars().map(|it| if it == '\n' { it } else { ' ' }));
        self.line += text.matches('\n').count();
    }

    fn line_comment(&mut self, rest: &str) -> usize {
        let length = rest.find('\n').unwrap_or(rest.len());
        let text = &rest[..length];
        let is_doc =
            text.starts_with("//!") || text.starts_with("///") && !text.starts_with("////");
        let content = text.trim_start_matches(['/', '!']).to_owned();
        self.comments.push(Comment { line: self.line, is_doc, text: content });
        self.blank(text);
        length
    }

    fn block_comment(&mut self, rest: &str) -> usize {
        let (mut depth, mut length) = (0_usize, 0);
        while length < rest.len() {
            let here = &rest[length..];
            if here.starts_with("/*") {
                (depth, length) = (depth + 1, length + 2);
            } else if here.starts_with("*/") {
                (depth, length) = (depth - 1, length + 2);
                if depth == 0 {
                    break;
                }
            } else {
                length += here.chars().next().map_or(1, char::len_utf8);
            }
        }
        let text = &rest[..length];
        self.blank(text);
        let content = text.trim_matches(['/', '*']).to_owned();
        self.comments.push(Comment { line: self.line, is_doc: false, text: content });
        length
    }

    /// A text in quotes; whether it is raw stands before the quote.
    fn literal(&mut self, rest: &str) -> usize {
        let before = self.code.trim_end_matches('#');
        let hashes = self.code.len() - before.len();
        let length = if before.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            rest[1..].find(&end).map_or(rest.len(), |found| 1 + found + end.len())
        } else {
            closing(rest, '"')
        };
        let content = rest[..length].trim_end_matches('#').trim_matches('"');
        self.literals.push(content.to_owned());
        self.blank(&rest[..length]);
        length
    }

    /// A character in quotes, or the quote of a lifetime.
    fn character(&mut self, rest: &str) -> usize {
        let mut inside = rest.chars().skip(1);
        let is_escaped = inside.next() == Some('\\');
        if is_escaped || inside.next() == Some('\'') {
            let length = closing(rest, '\'');
            self.blank(&rest[..length]);
            return length;
        }
        self.code.push('\'');
        1
    }
}

/// The length of what begins with `quote`, up to the next one that is not escaped.
fn closing(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, next) in rest.char_indices().skip(1) {
        if next == quote && !escaped {
            return index + next.len_utf8();
        }
        escaped = next == '\\' && !escaped;
    }
    rest.len()
}

/// Marks each item under `#[cfg(test)]`, from the attribute to its closing brace or semicolon.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut test_lines = vec![false; code.len()];
    let (mut inside, mut depth) = (false, 0_usize);
    for (line, is_test) in code.iter().zip(&mut test_lines) {
        let mut line = line.as_str();
        if !inside && let Some(start) = line.find("#[cfg(test)]") {
            (inside, depth) = (true, 0);
            line = &line[start..];
        }
        *is_test = inside;
        for sign in line.chars() {
            match sign {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if matches!(sign, '}' | ';') && depth == 0 {
                inside = false;
            }
        }
    }
    test_lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("a.rs", text).code.join("\n")
    }

    // Goal: comments and quotes vanish from the code, everything else stays where it was.
    #[test]
    fn code_is_what_is_neither_comment_nor_quoted() {
        let table = [
            ("a // b", "a     "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a // b", 'c')"#, "f(        ,    )"),
            (r#"f("a \" b")"#, "f(        )"),
            (r"f('\'', '\\')", "f(    ,     )"),
            ("r#\"a \" b\"# c", "r#         c"),
            ("&'a str // ä", "&'a str     "),
            ("\"a\nb\" c", "  \n   c"),
        ];
        for (text, expected) in table {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_and_literals_are_kept() {
        let source = Source::new("a.rs", "//! A\nlet b = \"c\"; // d\n/* e\nf */\n/// g\n//// h");
        let found: Vec<_> =
            source.comments.iter().map(|it| (it.line, it.is_doc, it.text.trim())).collect();
        let expected =
            [(1, true, "A"), (2, false, "d"), (4, false, "e\nf"), (5, true, "g"), (6, false, "h")];
        assert_eq!(found, expected);
        assert_eq!(source.literals, ["c"]);
    }

    // Goal: tests are not counted, whatever stands after them is.
    #[test]
    fn tests_are_told_apart() {
        let text = "fn a() {}\n#[cfg(test)]\nmod b;\n#[cfg(test)]\nmod c {\n  fn d() { \"}\"; }\n}\nfn e() {}\n";
        let source = Source::new("src/a.rs", text);
        let kept: Vec<_> = source.tested_code().collect();
        assert_eq!(kept, [(1, "fn a() {}"), (8, "fn e() {}")]);
        assert_eq!(source.lines_count(), 2);
        for whole in ["crates/a/src/b/tests.rs", "crates/a/tests/it/main.rs"] {
            assert_eq!(Source::new(whole, text).lines_count(), 0, "{whole}");
        }
    }
}
