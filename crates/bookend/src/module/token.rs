//! Names a provided value and fixes its type; lists of tokens are what providers depend on.
//!
//! Downstream: [`graph`](super::graph) checks what a list asks for, [`Values`] hands it out.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    marker::PhantomData,
};

/// What a module can provide: anything that is cheap to clone and may be shared between threads.
///
/// Each dependent gets a clone, so a provided value is a handle: a `Sender`, a `Recorder`, an `Arc` of your own type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be provided: each dependent gets a clone, on any thread",
    note = "a provided type is `Clone + Send + Sync + 'static`; wrap it in an `Arc`"
)]
pub trait Provided: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Provided for T {}

/// The name of a provided value, with its type: a wrong type does not compile.
///
/// Names are unique within a module.
///
/// ```
/// use bookend::module::Token;
///
/// const GREETING: Token<String> = Token::new("GREETING");
/// assert_eq!(GREETING.name(), "GREETING");
/// ```
pub struct Token<T> {
    name: &'static str,
    provides: PhantomData<fn() -> T>,
}

impl<T> Token<T> {
    /// A token of this name; usually a `const`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, provides: PhantomData }
    }

    /// The name, as faults show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// This token as a dependency that may be absent: it yields an `Option<T>`.
    #[must_use]
    pub const fn optional(self) -> Optional<T> {
        Optional(self)
    }
}

// By hand: derived, they would ask the same of `T`.
impl<T> Clone for Token<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Token<T> {}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token<{}>({})", type_name::<T>(), self.name)
    }
}

/// A dependency that may be absent; made by [`Token::optional`].
#[derive(Debug)]
pub struct Optional<T>(Token<T>);

impl<T> Clone for Optional<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Optional<T> {}

/// One dependency: a [`Token<T>`], which yields `T`, or [`TOKEN.optional()`](Token::optional), which yields `Option<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no dependency",
    label = "neither a `Token<T>` nor `TOKEN.optional()`"
)]
pub trait Dependency: Send + Sync + 'static {
    /// What the factory gets.
    type Value: Send;

    #[doc(hidden)]
    fn need(&self) -> Need;

    #[doc(hidden)]
    fn value(&self, values: &Values) -> Self::Value;
}

impl<T: Provided> Dependency for Token<T> {
    type Value = T;

    fn need(&self) -> Need {
        Need { name: self.name, kind: Kind::of::<T>(), optional: false }
    }

    fn value(&self, values: &Values) -> T {
        values
            .get(*self)
            .expect("the graph was checked: a needed value is built before its dependents")
    }
}

impl<T: Provided> Dependency for Optional<T> {
    type Value = Option<T>;

    fn need(&self) -> Need {
        Need { optional: true, ..self.0.need() }
    }

    fn value(&self, values: &Values) -> Option<T> {
        values.get(self.0)
    }
}

/// A list of dependencies: a tuple of up to eight tokens, which yields the tuple of their values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of dependencies",
    label = "not a tuple of tokens",
    note = "a list is a tuple of up to 8 tokens, like `()`, `(A,)` or `(A, B.optional())`; one alone needs its comma"
)]
pub trait Deps: Send + Sync + 'static {
    /// What the factory gets.
    type Values: Send;

    #[doc(hidden)]
    fn needs(&self) -> Vec<Need>;

    #[doc(hidden)]
    fn values(&self, values: &Values) -> Self::Values;
}

impl Deps for () {
    type Values = ();

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn values(&self, _: &Values) {}
}

macro_rules! tuple {
    ($($dependency:ident $index:tt),*) => {
        impl<$($dependency: Dependency),*> Deps for ($($dependency,)*) {
            type Values = ($($dependency::Value,)*);

            fn needs(&self) -> Vec<Need> {
                vec![$(self.$index.need()),*]
            }

            fn values(&self, values: &Values) -> Self::Values {
                ($(self.$index.value(values),)*)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// A type, and how a person reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    id: TypeId,
    pub(super) name: &'static str,
}

impl Kind {
    pub(super) fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// What one dependency asks of the graph.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

/// A built value, its type known only to the tokens of its name.
pub(super) type AnyValue = Box<dyn Any + Send + Sync>;

/// What is built so far, by name.
#[derive(Debug, Default)]
pub struct Values(HashMap<&'static str, AnyValue>);

impl Values {
    pub(super) fn insert(&mut self, name: &'static str, value: AnyValue) {
        let before = self.0.insert(name, value);
        assert!(before.is_none(), "`{name}` was built twice, though the graph was checked");
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn get<T: Provided>(&self, token: Token<T>) -> Option<T> {
        let value = self.0.get(token.name)?;
        Some(value.downcast_ref::<T>().expect("the graph was checked: types match").clone())
    }
}
