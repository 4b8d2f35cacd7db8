//! What can be wrong with a module: faults of the graph, a factory that failed, hooks that did not end well.

use std::{any::Any, fmt, panic::Location};

use crate::words;

/// Any error, as a factory or a hook may return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why [`Module::build`](super::Module::build) gave nothing.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The module itself is wrong and nothing was built; each fault says what to change.
    #[error("the module cannot be built:{}", Lines(.0))]
    Invalid(Vec<Fault>),
    /// A factory failed. The hooks of what was already built have run; look at the source for the cause.
    #[error("`{name}`, provided at {at}, could not be built{}", Undone(.hooks))]
    Factory {
        /// The token's name.
        name: &'static str,
        /// Where it was provided or overridden.
        at: &'static Location<'static>,
        /// What the factory returned, or what it panicked with.
        source: BoxError,
        /// The hooks that did not end well while what was built was taken down again.
        hooks: Vec<HookFault>,
    },
}

/// In words, so that `main` may return it.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words::of_error(self, f)
    }
}

/// One thing that is wrong with a module, found before anything is built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing provides the name: provide it, or make the dependency optional.
    Missing {
        /// The name.
        name: &'static str,
        /// The type it should have.
        kind: &'static str,
        /// Who asks for it.
        by: Asker,
        /// Where it is asked for.
        at: &'static Location<'static>,
    },
    /// The name is provided, but as another type: two tokens share a name.
    OtherType {
        /// The name.
        name: &'static str,
        /// The type that is asked for.
        kind: &'static str,
        /// Who asks for it.
        by: Asker,
        /// Where it is asked for.
        at: &'static Location<'static>,
        /// The type that is provided.
        provided: &'static str,
        /// Where it is provided.
        provided_at: &'static Location<'static>,
    },
    /// A name is provided more than once: remove one, or override it.
    Duplicate {
        /// The name.
        name: &'static str,
        /// Every place, in order.
        at: Vec<&'static Location<'static>>,
    },
    /// Providers wait for each other.
    Circular {
        /// The names along the circle; the first is also the last.
        path: Vec<&'static str>,
    },
    /// Nothing provides what is overridden.
    UnusedOverride {
        /// The name.
        name: &'static str,
        /// Where it is overridden.
        at: &'static Location<'static>,
    },
}

/// Who asks for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asker {
    /// The provider of this name.
    Provider(&'static str),
    /// The list given to `build`.
    Build,
    /// A shutdown hook.
    Hook,
    /// An override.
    Override,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(name) => write!(f, "`{name}`"),
            Self::Build => f.write_str("`build`"),
            Self::Hook => f.write_str("a shutdown hook"),
            Self::Override => f.write_str("an override"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, kind, by, at } => write!(
                f,
                "`{name}` (`{kind}`) is missing: {by} at {at} needs it; provide it, or make it `.optional()`"
            ),
            Self::OtherType { name, kind, by, at, provided, provided_at } => write!(
                f,
                "`{name}` is `{kind}` for {by} at {at}, but the name is provided as another type, `{provided}`, \
                 at {provided_at}; give one of the two tokens another name"
            ),
            Self::Duplicate { name, at } => {
                let times =
                    if at.len() == 2 { "twice".into() } else { format!("{} times", at.len()) };
                write!(f, "`{name}` is provided {times}: ")?;
                let places: Vec<_> = at.iter().map(ToString::to_string).collect();
                write!(f, "{}; keep one", places.join(" and "))
            }
            Self::Circular { path } => {
                let path: Vec<_> = path.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "circular: {} (each needs the next)", path.join(" → "))
            }
            Self::UnusedOverride { name, at } => {
                write!(
                    f,
                    "`{name}` is overridden at {at}, but nothing provides it; remove the override"
                )
            }
        }
    }
}

/// The hooks that did not end well; all others have run.
#[derive(Debug, thiserror::Error)]
#[error("shutdown did not end well:{}", Lines(.faults))]
pub struct ShutdownError {
    /// In the order in which the hooks ran.
    pub faults: Vec<HookFault>,
}

/// How one shutdown hook went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum HookFault {
    /// It returned an error or panicked.
    Failed {
        /// The token's name.
        name: &'static str,
        /// What it returned, or what it panicked with.
        source: BoxError,
    },
    /// It was still at work at the deadline and was dropped there.
    Late {
        /// The token's name.
        name: &'static str,
    },
}

impl fmt::Display for HookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { name, source } => {
                write!(f, "the hook of `{name}` failed: ")?;
                words::of_error(source.as_ref(), f)
            }
            Self::Late { name } => {
                write!(f, "the hook of `{name}` was still at work at the deadline")
            }
        }
    }
}

/// What a panic said, as an error.
pub(super) fn panicked(payload: &(dyn Any + Send)) -> BoxError {
    format!("panicked: {}", words::of_panic(payload)).into()
}

/// Shows each item on a line of its own.
struct Lines<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Lines<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|item| write!(f, "\n  - {item}"))
    }
}

/// Shows what went wrong while a failed build was taken down, if anything did.
struct Undone<'a>(&'a [HookFault]);

impl fmt::Display for Undone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "; and taking down what was built:{}", Lines(self.0))
    }
}
