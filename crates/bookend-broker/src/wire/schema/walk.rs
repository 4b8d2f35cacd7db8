//! One walk over the bytes of a request, field by field, by the lengths that stand in them.
//!
//! Up the stream: [`Schema`](super::Schema), which says what fields there are.

use super::{Field, Kind, Malformed};

/// A position in a body.
pub(super) struct Walk<'a> {
    pub(super) rest: &'a [u8],
    pub(super) version: i16,
    pub(super) flexible: bool,
    /// How many more elements and tagged fields there may be.
    pub(super) elements_left: usize,
}

impl Walk<'_> {
    pub(super) fn structure(&mut self, fields: &[Field]) -> Result<(), Malformed> {
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
