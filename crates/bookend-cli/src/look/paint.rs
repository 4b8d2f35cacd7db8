//! Colors, where there are any.

use std::io;

use crate::closing::is_colored;

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Name,
    Text,
    Number,
    Word,
}

impl Style {
    /// The parameter of the terminal's "select graphic rendition", ECMA-48 8.3.117.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Name => "36",
            Self::Text => "32",
            Self::Number => "33",
            Self::Word => "35",
        }
    }
}

/// Whether to paint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    pub(super) colored: bool,
}

impl Paint {
    /// As suits stdout.
    pub(crate) fn of_stdout() -> Self {
        Self { colored: is_colored(&io::stdout()) }
    }

    /// Adds `text` to `out`.
    pub(super) fn push(self, out: &mut String, style: Style, text: &str) {
        if self.colored && style != Style::Plain && !text.is_empty() {
            out.extend(["\x1b[", style.code(), "m", text, "\x1b[0m"]);
        } else {
            out.push_str(text);
        }
    }
}
