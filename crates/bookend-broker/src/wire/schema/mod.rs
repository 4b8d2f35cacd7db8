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

#[cfg(any(test, feature = "fuzzing"))]
mod example;

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

/// A position in a body.
struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements_left: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.value(&field.kind)?;
            }
        }
        if self.flexible { self.tagged_fields(fields) } else { Ok(()) }
    }

    fn value(&mut self, kind: &Kind) -> Result<(), Malformed> {
        match kind {
            Kind::Fixed(bytes) => self.skip(*bytes),
            Kind::Text => {
                let length = if self.flexible { self.compact()? } else { self.short()? };
                self.skip(length)
            }
            Kind::WideText => {
                let length = self.short()?;
                self.skip(length)
            }
            Kind::Bytes => {
                let length = if self.flexible { self.compact()? } else { self.long()? };
                self.skip(length)
            }
            Kind::List(element) => self.each(|walk| walk.value(&element.kind)),
            Kind::Array(fields) => self.each(|walk| walk.structure(fields)),
            Kind::Structure(fields) => self.structure(fields),
            // It stands behind the others, where it stands at all.
            Kind::Tagged(..) => Ok(()),
            Kind::Nullable(fields) => {
                let [present] = self.take()?;
                if present == 1 { self.structure(fields) } else { Ok(()) }
            }
        }
    }

    fn each(
        &mut self,
        element: impl Fn(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let count = if self.flexible { self.compact()? } else { self.long()? };
        // Each element takes at least one byte, so a lie is told before the first step.
        if count > self.rest.len() {
            return Err(Malformed::Short);
        }
        self.elements_left =
            self.elements_left.checked_sub(count).ok_or(Malformed::TooManyElements)?;
        (0..count).try_for_each(|_| element(self))
    }

    fn tagged_fields(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        let count = self.varint()? as usize;
        if count > self.rest.len() {
            return Err(Malformed::Short);
        }
        self.elements_left =
            self.elements_left.checked_sub(count).ok_or(Malformed::TooManyElements)?;
        for _ in 0..count {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            let there = fields.iter().filter(|f| (f.since..=f.until).contains(&self.version));
            let mut known = there.filter_map(|field| match field.kind {
                Kind::Tagged(number, value) if number == tag => Some(value),
                _ => None,
            });
            let Some(value) = known.next() else {
                self.skip(length)?;
                continue;
            };
            let before = self.rest.len();
            self.value(&value.kind)?;
            if before - self.rest.len() != length {
                return Err(Malformed::Tagged);
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.rest = self.rest.get(bytes..).ok_or(Malformed::Short)?;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// The length of a string before KIP-482; null counts as empty.
    fn short(&mut self) -> Result<usize, Malformed> {
        length(i16::from_be_bytes(self.take()?).into())
    }

    /// The length of bytes or an array before KIP-482; null counts as empty.
    fn long(&mut self) -> Result<usize, Malformed> {
        length(i32::from_be_bytes(self.take()?))
    }

    /// A length since KIP-482: one more than it says, zero is null and counts as empty.
    fn compact(&mut self) -> Result<usize, Malformed> {
        Ok((self.varint()? as usize).saturating_sub(1))
    }

    /// An unsigned varint, of at most five bytes; excess bits fall off, as they do in the decoder.
    fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }
}

fn length(value: i32) -> Result<usize, Malformed> {
    match value {
        -1 => Ok(0),
        value => usize::try_from(value).map_err(|_| Malformed::Negative),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        flexible: 2,
        fields: &[array(&[text(), list(&fixed(4))]), fixed(1).since(1), bytes().until(1)],
    };

    // Goal: lengths that lie are refused at once. Method: bodies written by hand, at the edges.
    #[test]
    fn a_body_holds_what_its_lengths_claim() {
        let check = |version, body: &[u8], expected| {
            assert_eq!(SCHEMA.check(version, body), expected, "version {version}: {body:?}");
        };
        // One element with a text and no number, then null bytes; behind it one byte too many.
        let one = [0, 0, 0, 1, 0, 1, b'a', 0, 0, 0, 0, 255, 255, 255, 255, 9];
        check(0, &one, Ok(1));
        check(0, &one[..one.len() - 1], Ok(0));
        check(0, &one[..one.len() - 2], Err(Malformed::Short));
        check(0, &[0x7f, 0xff, 0xff, 0xff], Err(Malformed::Short));
        check(0, &[0xff, 0xff, 0xff, 0xfe], Err(Malformed::Negative));
        check(1, &[255, 255, 255, 255, 1, 0, 0, 0, 0], Ok(0));
        // Compact: no array, the byte, no tagged field.
        check(2, &[0, 1, 0], Ok(0));
        check(2, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0], Err(Malformed::Short));
        check(2, &[0, 1, 1, 5, 9], Err(Malformed::Short));
    }

    #[test]
    fn the_elements_of_a_request_are_counted() {
        let count = ELEMENTS_MAX + 1;
        let mut body = u32::try_from(count).unwrap().to_be_bytes().to_vec();
        body.resize(4 + 6 * count + 4, 0);
        assert_eq!(SCHEMA.check(0, &body), Err(Malformed::TooManyElements));
    }
}
