//! Headers as Kafka has them: bytes, in order, repeatable, and a value may be null.

use bytes::Bytes;

/// One header. Names are UTF-8 text, values bytes or null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// May stand more than once in a message.
    pub name: String,
    /// `None` is Kafka's null, which is not the empty value.
    pub value: Option<Bytes>,
}

/// The headers of one message, in the order they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No headers; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Bytes>) {
        self.0.push(Header { name: name.into(), value: Some(value.into()) });
    }

    /// Adds a header whose value is null.
    pub fn push_null(&mut self, name: impl Into<String>) {
        self.0.push(Header { name: name.into(), value: None });
    }

    /// The value of the last header of this name; `None` when there is none or it is null.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|header| header.name == name)?.value.as_ref()
    }

    /// Every header in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}
