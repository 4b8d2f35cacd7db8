//! Rules for one file alone: how it opens, how long it is, what its comments leave open, what its docs owe.

use super::{Finding, source::Source};

/// The most lines that a file may have without its tests.
const LINES_MAX: usize = 500;

/// The most lines that a file should have without its tests.
pub(super) const LINES_AIM: usize = 300;

/// Every rule for a Rust file.
pub(super) fn findings(source: &Source) -> Vec<Finding> {
    let rules = [opening, length, left_open, questions, ignored_examples, cancel_safety];
    rules.iter().flat_map(|rule| rule(source)).collect()
}

/// The rule for a page of prose.
pub(super) fn page(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate().filter(|(_, line)| is_ignored_example(line));
    lines.map(|(index, _)| ignored_example(path, index + 1)).collect()
}

/// The file's length, if it is over the aim.
pub(super) fn long(source: &Source) -> Option<(&str, usize)> {
    let lines = source.lines_count();
    (lines > LINES_AIM).then_some((&source.path, lines))
}

/// A file says what it is before anything else, itself or by a page of prose.
fn opening(source: &Source) -> Vec<Finding> {
    let openings = ["//!", "#![doc = include_str!("];
    if source.lines.first().is_some_and(|line| openings.iter().any(|it| line.starts_with(it))) {
        return Vec::new();
    }
    vec![Finding::new(
        &source.path,
        1,
        "opens without `//!`: say what this file is, and its neighbors",
    )]
}

fn length(source: &Source) -> Vec<Finding> {
    let lines = source.lines_count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    let message = format!("{lines} lines without its tests; {LINES_MAX} is the most: split it");
    vec![Finding::new(&source.path, 0, message)]
}

/// What is left to do belongs in an issue; a comment may name it.
fn left_open(source: &Source) -> Vec<Finding> {
    let is_open = |text: &str| {
        let mut words = text.split(|it: char| !it.is_ascii_alphanumeric());
        words.any(|word| matches!(word, "TODO" | "FIXME" | "XXX"))
    };
    let names_issue = |text: &str| {
        text.split('#').skip(1).any(|after| after.starts_with(|it: char| it.is_ascii_digit()))
    };
    let open = source.comments.iter().filter(|it| is_open(&it.text) && !names_issue(&it.text));
    let finding =
        |line| Finding::new(&source.path, line, "left open without an issue's number, like `#12`");
    open.map(|comment| finding(comment.line)).collect()
}

/// A comment gives answers: none ends in a question.
fn questions(source: &Source) -> Vec<Finding> {
    let mut comments = source.comments.iter().peekable();
    let mut findings = Vec::new();
    while let Some(comment) = comments.next() {
        let goes_on = comments
            .peek()
            .is_some_and(|next| next.line == comment.line + 1 && next.is_doc == comment.is_doc);
        if !goes_on && comment.text.trim_end().ends_with('?') {
            let message = "the comment ends in a question: find the answer and write it down";
            findings.push(Finding::new(&source.path, comment.line, message));
        }
    }
    findings
}

/// Examples run, or at least compile.
fn ignored_examples(source: &Source) -> Vec<Finding> {
    let ignored = source.comments.iter().filter(|it| it.is_doc && is_ignored_example(&it.text));
    ignored.map(|comment| ignored_example(&source.path, comment.line)).collect()
}

fn is_ignored_example(line: &str) -> bool {
    let Some(words) = line.trim().strip_prefix("```") else { return false };
    words.split([',', ' ']).any(|word| word.starts_with("ignore"))
}

fn ignored_example(path: &str, line: usize) -> Finding {
    Finding::new(path, line, "an example that is ignored: let it run, or use `no_run`")
}

/// Who drops a public future must know what is lost.
fn cancel_safety(source: &Source) -> Vec<Finding> {
    let is_public = |line: &str| {
        line.starts_with("pub ")
            && line.split_once(" fn ").is_some_and(|(before, _)| before.contains(" async"))
    };
    let public = source.tested_code().filter(|(_, line)| is_public(line.trim_start()));
    let mut findings = Vec::new();
    for (line, _) in public {
        let above = source.lines[..line - 1].iter().rev().map(|above| above.trim());
        let own = |above: &&str| !above.is_empty() && !above.ends_with(['{', '}', ';']);
        if !above.take_while(own).any(|above| above == "/// # Cancel safety") {
            let message = "a public `async fn` without `# Cancel safety`: say what is lost when it is dropped";
            findings.push(Finding::new(&source.path, line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines on which `rule` finds something in `text`.
    fn lines(rule: fn(&Source) -> Vec<Finding>, text: &str) -> Vec<usize> {
        rule(&Source::new("src/a.rs", text)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        assert_eq!(lines(opening, "//! What it is.\nuse a;"), [0; 0]);
        assert_eq!(lines(opening, "#![doc = include_str!(\"a.md\")]\n"), [0; 0]);
        assert_eq!(lines(opening, "use a;\n//! Too late."), [1]);
        assert_eq!(lines(opening, ""), [1]);
    }

    #[test]
    fn a_file_is_not_too_long() {
        let long_by = |more| "fn a() {}\n".repeat(LINES_MAX + more);
        assert_eq!(lines(length, &long_by(0)), [0; 0]);
        assert_eq!(lines(length, &long_by(1)), [0]);
        let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", long_by(0), long_by(0));
        assert_eq!(lines(length, &tests), [0; 0]);
        assert!(long(&Source::new("a.rs", long_by(0))).is_some());
    }

    #[test]
    fn what_is_left_open_has_an_issue() {
        assert_eq!(
            lines(left_open, "// TODO: later\n// FIXME\nlet a = \"TODO\";\n// a TODO(#12)"),
            [1, 2]
        );
        assert_eq!(lines(left_open, "/// TODO\n/* XXX */\n// TODOS, no word of these"), [1, 2]);
    }

    #[test]
    fn no_comment_ends_in_a_question() {
        assert_eq!(lines(questions, "// Is it so?\n// It is.\n\n// Or not? "), [4]);
        assert_eq!(lines(questions, "/// Why?\n// Because.\nlet a = b?; // c?\n"), [1, 3]);
    }

    #[test]
    fn examples_are_not_ignored() {
        assert_eq!(
            lines(ignored_examples, "/// ```ignore\n/// ```\n//! ```rust,ignore\n/// ```no_run"),
            [1, 3]
        );
        assert_eq!(page("a.md", "```\n```\n  ``` ignore\n").len(), 1);
        assert_eq!(page("a.md", "`ignore`\n```sh\n"), []);
    }

    #[test]
    fn public_futures_tell_their_cancel_safety() {
        let good = "/// A.\n///\n/// # Cancel safety\n/// B.\n#[expect(\n    c,\n    reason = \"d\"\n)]\npub async fn e() {}";
        assert_eq!(lines(cancel_safety, good), [0; 0]);
        assert_eq!(
            lines(cancel_safety, "/// # Cancel safety\nfn a() {}\n    pub async fn b() {}"),
            [3]
        );
        assert_eq!(lines(cancel_safety, "/// A.\npub const unsafe async fn b() {}"), [2]);
        assert_eq!(
            lines(cancel_safety, "pub(crate) async fn a() {}\nasync fn b() {}\npub fn c() {}"),
            [0; 0]
        );
        assert_eq!(
            lines(cancel_safety, "#[cfg(test)]\nmod tests {\n  pub async fn a() {}\n}"),
            [0; 0]
        );
    }
}
