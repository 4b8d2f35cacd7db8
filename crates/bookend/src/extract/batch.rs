//! Several messages at once, for handlers of `on_batch`.

use super::{FromMessage, State};

/// The messages of one call of a batch handler: one `E` for each, in the order of their offsets.
///
/// `E` is an extractor or a tuple of them. A message that `E` rejects is settled alone and is not here; a batch that
/// would be empty is not handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<E>(pub Vec<E>);

impl<E> Batch<E> {
    /// How many there are; never 0 in a handler.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each in turn.
    pub fn iter(&self) -> std::slice::Iter<'_, E> {
        self.0.iter()
    }
}

impl<E> IntoIterator for Batch<E> {
    type Item = E;
    type IntoIter = std::vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a Batch<E> {
    type Item = &'a E;
    type IntoIter = std::slice::Iter<'a, E>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What a batch handler may take: a [`Batch`], and the [`State`] before or behind it.
#[diagnostic::on_unimplemented(
    message = "a batch handler cannot take `{Self}`",
    label = "not the arguments of a batch handler",
    note = "it takes `Batch<E>`, or `Batch<E>` and `State<S>`; what belongs to each message goes into `E`: `Batch<(Json<T>, Position)>`"
)]
pub trait BatchArgs<S>: Sized + 'static {
    /// What is taken from each message.
    type Element: FromMessage<S> + Send;

    /// The arguments, once the elements are taken.
    fn assemble(batch: Batch<Self::Element>, state: &S) -> Self;
}

impl<S, E: FromMessage<S> + Send> BatchArgs<S> for (Batch<E>,) {
    type Element = E;

    fn assemble(batch: Batch<E>, _: &S) -> Self {
        (batch,)
    }
}

impl<S: Clone + 'static, E: FromMessage<S> + Send> BatchArgs<S> for (Batch<E>, State<S>) {
    type Element = E;

    fn assemble(batch: Batch<E>, state: &S) -> Self {
        (batch, State(state.clone()))
    }
}

impl<S: Clone + 'static, E: FromMessage<S> + Send> BatchArgs<S> for (State<S>, Batch<E>) {
    type Element = E;

    fn assemble(batch: Batch<E>, state: &S) -> Self {
        (State(state.clone()), batch)
    }
}
