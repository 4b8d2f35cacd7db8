//! What is said of a name that is not there.

use super::plain;

/// How many names are said; whoever wants more can list them.
const NAMES_MAX: usize = 10;

/// `no topic X; there are: A, B, C`.
pub(crate) fn no_such<'a>(
    kind: &str,
    name: &str,
    there: impl Iterator<Item = &'a str>,
) -> anyhow::Error {
    let (name, there) = (plain(name), there.map(plain).collect::<Vec<_>>());
    let some = there[..there.len().min(NAMES_MAX)].join(", ");
    match there.len().checked_sub(NAMES_MAX) {
        _ if there.is_empty() => anyhow::anyhow!("no {kind} `{name}`; there are no {kind}s yet"),
        Some(more @ 1..) => {
            anyhow::anyhow!(
                "no {kind} `{name}`; there are: {some} and {more} more (bookend {kind}s list)"
            )
        }
        _ => anyhow::anyhow!("no {kind} `{name}`; there are: {some}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_there_is() {
        let many: Vec<String> = (0..12).map(|number| format!("T{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (there, words) in [
            (&[][..], "no topic `X`; there are no topics yet"),
            (&["A", "B"], "no topic `X`; there are: A, B"),
            (&many, "T8, T9 and 2 more (bookend topics list)"),
        ] {
            let said = no_such("topic", "X", there.iter().copied()).to_string();
            assert!(said.ends_with(words), "{said}");
        }
    }
}
