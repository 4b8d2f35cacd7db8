//! Bodies made from a schema: the seeds of the fuzz targets.

use super::{Field, Kind, Schema};

impl Schema {
    /// A body with two elements in every array, the text `t` wherever one stands, zeros for numbers and `payload`
    /// for bytes.
    pub(crate) fn example(&self, version: i16, payload: &[u8]) -> Vec<u8> {
        let example = Example { version, flexible: version >= self.flexible, payload };
        example.structure(self.fields)
    }
}

/// How an example is written.
struct Example<'a> {
    version: i16,
    flexible: bool,
    payload: &'a [u8],
}

impl Example<'_> {
    fn structure(&self, fields: &[Field]) -> Vec<u8> {
        let there = fields.iter().filter(|f| (f.since..=f.until).contains(&self.version));
        let mut bytes: Vec<u8> = there.flat_map(|field| self.value(&field.kind)).collect();
        bytes.extend(self.flexible.then_some(0)); // no tagged field
        bytes
    }

    fn value(&self, kind: &Kind) -> Vec<u8> {
        let two = |element: Vec<u8>| [self.length(2, 4), element.clone(), element].concat();
        match kind {
            Kind::Fixed(bytes) => vec![0; *bytes],
            Kind::Text => [self.length(1, 2), b"t".to_vec()].concat(),
            Kind::WideText => vec![0, 1, b't'],
            Kind::Bytes => [self.length(self.payload.len(), 4), self.payload.to_vec()].concat(),
            Kind::List(element) => two(self.value(&element.kind)),
            Kind::Array(fields) => two(self.structure(fields)),
            Kind::Nullable(fields) => [vec![1], self.structure(fields)].concat(),
            Kind::Structure(fields) => self.structure(fields),
            Kind::Tagged(..) => Vec::new(),
        }
    }

    /// A length, in so many bytes before KIP-482; since then in one, which is enough for an example.
    fn length(&self, length: usize, bytes: usize) -> Vec<u8> {
        let short = u8::try_from(length + 1).ok().filter(|short| *short < 0x80);
        if self.flexible {
            return vec![short.expect("an example is short")];
        }
        let length = u32::try_from(length).expect("an example is short").to_be_bytes();
        length[4 - bytes..].to_vec()
    }
}
