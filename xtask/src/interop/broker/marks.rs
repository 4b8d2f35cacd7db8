//! A part of a page that is written by a run: what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

use anyhow::Context as _;

/// The page with `text` between the marks of `name`.
pub(super) fn replace(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name}: {side} -->"));
    let absent = || format!("the page has no `{begin}` … `{end}`");
    let (before, rest) = page.split_once(&begin).with_context(absent)?;
    let (_, after) = rest.split_once(&end).with_context(absent)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";

    // Goal: only what is between changes, and writing the same again changes nothing.
    #[test]
    fn what_is_between_is_replaced() {
        let once = replace(PAGE, "x", "new\nlines\n").unwrap();
        assert_eq!(once, "a\n<!-- x: begin -->\nnew\nlines\n<!-- x: end -->\nb\n");
        assert_eq!(replace(&once, "x", "new\nlines").unwrap(), once);
    }

    #[test]
    fn a_page_without_the_marks_is_refused() {
        assert!(replace(PAGE, "y", "").is_err());
        assert!(replace("<!-- x: end --> <!-- x: begin -->", "x", "").is_err());
    }
}
