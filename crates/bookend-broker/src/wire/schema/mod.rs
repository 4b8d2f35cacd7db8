//! The shapes of the requests, walked before anything is decoded.
//!
//! `kafka-protocol` allocates an array by the length that stands on the wire: a Metadata request of
//! four bytes makes it ask for 154 GB. So every request first passes [`Schema::elements`], which
//! walks its header and its body by the same layout without allocating: an array must really hold as
//! many elements as it claims, and one request holds at most [`ELEMENTS_MAX`] of them, tagged fields included. What the decoder then
//! allocates is bounded by what arrived.
//!
//! Layouts: <https://kafka.apache.org/protocol>; compact lengths and tagged fields: KIP-482. The
//! tests hold every schema against the decoder, for every API and version this broker serves.

mod walk;
#[cfg(any(test, feature = "fuzzing"))]
mod example;
#[cfg(test)]
mod tests;

use self::walk::Walk;

/// The most array elements and tagged fields in one request, nested ones included: with the largest element type
/// under 300 bytes, decoding takes less than 30 MB.
const ELEMENTS_MAX: usize = 100_000;

/// The layout of one API's request body over all its versions.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The first version with compact lengths and tagged fields.
    pub(crate) flexible: i16,
    pub(crate) fields: &'static [Field],
}

/// A field and the versions that have it.
#[derive(Debug)]
pub(crate) struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

/// What a field is, as far as its length goes.
#[derive(Debug)]
enum Kind {
    Fixed(usize),
    Text,
    /// A text whose length takes two bytes in every version.
    WideText,
    Bytes,
    /// Elements of a primitive type; they carry no tagged fields of their own.
    List(&'static Field),
    /// Elements that are structures.
    Array(&'static [Field]),
    /// A structure that may be missing, behind a byte that says so.
    Nullable(&'static [Field]),
    /// One structure.
    Structure(&'static [Field]),
    /// A field among the tagged ones, by its tag.
    Tagged(u32, &'static Field),
}

/// A field of `bytes` bytes.
pub(crate) const fn fixed(bytes: usize) -> Field {
    Field::new(Kind::Fixed(bytes))
}

/// A string, nullable or not.
pub(crate) const fn text() -> Field {
    Field::new(Kind::Text)
}

/// Bytes or records, nullable or not.
pub(crate) const fn bytes() -> Field {
    Field::new(Kind::Bytes)
}

/// An array of a primitive type.
pub(crate) const fn list(element: &'static Field) -> Field {
    Field::new(Kind::List(element))
}

/// An array of structures.
pub(crate) const fn array(fields: &'static [Field]) -> Field {
    Field::new(Kind::Array(fields))
}

/// A structure that may be missing (KIP-893).
pub(crate) const fn nullable(fields: &'static [Field]) -> Field {
    Field::new(Kind::Nullable(fields))
}

/// One structure, as the value of a tagged field.
pub(crate) const fn structure(fields: &'static [Field]) -> Field {
    Field::new(Kind::Structure(fields))
}

/// A field that the decoder knows among the tagged ones. It reads the value without a look at the length that stands
/// before it, so that length must be right, or whatever stands behind it is read as something else.
pub(crate) const fn tagged(tag: u32, value: &'static Field) -> Field {
    Field::new(Kind::Tagged(tag, value))
}

/// The header of every request: API, version and correlation id, the client's name, and since its version 2 tagged
/// fields. So that a broker of any age can read it, the name never became compact.
const HEADER: Schema = Schema { flexible: 2, fields: &[fixed(8), Field::new(Kind::WideText)] };

impl Field {
    const fn new(kind: Kind) -> Self {
        Self { kind, since: 0, until: i16::MAX }
    }

    /// The first version that has this field.
    pub(crate) const fn since(mut self, version: i16) -> Self {
        self.since = version;
        self
    }

    /// The last version that has this field.
    pub(crate) const fn until(mut self, version: i16) -> Self {
        self.until = version;
        self
    }
}

/// Why a body was refused before it was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it ends before its last field")]
    Short,
    #[error("a length in it is negative")]
    Negative,
    #[error("a tagged field in it is not as long as it claims")]
    Tagged,
    #[error("it holds more than {ELEMENTS_MAX} array elements")]
    TooManyElements,
}

impl Schema {
    /// Walks `body`; returns how many bytes stand behind its last field.
    #[cfg(test)]
    pub(crate) fn check(&self, version: i16, body: &[u8]) -> Result<usize, Malformed> {
        Ok(self.walk(version, body, ELEMENTS_MAX)?.rest.len())
    }

    /// Walks a request, its header and its body; returns how many array elements and tagged fields they hold.
    pub(crate) fn elements(
        &self,
        header_version: i16,
        version: i16,
        frame: &[u8],
    ) -> Result<usize, Malformed> {
        let header = HEADER.walk(header_version, frame, ELEMENTS_MAX)?;
        let body = self.walk(version, header.rest, header.elements_left)?;
        Ok(ELEMENTS_MAX - body.elements_left)
    }

    /// As [`elements`](Self::elements), of a body alone.
    pub(crate) fn elements_of_body(&self, version: i16, body: &[u8]) -> Result<usize, Malformed> {
        Ok(ELEMENTS_MAX - self.walk(version, body, ELEMENTS_MAX)?.elements_left)
    }

    fn walk<'a>(
        &self,
        version: i16,
        bytes: &'a [u8],
        elements_left: usize,
    ) -> Result<Walk<'a>, Malformed> {
        let flexible = version >= self.flexible;
        let mut walk = Walk { rest: bytes, version, flexible, elements_left };
        walk.structure(self.fields)?;
        Ok(walk)
    }
}
