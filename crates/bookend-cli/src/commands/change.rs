//! What all commands have in common that change several things at once: they ask first, and say what became of each.
//!
//! Up the stream: [`topics`](mod@super::topics) and [`groups`](mod@super::groups).

use std::io::{self, IsTerminal, Write};

use bookend::kafka::AdminError;
use serde_json::{Map, Value};

use super::cluster::print_json;
use crate::exit::{CannotStart, Ending, print, say};

/// Refuses to delete where somebody has to be asked and nobody can be.
pub(super) fn ensure_can_ask(is_told: bool) -> anyhow::Result<()> {
    if is_told || io::stdin().is_terminal() {
        return Ok(());
    }
    Err(CannotStart::because("not a terminal: add --yes to delete"))
}

/// Asks on the terminal whether to delete `what`. Anything but a yes is a no.
pub(super) async fn confirm(what: &str) -> anyhow::Result<bool> {
    let question = format!("Delete {what}? [y/N] ");
    let is_yes = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        let asked = io::stderr().write_all(question.as_bytes());
        asked.is_ok()
            && io::stdin().read_line(&mut answer).is_ok()
            && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    })
    .await?;
    if !is_yes {
        say("nothing was deleted");
    }
    Ok(is_yes)
}

/// What became of each. All were tried; one that failed makes the end a bad one.
pub(super) fn report(
    kind: &str,
    verb: &str,
    done: &[(String, Result<(), AdminError>)],
    json: bool,
) -> Ending {
    let errors = done.iter().filter_map(|(_, done)| done.as_ref().err());
    errors.for_each(|error| say(&format!("bookend: {error}")));
    if json {
        let each = done.iter().map(|(name, done)| {
            let error = done.as_ref().err().map(ToString::to_string);
            Map::from_iter([
                (kind.to_owned(), Value::from(name.as_str())),
                (verb.to_owned(), Value::from(done.is_ok())),
                ("error".to_owned(), Value::from(error)),
            ])
        });
        print_json(&each.collect::<Vec<_>>());
    } else {
        let good = done.iter().filter(|(_, done)| done.is_ok());
        good.for_each(|(name, _)| print(&format!("{verb} {name}")));
    }
    Ending::of(done.iter().all(|(_, done)| done.is_ok()))
}
